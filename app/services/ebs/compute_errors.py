"""Errors of EC2's image, instance and attachment operations, with where each text comes from.

`ST` names a capture file of source 20 of `reference/ebs.md` (live AWS, September 2026); sections are of that page.
"""

from __future__ import annotations

from app.kernel.errors import AwsError
from app.policy.causes import Cause

P = Cause.PARAMETERS

# images
IMAGE_NOT_FOUND = AwsError(
    "InvalidAMIID.NotFound",
    "The image id '[{id}]' does not exist",
    seen="ST:images_sharing [V]",
    cause=Cause.IMAGE_NOT_FOUND,
)
IMAGE_MALFORMED = AwsError("InvalidAMIID.Malformed", 'Invalid id: "{id}"', seen="ST:images_controls [V]", cause=P)
IMAGE_NO_PREFIX = AwsError(
    "InvalidAMIID.Malformed", 'Invalid id: "{id}" (expecting "ami-...")', seen="ST:instances_lifecycle [V]", cause=P
)
IMAGE_UNAVAILABLE = AwsError(
    "InvalidAMIID.Unavailable",
    "The image ID '{id}' is no longer available",
    seen="ST:images_controls [V]",
    cause=Cause.IMAGE_NOT_FOUND,
)
IMAGE_NOT_READY = AwsError(
    "InvalidAMIID.Unavailable",
    "The image ID '{id}' is not in a state from which it can be used: {state}",
    seen="EC2 errors overview: code [D]; text [I]",
    cause=P,
)
IMAGE_NOT_YOURS = AwsError(
    "AuthFailure", "Not authorized for image:{id}", seen="ST:images_sharing [V]", cause=Cause.IMAGE_NOT_OWNED
)
IMAGE_NOT_SHARED = AwsError(
    "AuthFailure",
    "Not authorized for images: [{id}]",
    seen="public issues on RunInstances [V]",
    cause=Cause.IMAGE_NOT_SHARED,
)
IMAGE_NAME_TAKEN = AwsError(
    "InvalidAMIName.Duplicate",
    "AMI name {name} is already in use by AMI {id}",
    seen="ST:images_controls [V]",
    cause=P,
)
IMAGE_NAME_MALFORMED = AwsError(
    "InvalidAMIName.Malformed",
    "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' "
    "and '_'",
    seen="ST:images_controls [V]",
    cause=P,
)
NO_ROOT_SNAPSHOT = AwsError(
    "InvalidBlockDeviceMapping",
    "No root snapshot specified in device mapping.",
    seen="ST:images_controls [V]",
    cause=P,
)
NOT_YOUR_SNAPSHOT = AwsError(
    "InvalidParameterValue",
    "Invalid value '{id}' for snapshotId. Snapshot does not belong to {account}",
    seen="ST:images_snapshot_references [V]",
    cause=Cause.SNAPSHOT_NOT_OWNED,
)
SNAPSHOT_ID_NOT_FOUND = AwsError(
    "InvalidSnapshotID.NotFound",
    "The snapshot ID '{id}' does not exist",
    seen="ST:images_controls [V]",
    cause=Cause.SNAPSHOT_NOT_FOUND,
)
ENCRYPTED_WITH_SNAPSHOT = AwsError(
    "InvalidParameter",
    "Parameter encrypted is invalid. You cannot specify the encrypted flag if specifying a snapshot id in a block "
    "device mapping.",
    seen="ST:images_controls [V]",
    cause=P,
)
SNAPSHOT_IN_USE = AwsError(
    "InvalidSnapshot.InUse",
    "The snapshot {id} is currently in use by {images}",
    seen="1.6 [V]",
    cause=Cause.SNAPSHOT_IN_USE,
)
IMAGE_PAGE_SIZE = AwsError(
    "InvalidParameterValue",
    "Invalid value '{value}' for maxResults. Expecting a value greater than 5.",
    seen="ST:images_controls [V]",
    cause=P,
)
IMAGE_PAGE_AND_IDS = AwsError(
    "InvalidParameterCombination",
    "The parameter imageIdsSet cannot be used with the parameter maxResults",
    seen="ST:images_controls [V]",
    cause=P,
)

