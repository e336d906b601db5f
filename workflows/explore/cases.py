"""An exploration for CI: an end a JUnit case, and a finding for what is wrong, at the line of the scenario.

What is wrong: a surprise, told at the call by which it comes about; an end that the scenario declares and that can not
happen, told where it is declared; a search that a limit ended, which has proved nothing; a file that is not valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workflows.explore.judge import Row, Surprise
from workflows.explore.report import as_text, path_lines
from workflows.explore.session import Explored
from workflows.explore.tracks import CannotExplore
from workflows.machine import UNFORESEEN
from workflows.reports import github, junit
from workflows.reports.cases import Case, Outcome
from workflows.reports.findings import NOT_RUN, Finding, Level, Region
from workflows.reports.places import relative
from workflows.reports.text import clean
from workflows.yaml_marks import InvalidFile, Mark

SURPRISE, NOT_REACHED, CUT = "surprise", "not-reached", "cut"  # what fails, in a word


@dataclass(frozen=True, slots=True)
class Explorable:
    """A file that was explored, or why it was not."""

    file: str
    came: Explored | InvalidFile | CannotExplore
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Wrong:
    kind: str
    name: str
    message: str
    mark: Mark
    detail: str = ""


# --- what is wrong ---


def wrongs(explored: Explored) -> Iterator[Wrong]:
    scenario, verdict = explored.plan.scenario, explored.verdict
    for one in verdict.surprises:
        yield Wrong(SURPRISE, one.what, _sentence(explored, one), _mark(explored, one), path_lines(explored, one))
    for name in verdict.not_reached:
        words = f"{name}: the scenario declares this end, and it can not happen"
        yield Wrong(NOT_REACHED, name, words, scenario.mark("explore", "ends", name))
    if explored.found.cut:
        words = f"the search was ended by its limit of {explored.found.cut}: what is beyond is unknown"
        yield Wrong(CUT, "the search is exhaustive", words, scenario.mark())


def _mark(explored: Explored, one: Surprise) -> Mark:
    """Of the call that leads to it; of the file where that is a disturbance that is ready."""
    step = next((each for each in explored.plan.calls if each.id == one.end.last), None)
    return explored.plan.scenario.step_mark(step) if step else explored.plan.scenario.mark()


def _sentence(explored: Explored, one: Surprise) -> str:
    calls = " → ".join(node.step.id for node in one.shortest.path() if node.step)
    missing = one.end.name == UNFORESEEN.name
    row = f"; the row belongs into workflow {explored.plan.workflow.name}" if missing else ""
    return f"{one.what}. Shortest path: {calls}{row}"


# --- JUnit ---


def as_junit(all_of: Sequence[Explorable], root: str = "") -> str:
    return junit.of_cases([case for one in all_of for case in cases(one)], root)


def cases(one: Explorable) -> Iterator[Case]:
    """A case an end that can happen, and one for each thing that is wrong."""
    if not isinstance(one.came, Explored):
        line = one.came.mistakes[0].mark.line if isinstance(one.came, InvalidFile) else 1
        message = str(one.came).partition("\n")[0]
        yield Case(one.file, one.file, Outcome.ERROR, line, message, str(one.came), one.seconds, "invalid")
        return
    found = one.came.found
    counted = {"states": f"{found.states}", "calls": f"{found.transitions}", "orders": f"{found.orders}"}
    first = Case(one.file, "explored", seconds=one.seconds, properties=counted | {"workflow": found.plan.workflow.name})
    yield first
    yield from (Case(one.file, name) for name in dict.fromkeys(map(_name, one.came.verdict.rows)) if name)
    for each in wrongs(one.came):
        outcome = Outcome.ERROR if each.kind == CUT else Outcome.FAILED
        yield Case(one.file, each.name, outcome, each.mark.line, each.message, each.detail, kind=each.kind)


def _name(row: Row) -> str:
    """Of a declared end; "" of any other: it is among the surprises."""
    if not row.declared:
        return ""
    return f"{row.declared} = {row.end.name} by {row.end.how}".removeprefix(f"{row.end.name} = ")


# --- GitHub ---


def as_github(all_of: Sequence[Explorable], root: str = "") -> str:
    """Each exploration in a group of its own, then an annotation for each thing that is wrong."""
    groups = "".join(_group(one, root) for one in all_of)
    found = [finding for one in all_of for finding in findings(one)]
    lines = [github.annotation(finding, root) for finding in found[: github.SHOWN_MAX]]
    more = [f"and {len(found) - github.SHOWN_MAX} more"] if len(found) > github.SHOWN_MAX else []
    return groups + "".join(f"{line}\n" for line in [*lines, *more])


def _group(one: Explorable, root: str) -> str:
    """What is told of it is data: a line of it that looks like a command is none."""
    text = clean(as_text(one.came) if isinstance(one.came, Explored) else str(one.came)).rstrip("\n")
    stop = hashlib.sha256(text.encode()).hexdigest()  # no text holds its own digest
    head = f"::group::{clean(relative(one.file, root))}"
    return "\n".join([head, f"::stop-commands::{stop}", text, f"::{stop}::", "::endgroup::"]) + "\n"


def findings(one: Explorable) -> Iterator[Finding]:
    if isinstance(one.came, InvalidFile):
        for each in one.came.mistakes:
            region = Region(each.mark.file, each.mark.line, each.mark.column)
            yield Finding(NOT_RUN, Level.ERROR, "The file is not valid", each.text, region, one.file)
    elif isinstance(one.came, CannotExplore):
        yield Finding(NOT_RUN, Level.ERROR, "It can not be explored", str(one.came), Region(one.file), one.file)
    else:
        for each in wrongs(one.came):
            region = Region(each.mark.file, each.mark.line, each.mark.column)
            yield Finding(each.kind, Level.ERROR, _TITLES[each.kind], each.message, region, one.file)


_TITLES = {
    SURPRISE: "Some order of the calls has a surprise",
    NOT_REACHED: "A declared end can not happen",
    CUT: "The search was not ended",
}
