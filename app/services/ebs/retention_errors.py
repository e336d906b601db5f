"""Errors of the service `rbin`. Codes and statuses are of its model [D]; the texts are inferred, all of them."""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

_SEEN = "rbin's model: code [D]; text [I]"


def _invalid(message: str, reason: str = "INVALID_PARAMETER_VALUE") -> AwsError:
    return AwsError("ValidationException", message, 400, (("Reason", reason),), _SEEN, Cause.PARAMETERS)


BAD_PERIOD = _invalid("The retention period must be between 1 and {high} days, not {value}.")
BAD_DELAY = _invalid("The unlock delay must be between 7 and 30 days, not {value}.")
TOO_MANY_TAGS = _invalid("{name} has at most 50 tags.")
TAGS_AND_EXCLUDED = _invalid("ResourceTags and ExcludeResourceTags can not be specified together.")
TAG_RULE_NOT_LOCKED = _invalid("Only Region-level retention rules can be locked.")
BAD_PAGE_SIZE = _invalid("MaxResults must be between 1 and 1000, not {value}.")
BAD_PAGE_TOKEN = _invalid("The NextToken is invalid.", "INVALID_PAGE_TOKEN")
NO_SUCH_RULE = AwsError(
    "ResourceNotFoundException",
    "Rule with identifier {id} was not found.",
    404,
    (("Reason", "RULE_NOT_FOUND"),),
    _SEEN,
    Cause.PARAMETERS,
)
RULE_LOCKED = AwsError(
    "ConflictException",
    "The rule {id} is locked.",
    409,
    (("Reason", "INVALID_RULE_STATE"),),
    _SEEN,
    Cause.PARAMETERS,
)
RULE_NOT_LOCKED = AwsError(
    "ConflictException",
    "The rule {id} is not locked.",
    409,
    (("Reason", "INVALID_RULE_STATE"),),
    _SEEN,
    Cause.PARAMETERS,
)
TOO_MANY_RULES = AwsError(
    "ServiceQuotaExceededException",
    "The number of retention rules is at its limit of 250.",
    402,
    (("Reason", "SERVICE_QUOTA_EXCEEDED"),),
    _SEEN,
    Cause.LIMIT_EXCEEDED,
)
DENIED = AwsError("AccessDeniedException", "{text}", 403, seen="policy-evaluation.md 5: text [V]; code [D]")
