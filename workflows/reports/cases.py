"""One result in a list of results: a run, or a cell of a sweep. JUnit and TAP are made from these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workflows.reports.ended import Ended, Finished, NotRun, Reason
from workflows.reports.text import as_text, place_of
from workflows.transition import Wrong


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"  # an expectation is not met
    ERROR = "error"  # could not be run to its end
    SKIPPED = "skipped"  # was not run, and needed not be


@dataclass(frozen=True, slots=True)
class Case:
    """`message` is one line, `detail` any number; both are empty where it passed."""

    file: str  # groups cases: the scenario's path
    name: str
    outcome: Outcome = Outcome.PASSED
    line: int = 1  # of `file`, or of what failed
    message: str = ""
    detail: str = ""
    seconds: float = 0.0
    kind: str = ""  # of failure, in one word: "expectation", "stopped", "invalid"
    properties: Mapping[str, str] = field(default_factory=dict[str, str])


def case(ended: Ended) -> Case:
    """A run as one case: the first that is wrong is its message, the whole text its detail."""
    return _not_run(ended) if isinstance(ended, NotRun) else _finished(ended)


def _not_run(ended: NotRun) -> Case:
    if ended.reason is Reason.LEFT_OUT:
        return Case(ended.file, ended.file, Outcome.SKIPPED, message=ended.message, kind=ended.reason.value)
    message, *_ = [str(one) for one in ended.mistakes] or [ended.message]
    line = ended.mistakes[0].mark.line if ended.mistakes else 1
    detail = "\n".join(map(str, ended.mistakes)) or ended.message
    return Case(ended.file, ended.file, Outcome.ERROR, line, message, detail, ended.seconds, ended.reason.value)


def _finished(ended: Finished) -> Case:
    report = ended.report
    properties = {
        "run": report.run, "seed": ended.seed or "", "workflow": report.workflow, "end": report.state,
    }  # fmt: skip
    known = {name: value for name, value in properties.items() if value}
    if report.ok:
        return Case(report.file, report.scenario, seconds=ended.seconds, properties=known)
    wrong = list(all_wrong(ended))
    line = place_of(wrong[0].at)[1] if wrong else 1
    outcome, kind = (Outcome.ERROR, "stopped") if report.stopped else (Outcome.FAILED, "expectation")
    message = report.stopped or f"{wrong[0].at}: {wrong[0].text}"
    detail = as_text(report, repairs=ended.repairs)
    return Case(report.file, report.scenario, outcome, line, message, detail, ended.seconds, kind, known)


def all_wrong(ended: Finished) -> list[Wrong]:
    """Every expectation that is not met, the steps' first."""
    steps = [wrong for transition in ended.report.transitions for wrong in transition.wrong]
    return [*steps, *ended.report.wrong]
