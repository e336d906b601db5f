"""An exploration, shown: text for a terminal of 80 columns, and JSON. The same input gives the same bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import msgspec

from workflows.explanation import because
from workflows.explore.disturb import NAMES
from workflows.explore.judge import Row, Surprise
from workflows.explore.search import Node, whose
from workflows.explore.session import Explored
from workflows.explore.tracks import CLOCK, MINUTE_MS
from workflows.explore.write import replayed
from workflows.reports.text import result
from workflows.transition import Transition

FORMAT: Final = 1
DAY_MS: Final = 24 * 60 * MINUTE_MS
COLUMNS: Final = 80
_HEAD: Final = 14


@dataclass(frozen=True, slots=True)
class Told:
    """A step of a path: who calls what, what it came to, and why."""

    step: str
    principal: str
    call: str
    outcome: str
    result: str
    because: tuple[str, ...]


def told(explored: Explored, node: Node) -> list[Told]:
    """The path to a state, played again for its evidence."""
    made = {id: step for step, id in explored.course.things.items()}
    lines: list[Told] = []
    for each in replayed(explored.plan, explored.port, explored.course, node.path()):
        made |= {each.thing: each.step} if each.thing else {}
        lines.append(_told(each, made))
    return lines


def _told(each: Transition, made: Mapping[str, str]) -> Told:
    if not each.call:
        return Told(each.step, CLOCK, "moves on", "OK", _span(each.parameters["advance_ms"]), ())
    why = tuple(because(each, made)) if each.outcome != "OK" else ()
    return Told(each.step, each.principal, each.call, each.outcome, result(each), why)


def _span(ms: int) -> str:
    """`8 d`, `90 min`."""
    return f"{ms // DAY_MS} d" if ms % DAY_MS == 0 else f"{ms // MINUTE_MS} min"


# --- text ---


def as_text(explored: Explored) -> str:
    found, verdict = explored.found, explored.verdict
    lines = [f"{explored.plan.scenario.spec.name} ({explored.plan.workflow.name})", ""]
    lines += [*_plan(explored), "", *_counts(explored), ""]
    lines += ["ends that can happen" if not found.cut else "ends that were found", *_ends(verdict.rows), ""]
    lines += _surprises(explored)
    for name in verdict.not_reached:
        lines += _wrapped(0, "not reached", f"{name}: the scenario declares this end, and it can not happen")
    if found.cut:
        lines += [
            "",
            *_wrapped(0, "CUT", f"the search was ended by its limit of {found.cut}: what is beyond is unknown"),
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _plan(explored: Explored) -> Iterator[str]:
    for track, steps in explored.plan.tracks.items():
        yield from _wrapped(0, "track", f"{track}: {', '.join(step.id for step in steps)}")
    for step in explored.plan.disturbances:
        yield from _wrapped(0, "disturbance", f"{step.id}: {whose(step)} {step.call or 'moves on'}")
    if explored.plan.at_most:
        yield from _wrapped(_HEAD, "", f"at most {_many(explored.plan.at_most, 'disturbance')} in one order")
    if not explored.plan.disturbances:
        yield from _wrapped(0, "disturbance", f"none; --disturb takes {', '.join(NAMES)}")


def _counts(explored: Explored) -> Iterator[str]:
    found = explored.found
    merging = f"{found.merged:,} to a state known already" if found.merges else _not_merged(explored)
    counted = f"{found.states:,} states, {found.transitions:,} calls, {merging}"
    yield from _wrapped(0, "searched", counted)
    yield from _wrapped(0, "stands for", f"{_many(found.orders, 'order')} of calls")


def _not_merged(explored: Explored) -> str:
    reader = explored.plan.reads_the_log
    return "no states merged" + (f", since {reader} sees the order of what happened" if reader else "")


def _ends(rows: Sequence[Row]) -> Iterator[str]:
    """Grouped by end and what led there; under it, who can then read what."""
    ordered = sorted(rows, key=lambda row: (not row.end.ok, row.end.name, _first(rows, row)))
    for (declared, name, how), group in groupby(ordered, key=lambda row: (row.declared, row.end.name, row.end.how)):
        members = list(group)
        label = declared if declared in ("", name) else f"{declared} = {name}"
        yield from _wrapped(2, label or f"{name}, undeclared", how)
        yield from _wrapped(_HEAD + 2, "", members[0].why) if members[0].why else ()
        shortest = min(len(row.shortest.path()) for row in members)
        counts = f"after {_many(shortest, 'call')} at least; in {_many(sum(row.orders for row in members), 'order')}"
        yield from _wrapped(_HEAD + 2, "", counts)
        for row in members:
            yield from _wrapped(_HEAD + 2, "", _readers(row.end.readers))


def _first(rows: Sequence[Row], row: Row) -> int:
    """Where the row's end and its cause were reached first."""
    alike = (row.declared, *row.end.key()[:2])
    return next(i for i, each in enumerate(rows) if (each.declared, *each.end.key()[:2]) == alike)


