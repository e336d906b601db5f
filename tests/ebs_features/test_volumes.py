"""Volumes beyond making and deleting: modifications, copies, status, attributes; snapshots of a whole instance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.ebs.test_snapshots import with_quotas
from tests.ebs_compute.conftest import Yard, yard_of
from tests.ebs_compute.machines import attach, launch, root_volume
from tests.ebs_features.hands import HOUR_MS, details, pair
from tests.sharing.accounts import REGION, SOURCE, Hand, Share, allow, block, root

row = pytest.mark.row

ZONE = f"{REGION}a"


def modify(hand: Hand, volume: str, **asked: Any) -> Any:
    return hand.do("ec2:ModifyVolume", VolumeId=volume, **asked)["VolumeModification"]


def modification(hand: Hand, volume: str) -> Any:
    return hand.do("ec2:DescribeVolumesModifications", VolumeIds=[volume])["VolumesModifications"][0]


def seen(hand: Hand, volume: str, *members: str) -> tuple[Any, ...]:
    found = hand.volume(volume)
    assert found is not None
    return tuple(found.get(member) for member in members)


# ModifyVolume


@row("4/modifyVolume")
def test_a_modification_is_modifying_then_optimizing_then_completed() -> None:
    """The volume is what it was to become as soon as it is optimizing."""
    source, _ = pair(settle="lifelike")
    volume = source.make_volume(Size=4)
    source.cloud.advance(HOUR_MS)
    shown = modify(source, volume, Size=8, VolumeType="gp3", Iops=4000)
    assert (shown["ModificationState"], shown["OriginalSize"], shown["TargetSize"]) == ("modifying", 4, 8)
    assert (shown["OriginalVolumeType"], shown["TargetVolumeType"], shown["TargetIops"]) == ("gp2", "gp3", 4000)
    assert seen(source, volume, "Size", "VolumeType") == (4, "gp2")
    text = f"Volume {volume} cannot be modified in modification state MODIFYING"
    assert source.refused("ec2:ModifyVolume", VolumeId=volume, Size=9) == ("IncorrectModificationState", text)
    source.cloud.advance(60_000)
    assert modification(source, volume)["ModificationState"] == "optimizing"
    assert seen(source, volume, "Size", "VolumeType", "Iops", "Throughput") == (8, "gp3", 4000, 125)
    source.cloud.advance(2 * HOUR_MS)
    found = modification(source, volume)
    assert (found["ModificationState"], found["Progress"]) == ("completed", 100)
    assert found["EndTime"] - found["StartTime"] > timedelta(hours=1)
    assert [each["result"] for each in details(source, "modifyVolume")] == ["optimizing", "completed"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Size": 3}, "InvalidParameterValue"),
        ({"Size": 20_000}, "InvalidParameterValue"),
        ({"VolumeType": "io1"}, "InvalidParameterValue"),
        ({"Iops": 3000}, "InvalidParameterCombination"),
        ({"MultiAttachEnabled": True}, "InvalidParameterCombination"),
    ],
)
def test_what_a_volume_can_not_become(asked: dict[str, Any], code: str) -> None:
    """Smaller, larger than its type, io1 of fewer IOPS than it may have, gp2 with IOPS, attached twice."""
    source, _ = pair()
    volume = source.make_volume(Size=4, VolumeType="gp2")
    if asked.get("VolumeType") == "io1":
        asked = {**asked, "Iops": 99}
    assert source.refused("ec2:ModifyVolume", VolumeId=volume, **asked)[0] == code


def test_what_is_not_named_stays_and_takes_the_new_types_ways() -> None:
    source, _ = pair()
    volume = source.make_volume(Size=100, VolumeType="gp3", Throughput=250)
    modify(source, volume, Size=200)
    assert seen(source, volume, "Size", "VolumeType", "Iops", "Throughput") == (200, "gp3", 3000, 250)
    modify(source, volume, VolumeType="gp2")
    assert seen(source, volume, "VolumeType", "Iops", "Throughput") == ("gp2", 600, None)


def test_six_hours_lie_between_two_modifications_where_a_world_has_quotas(share: Share) -> None:
    hand = root(with_quotas(share), SOURCE)
    volume = hand.make_volume(Size=1)
    modify(hand, volume, Size=2)
    hand.cloud.advance(5 * HOUR_MS)
    assert hand.refused("ec2:ModifyVolume", VolumeId=volume, Size=3)[0] == "VolumeModificationRateExceeded"
    hand.cloud.advance(HOUR_MS)
    modify(hand, volume, Size=3)


def test_a_volume_keeps_its_data_and_needs_no_key_to_grow(share: Share) -> None:
    source, volume = share.source, share.things.volume
    source.do("kms:DisableKey", KeyId=share.things.source_key)
    request = source.ask("ec2:ModifyVolume", VolumeId=volume, Size=5)
    assert (request.error, source.kms_calls(request.request_id)) == (None, [])
    source.do("kms:EnableKey", KeyId=share.things.source_key)
    assert source.read(source.make_snapshot(volume)) == {0: block(0), 7: block(1)}


def test_modifications_are_found_by_filter_and_go_with_their_volume() -> None:
    source, _ = pair()
    grown, plain = source.make_volume(Size=1), source.make_volume(Size=1)
    modify(source, grown, Size=2)
    by_size = [{"Name": "target-size", "Values": ["2"]}]
    found = source.do("ec2:DescribeVolumesModifications", Filters=by_size)["VolumesModifications"]
    assert [each["VolumeId"] for each in found] == [grown]
    asked = {"VolumeIds": [plain]}
    assert source.refused("ec2:DescribeVolumesModifications", **asked)[0] == "InvalidVolumeModification.NotFound"
    source.do("ec2:DeleteVolume", VolumeId=grown)
    assert source.do("ec2:DescribeVolumesModifications")["VolumesModifications"] == []


# CopyVolumes


@row("1.1/copy-volumes")
def test_a_copy_of_a_volume_has_its_data_and_its_key_and_is_independent(share: Share) -> None:
    """KMS: ReEncrypt alone, as for a volume from an own snapshot under the same key (inferred)."""
    source, volume = share.source, share.things.volume
    reply = source.ask("ec2:CopyVolumes", SourceVolumeId=volume)
    assert reply.answer is not None
    (shown,) = reply.answer["Volumes"]
    assert (shown["State"], shown["SourceVolumeId"], shown["SnapshotId"]) == ("creating", volume, "")
    copy = shown["VolumeId"]
    calls = [each["eventName"] for each in source.kms_calls(reply.request_id)]
    assert calls == ["ReEncrypt"]
    source.do("ec2:DeleteVolume", VolumeId=volume)
    assert seen(source, copy, "State", "KmsKeyId", "AvailabilityZone") == (
        "available",
        share.things.source_key,
        ZONE,
    )
    assert source.read(source.make_snapshot(copy)) == {0: block(0), 7: block(1)}


def test_a_copy_goes_under_another_key_where_one_is_named(share: Share) -> None:
    source = share.source
    key = source.key()
    copy = source.do("ec2:CopyVolumes", SourceVolumeId=share.things.volume, Encrypted=True, KmsKeyId=key)
    id = copy["Volumes"][0]["VolumeId"]
    assert seen(source, id, "KmsKeyId") == (key,)
    assert source.read(source.make_snapshot(id)) == {0: block(0), 7: block(1)}


def test_a_copy_without_its_key_vanishes(share: Share) -> None:
    source = share.source
    source.do("kms:DisableKey", KeyId=share.things.source_key)
    copy = source.do("ec2:CopyVolumes", SourceVolumeId=share.things.volume)["Volumes"][0]["VolumeId"]
    assert source.volume(copy) is None


def test_a_copy_is_not_smaller_and_its_token_counts_once() -> None:
    source, _ = pair()
    volume = source.make_volume(Size=4)
    asked = {"SourceVolumeId": volume}
    assert source.refused("ec2:CopyVolumes", **asked, Size=3)[0] == "InvalidParameterValue"
    assert source.refused("ec2:CopyVolumes", **asked, KmsKeyId="alias/aws/ebs")[0] == "InvalidParameterDependency"
    first = source.do("ec2:CopyVolumes", **asked, Size=5, ClientToken="t")
    assert source.do("ec2:CopyVolumes", **asked, Size=5, ClientToken="t") == first
    assert len(source.do("ec2:DescribeVolumes")["Volumes"]) == 2


@row("1.1/copy-volumes")
def test_a_copy_takes_the_action_on_the_source_and_on_the_new_volume() -> None:
    source, _ = pair()
    volume = source.make_volume(Size=1)
    arn = f"arn:aws:ec2:{REGION}:{SOURCE}:volume/"
    user = source.user("u", *allow("ec2:CopyVolumes", Resource=arn + volume))
    code, text = user.refused("ec2:CopyVolumes", SourceVolumeId=volume)
    assert (code, f"{arn}*" in text) == ("UnauthorizedOperation", True)


# status and attributes


def test_a_volume_is_well_from_the_beginning() -> None:
    """So AWS says of one that is still creating (ST:volume_controls [V])."""
    source, _ = pair(settle="lifelike")
    volume = source.make_volume(Size=1)
    status = source.do("ec2:DescribeVolumeStatus")["VolumeStatuses"][0]
    assert (status["VolumeId"], status["VolumeStatus"]["Status"]) == (volume, "ok")
    source.cloud.advance(HOUR_MS)
    ok = [{"Name": "volume-status.status", "Values": ["ok"]}]
    (status,) = source.do("ec2:DescribeVolumeStatus", Filters=ok)["VolumeStatuses"]
    assert status["VolumeStatus"]["Details"][0] == {"Name": "io-enabled", "Status": "passed"}
    gone = {"VolumeIds": ["vol-00000000"]}
    assert source.refused("ec2:DescribeVolumeStatus", **gone)[0] == "InvalidVolume.NotFound"


def test_auto_enable_io_is_kept_and_there_are_no_product_codes() -> None:
    source, _ = pair()
    asked = {"VolumeId": source.make_volume(Size=1)}
    auto = {**asked, "Attribute": "autoEnableIO"}
    assert source.do("ec2:DescribeVolumeAttribute", **auto)["AutoEnableIO"] == {"Value": False}
    source.do("ec2:ModifyVolumeAttribute", **asked, AutoEnableIO={"Value": True})
    assert source.do("ec2:DescribeVolumeAttribute", **auto)["AutoEnableIO"] == {"Value": True}
    assert source.do("ec2:DescribeVolumeAttribute", **asked, Attribute="productCodes")["ProductCodes"] == []
    assert source.refused("ec2:DescribeVolumeAttribute", **asked, Attribute="x")[0] == "InvalidParameterValue"
    assert source.refused("ec2:ModifyVolumeAttribute", **asked)[0] == "InvalidParameterCombination"


# CreateSnapshots


@pytest.fixture
def yard() -> Yard:
    return yard_of()


def several(hand: Hand, instance: str, *, specification: dict[str, Any] | None = None, **asked: Any) -> Any:
    of = {"InstanceId": instance, **(specification or {})}
    return hand.do("ec2:CreateSnapshots", InstanceSpecification=of, **asked)["Snapshots"]


@row("1.1/create-snapshots")
def test_one_snapshot_is_made_of_each_volume_without_a_call_to_kms(yard: Yard) -> None:
    hand = yard.hand
    instance, data = launch(hand, yard.image), hand.make_volume(Size=2)
    attach(hand, data, instance)
    hand.do("ec2:CreateTags", Resources=[data], Tags=[{"Key": "Name", "Value": "data"}, {"Key": "a", "Value": "v"}])
    of_request = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "r"}]}]
    shown = several(hand, instance, Description="both", CopyTagsFromSource="volume", TagSpecifications=of_request)
    assert {each["VolumeId"] for each in shown} == {root_volume(hand, instance), data}
    assert {(each["State"], each["Progress"], each["Description"]) for each in shown} == {("pending", "", "both")}
    by_volume = {each["VolumeId"]: hand.snapshot(each["SnapshotId"]) for each in shown}
    assert by_volume[data]["Tags"] == [{"Key": "Name", "Value": "data"}, {"Key": "a", "Value": "r"}]
    assert by_volume[root_volume(hand, instance)]["Encrypted"] is True
    request = hand.events("CreateSnapshots")[0]["requestID"]
    assert hand.kms_calls(request) == []


@row("1.3/several")
def test_volumes_are_left_out_the_root_by_its_own_parameter_only(yard: Yard) -> None:
    hand = yard.hand
    instance, one, two = launch(hand, yard.image), hand.make_volume(Size=1), hand.make_volume(Size=1)
    attach(hand, one, instance)
    attach(hand, two, instance, "/dev/sdg")
    left = several(hand, instance, specification={"ExcludeBootVolume": True, "ExcludeDataVolumeIds": [two]})
    assert [each["VolumeId"] for each in left] == [one]
    root_too = {"InstanceId": instance, "ExcludeDataVolumeIds": [root_volume(hand, instance)]}
    assert hand.refused("ec2:CreateSnapshots", InstanceSpecification=root_too)[0] == "InvalidParameterValue"
    many = {"InstanceId": instance, "ExcludeDataVolumeIds": [one] * 128}
    assert hand.refused("ec2:CreateSnapshots", InstanceSpecification=many)[0] == "InvalidParameterValue"


@row("1.1/create-snapshots")
def test_it_takes_the_action_on_instance_volumes_and_snapshots(yard: Yard) -> None:
    hand = yard.hand
    instance = launch(hand, yard.image)
    arns = [
        f"arn:aws:ec2:{REGION}:{SOURCE}:instance/{instance}",
        f"arn:aws:ec2:{REGION}:{SOURCE}:volume/*",
        f"arn:aws:ec2:{REGION}::snapshot/*",
    ]
    user = hand.user("u")
    of = {"InstanceId": instance}
    for allowed in range(3):
        hand.let("u", *allow("ec2:CreateSnapshots", Resource=arns[:allowed] or ["arn:aws:x"]))
        assert user.refused("ec2:CreateSnapshots", InstanceSpecification=of)[0] == "UnauthorizedOperation"
    hand.let("u", *allow("ec2:CreateSnapshots", Resource=arns))
    assert user.ask("ec2:CreateSnapshots", InstanceSpecification=of).error is None


@row("4/createSnapshots")
def test_when_all_are_complete_the_account_is_told_once(yard: Yard) -> None:
    hand = yard.hand
    instance = launch(hand, yard.image)
    (shown,) = several(hand, instance)
    (detail,) = details(hand, "createSnapshots")
    assert (detail["result"], detail["cause"], detail["request-id"]) == ("succeeded", "", "")
    arns = {name: f"arn:aws:ec2::{REGION}:{name}/" for name in ("snapshot", "volume")}
    assert detail["snapshots"] == [
        {
            "snapshot_id": arns["snapshot"] + shown["SnapshotId"],
            "source": arns["volume"] + shown["VolumeId"],
            "status": "completed",
        }
    ]
