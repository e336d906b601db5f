"""Errors as AWS words them, and the one exception that carries them out of a handler.

An `AwsError` is a value: code, HTTP status, message and the few further members that some services put beside them.
Operations declare theirs as templates next to the operation (`KEY_DISABLED = AwsError("DisabledException", "{arn} is
disabled.", seen="kms.md 1.1 [V]")`) and fill one in by calling it. Inside a handler a refusal is raised as `Refused`,
because it has to leave several helpers at once; `perform` turns it back into a value, so nobody outside sees it raised.
The reason why (`Refusal`) travels beside the error, never in its text: AWS's words stay AWS's words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from app.policy.causes import Cause

if TYPE_CHECKING:
    from app.policy.decide import Decision
    from app.policy.question import Question


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call was refused: a row of the closed table of causes, and the decision where a policy decided."""

    cause: Cause
    decision: Decision | None = None
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class AwsError:
    """One AWS error, or (with `{names}` in its message) the template of one."""

    code: str
    message: str = ""
    status: int = 400
    members: tuple[tuple[str, str], ...] = ()  # further members of the error's shape, such as EBS's Reason
    seen: str = ""  # where the text comes from: reference section and mark
    cause: Cause | None = None  # what it means in the closed table, where the error alone tells

    def __call__(self, **values: object) -> AwsError:
        """The template filled in."""
        return replace(self, message=self.message.format(**values))

    def refuse(self, refusal: Refusal | None = None, **values: object) -> NoReturn:
        """Leave the handler with this error; `values` fill in the message."""
        raise Refused(self(**values) if values else self, refusal)


class Refused(Exception):
    """Carries an `AwsError` from where it is found to `perform`."""

    def __init__(self, error: AwsError, refusal: Refusal | None = None) -> None:
        super().__init__(error.code)
        self.error = error
        self.refusal = refusal or (Refusal(error.cause) if error.cause else None)


def not_simulated(what: str, code: str = "UnsupportedOperation") -> AwsError:
    """reseal's own refusal: always 400, so that no client retries, and always in these first words."""
    return AwsError(code, f"reseal does not simulate {what}", 400, seen="ours", cause=Cause.NOT_SIMULATED)
