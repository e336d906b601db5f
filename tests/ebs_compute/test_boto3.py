"""boto3, unchanged: an encrypted image is shared, launched and its volume moved, with AWS's own waiters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]
OWNER, LAUNCHER = "111122223333", "444455556666"
ROOT = "/dev/xvda"
MAPPING = {"DeviceName": ROOT}


@pytest.fixture
def ec2(client: Client) -> Callable[[str], Any]:
    return lambda account: client("ec2", account)


def encrypted_image(client: Client) -> tuple[str, str, str]:
    """Image, key and snapshot of the owner; the key's policy lets the launcher use it."""
    kms, ec2 = client("kms", OWNER), client("ec2", OWNER)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    grant = ["Decrypt", "ReEncryptFrom", "CreateGrant", "DescribeKey"]
    kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{LAUNCHER}:root", Operations=grant)
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=key)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume])
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot])
    mapping = [MAPPING | {"Ebs": {"SnapshotId": snapshot}}]
    image = ec2.register_image(Name=f"of-{snapshot}", RootDeviceName=ROOT, BlockDeviceMappings=mapping)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image])
    return image, key, snapshot


def test_a_shared_encrypted_image_is_launched_and_ends(client: Client, ec2: Callable[[str], Any]) -> None:
    """The waiters image_available, instance_running, instance_stopped, instance_terminated, volume_in_use."""
    image, _, _ = encrypted_image(client)
    owner, launcher = ec2(OWNER), ec2(LAUNCHER)
    owner.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": LAUNCHER}]})
    key = client("kms", LAUNCHER).create_key()["KeyMetadata"]["Arn"]
    mapping = [MAPPING | {"Ebs": {"Encrypted": True, "KmsKeyId": key}}]
    asked = {"ImageId": image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1, "BlockDeviceMappings": mapping}
    instance = launcher.run_instances(**asked)["Instances"][0]["InstanceId"]
    launcher.get_waiter("instance_running").wait(InstanceIds=[instance])
    shown = launcher.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    volume = shown["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    launcher.get_waiter("volume_in_use").wait(VolumeIds=[volume])
    assert launcher.describe_volumes(VolumeIds=[volume])["Volumes"][0]["KmsKeyId"] == key
    launcher.stop_instances(InstanceIds=[instance])
    launcher.get_waiter("instance_stopped").wait(InstanceIds=[instance])
    launcher.terminate_instances(InstanceIds=[instance])
    launcher.get_waiter("instance_terminated").wait(InstanceIds=[instance])
    launcher.get_waiter("volume_deleted").wait(VolumeIds=[volume])


def test_a_volume_is_moved_between_instances(client: Client, ec2: Callable[[str], Any]) -> None:
    image, key, _ = encrypted_image(client)
    owner = ec2(OWNER)
    launched = owner.run_instances(ImageId=image, MinCount=2, MaxCount=2)["Instances"]
    one, other = (each["InstanceId"] for each in launched)
    volume = owner.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=key)["VolumeId"]
    owner.get_waiter("volume_available").wait(VolumeIds=[volume])
    for instance in (one, other):
        assert owner.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")["State"] == "attaching"
        owner.get_waiter("volume_in_use").wait(VolumeIds=[volume])
        with pytest.raises(ClientError, match="VolumeInUse"):
            owner.delete_volume(VolumeId=volume)
        assert owner.detach_volume(VolumeId=volume)["State"] == "detaching"
        owner.get_waiter("volume_available").wait(VolumeIds=[volume])


def test_a_copy_of_an_image_is_waited_for(client: Client, ec2: Callable[[str], Any]) -> None:
    """And its attributes and errors arrive as AWS's."""
    image, key, snapshot = encrypted_image(client)
    owner = ec2(OWNER)
    name = f"copy-of-{snapshot}"
    copy = owner.copy_image(Name=name, SourceImageId=image, SourceRegion="us-east-1", Encrypted=True, KmsKeyId=key)
    owner.get_waiter("image_available").wait(ImageIds=[copy["ImageId"]])
    found = owner.describe_image_attribute(ImageId=copy["ImageId"], Attribute="launchPermission")
    assert found["LaunchPermissions"] == []
    with pytest.raises(ClientError) as refusal:
        owner.delete_snapshot(SnapshotId=snapshot)
    assert refusal.value.response["Error"] == {
        "Code": "InvalidSnapshot.InUse",
        "Message": f"The snapshot {snapshot} is currently in use by {image}",
    }
    pages = owner.get_paginator("describe_images").paginate(Owners=["self"], PaginationConfig={"PageSize": 5})
    assert {image, copy["ImageId"]} <= {each["ImageId"] for page in pages for each in page["Images"]}


def test_auto_scaling_is_answered_in_words(client: Client) -> None:
    """It is not simulated: the answer says so, and clients do not retry it."""
    with pytest.raises(ClientError) as refusal:
        client("autoscaling", OWNER).describe_auto_scaling_groups()
    error = refusal.value.response
    assert "reseal does not simulate" in error["Error"]["Message"]
    assert 400 <= error["ResponseMetadata"]["HTTPStatusCode"] < 500
