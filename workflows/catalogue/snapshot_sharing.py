"""Sharing an encrypted snapshot with another account: the five steps, and each way in which they end.

An encrypted snapshot is unreadable without its data key, and the data key is wrapped under a KMS key of the source
account. So two things have to be shared, by two services that do not know of each other: the snapshot
(createVolumePermission, EC2) and the use of its key (key policy, KMS). Sharing the snapshot grants nothing in KMS
(ebs.md 0.14 [V]), and across accounts the key's policy alone is not enough either: the caller's own account must allow
it too. The target then copies the snapshot under a key of its own; from then on its copy depends on nobody else's key.

    create_snapshot   source   no KMS call at all; works with a disabled key               ebs.md 1.3 [V]
    grant_use         source   the key policy must let the target make grants (CreateGrant)  ebs.md 1.4 [V]
    share             source   refused for a snapshot under the default key aws/ebs          ebs.md 1.5 [V]
    copy              target   answers 200 whatever the source key says; the reason comes later, on the copy
    restore           target   answers 200 too; a volume that can not use its key vanishes

The contracts say what each step is for. They hold a run to account: an end that is ok with a contract unmet fails the
run, because then either the contract or the cloud is wrong. In a run that ends refused, the first unmet contract is
where the share went wrong, which is often some steps before the step that failed.
"""

from __future__ import annotations

from workflows.machine import OK, SOURCE, TARGET, End, Settled, Step, Workflow
from workflows.view import View


def volume_is_encrypted(view: View) -> bool:
    """The volume exists and is encrypted."""
    return bool(view.volume(SOURCE, view.parameters["VolumeId"]).get("Encrypted"))


def snapshot_is_completed(view: View) -> bool:
    """The snapshot is completed."""
    return view.snapshot(SOURCE, source_snapshot(view)).get("State") == "completed"


def key_is_customer_managed(view: View) -> bool:
    """The key is customer managed (the policy of an AWS managed key can not be edited)."""
    return view.key(SOURCE, view.parameters["KeyId"]).get("KeyManager") == "CUSTOMER"


def target_may_use_source_key(view: View) -> bool | None:
    """Once the snapshot is shared, it can be copied: both accounts let the copying one make grants on the source key.

    Method: the steps up to the copy are played in a fork. Not answered where the copy fails by something else.
    """
    outcome = view.rehearse("copy")
    if outcome == OK:
        return True
    return False if outcome == Settled("KEY_NOT_ACCESSIBLE") else None


def target_is_listed(view: View) -> bool:
    """The target account stands in the snapshot's createVolumePermission."""
    return view.ids[TARGET] in listed_accounts(view)


def copy_is_under_target_key(view: View) -> bool:
    """The copy is completed and encrypted under a key of the target account."""
    copy = view.snapshot(TARGET, view.answer["SnapshotId"])
    return copy.get("State") == "completed" and is_key_of(view.ids[TARGET], copy.get("KmsKeyId", ""))


def copy_is_completed(view: View) -> bool:
    """The copy is completed."""
    return view.snapshot(TARGET, view.results["copy"]["SnapshotId"]).get("State") == "completed"


def volume_is_under_target_key(view: View) -> bool:
    """The new volume is available and encrypted under a key of the target account."""
    volume = view.volume(TARGET, view.answer["VolumeId"])
    return volume.get("State") in ("available", "in-use") and is_key_of(view.ids[TARGET], volume.get("KmsKeyId", ""))


def listed_accounts(view: View) -> set[str]:
    """The accounts that the source's snapshot is shared with."""
    answer = view.ask(
        SOURCE,
        "ec2:DescribeSnapshotAttribute",
        SnapshotId=source_snapshot(view),
        Attribute="createVolumePermission",
    )
    return {permission.get("UserId", "") for permission in answer.value.get("CreateVolumePermissions", ())}


def source_snapshot(view: View) -> str:
    """The snapshot that is shared: what the first state made (whether the call at hand speaks of it or not)."""
    made = view.results.get("create_snapshot") or view.answer
    return made["SnapshotId"]


def is_key_of(account: str, key_arn: str) -> bool:
    """Whether the account owns the key of that ARN."""
    return key_arn.split(":")[4:5] == [account]


STATES = (
    Step("create_snapshot", SOURCE, "ec2:CreateSnapshot", volume_is_encrypted, snapshot_is_completed,
         expects=("InvalidVolume.NotFound",)),
    Step("grant_use", SOURCE, "kms:PutKeyPolicy", key_is_customer_managed, target_may_use_source_key,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("share", SOURCE, "ec2:ModifySnapshotAttribute", snapshot_is_completed, target_is_listed,
         expects=("InvalidSnapshot.NotFound", "OperationNotPermitted", "UnauthorizedOperation")),
    Step("copy", TARGET, "ec2:CopySnapshot", target_is_listed, copy_is_under_target_key,
         expects=("AuthFailure", "InvalidParameterValue", "UnauthorizedOperation")),
    Step("restore", TARGET, "ec2:CreateVolume", copy_is_completed, volume_is_under_target_key,
         expects=("IncorrectState", "InvalidSnapshot.NotFound")),
    End("restored", ok=True),
    End("refused", ok=False),
)  # fmt: skip

NEXT = (
    ("create_snapshot", OK,                             "grant_use"),
    ("create_snapshot", "InvalidVolume.NotFound",       "refused"),  # deleted before its snapshot was made
    ("grant_use",       OK,                             "share"),
    ("grant_use",       "AccessDeniedException",        "refused"),  # aws/ebs: its policy can not be changed
    ("grant_use",       "NotFoundException",            "refused"),  # its deletion was due meanwhile, kms.md 1 [D]
    ("share",           OK,                             "copy"),
    ("share",           "InvalidSnapshot.NotFound",     "refused"),  # deleted meanwhile, ebs.md 1.5 [V]
    ("share",           "OperationNotPermitted",        "refused"),  # encrypted under aws/ebs, or made public
    ("share",           "UnauthorizedOperation",        "refused"),
    ("copy",            OK,                             "restore"),
    ("copy",            "AuthFailure",                  "refused"),  # not authorized to use the destination key
    ("copy",            "InvalidParameterValue",        "refused"),  # the destination key is disabled or unknown
    ("copy",            "UnauthorizedOperation",        "refused"),
    ("copy",            Settled("KEY_NOT_ACCESSIBLE"),  "refused"),  # answered 200, failed on the clock
    ("copy",            Settled("SOURCE_NOT_FOUND"),    "refused"),  # does not exist, or is not shared
    ("copy",            Settled("SOURCE_NOT_COMPLETE"), "refused"),
    ("copy",            Settled("SOURCE_ARCHIVED"),     "refused"),  # it has to be restored to the standard tier first
    ("restore",         OK,                             "restored"),
    ("restore",         "IncorrectState",               "refused"),  # the copy is not complete
    ("restore",         "InvalidSnapshot.NotFound",     "refused"),
    ("restore",         Settled("VOLUME_VANISHED"),     "refused"),  # its key can not be used
)  # fmt: skip

WORKFLOW = Workflow(
    "snapshot_sharing", STATES, NEXT, start="create_snapshot", title="Share an encrypted snapshot with another account"
)
