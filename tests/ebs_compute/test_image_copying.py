"""CopyImage: a copy takes the snapshots themselves, and their keys as CopySnapshot does (ebs.md 1.4, 1.9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.policy.causes import Cause
from tests.ebs_compute.conftest import Yard
from tests.ebs_compute.machines import launch, open_to, register, state
from tests.sharing.accounts import EVERY_USE, REGION, SOURCE, TARGET, Hand, allow, block, document, root


def copied(hand: Hand, image: str, **more: Any) -> dict[str, Any]:
    return {"SourceRegion": REGION, "SourceImageId": image, "Name": "copy"} | more


def shown(hand: Hand, image: str) -> Any:
    return hand.do("ec2:DescribeImages", ImageIds=[image])["Images"][0]


def only_snapshot(hand: Hand, image: str) -> Any:
    return hand.snapshot(shown(hand, image)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])


def let_use(yard: Yard) -> None:
    """The source key's policy lets the target use it."""
    target = f"arn:aws:iam::{TARGET}:root"
    policy = document((*allow(yard.hand.root, "kms:*"), *allow(target, *EVERY_USE)))
    yard.hand.do("kms:PutKeyPolicy", KeyId=yard.key, Policy=policy)


@pytest.mark.row("1.9/copy-key")
def test_a_copy_in_the_same_account_goes_under_the_default_key(yard: Yard) -> None:
    """As a snapshot's copy does: the source's key is not kept."""
    copy = yard.hand.do("ec2:CopyImage", **copied(yard.hand, yard.image))["ImageId"]
    found, snapshot = shown(yard.hand, copy), only_snapshot(yard.hand, copy)
    assert (found["State"], found["SourceImageId"], found["SourceImageRegion"]) == ("available", yard.image, REGION)
    managed = yard.hand.do("kms:DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert (snapshot["State"], snapshot["KmsKeyId"]) == ("completed", managed)
    made = f"Copied for DestinationAmi {copy} from SourceAmi {yard.image} for SourceSnapshot {yard.snapshot}. "
    assert snapshot["Description"].startswith(made + "Task created on ")
    assert yard.hand.read(snapshot["SnapshotId"]) == {0: block(0), 7: block(1)}


@pytest.mark.row("1.9/copy-storage")
def test_a_launch_permission_is_enough_to_launch_and_not_to_copy(yard: Yard) -> None:
    """The snapshot has to be shared beside the image. Then it is copied, and independent."""
    target = root(yard.hand.cloud, TARGET)
    key = target.key()
    let_use(yard)
    open_to(yard.hand, yard.image, TARGET)
    asked = copied(target, yard.image, Encrypted=True, KmsKeyId=key)
    assert target.refused("ec2:CopyImage", **asked) == (
        "InvalidRequest",
        "You do not have permission to access the storage of this ami",
    )
    assert next(yard.hand.cloud.world.log.refusals()).cause == Cause.SNAPSHOT_NOT_SHARED.name
    yard.hand.share(yard.snapshot, TARGET)
    copy = target.do("ec2:CopyImage", **asked)["ImageId"]
    assert (shown(target, copy)["State"], only_snapshot(target, copy)["KmsKeyId"]) == ("available", key)
    yard.hand.do("kms:DisableKey", KeyId=yard.key)
    yard.hand.do("ec2:DeregisterImage", ImageId=yard.image)
    assert state(target, launch(target, copy)) == "running"


def test_a_source_key_that_refuses_fails_the_copy_later(yard: Yard) -> None:
    """The answer is good; image and snapshot say it. Then the key's policy is repaired."""
    target = root(yard.hand.cloud, TARGET)
    open_to(yard.hand, yard.image, TARGET)
    yard.hand.share(yard.snapshot, TARGET)
    copy = target.do("ec2:CopyImage", **copied(target, yard.image))["ImageId"]
    found = shown(target, copy)
    assert (found["State"], found["StateReason"]["Message"]) == ("failed", "Given key ID is not accessible")
    assert only_snapshot(target, copy)["State"] == "error"
    let_use(yard)
    again = target.do("ec2:CopyImage", **copied(target, yard.image, Name="again"))["ImageId"]
    assert shown(target, again)["State"] == "available"


def test_the_target_key_is_looked_at_before_the_answer(yard: Yard) -> None:
    key = yard.hand.key()
    yard.hand.do("kms:DisableKey", KeyId=key)
    assert yard.hand.refused("ec2:CopyImage", **copied(yard.hand, yard.image, KmsKeyId=key, Encrypted=True)) == (
        "InvalidParameterValue",
        f"The specified keyId {key} is disabled",
    )
    copier = yard.hand.user("copier", *allow("ec2:*"))
    assert copier.refused("ec2:CopyImage", **copied(copier, yard.image, KmsKeyId=yard.key))[0] == "AuthFailure"


def test_a_copy_in_another_region_is_under_a_key_of_that_region(yard: Yard) -> None:
    there = replace(yard.hand, region="eu-west-1")
    key = there.key()
    copy = there.do("ec2:CopyImage", **copied(there, yard.image, Encrypted=True, KmsKeyId=key))["ImageId"]
    snapshot = only_snapshot(there, copy)
    assert (shown(there, copy)["State"], snapshot["KmsKeyId"]) == ("available", key)
    assert there.read(snapshot["SnapshotId"])[7] == block(1)
    assert (
        there.refused("ec2:CopyImage", **copied(there, yard.image, SourceRegion="mars-1", Name="other"))[0]
        == "InvalidRegion"
    )


@pytest.mark.row("1.1/copy-image")
def test_copying_is_asked_about_the_image_and_what_is_made(yard: Yard) -> None:
    """ebs.md 1.1: image/ID, image/*, snapshot/*; CopySnapshot and RegisterImage are not needed."""
    needed = [f"image/{yard.image}", "image/*", "snapshot/*"]
    arns = [f"arn:aws:ec2:{REGION}::{each}" for each in needed]
    copier = yard.hand.user("copier")
    for missing in arns:
        given = [arn for arn in arns if arn != missing]
        statement = {"Effect": "Deny", "Action": "ec2:CopyImage", "Resource": missing}
        yard.hand.let("copier", *allow("ec2:CopyImage", Resource=given), *allow("kms:*"), statement)
        assert copier.refused("ec2:CopyImage", **copied(copier, yard.image))[0] == "UnauthorizedOperation", missing
    yard.hand.let("copier", *allow("ec2:CopyImage", Resource=arns), *allow("kms:*"))
    assert copier.do("ec2:CopyImage", **copied(copier, yard.image))["ImageId"].startswith("ami-")


def test_tags_are_copied_if_it_is_asked_and_permissions_never(yard: Yard) -> None:
    yard.hand.do("ec2:CreateTags", Resources=[yard.image], Tags=[{"Key": "a", "Value": "1"}])
    open_to(yard.hand, yard.image, TARGET)
    plain = yard.hand.do("ec2:CopyImage", **copied(yard.hand, yard.image))["ImageId"]
    tagged = yard.hand.do("ec2:CopyImage", **copied(yard.hand, yard.image, Name="tagged", CopyImageTags=True))[
        "ImageId"
    ]
    assert "Tags" not in shown(yard.hand, plain)
    assert shown(yard.hand, tagged)["Tags"] == [{"Key": "a", "Value": "1"}]
    asked = {"ImageId": tagged, "Attribute": "launchPermission"}
    assert yard.hand.do("ec2:DescribeImageAttribute", **asked)["LaunchPermissions"] == []


def test_a_plain_image_is_copied_plain_or_encrypted(yard: Yard) -> None:
    plain = register(yard.hand, yard.hand.write({0: 0}), "plain")
    one = yard.hand.do("ec2:CopyImage", **copied(yard.hand, plain, Name="one"))["ImageId"]
    other = yard.hand.do("ec2:CopyImage", **copied(yard.hand, plain, Name="two", Encrypted=True, KmsKeyId=yard.key))
    assert only_snapshot(yard.hand, one)["Encrypted"] is False
    assert only_snapshot(yard.hand, other["ImageId"])["KmsKeyId"] == yard.key


def test_the_same_token_makes_one_copy(yard: Yard) -> None:
    asked = copied(yard.hand, yard.image, ClientToken="once")
    first = yard.hand.do("ec2:CopyImage", **asked)
    assert yard.hand.do("ec2:CopyImage", **asked) == first
    assert yard.hand.refused("ec2:CopyImage", **asked | {"Name": "other"})[0] == "IdempotentParameterMismatch"


def test_the_owner_sees_in_its_trail_that_its_snapshots_are_copied(yard: Yard) -> None:
    target = root(yard.hand.cloud, TARGET)
    let_use(yard)
    open_to(yard.hand, yard.image, TARGET)
    yard.hand.share(yard.snapshot, TARGET)
    target.do("ec2:CopyImage", **copied(target, yard.image))
    assert yard.hand.events("SharedSnapshotCopyInitiated")[0]["serviceEventDetails"] == {"snapshotId": yard.snapshot}
    assert yard.hand.events("CopyImage")[0]["userIdentity"]["accountId"] == TARGET


@pytest.mark.parametrize("id", ["ami-0123456789abcdef1", "ami-1"])
def test_what_is_not_there_is_not_copied(yard: Yard, id: str) -> None:
    assert yard.hand.refused("ec2:CopyImage", **copied(yard.hand, id))[0].startswith("InvalidAMIID.")
    private = root(yard.hand.cloud, TARGET).refused("ec2:CopyImage", **copied(yard.hand, yard.image))
    assert private == ("AuthFailure", f"Not authorized for images: [{yard.image}]")
    assert yard.hand.caller.account == SOURCE


def test_an_image_of_encrypted_snapshots_is_not_copied_to_an_unencrypted_one(yard: Yard) -> None:
    """CopySnapshot ignores Encrypted=false, CopyImage refuses it (a public report of Packer's)."""
    refused = yard.hand.refused("ec2:CopyImage", **copied(yard.hand, yard.image, Encrypted=False))
    text = "is encrypted. Creating an unencrypted copy from an encrypted snapshot is not supported."
    assert refused == ("InvalidRequest", f"Snapshot {yard.snapshot} {text}")
