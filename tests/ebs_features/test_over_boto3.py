"""The same over the wire: what boto3 sends and reads back, the service rbin among it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

OWNER = "444444444444"


@pytest.fixture
def snapshot(client: Callable[..., Any]) -> str:
    ec2 = client("ec2", OWNER)
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume])
    id = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[id])
    return id


def test_a_snapshot_goes_through_the_recycle_bin(client: Callable[..., Any], snapshot: str) -> None:
    ec2, rbin = client("ec2", OWNER), client("rbin", OWNER)
    period = {"RetentionPeriodValue": 7, "RetentionPeriodUnit": "DAYS"}
    rule = rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=period, Description="all")
    assert rbin.get_rule(Identifier=rule["Identifier"])["RetentionPeriod"] == period
    ec2.delete_snapshot(SnapshotId=snapshot)
    assert snapshot in {each["SnapshotId"] for each in ec2.list_snapshots_in_recycle_bin()["Snapshots"]}
    assert ec2.restore_snapshot_from_recycle_bin(SnapshotId=snapshot)["State"] == "recovering"
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot])
    rbin.tag_resource(ResourceArn=rule["RuleArn"], Tags=[{"Key": "a", "Value": "b"}])
    assert rbin.list_tags_for_resource(ResourceArn=rule["RuleArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    rbin.update_rule(Identifier=rule["Identifier"], Description="none")
    rbin.delete_rule(Identifier=rule["Identifier"])
    with pytest.raises(ClientError) as refused:
        rbin.get_rule(Identifier=rule["Identifier"])
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_snapshot_is_locked_archived_and_restored(client: Callable[..., Any], snapshot: str) -> None:
    ec2 = client("ec2", OWNER)
    locked = ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
    assert locked["LockState"] == "governance"
    with pytest.raises(ClientError) as refused:
        ec2.delete_snapshot(SnapshotId=snapshot)
    assert refused.value.response["Error"]["Code"] == "OperationNotPermitted"
    ec2.unlock_snapshot(SnapshotId=snapshot)
    ec2.modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")
    by_id = [{"Name": "snapshot-id", "Values": [snapshot]}]
    (found,) = ec2.describe_snapshot_tier_status(Filters=by_id)["SnapshotTierStatuses"]
    assert found["LastTieringOperationStatus"] == "archival-completed"
    assert ec2.restore_snapshot_tier(SnapshotId=snapshot, PermanentRestore=True)["IsPermanentRestore"] is True


def test_a_volume_is_modified_copied_and_described(client: Callable[..., Any]) -> None:
    ec2 = client("ec2", OWNER)
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    assert ec2.modify_volume(VolumeId=volume, Size=2)["VolumeModification"]["TargetSize"] == 2
    pages = ec2.get_paginator("describe_volumes_modifications").paginate(VolumeIds=[volume])
    assert [each["ModificationState"] for page in pages for each in page["VolumesModifications"]] == ["completed"]
    (copy,) = ec2.copy_volumes(SourceVolumeId=volume)["Volumes"]
    assert (copy["SourceVolumeId"], copy["Size"]) == (volume, 2)
    (status,) = ec2.describe_volume_status(VolumeIds=[volume])["VolumeStatuses"]
    assert status["VolumeStatus"]["Status"] == "ok"
    ec2.modify_volume_attribute(VolumeId=volume, AutoEnableIO={"Value": True})
    shown = ec2.describe_volume_attribute(VolumeId=volume, Attribute="autoEnableIO")
    assert shown["AutoEnableIO"] == {"Value": True}


def test_fast_restore_and_public_access_are_set(client: Callable[..., Any], snapshot: str) -> None:
    ec2 = client("ec2", OWNER)
    asked = {"SourceSnapshotIds": [snapshot], "AvailabilityZones": ["us-east-1a"]}
    assert ec2.enable_fast_snapshot_restores(**asked)["Successful"][0]["State"] == "enabling"
    found = ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"]
    assert [each["State"] for each in found if each["SnapshotId"] == snapshot] == ["enabled"]
    assert ec2.disable_fast_snapshot_restores(**asked)["Unsuccessful"] == []
    ec2.enable_snapshot_block_public_access(State="block-new-sharing")
    assert ec2.get_snapshot_block_public_access_state()["State"] == "block-new-sharing"
    ec2.disable_snapshot_block_public_access()
