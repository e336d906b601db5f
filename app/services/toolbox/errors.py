"""iam-toolbox's errors: codes and statuses are botocore's, texts are composed after its descriptions (inferred)."""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

DENIED = AwsError("AccessDeniedException", "{message}", 403, seen="policy-evaluation.md 5.4 [V]; text 5.1 [D]")
NOT_FOUND = AwsError(
    "ResourceNotFoundException",
    "The requested policy or authorization details do not exist in this region or have expired.",
    404,
    seen="botocore, ResourceNotFoundException [V]",
    cause=Cause.PARAMETERS,
)
BAD_TOKEN = AwsError(
    "ValidationException", "The nextToken is invalid.", 400, seen="code: botocore; inferred", cause=Cause.PARAMETERS
)
