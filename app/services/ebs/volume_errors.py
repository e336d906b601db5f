"""Refusals of what is asked of volumes: their limits, zones, ids and attributes.

Texts are those of AWS, from `reference/ebs.md` and the captures that it names (`ST:`). AWS words a malformed volume id
differently in nearly every operation; each wording is here once.
"""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

P = Cause.PARAMETERS

BAD_ZONE = AwsError("InvalidZone.NotFound", "The zone '{zone}' does not exist.", seen="1.2 [V]", cause=P)
ZONE_TWICE = AwsError(
    "InvalidParameterCombination",
    "AvailabilityZone and AvailabilityZoneId can't be used together. Specify only one of these parameters.",
    seen="ST:volume_controls [V]",
    cause=P,
)
VOLUME_NOT_FOUND = AwsError(
    "InvalidVolume.NotFound", "The volume '{id}' does not exist.", seen="1.10 [V]", cause=Cause.VOLUME_NOT_FOUND
)
VOLUME_STATE = AwsError(
    "IncorrectState", "Volume '{id}' is not in the 'available' or 'in-use' state.", seen="1.3 [O]", cause=P
)
SNAPSHOT_GONE = AwsError(
    "InvalidSnapshot.NotFound", "Snapshot does not exist", seen="1.2 [V]", cause=Cause.SNAPSHOT_NOT_FOUND
)
SNAPSHOT_PENDING = AwsError(
    "IncorrectState", "Snapshot is in invalid state - {state}", seen="1.2 [V]", cause=Cause.SNAPSHOT_NOT_COMPLETE
)
FALSE_OF_ENCRYPTED = AwsError(
    "InvalidParameterCombination",
    "EncryptedVolume parameter [false] is inconsistent with snapshot encryption state [true]",
    seen="1.2 [V]",
    cause=P,
)
KEY_WITHOUT_ENCRYPTED = AwsError(
    "InvalidParameterDependency",
    "The parameter [KmsKeyId] requires the parameter Encrypted to be set.",
    seen="1.2 [V]",
    cause=P,
)

# ids
VOLUME_NO_PREFIX = AwsError(
    "InvalidParameterValue",
    "Value ({id}) for parameter {name} is invalid. Expected: 'vol-...'.",
    seen="ST:volume_controls [V]",
    cause=P,
)
VOLUME_MALFORMED = AwsError(
    "InvalidVolumeID.Malformed",
    "Value ( {id} ) for parameter VOLUME is invalid. ",
    seen="ST:volume_controls [V]",
    cause=P,
)
VOLUME_ID_EMPTY = AwsError(
    "MissingParameter",
    "Value ({id}) for parameter volumeId is invalid. Parameter may not be null or empty.",
    seen="ST:volume_controls [V]",
    cause=P,
)
DELETE_WITHOUT_ID = AwsError(
    "MissingParameter",
    "The request must include the VolumeId parameter. Add the required parameter and retry the request.",
    seen="ST:volume_controls: DeleteVolume [V]",
    cause=P,
)
DELETE_MALFORMED = AwsError(
    "InvalidParameterValue",
    "The volume ID '{id}' is malformed",
    seen="ST:volume_controls: DeleteVolume [V]",
    cause=P,
)
ATTRIBUTE_WITHOUT_ID = AwsError(
    "MissingParameter", "volumeId", seen="ST:volume_controls: ModifyVolumeAttribute [V]", cause=P
)
ATTRIBUTE_MALFORMED = AwsError(
    "InvalidVolumeID.Malformed",
    "The volume ID '{id}' is malformed",
    seen="ST:volume_controls: ModifyVolumeAttribute [V]",
    cause=P,
)
STATUS_NO_PREFIX = AwsError(
    "InvalidVolumeID.Malformed",
    'Invalid id: "{id}" (expecting "vol-...")',
    seen="ST:volume_controls: DescribeVolumeStatus [V]",
    cause=P,
)
STATUS_MALFORMED = AwsError(
    "InvalidVolumeID.Malformed", 'Invalid id: "{id}"', seen="ST:volume_controls: DescribeVolumeStatus [V]", cause=P
)

