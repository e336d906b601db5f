"""What each side says, what was looked at, and how sure reseal is: read from the trace alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from app.policy import words
from app.policy.explain_snippet import Locate, where
from app.policy.explain_trace import Given, Stated, Trace
from app.policy.explain_values import Answer, Confidence, Looked, Sure
from app.policy.inferred import Inferred
from app.policy.principals import Match
from app.policy.question import LayerKind, PrincipalKind, Rule
from app.policy.trace import Effect, Outcome, Why

_OWNER: Final = (LayerKind.RCP, LayerKind.RESOURCE)
_LIMITS: Final = (LayerKind.SCP, LayerKind.ENDPOINT, LayerKind.BOUNDARY, LayerKind.SESSION)
_CALLER: Final = (*_LIMITS, LayerKind.IDENTITY)


class Sides:
    """Puts the questions of one trace to its sides."""

    def __init__(self, trace: Trace, names: words.Names, locate: Locate) -> None:
        self._trace, self._names, self._locate = trace, names, locate

    def answers(self) -> tuple[Answer, ...]:
        """Across accounts one answer an account; within one, an answer a layer that exists."""
        trace = self._trace
        if not trace.principal.account:
            return (self._owner(self._owner_name()),)
        if not trace.is_across:
            return tuple(self._layers())
        caller = self._caller(self._names.account(trace.principal.account, "caller's"))
        return caller, self._owner(self._names.account(trace.resource_account, "owner's"))

    def _layers(self) -> Iterator[Answer]:
        trace = self._trace
        if trace.rule is not Rule.NONE:
            yield self._owner(self._owner_name(), (LayerKind.RESOURCE,))
        if trace.of(LayerKind.RCP):
            yield self._layer(LayerKind.RCP, needed=False)
        worth = self._worth()
        if not trace.exempts(LayerKind.IDENTITY) and trace.rule is not Rule.RETIRE:
            yield self._identity(worth)
        for kind in _LIMITS:
            if trace.of(kind):
                yield self._layer(kind, needed=kind in (LayerKind.SCP, LayerKind.ENDPOINT) or worth < Match.DIRECT)

    def _identity(self, worth: Match) -> Answer:
        """They count where the owner's side lets the account's policies count, and are needed where it does no more."""
        rule = self._trace.rule
        counts = rule in (Rule.NONE, Rule.PLAIN) or worth is not Match.NONE
        answer = self._layer(LayerKind.IDENTITY, needed=counts and worth <= Match.ACCOUNT)
        if counts or self._trace.speaking(Effect.DENY, LayerKind.IDENTITY):
            return answer
        if answer.yes:
            return replace(answer, because=f"but {self._owner_name()} does not let them count")
        return replace(answer, because="nothing, and would not count")

    def _owner_name(self) -> str:
        return f"the {words.policy_of(LayerKind.RESOURCE, self._trace.rule)}"

    def _worth(self) -> Match:
        """What the owner's side is worth to the caller by itself."""
        spoken = [one.closeness for one in self._owner_allows()]
        granted = [Match[grant.match.upper()] for grant in self._trace.grants() if grant.allows]
        return max((*spoken, *granted), default=Match.NONE)

    def _owner_allows(self) -> list[Stated]:
        return [one for layer in self._trace.of(LayerKind.RESOURCE) for one in layer.speaks(Effect.ALLOW)]

    def _owner(self, side: str, denying: tuple[LayerKind, ...] = _OWNER) -> Answer:
        trace = self._trace
        policy = words.policy_of(LayerKind.RESOURCE, trace.rule)
        if denial := trace.speaking(Effect.DENY, *denying):
            return self._by(side, False, denial, "")
        if trace.rule is Rule.NONE:
            return Answer(side, False, f"nothing can let another account use {trace.action}")
        allows = max(self._owner_allows(), key=lambda one: one.closeness, default=None)
        if allows:
            delegates = not trace.is_across and allows.closeness is Match.ACCOUNT
            return self._by(side, True, allows, "to the account: its identity policies count" if delegates else "")
        if grant := next((grant for grant in trace.grants() if grant.allows), None):
            return Answer(side, True, f"grant {words.cut(grant.grant_id)}")
        if any(
            one.effect is Effect.ALLOW and not one.applies and _fails_by_condition(one)
            for one in trace.statements(LayerKind.RESOURCE)
        ):
            return Answer(side, False, f"a condition of the {policy} does not hold")
        return Answer(
            side,
            False,
            "it does not name the caller" if policy == "grant" else f"no statement of the {policy} allows it",
        )

    def _caller(self, side: str) -> Answer:
        trace = self._trace
        if denial := trace.speaking(Effect.DENY, *_CALLER):
            return self._by(side, False, denial, "")
        for layer in trace.of(*_CALLER):
            if not layer.allows:
                return Answer(side, False, _silence(trace, layer.kind, layer.target_arn))
        allows = trace.speaking(Effect.ALLOW, LayerKind.IDENTITY)
        if allows:
            return self._by(side, True, allows, "")
        return Answer(side, True, "its root user needs no policy")

    def _layer(self, kind: LayerKind, *, needed: bool) -> Answer:
        """One layer of the caller's, in an account of his own."""
        trace, side = self._trace, words.SIDE[kind]
        if denial := trace.speaking(Effect.DENY, kind):
            return self._by(side, False, denial, "")
        silent = next((layer for layer in trace.of(kind) if not layer.allows), None)
        if silent is None:
            allows = trace.speaking(Effect.ALLOW, kind)
            return self._by(side, True, allows, "") if allows else Answer(side, None, "nothing against it")
        if not needed:
            return Answer(side, None, "nothing, and need not")
        return Answer(side, False, _own_silence(trace, kind, silent.target_arn))

    def _by(self, side: str, yes: bool, statement: Stated, because: str) -> Answer:
        return Answer(
            side, yes, because, where(self._trace, statement.place, self._names, self._locate, statement.mark)
        )


