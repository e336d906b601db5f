"""The rows of the EBS reference that this folder executes: sections 1.1 and 1.3 (what is left of them), 1.8 and 4.

Here rows that are only documented [D] count as well. A test names its rows as in tests/ebs/rows.py.
"""

from __future__ import annotations

from tests.ebs.rows import Row


def _rows(section: str, *rows: tuple[str, ...]) -> tuple[Row, ...]:
    return tuple(Row(f"{section}/{row[0]}", *row[1:]) for row in rows)


VOLUMES = _rows(
    "1.1",
    ("copy-volumes", "D", "CopyVolumes: source volume and volume/*, the same zone, keeps encryption and key"),
    ("create-snapshots", "D", "CreateSnapshots: instance, volumes, snapshot/*; no KMS call; one snapshot a volume"),
)

SNAPSHOTS_OF_INSTANCES = _rows(
    "1.3", ("several", "D", "CreateSnapshots leaves out up to 127 data volumes, copies tags; the root's id fails")
)

KEEPING = _rows(
    "1.8",
    ("lock-modes", "D", "governance and compliance; exactly one of LockDuration and ExpirationDate; their limits"),
    ("lock-pending", "D", "pending snapshots can be locked, the duration counts from completion"),
    ("lock-governance", "D", "governance: unlock, shorten, lengthen, change mode"),
    ("lock-cool-off", "D", "compliance while it cools off: the same"),
    ("lock-compliance", "D", "compliance after cooling off: only lengthen; UnlockSnapshot fails"),
    ("lock-delete", "D", "DeleteSnapshot fails for everybody while it is locked; sharing, copying, restoring go on"),
    ("lock-owner", "D", "only own snapshots can be locked"),
    ("lock-conditions", "D", "ec2:SnapshotLockDuration and ec2:SnapshotCoolOffPeriod"),
    ("bin-rule", "D", "a matching rule puts a deleted snapshot into the bin, visible there alone"),
    ("bin-only", "D", "in the bin it can be viewed, restored and tagged; no manual deletion"),
    ("bin-tag", "D", "the system tag aws:recycle-bin:resource-in-bin"),
    ("bin-longest", "D", "the longest matching rule wins"),
    ("bin-wait", "D", "the first rule may take 30 minutes"),
    ("bin-restore", "D", "restore: recovering, then completed"),
    ("bin-unusable", "I", "until it is restored nobody copies, shares or uses it"),
    ("archive-what", "D", "own, complete snapshots of the standard tier, of no image"),
    ("archive-unusable", "D", "after archival-completed unusable until it is restored"),
    ("archive-unshares", "D", "archiving unshares and disables fast restore; id, encryption, tags, owner stay"),
    ("archive-restore", "D", "restore for some days or for good"),
    ("archive-states", "D", "archival-, temporary-restore-, permanent-restore- in-progress and completed"),
    ("archive-bill", "D", "a minimum of 90 days is billed", "EBS prices are not simulated"),
    ("fast-limit", "D", "up to 5 snapshots a Region, own or shared"),
    ("fast-states", "D", "enabling, optimizing, enabled, disabling, disabled"),
    (
        "fast-credits",
        "D",
        "credits min(10, 1024/size)",
        "how fast a volume is read is not simulated",
    ),
    ("fast-pays", "D", "it is the enabling account's"),
    ("fast-ends", "D", "unsharing or deleting disables it"),
    ("fast-key", "D", "that the owner revokes the key does not"),
    ("public-states", "D", "block-all-sharing, block-new-sharing, unblocked, of an account and Region"),
    ("public-all", "D", "block-all-sharing hides what is public; the attribute still says public"),
    ("public-invalid", "D", "enabling with unblocked is invalid"),
    ("public-private", "D", "private sharing is unaffected"),
    ("public-managed", "D", "a declarative policy may manage it", "worlds have no declarative policies"),
)

NOTICES = _rows(
    "4",
    ("envelope", "V", "version, source, account, region, time, resources, detail"),
    ("arns", "V", "snapshot events write the Region in the account's place, volume events the usual ARN"),
    ("createVolume", "V", "available with the request id of CreateVolume"),
    ("createVolume-failed", "V", "resources [volume, key], cause KMS's message, then deleteVolume with the same id"),
    ("attachVolume", "D", "attachVolume and reattachVolume failed: [volume, key], KMS's message, no request id"),
    ("modifyVolume", "V", "optimizing and completed"),
    ("initializeVolume", "V", "succeeded with completionTime"),
    ("detachVolume", "D", "exists in the current list", "its fields are not known"),
    ("createSnapshot", "V", "succeeded, no cause, no request id, snapshot_id, source, times in milliseconds"),
    ("copySnapshot", "V", "to the copy's account; cause is the StateMessage; incremental is a text; transferType"),
    ("shareSnapshot", "V", "to the account shared with; source is the owner's id; private shares only"),
    ("createSnapshots", "D", "snapshots with their source and status"),
    ("fast-restore", "D", "snapshot-id, state, zone, message"),
    ("archive", "D", "archiveSnapshot and the three events of restoring"),
    ("cloudtrail", "D", "AWS API Call via CloudTrail", "worlds have no trails that deliver; LookupEvents shows them"),
)

ROWS = (*VOLUMES, *SNAPSHOTS_OF_INSTANCES, *KEEPING, *NOTICES)
