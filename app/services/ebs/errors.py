"""Errors of EC2's volume and snapshot operations and of the EBS direct APIs, with where each text comes from.

botocore's model knows none of EC2's errors, so code, status and text are all ours to keep: sections are of
`reference/ebs.md`, marks as there.
"""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

P = Cause.PARAMETERS

# EC2, general
MISSING_PARAMETER = AwsError(
    "MissingParameter", "The request must contain the parameter {name}", seen="1.2, 1.4 [V]", cause=P
)
DRY_RUN = AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412, seen="1.10 [V]")
UNAUTHORIZED = AwsError("UnauthorizedOperation", "{text}", 403, seen="1.11 [V]")
TOKEN_REUSED = AwsError(
    "IdempotentParameterMismatch",
    "Parameters on this idempotent request are inconsistent with parameters used in previous request(s)",
    seen="1.2: code [V]; text ST:volume_controls [V]",
    cause=P,
)
TOKEN_OF_DELETED = AwsError(
    "IdempotentParameterMismatch",
    "The client token you have provided is associated with a resource that is already deleted. Please use a "
    "different client token.",
    seen="ST:volume_controls [V]",
    cause=P,
)
TOKEN_TOO_LONG = AwsError(
    "InvalidParameterValue",
    "Client token must be less than or equal to 64 characters.",
    seen="ST:volume_controls [V]",
    cause=P,
)
BAD_FILTER = AwsError("InvalidParameterValue", "The filter '{name}' is invalid", seen="EC2 user reports [O]", cause=P)
BAD_PAGE_SIZE = AwsError(
    "InvalidParameterValue",
    "Value ( {value} ) for parameter maxResults is invalid. Expecting a value greater than or equal to {low}.",
    seen="1.6: limits [D]; text [O] EC2 user reports",
    cause=P,
)
BAD_PAGE_TOKEN = AwsError(
    "InvalidParameterValue", "Unable to parse pagination token", seen="[O] EC2 user reports", cause=P
)
PAGE_AND_IDS = AwsError(
    "InvalidParameterCombination",
    "The parameter {ids} cannot be used with the parameter maxResults",
    seen="1.6: rule [D]; text [O]",
    cause=P,
)
NOT_ASCII = AwsError(
    "InvalidParameterValue",
    "Value ({value}) for parameter description is invalid. Character sets beyond ASCII are not supported.",
    seen="1.3 [V]",
    cause=P,
)
TAG_LIMIT = AwsError(
    "TagLimitExceeded",
    "More than 50 tags specified",
    seen="EC2 errors overview [D]; text [I]",
    cause=Cause.LIMIT_EXCEEDED,
)
TAG_RESERVED = AwsError(
    "InvalidParameterValue",
    "Tag keys starting with 'aws:' are reserved for internal use",
    seen="ST:volume_controls [V]",
    cause=P,
)
TAG_TWICE = AwsError(
    "InvalidParameterValue", "Duplicate tag key '{key}' specified.", seen="ST:volume_controls [V]", cause=P
)
TAG_WITHOUT_KEY = AwsError("InvalidParameterValue", "Tag key must have a value", seen="ST:volume_controls [V]", cause=P)
BAD_TAG_TYPE = AwsError(
    "InvalidParameterValue",
    "'{value}' is not a valid taggable resource type for this operation.",
    seen="ST:volume_controls [V]",
    cause=P,
)
BAD_RESOURCE_ID = AwsError("InvalidID", "The ID '{value}' is not valid", seen="[O] EC2 user reports", cause=P)

# snapshots
SNAPSHOT_NOT_FOUND = AwsError(
    "InvalidSnapshot.NotFound", "The snapshot '{id}' does not exist.", seen="1.10 [V]", cause=Cause.SNAPSHOT_NOT_FOUND
)
SNAPSHOT_MALFORMED = AwsError(
    "InvalidSnapshotID.Malformed", "Value ( {id} ) for parameter SNAPSHOT is invalid. ", seen="1.10 [V]", cause=P
)
SNAPSHOT_NO_PREFIX = AwsError(
    "InvalidParameterValue",
    "Value ({id}) for parameter snapshotId is invalid. Expected: 'snap-...'.",
    seen="1.10 [O]",
    cause=P,
)
TOO_OFTEN = AwsError(
    "SnapshotCreationPerVolumeRateExceeded",
    "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep "
    "interval between requests.",
    seen="1.3 [V]",
    cause=Cause.LIMIT_EXCEEDED,
)
RESET_MALFORMED = AwsError(
    "InvalidSnapshotID.Malformed", "The snapshot ID '{id}' is malformed", seen="1.10 [O]", cause=P
)