def _fails_by_condition(statement: Stated) -> bool:
    return bool(statement.missed) and all(one.element == "Condition" for one in statement.missed)


def _silence(trace: Trace, kind: LayerKind, target: str) -> str:
    policy = words.policy_of(kind, trace.rule)
    if any(_fails_by_condition(one) for one in trace.statements(kind) if one.effect is Effect.ALLOW):
        return f"a condition of the {policy} does not hold"
    if kind in (LayerKind.SCP, LayerKind.RCP):
        return f"no {policy} at {target} allows it"
    return (
        f"no {policy} allows it"
        if kind in (LayerKind.IDENTITY, LayerKind.SESSION)
        else f"the {policy} does not allow it"
    )


def _own_silence(trace: Trace, kind: LayerKind, target: str) -> str:
    """The same, of a layer that is itself the subject."""
    if any(_fails_by_condition(one) for one in trace.statements(kind) if one.effect is Effect.ALLOW):
        return "a condition does not hold"
    if kind is LayerKind.SCP:
        return f"none at {target} allows it"
    if kind is LayerKind.IDENTITY:
        return "none allows it" if trace.papers(kind) else "there are none"
    return "it allows other things only"


# What was looked at.

_LOOKED: Final = (
    LayerKind.RESOURCE, LayerKind.GRANT, LayerKind.IDENTITY, LayerKind.BOUNDARY,
    LayerKind.SCP, LayerKind.RCP, LayerKind.SESSION, LayerKind.ENDPOINT,
)  # fmt: skip


def looked(trace: Trace) -> tuple[Looked, ...]:
    """Every kind of thing that can decide, with its count; what is not there is said not to be."""
    absent = {Rule.RETIRE: LayerKind.RESOURCE, Rule.KMS_KEY: None}.get(trace.rule, LayerKind.GRANT)
    return tuple(_looked(trace, kind) for kind in _LOOKED if kind is not absent)


def _looked(trace: Trace, kind: LayerKind) -> Looked:
    name = words.kind_of(kind, trace.rule)
    if kind is LayerKind.GRANT:
        grants = trace.grants()
        return Looked(name, len(grants), 0, _grants_in_words(grants))
    statements = [one for layer in trace.layers if layer.kind is kind for one in layer.statements]
    places = {one.place.whole for one in statements} | {paper.place for paper in trace.papers(kind)}
    return Looked(name, len(places), len(statements), _in_words(trace, kind, len(places), len(statements)))


