"""Sweeps as one page, made as that of runs is: what failed and why, verdicts, what makes the difference, all cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from workflows.reports.ended import NotRun
from workflows.reports.findings import refusals
from workflows.reports.html import framed
from workflows.reports.html_run import moved, why_view
from workflows.reports.places import relative
from workflows.reports.text import not_run
from workflows.sweep import html_matrix
from workflows.sweep.ended import Ended, Failure, Swept, failures
from workflows.sweep.findings import counted, said
from workflows.sweep.markdown import asked, by_row
from workflows.sweep.markdown import counted as as_expected
from workflows.sweep.result import label
from workflows.sweep.text import either

FAILURES_MAX: Final = 100
DIFFERENCES_MAX: Final = 200
OTHERS_MAX: Final = 1_000


def page(ended: Sequence[Ended], root: str = "") -> str:
    """One page for all; with several sweeps an index stands at its top."""
    sweeps = [_view(number, one, root) for number, one in enumerate(ended, 1)]
    return framed("sweep.html.j2", "sweep.css", "sweep.js", sweeps=sweeps)


def _view(number: int, one: Ended, root: str) -> dict[str, Any]:
    told = {
        "id": f"sweep-{number}", "file": relative(one.file, root), "tone": "good" if one.ok else "bad",
        "mark": "✓" if one.ok else "✗",
    }  # fmt: skip
    if isinstance(one, NotRun):
        return told | {"name": told["file"], "result": "could not be run", "view": None, "detail": not_run(one)}
    return told | {"name": one.sweep.name, "result": as_expected(one), "view": _swept(one, root)}


def _swept(one: Swept, root: str) -> dict[str, Any]:
    sweep, whole = one.sweep, one.whole
    found = failures(one)
    known = html_matrix.letters(one.results)
    sheet = html_matrix.sheet(sweep.axes, one.results)
    return {
        "facts": _facts(one),
        "axes": [(axis, values) for axis, values in sweep.axes.items()],
        "ended": whole.ended,
        "finished": f"{whole.finished:,} of {whole.cells:,}",
        "failures": [_failure(one, each, root) for each in found[:FAILURES_MAX]],
        "failures_left": len(found) - len(found[:FAILURES_MAX]),
        "warnings": [(moved(str(each.mark), root), each.text) for each in sweep.warnings],
        "verdicts": [_verdict(row, cells, failed, root) for row, cells, failed in by_row(one)],
        "legend": list(_legend(one, known)),
        "differences": [_difference(each) for each in whole.differences[:DIFFERENCES_MAX]],
        "differences_left": len(whole.differences) - len(whole.differences[:DIFFERENCES_MAX]),
        "below": [(axis, sweep.axes[axis]) for axis in sheet.below],
        "beside": [(axis, sweep.axes[axis]) for axis in sheet.beside],
        "table": html_matrix.table(sheet, known) if sheet.rows else "",
        "others": [
            (each.number, _cell(each.cell), known[label(each)], label(each)) for each in sheet.others[:OTHERS_MAX]
        ],
        "others_left": len(sheet.others) - len(sheet.others[:OTHERS_MAX]),
    }


def _facts(one: Swept) -> dict[str, str]:
    sweep = one.sweep
    left_out = f", {sweep.excluded:,} excluded" if sweep.excluded > 0 else ""
    told = {
        "cells": f"{len(sweep.cells):,} of {sweep.size:,}{left_out}",
        "sample": sweep.sample if sweep.sample != "all" else "",
        "not as expected": f"{one.whole.failed:,}" if one.whole.failed else "",
        "took": f"{one.seconds:.1f} s" if one.seconds else "",
    }
    return {name: value for name, value in told.items() if value}


def _cell(cell: dict[str, str]) -> str:
    return ", ".join(f"{axis}={value}" for axis, value in cell.items())


def _failure(one: Swept, failure: Failure, root: str) -> dict[str, Any]:
    first = failure.first
    full = one.again.get(first.number)
    told = [why for step, why, _ in refusals(full) if step == first.happened.fails_at] if full else []
    explained = told or ([why for step, why in full.explanations() if step == first.happened.fails_at] if full else [])
    return {
        "title": f"{counted(failure)} {'do' if failure.cells[1:] else 'does'} not come to what is expected",
        "text": first.text,
        "at": moved(first.at, root) if first.at else "",
        "where": said(failure.where),
        "first": f"cell {first.number:,}: {_cell(first.cell)}",
        "why": why_view(explained[0], root) if explained else None,
    }


def _verdict(row: Any, cells: int, failed: int, root: str) -> dict[str, Any]:
    return {
        "says": str(row), "where": asked(row.when), "at": moved(row.at, root), "cells": f"{cells:,}",
        "failed": f"{failed:,}" if failed else "",
    }  # fmt: skip


def _legend(one: Swept, known: dict[str, str]) -> Iterator[dict[str, str]]:
    """A letter each, with how many cells came to it, and how many of those are not as expected."""
    counts = dict.fromkeys(known, 0)
    failed = dict.fromkeys(known, 0)
    tones: dict[str, str] = {}
    for each in one.results:
        what = label(each)
        counts[what] += 1
        failed[what] += not each.ok
        tones[what] = "g" if each.happened.ends else "r"
    for what, letter in known.items():
        tone = "x" if failed[what] == counts[what] else tones[what]
        yield {
            "letter": letter,
            "what": what,
            "cells": f"{counts[what]:,}",
            "tone": tone,
            "failed": f"{failed[what]:,}",
        }


def _difference(each: Any) -> dict[str, Any]:
    return {
        "axis": each.axis,
        "pattern": [(either(values), what) for values, what in each.pattern],
        "where": (("" if each.everywhere else "only among ") + said(each.where)) if each.where else "everywhere",
        "lines": f"{each.lines:,}",
    }
