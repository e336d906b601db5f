"""The smallest edits of policies that turn a refusal into an allowance.

Each candidate was tested: the question is asked again with the edited policies, and only what then allows is offered.
Whether the whole call succeeds, and what else would change, shows only where it is tried in a fork of the world; that
is the caller's. Fewest edits first, then the narrowest: what a policy already means is stretched by one name before
anything is written anew, a condition is widened before it is dropped, and `*` is written only where the request itself
asks on `*`, and in key policies, where it means the one key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

from app.policy.asked import Asked
from app.policy.decide import decide
from app.policy.document import Document, DocumentKind, PolicySyntaxError, parse
from app.policy.layers import levels
from app.policy.question import LayerKind, Layers, Place, Policy, PrincipalKind, Question, Rule
from app.policy.repair_budget import Budget
from app.policy.repair_edit import CannotEdit, Edit, Op, apply, size_at
from app.policy.repair_steps import Instead, Step
from app.policy.statement import Statement
from app.policy.trace import Decision, Effect, ElementTrace, StatementTrace, Verdict, Why, every_policy

__all__ = ["NOTHING", "CannotEdit", "Edit", "Op", "Repair", "apply", "candidates", "edited", "parts"]

EDITS_MAX: Final = 3
REPAIRS_MAX: Final = 8
MISSED_MAX: Final = 2  # elements of one statement; one that misses more was not meant for this
FOR_AWS: Final = "kms:GrantIsForAWSResource"
NEW_POLICY: Final = "reseal-repair"  # name of an inline policy where the principal has none

# How far an edit reaches beyond the request; of two repairs with as many edits the lesser sum is offered first.
NAME, VALUE, STATEMENT, PRINCIPAL, DROPPED, UNDENIED = range(1, 7)
WIDE: Final = 6  # the stretched statement has a `*` elsewhere, so that more than the request comes in with it


@dataclass(frozen=True, slots=True)
class Repair:
    """Edits that together let the question be allowed; `sentences` and `side_effects` one for each that has any.

    `steps` are what has to be done beside policies, before the edits, in their order; `instead` is what the failed
    request has to say afterwards.
    """

    edits: tuple[Edit, ...]
    reach: int
    sentences: tuple[str, ...]
    side_effects: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    instead: tuple[Instead, ...] = ()
    wide: int = 0  # edits of statements with a `*`, by which more than the request comes in

    @property
    def size(self) -> int:
        return len(self.edits) + len(self.steps)

    def then(self, other: Repair) -> Repair:
        return Repair(
            self.edits + other.edits,
            self.reach + other.reach,
            self.sentences + other.sentences,
            tuple(dict.fromkeys(self.side_effects + other.side_effects)),
            self.steps + other.steps,
            self.instead + other.instead,
            self.wide + other.wide,
        )

    def only(self, edits: tuple[Edit, ...], steps: tuple[Step, ...]) -> Repair:
        """A part of it: what is said instead stays, as far as the steps are there that it needs."""
        names = {step.save.name for step in steps if step.save}
        kept = tuple(one for one in self.instead if one.name in names)
        return Repair(edits, 0, (), (), steps, kept)


NOTHING: Final = Repair((), 0, ())


def candidates(question: Question, decision: Decision, budget: Budget | None = None) -> list[Repair]:
    """Repairs of the refusal, the smallest and narrowest first; empty where no edit of a policy helps.

    Where the budget ends first, those that were found until then.
    """
    if decision.allowed:
        return []
    budget = budget or Budget()
    found: list[Repair] = []
    tried: list[tuple[Question, Decision, Repair]] = [(question, decision, NOTHING)]
    while tried and not found:
        further: list[tuple[Question, Decision, Repair]] = []
        for asked, refused, so_far in tried:
            for option in _options(asked, refused):
                if not budget.lasts:
                    return _smallest(found)
                repair = so_far.then(option)
                changed = edited(asked, option.edits, budget) if repair.size <= EDITS_MAX else None
                if changed is None:
                    continue
                answer = decide(changed)
                if answer.allowed:
                    found.append(repair)
                elif (answer.layer, answer.cause) != (refused.layer, refused.cause):
                    further.append((changed, answer, repair))
        tried = further
    return _smallest(found)


def _smallest(found: list[Repair]) -> list[Repair]:
    return sorted(found, key=lambda one: (one.size, one.reach))[:REPAIRS_MAX]


def parts(repair: Repair) -> Iterator[Repair]:
    """Every proper part of a repair but nothing at all: none of them may do, or the repair is not the smallest."""
    acts = (*repair.steps, *repair.edits)
    for size in range(1, len(acts)):
        for chosen in combinations(range(len(acts)), size):
            split = len(repair.steps)
            steps = tuple(repair.steps[at] for at in chosen if at < split)
            edits = tuple(repair.edits[at - split] for at in chosen if at >= split)
            yield repair.only(edits, steps)


# Asking again.


def edited(question: Question, edits: tuple[Edit, ...], budget: Budget | None = None) -> Question | None:
    """The question with the policies edited; None where one of them would then be no policy."""
    layers = question.layers
    if budget:
        places = {edit.place for edit in edits}
        budget.ask(sum(len(one.document.text) for one in every_policy(layers) if one.place in places))
    try:
        for edit in edits:
            layers = _with(layers, edit)
    except (PolicySyntaxError, CannotEdit):
        return None
    return replace(question, layers=layers)


def _with(layers: Layers, edit: Edit) -> Layers:
    if not edit.path:
        made = Policy(edit.place, parse(apply("", edit), DocumentKind.IDENTITY))
        return replace(layers, identity=(*layers.identity, made))

    return layers.each(lambda policy: _edited(policy, edit))


def _edited(policy: Policy, edit: Edit) -> Policy:
    """Saved anew, its principals are resolved anew: ids recorded for the old text do not count any more."""
    if policy.place != edit.place:
        return policy
    document = policy.document
    return replace(policy, document=parse(apply(document.text, edit), document.kind, lenient=_is_odd(document)))


def _is_odd(document: Document) -> bool:
    """Would AWS refuse this text today? Then its edited form is not held to more."""
    try:
        parse(document.text, document.kind)
    except PolicySyntaxError:
        return True
    return False


# What may be done about one refusal.


def _options(question: Question, refused: Decision) -> Iterator[Repair]:
    if refused.layer is None:
        return
    asked = Asked(question)
    if refused.effect is Verdict.EXPLICITLY_DENIED:
        yield from _undenied(asked, refused)
        return
    if refused.layer is LayerKind.RESOURCE and question.layers.rule in (Rule.NONE, Rule.RETIRE):
        return
    yield from _allowing(asked, refused.layer)
    if refused.layer in _BY_NAME_NEEDLESS and question.principal.account == question.resource_account:
        yield from _allowing(asked, LayerKind.RESOURCE)


# Within one account, whom the resource's policy names needs no more of these, as far as AWS's rules go: decide() knows.
_BY_NAME_NEEDLESS: Final = (LayerKind.IDENTITY, LayerKind.BOUNDARY, LayerKind.SESSION)


def _allowing(asked: Asked, kind: LayerKind) -> Iterator[Repair]:
    """What lets the layer's policies allow the request."""
    policies = _silent(asked.question.layers, kind, asked)
    for policy in policies:
        for statement in policy.document.statements:
            if statement.effect is Effect.ALLOW and not _applies(statement, asked):
                yield from _stretched(asked, policy, statement.trace(asked, policy.place))
    yield from _added(asked, kind, policies)


