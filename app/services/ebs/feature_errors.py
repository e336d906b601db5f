"""Errors of locks, tiers, the recycle bin, fast restore and block public access.

Most of their texts are not published: those are marked [I] and listed, with every other rule that is only inferred, in
`INFERRED`. Sections are of `reference/ebs.md`.
"""

from __future__ import annotations

from typing import Final

from app.kernel.errors import AwsError
from app.policy.causes import Cause

INFERRED: Final = (
    "the texts marked [I] below, and the place of their checks: after IAM, DryRun and ownership",
    "block public access: adding `all` to a snapshot that is public already is refused like adding it anew",
    "a lock set again counts its duration from then on, and keeps a cooling-off period that the new call does not name",
    "a snapshot is usable, and stays shared, until its archival is complete",
    "a snapshot that is not complete does not enter the recycle bin: it is deleted",
    "a snapshot that comes back from the recycle bin is shared with whom it was shared with",
    "a snapshot that is deleted into the bin on its way to the archive or back: that move has failed",
    "an archived snapshot: CopySnapshot is answered 200 and settles as `error`, as with other bad sources",
    "EnableFastSnapshotRestores asks DescribeKey for a snapshot's key as the caller",
    "CopyVolumes makes the KMS calls of CreateVolume from an own snapshot under that key",
    "of long ids those are malformed that do not begin with 0, and three more; AWS's own rule on digits is not known",
    "how long everything takes in a lifelike world",
    "the texts of rbin's errors, and that it records its calls in CloudTrail with names in lower camel case",
    "that EC2's newer operations other than ModifyVolume and DescribeFastSnapshotRestores are recorded in a wrapping",
    "notices: no request id for archiving and restoring; a fast restore that ends with its share says UserInitiated",
    "notices: a snapshot of CreateSnapshots has its own createSnapshot beside createSnapshots",
    "DescribeSnapshotTierStatus lists own snapshots that were never moved, too",
)

P = Cause.PARAMETERS

# block public access (1.8)
PUBLIC_BLOCKED = AwsError(
    "OperationNotPermitted",
    "Public sharing of snapshots is blocked for this account.",
    seen="1.5: code and text [I]",
    cause=Cause.PUBLIC_SHARING_BLOCKED,
)
NO_SUCH_BLOCK_STATE = AwsError(
    "InvalidParameterValue",
    "The parameter State is invalid: '{state}'. Valid values are block-all-sharing and block-new-sharing.",
    seen="1.8: rule [D]; code and text [I]",
    cause=P,
)

# locks (1.8)
LOCKED = AwsError(
    "OperationNotPermitted",
    "The snapshot '{id}' is locked and can not be deleted.",
    seen="1.8: rule [D]; code and text [I]",
    cause=Cause.SNAPSHOT_LOCKED,
)
LOCK_IS_FINAL = AwsError(
    "OperationNotPermitted",
    "The snapshot '{id}' is locked in compliance mode; its lock can only be extended.",
    seen="1.8: rule [D]; code and text [I]",
    cause=Cause.SNAPSHOT_LOCKED,
)
NOT_LOCKED = AwsError("InvalidParameterValue", "The snapshot '{id}' is not locked.", seen="[I]", cause=P)
ONE_END_OF_LOCK = AwsError(
    "InvalidParameterCombination",
    "Specify either LockDuration or ExpirationDate, and not both.",
    seen="1.8: rule [D]; code and text [I]",
    cause=P,
)
COOL_OFF_OF_COMPLIANCE = AwsError(
    "InvalidParameterCombination",
    "CoolOffPeriod can be specified for the compliance mode only.",
    seen="1.8: rule [D]; code and text [I]",
    cause=P,
)
OUT_OF_RANGE = AwsError(
    "InvalidParameterValue",
    "Value ({value}) for parameter {name} is invalid. It must be between {low} and {high}.",
    seen="1.8: limits [D]; text by analogy [I]",
    cause=P,
)
LOCK_IN_THE_PAST = AwsError(
    "InvalidParameterValue", "The ExpirationDate must be in the future.", seen="1.8 [I]", cause=P
)
BAD_LOCK_MODE = AwsError(
    "InvalidParameterValue", "Value ({value}) for parameter LockMode is invalid.", seen="[I]", cause=P
)

