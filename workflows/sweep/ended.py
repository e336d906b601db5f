"""What is reported of: a sweep that ended, or a file that could not be run; and the failures of a sweep, told together.

Cells that the same row of the verdicts decides about, and that come to the same, fail alike: they are one failure, with
what their values have in common. So a thousand cells that one statement breaks are one thing to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from workflows.reports.ended import Finished, NotRun
from workflows.sweep.load import Sweep
from workflows.sweep.result import Result, Summary

LOOKED_INTO_MAX: Final = 10  # failures of a sweep of which a cell is run again in full: GitHub shows no more


@dataclass(frozen=True, slots=True)
class Swept:
    """A sweep that ended, as expected or not, or was stopped.

    `again`: number of a cell -> its run once more, with all evidence, since the cells of a sweep keep none.
    """

    sweep: Sweep
    results: Sequence[Result]
    whole: Summary
    seconds: float = 0.0
    again: Mapping[int, Finished] = field(default_factory=dict[int, Finished])

    @property
    def file(self) -> str:
        return self.sweep.path

    @property
    def ok(self) -> bool:
        return self.whole.ok


Ended = Swept | NotRun


@dataclass(frozen=True, slots=True)
class Failure:
    """Cells that fail alike, in their order. `where`: the axes on which they have some values only, and those."""

    cells: tuple[Result, ...]
    where: Mapping[str, tuple[str, ...]]

    @property
    def first(self) -> Result:
        return self.cells[0]


def failures(swept: Swept) -> list[Failure]:
    """What is wrong with a sweep, in the order of the first cells."""
    alike: dict[tuple[int, str, str], list[Result]] = {}
    for each in swept.results:
        if not each.ok:
            alike.setdefault((each.row, each.at, each.text), []).append(each)
    return [Failure(tuple(cells), _where(swept.sweep.axes, cells)) for cells in alike.values()]


def _where(axes: Mapping[str, Sequence[str]], cells: Sequence[Result]) -> dict[str, tuple[str, ...]]:
    seen = {axis: {each.cell.get(axis) for each in cells} for axis in axes}
    found = {axis: tuple(value for value in values if value in seen[axis]) for axis, values in axes.items()}
    return {axis: values for axis, values in found.items() if 0 < len(values) < len(axes[axis])}


def to_look_into(swept: Swept) -> list[int]:
    """Numbers of the cells worth a run in full: the first of each failure in which a step was refused."""
    found = [each.first for each in failures(swept) if each.first.happened.fails_at]
    return [each.number for each in found[:LOOKED_INTO_MAX]]