def _in_words(trace: Trace, kind: LayerKind, policies: int, statements: int) -> str:
    name = words.LOOKED.get(kind) or f"{words.policy_of(kind, trace.rule)}"
    if kind is LayerKind.RESOURCE:
        return count(statements, f"{name} statement") if policies else f"no {name}"
    told = f"{count(policies, name)} ({count(statements, 'statement')})" if policies else f"no {name}"
    return f"{told}, which does not bind this caller" if policies and trace.exempts(kind) else told


def _grants_in_words(grants: tuple[Given, ...]) -> str:
    if not grants:
        return "no grant for this caller"
    kinds = list(dict.fromkeys(_misses(grant) for grant in grants))
    return f"{count(len(grants), 'grant')} ({', '.join(kinds)})"


def _misses(grant: Given) -> str:
    if grant.match == "none":
        return "other principal"
    if not grant.operation_granted:
        return "other operation"
    return "allows" if grant.constraint_holds else "constraint not met"


def count(number: int, name: str) -> str:
    plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    return f"{number} {name if number == 1 else plural}"


# How sure.

_MARKS: Final = {"V": Sure.VERBATIM, "D": Sure.DOCUMENTED, "O": Sure.OBSERVED, "I": Sure.INFERRED}

_Test = Callable[[Trace, "Stated | None"], bool]


def _why(*why: Why) -> _Test:
    return lambda trace, statement: bool(statement) and any(one.why in why for one in statement.elements)


# The inferred rules that a refusal may rest on, and how that shows in its trace.
_RESTS_ON: Final[tuple[tuple[Inferred, _Test], ...]] = (
    (Inferred.RETIRE_IS_DECIDED_BY_GRANT, lambda trace, statement: trace.rule is Rule.RETIRE),
    (
        Inferred.GRANT_CONTEXT_ABSENT,
        lambda trace, statement: trace.cause == "GRANT_CONSTRAINT" and trace.encryption_context is None,
    ),
    (
        Inferred.ROOT_SESSION_POLICY,
        lambda trace, statement: trace.principal.kind is PrincipalKind.ROOT and trace.layer is LayerKind.SESSION,
    ),
    (Inferred.MANY_VALUES_WITHOUT_SET_OPERATOR, _why(Why.MANY_VALUES)),
    (
        Inferred.NOT_EVALUABLE_COUNTS_AGAINST,
        lambda trace, statement: (
            bool(statement) and any(one.outcome is Outcome.NOT_EVALUABLE for one in statement.elements)
        ),
    ),
    (
        Inferred.NOT_PRINCIPAL_EXEMPTIONS,
        lambda trace, statement: bool(statement) and any(one.element == "NotPrincipal" for one in statement.elements),
    ),
    (
        Inferred.NOT_RESOURCE_UNRESOLVED,
        lambda trace, statement: (
            bool(statement)
            and any(one.element == "NotResource" and one.why is Why.VARIABLE_ABSENT for one in statement.elements)
        ),
    ),
)


def confidence(trace: Trace, statement: Stated | None, answers: tuple[Answer, ...], seen: str) -> Confidence:
    """Evaluation is documented but for the rules of inferred.py; `seen` marks the words of the error."""
    rules = [rule for rule, rests in _RESTS_ON if rests(trace, statement)]
    notes = [rule.text for rule in rules]
    if sum(answer.yes is False for answer in answers) > 1:
        notes.append("more than one layer refuses; which of them AWS's message names first is inferred")
    return Confidence(Sure.INFERRED if rules else Sure.DOCUMENTED, mark(seen), tuple(notes))


def mark(seen: str) -> Sure | None:
    """The weakest mark in "1.2: code [V]; text [I]"."""
    found = [_MARKS[letter] for letter in re.findall(r"\[([VDOI])", seen)]
    return max(found, key=list(Sure).index, default=None)
