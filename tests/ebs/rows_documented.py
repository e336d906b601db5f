"""What sections 1.0 to 1.6, 5 and 6 of the EBS reference document [D], and what of them was measured elsewhere."""

from __future__ import annotations

from tests.ebs.row import rows

NO_QUOTAS = "quotas on pending and on all snapshots are not simulated"

HOW_KMS_IS_CALLED = rows(
    "1.0",
    ("grant-for-resource", "D", "kms:GrantIsForAWSResource is true on every CreateGrant"),
    ("constraint-attach", "V", "EncryptionContextSubset in RunInstances and AttachVolume"),
    ("grantee-attach", "V", "for an attach the grantee is the instance's session, the retiring principal ec2.R"),
    ("caller-account", "D", "kms:CallerAccount is the caller's account"),
    ("via-aws-service", "D", "aws:ViaAWSService is true for forwarded calls"),
    ("called-via", "D", "aws:CalledVia is not set"),
    ("source-ip", "D", "aws:SourceIp is not the client's in a forwarded call"),
    ("policy-denies-grant", "D", "a deny in the key policy that matches wins over a grant"),
)

OPERATIONS = rows(
    "1.1",
    ("create-volume-empty", "D", "an empty volume: ec2:CreateVolume on volume/*; no KMS call without encryption"),
    ("create-volume-snapshot", "D", "a volume from a snapshot: on volume/* and on the snapshot"),
    ("create-snapshot-iam", "D", "CreateSnapshot: on snapshot/*, ec2:ParentVolume is set, and on the volume"),
    ("attributes", "D", "Reset and DescribeSnapshotAttribute: on the snapshot, by the owner only"),
    ("describe-snapshots", "D", "DescribeSnapshots: on *"),
    ("delete-snapshot", "D", "DeleteSnapshot: on the snapshot; gone at once"),
    ("locks", "D", "LockSnapshot and UnlockSnapshot on the snapshot, DescribeLockedSnapshots"),
    ("bin", "D", "ListSnapshotsInRecycleBin, RestoreSnapshotFromRecycleBin on the snapshot"),
    ("public-access", "D", "Enable, Disable and GetSnapshotBlockPublicAccess: on *"),
    ("defaults", "D", "the six operations of the defaults: on *"),
    ("tiers", "D", "ModifySnapshotTier and RestoreSnapshotTier on the snapshot, DescribeSnapshotTierStatus"),
    ("fast-restore", "D", "Enable and DisableFastSnapshotRestores: on the snapshot"),
    ("attach", "D", "AttachVolume: on the instance and on the volume"),
    ("run-instances", "D", "RunInstances: on image, instance, volume, network interface, subnet, ..."),
    ("register-image", "D", "RegisterImage: on image/* and on the snapshot"),
    ("copy-image", "D", "CopyImage: on the image, image/* and snapshot/*"),
    ("modify-image", "D", "ModifyImageAttribute: on the image"),
)

VOLUMES = rows(
    "1.2",
    ("states", "D", "creating, available, in-use; a volume that goes is not found any more"),
    ("source-context", "D", "the source's context is vol- of CreateSnapshot, snap- of CopySnapshot and StartSnapshot"),
    ("size-launch", "V", "in a block device mapping a size below the snapshot's is refused"),
)

SNAPSHOTS = rows(
    "1.3",
    ("inherits", "D", "encryption and key come from the volume"),
    ("limits", "D", "5 pending for a volume, a limit an account, 100,000 a Region", NO_QUOTAS),
)

COPIES = rows(
    "1.4",
    ("destination", "D", "called in the destination Region, where the copy then is"),
    ("11", "D", "20 copies in progress for a destination (a quota: only where the world has them)"),
    ("key-of-another", "D", "the key may be of any account whose policy allows it"),
    ("key-kind", "D", "the key is symmetric and of the destination Region"),
    ("default-key", "D", "without a key the account's EBS default key of the destination Region"),
    ("no-fast-restore", "D", "fast restore is not copied"),
    ("unsupported", "D", "SnapshotCopyUnsupported.InterRegion", "every Region of a world copies to every other"),
)