def _readers(readers: Mapping[str, tuple[str, ...]]) -> str:
    """`snapshot read by source, target; copy by nobody`."""
    parts = [f"{step} by {' and '.join(accounts) or 'nobody'}" for step, accounts in readers.items()]
    return f"read: {'; '.join(parts)}" if parts else "read: nothing was made that can be read"


def _surprises(explored: Explored) -> Iterator[str]:
    surprises = explored.verdict.surprises
    if not surprises:
        yield "no surprise: " + ("every end is declared" if not explored.found.cut else "none among what was found")
        return
    yield f"{_many(len(surprises), 'surprise')}, each with a shortest path to it"
    for number, one in enumerate(surprises, 1):
        yield ""
        counted = f"{one.what} (in {_many(one.states, 'state')}, {_many(one.orders, 'order')})"
        yield from _wrapped(0, f"{number:>2}", counted, head=4)
        yield from _path(explored, one)


def path_lines(explored: Explored, one: Surprise) -> str:
    """The shortest path to a surprise, call by call."""
    return "\n".join(line.rstrip() for line in _path(explored, one)) + "\n"


def _path(explored: Explored, one: Surprise) -> Iterator[str]:
    for at, line in enumerate(told(explored, one.shortest), 1):
        yield from _line(at, line)
    yield from _wrapped(4, "then", _readers(one.end.readers), head=6)


def _line(at: int, line: Told) -> Iterator[str]:
    yield from _wrapped(4, f"{at}", f"{line.step}  {line.principal} {line.call}: {line.result}", head=4)
    for why in line.because:
        yield from _wrapped(8, "because", why, head=9)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _wrapped(indent: int, label: str, words: str, head: int = _HEAD) -> list[str]:
    """A label and text beside it, going on under itself."""
    left = " " * indent + (f"{label:<{head - 2}}  " if label else "")
    return textwrap.wrap(
        words, COLUMNS, initial_indent=left, subsequent_indent=" " * (indent + (head if label else 0)),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


# --- JSON, and the summary ---


def as_json(explored: Explored) -> str:
    """One object, versioned."""
    found, plan = explored.found, explored.plan
    whole = {
        "reseal": FORMAT, "ok": explored.ok, "scenario": plan.scenario.spec.name, "file": plan.scenario.path,
        "workflow": plan.workflow.name, "exhaustive": not found.cut, "cut": found.cut,
        "tracks": {track: [step.id for step in steps] for track, steps in plan.tracks.items()},
        "disturbances": [{"id": step.id, "as": whose(step), "call": step.call or ""} for step in plan.disturbances],
        "at_most": plan.at_most, "states": found.states, "calls": found.transitions, "merges": found.merges,
        "merged": found.merged, "orders": found.orders,
        "ends": [_end(row) | {"declared": row.declared, "why": row.why} for row in explored.verdict.rows],
        "surprises": [_surprise(explored, one) for one in explored.verdict.surprises],
        "not_reached": list(explored.verdict.not_reached),
    }  # fmt: skip
    return msgspec.json.encode(whole).decode()


def _end(one: Row | Surprise) -> dict[str, Any]:
    return {
        "end": one.end.name, "how": one.end.how, "end_is_ok": one.end.ok, "can_read": one.end.readers,
        "states": one.states, "orders": one.orders,
        "path": [{"step": node.step.id, "outcome": str(node.outcome)} for node in one.shortest.path() if node.step],
    }  # fmt: skip


def _surprise(explored: Explored, one: Surprise) -> dict[str, Any]:
    lines = [msgspec.to_builtins(line) for line in told(explored, one.shortest)]
    return {"what": one.what} | _end(one) | {"told": lines}


def summary(explored: Explored, seconds: float) -> str:
    """One line: what was searched, and whether it holds."""
    found, verdict = explored.found, explored.verdict
    parts = [_many(found.states, "state"), _many(len(verdict.rows), "end"), _many(len(verdict.surprises), "surprise")]
    parts += [f"{len(verdict.not_reached)} not reached"] if verdict.not_reached else []
    parts += [f"CUT at {found.cut}"] if found.cut else []
    return f"{explored.plan.scenario.path}: {', '.join(parts)}, {seconds:.1f} s"


def as_dot(explored: Explored) -> str:
    """The states and the calls between them, for Graphviz; ends that are ok are green, others grey, surprises red."""
    rows = {node.number: end for node, end in explored.found.ends}
    surprising = {number for one in explored.verdict.surprises for number in one.at}
    lines = ["digraph explored {", '  rankdir=LR; node [shape=circle, label="", width=0.15, style=filled];']
    lines += [f"  {number} [{_look(end.name, end.ok, number in surprising)}];" for number, end in sorted(rows.items())]
    lines += _edges(explored.found.edges)
    return "\n".join([*lines, "}"]) + "\n"


def _look(name: str, ok: bool, surprises: bool) -> str:
    colour = "#d1495b" if surprises else "#66a182" if ok else "#c8c8c8"
    return f'shape=box, label="{name}", fillcolor="{colour}"'


def _edges(edges: Iterable[tuple[int, int, str]]) -> Iterator[str]:
    for start, end, label in edges:
        words = label.replace("\\", "\\\\").replace('"', '\\"')
        yield f'  {start} -> {end} [label="{words}"];'
