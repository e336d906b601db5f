"""The rows of the EBS reference that reseal must follow, all in one list; ids are section/name.

Those of sections 0 to 1.6, 5 and 6 that were seen at AWS ([V], [O]) stand here; what is documented of them is in
rows_documented.py, sections 1.7 to 1.12, 2 and 3 in rows_compute.py, 1.8 and 4 in tests/ebs_features/rows.py.
A test names the rows it executes: `@pytest.mark.row("1.2/zone-unknown")`. A row without a test says why in `reason`.
"""

from __future__ import annotations

from tests.ebs.row import Row
from tests.ebs.row import rows as _rows
from tests.ebs.rows_compute import COMPUTE
from tests.ebs.rows_documented import DOCUMENTED

SUMMARY = tuple(
    Row(f"0.{number}", "V", sentence)
    for number, sentence in enumerate(
        (
            "CreateVolume and CopySnapshot answer 200 first; only a copy's DescribeKey on its own key is at once",
            "CreateVolume never calls DescribeKey; with a missing or disabled key the volume vanishes",
            "CopySnapshot of any well-formed id answers 200, then error Source snapshot is not found",
            "CreateVolume from the same id fails at once",
            "CreateSnapshot makes no KMS call",
            "CopySnapshot uses grants, never the caller's Decrypt or ReEncrypt",
            "CreateVolume uses the caller's ReEncryptFrom and ReEncryptTo, never Decrypt",
            "re-keying means a new data key; same key and own snapshot means the same one",
            "data keys are 64 bytes",
            "the context is aws:ebs:id: of the volume, or of the new snapshot for CopySnapshot and StartSnapshot",
            "kms:ViaService is ec2's for the EBS direct APIs too",
            "CloudTrail's invokedBy is not that name",
            "without a key an own snapshot keeps its key, a shared one and a copy take the caller's default",
            "a share makes no grant",
        ),
        1,
    )
)

HOW_KMS_IS_CALLED = _rows(
    "1.0",
    ("caller", "V", "the caller's own principal with its session policies, boundary and SCPs"),
    ("via", "V", "kms:ViaService is ec2.R.amazonaws.com"),
    ("via-other-region", "O", "R is the Region of the KMS endpoint called"),
    ("constraint-type", "V", "EncryptionContextEquals in CopySnapshot, Subset in CreateVolume"),
    ("grant-operations", "V", "exactly one operation a grant"),
    ("grantee", "V", "grantee and retiring principal are ec2.R.amazonaws.com"),
    ("context-keys", "V", "kms:EncryptionContext:aws:ebs:id is there on every call with a context"),
    ("under-grant", "V", "calls under a grant are the service's: identity AWSService, no policy of the caller"),
    (
        "request-id",
        "V",
        "KMS's request id is EC2's for the calls of CreateVolume and a copy's DescribeKey, else its own",
    ),
)

OPERATIONS = _rows(
    "1.1",
    ("arns", "V", "volume ARNs have the account, snapshot ARNs do not"),
    (
        "create-tags",
        "V",
        "tags at creation need ec2:CreateTags with ec2:CreateAction; StartSnapshot has no CreateAction",
    ),
    (
        "empty-encrypted",
        "O",
        "an empty encrypted volume: GenerateDataKeyWithoutPlaintext, CreateGrant, then Decrypt, RetireGrant",
    ),
    ("create-snapshot", "V", "CreateSnapshot makes no KMS call"),
    ("copy", "V", "CopySnapshot is authorized on the destination snapshot/* and on the source"),
    (
        "modify-describes",
        "V",
        "ModifySnapshotAttribute of an encrypted snapshot calls DescribeKey(alias/aws/ebs) as the caller",
    ),
    (
        "read-denies",
        "V",
        "denies of DescribeSnapshots and ebs:* do not stop CreateVolume or CopySnapshot, nor the reverse",
    ),
    (
        "owner",
        "V",
        "aws:ResourceAccount and ec2:Owner of a shared source are the owner's, of the destination the caller's",
    ),
    ("tags-seen", "V", "aws:ResourceTag on a shared snapshot sees the caller's own tags"),
    ("source-region-key", "V", "ec2:SourceRegion matches on neither resource"),
)

