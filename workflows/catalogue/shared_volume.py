"""A volume directly from a shared snapshot, without a copy; and whether it outlives the source's key.

The target may create a volume from a snapshot that is shared with it. That is one call less than copying first, and it
asks for other rights. Nothing is granted on the source key: EC2 re-encrypts the snapshot's data key as the target, away
from the source key and under the volume's (ReEncryptFrom, ReEncryptTo), then makes a new data key for the volume
(ebs.md 1.2 [V]). A key policy that was written for copies (kms:CreateGrant alone) does not serve here, nor the reverse.

    Which key?   None named: the target's default key for EBS, never the snapshot's (ebs.md 5.1 [V]). Named: that one,
                 and it may be the source's own, if its policy gives the target CreateGrant,
                 GenerateDataKeyWithoutPlaintext and ReEncrypt* as well (ebs.md 1.2 [V]).
    At once.     CreateVolume looks for the snapshot at once: not shared is InvalidSnapshot.NotFound (ebs.md 0.4 [V]),
                 where CopySnapshot answers 200.
    Later.       Keys are looked at later: the answer is 200 and `creating`, then the volume is gone (ebs.md 0.2 [V]).
    And then?    A volume under a key of the target needs the source no more. One that was kept under the source's key
                 dies with it: what is attached goes on, since its data key is in the hypervisor's memory, and the next
                 attach, copy or restore fails (ebs.md 1.7, 5 [D]). A snapshot of it can still be made, because
                 CreateSnapshot asks no key (ebs.md 1.3 [V]), and it is as unreadable.

So the workflow does not end with the volume. The source disables its key, and the target snapshots its volume and
restores that: only this tells whether it depends on the source.

    create_snapshot  source     grant_use  source     share  source     restore  target
    disable          source   what any owner may do on any day, without asking whom it shared with
    snapshot_again   target   works whatever the key is worth
    restore_again    target   the proof
"""

from __future__ import annotations

from workflows.catalogue.snapshot_sharing import (
    key_is_customer_managed,
    snapshot_is_completed,
    target_is_listed,
    volume_is_encrypted,
    volume_is_under_target_key,
)
from workflows.machine import OK, SOURCE, TARGET, End, Settled, Step, Workflow
from workflows.view import View


def target_can_make_a_volume(view: View) -> bool | None:
    """Once the snapshot is shared, the target can make a volume of it: both accounts let it re-encrypt the data key.

    Method: the steps up to the volume are played in a fork. Not answered where the volume fails by something else.
    """
    outcome = view.rehearse("restore")
    if outcome == OK:
        return True
    return False if outcome == Settled("VOLUME_VANISHED") else None


def volume_is_available(view: View) -> bool:
    """The target's volume is available."""
    return view.volume(TARGET, view.results["restore"]["VolumeId"]).get("State") in ("available", "in-use")


def key_is_disabled(view: View) -> bool:
    """The source key is disabled."""
    return view.key(SOURCE, view.parameters["KeyId"]).get("KeyState") == "Disabled"


def own_snapshot_is_completed(view: View) -> bool:
    """The target's snapshot of its volume is completed."""
    made = view.results.get("snapshot_again") or view.answer
    return view.snapshot(TARGET, made["SnapshotId"]).get("State") == "completed"


STATES = (
    Step("create_snapshot", SOURCE, "ec2:CreateSnapshot", volume_is_encrypted, snapshot_is_completed,
         expects=("InvalidVolume.NotFound",)),
    Step("grant_use", SOURCE, "kms:PutKeyPolicy", key_is_customer_managed, target_can_make_a_volume,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("share", SOURCE, "ec2:ModifySnapshotAttribute", snapshot_is_completed, target_is_listed,
         expects=("InvalidSnapshot.NotFound", "OperationNotPermitted", "UnauthorizedOperation")),
    Step("restore", TARGET, "ec2:CreateVolume", target_is_listed, volume_is_under_target_key,
         expects=("InvalidParameterCombination", "InvalidParameterDependency", "InvalidSnapshot.NotFound",
                  "UnauthorizedOperation")),
    Step("disable", SOURCE, "kms:DisableKey", volume_is_available, key_is_disabled,
         expects=("AccessDeniedException", "KMSInvalidStateException", "NotFoundException")),
    Step("snapshot_again", TARGET, "ec2:CreateSnapshot", volume_is_available, own_snapshot_is_completed,
         expects=("InvalidVolume.NotFound", "UnauthorizedOperation")),
    Step("restore_again", TARGET, "ec2:CreateVolume", own_snapshot_is_completed, volume_is_under_target_key,
         expects=("InvalidSnapshot.NotFound", "UnauthorizedOperation")),
    End("independent", ok=True),
    End("dependent", ok=False),
    End("refused", ok=False),
)  # fmt: skip

NEXT = (
    ("create_snapshot", OK,                            "grant_use"),
    ("create_snapshot", "InvalidVolume.NotFound",      "refused"),  # deleted before its snapshot was made
    ("grant_use",       OK,                            "share"),
    ("grant_use",       "AccessDeniedException",       "refused"),
    ("grant_use",       "NotFoundException",           "refused"),  # its deletion was due meanwhile
    ("share",           OK,                            "restore"),
    ("share",           "InvalidSnapshot.NotFound",    "refused"),  # deleted meanwhile
    ("share",           "OperationNotPermitted",       "refused"),
    ("share",           "UnauthorizedOperation",       "refused"),
    ("restore",         OK,                            "disable"),
    ("restore",         "InvalidParameterCombination", "refused"),  # Encrypted: false of an encrypted snapshot
    ("restore",         "InvalidParameterDependency",  "refused"),  # a key without Encrypted: true
    ("restore",         "InvalidSnapshot.NotFound",    "refused"),  # does not exist, or is not shared
    ("restore",         "UnauthorizedOperation",       "refused"),
    ("restore",         Settled("VOLUME_VANISHED"),    "refused"),  # one of the two keys can not be used
    ("disable",         OK,                            "snapshot_again"),
    ("disable",         "AccessDeniedException",       "refused"),
    ("disable",         "KMSInvalidStateException",    "snapshot_again"),  # waits for its deletion: no less
    ("disable",         "NotFoundException",           "snapshot_again"),  # and that was due
    ("snapshot_again",  OK,                            "restore_again"),
    ("snapshot_again",  "InvalidVolume.NotFound",      "refused"),  # the target deleted it
    ("snapshot_again",  "UnauthorizedOperation",       "refused"),
    ("restore_again",   OK,                            "independent"),
    ("restore_again",   "InvalidSnapshot.NotFound",    "refused"),  # the target deleted it
    ("restore_again",   "UnauthorizedOperation",       "refused"),
    ("restore_again",   Settled("VOLUME_VANISHED"),    "dependent"),  # the volume was kept under the source's key
)  # fmt: skip

WORKFLOW = Workflow(
    "shared_volume",
    STATES,
    NEXT,
    start="create_snapshot",
    title="Create a volume from a shared snapshot, without a copy",
)
