"""Images: registered, made of an instance, listed, deregistered (ebs.md 1.6, 1.9; ST:images_controls [V])."""

from __future__ import annotations

from typing import Any

import pytest

from app.kernel.edge import Edge, Node
from app.services.ebs.edges import edges
from tests.ebs_compute.conftest import Yard
from tests.ebs_compute.machines import ROOT, attach, launch, open_to, register, root_volume, run
from tests.sharing.accounts import SOURCE, TARGET, Hand, allow, root

NOTHING = "0123456789abcdef1"


def shown(hand: Hand, image: str) -> Any:
    return hand.do("ec2:DescribeImages", ImageIds=[image])["Images"][0]


def refused(yard: Yard, **more: Any) -> tuple[str, str]:
    """RegisterImage of the yard's snapshot under another name, with something wrong."""
    mapping = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": yard.snapshot}}]
    asked: dict[str, Any] = {"Name": "other", "RootDeviceName": ROOT, "BlockDeviceMappings": mapping}
    return yard.hand.refused("ec2:RegisterImage", **asked | more)


def test_an_image_shows_its_snapshot_and_what_that_is_encrypted_as(yard: Yard) -> None:
    found = shown(yard.hand, yard.image)
    assert (found["State"], found["Public"], found["OwnerId"]) == ("available", False, SOURCE)
    assert (found["ImageLocation"], found["RootDeviceType"]) == (f"{SOURCE}/golden", "ebs")
    ebs = {"DeleteOnTermination": True, "SnapshotId": yard.snapshot, "VolumeSize": 1, "VolumeType": "gp2"}
    assert found["BlockDeviceMappings"] == [{"DeviceName": ROOT, "Ebs": ebs | {"Encrypted": True}}]


def test_registering_asks_nothing_of_kms(yard: Yard) -> None:
    mapping = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": yard.snapshot}}]
    reply = yard.hand.ask("ec2:RegisterImage", Name="second", RootDeviceName=ROOT, BlockDeviceMappings=mapping)
    assert reply.error is None
    assert yard.hand.kms_calls(reply.request_id) == []


def test_a_name_is_used_once_and_is_well_formed(yard: Yard) -> None:
    assert refused(yard, Name="golden") == (
        "InvalidAMIName.Duplicate",
        f"AMI name golden is already in use by AMI {yard.image}",
    )
    assert refused(yard, Name="x")[0] == "InvalidAMIName.Malformed"
    yard.hand.do("ec2:DeregisterImage", ImageId=yard.image)
    assert register(yard.hand, yard.snapshot, "golden") != yard.image


def test_an_image_has_a_snapshot_for_its_root(yard: Yard) -> None:
    """Whether another device has one or not."""
    no_root = ("InvalidBlockDeviceMapping", "No root snapshot specified in device mapping.")
    assert refused(yard, RootDeviceName="/dev/missing") == no_root
    blank = [
        {"DeviceName": ROOT, "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": yard.snapshot}},
    ]
    assert refused(yard, BlockDeviceMappings=blank) == no_root


@pytest.mark.row("1.9/register-encrypted")
def test_encryption_comes_with_the_snapshot_and_is_not_asked_for(yard: Yard) -> None:
    mapping = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": yard.snapshot, "Encrypted": False}}]
    assert refused(yard, BlockDeviceMappings=mapping) == (
        "InvalidParameter",
        "Parameter encrypted is invalid. You cannot specify the encrypted flag if specifying a snapshot id in a block "
        "device mapping.",
    )


@pytest.mark.row("1.9/register-own")
def test_a_snapshot_of_somebody_else_makes_no_image_shared_or_not(yard: Yard) -> None:
    """ST:images_snapshot_references [V]: a copy of one's own does."""
    target = root(yard.hand.cloud, TARGET)
    mapping = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": yard.snapshot}}]
    asked = {"Name": "mine", "RootDeviceName": ROOT, "BlockDeviceMappings": mapping}
    assert target.refused("ec2:RegisterImage", **asked) == (
        "InvalidSnapshotID.NotFound",
        f"The snapshot ID '{yard.snapshot}' does not exist",
    )
    yard.hand.share(yard.snapshot, TARGET)
    assert target.refused("ec2:RegisterImage", **asked) == (
        "InvalidParameterValue",
        f"Invalid value '{yard.snapshot}' for snapshotId. Snapshot does not belong to {TARGET}",
    )


