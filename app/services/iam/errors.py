"""IAM's errors: codes and statuses are botocore's, texts as AWS answers them.

No reference page shows these texts. "known" marks those that public transcripts of real calls show, "inferred" those
that were composed after their neighbours; rules.py lists what else is inferred.
"""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

KNOWN, INFERRED, OURS = "known: public transcripts", "inferred", "ours"


def _missing(message: str, seen: str = KNOWN) -> AwsError:
    return AwsError("NoSuchEntity", message, 404, seen=seen, cause=Cause.PRINCIPAL_NOT_FOUND)


def _exists(message: str) -> AwsError:
    return AwsError("EntityAlreadyExists", message, 409, seen=KNOWN, cause=Cause.PARAMETERS)


def _conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message, 409, seen=KNOWN, cause=Cause.PARAMETERS)


def _limit(message: str) -> AwsError:
    return AwsError("LimitExceeded", message, 409, seen=KNOWN, cause=Cause.LIMIT_EXCEEDED)


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message, 400, seen=KNOWN, cause=Cause.POLICY_MALFORMED)


def _invalid(message: str, code: str = "ValidationError", seen: str = KNOWN) -> AwsError:
    return AwsError(code, message, 400, seen=seen, cause=Cause.PARAMETERS)


HOLDER_MISSING = _missing("The {noun} with name {name} cannot be found.")
HOLDER_EXISTS = _exists("{noun} with name {name} already exists.")
INLINE_MISSING = _missing("The {noun} policy with name {name} cannot be found.")
POLICY_EXISTS = _exists("A policy called {name} already exists. Duplicate names are not allowed.")
POLICY_MISSING = _missing("Policy {arn} was not found.")
POLICY_NOT_ATTACHABLE = _missing("Policy {arn} does not exist or is not attachable.")
POLICY_UNKNOWN_HERE = _missing(
    "Policy {arn} does not exist or is not attachable. reseal does not simulate this AWS managed policy.", OURS
)
VERSION_MISSING = _missing("Policy {arn} version {version} does not exist or is not attachable.")
KEY_MISSING = _missing("The Access Key with id {id} cannot be found.")
BOUNDARY_MISSING = _missing("The {noun} with name {name} does not have a permissions boundary.", INFERRED)
DELETION_MISSING = _missing("Deletion task {id} cannot be found.", INFERRED)

HAS_INLINE = _conflict("Cannot delete entity, must delete policies first.")
HAS_ATTACHED = _conflict("Cannot delete entity, must detach all policies first.")
HAS_KEYS = _conflict("Cannot delete entity, must delete access keys first.")
HAS_MEMBERS = _conflict("Cannot delete entity, must remove users from group first.")
POLICY_ATTACHED = _conflict("Cannot delete a policy attached to entities.")
POLICY_HAS_VERSIONS = _conflict(
    "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
    "The default version is deleted with the policy."
)
VERSION_IS_DEFAULT = _conflict("Cannot delete the default version of a policy.")

QUOTA = _limit("Cannot exceed quota for {quota}: {limit}")
INLINE_TOO_LARGE = _limit("Maximum policy size of {limit} bytes exceeded for {noun} {name}")
TOO_MANY_VERSIONS = _limit(
    "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."
)

NO_JSON = _malformed("This policy contains invalid Json")
SYNTAX = _malformed("Syntax errors in policy.")
NO_ACTIONS = _malformed("Policy statement must contain actions.")
NO_RESOURCES = _malformed("Policy statement must contain resources.")
NO_VENDOR = _malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
NO_ARN = _malformed('Resource {resource} must be in ARN format or "*".')
SID_FORM = _malformed(
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
SID_TWICE = _malformed("Statement IDs (SID) in a single policy must be unique.")
OLD_VERSION = _malformed("Policy document must be version 2012-10-17 or greater.")
HAS_PRINCIPAL = _malformed("Policy document should not specify a principal.")
HAS_RESOURCE = _malformed("Has prohibited field Resource")
# what a policy that names no principals can have wrong with it
MALFORMED = (NO_JSON, SYNTAX, HAS_PRINCIPAL, NO_ACTIONS, NO_RESOURCES, NO_VENDOR, NO_ARN, SID_FORM, SID_TWICE)
UNKNOWN_PRINCIPAL = _malformed('Invalid principal in policy: "{kind}":"{principal}"')

PROTECTED = AwsError(
    "UnmodifiableEntity",
    "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
    400,
    seen="known; code: casebook 181 [D]",
    cause=Cause.PARAMETERS,
)
LINKED_ROLE_EXISTS = _invalid(
    "Service role name {name} has been taken in this account, please try a different suffix.", "InvalidInput"
)
NO_SUFFIX = _invalid("Custom suffix is not allowed for {service}", "InvalidInput")
LINKED_SERVICE_UNKNOWN = _invalid("reseal does not simulate a service-linked role of {service}", "InvalidInput", OURS)
NOT_LINKED = _invalid("{name} is not a service-linked role", "InvalidInput", INFERRED)

NOT_A_USER = _invalid("Must specify userName when calling with non-User credentials")
BAD_MARKER = _invalid("Invalid Marker.", seen=INFERRED)
DUPLICATE_TAGS = _invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.", "InvalidInput")
SESSION_TOKEN_KEYS = AwsError(
    "InvalidClientTokenId",
    "The security token included in the request is invalid",
    403,
    seen="known: keys of GetSessionToken without MFA can not call IAM",
    cause=Cause.CREDENTIALS_UNKNOWN,
)
DENIED = AwsError("AccessDenied", "{message}", 403, seen="policy-evaluation.md 5.2 [D]")
