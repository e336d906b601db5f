"""Fast snapshot restore (ebs.md 1.8): states, whose it is, what ends it, and answers item by item."""

from __future__ import annotations

from typing import Any

import pytest

from app.services.ebs.fast_restore import BY_LIFE, BY_USER
from tests.ebs.test_snapshots import with_quotas
from tests.ebs_features.hands import HOUR_MS, notices, pair, plain
from tests.sharing.accounts import REGION, SOURCE, TARGET, TARGET_ROOT, Hand, Share, allow, root

row = pytest.mark.row

ZONE, OTHER_ZONE = f"{REGION}a", f"{REGION}b"
DAY_OF_WAITING_MS = 24 * HOUR_MS


def enable(hand: Hand, *snapshots: str, zones: tuple[str, ...] = (ZONE,)) -> Any:
    return hand.do("ec2:EnableFastSnapshotRestores", SourceSnapshotIds=list(snapshots), AvailabilityZones=list(zones))


def disable(hand: Hand, *snapshots: str) -> Any:
    return hand.do("ec2:DisableFastSnapshotRestores", SourceSnapshotIds=list(snapshots), AvailabilityZones=[ZONE])


def states(hand: Hand) -> dict[tuple[str, str], str]:
    found = hand.do("ec2:DescribeFastSnapshotRestores")["FastSnapshotRestores"]
    return {(each["SnapshotId"], each["AvailabilityZone"]): each["State"] for each in found}


def codes(answer: Any) -> dict[str, list[str]]:
    """Error codes by snapshot."""
    return {
        each["SnapshotId"]: [error["Error"]["Code"] for error in each["FastSnapshotRestoreStateErrors"]]
        for each in answer["Unsuccessful"]
    }


@row("1.8/fast-states")
def test_it_is_enabling_then_optimizing_then_enabled() -> None:
    source, _ = pair(settle="lifelike")
    snapshot = plain(source)
    (first,) = enable(source, snapshot)["Successful"]
    assert (first["State"], first["StateTransitionReason"], first["OwnerId"]) == ("enabling", BY_USER, SOURCE)
    source.cloud.advance(2 * 60_000)
    assert states(source) == {(snapshot, ZONE): "optimizing"}
    source.cloud.advance(2 * HOUR_MS)
    (found,) = source.do("ec2:DescribeFastSnapshotRestores")["FastSnapshotRestores"]
    assert (found["State"], found["StateTransitionReason"]) == ("enabled", BY_LIFE)
    assert found["EnablingTime"] < found["OptimizingTime"] < found["EnabledTime"]
    assert disable(source, snapshot)["Successful"][0]["State"] == "disabling"
    source.cloud.advance(2 * HOUR_MS)
    assert states(source) == {(snapshot, ZONE): "disabled"}


def test_turned_off_on_the_way_it_is_not_enabled_later() -> None:
    """What was booked for the first way is void."""
    source, _ = pair(settle="lifelike")
    snapshot = plain(source)
    enable(source, snapshot)
    disable(source, snapshot)
    source.cloud.advance(DAY_OF_WAITING_MS)
    assert states(source) == {(snapshot, ZONE): "disabled"}
    enable(source, snapshot)
    source.cloud.advance(DAY_OF_WAITING_MS)
    assert states(source) == {(snapshot, ZONE): "enabled"}


def test_what_can_not_be_done_is_listed_and_the_rest_is_done() -> None:
    source, target = pair()
    good, foreign = plain(source), plain(target)
    pending = source.do("ebs:StartSnapshot", VolumeSize=1)["SnapshotId"]
    answer = enable(source, good, foreign, pending, zones=(ZONE, OTHER_ZONE))
    assert [each["AvailabilityZone"] for each in answer["Successful"]] == [ZONE, OTHER_ZONE]
    assert codes(answer) == {foreign: ["InvalidSnapshot.NotFound"] * 2, pending: ["IncorrectState"] * 2}
    assert codes(enable(source, good)) == {good: ["IncorrectState"]}
    assert codes(disable(source, foreign)) == {foreign: ["IncorrectState"]}