# archive tier (1.8)
ARCHIVED = AwsError(
    "IncorrectState",
    "Snapshot is in invalid state - archived",
    seen="1.8: unusable [D]; code and text by analogy with 1.2 [I]",
    cause=Cause.SNAPSHOT_ARCHIVED,
)
ARCHIVED_NOT_SHARED = AwsError(
    "OperationNotPermitted",
    "Archived snapshots can not be shared.",
    seen="5: rule [D]; code and text [I]",
    cause=Cause.SNAPSHOT_ARCHIVED,
)
DIRECT_ARCHIVED = AwsError(
    "ValidationException",
    "The snapshot is archived",
    400,
    (("Reason", "INVALID_SNAPSHOT_ID"),),
    "1.8: unusable [D]; code, reason and text [I]",
    Cause.SNAPSHOT_ARCHIVED,
)
SOURCE_ARCHIVED = AwsError(
    "SOURCE_ARCHIVED",
    "Source snapshot is archived",
    seen="1.8: unusable [D]; StateMessage [I]",
    cause=Cause.SNAPSHOT_ARCHIVED,
)
BAD_TIER = AwsError(
    "InvalidParameterValue", "Value ({value}) for parameter storageTier is invalid.", seen="[I]", cause=P
)
NOT_ARCHIVABLE = AwsError(
    "IncorrectState",
    "The snapshot '{id}' can not be archived: {why}.",
    seen="1.8: own, completed, standard tier, of no AMI [D]; code and text [I]",
    cause=P,
)
NOT_RESTORABLE = AwsError(
    "IncorrectState",
    "The snapshot '{id}' can not be restored: {why}.",
    seen="1.8: rule [D]; code and text [I]",
    cause=P,
)
ONE_WAY_OF_RESTORE = AwsError(
    "InvalidParameterCombination",
    "Specify either TemporaryRestoreDays or PermanentRestore, and not both.",
    seen="EC2 API reference, RestoreSnapshotTier: rule [D]; code and text [I]",
    cause=P,
)

# recycle bin (1.8): EC2's side
NOT_IN_BIN = AwsError(
    "InvalidSnapshot.NotFound",
    "The snapshot '{id}' does not exist.",
    seen="1.10: text [V]; for the recycle bin [I]",
    cause=Cause.SNAPSHOT_NOT_FOUND,
)

# fast restore (1.8): of an item in Unsuccessful, but for the last
FAST_NOT_FOUND = AwsError(
    "InvalidSnapshot.NotFound",
    "The snapshot '{id}' does not exist.",
    seen="1.10: text [V]; as an item's error [I]",
    cause=Cause.SNAPSHOT_NOT_FOUND,
)
FAST_WRONG_STATE = AwsError(
    "IncorrectState",
    "The snapshot '{id}' is not in a state in which fast snapshot restore can be {done}.",
    seen="code [D], text [I]",
    cause=P,
)
FAST_TOO_LARGE = AwsError(
    "InvalidParameterValue",
    "The snapshot '{id}' is larger than 16 TiB.",
    seen="1.8: limit [D]; code and text [I]",
    cause=P,
)
FAST_KEY = AwsError(
    "InvalidParameterValue",
    "The key of the snapshot '{id}' can not be used.",
    seen="1.1: rule, code and text [I]",
)
FAST_TOO_MANY = AwsError(
    "FastSnapshotRestoreLimitExceeded",
    "You have exceeded the limit of 5 snapshots with fast snapshot restore in this Region.",
    seen="1.8: limit [D]; code and text [I]",
    cause=Cause.LIMIT_EXCEEDED,
)
ZONE_NEEDED = AwsError(
    "MissingParameter",
    "The request must contain the parameter AvailabilityZone",
    seen="1.10: form [V]; here [I]",
    cause=P,
)

# volumes

# CreateSnapshots
ROOT_EXCLUDED = AwsError(
    "InvalidParameterValue",
    "The root volume '{id}' can not be named in ExcludeDataVolumeIds.",
    seen="1.3: fails [D]; code and text [I]",
    cause=P,
)
TOO_MANY_EXCLUDED = AwsError(
    "InvalidParameterValue",
    "ExcludeDataVolumeIds has at most 127 volumes.",
    seen="1.3: limit [D]; code and text [I]",
    cause=P,
)
NOTHING_LEFT = AwsError(
    "InvalidParameterValue",
    "The instance '{id}' has no volume to make a snapshot of.",
    seen="code and text [I]",
    cause=P,
)
BAD_TAG_SOURCE = AwsError(
    "InvalidParameterValue", "Value ({value}) for parameter CopyTagsFromSource is invalid.", seen="[I]", cause=P
)

# CopyVolumes
COPY_TOO_SMALL = AwsError(
    "InvalidParameterValue",
    "Volume of size {size}GiB is smaller than volume '{id}', expect size >= {low}GiB",
    seen="EC2 API reference, CopyVolumes: rule [D]; text by analogy with 1.2 [I]",
    cause=P,
)
