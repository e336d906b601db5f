"""Rotating a source key, and retiring it, with proof of what survives.

Rotation and retirement are often taken for one thing. Rotation changes the material inside of a key: same id, ARN,
policy and grants. Old material is kept for ever, and every ciphertext names the material that made it (kms.md 2.3 [D]).
Nothing that is stored is encrypted anew, so a rotation breaks nothing and also rescues nothing.

Retirement ends the key, and what is wrapped under it: after the waiting period of 7 to 30 days the material is gone,
and nobody brings it back (kms.md 8.1 [D]). So before it, all that shall live has to be encrypted under another key.
CopySnapshot does that: another key means a new data key, and blocks encrypted anew (ebs.md 2 [V]). A copy in another
account is such a copy too, and it is independent in the strict sense: neither disabling, nor deleting, nor unsharing
the source reaches it (ebs.md 1.4 [V]).

Disabling goes first, because it can be taken back: it refuses the same calls as the end of the key will, so what still
needs the key shows while there is time. Nothing shows for volumes that are attached, their data keys being in the
hypervisor's memory (ebs.md 1.7 [D]).

    rotate           source   new material becomes the current one
    read_old         source   a snapshot from before the rotation, wrapped under the old material
    copy             target   the shared snapshot, under the target's own key
    renew            source   the same snapshot, under the key that comes after
    disable          source   what breaks now, breaks later
    schedule         source   the waiting period begins; CancelKeyDeletion ends it, and leaves the key disabled
    restore_copy     target   after the waiting period: the copy needs no key of the source
    restore_renewed  source   the source's own data, under its new key
    restore_old      source   must fail: a key that can still be used was not retired. Answered 200, then vanished
"""

from __future__ import annotations

from workflows.catalogue.snapshot_sharing import (
    copy_is_completed,
    copy_is_under_target_key,
    is_key_of,
    key_is_customer_managed,
    volume_is_under_target_key,
)
from workflows.machine import OK, SOURCE, TARGET, End, Settled, Step, Workflow
from workflows.view import View, is_refused


def rotation_is_on_record(view: View) -> bool:
    """The key has new material, which a rotation on demand made."""
    rotations = view.ask(SOURCE, "kms:ListKeyRotations", KeyId=view.parameters["KeyId"]).value.get("Rotations", ())
    return any(each["RotationType"] == "ON_DEMAND" for each in rotations)


def snapshot_is_older_than_rotation(view: View) -> bool:
    """The snapshot was made before the key was rotated."""
    key_id = view.results["rotate"]["KeyId"]
    rotations = view.ask(SOURCE, "kms:ListKeyRotations", KeyId=key_id).value.get("Rotations", ())
    snapshot = view.snapshot(SOURCE, view.parameters["SnapshotId"])
    return bool(rotations) and snapshot["StartTime"] <= max(each["RotationDate"] for each in rotations)


def volume_is_under_rotated_key(view: View) -> bool:
    """The volume is available, under the same key: what the old material wrapped can still be read."""
    volume = view.volume(SOURCE, view.answer["VolumeId"])
    return volume.get("State") == "available" and volume.get("KmsKeyId") == view.results["rotate"]["KeyId"]


def target_sees_snapshot(view: View) -> bool:
    """The snapshot is shared with the target, and completed."""
    return view.snapshot(TARGET, view.parameters["SourceSnapshotId"]).get("State") == "completed"


def renewed_is_under_another_key(view: View) -> bool:
    """The source's copy is completed, under another key of the source than the one that goes."""
    copy = view.snapshot(SOURCE, view.answer["SnapshotId"])
    key = copy.get("KmsKeyId", "")
    leaves = key != view.results["rotate"]["KeyId"]
    return copy.get("State") == "completed" and leaves and is_key_of(view.ids[SOURCE], key)


def all_is_copied(view: View) -> bool:
    """The copies of both accounts are completed."""
    renewed = view.snapshot(SOURCE, view.results["renew"]["SnapshotId"])
    return copy_is_completed(view) and renewed.get("State") == "completed"


def copies_restore_without_key(view: View) -> bool | None:
    """With the key disabled, both copies still restore.

    Method: the steps up to them are played in a fork. Not answered where one fails by something else than its key.
    """
    for state in ("restore_copy", "restore_renewed"):
        outcome = view.rehearse(state)
        if outcome != OK:
            return False if outcome == Settled("VOLUME_VANISHED") else None
    return True


def key_is_disabled(view: View) -> bool:
    """The key is disabled, so all that still needs it has been seen to fail."""
    return view.key(SOURCE, view.parameters["KeyId"]).get("KeyState") == "Disabled"


def key_is_pending_deletion(view: View) -> bool:
    """The key waits for its deletion."""
    return view.key(SOURCE, view.parameters["KeyId"]).get("KeyState") == "PendingDeletion"


def key_is_gone(view: View) -> bool:
    """The waiting period has passed, and the key is gone."""
    answer = view.ask(SOURCE, "kms:DescribeKey", KeyId=view.results["rotate"]["KeyId"])
    return answer.error is not None and answer.error.code == "NotFoundException"


def volume_is_under_another_key(view: View) -> bool:
    """The new volume is available, under another key of the source than the one that went."""
    volume = view.volume(SOURCE, view.answer["VolumeId"])
    return volume.get("State") == "available" and volume.get("KmsKeyId") != view.results["rotate"]["KeyId"]