@pytest.mark.row("1.1/register-image")
def test_registering_needs_the_image_and_the_snapshot(yard: Yard) -> None:
    """Each alone is refused on the other; DescribeSnapshots is not needed (ST:images_controls [V])."""
    image, snapshot = "arn:aws:ec2:us-east-1::image/*", f"arn:aws:ec2:us-east-1::snapshot/{yard.snapshot}"
    builder = yard.hand.user("builder")
    mapping = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": yard.snapshot}}]
    asked = {"Name": "built", "RootDeviceName": ROOT, "BlockDeviceMappings": mapping}
    for given, missing in ((snapshot, image), (image, snapshot)):
        yard.hand.let("builder", *allow("ec2:RegisterImage", Resource=given))
        assert f"ec2:RegisterImage on resource: {missing} " in builder.refused("ec2:RegisterImage", **asked)[1]
    yard.hand.let("builder", *allow("ec2:RegisterImage", Resource=[image, snapshot]))
    assert builder.do("ec2:RegisterImage", **asked)["ImageId"].startswith("ami-")


@pytest.mark.row("1.6/in-use")
def test_a_snapshot_of_an_image_is_not_deleted_before_the_image_is(yard: Yard) -> None:
    """Dry run does not look that far; of several images the newest is named first [V]."""
    dry = yard.hand.refused("ec2:DeleteSnapshot", SnapshotId=yard.snapshot, DryRun=True)
    assert dry[0] == "DryRunOperation"
    second = register(yard.hand, yard.snapshot, "second")
    assert yard.hand.refused("ec2:DeleteSnapshot", SnapshotId=yard.snapshot) == (
        "InvalidSnapshot.InUse",
        f"The snapshot {yard.snapshot} is currently in use by {second}, {yard.image}",
    )
    for image in (yard.image, second):
        yard.hand.do("ec2:DeregisterImage", ImageId=image)
    yard.hand.do("ec2:DeleteSnapshot", SnapshotId=yard.snapshot)


def test_a_deregistered_image_is_left_out_and_told_from_one_that_never_was(yard: Yard) -> None:
    answer = yard.hand.do("ec2:DeregisterImage", ImageId=yard.image)
    assert answer == {"Return": True, "DeleteSnapshotResults": []}
    assert yard.hand.do("ec2:DescribeImages", ImageIds=[yard.image])["Images"] == []
    assert yard.hand.refused("ec2:DeregisterImage", ImageId=yard.image) == (
        "InvalidAMIID.Unavailable",
        f"The image ID '{yard.image}' is no longer available",
    )
    assert yard.hand.refused("ec2:DescribeImages", ImageIds=[f"ami-{NOTHING}"]) == (
        "InvalidAMIID.NotFound",
        f"The image id '[ami-{NOTHING}]' does not exist",
    )


@pytest.mark.parametrize(
    ("id", "error"),
    [
        ("ami-123", ("InvalidAMIID.Malformed", 'Invalid id: "ami-123"')),
        ("bad", ("InvalidAMIID.Malformed", 'Invalid id: "bad" (expecting "ami-...")')),
        ("", ("MissingParameter", "The request must contain the parameter ImageId")),
    ],
)
def test_an_id_that_is_none_is_refused(yard: Yard, id: str, error: tuple[str, str]) -> None:
    assert yard.hand.refused("ec2:DescribeImages", ImageIds=[id]) == error
    assert yard.hand.refused("ec2:RunInstances", **run(id))[0] == error[0]


def test_an_image_takes_its_snapshots_along_if_it_is_told_to_and_nothing_needs_them(yard: Yard) -> None:
    second = register(yard.hand, yard.snapshot, "second")
    gone = [{"SnapshotId": yard.snapshot, "ReturnCode": "skipped"}]
    kept = yard.hand.do("ec2:DeregisterImage", ImageId=yard.image, DeleteAssociatedSnapshots=True)
    assert kept["DeleteSnapshotResults"] == gone
    janitor = yard.hand.user("janitor", *allow("ec2:DeregisterImage"))
    third = register(yard.hand, yard.snapshot, "third")
    yard.hand.do("ec2:DeregisterImage", ImageId=second)
    refused = janitor.do("ec2:DeregisterImage", ImageId=third, DeleteAssociatedSnapshots=True)
    assert refused["DeleteSnapshotResults"][0]["ReturnCode"] == "missing-permissions"
    fourth = register(yard.hand, yard.snapshot, "fourth")
    done = yard.hand.do("ec2:DeregisterImage", ImageId=fourth, DeleteAssociatedSnapshots=True)
    assert done["DeleteSnapshotResults"][0]["ReturnCode"] == "success"
    assert yard.hand.refused("ec2:DescribeSnapshots", SnapshotIds=[yard.snapshot])[0] == "InvalidSnapshot.NotFound"