@row("1.8/fast-pays", "1.8/fast-ends")
def test_it_belongs_to_whom_it_is_enabled_by_and_ends_with_the_share() -> None:
    source, target = pair()
    snapshot = plain(source)
    source.share(snapshot, TARGET)
    enable(target, snapshot)
    assert (states(target), states(source)) == ({(snapshot, ZONE): "enabled"}, {})
    enable(source, snapshot)
    source.share(snapshot, TARGET, adds=False)
    assert (states(target), states(source)) == ({(snapshot, ZONE): "disabled"}, {(snapshot, ZONE): "enabled"})


@row("1.8/archive-unshares", "1.8/fast-ends")
def test_it_ends_with_the_snapshot_and_with_its_archival() -> None:
    source, target = pair()
    deleted, archived, reset = plain(source), plain(source), plain(source)
    for snapshot in (deleted, archived, reset):
        source.share(snapshot, TARGET)
        enable(target, snapshot)
    source.do("ec2:DeleteSnapshot", SnapshotId=deleted)
    source.do("ec2:ModifySnapshotTier", SnapshotId=archived)
    source.do("ec2:ResetSnapshotAttribute", SnapshotId=reset, Attribute="createVolumePermission")
    assert states(target) == {(id, ZONE): "disabled" for id in (deleted, archived, reset)}


@row("1.8/fast-key")
def test_the_key_must_be_usable_when_it_is_enabled_and_its_loss_does_not_end_it(share: Share) -> None:
    """Method: a target that may not describe the source key; then it may; then the owner disables the key."""
    snapshot, key = share.things.snapshot, share.things.source_key
    blind = share.with_(source_key_policy=allow(TARGET_ROOT, "kms:CreateGrant"))
    assert codes(enable(blind.target, snapshot)) == {snapshot: ["InvalidParameterValue"]}
    assert enable(share.target, snapshot)["Successful"]
    share.source.do("kms:DisableKey", KeyId=key)
    share.cloud.advance(HOUR_MS)
    assert states(share.target) == {(snapshot, ZONE): "enabled"}


@row("1.8/fast-limit")
def test_a_region_has_five_snapshots_where_a_world_has_quotas(share: Share) -> None:
    hand = root(with_quotas(share), SOURCE)
    snapshots = [plain(hand) for _ in range(6)]
    answer = enable(hand, *snapshots)
    assert codes(answer) == {snapshots[5]: ["FastSnapshotRestoreLimitExceeded"]}


def test_requests_name_snapshots_and_zones() -> None:
    source, _ = pair()
    snapshot = plain(source)
    asked = {"SourceSnapshotIds": [snapshot]}
    assert source.refused("ec2:EnableFastSnapshotRestores", **asked)[0] == "MissingParameter"
    bad_zone = {**asked, "AvailabilityZones": ["nowhere"]}
    assert source.refused("ec2:EnableFastSnapshotRestores", **bad_zone)[0] == "InvalidZone.NotFound"
    by_id = {**asked, "AvailabilityZoneIds": ["use1-az1"]}
    found = source.do("ec2:EnableFastSnapshotRestores", **by_id)["Successful"][0]
    assert found["AvailabilityZoneId"] == "use1-az1"
    only = [{"Name": "state", "Values": ["disabled"]}]
    assert source.do("ec2:DescribeFastSnapshotRestores", Filters=only)["FastSnapshotRestores"] == []


def test_a_policy_can_name_the_zone() -> None:
    source, _ = pair()
    snapshot = plain(source)
    here = {"StringEquals": {"ec2:AvailabilityZone": ZONE}}
    user = source.user("u", *allow("ec2:EnableFastSnapshotRestores", Condition=here))
    asked = {"SourceSnapshotIds": [snapshot], "AvailabilityZones": [OTHER_ZONE]}
    assert user.refused("ec2:EnableFastSnapshotRestores", **asked)[0] == "UnauthorizedOperation"
    assert enable(user, snapshot)["Successful"]


@row("4/fast-restore")
def test_each_state_is_told_to_the_account_that_enabled_it() -> None:
    source, target = pair()
    snapshot = plain(source)
    source.share(snapshot, TARGET)
    enable(target, snapshot)
    told = [each["detail"] for each in notices(target) if each["detail-type"].startswith("EBS Fast Snapshot")]
    assert [each["state"] for each in told] == ["enabling", "optimizing", "enabled"]
    assert told[0] == {
        "snapshot-id": f"arn:aws:ec2:{REGION}::snapshot/{snapshot}",
        "state": "enabling",
        "zone": ZONE,
        "message": BY_USER,
    }
