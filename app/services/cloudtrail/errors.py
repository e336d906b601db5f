"""CloudTrail's errors: codes and statuses are botocore's; the reference names them without texts [D: ebs.md 3.4]."""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

INFERRED = "ebs.md 3.4 [D], text inferred"


def _invalid(code: str, message: str) -> AwsError:
    return AwsError(code, message, 400, seen=INFERRED, cause=Cause.PARAMETERS)


DENIED = AwsError("AccessDeniedException", "{message}", 400, seen="policy-evaluation.md 5.1 [D]")
BAD_ATTRIBUTES = _invalid("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
BAD_VALUE = _invalid("InvalidLookupAttributesException", "The value of the lookup attribute {key} is invalid: {value}")
BAD_RANGE = _invalid("InvalidTimeRangeException", "The specified start time is after the specified end time.")
BAD_MAXIMUM = _invalid("InvalidMaxResultsException", "MaxResults must be from 1 to 50.")
BAD_TOKEN = _invalid("InvalidNextTokenException", "Invalid token.")