CREATE_VOLUME = _rows(
    "1.2",
    ("order", "O", "zone, tags, snapshot, size, IAM, DryRun, token, state, encryption"),
    ("no-size", "V", "neither Size nor SnapshotId"),
    ("no-zone", "V", "no AvailabilityZone"),
    ("zone-unknown", "V", "unknown zone"),
    ("snapshot-missing", "V", "snapshot missing or not shared"),
    ("snapshot-malformed", "V", "malformed id"),
    ("snapshot-pending", "V", "snapshot pending"),
    ("encrypted-false", "V", "Encrypted=false of an encrypted snapshot"),
    ("key-without-encrypted", "V", "KmsKeyId without Encrypted"),
    ("key-bad", "V", "a key that is missing or disabled: 200 with KmsKeyId echoed, then NotFound"),
    ("permission-any", "V", "any KMS denial: 200, then gone"),
    ("token", "V", "the same ClientToken with other parameters"),
    ("size-raised", "V", "a size below the snapshot's is raised"),
    ("calls-plain", "V", "KMS calls of an unencrypted snapshot under a key"),
    ("calls-own-same", "V", "own snapshot, same key: ReEncrypt and nothing else"),
    ("calls-own-other", "V", "own snapshot, other key: ReEncrypt, new data key, grant"),
    ("calls-shared", "V", "shared snapshot: the same three, on the owner's key where it stays"),
    ("retired", "O", "the service decrypts both data keys under the target's key and retires the grant"),
    ("one-denial", "V", "which single denial breaks it"),
    (
        "answer",
        "V",
        "whole-second createTime, empty tags, kmsKeyId only when requested or inherited from an own snapshot",
    ),
    ("vanishes", "V", "a volume that fails on its key is deleted, not left in error"),
)

CREATE_SNAPSHOT = _rows(
    "1.3",
    ("keeps-key", "O", "keeps the volume's data key and context even after the volume is deleted"),
    ("no-kms", "V", "works with all KMS actions denied"),
    ("answer", "V", "pending, progress empty, encrypted, no kmsKeyId; DescribeSnapshots shows both"),
    ("rate", "V", "a second call within seconds is refused (rates are off unless a world has quotas)"),
    ("state", "O", "a volume that is not available"),
    ("ascii", "V", "a description beyond ASCII"),
)

COPY = _rows(
    "1.4",
    ("1", "V", "SourceSnapshotId present"),
    ("2", "V", "SourceRegion present, else an InternalError"),
    ("3", "V", "id syntax, before IAM and DryRun"),
    ("4", "V", "name of the Region"),
    ("5", "V", "duration"),
    ("6", "V", "IAM on the destination, then on the source, then CreateTags; nothing is created"),
    ("7", "V", "DryRun, also for a source that is not there"),
    ("8", "V", "DestinationRegion"),
    ("9", "V", "PresignedUrl: protocol, source, destination; its signature is not looked at"),
    ("10", "V", "DescribeKey on the destination key: denied, missing, disabled"),
    ("12", "V", "200 with snapshotId and tagSet"),
    ("order", "O", "the order of these"),
    ("false-ignored", "V", "Encrypted=false of an encrypted source is ignored"),
    (
        "metadata",
        "V",
        "until the source is read: pending, Metadata not updated, vol-ffffffff, size 0, not encrypted, 0%",
    ),
    ("not-found", "V", "source missing, unshared, or share revoked before"),
    ("not-complete", "V", "source still pending"),
    ("key-denied", "V", "any KMS denial: size, Encrypted and key are filled in, 0%, no CompletionTime"),
    ("completed", "V", "completed, 100%, CompletionTime, FullSnapshotSizeInBytes, no StateMessage"),
    ("calls-fresh", "V", "KMS calls with a fresh data key"),
    ("calls-incremental", "V", "KMS calls of an incremental copy"),
    ("min", "V", "minimum permissions"),
    ("min-incremental", "V", "with an earlier copy GenerateDataKeyWithoutPlaintext is not needed"),
    ("both-sides", "V", "CreateGrant on the source key needs the owner's key policy and the target's IAM policy"),
    ("not-copied", "V", "tags, permissions and description are not copied"),
    ("independent", "V", "the copy does not need its source afterwards"),
    ("start-time", "V", "StartTime is the request's; VolumeId is arbitrary"),
)

ATTRIBUTES = _rows(
    "1.5",
    ("structured-wins", "O", "the structured form wins over the legacy one as soon as it has any item"),
    ("nothing", "V", "nothing to change"),
    ("both", "O", "Add and Remove together"),
    ("legacy-operation", "V", "legacy form without OperationType, or with another one"),
    ("legacy-attribute", "V", "legacy form without Attribute"),
    ("other-attribute", "V", "another attribute"),
    ("500", "V", "more than 500 items, counted before deduplication"),
    ("bad-account", "V", "bad account id"),
    ("bad-account-legacy", "O", "bad account id in the legacy form"),
    ("bad-group", "V", "a group other than all"),
    ("not-owned", "V", "not owned: does not exist, for Modify, Describe, Reset and Delete"),
    ("public", "V", "encrypted and all"),
    ("default-key", "V", "under aws/ebs with an account, the owner's too; Remove and Reset are allowed"),
    ("own-and-twice", "V", "own account id and duplicates have no effect"),
    ("pending", "V", "pending snapshots can be shared"),
    ("conditions", "V", "ec2:Add/userId is many-valued when it names several accounts"),
    ("no-attribute-key", "V", "ec2:Attribute is not supplied"),
    ("order", "O", "Modify: parameters, id syntax, owned, then IAM; Describe and Reset: IAM and DryRun first"),
    ("attribute-checks", "V", "Describe and Reset without Attribute, or with an unknown one"),
    (
        "all-first",
        "V",
        "DescribeSnapshotAttribute lists all first",
    ),
)