# sharing (1.5)
NO_ATTRIBUTES = AwsError("InvalidParameterCombination", "No attributes specified.", seen="1.5 [V]", cause=P)
ONE_OPERATION = AwsError(
    "InvalidParameterCombination",
    "One and only one operation type may be specified for createVolumePermissions",
    seen="1.5 [O]",
    cause=P,
)
NO_OPERATION = AwsError(
    "InvalidParameterCombination",
    "No operation specified for createVolumePermission attribute.",
    seen="1.5 [V]",
    cause=P,
)
NO_ATTRIBUTE = AwsError(
    "MissingParameter",
    "Value for parameter attribute is invalid. Parameter may not be null or empty.",
    seen="1.5 [V]",
    cause=P,
)
BAD_ATTRIBUTE = AwsError("InvalidParameterValue", "Unrecognized attribute.", seen="1.5 [V]", cause=P)
TOO_MANY_CHANGES = AwsError(
    "InvalidParameterValue", "Modification size must not be greater than 500.", seen="1.5 [V]", cause=P
)
BAD_USER_ID = AwsError("InvalidAMIAttributeItemValue", "UserId {value}", seen="1.5 [V]", cause=P)
BAD_USER_ID_LEGACY = AwsError("InvalidAMIAttributeItemValue", "UserId ({value}) is invalid.", seen="1.5 [O]", cause=P)
BAD_GROUP = AwsError("InvalidAMIAttributeItemValue", "UserGroup {value}", seen="1.5 [V]", cause=P)
NOT_PUBLIC = AwsError(
    "OperationNotPermitted",
    "Encrypted snapshots cannot be shared publicly.",
    seen="1.5 [V]",
    cause=Cause.ENCRYPTED_CANNOT_BE_PUBLIC,
)
NOT_DEFAULT_KEY = AwsError(
    "OperationNotPermitted",
    "Encrypted snapshots with EBS default key cannot be shared",
    seen="1.5 [V]",
    cause=Cause.DEFAULT_KEY_CANNOT_BE_SHARED,
)
INVALID_REQUEST = AwsError("InvalidRequest", "The request received was invalid.", seen="1.5 [V]", cause=P)

# copying (1.4)
NO_SOURCE_REGION = AwsError("InternalError", "An internal error has occurred", 500, seen="1.4 row 2 [V] (sic)", cause=P)
BAD_SOURCE_ID = AwsError("InvalidParameterValue", "The specified snapshotId is invalid", seen="1.4 row 3 [V]", cause=P)
BAD_REGION = AwsError("InvalidRegion", "{region} is not a valid region name.", seen="1.4 row 4 [V]", cause=P)
BAD_DURATION = AwsError(
    "InvalidParameterValue",
    "'{value}' is not a valid value for completion duration. Specify a value between 15 and 2880 minutes, "
    "in 15 minute increments only",
    seen="1.4 row 5 [V]",
    cause=P,
)
BAD_DESTINATION = AwsError(
    "InvalidParameterValue",
    "DestinationRegion '{asked}' does not match the current region ({region}).",
    seen="1.4 row 8 [V]",
    cause=P,
)
URL_PROTOCOL = AwsError(
    "InvalidParameterValue", "The protocol in PresignedUrl should be http or https", seen="1.4 row 9 [V]", cause=P
)
URL_SOURCE = AwsError(
    "InvalidParameterValue",
    "The source snapshot specified in PresignedUrl '{url}' does not match the source snapshot in the request: "
    "'{asked}'",
    seen="1.4 row 9 [V]",
    cause=P,
)
URL_REGION = AwsError(
    "InvalidParameterValue",
    "The destination region specified in PresignedUrl: '{url}' is incorrect",
    seen="1.4 row 9 [V]",
    cause=P,
)
KEY_NOT_AUTHORIZED = AwsError(
    "AuthFailure", "Not authorized to use key {key} ", 403, seen="1.4 row 10 [V]; the final space too"
)
KEY_INVALID = AwsError(
    "InvalidParameterValue", "The specified keyId {key} is invalid", seen="1.4 row 10 [V]", cause=Cause.KEY_NOT_FOUND
)
KEY_DISABLED = AwsError(
    "InvalidParameterValue", "The specified keyId {key} is disabled", seen="1.4 row 10 [V]", cause=Cause.KEY_DISABLED
)
TOO_MANY_COPIES = AwsError(
    "ResourceLimitExceeded",
    "Too many snapshot copies in progress. The limit is 20 for this destination region.",
    seen="1.4 row 11: code [D], text [I]",
    cause=Cause.LIMIT_EXCEEDED,
)