STATES = (
    Step("rotate", SOURCE, "kms:RotateKeyOnDemand", key_is_customer_managed, rotation_is_on_record,
         expects=("AccessDeniedException", "DisabledException", "KMSInvalidStateException", "LimitExceededException",
                  "NotFoundException")),
    Step("read_old", SOURCE, "ec2:CreateVolume", snapshot_is_older_than_rotation, volume_is_under_rotated_key,
         expects=("InvalidSnapshot.NotFound",)),
    Step("copy", TARGET, "ec2:CopySnapshot", target_sees_snapshot, copy_is_under_target_key,
         expects=("AuthFailure", "InvalidParameterValue", "UnauthorizedOperation")),
    Step("renew", SOURCE, "ec2:CopySnapshot", copy_is_completed, renewed_is_under_another_key,
         expects=("AuthFailure", "InvalidParameterValue", "UnauthorizedOperation")),
    Step("disable", SOURCE, "kms:DisableKey", all_is_copied, copies_restore_without_key,
         expects=("AccessDeniedException", "KMSInvalidStateException", "NotFoundException")),
    Step("schedule", SOURCE, "kms:ScheduleKeyDeletion", key_is_disabled, key_is_pending_deletion,
         expects=("AccessDeniedException", "KMSInvalidStateException", "NotFoundException")),
    Step("restore_copy", TARGET, "ec2:CreateVolume", key_is_gone, volume_is_under_target_key,
         expects=("InvalidSnapshot.NotFound",)),
    Step("restore_renewed", SOURCE, "ec2:CreateVolume", key_is_gone, volume_is_under_another_key,
         expects=("InvalidSnapshot.NotFound",)),
    Step("restore_old", SOURCE, "ec2:CreateVolume", key_is_gone, is_refused,
         expects=("InvalidSnapshot.NotFound",)),
    End("retired", ok=True),
    End("lost", ok=False),
    End("still_usable", ok=False),
    End("refused", ok=False),
)  # fmt: skip

NEXT = (
    ("rotate",          OK,                             "read_old"),
    ("rotate",          "AccessDeniedException",        "refused"),
    ("rotate",          "DisabledException",            "refused"),
    ("rotate",          "KMSInvalidStateException",     "refused"),  # it waits for its deletion
    ("rotate",          "LimitExceededException",       "refused"),  # 25 rotations on demand, in a key's life
    ("rotate",          "NotFoundException",            "refused"),  # and that was due
    ("read_old",        OK,                             "copy"),
    ("read_old",        "InvalidSnapshot.NotFound",     "lost"),  # deleted before it was copied
    ("read_old",        Settled("VOLUME_VANISHED"),     "lost"),
    ("copy",            OK,                             "renew"),
    ("copy",            "AuthFailure",                  "refused"),
    ("copy",            "InvalidParameterValue",        "refused"),
    ("copy",            "UnauthorizedOperation",        "refused"),
    ("copy",            Settled("KEY_NOT_ACCESSIBLE"),  "refused"),  # while the key lives: nothing is lost yet
    ("copy",            Settled("SOURCE_NOT_FOUND"),    "refused"),
    ("copy",            Settled("SOURCE_NOT_COMPLETE"), "refused"),
    ("copy",            Settled("SOURCE_ARCHIVED"),     "refused"),
    ("renew",           OK,                             "disable"),
    ("renew",           "AuthFailure",                  "refused"),
    ("renew",           "InvalidParameterValue",        "refused"),
    ("renew",           "UnauthorizedOperation",        "refused"),
    ("renew",           Settled("KEY_NOT_ACCESSIBLE"),  "refused"),
    ("renew",           Settled("SOURCE_NOT_FOUND"),    "refused"),
    ("renew",           Settled("SOURCE_NOT_COMPLETE"), "refused"),
    ("renew",           Settled("SOURCE_ARCHIVED"),     "refused"),
    ("disable",         OK,                             "schedule"),
    ("disable",         "AccessDeniedException",        "refused"),
    ("disable",         "KMSInvalidStateException",     "refused"),  # somebody has scheduled its deletion
    ("disable",         "NotFoundException",            "refused"),  # and that was due
    ("schedule",        OK,                             "restore_copy"),
    ("schedule",        "AccessDeniedException",        "refused"),
    ("schedule",        "KMSInvalidStateException",     "refused"),  # somebody has, with a waiting period of their own
    ("schedule",        "NotFoundException",            "refused"),  # and it is over
    ("restore_copy",    OK,                             "restore_renewed"),
    ("restore_copy",    "InvalidSnapshot.NotFound",     "lost"),  # the copy was deleted
    ("restore_copy",    Settled("VOLUME_VANISHED"),     "lost"),  # the copy was under the source's key after all
    ("restore_renewed", OK,                             "restore_old"),
    ("restore_renewed", "InvalidSnapshot.NotFound",     "lost"),  # the copy was deleted
    ("restore_renewed", Settled("VOLUME_VANISHED"),     "lost"),
    ("restore_old",     OK,                             "still_usable"),  # the deletion was cancelled
    ("restore_old",     "InvalidSnapshot.NotFound",     "refused"),  # deleted: nothing to try the key with
    ("restore_old",     Settled("VOLUME_VANISHED"),     "retired"),
)  # fmt: skip

WORKFLOW = Workflow(
    "key_retirement", STATES, NEXT, start="rotate", title="Rotate and retire a source key, and prove what survives"
)
