"""Sharing an encrypted snapshot into another Region: one copy that changes the account, the Region and the key.

Snapshots stay in their Region, and so does every key (ebs.md 5 [D]). The target therefore calls CopySnapshot in the
Region where it wants the data, names the other one in SourceRegion, and encrypts under a key of the Region it calls.

    Two Regions, two names.  EC2 asks for the source key in the source Region, so there kms:ViaService is ec2.<source
                             Region>, and for the target key it is ec2.<destination Region> (ebs.md 1.0 [O]). A key
                             policy with the name of one Region refuses the other.
    The destination key.     It is looked up where the call is made, at once: a key of another Region is refused as
                             invalid, whatever its policy says (ebs.md 1.4 [D], its text inferred).
    The source.              It is looked up later: a wrong SourceRegion is answered 200, and the copy ends in error
                             with "Source snapshot is not found" (ebs.md 1.4 [V]).
    Multi-Region keys.       They do not shorten this. EBS treats them as keys of one Region: a copy into another
                             Region is always encrypted anew, and the replica has a policy of its own (ebs.md 2,
                             kms.md 2.7 [D]).

    create_snapshot   source   in the source Region
    grant_use         source   in the source Region: the key policy must let the target make grants
    share             source   in the source Region; there is nothing to share in the other one
    copy              target   in the destination Region, naming the source Region
    restore           target   in the destination Region, from the copy
"""

from __future__ import annotations

from workflows.catalogue.snapshot_sharing import (
    copy_is_completed,
    is_key_of,
    key_is_customer_managed,
    listed_accounts,
    snapshot_is_completed,
    target_is_listed,
    target_may_use_source_key,
    volume_is_encrypted,
)
from workflows.machine import OK, SOURCE, TARGET, End, Settled, Step, Workflow
from workflows.view import View


def target_is_listed_where_it_looks(view: View) -> bool:
    """The snapshot is shared with the target in the Region that SourceRegion names."""
    return view.ids[TARGET] in listed_accounts(view.within(view.parameters["SourceRegion"]))


def copy_is_under_key_of_destination(view: View) -> bool:
    """The copy is completed, in another Region than the source, and under a key of the target in that Region."""
    copy = view.snapshot(TARGET, view.answer["SnapshotId"])
    moved = view.region != view.parameters["SourceRegion"]
    return moved and copy.get("State") == "completed" and _is_local(view, copy.get("KmsKeyId", ""))


def volume_is_under_key_of_destination(view: View) -> bool:
    """The new volume is available, and encrypted under a key of the target in the destination Region."""
    volume = view.volume(TARGET, view.answer["VolumeId"])
    return volume.get("State") in ("available", "in-use") and _is_local(view, volume.get("KmsKeyId", ""))


def _is_local(view: View, key_arn: str) -> bool:
    return is_key_of(view.ids[TARGET], key_arn) and key_arn.split(":")[3] == view.region


STATES = (
    Step("create_snapshot", SOURCE, "ec2:CreateSnapshot", volume_is_encrypted, snapshot_is_completed,
         expects=("InvalidVolume.NotFound",)),
    Step("grant_use", SOURCE, "kms:PutKeyPolicy", key_is_customer_managed, target_may_use_source_key,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("share", SOURCE, "ec2:ModifySnapshotAttribute", snapshot_is_completed, target_is_listed,
         expects=("InvalidSnapshot.NotFound", "OperationNotPermitted", "UnauthorizedOperation")),
    Step("copy", TARGET, "ec2:CopySnapshot", target_is_listed_where_it_looks, copy_is_under_key_of_destination,
         expects=("AuthFailure", "InvalidParameterValue", "InvalidRegion", "UnauthorizedOperation")),
    Step("restore", TARGET, "ec2:CreateVolume", copy_is_completed, volume_is_under_key_of_destination,
         expects=("IncorrectState", "InvalidSnapshot.NotFound")),
    End("restored", ok=True),
    End("refused", ok=False),
)  # fmt: skip

NEXT = (
    ("create_snapshot", OK,                             "grant_use"),
    ("create_snapshot", "InvalidVolume.NotFound",       "refused"),  # deleted before its snapshot was made
    ("grant_use",       OK,                             "share"),
    ("grant_use",       "AccessDeniedException",        "refused"),
    ("grant_use",       "NotFoundException",            "refused"),  # its deletion was due meanwhile
    ("share",           OK,                             "copy"),
    ("share",           "InvalidSnapshot.NotFound",     "refused"),  # deleted meanwhile
    ("share",           "OperationNotPermitted",        "refused"),
    ("share",           "UnauthorizedOperation",        "refused"),
    ("copy",            OK,                             "restore"),
    ("copy",            "AuthFailure",                  "refused"),
    ("copy",            "InvalidParameterValue",        "refused"),  # the destination key is of another Region
    ("copy",            "InvalidRegion",                "refused"),
    ("copy",            "UnauthorizedOperation",        "refused"),  # an SCP that keeps data in some Regions
    ("copy",            Settled("KEY_NOT_ACCESSIBLE"),  "refused"),
    ("copy",            Settled("SOURCE_NOT_FOUND"),    "refused"),  # not shared, or not in SourceRegion
    ("copy",            Settled("SOURCE_NOT_COMPLETE"), "refused"),
    ("copy",            Settled("SOURCE_ARCHIVED"),     "refused"),
    ("restore",         OK,                             "restored"),
    ("restore",         "IncorrectState",               "refused"),
    ("restore",         "InvalidSnapshot.NotFound",     "refused"),  # asked for in the source Region
    ("restore",         Settled("VOLUME_VANISHED"),     "refused"),
)  # fmt: skip

WORKFLOW = Workflow(
    "cross_region", STATES, NEXT, start="create_snapshot", title="Share an encrypted snapshot into another Region"
)
