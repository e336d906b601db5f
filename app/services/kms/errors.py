"""KMS's errors and their words (kms.md 1.2, 2, 4, 5, 7). States have theirs in `states.py`.

All of KMS's client errors are HTTP 400. An empty message is AWS's own: some of its exceptions come without a text.
"""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

_NF, _ARN, _VAL = "NotFoundException", "InvalidArnException", "ValidationException"
_UNSUPPORTED, _LIMIT = "UnsupportedOperationException", "LimitExceededException"
_POLICY = "MalformedPolicyDocumentException"

# keys and aliases (section 4)
KEY_NOT_FOUND = AwsError(_NF, "Key '{arn}' does not exist", seen="kms.md 4 [V]", cause=Cause.KEY_NOT_FOUND)
INVALID_KEY_ID = AwsError(_NF, "Invalid keyId '{given}'", seen="kms.md 4 [V]", cause=Cause.KEY_NOT_FOUND)
WRONG_REGION = AwsError(_NF, "Invalid arn {region}", seen="kms.md 4 [V]", cause=Cause.KEY_NOT_FOUND)
INVALID_ARN = AwsError(_ARN, "Invalid arn {given}", seen="kms.md 4 [I]", cause=Cause.PARAMETERS)
ALIAS_NOT_FOUND = AwsError(_NF, "Alias {arn} is not found.", seen="kms.md 4 [V]", cause=Cause.ALIAS_NOT_FOUND)
NO_ALIASES = AwsError(
    _ARN, "Key Aliases are not supported for this operation.", seen="kms.md 4 [V]", cause=Cause.PARAMETERS
)
HIDDEN = AwsError(
    "AccessDeniedException",
    "User: {caller} is not authorized to perform: {action} {where} because the resource does not exist in this Region, "
    "no resource-based policies allow access, or a resource-based policy explicitly denies access",
    seen="kms.md 7 [V]",
)

ALIAS_PREFIX = AwsError(
    _VAL,
    'Alias must start with the prefix "alias/". Please see '
    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
    seen="kms.md 4 [V]",
    cause=Cause.PARAMETERS,
)
ALIAS_RESERVED = AwsError("NotAuthorizedException", seen="kms.md 4 [I]", cause=Cause.PARAMETERS)
ALIAS_COLON = AwsError(
    _VAL, "{name} contains invalid characters for an alias", seen="kms.md 4 [I]", cause=Cause.PARAMETERS
)
ALIAS_TO_ALIAS = AwsError(_VAL, "Aliases must refer to keys. Not aliases", seen="kms.md 4 [I]", cause=Cause.PARAMETERS)
ALIAS_EXISTS = AwsError(
    "AlreadyExistsException", "An alias with the name {arn} already exists", seen="kms.md 4 [V]", cause=Cause.PARAMETERS
)
ALIAS_KIND = AwsError(
    _VAL,
    "The current key {old} and the new key {new} of an alias must be of the same type and key usage.",
    seen="kms.md 4 [D], code and text [I]",
    cause=Cause.KEY_WRONG_KIND,
)
TOO_MANY_ALIASES = AwsError(
    _LIMIT,
    "An alias quota has been reached for the key {arn}",
    seen="kms.md 8.2 [D], text [I]",
    cause=Cause.LIMIT_EXCEEDED,
)

# parameters
VALIDATION = AwsError(_VAL, "{text}", seen="kms.md 1.2 [V]", cause=Cause.PARAMETERS)
CONSTRAINT = AwsError(
    _VAL,
    "1 validation error detected: Value {value}at '{member}' failed to satisfy constraint: {rule}",
    seen="kms.md 1.2 [V]",
    cause=Cause.PARAMETERS,
)
BYTES_OR_SPEC = AwsError(
    _VAL, "Please specify either number of bytes or key spec.", seen="kms.md 3 [I]", cause=Cause.PARAMETERS
)
BYTES_REQUIRED = AwsError(_VAL, "NumberOfBytes is required.", seen="kms.md 1.2 [V]", cause=Cause.PARAMETERS)
USAGE_REQUIRED = AwsError(
    _VAL,
    "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    seen="kms.md 1.2 [V]",
    cause=Cause.PARAMETERS,
)
TWO_SPECS = AwsError(
    _VAL,
    "You cannot specify KeySpec and CustomerMasterKeySpec in the same request.",
    seen="kms.md 2.2 [D], text [I]",
    cause=Cause.PARAMETERS,
)
USAGE_CLASH = AwsError(
    _VAL, "KeyUsage {usage} is not compatible with KeySpec {spec}", seen="kms.md 1.2 [V]", cause=Cause.PARAMETERS
)
INVALID_MARKER = AwsError("InvalidMarkerException", seen="kms.md 1 [D], text [I]", cause=Cause.PARAMETERS)
TAGS_REPEAT = AwsError("TagException", "Duplicate tag keys", seen="kms.md 1.2 [V]", cause=Cause.PARAMETERS)
TAGS_TOO_MANY = AwsError("TagException", "Too many tags", seen="kms.md 1.2 [V]", cause=Cause.LIMIT_EXCEEDED)
TAGS_RESERVED = AwsError(
    "TagException", "Tags beginning with aws: are reserved", seen="kms.md 1.2 [V]", cause=Cause.PARAMETERS
)
DRY_RUN_OK = AwsError(
    "DryRunOperationException",
    "The request would have succeeded, but the DryRun option is set.",
    seen="kms.md 1.2 [V]",
)

