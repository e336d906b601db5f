"""The result of a sweep: a table from cell to verdict, and what makes the difference between neighbours.

Neighbours are cells that differ in the value of one axis. All cells that are equal but for one axis stand in a line;
what the values of that axis come to in the line is its pattern, and lines with the same pattern are one finding: "only
`via` differs: with none it passes, with rds it fails at copy". So thousands of cells come to a handful of findings.

Everything here is plain values, which can be pickled and written as JSON: reports in other forms are made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, Final

import msgspec

from workflows.sweep.load import Sweep
from workflows.sweep.verdict import Happened, deciding
from workflows.yaml_marks import plain

FORMAT: Final = 1


class Result(msgspec.Struct, frozen=True):
    """A cell, and what became of it."""

    number: int  # from 1, in the order of the matrix
    cell: dict[str, str]  # axis -> value, and what `include` added
    title: str  # its values on the axes, in one line
    happened: Happened
    ok: bool  # as the verdicts say; without verdicts: nothing but a failure of ours is not
    row: int = 0  # number of the verdict that decided, from 1; 0: there are no verdicts
    at: str = ""  # file:line:column of that row, else of the expectation that is not met
    text: str = ""  # what is wrong; "" where it is ok
    values: dict[str, Any] = {}  # of the cell, those that are mappings or lists: `cell` and `title` have their labels


class Difference(msgspec.Struct, frozen=True):
    """Lines of neighbours with one pattern: only `axis` differs, and with it what happens."""

    axis: str
    pattern: tuple[tuple[tuple[str, ...], str], ...]  # (values of the axis, what becomes of the cell with each)
    lines: int  # so many places of the matrix show it
    where: dict[str, tuple[str, ...]]  # other axes, and the only values with which it is so
    everywhere: bool  # is it so with all of these values, or with some of their combinations?
    example: tuple[int, ...]  # numbers of the cells of the first line, one a part of the pattern
    passes: bool  # does one of the values let the cell through to the end, and another not?


class Summary(msgspec.Struct, frozen=True):
    """A sweep as a whole; with `ended`, as far as it came."""

    file: str
    name: str
    cells: int  # that the sweep has
    finished: int  # that have a result
    failed: int  # that are not as expected
    counts: tuple[tuple[str, int], ...]  # what happened -> cells, the most frequent first
    differences: tuple[Difference, ...]
    could_not_run: int = 0
    bugs: int = 0
    ended: str = ""  # why it did not come to the end

    @property
    def ok(self) -> bool:
        return not self.failed and not self.ended


def to_json(value: Result | Summary) -> dict[str, Any]:
    """One JSON object, versioned; `result` tells which of the two it is."""
    kind = "cell" if isinstance(value, Result) else "summary"
    told = {"reseal": FORMAT, "result": kind} | msgspec.to_builtins(value)
    if isinstance(value, Result):
        told["verdict"] = str(value.happened)
        told["cell"] |= told.pop("values")
        told["happened"] |= {"why": list(value.happened.words)} if value.happened.causes else {}
    else:
        told["ok"] = value.ok
    return told


# --- a cell ---


def judged(sweep: Sweep, number: int, found: Happened) -> Result:
    """A cell beside the verdict that decides about it."""
    place = deciding(sweep.rows, sweep.cells[number]) if sweep.rows is not None else None
    row = sweep.rows[place] if sweep.rows is not None and place is not None else None
    ours = bool(found.stopped or found.bug)
    ok = not ours and (row.holds(found) if row else not found.wrong)
    text = "" if ok else f"{found}, and the verdict is: {row}" if row else str(found)
    unmet = found.wrong[0].at if found.wrong else ""
    return Result(
        number + 1, sweep.cells[number], sweep.title(number), found, ok,
        row=place + 1 if place is not None else 0, at=row.at if row and not ok else unmet, text=text,
        values=_structured(sweep, number),
    )  # fmt: skip


def _structured(sweep: Sweep, number: int) -> dict[str, Any]:
    known = sweep.structured
    return {key: plain(known[key][label]) for key, label in sweep.cells[number].items() if label in known.get(key, ())}


# --- the whole ---


def summary(sweep: Sweep, results: Sequence[Result], ended: str = "") -> Summary:
    counts: dict[str, int] = {}
    for each in results:
        verdict = label(each)
        counts[verdict] = counts.get(verdict, 0) + 1
    return Summary(
        file=sweep.path, name=sweep.name, cells=len(sweep.cells), finished=len(results),
        failed=sum(not each.ok for each in results),
        counts=tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0]))),
        differences=tuple(differences(sweep.axes, results)),
        could_not_run=sum(bool(each.happened.stopped) for each in results),
        bugs=sum(bool(each.happened.bug) for each in results), ended=ended,
    )  # fmt: skip


def label(result: Result) -> str:
    """What happened, without what only one cell has."""
    found = result.happened
    return "is not as expected" if found.wrong else "could not go on" if found.stopped else str(found)


def differences(axes: Mapping[str, Sequence[str]], results: Iterable[Result]) -> list[Difference]:
    """What makes the difference: those by which a cell passes or not first, then those in most places."""
    known = {tuple(each.cell.get(axis, "") for axis in axes): each for each in results if set(axes) <= set(each.cell)}
    found = [difference for position in range(len(axes)) for difference in _of_axis(axes, position, known)]
    return sorted(found, key=lambda each: (not each.passes, -each.lines, each.axis, each.example))


_Place = tuple[str, ...]
_Line = dict[str, Result]  # value of the axis -> the cell with it


def _of_axis(axes: Mapping[str, Sequence[str]], position: int, known: Mapping[_Place, Result]) -> Iterator[Difference]:
    axis = list(axes)[position]
    lines: dict[_Place, _Line] = {}
    for place, result in known.items():
        lines.setdefault((*place[:position], *place[position + 1 :]), {})[place[position]] = result
    alike: dict[tuple[tuple[tuple[str, ...], str], ...], list[tuple[_Place, _Line]]] = {}
    for place, line in lines.items():
        alike.setdefault(_pattern(axes[axis], line), []).append((place, line))
    others = [other for other in axes if other != axis]
    for pattern, members in alike.items():
        if len(pattern) > 1:
            yield _difference(axis, pattern, members, axes, others)


def _pattern(values: Sequence[str], line: _Line) -> tuple[tuple[tuple[str, ...], str], ...]:
    """What becomes of the line's cells: (values, what happens with each of them), in the order of the values."""
    parts: dict[str, list[str]] = {}
    for value in values:
        if value in line:
            parts.setdefault(label(line[value]), []).append(value)
    return tuple((tuple(each), label) for label, each in parts.items())


def _difference(
    axis: str, pattern: tuple[tuple[tuple[str, ...], str], ...], members: list[tuple[_Place, _Line]],
    axes: Mapping[str, Sequence[str]], others: Sequence[str],
) -> Difference:  # fmt: skip
    seen = {other: {place[index] for place, _ in members} for index, other in enumerate(others)}
    where = {other: tuple(value for value in axes[other] if value in seen[other]) for other in others}
    places = prod(len(values) for values in where.values())
    first = members[0][1]
    passing = {bool(first[part[0][0]].happened.ends) for part in pattern}
    return Difference(
        axis=axis, pattern=pattern, lines=len(members),
        where={other: values for other, values in where.items() if len(values) < len(axes[other])},
        everywhere=len(members) == places,
        example=tuple(first[part[0][0]].number for part in pattern), passes=len(passing) == 2,
    )  # fmt: skip