# DescribeImages


def ids(hand: Hand, **asked: Any) -> list[str]:
    return [each["ImageId"] for each in hand.do("ec2:DescribeImages", **asked)["Images"]]


def test_one_sees_images_of_ones_own_and_those_one_may_launch(yard: Yard) -> None:
    """A private image of somebody else is no error, it is left out (ST:images_sharing [V])."""
    target = root(yard.hand.cloud, TARGET)
    assert ids(target, ImageIds=[yard.image]) == []
    open_to(yard.hand, yard.image, TARGET)
    assert ids(target, ImageIds=[yard.image]) == ids(target) == [yard.image]
    assert ids(target, Owners=["self"]) == []
    assert ids(target, Owners=[SOURCE]) == ids(target, ExecutableUsers=["self"]) == [yard.image]


def test_executable_users_asks_for_permissions_that_were_given(yard: Yard) -> None:
    """The owner's own is none, until it is given (ST:images_sharing [V])."""
    assert ids(yard.hand, ExecutableUsers=["self"]) == []
    open_to(yard.hand, yard.image, SOURCE, TARGET)
    for user in ("self", SOURCE, TARGET):
        assert ids(yard.hand, ExecutableUsers=[user]) == [yard.image]
    assert ids(yard.hand, ExecutableUsers=["all"]) == []


def test_tags_are_everybodys_own(yard: Yard) -> None:
    """Only the owner sees the owner's tags and the protection against deregistering."""
    target = root(yard.hand.cloud, TARGET)
    open_to(yard.hand, yard.image, TARGET)
    yard.hand.do("ec2:CreateTags", Resources=[yard.image], Tags=[{"Key": "of", "Value": "source"}])
    target.do("ec2:CreateTags", Resources=[yard.image], Tags=[{"Key": "of", "Value": "target"}])
    mine, theirs = shown(yard.hand, yard.image), shown(target, yard.image)
    assert (mine["Tags"], theirs["Tags"]) == ([{"Key": "of", "Value": "source"}], [{"Key": "of", "Value": "target"}])
    assert ("DeregistrationProtection" in mine, "DeregistrationProtection" in theirs) == (True, False)
    assert ids(target, Filters=[{"Name": "tag:of", "Values": ["target"]}]) == [yard.image]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "gold*"),
        ("owner-id", SOURCE),
        ("state", "available"),
        ("is-public", "false"),
        ("architecture", "x86_64"),
        ("root-device-name", ROOT),
        ("block-device-mapping.encrypted", "true"),
        ("block-device-mapping.volume-type", "gp2"),
    ],
)
def test_a_filter_finds_by_what_is_shown(yard: Yard, name: str, value: str) -> None:
    assert ids(yard.hand, Filters=[{"Name": name, "Values": [value]}]) == [yard.image]
    assert ids(yard.hand, Filters=[{"Name": name, "Values": ["nothing"]}]) == []


def test_images_come_in_pages_of_five_and_more(yard: Yard) -> None:
    for n in range(6):
        register(yard.hand, yard.snapshot, f"more-{n}")
    first = yard.hand.do("ec2:DescribeImages", MaxResults=5)
    second = yard.hand.do("ec2:DescribeImages", MaxResults=5, NextToken=first["NextToken"])
    assert (len(first["Images"]), len(second["Images"]), "NextToken" in second) == (5, 2, False)
    assert yard.hand.refused("ec2:DescribeImages", MaxResults=1) == (
        "InvalidParameterValue",
        "Invalid value '1' for maxResults. Expecting a value greater than 5.",
    )
    assert yard.hand.refused("ec2:DescribeImages", MaxResults=5, ImageIds=[yard.image]) == (
        "InvalidParameterCombination",
        "The parameter imageIdsSet cannot be used with the parameter maxResults",
    )