def _applies(statement: Statement, asked: Asked) -> bool:
    return statement.action is not None and statement.action.names(asked.action) and statement.applies(asked)


def _silent(layers: Layers, kind: LayerKind, asked: Asked) -> tuple[Policy, ...]:
    """The policies of the layer, or of its first level that does not allow."""
    for level in levels(layers, kind):
        statements = (one for policy in level.policies for one in policy.document.statements)
        if not any(one.effect is Effect.ALLOW and _applies(one, asked) for one in statements):
            return level.policies
    return next((level.policies for level in levels(layers, kind)), ())


# A statement stretched to the request: an edit for each element that misses.


def _stretched(asked: Asked, policy: Policy, traced: StatementTrace) -> Iterator[Repair]:
    missed = [one for one in traced.elements if one.outcome.value != "matched"]
    if len(missed) > MISSED_MAX:
        return
    repair = _beside(asked, policy, traced, {one.element for one in missed})
    for element in missed:
        fix = _fix(asked, policy, element)
        if fix is None:
            return
        repair = repair.then(fix)
    yield repair


def _beside(asked: Asked, policy: Policy, traced: StatementTrace, missed: set[str]) -> Repair:
    """No edit yet, but what comes in beside the request when this statement is stretched to it."""
    wanted = {one.element: one.wanted for one in traced.elements}
    actions, action = wanted.get("Action", ("*",)), asked.question.action
    is_key_policy = policy.place.layer is LayerKind.RESOURCE
    reach, wide, effects = 0, 0, list[str]()
    if missed & {"Principal", "Resource"} and [one.lower() for one in actions] != [asked.action]:
        wide = int(any("*" in one for one in actions))
        reach += WIDE if wide else len(actions) - 1
        effects.append(f"the statement allows {', '.join(actions)}: all of it is then allowed")
    if "Action" in missed and "*" in wanted.get("Resource", ("*",)) and not is_key_policy and asked.resource != "*":
        wide = 1
        reach += WIDE
        effects.append(f"{action} is then allowed on every resource")
    if "Action" in missed and asked.value(FOR_AWS.lower()) == "true":
        effects.append(f"grants of any kind may then be made; a statement of its own could ask for {FOR_AWS}")
    return Repair((), reach, (), tuple(effects), wide=wide)