# attributes of images
MIXED_ATTRIBUTES = AwsError(
    "InvalidParameterCombination",
    "Fields for multiple attribute types specified: {names}",
    seen="ST:images_controls [V]",
    cause=P,
)
IMDS_VALUE = AwsError(
    "MissingParameter",
    "The request must contain the parameter imdsSupport with value v2.0",
    seen="ST:images_controls [V]",
    cause=P,
)
NO_LAUNCH_OPERATION = AwsError(
    "InvalidParameterCombination",
    "No operation specified for launchPermission attribute.",
    seen="by analogy with 1.5 [I]",
    cause=P,
)
ONE_LAUNCH_OPERATION = AwsError(
    "InvalidParameterCombination",
    "One and only one operation type may be specified for launchPermissions",
    seen="by analogy with 1.5 [I]",
    cause=P,
)
BAD_ITEM = AwsError(
    "InvalidAMIAttributeItemValue",
    'Invalid attribute item value "{value}" for {member} item type.',
    seen="ST:images_controls, with a space after an account id [V]; public issue on organizations [V]",
    cause=P,
)
MANAGED_KEY_NOT_SHARED = AwsError(
    "InvalidParameter",
    "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
    seen="1.9 [V]",
    cause=Cause.DEFAULT_KEY_CANNOT_BE_SHARED,
)
ENCRYPTED_NOT_PUBLIC = AwsError(
    "UnsupportedOperation",
    "Encrypted snapshots can't be shared publicly. Specify another snapshot.",
    seen="public issue of 2021 [V]; the rule 1.9 [D]",
    cause=Cause.ENCRYPTED_CANNOT_BE_PUBLIC,
)
RESTRICTED_ATTRIBUTE = AwsError(
    "AuthFailure",
    "Unauthorized attempt to access restricted resource",
    seen="ST:images_controls: blockDeviceMapping [V]",
    cause=P,
)
NO_STORAGE_ACCESS = AwsError(
    "InvalidRequest",
    "You do not have permission to access the storage of this ami",
    seen="1.9 [V]",
    cause=Cause.SNAPSHOT_NOT_SHARED,
)

# what a copied image settles with
COPY_STAYS_ENCRYPTED = AwsError(
    "InvalidRequest",
    "Snapshot {id} is encrypted. Creating an unencrypted copy from an encrypted snapshot is not supported.",
    seen="public report of 2022 on Packer [V]",
    cause=P,
)
IMAGE_COPY_FAILED = AwsError("IMAGE_COPY_FAILED", "{reason}", seen="1.1: failed [D]; its StateReason [I]")