# usage and ciphertexts
WRONG_ORIGIN = AwsError(
    _UNSUPPORTED,
    "{arn} origin is {origin} which is not valid for this operation.",
    seen="kms.md 1.1 #6, #9 [V]",
    cause=Cause.KEY_WRONG_KIND,
)
WRONG_USAGE = AwsError(
    "InvalidKeyUsageException",
    "{arn} key usage is {usage} which is not valid for {operation}.",
    seen="kms.md 1.2 [V]",
    cause=Cause.KEY_WRONG_KIND,
)
WRONG_KIND = AwsError(_UNSUPPORTED, seen="kms.md 1.1 #7, 1.2, 2.5 [V]", cause=Cause.KEY_WRONG_KIND)
WRONG_ALGORITHM = AwsError(
    "InvalidKeyUsageException",
    "Algorithm {algorithm} is incompatible with key spec {spec}.",
    seen="kms.md 1.2 [V]",
    cause=Cause.KEY_WRONG_KIND,
)
INCORRECT_KEY = AwsError(
    "IncorrectKeyException",
    "The key ID in the request does not identify a CMK that can perform this operation.",
    seen="kms.md 1.2 [V]",
    cause=Cause.CIPHERTEXT_INVALID,
)
INVALID_CIPHERTEXT = AwsError("InvalidCiphertextException", seen="kms.md 3 [V]", cause=Cause.CIPHERTEXT_INVALID)
CONTEXT_UNFIT = AwsError(
    _VAL,
    "EncryptionContext is not supported for key spec {spec}.",
    seen="kms.md 3 [I]",
    cause=Cause.PARAMETERS,
)
PLAINTEXT_TOO_LONG = AwsError(
    _VAL,
    "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes.",
    seen="kms.md 1.2 [V]",
    cause=Cause.PARAMETERS,
)
DIGEST_LENGTH = AwsError(
    _VAL, "Digest is invalid length for algorithm {algorithm}.", seen="kms.md 1.2 [V]", cause=Cause.PARAMETERS
)
MESSAGE_TYPE = AwsError(
    _VAL,
    "MessageType {form} is incompatible with algorithm {algorithm}.",
    seen="kms.md 2.5 [D], text [I]",
    cause=Cause.PARAMETERS,
)
INVALID_SIGNATURE = AwsError("KMSInvalidSignatureException", seen="kms.md 1.2 [V]", cause=Cause.CIPHERTEXT_INVALID)
INVALID_MAC = AwsError("KMSInvalidMacException", seen="kms.md 1.2 [V]", cause=Cause.CIPHERTEXT_INVALID)
INVALID_PUBLIC_KEY = AwsError(_VAL, seen="kms.md 1.2 [V]", cause=Cause.PARAMETERS)

# policies (section 5)
NO_SUCH_POLICY = AwsError(_NF, "No such policy exists", seen="kms.md 5 [I]", cause=Cause.PARAMETERS)
MALFORMED_POLICY = AwsError(
    _POLICY, "{text}", seen="kms.md 5: the code [D], the text ours", cause=Cause.POLICY_MALFORMED
)
INVALID_PRINCIPALS = AwsError(
    _POLICY,
    "Policy contains a statement with one or more invalid principals.",
    seen="kms.md 5 [V]",
    cause=Cause.POLICY_MALFORMED,
)
NO_PRINCIPAL = AwsError(  # two real answers of CreateKey that people keep beside Terraform's code
    _POLICY,
    "Policy contains a statement with no principal.",
    seen="public transcripts of CreateKey [V]",
    cause=Cause.POLICY_MALFORMED,
)
LOCKOUT = AwsError(
    _POLICY,
    "The new key policy will not allow you to update the key policy in the future.",
    seen="kms.md 5 [V]",
    cause=Cause.POLICY_LOCKS_OUT,
)
POLICY_TOO_LONG = AwsError(
    _LIMIT, "The key policy is over {limit} bytes", seen="kms.md 5 [D], text [I]", cause=Cause.LIMIT_EXCEEDED
)

# grants (section 6)
INVALID_PRINCIPAL_ARN = AwsError(
    _ARN, "ARN does not refer to a valid principal: {arn}", seen="kms.md 6 [I]", cause=Cause.PARAMETERS
)
INVALID_GRANT_TOKEN = AwsError(
    "InvalidGrantTokenException", seen="kms.md 3 [D], text [I]", cause=Cause.GRANT_TOKEN_INVALID
)
INVALID_GRANT_ID = AwsError("InvalidGrantIdException", seen="kms.md 6 [D], text [I]", cause=Cause.PARAMETERS)
GRANT_NOT_FOUND = AwsError(_NF, "Grant ID {id} not found", seen="kms.md 6 [I]", cause=Cause.GRANT_NOT_FOUND)
TOO_MANY_GRANTS = AwsError(
    _LIMIT,
    "The grant quota has been reached for the key {arn}",
    seen="kms.md 8.2 [D], text [I]",
    cause=Cause.LIMIT_EXCEEDED,
)