SNAPSHOTS = _rows(
    "1.6",
    ("not-visible", "V", "an id that is not there or not visible is an error"),
    ("listed", "V", "a shared snapshot is listed by owner, by restorable-by and by id, not by self"),
    ("seen", "V", "what target sees, the owner's key ARN among it, the owner's tags not"),
    ("private-tags", "V", "target may tag it for itself; the tags survive revocation"),
    ("in-use", "V", "DeleteSnapshot of a snapshot that an image uses"),
    ("delete-shared", "V", "DeleteSnapshot of a shared-with-me snapshot"),
    (
        "digits",
        "V",
        "AWS validates the digits of long ids",
        "reseal's own ids do not follow AWS's unpublished check digits",
    ),
)

SHARING = _rows(
    "5",
    ("managed-key", "V", "a snapshot under aws/ebs is shared with nobody: copy it first"),
    ("no-re-share", "V", "what is shared with me I can not share; a copy I can"),
    ("limit", "V", "500 changes a call"),
    ("revocation", "V", "ends visibility and new use; volumes and copies stay"),
    (
        "eventually",
        "V",
        "revocation reaches the direct reads later",
        "a world is consistent at once, which its documents say",
    ),
    ("public-direct", "V", "public snapshots are not read by others, even with a private grant"),
    ("volume-key", "V", "table of the volume's key: own same key, shared the default, plain, K"),
    ("volume-key-errors", "V", "Encrypted=false and KmsKeyId alone are errors"),
    ("copy-key", "V", "table of the copy's key"),
    ("copy-key-alone", "O", "KmsKeyId without Encrypted is accepted"),
)

DIRECT = _rows(
    "6",
    ("changed-both", "V", "ListChangedBlocks is authorized on both snapshots"),
    ("no-ec2-actions", "V", "ec2: actions are not consulted"),
    ("checksum", "V", "a wrong checksum is a 403"),
    ("complete-count", "O", "a wrong count or checksum is accepted, then error"),
    ("complete-twice", "V", "completing a completed one answers completed, whatever the count"),
    ("write-closed", "V", "writing to a completed one"),
    ("token", "V", "block tokens are bound to snapshot and index, reusable, and no permission"),
    ("token-of-owner", "V", "an owner's token works for a target that may read"),
    ("changed-by-write", "O", "changed blocks differ by write, not by content"),
    ("lineage", "V", "the same lineage is required; a copy keeps it"),
    ("parent-shared", "V", "a shared parent does not exist"),
    ("parent-flags", "V", "a parent with KmsKeyArn"),
    ("false-and-key", "V", "Encrypted=false with a key"),
    ("key-alone", "V", "KmsKeyArn alone encrypts"),
    (
        "readiness",
        "V",
        "completed is not yet readable for a while",
        "a world is consistent at once, which its documents say",
    ),
    ("conflict", "V", "the same ClientToken with another body"),
    ("public", "V", "others' reads of public snapshots"),
    ("hidden-key", "V", "CloudTrail hides the response's kmsKeyArn"),
    ("calls", "V", "which KMS calls each operation makes"),
    ("deny-generate", "V", "GenerateDataKey denied: 400 at StartSnapshot of a root only"),
    ("deny-describe", "V", "DescribeKey denied: 404 when listing and reading"),
    ("deny-decrypt", "V", "Decrypt denied: 404 for a child and for reading; listing of a shared one"),
    ("deny-reencrypt", "V", "ReEncrypt missing: 400 for a child, naming ReEncryptFrom"),
    ("no-effect", "V", "GenerateDataKeyWithoutPlaintext and CreateGrant denied: no effect"),
    ("via-ebs", "V", "a condition on kms:ViaService ebs.R never holds"),
    ("disabled", "V", "a disabled key: 400 for a child and for reading, listing goes on"),
    ("wrapped-message", "V", "INVALID_DEPENDENCY_REQUEST wraps KMS's message"),
)

ROWS = (
    *SUMMARY,
    *HOW_KMS_IS_CALLED,
    *OPERATIONS,
    *CREATE_VOLUME,
    *CREATE_SNAPSHOT,
    *COPY,
    *ATTRIBUTES,
    *SNAPSHOTS,
    *SHARING,
    *DIRECT,
    *DOCUMENTED,
    *COMPUTE,
)
