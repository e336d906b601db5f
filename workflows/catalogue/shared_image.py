"""Sharing an image whose snapshots are encrypted, and launching an instance from it in another account.

An image is a list of snapshots. Its launch permission is one more list of accounts, and whoever stands in it may
launch: EC2 gives the launch access to the snapshots without their being shared (ebs.md 1.9 [D]). To the key it gives
no access. So two things are shared again, the image and its key, by two services that do not know of each other.

A launch does for each volume what CreateVolume does, with the launcher's rights: ReEncryptFrom on the source's key;
ReEncryptTo, GenerateDataKeyWithoutPlaintext and CreateGrant on the key of the volume; and one more CreateGrant to
open the volume for the instance (ebs.md 1.7 [V], for launches from a shared image [I]). Named in no block device
mapping, the key is the launcher's default key for EBS, as for a volume from a shared snapshot (ebs.md 5.1).

How it fails is what costs the time. RunInstances answers 200 and `pending`; seconds later the instance is terminated,
with the StateReason Client.InvalidKMSKey.InvalidState, "The KMS key provided is in an incorrect state". The key's
state is fine: a permission is missing (ebs.md 1.7 [V]). DryRun does not look at keys [V], so it proves nothing here.
An Auto Scaling group launches as its service-linked role, which the key policy, or a grant, has to name (ebs.md 1.9
[D]).

What a launch permission does not give: CopyImage by the other account, which needs createVolumePermission on the
snapshots as well (ebs.md 1.9 [V]). And a snapshot under the default key aws/ebs can not be shared by way of its image
either [V].

    create_snapshot  source   no KMS call
    register         source   from own snapshots only; no KMS call
    share_image      source   launchPermission; refused for a snapshot under the default key
    grant_use        source   the key policy must let the target re-encrypt
    launch           target   answers 200 whatever the keys say
"""

from __future__ import annotations

from typing import Any

from workflows.catalogue.snapshot_sharing import (
    is_key_of,
    key_is_customer_managed,
    snapshot_is_completed,
    volume_is_encrypted,
)
from workflows.machine import OK, SOURCE, TARGET, End, Settled, Step, Workflow
from workflows.view import View

KEY_STATE = Settled("Client.InvalidKMSKey.InvalidState")


def image_is_available(view: View) -> bool:
    """The image is available."""
    made = view.results.get("register") or view.answer
    return view.image(SOURCE, made["ImageId"]).get("State") == "available"


def target_may_launch(view: View) -> bool:
    """The target account stands in the image's launch permission."""
    image = view.results["register"]["ImageId"]
    answer = view.ask(SOURCE, "ec2:DescribeImageAttribute", ImageId=image, Attribute="launchPermission")
    return view.ids[TARGET] in {each.get("UserId") for each in answer.value.get("LaunchPermissions", ())}


def target_can_launch(view: View) -> bool | None:
    """The target can launch: both accounts let it re-encrypt the data keys of the image's snapshots.

    Method: the launch is played in a fork. Not answered where it fails by something else than a key.
    """
    outcome = view.rehearse("launch")
    if outcome == OK:
        return True
    return False if outcome == KEY_STATE else None


def instance_runs_under_target_key(view: View) -> bool:
    """The instance runs, and each of its volumes is encrypted under a key of the target account."""
    instance = view.instance(TARGET, view.answer["Instances"][0]["InstanceId"])
    volumes = [view.volume(TARGET, each["Ebs"]["VolumeId"]) for each in instance.get("BlockDeviceMappings", ())]
    keys: list[Any] = [volume.get("KmsKeyId", "") for volume in volumes]
    runs = instance.get("State", {}).get("Name") == "running"
    return runs and bool(keys) and all(is_key_of(view.ids[TARGET], key) for key in keys)


STATES = (
    Step("create_snapshot", SOURCE, "ec2:CreateSnapshot", volume_is_encrypted, snapshot_is_completed,
         expects=("InvalidVolume.NotFound",)),
    Step("register", SOURCE, "ec2:RegisterImage", snapshot_is_completed, image_is_available,
         expects=("IncorrectState", "InvalidSnapshotID.NotFound", "UnauthorizedOperation")),
    Step("share_image", SOURCE, "ec2:ModifyImageAttribute", image_is_available, target_may_launch,
         expects=("InvalidAMIID.Unavailable", "InvalidParameter", "UnauthorizedOperation")),
    Step("grant_use", SOURCE, "kms:PutKeyPolicy", key_is_customer_managed, target_can_launch,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("launch", TARGET, "ec2:RunInstances", target_may_launch, instance_runs_under_target_key,
         expects=("AuthFailure", "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "UnauthorizedOperation")),
    End("running", ok=True),
    End("refused", ok=False),
)  # fmt: skip

NEXT = (
    ("create_snapshot", OK,                           "register"),
    ("create_snapshot", "InvalidVolume.NotFound",     "refused"),  # deleted before its snapshot was made
    ("register",        OK,                           "share_image"),
    ("register",        "IncorrectState",             "refused"),  # the snapshot is pending
    ("register",        "InvalidSnapshotID.NotFound", "refused"),  # deleted meanwhile
    ("register",        "UnauthorizedOperation",      "refused"),
    ("share_image",     OK,                           "grant_use"),
    ("share_image",     "InvalidAMIID.Unavailable",   "refused"),  # deregistered meanwhile
    ("share_image",     "InvalidParameter",           "refused"),  # a snapshot is encrypted under aws/ebs
    ("share_image",     "UnauthorizedOperation",      "refused"),
    ("grant_use",       OK,                           "launch"),
    ("grant_use",       "AccessDeniedException",      "refused"),
    ("grant_use",       "NotFoundException",          "refused"),  # its deletion was due meanwhile
    ("launch",          OK,                           "running"),
    ("launch",          "AuthFailure",                "refused"),  # the image is not shared with the launcher
    ("launch",          "InvalidAMIID.NotFound",      "refused"),  # or is of another Region
    ("launch",          "InvalidAMIID.Unavailable",   "refused"),  # deregistered meanwhile
    ("launch",          "UnauthorizedOperation",      "refused"),
    ("launch",          KEY_STATE,                    "refused"),  # answered 200, then terminated
)  # fmt: skip

WORKFLOW = Workflow(
    "shared_image", STATES, NEXT, start="create_snapshot", title="Share an encrypted image, and launch from it"
)