# what a copy settles with: StateMessage of a snapshot in `error` (1.4 [V])
SOURCE_NOT_FOUND = AwsError(
    "SOURCE_NOT_FOUND", "Source snapshot is not found", seen="1.4 [V]", cause=Cause.SNAPSHOT_NOT_FOUND
)
SOURCE_NOT_COMPLETE = AwsError(
    "SOURCE_NOT_COMPLETE", "Source snapshot is not complete", seen="1.4 [V]", cause=Cause.SNAPSHOT_NOT_COMPLETE
)
KEY_NOT_ACCESSIBLE = AwsError("KEY_NOT_ACCESSIBLE", "Given key ID is not accessible", seen="1.4 [V]")
VOLUME_VANISHED = AwsError(
    "VOLUME_VANISHED", "the volume does not exist any more", seen="1.2 [V]: it is deleted, no text"
)
BLOCK_LOST = AwsError(
    "BLOCK_LOST",
    "An internal error has occurred: reseal can not read block {index}, its stored bytes are damaged",
    seen="ours",
)
COUNT_MISMATCH = AwsError("COUNT_MISMATCH", "Changed blocks count mismatch for snapshot", seen="6 [D][O]", cause=P)
CHECKSUM_MISMATCH = AwsError("CHECKSUM_MISMATCH", "Checksum mismatch for snapshot", seen="6 [D][O]", cause=P)
TIMED_OUT = AwsError("TIMED_OUT", "Snapshot timed out", seen="6: cancelled after its Timeout [D]; text [I]", cause=P)


DIRECT_BLOCK_LOST = AwsError(
    "InternalServerException",
    "An internal error has occurred: reseal can not read block {index}, its stored bytes are damaged",
    500,
    seen="6: code [D]; text ours",
)


# EBS direct APIs: code, HTTP status and Reason (6)
def _validation(reason: str, message: str, seen: str, cause: Cause = P) -> AwsError:
    return AwsError("ValidationException", message, 400, (("Reason", reason),), seen, cause)


