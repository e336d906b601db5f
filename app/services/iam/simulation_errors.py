"""What the policy simulator refuses, and how it says so.

Known texts are from public transcripts and captures of real calls (2017 to 2026); the others are composed after them.
"""

from __future__ import annotations

from typing import Final

from app.kernel.errors import AwsError
from app.policy.causes import Cause
from app.services.iam.errors import INFERRED as INFERRED_TEXT
from app.services.iam.errors import KNOWN

INFERRED: Final = (
    "a caller's keys aws:PrincipalArn, aws:PrincipalAccount, aws:username (users) and aws:userid (the ARN) are there "
    "unless the request gives them; MissingContextValues lists them all the same (public captures, 2026)",
    "without a ResourcePolicy the caller's side alone is simulated, whoever owns the resource",
    "a role's trust policy as ResourcePolicy is read and not asked, as AWS does (aws-cli issue 10314)",
    "a key policy as ResourcePolicy follows the KMS rule and may say Resource '*', which is refused in other policies",
    "roles and groups have no ResourcePolicy, as AWS's model says; captures of 2026 show it accepted for them",
    "an allow of the account in a ResourcePolicy still needs an identity policy, as in real calls; AWS's simulator "
    "lets it pass (public captures, 2026)",
    "with several resources EvalResourceName is '*': reseal holds no table of ARN templates",
    "a value of the type boolean that is not 'true' is false",
    "an action that does not exist is matched like any other text",
)


def _refused(message: str, seen: str = KNOWN) -> AwsError:
    return AwsError("InvalidInput", message, 400, seen=seen, cause=Cause.PARAMETERS)


def _malformed(message: str, seen: str = INFERRED_TEXT) -> AwsError:
    return AwsError("InvalidInput", message, 400, seen=seen, cause=Cause.POLICY_MALFORMED)


POLICY = _malformed("Policy input list item {n} has invalid content", KNOWN)
BOUNDARY = _malformed("Permissions boundary policy input list item {n} has invalid content")
SCP = _malformed("Organization policy at index {level} item {n} has invalid content")
RESOURCE_POLICY = _malformed("Resource policy has invalid content")
EMPTY_LEVEL = _refused("Organization policy at index {level} must contain at least one service control policy")
TOO_MANY_BOUNDARIES = _refused("The list of Permissions Boundary policies cannot exceed 1 items.")

ACTION = _refused("The action is invalid since it is missing names")
RESOURCE = _refused("ResourceNames are not in a valid ARN format: {arn}.")
ENTITY = _refused("Invalid Entity Arn: {arn} does not clearly define entity type and name.")
SOURCE_FOREIGN = _refused(
    "Invalid Policy Source Arn: caller's account {account} does not have access to policies in account {owner}"
)
CALLER = _refused("Invalid caller - Caller must be an IAM user, role or group in this context.")
CALLER_NOT_USER = _refused("Invalid caller - Caller must be an IAM user in this context.")
CALLER_MISSING = _refused("Invalid caller - Caller cannot be null or empty.")
OWNER = _refused("'{owner}' is not a valid as a Resource Owner.")
MARKER = _refused("Invalid marker for pagination.")

KEY_TWICE = _refused("Duplicate context key: {key}.", INFERRED_TEXT)
KEY_WITHOUT_TYPE = _refused("Context key {key} has invalid type null.", INFERRED_TEXT)
KEY_WITHOUT_VALUES = _refused("Context values for context key {key} cannot be null or empty.", INFERRED_TEXT)
KEY_WITH_MANY = _refused("Context key {type} expected a single value, but received {count}.", INFERRED_TEXT)
VALUE = _refused("Invalid context value for key {key}: expected {form}.", INFERRED_TEXT)

HANDLING = _refused("ResourceHandlingOption {option} does not apply to {action}.", INFERRED_TEXT)
HANDLING_LACKS = _refused("ResourceHandlingOption {option} requires a resource of the type {type}.", INFERRED_TEXT)

EXCLUSION = _refused(
    "A policy identifier must specify exactly one of PolicyType, PolicyArn, or InlinePolicyIdentifier.", INFERRED_TEXT
)
EXCLUSION_ARN = _refused("Policy exclusion ARN must identify a managed IAM policy.", INFERRED_TEXT)
EXCLUSION_STARS = _refused("A policy exclusion selector permits at most one '*' wildcard.", INFERRED_TEXT)

DOCUMENTS = (POLICY, BOUNDARY, TOO_MANY_BOUNDARIES)
ASKED = (ACTION, RESOURCE, ENTITY, OWNER, CALLER, CALLER_NOT_USER, CALLER_MISSING, RESOURCE_POLICY, MARKER)
CONTEXT = (KEY_TWICE, KEY_WITHOUT_TYPE, KEY_WITHOUT_VALUES, KEY_WITH_MANY, VALUE, HANDLING, HANDLING_LACKS)
