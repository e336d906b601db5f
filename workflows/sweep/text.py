"""A sweep, shown: plain text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from workflows.reports.text import COLUMNS
from workflows.sweep.load import Sweep
from workflows.sweep.result import Difference, Result, Summary

DIFFERENCES_SHOWN: Final = 12
FAILURES_SHOWN: Final = 20


def as_text(sweep: Sweep, results: Sequence[Result], whole: Summary, *, full: bool = False) -> str:
    """Axes, what happened how often, what makes the difference, and the cells that are not as expected.

    `full`: every difference, and the whole table from cell to verdict.
    """
    lines = [sweep.name, "", *_axes(sweep), "", *_counts(whole), *_differences(whole, full)]
    lines += _failures(results, full)
    if full:
        lines += ["", "every cell", *(f"  {each.number:>5}  {each.title}: {each.happened}" for each in results)]
    lines += ["", _end(sweep, whole)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _axes(sweep: Sweep) -> Iterator[str]:
    width = max((len(axis) for axis in sweep.axes), default=0)
    for axis, values in sweep.axes.items():
        yield from _wrapped(f"  {axis:<{width}}  ", ", ".join(values))
    yield from _wrapped("  ", f"{len(sweep.cells):,} cells{_of(sweep)}")


def _of(sweep: Sweep) -> str:
    left_out = f", {sweep.excluded:,} excluded" if sweep.excluded > 0 else ""
    sample = f", sample: {sweep.sample}" if sweep.sample != "all" else ""
    return f" of {sweep.size:,}{left_out}{sample}" if left_out or sample else ""


def _counts(whole: Summary) -> Iterator[str]:
    for verdict, count in whole.counts:
        yield from _wrapped(f"  {count:>6,}  ", verdict)


def _differences(whole: Summary, full: bool) -> Iterator[str]:
    if not whole.differences:
        return
    yield from ("", "what makes the difference")
    shown = whole.differences if full else whole.differences[:DIFFERENCES_SHOWN]
    for difference in shown:
        yield from _difference(difference)
    if len(shown) < len(whole.differences):
        yield f"  and {len(whole.differences) - len(shown)} more (--full shows them)"


def _difference(difference: Difference) -> Iterator[str]:
    places = "1 place" if difference.lines == 1 else f"{difference.lines:,} places"
    yield f"  only {difference.axis} differs, in {places}"
    for values, verdict in difference.pattern:
        yield from _wrapped("      ", f"{either(values)}: {verdict}")
    if difference.where:
        said = "; ".join(f"{axis} is {either(values)}" for axis, values in difference.where.items())
        yield from _wrapped("      where " if difference.everywhere else "      only where ", said)


def either(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def _failures(results: Sequence[Result], full: bool) -> Iterator[str]:
    failed = [each for each in results if not each.ok]
    if not failed:
        return
    yield from ("", "NOT as expected")
    for each in failed if full else failed[:FAILURES_SHOWN]:
        at = f"{each.at}: " if each.at else ""
        yield from _wrapped("  WRONG   ", f"{at}cell {each.number} ({each.title}) {each.text}")
    if not full and len(failed) > FAILURES_SHOWN:
        yield f"  and {len(failed) - FAILURES_SHOWN:,} more (--full shows them)"


def _end(sweep: Sweep, whole: Summary) -> str:
    if whole.ended:
        return f"ended     after {whole.finished:,} of {whole.cells:,} cells: {whole.ended}"
    if whole.failed:
        rest = whole.cells - whole.finished
        stopped = f"; {rest:,} not run (fail-fast)" if rest else ""
        return f"result    {whole.failed:,} of {whole.finished:,} cells NOT as expected{stopped}"
    return "result    every cell as expected" if sweep.rows is not None else "result    reported; there are no verdicts"


def _wrapped(head: str, words: str) -> list[str]:
    return textwrap.wrap(
        head + words, COLUMNS, subsequent_indent=" " * min(len(head), 20), break_long_words=False,
        break_on_hyphens=False,
    ) or [head]  # fmt: skip
