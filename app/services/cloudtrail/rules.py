"""How CloudTrail judges, and its own events. `INFERRED` lists what no reference page shows."""

from __future__ import annotations

from typing import Final

from app.kernel.audit import TrailStyle, camel
from app.kernel.authority import Denied
from app.kernel.draft import Draft
from app.kernel.errors import AwsError, not_simulated
from app.policy.messages import denial
from app.services.cloudtrail import errors

INFERRED: Final = (
    "the texts of the errors of LookupEvents",
    "a token is good for the same question only",
    "an EndTime of whole seconds includes its second",
    "AccessDeniedException is answered with status 400, as JSON services do",
)


def denied(draft: Draft, asked: Denied) -> AwsError:
    """Without a resource: CloudTrail passes none for a lookup."""
    where = None if asked.resource.arn != "*" else ""
    return errors.DENIED(message=denial(asked.decision, asked.question, where))


def missing(what: str) -> AwsError:
    return not_simulated(what, "UnsupportedOperationException")


TRAIL: Final = TrailStyle(
    source="cloudtrail.amazonaws.com",
    parameters=lambda frame, error: camel(frame.call.parameters) or None,
    response=lambda frame, answer: None,  # reads only
    code=lambda error: "AccessDenied" if error.code == errors.DENIED.code else error.code,
    names_resources=lambda error: False,
)
