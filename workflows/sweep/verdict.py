"""What became of a cell, and whether that is what the file says.

Of a run, the first step that did not come to OK decides, with its outcome and the causes of its refusal; where there is
none, the end. A cell may also come to nothing of the kind: a step came to OK and yet not to what it was expected to be,
the cloud could not go on, or reseal itself has a bug. Such cells are never as expected.

A row of the verdicts is a claim about cells; the first that fits decides. The expectations of the step that fails (it
was expected to succeed, after all) are then not held against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from app.policy.causes import Cause
from workflows.explanation import refusals
from workflows.machine import OK
from workflows.transition import Report, Wrong

if TYPE_CHECKING:
    from workflows.sweep.format import ThenSpec, VerdictSpec

END: Final = "end"  # of a run without a workflow
LATER: Final = "later "


class Happened(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a cell: one of `ends`, `fails_at`, `wrong`, `stopped` and `bug` is set."""

    ends: str = ""  # state of the workflow, or "end"
    fails_at: str = ""  # step
    outcome: str = ""  # of that step: an error code, or `later NAME`
    causes: tuple[str, ...] = ()  # names of the table of causes, the innermost refusal first
    wrong: tuple[Wrong, ...] = ()  # a step, or the run as a whole, came to OK and yet not to what was expected
    stopped: str = ""  # why the run could not go on
    bug: str = ""  # of reseal

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its causes, as `why:` has them."""
        return tuple(dict.fromkeys(str(Cause[cause].word) for cause in self.causes if cause in Cause.__members__))

    def __str__(self) -> str:
        if self.fails_at:
            by = f" by {' and '.join(self.words)}" if self.words else f" with {self.outcome}"
            return f"fails at {self.fails_at}{by}"
        if self.wrong:
            return f"is not as expected: {self.wrong[0].text}"
        if self.stopped or self.bug:
            return f"could not go on: {self.stopped}" if self.stopped else f"met a bug of reseal: {self.bug}"
        return _ended(self.ends)


def _ended(state: str) -> str:
    return "comes to its end" if state == END else f"ends {state}"


def happened(report: Report) -> Happened:
    """What became of a run."""
    if report.stopped:
        return Happened(stopped=report.stopped)
    failed = next((each for each in report.transitions if each.outcome != OK), None)
    if failed is not None and failed.call and not failed.request_id and not failed.error:
        return Happened(wrong=failed.wrong)  # it was never called: a reference found nothing
    if failed is not None:
        causes = tuple(call["cause"] for call in refusals(failed))
        return Happened(fails_at=failed.step, outcome=failed.outcome, causes=causes)
    wrong = tuple(wrong for each in report.transitions for wrong in each.wrong) + report.wrong
    return Happened(wrong=wrong) if wrong else Happened(ends=report.state or END)


# --- rows ---


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row of the verdicts. `when` None: every cell that is left."""

    at: str  # file:line:column
    when: dict[str, tuple[str, ...]] | None
    fails_at: str = ""
    why: str = ""
    cause: str = ""
    error: str = ""
    later: str = ""
    ends: str = ""

    def fits(self, cell: Mapping[str, str]) -> bool:
        return self.when is None or all(cell.get(axis) in values for axis, values in self.when.items())

    def holds(self, found: Happened) -> bool:
        """Is what happened what the row says?"""
        if self.ends:
            return found.ends == self.ends
        outcome = self.error or (LATER + self.later if self.later else "")
        return (
            found.fails_at == self.fails_at
            and outcome in ("", found.outcome)
            and (not self.why or self.why in found.words)
            and (not self.cause or self.cause in found.causes)
        )

    def __str__(self) -> str:
        if self.ends:
            return _ended(self.ends)
        outcome = self.error or (LATER + self.later if self.later else "")
        by = " by " + (self.cause or self.why) if self.cause or self.why else ""
        return f"fails at {self.fails_at}{by}" + (f" with {outcome}" if outcome else "")


def row(spec: VerdictSpec, at: str) -> Row:
    then: ThenSpec = spec.then
    code = next((cause.name for cause in Cause if cause.code == then.cause), then.cause)
    return Row(
        at, dict(spec.when) if spec.when is not None else None, fails_at=then.fails_at or "", why=then.why or "",
        cause=code or "", error=then.error or "", later=then.later or "", ends=then.ends or "",
    )  # fmt: skip


def deciding(rows: Sequence[Row], cell: Mapping[str, str]) -> int | None:
    """The number of the first row that fits a cell."""
    return next((number for number, each in enumerate(rows) if each.fits(cell)), None)
