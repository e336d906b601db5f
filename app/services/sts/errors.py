"""STS's errors: codes and statuses are botocore's where it has them, texts as AWS answers them.

"known" marks texts that public transcripts of real calls show, "inferred" those composed after their neighbours.
"""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

KNOWN, INFERRED = "known: public transcripts", "inferred"


def _invalid(message: str, code: str = "ValidationError", seen: str = KNOWN) -> AwsError:
    return AwsError(code, message, 400, seen=seen, cause=Cause.PARAMETERS)


def _refused(message: str, cause: Cause, seen: str = KNOWN) -> AwsError:
    return AwsError("AccessDenied", message, 403, seen=seen, cause=cause)


DENIED = AwsError("AccessDenied", "{message}", 403, seen="policy-evaluation.md 5.2 [D]; casebook 158")
ROOT_ASSUMES = _refused("Roles may not be assumed by root accounts.", Cause.TRUST_SILENT, "wire.md (known)")
SESSION_CALLS = _refused("Cannot call {operation} with session credentials", Cause.CREDENTIALS_UNKNOWN)

BAD_ARN = _invalid("{arn} is invalid")
TOO_LONG = _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
CHAIN_TOO_LONG = _invalid(
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
)
ROOT_TOO_LONG = _invalid("The requested DurationSeconds exceeds the 1 hour session limit for root users", seen=INFERRED)

MALFORMED = AwsError(
    "MalformedPolicyDocument", "{message}", 400, seen="known: code, botocore", cause=Cause.POLICY_MALFORMED
)
TOO_PACKED = AwsError(
    "PackedPolicyTooLarge",
    "Packed policy consumes {percent}% of allotted space, please use smaller policy.",
    400,
    seen="known: public transcripts",
    cause=Cause.LIMIT_EXCEEDED,
)
TOO_MANY_ARNS = _invalid("You can pass up to 10 managed policy ARNs.", "ValidationError", INFERRED)
POLICY_MISSING = _invalid("Policy {arn} does not exist or is not attachable.", "NoSuchEntity", INFERRED)
DUPLICATE_TAGS = _invalid(
    "Duplicate tag keys found. Please note that Tag keys are case insensitive.", "InvalidParameterValue"
)
INHERITED_TAG = _invalid(
    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
    "calling session.",
    "InvalidParameterValue",
)
LACKS_TAG = _invalid(
    "The specified transitive tag key must be included in the requested tags.", "InvalidParameterValue", INFERRED
)
UNKNOWN_KEY = _invalid("Invalid AccessKeyId", "ValidationError", INFERRED)
MESSAGE_FOREIGN = _invalid(
    "Not authorized to decode message", "InvalidAuthorizationMessageException", "ebs.md 1.11 [V]"
)
MESSAGE_UNREADABLE = _invalid(
    "The encoded message is invalid", "InvalidAuthorizationMessageException", "ebs.md 1.11 [D]; text inferred"
)