DIRECT_DENIED = AwsError(
    "AccessDeniedException", "{text}", 403, (("Reason", "UNAUTHORIZED_ACCOUNT"),), "6 [D]; casebook 298 [V]"
)
DIRECT_NOT_FOUND = AwsError(
    "ResourceNotFoundException",
    "The snapshot '{id}' does not exist.",
    404,
    (("Reason", "SNAPSHOT_NOT_FOUND"),),
    "6 [V]",
    Cause.SNAPSHOT_NOT_FOUND,
)
DEPENDENCY_GONE = AwsError(
    "ResourceNotFoundException", "KMS key not found.", 404, (("Reason", "DEPENDENCY_RESOURCE_NOT_FOUND"),), "6 [V]"
)
DEPENDENCY_REFUSED = AwsError(
    "ValidationException",
    "Invalid parameters for a dependent service: com.amazonaws.services.kms.model.AWSKMSException: {message} "
    "(Service: AWSKMS; Status Code: 400; Error Code: {code}; Request ID: {request_id}; Proxy: null)",
    400,
    (("Reason", "INVALID_DEPENDENCY_REQUEST"),),
    "6 [V]",
)
DIRECT_CONFLICT = AwsError(
    "ConflictException", "Current request does not match request stored with this token.", 409, (), "6 [D][V]", P
)
PUBLIC_NOT_READ = _validation(
    "INVALID_SNAPSHOT_ID", "Public snapshots are not supported", "6 [V]", Cause.SNAPSHOT_NOT_SHARED
)
ALREADY_COMPLETED = _validation("INVALID_SNAPSHOT_ID", "Snapshot is already completed", "6 [V]")
NOT_STARTED_HERE = _validation("INVALID_SNAPSHOT_ID", "The snapshot '{id}' was not started by StartSnapshot.", "[I]")
PARENT_NOT_COMPLETE = _validation(
    "INVALID_SNAPSHOT_ID", "Source snapshot ({id}) is not complete.", "6 [V] casebook 292", Cause.SNAPSHOT_NOT_COMPLETE
)
UNRELATED = _validation(
    "UNRELATED_SNAPSHOTS", "The specified snapshots do not have the same lineage.", "6: reason [V], text [I]"
)
PARENT_AND_ENCRYPTED = _validation(
    "INVALID_PARAMETER_VALUE", "ParentSnapshotId and Encrypt cannot be specified together", "6 [V]"
)
PARENT_AND_KEY = _validation(
    "INVALID_PARAMETER_VALUE", "ParentSnapshotId and KmsKeyArn cannot be specified together", "6 [V]"
)
FALSE_AND_KEY = _validation("INVALID_PARAMETER_VALUE", "Encrypt cannot be false when KmsKeyArn is specified", "6 [V]")
PLAIN_PARENT = _validation(
    "INVALID_PARAMETER_VALUE",
    "Parent snapshot must be encrypted when encryption by default is enabled",
    "6: rule [D], text [I]",
)
BAD_DIRECT_TAG = _validation("INVALID_TAG", "{text}", "6: reason [D]; text that of EC2 [I]")
BAD_DIRECT_SIZE = _validation(
    "INVALID_VOLUME_SIZE",
    "Volume size {size} is not valid, expected 1 to 65536",
    "6: limits, reason [D]; text [I]",
)
PARENT_LARGER = _validation(
    "INVALID_VOLUME_SIZE", "Volume size is smaller than that of the parent snapshot", "reason [D], text [I]"
)
BAD_BLOCK_INDEX = _validation(
    "INVALID_BLOCK", "Block index {index} is beyond the volume size extent", "6 [V] casebook 295"
)
BAD_BLOCK_LENGTH = _validation(
    "INVALID_BLOCK", "Block data length {length} is not valid, expected 524288", "6 [V] casebook 295"
)
BLOCK_UNREADABLE = _validation(
    "INVALID_PARAMETER_VALUE", "Failed to read block data", "ST:blocks: a body that is too short [V]"
)
FIRST_MISSING = _validation("INVALID_SNAPSHOT_ID", "First snapshot should not be empty or null", "ST:blocks [V]")
BAD_CHECKSUM_ALGORITHM = _validation(
    "INVALID_PARAMETER_VALUE",
    "Unsupported Checksum Algorithm '{value}', supported algorithms are SHA256",
    "6 [V] casebook 295",
)
BAD_AGGREGATION = _validation(
    "INVALID_PARAMETER_VALUE",
    "Unsupported Checksum Aggregation Method '{value}', supported methods are LINEAR",
    "by analogy [I]",
)
CHECKSUM_INCOMPLETE = _validation(
    "INVALID_PARAMETER_VALUE",
    "Checksum, ChecksumAlgorithm and ChecksumAggregationMethod must be specified together",
    "rule [D], text [I]",
)
CHECKSUM_WRONG = AwsError(
    "InvalidSignatureException",
    "The value passed in as x-amz-Checksum does not match the computed checksum. "
    "Computed checksum: {computed} expected checksum: {expected}",
    403,
    (),
    "6 [V]",
    P,
)
BAD_BLOCK_TOKEN = _validation("INVALID_BLOCK_TOKEN", "The block token {token} is invalid.", "6 [V]")
NO_SUCH_BLOCK = _validation("INVALID_BLOCK", "The block {index} does not exist in the snapshot.", "[I]")
BAD_DIRECT_PAGE_TOKEN = _validation("INVALID_PAGE_TOKEN", "The pagination token {token} is invalid.", "ST:blocks [V]")
BAD_DIRECT_PAGE_SIZE = AwsError(
    "ValidationException",
    "1 validation error detected: Value '{value}' at 'maxResults' failed to satisfy constraint: "
    "Member must have value {bound}",
    seen="ST:blocks [V]",
    cause=P,
)
BAD_DIRECT_TEXT = AwsError(
    "ValidationException",
    "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
    "Member must satisfy regular expression pattern: {pattern}",
    seen="ST:blocks [V]",
    cause=P,
)
