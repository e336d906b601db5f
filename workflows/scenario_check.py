"""What can be wrong with a scenario that has the right form, found before anything runs.

Names must name something that is there (accounts, principals, operations, parameters, members of answers, earlier
steps); policies must be policies; and where a workflow is given, the steps must be able to follow its machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.kernel import shapes
from workflows import matrix, params, portable, scenario_follows, scenario_names, signing
from workflows.again import READING
from workflows.data import BLOCK_PARAMETERS
from workflows.expressions import PATTERN, Reference, compiled, references
from workflows.verify import Operations, suggest
from workflows.yaml_marks import Mistake, Node

if TYPE_CHECKING:
    from workflows.format import FindAgainSpec, StepSpec
    from workflows.scenario import Scenario

ROOT = "root"
ALWAYS_KNOWN = ("accounts", "region", "matrix")


def mistakes(scenario: Scenario, operations: Operations | None) -> Iterator[Mistake]:
    yield from _accounts(scenario)
    yield from _principals(scenario)
    yield from _steps(scenario)
    yield from _finally(scenario)
    yield from scenario_follows.mistakes(scenario, operations)
    yield from portable.mistakes(scenario)
    yield from _explore(scenario)


# --- accounts and principals ---


def _accounts(scenario: Scenario) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for alias, id in scenario.spec.accounts.items():
        if id and seen.setdefault(id, alias) != alias:
            yield Mistake(scenario.mark("accounts", alias), f"{alias} and {seen[id]} are the same account")
    if not scenario.spec.accounts:
        yield Mistake(scenario.mark("accounts"), "at least one account is needed")


def _principals(scenario: Scenario) -> Iterator[Mistake]:
    known = _known_before(scenario)  # principals are made before any step, so their policies refer to none
    for name in scenario.spec.principals:
        yield from _references(scenario.tree["principals"][name], known)
        account, _, short = name.partition("/")
        if account not in scenario.spec.accounts:
            what = f"there is no account {account!r}" + suggest(account, scenario.spec.accounts)
            yield Mistake(scenario.mark("principals", name), what)
        if short == ROOT:
            yield Mistake(scenario.mark("principals", name), "an account's root is there without being declared")
        if not _has_arn(scenario, name):
            yield from signing.mistakes(scenario, name)


def known_principals(scenario: Scenario) -> list[str]:
    return [*scenario.spec.principals, *(f"{account}/{ROOT}" for account in scenario.spec.accounts)]


def _has_arn(scenario: Scenario, name: str) -> bool:
    """Is it known before the run? Not of somebody whom a step signs in."""
    return name not in scenario.spec.principals or scenario.spec.principals[name].signed_in_by is None


# --- steps ---


@dataclass(frozen=True, slots=True)
class _Known:
    """What a reference may name at some point of the file: name -> the members known of it (None: any)."""

    names: Mapping[str, frozenset[str] | None]

    def and_(self, name: str, members: frozenset[str] | None) -> _Known:
        return _Known({**self.names, name: members})


def _known_before(scenario: Scenario) -> _Known:
    return _Known(
        {"accounts": frozenset(scenario.spec.accounts), "region": None}
        | {f"principals.{name}": frozenset({"arn"}) for name in known_principals(scenario) if _has_arn(scenario, name)}
    )


def _steps(scenario: Scenario) -> Iterator[Mistake]:
    spec, known = scenario.spec, _known_before(scenario)
    seen: set[str] = set()
    for section in ("given", "steps"):
        nodes = list(scenario.tree.get(section) or ())
        for index, step in enumerate(getattr(spec, section)):
            node = nodes[index]
            if step.id in seen:
                yield Mistake(scenario.mark(section, index, "id"), f"there are two steps {step.id!r}")
            if step.id in ALWAYS_KNOWN:
                yield Mistake(scenario.mark(section, index, "id"), f"{step.id!r} means something else in references")
            seen.add(step.id)
            yield from _step(scenario, step, node, known)
            yield from _references(node.get("wait"), known)
            known = known.and_(step.id, _members(step))
            yield from _references(node.get("expect"), known)
            yield from _unfilled(node["expect"].get("repair") if node.get("expect") else None)
            yield from scenario_names.mistakes(node.get("expect"), _nameable(scenario, seen))
    if not spec.steps and not spec.given:
        yield Mistake(scenario.tree.mark, "there are no steps")


def _members(step: StepSpec) -> frozenset[str] | None:
    service, _, name = (step.call or "").partition(":")
    if not shapes.exists(service, name):
        return None
    return params.output_members(step.call or "") | set(step.save) | {"later"}


def _step(scenario: Scenario, step: StepSpec, node: Node, known: _Known) -> Iterator[Mistake]:
    if step.as_ is not None and step.as_ not in known_principals(scenario):
        what = f"there is no principal {step.as_!r}" + suggest(step.as_, known_principals(scenario))
        yield Mistake(node["as"].mark, what)
    yield from _references(node.get("with"), known)
    if step.call is None:
        return
    service, _, name = step.call.partition(":")
    if not shapes.exists(service, name):
        yield Mistake(node["call"].mark, f"there is no operation {step.call!r}" + _close_operation(service, name))
        return
    expects_error = bool(step.expect and step.expect.error)
    given = node.get("with") or Node({}, node.mark, {})
    yield from params.mistakes(
        step.call, given, complete=not expects_error, supplied=BLOCK_PARAMETERS if step.data else frozenset()
    )
    yield from _paths(step, node)
    if step.find_again is not None:
        yield from _find_again(scenario, step.find_again, node["find-again"], known)


def _find_again(scenario: Scenario, look: FindAgainSpec, node: Node, known: _Known) -> Iterator[Mistake]:
    """A look-up that can not be made would be found out only when a run has been broken off."""
    service, _, name = look.call.partition(":")
    if look.as_ is not None and look.as_ not in known_principals(scenario):
        what = f"there is no principal {look.as_!r}" + suggest(look.as_, known_principals(scenario))
        yield Mistake(node["as"].mark, what)
    yield from _references(node.get("with"), known)
    if not shapes.exists(service, name):
        yield node["call"].mistake(f"there is no operation {look.call!r}" + _close_operation(service, name))
        return
    if not name.startswith(READING):
        yield node["call"].mistake(f"`find-again:` only looks, and {look.call} may change something")
    yield from params.mistakes(look.call, node.get("with") or Node({}, node.mark, {}), complete=True)
    yield from _path(look.found, params.output_members(look.call), node["found"])


def _close_operation(service: str, name: str) -> str:
    if service not in shapes.SERVICES:
        return suggest(service, shapes.SERVICES)
    model: Any = shapes.service_model(service)
    return suggest(name, model.operation_names)


def _paths(step: StepSpec, node: Node) -> Iterator[Mistake]:
    """JMESPath of `save` and of the keys of `expect.response`, as far as the answer's shape is known."""
    members = params.output_members(step.call or "")
    saved = node.get("save")
    for name, inner in saved.items() if saved else ():
        yield from _path(str(inner.value), members, inner)
        if name == "later":
            yield inner.mistake("'later' is the settled resource; save under another name")
    response = node["expect"].get("response") if node.get("expect") else None
    if response is not None:
        for key in response.keys:
            yield from (Mistake(response.keys[key], each.text) for each in _path(key, members, response))


