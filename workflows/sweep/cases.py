"""The cells of a sweep as cases, of which JUnit and TAP are made: one a cell, named by its values.

A case stands at the row of the verdicts that decides about it, which is where a person looks first; where that row was
inherited from another file, the message says where. A sweep that did not come to its end has a case more, an error, so
that nobody takes what is there for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workflows.reports.cases import Case, Outcome
from workflows.reports.cases import case as not_run
from workflows.reports.ended import NotRun
from workflows.reports.text import place_of
from workflows.sweep.ended import Ended, Swept
from workflows.sweep.load import Sweep
from workflows.sweep.result import Result


def cases(ended: Sequence[Ended]) -> list[Case]:
    """Those of each sweep follow each other."""
    return [found for one in ended for found in ([not_run(one)] if isinstance(one, NotRun) else _of_sweep(one))]


def _of_sweep(swept: Swept) -> list[Case]:
    sweep, whole = swept.sweep, swept.whole
    found = [case(sweep, result) for result in swept.results]
    if whole.ended:
        message = f"ended after {whole.finished:,} of {whole.cells:,} cells: {whole.ended}"
        found.append(Case(sweep.path, sweep.name, Outcome.ERROR, message=message, detail=message, kind="stopped"))
    return found


def case(sweep: Sweep, result: Result) -> Case:
    """Cells take no time of their own, as they share their beginnings: `seconds` is 0."""
    at = result.at or (sweep.rows[result.row - 1].at if sweep.rows and result.row else "")
    file, line = place_of(at)[:2] if at else ("", 1)
    line = line if file == sweep.path else 1
    properties = {"cell": str(result.number), "verdict": str(result.happened)}
    if result.ok:
        return Case(sweep.path, result.title, line=line, properties=properties)
    outcome, kind = _failure(result)
    message = f"{at}: {result.text}" if at else result.text
    detail = "\n".join(_detail(sweep, result, at))
    return Case(sweep.path, result.title, outcome, line, message, detail, kind=kind, properties=properties)


def _failure(result: Result) -> tuple[Outcome, str]:
    if result.happened.bug or result.happened.stopped:
        return Outcome.ERROR, "bug" if result.happened.bug else "stopped"
    return Outcome.FAILED, "verdict" if result.row else "expectation"


def _detail(sweep: Sweep, result: Result, at: str) -> Iterator[str]:
    """The cell, what happened with its outcome and causes, and the verdict."""
    width = max(map(len, result.cell), default=0)
    yield f"cell {result.number:,} of {len(sweep.cells):,}"
    yield from (f"  {axis:<{width}}  {value}" for axis, value in result.cell.items())
    yield f"happened  {result.happened}"
    if result.happened.outcome:
        causes = f", causes: {', '.join(result.happened.causes)}" if result.happened.causes else ""
        yield f"          outcome: {result.happened.outcome}{causes}"
    yield from (f"          {wrong.at}: {wrong.text}" for wrong in result.happened.wrong)
    if sweep.rows and result.row:
        yield f"verdict   {sweep.rows[result.row - 1]} ({at})"
