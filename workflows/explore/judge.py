"""Ends judged: which name each has, and which are surprises. The rules stand in the package's docstring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.explore.ends import End
from workflows.explore.search import UNFINISHED, Found, Node, whose
from workflows.machine import UNFORESEEN

if TYPE_CHECKING:
    from workflows.explore.tracks import Plan
    from workflows.format import EndSpec

Names = Mapping[str, "EndSpec"]


@dataclass(slots=True)
class Row:
    """An end that can happen; `shortest` is a state at which a shortest path ends."""

    end: End
    declared: str  # the name that the scenario has for it, else the machine's; "" where nobody declared it
    why: str  # in the scenario's words
    shortest: Node
    states: int = 0
    orders: int = 0


@dataclass(slots=True)
class Surprise:
    what: str
    end: End
    shortest: Node
    states: int = 0
    orders: int = 0
    at: set[int] = field(default_factory=set[int])  # numbers of those states


@dataclass(slots=True)
class Verdict:
    rows: list[Row] = field(default_factory=list[Row])  # in the order in which they were reached
    surprises: list[Surprise] = field(default_factory=list[Surprise])
    not_reached: tuple[str, ...] = ()  # declared, and can not happen: claims that do not hold


def judged(found: Found, *, complete: bool) -> Verdict:
    """`complete`: the disturbances are all those that the scenario declares its ends for."""
    spec = found.plan.scenario.spec.explore
    names: Names = spec.ends if spec else {}
    rows: dict[object, Row] = {}
    surprises: dict[str, Surprise] = {}
    for node, end in found.ends:
        name = _declared(names, end)
        row = rows.setdefault(end.key(), Row(end, name, names[name].why if name in names else "", node))
        row.states, row.orders = row.states + 1, row.orders + node.ways
        for what in _surprises(found.plan, node, end, name, names):
            one = surprises.setdefault(what, Surprise(what, end, node))
            one.states, one.orders = one.states + 1, one.orders + node.ways
            one.at.add(node.number)
    reached = {row.declared for row in rows.values()}
    missing = tuple(name for name in names if name not in reached) if complete and not found.cut else ()
    return Verdict(list(rows.values()), list(surprises.values()), missing)


def _declared(names: Names, end: End) -> str:
    if not names:
        return end.name if end.name not in (UNFORESEEN.name, UNFINISHED) else ""
    return next((name for name, spec in names.items() if not any(_misfits(name, spec, end))), "")


def _misfits(name: str, spec: EndSpec, end: End) -> Iterator[str]:
    """In what an end differs from one that is declared."""
    if end.name != (spec.end or name):
        yield f"it is {end.name}"
    if spec.at and end.last not in spec.at and end.how not in spec.at:
        yield f"it comes from {end.how}"
    for step, accounts in spec.can_read.items():
        yield from (f"{each} can not read {step}" for each in accounts if each not in end.readers.get(step, ()))
    for step, accounts in spec.can_not_read.items():
        yield from (f"{each} can read {step}" for each in accounts if each in end.readers.get(step, ()))


def _surprises(plan: Plan, node: Node, end: End, name: str, names: Names) -> Iterator[str]:
    if end.name == UNFORESEEN.name:
        state = plan.judges[end.last].state.name
        yield f"{plan.workflow.name} has no row for {end.how.partition(': ')[2]} at {state} ({end.last})"
    elif not name and end.name == UNFINISHED:
        yield f"unfinished: {end.how}"
    elif not name:
        yield f"{end.name} by {end.how}: no declared end fits; {_nearest(names, end)}"
    if not end.ok:
        return
    yield from (f"{end.name}, though {words} ({step})" for step, words in sorted(node.place.unmet))
    explicit = name in names and end.last in {**names[name].can_read, **names[name].can_not_read}
    owner = next((whose(step) for step in plan.calls if step.id == end.last), "").partition("/")[0]
    if name and not explicit and end.last in end.readers and owner not in end.readers[end.last]:
        yield f"{end.name}, but {owner} can not read what {end.last} made"


def _nearest(names: Names, end: End) -> str:
    """The declared end that fits best, and in what it does not."""
    name, misfits = min(((name, list(_misfits(name, spec, end))) for name, spec in names.items()), key=_by_misfits)
    return f"the nearest, {name}, does not: {' and '.join(misfits)}"


def _by_misfits(pair: tuple[str, list[str]]) -> tuple[bool, int]:
    return any(each.startswith("it is ") for each in pair[1]), len(pair[1])