# instances
INSTANCE_NOT_FOUND = AwsError(
    "InvalidInstanceID.NotFound",
    "The instance ID '{ids}' does not exist",
    seen="ST:instance_status_id_boundaries [V]",
    cause=Cause.INSTANCE_NOT_FOUND,
)
INSTANCES_NOT_FOUND = AwsError(
    "InvalidInstanceID.NotFound",
    "The instance IDs '{ids}' do not exist",
    seen="EC2 user reports [O]",
    cause=Cause.INSTANCE_NOT_FOUND,
)
INSTANCE_MALFORMED = AwsError(
    "InvalidInstanceID.Malformed", 'Invalid id: "{id}"', seen="ST:instance_status_id_boundaries [V]", cause=P
)
NOT_STARTABLE = AwsError(
    "IncorrectInstanceState",
    "The instance '{id}' is not in a state from which it can be started.",
    seen="ST:instances_lifecycle [V]",
    cause=P,
)
NOT_STOPPABLE = AwsError(
    "IncorrectInstanceState",
    "This instance '{id}' is not in a state from which it can be stopped.",
    seen="ST:instances_lifecycle [V]",
    cause=P,
)
NEVER_RAN = AwsError(
    "IncorrectInstanceState",
    "Instance '{id}' cannot be stopped as it has never reached the 'running' state.",
    seen="public issue of 2020 [V]",
    cause=P,
)
NOT_IMAGEABLE = AwsError(
    "IncorrectState", "Instance '{id}' is not 'running' or 'stopped'.", seen="code [D], text [I]", cause=P
)
INSTANCE_PAGE_AND_IDS = AwsError(
    "InvalidParameterCombination",
    "The parameter instancesSet cannot be used with the parameter maxResults",
    seen="EC2 user reports [O]; the form ST:images_controls [V]",
    cause=P,
)
BAD_INSTANCE_TYPE = AwsError(
    "InvalidParameterValue", "Invalid value '{type}' for InstanceType.", seen="EC2 user reports [O]", cause=P
)
BAD_COUNT = AwsError(
    "InvalidParameterValue",
    "Value ({value}) for parameter {name} is invalid. {why}",
    seen="ST:instances_lifecycle: code [V]; text [I]",
    cause=P,
)
BAD_LAUNCH_ZONE = AwsError(
    "InvalidParameterValue", "Invalid availability zone: [{zone}]", seen="EC2 user reports [O]", cause=P
)
NO_SIZE = AwsError(
    "InvalidBlockDeviceMapping",
    "Either snapshot ID or volume size must be provided for: {device}",
    seen="public pull request of 2016 [V]",
    cause=P,
)
SIZE_BELOW_SNAPSHOT = AwsError(
    "InvalidBlockDeviceMapping",
    "Volume of size {size}GB is smaller than snapshot '{id}', expect size >= {low}GB",
    seen="1.2 [V]",
    cause=P,
)
DEVICE_TWICE = AwsError(
    "InvalidBlockDeviceMapping",
    "The device '{device}' is used in more than one block-device mapping",
    seen="EC2 user reports [O]",
    cause=P,
)
NO_DEVICE_NAME = AwsError("MissingParameter", "The request must contain the parameter deviceName", seen="[I]", cause=P)

NO_DEVICE_AT = AwsError(
    "InvalidInstanceAttributeValue", "No device is currently mapped at {device}", seen="EC2 user reports [O]", cause=P
)

# what a launch or a start settles with: StateReason of the instance
KEY_STATE = AwsError(
    "Client.InvalidKMSKey.InvalidState",
    "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
    seen="1.7 [V]; with its code in front ST:instances_storage_encryption_handoff [V]",
)

# attachments
NOT_AVAILABLE = AwsError("IncorrectState", "{id} is not 'available'.", seen="EC2 user reports [O]", cause=P)
ALREADY_ATTACHED = AwsError(
    "VolumeInUse", "{id} is already attached to an instance", seen="public issue of 2019 [V]", cause=Cause.VOLUME_IN_USE
)
STILL_ATTACHED = AwsError(
    "VolumeInUse",
    "Volume {id} is currently attached to {instances}",
    seen="public issues [V]",
    cause=Cause.VOLUME_IN_USE,
)
INSTANCE_NOT_RUNNING = AwsError(
    "IncorrectState", "Instance '{id}' is not 'running'.", seen="EC2 user reports [O]", cause=P
)
OTHER_ZONE = AwsError(
    "InvalidVolume.ZoneMismatch",
    "The volume '{volume}' is not in the same availability zone as instance '{instance}'",
    seen="public logs [V]",
    cause=P,
)
BAD_DEVICE = AwsError(
    "InvalidParameterValue",
    "Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name.",
    seen="EC2 user reports [O]",
    cause=P,
)
DEVICE_TAKEN = AwsError(
    "InvalidParameterValue",
    "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
    seen="public issues [V]",
    cause=P,
)
KEY_REVOKED = AwsError(
    "CustomerKeyHasBeenRevoked",
    "Volume {id} cannot be attached. The encrypted volume was unable to access the KMS key.",
    seen="kms.md 6 [V]",
)
NOT_ATTACHED = AwsError(
    "IncorrectState",
    "Volume '{id}'is in the '{state}' state.",
    seen="public issues, blank missing there too [V]",
    cause=P,
)
NO_SUCH_ATTACHMENT = AwsError(
    "InvalidAttachment.NotFound",
    "The volume '{id}' is not attached to {what}",
    seen="EC2 errors overview: code [D]; text [I]",
    cause=P,
)
ROOT_STAYS = AwsError(
    "IncorrectState",
    "Unable to detach root volume '{id}' from instance '{instance}'",
    seen="public issue [V]",
    cause=P,
)