# rotation and import (2.3, 2.4)
ROTATIONS_USED_UP = AwsError(
    _LIMIT,
    "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed "
    "for this key: {arn}",
    seen="kms.md 1.2 [V]",
    cause=Cause.LIMIT_EXCEEDED,
)
ROTATION_CONFLICT = AwsError(
    "ConflictException",
    "A rotation of {arn} is in progress or scheduled to begin within the next 20 minutes.",
    seen="kms.md 2.3 [D], text [I]",
    cause=Cause.KEY_STATE_INVALID,
)
NOTHING_TO_ROTATE = AwsError(
    "KMSInvalidStateException",
    "No available key material pending rotation for the key: {arn}.",
    seen="kms.md 1.2 [V]",
    cause=Cause.KEY_STATE_INVALID,
)
SECOND_PENDING = AwsError(
    "KMSInvalidStateException",
    "New key material (id: {new}) cannot be imported into KMS key {arn}, because another key material (id: {pending}) "
    "is pending rotation.",
    seen="kms.md 1.2 [V]",
    cause=Cause.KEY_STATE_INVALID,
)
VALID_TO_MISSING = AwsError(
    _VAL,
    "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
    seen="kms.md 1.2 [V]",
    cause=Cause.PARAMETERS,
)
WRAPPING_UNFIT = AwsError(
    _UNSUPPORTED,
    "WrappingAlgorithm {algorithm} with WrappingKeySpec {wrapping} is not valid for key material of {spec}.",
    seen="kms.md 2.4 [D], text [I]",
    cause=Cause.PARAMETERS,
)
ONLY_SYMMETRIC = AwsError(
    _VAL,
    "{parameter} is valid only for symmetric encryption keys.",
    seen="botocore's ImportKeyMaterial [D], text [I]",
    cause=Cause.PARAMETERS,
)
ID_OF_NEW = AwsError(
    _VAL,
    "KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL.",
    seen="botocore's ImportKeyMaterial [D], text [I]",
    cause=Cause.PARAMETERS,
)
INVALID_TOKEN = AwsError("InvalidImportTokenException", seen="kms.md 2.4 [D]", cause=Cause.PARAMETERS)
EXPIRED_TOKEN = AwsError("ExpiredImportTokenException", seen="kms.md 2.4 [D]", cause=Cause.PARAMETERS)
OTHER_MATERIAL = AwsError("IncorrectKeyMaterialException", seen="kms.md 2.4 [D]", cause=Cause.PARAMETERS)

MATERIAL_NOT_FOUND = AwsError(
    _NF, "Key material {id} of {arn} does not exist", seen="kms.md 2.4 [D], text [I]", cause=Cause.PARAMETERS
)

TOO_MANY_KEYS = AwsError(
    _LIMIT,
    "The quota of {most} KMS keys has been reached in {region}",
    seen="kms.md 8.2 [D], text [I]",
    cause=Cause.LIMIT_EXCEEDED,
)

# multi-Region keys (2.7)
NOT_PRIMARY = AwsError(
    _UNSUPPORTED, "{arn} is not a multi-region primary key.", seen="kms.md 1.2, 2.7 [V]", cause=Cause.KEY_WRONG_KIND
)
REPLICA_EXISTS = AwsError(
    "AlreadyExistsException",
    "The related multi-Region key {arn} already exists",
    seen="kms.md 2.7 [D], text [I]",
    cause=Cause.PARAMETERS,
)
NO_SUCH_REGION = AwsError(
    _VAL, "{region} is not a Region of AWS KMS in this partition", seen="kms.md 2.7 [D], text [I]",
    cause=Cause.PARAMETERS,
)  # fmt: skip

# quotas (8.2)
THROTTLED = AwsError(
    "ThrottlingException",
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
    seen="kms.md 8.2 [D]",
    cause=Cause.LIMIT_EXCEEDED,
)

# what reseal has not
_NO_STORES = "reseal does not simulate custom key stores"
NO_KEY_STORE = AwsError(
    "CustomKeyStoreNotFoundException", _NO_STORES, seen="kms.md 2.8 [I], text ours", cause=Cause.NOT_SIMULATED
)
NO_CLUSTER = AwsError(
    "CloudHsmClusterNotFoundException", _NO_STORES, seen="kms.md 2.8 [I], text ours", cause=Cause.NOT_SIMULATED
)
NO_PROXY = AwsError(
    "XksProxyUriUnreachableException", _NO_STORES, seen="kms.md 2.8 [I], text ours", cause=Cause.NOT_SIMULATED
)


def not_simulated(what: str) -> AwsError:
    """KMS's code for what it does not support, and reseal's words."""
    return AwsError(_UNSUPPORTED, f"reseal does not simulate {what}", seen="ours", cause=Cause.NOT_SIMULATED)


def null(member: str) -> str:
    """The model's words for a member that is needed (kms.md 1.2)."""
    return (
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )
