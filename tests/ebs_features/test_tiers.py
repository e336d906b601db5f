"""The archive tier (ebs.md 1.8): into it, back for some days or for good, and what can not be done meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ebs_compute.machines import ROOT, register, run
from tests.ebs_features.hands import DAY_MS, HOUR_MS, details, is_listed, pair, plain
from tests.sharing.accounts import REGION, Hand

row = pytest.mark.row

FOUR_DAYS_MS = 4 * DAY_MS


def archive(hand: Hand, id: str) -> Any:
    return hand.do("ec2:ModifySnapshotTier", SnapshotId=id, StorageTier="archive")


def restore(hand: Hand, id: str, **how: Any) -> Any:
    return hand.do("ec2:RestoreSnapshotTier", SnapshotId=id, **how)


def tier(hand: Hand, id: str) -> Any:
    by_id = [{"Name": "snapshot-id", "Values": [id]}]
    return hand.do("ec2:DescribeSnapshotTierStatus", Filters=by_id)["SnapshotTierStatuses"][0]


def status(hand: Hand, id: str) -> str:
    return tier(hand, id)["LastTieringOperationStatus"]


def uses(hand: Hand, id: str) -> list[str]:
    """What comes of making a volume, copying, reading and sharing."""
    found = [hand.ask("ec2:CreateVolume", AvailabilityZone=f"{REGION}a", SnapshotId=id)]
    found.append(hand.ask("ebs:ListSnapshotBlocks", SnapshotId=id))
    found.append(hand.share(id, "333333333333"))
    copy = hand.snapshot(hand.copy(id))
    return [reply.error.code if reply.error else "ok" for reply in found] + [copy.get("StateMessage", "ok")]


ARCHIVED = ["IncorrectState", "ValidationException", "OperationNotPermitted", "Source snapshot is archived"]
AT_HAND = ["ok", "ok", "ok", "ok"]


@row("1.8/archive-unusable", "1.8/archive-unshares")
def test_an_archived_snapshot_is_unshared_and_unusable_and_keeps_its_id_key_and_tags() -> None:
    source, target = pair()
    key = source.key()
    snapshot = source.write({0: 0}, Encrypted=True, KmsKeyArn=key)
    source.do("ec2:CreateTags", Resources=[snapshot], Tags=[{"Key": "a", "Value": "b"}])
    source.share(snapshot, target.caller.account)
    assert is_listed(target, snapshot)
    archive(source, snapshot)
    shown = source.snapshot(snapshot)
    assert (shown["State"], shown["StorageTier"], shown["KmsKeyId"]) == ("completed", "archive", key)
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]
    assert not is_listed(target, snapshot)
    assert uses(source, snapshot) == ARCHIVED


@row("1.8/archive-states")
def test_until_the_archival_is_complete_a_snapshot_is_what_it_was() -> None:
    source, target = pair(settle="lifelike")
    snapshot = plain(source)
    source.share(snapshot, target.caller.account)
    begun = archive(source, snapshot)["TieringStartTime"]
    assert status(source, snapshot) == "archival-in-progress"
    assert (tier(source, snapshot)["LastTieringStartTime"], is_listed(target, snapshot)) == (begun, True)
    source.cloud.advance(FOUR_DAYS_MS)
    found = tier(source, snapshot)
    assert (found["StorageTier"], found["LastTieringProgress"]) == ("archive", 100)
    assert found["LastTieringOperationStatus"] == "archival-completed"
    assert found["ArchivalCompleteTime"] > begun


@row("1.8/archive-restore", "1.8/archive-states")
def test_restored_for_some_days_it_can_be_used_and_then_is_archived_again() -> None:
    source, _ = pair(settle="lifelike")
    snapshot = plain(source)
    archive(source, snapshot)
    source.cloud.advance(FOUR_DAYS_MS)
    answer = restore(source, snapshot, TemporaryRestoreDays=5)
    assert (answer["RestoreDuration"], answer["IsPermanentRestore"]) == (5, False)
    assert status(source, snapshot) == "temporary-restore-in-progress"
    source.cloud.advance(FOUR_DAYS_MS)
    assert status(source, snapshot) == "temporary-restore-completed"
    assert (source.snapshot(snapshot)["StorageTier"], "RestoreExpiryTime" in tier(source, snapshot)) == (
        "archive",
        True,
    )
    assert source.ask("ec2:CreateVolume", AvailabilityZone=f"{REGION}a", SnapshotId=snapshot).error is None
    assert source.share(snapshot, "333333333333").error is None
    source.cloud.advance(FOUR_DAYS_MS)
    assert source.refused("ec2:CreateVolume", AvailabilityZone=f"{REGION}a", SnapshotId=snapshot)[0] == "IncorrectState"
    asked = {"SnapshotId": snapshot, "Attribute": "createVolumePermission"}
    assert source.do("ec2:DescribeSnapshotAttribute", **asked)["CreateVolumePermissions"] == []


@row("1.8/archive-restore", "1.8/archive-states")
def test_a_restore_for_days_can_be_lengthened_or_made_for_good() -> None:
    """The first end is then no end. Method: 2 days, after one of them 10 more, and later for good."""
    source, _ = pair()
    snapshot = plain(source)
    archive(source, snapshot)
    restore(source, snapshot, TemporaryRestoreDays=2)
    source.cloud.advance(DAY_MS)
    restore(source, snapshot, TemporaryRestoreDays=10)
    source.cloud.advance(2 * DAY_MS)
    assert uses(source, snapshot) == AT_HAND
    answer = restore(source, snapshot, PermanentRestore=True)
    assert (answer["IsPermanentRestore"], "RestoreDuration" in answer) == (True, False)
    source.cloud.advance(20 * DAY_MS)
    assert (source.snapshot(snapshot)["StorageTier"], uses(source, snapshot)) == ("standard", AT_HAND)
    assert status(source, snapshot) == "permanent-restore-completed"


@row("1.8/archive-what")
def test_what_can_not_be_archived() -> None:
    """Shared, pending, archived already, used by an image; and another tier than the archive."""
    source, target = pair()
    snapshot, used = plain(source), plain(source)
    source.share(snapshot, target.caller.account)
    assert target.refused("ec2:ModifySnapshotTier", SnapshotId=snapshot)[0] == "InvalidSnapshot.NotFound"
    register(source, used)
    assert source.refused("ec2:ModifySnapshotTier", SnapshotId=used)[0] == "IncorrectState"
    open_one = source.do("ebs:StartSnapshot", VolumeSize=1)["SnapshotId"]
    assert source.refused("ec2:ModifySnapshotTier", SnapshotId=open_one)[0] == "IncorrectState"
    asked = {"SnapshotId": snapshot, "StorageTier": "cold"}
    assert source.refused("ec2:ModifySnapshotTier", **asked)[0] == "InvalidParameterValue"
    archive(source, snapshot)
    assert source.refused("ec2:ModifySnapshotTier", SnapshotId=snapshot)[0] == "IncorrectState"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({}, "InvalidParameterCombination"),
        ({"TemporaryRestoreDays": 1, "PermanentRestore": True}, "InvalidParameterCombination"),
        ({"TemporaryRestoreDays": 181}, "InvalidParameterValue"),
        ({"PermanentRestore": True}, "IncorrectState"),
    ],
)
def test_what_can_not_be_restored(how: dict[str, Any], code: str) -> None:
    """Neither or both ways, too many days, and what is not in the archive."""
    source, _ = pair()
    assert source.refused("ec2:RestoreSnapshotTier", SnapshotId=plain(source), **how)[0] == code


def test_an_archived_copy_is_no_base_for_an_incremental_one() -> None:
    source, target = pair()
    key = target.key()
    snapshot = plain(source)
    source.share(snapshot, target.caller.account)
    asked = {"Encrypted": True, "KmsKeyId": key}
    first = target.copy(snapshot, **asked)
    archive(target, first)
    second = target.copy(snapshot, **asked)
    assert target.snapshot(second)["State"] == "completed"
    flags = [each["incremental"] for each in details(target, "copySnapshot")]
    assert flags == ["false", "false"]


def test_neither_an_image_nor_a_launch_is_made_of_an_archived_snapshot() -> None:
    source, _ = pair()
    kept, archived = plain(source), plain(source)
    archive(source, archived)
    mapping = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": archived}}]
    image = {"Name": "cold", "RootDeviceName": ROOT, "BlockDeviceMappings": mapping}
    assert source.refused("ec2:RegisterImage", **image)[0] == "IncorrectState"
    data = [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": archived}}]
    launch = run(register(source, kept), BlockDeviceMappings=data)
    assert source.refused("ec2:RunInstances", **launch)[0] == "IncorrectState"


@row("4/archive")
def test_who_moves_a_snapshot_is_told_of_it() -> None:
    source, _ = pair()
    snapshot = plain(source)
    archive(source, snapshot)
    restore(source, snapshot, TemporaryRestoreDays=1)
    source.cloud.advance(DAY_MS + HOUR_MS)
    restore(source, snapshot, PermanentRestore=True)
    events = ("archiveSnapshot", "temporaryRestoreSnapshot", "restorePeriodExpired", "permanentRestoreSnapshot")
    for event in events:
        (detail,) = details(source, event)
        assert (detail["result"], detail["snapshot_id"]) == ("succeeded", f"arn:aws:ec2::{REGION}:snapshot/{snapshot}")