def _fix(asked: Asked, policy: Policy, element: ElementTrace) -> Repair | None:
    if element.why is Why.ELEMENT_MISSING:
        return None
    match element.element:
        case "Action":
            return _more(policy, element.mark.pointer, asked.question.action, NAME)
        case "Resource":
            return _more(policy, element.mark.pointer, asked.resource, NAME)
        case "Principal":
            return _named(asked, policy, element)
        case "Condition":
            return _widened(policy, element)
        case _:
            return None


def _more(policy: Policy, path: str, value: str, reach: int, says: str = "") -> Repair:
    return Repair((Edit(policy.place, Op.ADD, path, value),), reach, (says or f"add {value}",))


def _named(asked: Asked, policy: Policy, element: ElementTrace) -> Repair | None:
    name = _principal(asked.question)
    edit = Edit(policy.place, Op.ADD, f"{element.mark.pointer}/AWS", name)
    return Repair((edit,), PRINCIPAL, (f"let {name} in",)) if name else None


def _principal(question: Question) -> str:
    """The narrowest name that a policy should hold: the user, or the role of a session; "" for a service or nobody."""
    principal = question.principal
    return (principal.issuer_arn or principal.arn) if principal.account else ""


_OPEN: Final = ("String", "Arn")  # operators whose values may grow


def _widened(policy: Policy, element: ElementTrace) -> Repair | None:
    """The request's value added where the operator asks for one of several; else the condition dropped."""
    base = element.operator.rpartition(":")[2].removesuffix("IfExists")
    pointer, text = element.mark.pointer, policy.document.text
    if element.found and base.startswith(_OPEN) and "Not" not in base:
        return _more(policy, pointer, element.found[0], VALUE, f"let {element.key} be {element.found[0]}, too")
    if element.why not in (Why.COMPARED, Why.KEY_ABSENT):
        return None
    dropped = Edit(policy.place, Op.REMOVE, _outermost(text, pointer))
    effect = f"the statement then allows whatever {element.key} is"
    return Repair((dropped,), DROPPED, (f"drop the condition on {element.key}",), (effect,))


def _outermost(text: str, pointer: str) -> str:
    """The condition, or what holds nothing else: its operator, or the whole Condition."""
    for _ in range(2):
        parent = pointer.rpartition("/")[0]
        if size_at(text, parent) > 1:
            break
        pointer = parent
    return pointer


