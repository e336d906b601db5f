"""Errors of Organizations: codes and statuses are botocore's; texts as AWS answers them.

"known" marks texts that public transcripts of real calls show, "inferred" those composed after their neighbours.
"""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

KNOWN, INFERRED = "known: public transcripts", "inferred"


def _error(code: str, message: str, seen: str = KNOWN, cause: Cause = Cause.PARAMETERS) -> AwsError:
    return AwsError(code, message, 400, seen=seen, cause=cause)


DENIED = _error("AccessDeniedException", "{message}", "policy-evaluation.md 5.1 [D]")
NOT_MANAGEMENT = _error(
    "AccessDeniedException", "You don't have permissions to access this resource.", cause=Cause.NEVER_ACROSS_ACCOUNTS
)
NOT_IN_USE = _error("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
ALREADY_IN_ONE = _error("AlreadyInOrganizationException", "The AWS account is already a member of an organization.")
NOT_EMPTY = _error(
    "OrganizationNotEmptyException",
    "To delete an organization you must first remove all member accounts (except the master).",
)
ROOT_MISSING = _error("RootNotFoundException", "You specified a root that doesn't exist.")
PARENT_MISSING = _error("ParentNotFoundException", "You specified parent that doesn't exist.")
SOURCE_MISSING = _error("SourceParentNotFoundException", "You specified a source parent that doesn't exist.", INFERRED)
DESTINATION_MISSING = _error(
    "DestinationParentNotFoundException", "You specified a destination parent that doesn't exist.", INFERRED
)
CHILD_MISSING = _error("ChildNotFoundException", "You specified a child that doesn't exist.", INFERRED)
ACCOUNT_MISSING = _error("AccountNotFoundException", "You specified an account that doesn't exist.")
UNIT_MISSING = _error("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
UNIT_EXISTS = _error("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
UNIT_NOT_EMPTY = _error(
    "OrganizationalUnitNotEmptyException", "The specified organizational unit is not empty.", INFERRED
)
SAME_PARENT = _error("DuplicateAccountException", "The account is already in the destination parent.", INFERRED)
MANAGEMENT_STAYS = _error(
    "MasterCannotLeaveOrganizationException",
    "You can't remove a management account from an organization.",
    INFERRED,
)
ALREADY_CLOSED = _error("AccountAlreadyClosedException", "The account is already closed.", INFERRED)
MANAGEMENT_OPEN = _error(
    "ConstraintViolationException", "You can't close the management account of an organization.", INFERRED
)
STATUS_MISSING = _error(
    "CreateAccountStatusNotFoundException", "You specified a create account request ID that doesn't exist."
)

INVITED_IS_MEMBER = _error(
    "HandshakeConstraintViolationException",
    "You can't invite an account that is already a member of an organization.",
    "inferred text, ALREADY_IN_AN_ORGANIZATION [D]",
)
INVITED_TWICE = _error(
    "DuplicateHandshakeException", "A handshake with the same action and target already exists.", INFERRED
)
BAD_INVITED = _error("InvalidInputException", "reseal invites accounts by their 12-digit id only", "ours")
HANDSHAKE_MISSING = _error("HandshakeNotFoundException", "You specified a handshake that doesn't exist.", INFERRED)
HANDSHAKE_ACCEPTED = _error(
    "HandshakeAlreadyInStateException", "The specified handshake is already in the requested state.", INFERRED
)
HANDSHAKE_EXPIRED = _error(
    "InvalidHandshakeTransitionException", "The handshake is expired and can't be accepted.", INFERRED
)

POLICY_MISSING = _error("PolicyNotFoundException", "You specified a policy that doesn't exist.")
POLICY_EXISTS = _error("DuplicatePolicyException", "A policy with the specified name and type already exists.")
POLICY_IN_USE = _error(
    "PolicyInUseException",
    "The policy is attached to one or more entities. You must detach it from all roots, "
    "OUs, and accounts before performing this operation.",
)
POLICY_IS_AWS = _error("InvalidInputException", "You can't update or delete a policy that AWS manages.", INFERRED)
TARGET_MISSING = _error("TargetNotFoundException", "You specified a target that doesn't exist.")
ATTACHED = _error(
    "DuplicatePolicyAttachmentException", "A policy with the specified name and type already exists on the target."
)
NOT_ATTACHED = _error(
    "PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root."
)
LAST_POLICY = _error(
    "ConstraintViolationException",
    "You cannot remove the last policy attached to the specified target. You must have at least one attached at all "
    "times.",
    "known: MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
)
TOO_MANY_POLICIES = _error(
    "ConstraintViolationException",
    "You have attached the maximum number of policies to the specified target.",
    "known: MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
    Cause.LIMIT_EXCEEDED,
)
TYPE_ENABLED = _error("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
TYPE_NOT_ENABLED = _error(
    "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types."
)
TYPE_NOT_SIMULATED = _error("InvalidInputException", "reseal does not simulate policies of the type {type}", "ours")
MALFORMED = _error(
    "MalformedPolicyDocumentException",
    "The provided policy document does not meet the requirements of the specified policy type.",
    cause=Cause.POLICY_MALFORMED,
)
POLICY_TOO_LARGE = _error(
    "ConstraintViolationException",
    "The policy document exceeds the maximum size of 5120 characters.",
    INFERRED,
    Cause.LIMIT_EXCEEDED,
)
BAD_TOKEN = _error("InvalidInputException", "Invalid NextToken.", "inferred; INVALID_PAGINATION_TOKEN [D]")
BAD_TAG_TARGET = _error("TargetNotFoundException", "You specified a target resource that doesn't exist.", INFERRED)
DUPLICATE_TAGS = _error(
    "InvalidInputException", "You specified a tag key more than once.", "inferred text, DUPLICATE_TAG_KEY [D]"
)
CONSOLIDATED = _error("UnsupportedOperation", "reseal does not simulate organizations without all features", "ours")
CONSTRAINED_EMAIL = "EMAIL_ALREADY_EXISTS"  # FailureReason of a CreateAccountStatus [D]