# sizes, types and rates
BAD_VOLUME_TYPE = AwsError(
    "UnknownVolumeType",
    "Unsupported volume type '{type}' for volume creation. ",
    seen="ST:volume_controls [V]; the final space too",
    cause=P,
)
NOT_POSITIVE = AwsError(
    "InvalidParameterValue",
    "Value ({value}) for parameter {name} is invalid. Value must be a positive integer.",
    seen="ST:volume_controls_bounds [V]",
    cause=P,
)
VOLUME_TOO_SMALL = AwsError(
    "InvalidParameterValue",
    "The volume size is invalid for {type} volumes: {size} GiB. {type} volumes must be at least {low} GiB in size. "
    "Please specify a volume size above the minimum limit.",
    seen="ST:volume_controls [V]",
    cause=P,
)
VOLUME_TOO_LARGE = AwsError(
    "InvalidParameterValue",
    "Volume of {size}GiB is too large for volume type {type}; maximum is {high}GiB",
    seen="ST:volume_controls [V]",
    cause=P,
)
IOPS_REQUIRED = AwsError(
    "InvalidParameterCombination",
    "The parameter iops must be specified for {type} volumes.",
    seen="ST:volume_controls [V]",
    cause=P,
)
IOPS_NOT_SUPPORTED = AwsError(
    "InvalidParameterCombination",
    "The parameter iops is not supported for {type} volumes.",
    seen="ST:volume_controls [V]",
    cause=P,
)
THROUGHPUT_NOT_SUPPORTED = AwsError(
    "InvalidParameterCombination",
    "The throughput parameter is not supported for {type} volumes.",
    seen="ST:volume_controls [V]",
    cause=P,
)
IOPS_TOO_LOW = AwsError(
    "InvalidParameterValue",
    "Volume iops of {value} is too low; minimum is {low}.",
    seen="ST:volume_controls [V]",
    cause=P,
)
IOPS_TOO_HIGH = AwsError(
    "InvalidParameterValue",
    "Volume iops of {value} is too high; maximum is {high}.",
    seen="ST:volume_controls [V]",
    cause=P,
)
IOPS_RATIO = AwsError(
    "InvalidParameterValue",
    "Iops to volume size ratio of {ratio} is too high; maximum is {high}",
    seen="ST:volume_controls [V]",
    cause=P,
)
THROUGHPUT_TOO_HIGH = AwsError(
    "InvalidParameterValue",
    "Volume throughput of {value} is too high; maximum is {high}.",
    seen="ST:volume_controls [V]",
    cause=P,
)
THROUGHPUT_RATIO = AwsError(
    "InvalidParameterValue",
    "Throughput (MiBps) to iops ratio of {ratio} is too high; maximum is 0.250000 MiBps per iops",
    seen="ST:volume_controls [V]",
    cause=P,
)
NO_MULTI_ATTACH = AwsError(
    "InvalidParameterCombination",
    "The parameter multi-attach-enabled is not supported for {type} volumes.",
    seen="ST:volume_controls [V]",
    cause=P,
)
RATE_WITHOUT_SNAPSHOT = AwsError(
    "InvalidParameterCombination",
    "You can't specify VolumeInitializationRate for volumes that are not created from a snapshot.",
    seen="ST:volume_controls [V]",
    cause=P,
)
BAD_RATE = AwsError(
    "InvalidParameterValue",
    "The value specified for VolumeInitializationRate is not in the allowed range.",
    seen="ST:volume_controls_initialization [V]",
    cause=P,
)

# attributes and modifications
MODIFYING = AwsError(
    "IncorrectModificationState",
    "Volume {id} cannot be modified in modification state {state}",
    seen="ST:volume_controls [V]",
    cause=P,
)
MODIFIED_TOO_OFTEN = AwsError(
    "VolumeModificationRateExceeded",
    "You've reached the maximum modification rate per volume limit. Wait at least 6 hours between modifications per "
    "EBS volume.",
    seen="public issue of 2020 [V]",
    cause=Cause.LIMIT_EXCEEDED,
)
NO_SHRINKING = AwsError(
    "InvalidParameterValue", "New size cannot be smaller than existing size", seen="ST:volume_controls [V]", cause=P
)
NOT_MODIFIABLE = AwsError(
    "IncorrectState",
    "Volume '{id}' is not in the 'available' or 'in-use' state.",
    seen="1.3: text of another operation [O]; here [I]",
    cause=P,
)
NO_MODIFICATION = AwsError(
    "InvalidVolumeModification.NotFound",
    "Modification for volume '{id}' does not exist.",
    seen="ST:volume_controls: code [V]; whether it quotes the id [O]",
    cause=Cause.VOLUME_NOT_FOUND,
)
NOTHING_TO_MODIFY = AwsError(
    "InvalidParameterValue",
    "Invalid input: Must specify at least one of size, type, iops, throughput or multi-attach.",
    seen="ST:volume_controls [V]",
    cause=P,
)
NO_VOLUME_ATTRIBUTE = AwsError(
    "InvalidParameterCombination", "No attributes specified.", seen="ST:volume_controls [V]", cause=P
)
BAD_VOLUME_ATTRIBUTE = AwsError(
    "InvalidParameterValue",
    "Value ({value}) for parameter attribute is invalid. Unknown attribute.",
    seen="ST:volume_controls [V]",
    cause=P,
)