# A statement of its own.


def _added(asked: Asked, kind: LayerKind, policies: tuple[Policy, ...]) -> Iterator[Repair]:
    question = asked.question
    if policies:
        policy = min(policies, key=lambda one: one.place.policy.startswith("arn:"))  # inline before managed
        statement = _statement(question, kind, policy.document)
        if statement:
            edit = Edit(policy.place, Op.ADD, "/Statement", statement)
            yield Repair((edit,), STATEMENT, (f"a statement that allows {question.action} alone",))
    elif kind is LayerKind.IDENTITY and question.principal.kind in (PrincipalKind.USER, PrincipalKind.ROLE_SESSION):
        yield _first_policy(question)


def _first_policy(question: Question) -> Repair:
    place = Place(LayerKind.IDENTITY, question.principal.account, NEW_POLICY, _principal(question))
    body = {"Version": "2012-10-17", "Statement": [_statement(question, LayerKind.IDENTITY, None)]}
    return Repair(
        (Edit(place, Op.SET, "", body),), STATEMENT, (f"an inline policy that allows {question.action} alone",)
    )


def _statement(question: Question, kind: LayerKind, document: Document | None) -> dict[str, Any] | None:
    """An Allow of this action, on this resource, to this principal; None where the principal has no name."""
    sid = f"Allow{question.action.partition(':')[2]}"
    taken = {one.sid for one in document.statements} if document else set[str]()
    statement: dict[str, Any] = {} if sid in taken else {"Sid": sid}
    statement["Effect"] = "Allow"
    if kind in (LayerKind.RESOURCE, LayerKind.ENDPOINT):
        name = _principal(question)
        if not name:
            return None
        statement["Principal"] = {"AWS": name}
    statement["Action"] = question.action
    if document is None or document.kind is not DocumentKind.TRUST:
        is_key_policy = kind is LayerKind.RESOURCE and question.layers.rule is Rule.KMS_KEY
        statement["Resource"] = "*" if is_key_policy else question.resource
    if question.context.get(FOR_AWS) == "true":
        statement["Condition"] = {"Bool": {FOR_AWS: "true"}}
    return statement


# A Deny made to let this request through.


def _undenied(asked: Asked, refused: Decision) -> Iterator[Repair]:
    for place in refused.decided_by:
        policy, statement = _at(asked.question.layers, place)
        if policy and statement:
            yield from _exempted(policy, statement.trace(asked, policy.place))
            yield _without(asked, policy, statement)


def _at(layers: Layers, place: Place) -> tuple[Policy | None, Statement | None]:
    whole = replace(place, statement=None, sid="")
    policies = (policy for level in levels(layers, place.layer) for policy in level.policies)
    policy = next((one for one in policies if one.place == whole), None)
    return policy, policy.document.statements[place.statement or 0] if policy else None


def _exempted(policy: Policy, traced: StatementTrace) -> Iterator[Repair]:
    """A negated condition names who or what is spared: one more value, and the Deny does not meet this request."""
    for element in traced.elements:
        is_negated = element.element == "Condition" and "Not" in element.operator
        if is_negated and element.found and element.why is Why.COMPARED:
            spared = f"let the Deny spare {element.key} {element.found[0]}"
            yield _more(policy, element.mark.pointer, element.found[0], VALUE, spared)


def _without(asked: Asked, policy: Policy, statement: Statement) -> Repair:
    """The Deny without this action where it lists several; else no Deny."""
    action = statement.action
    effect = f"nothing in {policy.place.policy} denies it any more, to anybody whom it meant"
    if action and not action.is_not and len(action.patterns) > 1:
        listed = next((one for one in action.patterns if one.lower() == asked.action), None)
        if listed:
            struck = Edit(policy.place, Op.REMOVE, action.mark.pointer, listed)
            return Repair((struck,), UNDENIED, (f"strike {listed} from the Deny",), (effect,))
    gone = Edit(policy.place, Op.REMOVE, statement.mark.pointer)
    return Repair((gone,), UNDENIED, ("strike the Deny",), (effect,))
