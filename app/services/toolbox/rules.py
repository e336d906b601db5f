"""How IAM Toolbox judges, and its own events. `INFERRED` lists what no reference page shows."""

from __future__ import annotations

from typing import Final

from app.kernel.audit import TrailStyle, camel
from app.kernel.authority import Denied
from app.kernel.draft import Draft
from app.kernel.errors import AwsError, not_simulated
from app.policy.messages import denial
from app.services.toolbox import errors

INFERRED: Final = (
    "an inline policy's uri is a hash of where it stands",
    "policySource: the types KMS_KEY_POLICY and KMS_GRANT and their names; a grant's document shows its terms",
    "a statement without a Sid is called Statement and its number from 1",
    "the policies and matches of another account are left out, unless it is of the same organization",
    "of what was allowed in the same request only the effect is kept, so it has no checks",
    "a layer that does not bind the caller has no check",
    "the source of the events is iam-toolbox.amazonaws.com",
    "details are kept as long as the log",
)


def denied(draft: Draft, asked: Denied) -> AwsError:
    return errors.DENIED(message=denial(asked.decision, asked.question))


def missing(what: str) -> AwsError:
    return not_simulated(what, "ValidationException")


TRAIL: Final = TrailStyle(
    source="iam-toolbox.amazonaws.com",
    parameters=lambda frame, error: camel(frame.call.parameters) or None,
    response=lambda frame, answer: None,  # reads only
    code=lambda error: "AccessDenied" if error.code == errors.DENIED.code else error.code,
    names_resources=lambda error: False,
)