ATTRIBUTES = rows("1.5", ("forms", "D", "two wire forms"))

LISTING = rows(
    "1.6",
    ("page", "D", "MaxResults from 5 on; not with SnapshotIds"),
    ("delete-touches", "D", "DeleteSnapshot does not touch other snapshots, volumes, or any grant"),
    ("data-key-id", "D", "DataEncryptionKeyId is in the model, rarely returned", "reseal never returns it"),
)

SHARING = rows(
    "5",
    ("plain", "D", "unencrypted: with accounts and with all"),
    ("customer-key", "D", "under a customer managed key: with accounts, not with all; the key must be shared too"),
    ("product-codes", "D", "with AWS Marketplace product codes not with all", "product codes are not simulated"),
    ("organizations", "D", "no organization is a target for snapshots", "the API has no parameter for it"),
    ("regional", "D", "snapshots stay in their Region"),
    ("billing", "D", "who pays", "EBS prices are not simulated"),
    ("dies-with-key", "D", "a target's volume on the owner's key dies with the key, at the next attach"),
    ("all-sees", "D", "every account of the Region sees what is shared with all"),
    ("usual-policy", "D", "the documented pair of statements is enough; without the second the copy fails"),
)

KEY_OF_A_VOLUME = rows(
    "5.1",
    ("omitted", "D", "Encrypted omitted, without encryption by default"),
    ("omitted-on", "D", "Encrypted omitted, with encryption by default"),
    ("true", "D", "Encrypted without a key"),
    ("key", "D", "Encrypted with a key"),
    ("false", "D", "Encrypted=false, without encryption by default"),
    ("false-on", "D", "Encrypted=false, with encryption by default"),
    ("key-alone", "D", "a key without Encrypted"),
)

KEY_OF_A_COPY = rows(
    "5.2",
    ("plain", "D", "unencrypted source, without encryption by default"),
    ("plain-on", "D", "unencrypted source, with encryption by default"),
    ("encrypted", "D", "encrypted source, without encryption by default"),
    ("encrypted-on", "D", "encrypted source, with encryption by default"),
)

DIRECT = rows(
    "6",
    ("start", "D", "StartSnapshot: 201; on snapshot/*, with a parent on the parent; ebs:Description, ebs:VolumeSize"),
    ("put", "D", "PutSnapshotBlock: 201; on the snapshot"),
    ("complete", "D", "CompleteSnapshot: 202; on the snapshot"),
    ("list", "D", "ListSnapshotBlocks: on the snapshot"),
    ("get", "D", "GetSnapshotBlock: on the snapshot"),
    ("blocks", "D", "524288 bytes; the index is below VolumeSize x 2048"),
    ("token-days", "D", "a token is valid for 7 days"),
    ("pages", "D", "MaxResults from 100 on; NextToken overrides StartingBlockIndex"),
    ("parent-plain", "D", "with encryption by default an unencrypted parent is refused"),
    ("default-on", "D", "with encryption by default a root is always encrypted"),
    ("timeout", "D", "10 to 4320 minutes, 60 by default; then it is cancelled"),
    ("quotas", "D", "100 pending snapshots, 100,000 in all", NO_QUOTAS),
    ("trail", "V", "Start and Complete are management events, reads and writes data events"),
    ("errors", "D", "the list of error codes and reasons", "a list; those that reseal answers are in coverage.md"),
)

DOCUMENTED = (
    *HOW_KMS_IS_CALLED,
    *OPERATIONS,
    *VOLUMES,
    *SNAPSHOTS,
    *COPIES,
    *ATTRIBUTES,
    *LISTING,
    *SHARING,
    *KEY_OF_A_VOLUME,
    *KEY_OF_A_COPY,
    *DIRECT,
)