def _path(text: str, members: frozenset[str], node: Node) -> Iterator[Mistake]:
    try:
        parsed = compiled(text).parsed
    except ValueError as error:
        yield node.mistake(str(error))
        return
    first = _first_field(parsed)
    if first and first not in members:
        yield node.mistake(f"the answer has no {first!r}{suggest(first, members)}")


def _first_field(parsed: Mapping[str, Any]) -> str | None:
    """The name that an expression begins with; None where it begins with something else."""
    while parsed.get("type") != "field":
        children = parsed.get("children") or ()
        if parsed.get("type") not in ("subexpression", "index_expression", "projection", "flatten") or not children:
            return None
        parsed = children[0]
    return str(parsed["value"])


def _nameable(scenario: Scenario, steps: Collection[str]) -> scenario_names.Known:
    return scenario_names.Known(tuple(steps), known_principals(scenario), tuple(scenario.spec.accounts))


# --- references ---


def _references(node: Node | None, known: _Known) -> Iterator[Mistake]:
    if node is None:
        return
    if isinstance(node.value, str):
        yield from _references_in(node, known)
    for inner in node if isinstance(node.value, list) else dict(node.items()).values():
        yield from _references(inner, known)


def _unfilled(node: Node | None) -> Iterator[Mistake]:
    """A claim about a repair is judged after the run, when its references are no longer known."""
    if node is None:
        return
    if isinstance(node.value, str) and PATTERN.search(node.value):
        yield node.mistake("no reference is filled in within `repair:`; write what it stands for")
    for inner in node if isinstance(node.value, list) else dict(node.items()).values():
        yield from _unfilled(inner)


