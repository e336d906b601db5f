"""Whether a step came to what the scenario expects. Partial trees: what is not stated is not checked.

Every function yields differences: a path into the step's declaration, so that each can be shown at its line, and what
is wrong in words. Expected scalars are text; they are compared with what they are expected of, written as text.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflows import expect_decision, expect_repair
from workflows.expressions import fill, search
from workflows.names import Names
from workflows.params import to_json
from workflows.settle import like

if TYPE_CHECKING:
    from app.graph.build import Graph
    from workflows.format_expect import EdgeSpec, ExpectSpec, GraphSpec, PathSpec, RepairSpec
    from workflows.port import Answer, Evidence

Path = tuple[str | int, ...]
Difference = tuple[Path, str]
Trail = list[tuple[str, Mapping[str, Any]]]  # (account, event), oldest first


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge a step by."""

    answer: Answer
    later: Mapping[str, Any]
    evidence: Evidence
    before: Graph | None
    after: Graph | None
    has_evidence: bool


def differences(expect: ExpectSpec | None, seen: Seen, names: Names) -> Iterator[Difference]:
    """Everything in which a step is not as expected; without `expect.error` it must have succeeded."""
    yield from _error(expect, seen, names)
    if expect is None:
        return
    if expect.response is not None and not seen.answer.error:
        yield from _tree(fill(expect.response, names.scope), to_json(seen.answer.value), ("expect", "response"))
    if expect.later is not None and not seen.answer.error:
        yield from _tree(fill(expect.later, names.scope), to_json(seen.later), ("expect", "later"))
    if not seen.has_evidence:  # an endpoint that keeps none: what rests on evidence is not checked there, and said so
        return
    if expect.cause is not None:
        yield from expect_decision.cause_differences(expect.cause, seen.answer, seen.evidence)
    yield from _events(expect.events, seen.evidence, names)
    yield from _no_events(expect.no_events, seen.evidence, names)
    if expect.decision is not None:
        yield from expect_decision.differences(expect.decision, seen.evidence, names)
    if expect.graph is not None:
        yield from graph_differences(expect.graph, seen.before, seen.after, names, ("expect", "graph"))


def repair_differences(wanted: RepairSpec, offered: Sequence[Mapping[str, Any]], path: str) -> Iterator[Difference]:
    """In what the repairs found differ from those expected. They are tried once the step is done, hence apart.

    `offered`: in their JSON form, the smallest first; `path`: the scenario's, as it was given.
    """
    yield from expect_repair.differences(wanted, offered, path, fits)


def unchecked(expect: ExpectSpec | None) -> list[str]:
    """The parts of an expectation that need evidence."""
    parts = ("cause", "events", "no-events", "decision", "graph")
    return [part for part in parts if expect is not None and getattr(expect, part.replace("-", "_"))]


# --- errors and trees ---


def _error(expect: ExpectSpec | None, seen: Seen, names: Names) -> Iterator[Difference]:
    error, wanted = seen.answer.error, expect.error if expect else None
    if wanted is None:
        if error:
            yield (), f"failed with {error.code}: {error.message}"
        return
    if error is None:
        yield ("expect", "error"), f"succeeded, where {wanted.code} was expected"
    elif not like(wanted.code, error.code):
        yield ("expect", "error"), f"failed with {error.code} ({error.message}), not with {wanted.code}"
    elif wanted.message is not None:
        yield from _tree(fill(wanted.message, names.scope), error.message, ("expect", "error", "message"))


def _tree(expected: Any, actual: Any, path: Path) -> Iterator[Difference]:
    if isinstance(expected, Mapping):
        yield from _mapping(expected, actual, path)
    elif isinstance(expected, (list, tuple)):
        yield from _list(expected, actual, path)
    elif expected is None:
        if actual is not None:
            yield path, f"is {_shown(actual)}, and should not be there"
    elif text(expected) != text(actual):
        yield path, f"is {_shown(actual)}, not {_shown(expected)}"


def _mapping(expected: Mapping[str, Any], actual: Any, path: Path) -> Iterator[Difference]:
    if set(expected) == {"like"}:
        if actual is None or not like(str(expected["like"]), text(actual)):
            yield path, f"is {_shown(actual)}, which is not like {expected['like']!r}"
        return
    for key, inner in expected.items():
        yield from _tree(inner, _member(key, actual), (*path, key))


def _member(key: str, actual: Any) -> Any:
    """What stands under a key itself (`kms:ViaService` is no JMESPath), else what JMESPath finds; None for nothing."""
    if isinstance(actual, Mapping) and key in actual:
        return actual[key]
    try:
        return search(key, actual)
    except ValueError:
        return None


