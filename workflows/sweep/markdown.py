"""The step summary of a sweep: what to look at, a table by verdict, and the neighbours that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from workflows.reports.ended import NotRun
from workflows.reports.findings import Level
from workflows.reports.github import SUMMARY_BYTES_MAX, details, fitting, item, markdown
from workflows.reports.places import relative
from workflows.reports.text import not_run
from workflows.sweep.ended import Ended, Swept, failures
from workflows.sweep.findings import findings, said
from workflows.sweep.text import as_text, either
from workflows.sweep.verdict import Row


def summary(ended: Sequence[Ended], root: str = "", room: int = SUMMARY_BYTES_MAX) -> str:
    """Markdown of at most `room` bytes: a section a sweep."""
    return "".join(fitting([part for one in ended for part in _parts(one, root)], room))


def _parts(one: Ended, root: str) -> Iterator[str]:
    if isinstance(one, NotRun):
        yield f"## reseal: {markdown(relative(one.file, root))} ⚠️ not run\n\n"
        yield from (item(each, root) for each in findings([one]))
        yield details(relative(one.file, root), not_run(one))
        return
    mark = "✅" if one.ok else "❌"
    yield f"## reseal: {mark} {markdown(one.sweep.name)}: {counted(one)}\n\n"
    yield from (item(each, root) for each in findings([one]) if each.level is not Level.NOTE)
    yield from _verdicts(one)
    yield from _happened(one)
    yield from _differences(one)
    if not one.ok:
        yield details(relative(one.file, root), as_text(one.sweep, one.results, one.whole))


def counted(one: Swept) -> str:
    """`133 of 135 cells as expected`."""
    whole = one.whole
    good = whole.finished - whole.failed
    told = f"{good:,} of {whole.cells:,} cells as expected" if good < whole.cells else f"{good:,} cells as expected"
    return told + (f", ended early: {whole.ended}" if whole.ended else "")


def by_row(one: Swept) -> list[tuple[Row, int, int]]:
    """(row of the verdicts, its cells that were run, those of them that are not as expected)."""
    rows = one.sweep.rows or ()
    count = [[0, 0] for _ in rows]
    for each in one.results:
        if each.row:
            count[each.row - 1][0] += 1
            count[each.row - 1][1] += not each.ok
    return [(row, cells, failed) for row, (cells, failed) in zip(rows, count, strict=True)]


def asked(when: Mapping[str, Sequence[str]] | None) -> str:
    """Which cells a row is about."""
    return "every other cell" if when is None else said(when) or "every cell"


def _verdicts(one: Swept) -> Iterator[str]:
    for number, (row, cells, failed) in enumerate(by_row(one)):
        if number == 0:
            yield "\n| verdict | where | cells | not as it says |\n|---|---|--:|--:|\n"
        told = f"❌ {failed:,}" if failed else "0"
        yield f"| {markdown(str(row))} | {markdown(asked(row.when))} | {cells:,} | {told} |\n"


def _happened(one: Swept) -> Iterator[str]:
    """What came of the cells: of a sweep without verdicts, and of one that does not hold them."""
    if one.sweep.rows is not None and not failures(one):
        return
    for number, (what, cells) in enumerate(one.whole.counts):
        yield f"{'' if number else chr(10) + '| what happened | cells |' + chr(10) + '|---|--:|' + chr(10)}"
        yield f"| {markdown(what)} | {cells:,} |\n"


def _differences(one: Swept) -> Iterator[str]:
    for number, each in enumerate(one.whole.differences):
        if number == 0:
            yield "\n| only this differs | what happens | where | places |\n|---|---|---|--:|\n"
        pattern = "<br>".join(f"{markdown(either(values))}: {markdown(what)}" for values, what in each.pattern)
        where = ("" if each.everywhere else "among ") + said(each.where) if each.where else "everywhere"
        yield f"| {markdown(each.axis)} | {pattern} | {markdown(where)} | {each.lines:,} |\n"