def _references_in(node: Node, known: _Known) -> Iterator[Mistake]:
    try:
        found = list(references(str(node.value)))
    except ValueError as error:
        yield node.mistake(str(error))
        return
    for reference in found:
        yield from _reference(reference, node, known)


def _reference(reference: Reference, node: Node, known: _Known) -> Iterator[Mistake]:
    if reference.name == matrix.NAME:  # what can be filled in is filled in by now
        yield node.mistake(f"`{reference.path}` is not the name of an axis; expressions belong in `if:`")
        return
    if reference.name not in known.names:
        what = f"nothing before this is called {reference.name!r}" + suggest(reference.name, known.names)
        yield node.mistake(what)
        return
    members = known.names[reference.name]
    first = _first_field(compiled(reference.path).parsed) if reference.path else None
    if members is not None and first and first not in members:
        yield node.mistake(f"{reference.name} has no {first!r}" + suggest(first, members))


def _finally(scenario: Scenario) -> Iterator[Mistake]:
    spec = scenario.spec
    if spec.finally_ is None:
        return
    expect = spec.finally_.expect
    everything = _nameable(scenario, [step.id for step in (*spec.given, *spec.steps)])
    yield from scenario_names.mistakes(scenario.tree["finally"].get("expect"), everything)
    ids = {step.id for step in (*spec.given, *spec.steps)}
    for index, id in enumerate(expect.data.same if expect.data else ()):
        if id not in ids:
            what = f"there is no step {id!r}" + suggest(id, ids)
            yield Mistake(scenario.mark("finally", "expect", "data", "same", index), what)
    if expect.state and not spec.workflow:
        yield Mistake(scenario.mark("finally", "expect", "state"), "`state:` needs `workflow:`")


# --- exploration ---


def _explore(scenario: Scenario) -> Iterator[Mistake]:
    """Its own steps like any, though they may refer to all others; the rest is `explore.check`'s."""
    from workflows.explore import check

    spec = scenario.spec.explore
    if spec is None:
        return
    known, ids = _known_before(scenario), {step.id for step in (*scenario.spec.given, *scenario.spec.steps)}
    for step in (*scenario.spec.given, *scenario.spec.steps):
        known = known.and_(step.id, _members(step))
    for index, step in enumerate(spec.steps):
        if step.id in ids or step.id in ALWAYS_KNOWN:
            yield Mistake(scenario.mark("explore", "steps", index, "id"), f"{step.id!r} means something else already")
        ids.add(step.id)
        yield from _step(scenario, step, scenario.tree["explore"]["steps"].value[index], known)  # type: ignore[index]
    yield from check.mistakes(scenario)


# --- the workflow ---
