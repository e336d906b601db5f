"""What a reader of a sweep should look at, each with its place: as for runs, and for the same forms.

A failure is told at the row of the verdicts that does not hold, and, where a policy file made the difference, at the
line of the policy as well: one cell of each failure was run again for that. Its repair was tried in that cell alone, so
it is told in words, and never as a fix of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from workflows.reports.ended import NotRun
from workflows.reports.findings import IDLE, STOPPED, UNMET, VERDICT, Finding, Level, Region, not_run, refusal, refusals
from workflows.reports.text import place_of
from workflows.sweep.ended import Ended, Failure, Swept, failures
from workflows.sweep.text import either


def findings(ended: Iterable[Ended]) -> list[Finding]:
    """Of all sweeps, the most telling first."""
    found = (one for each in ended for one in (not_run(each) if isinstance(each, NotRun) else _of_sweep(each)))
    return sorted(found, key=lambda one: one.weight)


def _of_sweep(swept: Swept) -> Iterator[Finding]:
    sweep, whole = swept.sweep, swept.whole
    for each in failures(swept):
        yield from _policy(swept, each)
        yield _unmet(swept, each)
    if whole.ended:
        text = f"ended after {whole.finished:,} of {whole.cells:,} cells: {whole.ended}"
        yield Finding(STOPPED, Level.ERROR, "The sweep was stopped", text, Region(sweep.path), sweep.path)
    for warning in sweep.warnings:
        region = Region(warning.mark.file, warning.mark.line, warning.mark.column)
        yield Finding(IDLE, Level.WARNING, "Without effect", warning.text, region, sweep.path, anchor=warning.text)


def _unmet(swept: Swept, failure: Failure) -> Finding:
    first = failure.first
    rule, title = VERDICT, "not as the verdict says"
    if first.happened.bug or first.happened.stopped:
        rule, title = STOPPED, "could not be run to the end"
    elif not first.row:
        rule, title = UNMET, "not as expected"
    row = swept.sweep.rows[first.row - 1] if swept.sweep.rows and first.row else None
    at = first.at or (row.at if row else "")
    region = Region(*place_of(at)) if at else Region(swept.file)
    title = f"{counted(failure)} {title}"
    anchor = f"{row} / {first.happened}" if row else first.text
    return Finding(rule, Level.ERROR, title, first.text, region, swept.file, anchor=anchor, lines=_lines(failure))


def counted(failure: Failure) -> str:
    return f"{len(failure.cells):,} cells" if len(failure.cells) > 1 else f"Cell {failure.first.number:,}"


def _lines(failure: Failure) -> tuple[str, ...]:
    where = f"Only where {said(failure.where)}" if failure.where else "Whatever the values of the axes"
    first = f"The first is cell {failure.first.number:,} ({failure.first.title})"
    return (where, first) if len(failure.cells) > 1 else (f"It is the cell {failure.first.title}",)


def said(where: Mapping[str, Sequence[str]]) -> str:
    """`via is none or ec2; key-kind is customer`."""
    return "; ".join(f"{axis} is {either(values)}" for axis, values in where.items())


def _policy(swept: Swept, failure: Failure) -> Iterator[Finding]:
    """The refusal that broke the first cell, at the policy that caused it."""
    first, full = failure.first, swept.again.get(failure.first.number)
    if full is None:
        return
    about = f"So {counted(failure).lower()} of the sweep {swept.sweep.name!r} {'are' if failure.cells[1:] else 'is'}"
    told = f"{about} not as the verdict says; shown is cell {first.number:,} ({first.title})"
    for step, why, region in refusals(full):
        if step == first.happened.fails_at:
            found = refusal(full, step, why, region, Level.ERROR, told)
            yield replace(found, scenario=swept.file, fixes=(), expected=False)