def _list(expected: Sequence[Any], actual: Any, path: Path) -> Iterator[Difference]:
    if not isinstance(actual, list) or len(actual) != len(expected):
        yield path, f"is {_shown(actual)}, and not {len(expected)} long"
        return
    for index, (inner, found) in enumerate(zip(expected, actual, strict=True)):
        yield from _tree(inner, found, (*path, index))


def text(value: Any) -> str:
    """A value as a file would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _shown(value: Any) -> str:
    return "absent" if value is None else repr(text(value)) if not isinstance(value, (dict, list)) else str(value)


def fits(expected: Any, actual: Any) -> bool:
    return next(_tree(expected, actual, ()), None) is None


# --- events ---


def _events(expected: Iterable[Mapping[str, Any]], evidence: Evidence, names: Names) -> Iterator[Difference]:
    """Each expected event, found in the trail after the one before it."""
    trail = _trail(evidence)
    position = 0
    for index, wanted in enumerate(expected):
        found = _next_event(fill(wanted, names.scope), trail, position, names)
        if found is None:
            after = f" after {position} others" if position else ""
            known = ", ".join(str(body.get("eventName")) for _, body in trail) or "none"
            yield ("expect", "events", index), f"no such event{after}; the trail has {known}"
            return
        position = found + 1


def _no_events(unwanted: Iterable[Mapping[str, Any]], evidence: Evidence, names: Names) -> Iterator[Difference]:
    trail = _trail(evidence)
    for index, each in enumerate(unwanted):
        found = _next_event(fill(each, names.scope), trail, 0, names)
        if found is not None:
            account, body = trail[found]
            yield ("expect", "no-events", index), f"the trail of {account} has {body.get('eventName')}"


def _trail(evidence: Evidence) -> Trail:
    return [(each["account"], each.get("body") or {}) for each in evidence.events]


def _next_event(wanted: Mapping[str, Any], trail: Trail, start: int, names: Names) -> int | None:
    account = wanted.get("account")
    id = names.accounts.get(str(account), account)
    rest = {key: value for key, value in wanted.items() if key != "account"}
    for index in range(start, len(trail)):
        owner, body = trail[index]
        if (id is None or id == owner) and fits(rest, body):
            return index
    return None


# --- graph ---


def graph_differences(
    wanted: GraphSpec, before: Graph | None, after: Graph | None, names: Names, path: Path
) -> Iterator[Difference]:
    if after is None:
        return
    for index, edge in enumerate(wanted.gained):
        if not _has(after, edge, names):
            yield (*path, "gained", index), f"there is no edge from {edge.from_} to {edge.to}{_allowing(edge)}"
        elif before is not None and _has(before, edge, names):
            yield (*path, "gained", index), f"the edge from {edge.from_} to {edge.to} was there before"
    for index, edge in enumerate(wanted.missing):
        if _has(after, edge, names):
            yield (*path, "missing", index), f"there is an edge from {edge.from_} to {edge.to}{_allowing(edge)}"
    yield from _paths(wanted, after, names, path)


def _paths(wanted: GraphSpec, graph: Graph, names: Names, path: Path) -> Iterator[Difference]:
    if wanted.path is not None and not _connected(graph, wanted.path, names):
        yield (*path, "path"), f"{wanted.path.from_} does not rest on {wanted.path.to}"
    if wanted.no_path is not None and _connected(graph, wanted.no_path, names):
        yield (*path, "no-path"), f"{wanted.no_path.from_} still rests on {wanted.no_path.to}"


def _has(graph: Graph, edge: EdgeSpec, names: Names) -> bool:
    from app.graph.questions import edges_between

    found = _found(lambda: edges_between(graph, names.node(edge.from_), names.node(edge.to), edge.allows))
    return bool(found) and (edge.kind is None or any(each.kind == edge.kind for each in found.edges))


def _connected(graph: Graph, wanted: PathSpec, names: Names) -> bool:
    from app.graph.questions import path

    return bool(_found(lambda: path(graph, names.node(wanted.from_), names.node(wanted.to))))


def _found(question: Callable[[], Any]) -> Any:
    """A finding, or None where a node is not in the graph: then there is neither edge nor path."""
    try:
        return question()
    except KeyError:
        return None


def _allowing(edge: EdgeSpec) -> str:
    return f" that allows {', '.join(edge.allows)}" if edge.allows else ""
