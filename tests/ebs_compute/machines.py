"""Images and instances in one line each, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.sharing.accounts import Hand

ROOT = "/dev/xvda"


def register(hand: Hand, snapshot: str, name: str = "golden", **more: Any) -> str:
    """An image whose root is this snapshot."""
    asked: dict[str, Any] = {
        "Name": name,
        "RootDeviceName": ROOT,
        "Architecture": "x86_64",
        "VirtualizationType": "hvm",
        "BlockDeviceMappings": [{"DeviceName": ROOT, "Ebs": {"SnapshotId": snapshot}}],
    }
    return hand.do("ec2:RegisterImage", **asked | more)["ImageId"]


def open_to(hand: Hand, image: str, *accounts: str) -> None:
    """Let these accounts launch it."""
    change = {"Add": [{"UserId": account} for account in accounts]}
    hand.do("ec2:ModifyImageAttribute", ImageId=image, LaunchPermission=change)


def run(image: str, **more: Any) -> dict[str, Any]:
    """Parameters of RunInstances for one instance."""
    return {"ImageId": image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1} | more


def launch(hand: Hand, image: str, **more: Any) -> str:
    return hand.do("ec2:RunInstances", **run(image, **more))["Instances"][0]["InstanceId"]


def under(key: str | None) -> list[dict[str, Any]]:
    """A mapping that puts the root under a key."""
    return [{"DeviceName": ROOT, "Ebs": {"Encrypted": True} | ({"KmsKeyId": key} if key else {})}]


def seen(hand: Hand, instance: str) -> Mapping[str, Any]:
    """The instance as it is now."""
    return hand.do("ec2:DescribeInstances", InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def state(hand: Hand, instance: str) -> str:
    return seen(hand, instance)["State"]["Name"]


def volumes(hand: Hand, instance: str) -> dict[str, str]:
    """Volume ids by device."""
    return {each["DeviceName"]: each["Ebs"]["VolumeId"] for each in seen(hand, instance)["BlockDeviceMappings"]}


def root_volume(hand: Hand, instance: str) -> str:
    return volumes(hand, instance)[ROOT]


def attach(hand: Hand, volume: str, instance: str, device: str = "/dev/sdf") -> Mapping[str, Any]:
    return hand.do("ec2:AttachVolume", VolumeId=volume, InstanceId=instance, Device=device)


def grants(hand: Hand, key: str) -> list[Mapping[str, Any]]:
    return hand.do("kms:ListGrants", KeyId=key)["Grants"]


def grantees(hand: Hand, key: str) -> list[str]:
    return [grant["GranteePrincipal"] for grant in grants(hand, key)]