# CreateImage


def test_an_image_of_an_instance_is_a_snapshot_of_each_of_its_volumes(yard: Yard) -> None:
    """Without a call to KMS: the snapshots keep the volumes' data keys (ST:instances_lifecycle [V])."""
    instance = launch(yard.hand, yard.image)
    volume = yard.hand.make_volume(Size=2)
    attach(yard.hand, volume, instance)
    reply = yard.hand.ask("ec2:CreateImage", InstanceId=instance, Name="of-instance")
    assert reply.answer is not None
    assert yard.hand.kms_calls(reply.request_id) == []
    found = shown(yard.hand, reply.answer["ImageId"])
    assert (found["State"], found["SourceInstanceId"]) == ("available", instance)
    by_device = {each["DeviceName"]: each["Ebs"] for each in found["BlockDeviceMappings"]}
    assert (by_device[ROOT]["Encrypted"], by_device[ROOT]["VolumeSize"]) == (True, 1)
    assert (by_device["/dev/sdf"]["Encrypted"], by_device["/dev/sdf"]["DeleteOnTermination"]) == (False, False)
    snapshot = yard.hand.snapshot(by_device[ROOT]["SnapshotId"])
    assert snapshot["Description"] == f"Created by CreateImage({instance}) for {found['ImageId']}"
    assert (snapshot["VolumeId"], snapshot["KmsKeyId"]) == (root_volume(yard.hand, instance), yard.key)


def test_an_image_of_an_instance_leaves_out_what_it_is_told_to(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image)
    attach(yard.hand, yard.hand.make_volume(Size=2), instance)
    without = [{"DeviceName": "/dev/sdf", "NoDevice": ""}]
    image = yard.hand.do("ec2:CreateImage", InstanceId=instance, Name="root-only", BlockDeviceMappings=without)[
        "ImageId"
    ]
    assert [each["DeviceName"] for each in shown(yard.hand, image)["BlockDeviceMappings"]] == [ROOT]
    snapshots = yard.hand.do("ec2:DescribeSnapshots", OwnerIds=["self"])["Snapshots"]
    assert len([each for each in snapshots if instance in each["Description"]]) == 1


def test_an_image_is_pending_until_its_snapshots_are_complete(slow_yard: Yard) -> None:
    """It names them only then, and can not be launched before (ST:instances_lifecycle [V])."""
    hand = slow_yard.hand
    instance = launch(hand, slow_yard.image)
    hand.cloud.advance(30_000)
    image = hand.do("ec2:CreateImage", InstanceId=instance, Name="soon")["ImageId"]
    pending = shown(hand, image)
    assert (pending["State"], "SnapshotId" in pending["BlockDeviceMappings"][0]["Ebs"]) == ("pending", False)
    assert hand.refused("ec2:RunInstances", **run(image))[0] == "InvalidAMIID.Unavailable"
    hand.cloud.advance(60_000)
    ready = shown(hand, image)
    assert (ready["State"], "SnapshotId" in ready["BlockDeviceMappings"][0]["Ebs"]) == ("available", True)


def test_tags_go_on_the_image_and_on_its_snapshots(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image)
    tags = [{"Key": "by", "Value": "us"}]
    specs = [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
    image = yard.hand.do("ec2:CreateImage", InstanceId=instance, Name="tagged", TagSpecifications=specs)["ImageId"]
    found = shown(yard.hand, image)
    assert found["Tags"] == tags
    assert yard.hand.snapshot(found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])["Tags"] == tags


def test_an_image_is_in_the_graph_between_its_snapshot_and_those_who_may_launch_it(yard: Yard) -> None:
    open_to(yard.hand, yard.image, TARGET)
    found = set(edges(yard.hand.cloud.world))
    assert Node("image", yard.image, SOURCE, "golden", "available") in found
    assert Edge("derived-from", yard.image, yard.snapshot, ROOT) in found
    assert Edge("shared-with", yard.image, TARGET, "launchPermission") in found
    yard.hand.do("ec2:DeregisterImage", ImageId=yard.image)
    assert not any(isinstance(each, Node) and each.kind == "image" for each in edges(yard.hand.cloud.world))
