"""What is reported of: a run that ended, or a file that could not be run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from app.policy.explain_values import Explanation, Mending
from app.policy.repair_words import shown
from workflows import explanation
from workflows.course import account_ids
from workflows.reports.inline import Locator, documents
from workflows.transition import Report, Transition
from workflows.yaml_marks import Mistake, Node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.machine import Workflow
    from workflows.scenario import Scenario

Repairs = dict[str, tuple[Mending, ...]]  # step -> its repairs that were tried and work, the smallest first
NO_REPAIRS: Final[Repairs] = {}


def repairs_of(report: Report) -> Repairs:
    return {each.step: tuple(map(shown, each.repairs)) for each in report.transitions if each.repairs}


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that ended, as expected or not, or was stopped by its cloud. `of` makes one from its scenario.

    Of the report alone it tells all but how long it took, its machine, its description, and fixes of files.
    """

    report: Report
    seconds: float = 0.0
    workflow: Workflow | None = None
    description: str = ""
    seed: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict[str, str])  # alias -> id
    texts: Mapping[str, str] = field(default_factory=dict[str, str])  # policy file -> its text as it stands there
    inline: tuple[Node, ...] = ()  # policies that stand in the scenario itself

    @classmethod
    def of(cls, scenario: Scenario, report: Report, seconds: float = 0.0, workflow: Workflow | None = None) -> Finished:
        """`workflow`: the machine that the steps followed, for its picture."""
        spec = scenario.spec
        texts = {path: text for text, path in scenario.files.items()}
        known = account_ids(scenario)
        return cls(report, seconds, workflow, spec.description, spec.seed, known, texts, documents(scenario))

    @property
    def repairs(self) -> Repairs:
        return repairs_of(self.report)

    @property
    def file(self) -> str:
        return self.report.file

    @property
    def ok(self) -> bool:
        return self.report.ok

    def explanations(self) -> list[tuple[str, Explanation]]:
        """(step, why) of every refused step, each with its repairs."""
        files = Locator(self.report.files, self.inline)
        return [(step, files.moved(why)) for step, why in explained(self.report.transitions, files, self.repairs)]


class Reason(StrEnum):
    """Why a file was not run."""

    INVALID = "invalid"  # the file, or a policy that it names
    UNREACHABLE = "unreachable"  # the cloud that it was to run in
    BUG = "bug"  # of reseal
    INTERRUPTED = "interrupted"
    LEFT_OUT = "left-out"  # a sweep among scenarios: nothing is wrong with it, and it was not run


@dataclass(frozen=True, slots=True)
class NotRun:
    """A file that could not be run; `mistakes` where the file itself is at fault."""

    file: str
    reason: Reason
    message: str = ""
    mistakes: tuple[Mistake, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """A file that is left out fails nothing; every form says that it was not run."""
        return self.reason is Reason.LEFT_OUT


Ended = Finished | NotRun


def explained(
    transitions: Iterable[Transition], files: explanation.Files, repairs: Repairs
) -> Iterator[tuple[str, Explanation]]:
    """(step, why) of every refused step, each with its repairs."""
    for step, found in explanation.explanations(transitions, files):
        yield step, replace(found, repairs=tuple(repairs.get(step, ())))
