"""Snapshot locks (ebs.md 1.8): modes, cooling off, what can be changed when, and that nobody deletes what is locked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.policy.causes import Cause
from tests.ebs_features.hands import DAY_MS, HOUR_MS, pair, plain
from tests.sharing.accounts import Hand, allow

row = pytest.mark.row

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def source() -> Hand:
    return pair()[0]


@pytest.fixture
def snapshot(source: Hand) -> str:
    return plain(source)


def lock(hand: Hand, id: str, mode: str = "governance", **asked: Any) -> Any:
    return hand.do("ec2:LockSnapshot", SnapshotId=id, LockMode=mode, **asked)


def state(hand: Hand, id: str) -> str:
    return hand.do("ec2:DescribeLockedSnapshots", SnapshotIds=[id])["Snapshots"][0]["LockState"]


def deletion(hand: Hand, id: str) -> str:
    error = hand.ask("ec2:DeleteSnapshot", SnapshotId=id).error
    return error.code if error else "deleted"


@row("1.8/lock-delete")
def test_a_locked_snapshot_is_deleted_by_nobody_until_the_lock_expires(source: Hand, snapshot: str) -> None:
    answer = lock(source, snapshot, LockDuration=2)
    assert (answer["LockState"], answer["LockDuration"]) == ("governance", 2)
    assert answer["LockExpiresOn"] - answer["LockDurationStartTime"] == timedelta(days=2)
    refused = source.ask("ec2:DeleteSnapshot", SnapshotId=snapshot)
    assert refused.error is not None
    assert (refused.error.code, refused.error.cause) == ("OperationNotPermitted", Cause.SNAPSHOT_LOCKED)
    source.cloud.advance(2 * DAY_MS)
    assert state(source, snapshot) == "expired"
    assert deletion(source, snapshot) == "deleted"
    assert source.do("ec2:DescribeLockedSnapshots")["Snapshots"] == []


@row("1.8/lock-delete")
def test_a_locked_snapshot_is_shared_copied_and_restored(source: Hand, snapshot: str) -> None:
    lock(source, snapshot, "compliance", LockDuration=1)
    assert source.share(snapshot, "222222222222").error is None
    assert source.snapshot(source.copy(snapshot))["State"] == "completed"
    assert source.make_volume(SnapshotId=snapshot)


@row("1.8/lock-governance")
def test_governance_can_be_shortened_lengthened_changed_and_unlocked(source: Hand, snapshot: str) -> None:
    created = lock(source, snapshot, LockDuration=10)["LockCreatedOn"]
    assert lock(source, snapshot, LockDuration=1)["LockCreatedOn"] == created
    assert lock(source, snapshot, LockDuration=20)["LockDuration"] == 20
    assert source.do("ec2:UnlockSnapshot", SnapshotId=snapshot) == {"SnapshotId": snapshot}
    assert deletion(source, snapshot) == "deleted"


@row("1.8/lock-cool-off", "1.8/lock-compliance")
def test_compliance_cools_off_and_then_can_only_be_lengthened(source: Hand, snapshot: str) -> None:
    """Method: the same changes during the cooling-off period and after it."""
    answer = lock(source, snapshot, "compliance", LockDuration=10, CoolOffPeriod=3)
    assert (answer["LockState"], answer["CoolOffPeriod"]) == ("compliance-cooloff", 3)
    assert lock(source, snapshot, "compliance", LockDuration=5)["LockState"] == "compliance-cooloff"
    assert lock(source, snapshot, LockDuration=5)["LockState"] == "governance"
    lock(source, snapshot, "compliance", LockDuration=5, CoolOffPeriod=1)
    source.cloud.advance(HOUR_MS)
    assert state(source, snapshot) == "compliance"
    named = {"SnapshotId": snapshot}
    for asked in (
        {"LockMode": "governance", "LockDuration": 50},
        {"LockMode": "compliance", "LockDuration": 1},
        {"LockMode": "compliance", "LockDuration": 50, "CoolOffPeriod": 1},
    ):
        assert source.refused("ec2:LockSnapshot", **named, **asked)[0] == "OperationNotPermitted", asked
    assert source.refused("ec2:UnlockSnapshot", **named)[0] == "OperationNotPermitted"
    assert lock(source, snapshot, "compliance", LockDuration=50)["LockDuration"] == 50
    source.cloud.advance(49 * DAY_MS)
    assert deletion(source, snapshot) == "OperationNotPermitted"
    source.cloud.advance(2 * DAY_MS)
    assert deletion(source, snapshot) == "deleted"


def test_compliance_without_a_cooling_off_period_holds_at_once(source: Hand, snapshot: str) -> None:
    assert lock(source, snapshot, "compliance", LockDuration=1)["LockState"] == "compliance"
    assert source.refused("ec2:UnlockSnapshot", SnapshotId=snapshot)[0] == "OperationNotPermitted"


@row("1.8/lock-modes")
def test_a_lock_can_end_at_a_date(source: Hand, snapshot: str) -> None:
    date = START + timedelta(days=3)
    assert lock(source, snapshot, ExpirationDate=date)["LockExpiresOn"] == date
    source.cloud.advance(4 * DAY_MS)
    assert state(source, snapshot) == "expired"
    past = {"SnapshotId": snapshot, "LockMode": "governance", "ExpirationDate": START}
    assert source.refused("ec2:LockSnapshot", **past)[0] == "InvalidParameterValue"


@row("1.8/lock-pending")
def test_the_duration_of_a_pending_snapshots_lock_counts_from_its_completion() -> None:
    source, _ = pair(settle="lifelike")
    volume = source.make_volume(Size=1)
    source.cloud.advance(HOUR_MS)
    pending = source.make_snapshot(volume)
    answer = lock(source, pending, LockDuration=1)
    assert "LockExpiresOn" not in answer
    assert deletion(source, pending) == "OperationNotPermitted"
    source.cloud.advance(HOUR_MS)
    shown = source.do("ec2:DescribeLockedSnapshots")["Snapshots"][0]
    assert shown["LockDurationStartTime"] == source.snapshot(pending)["CompletionTime"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"LockMode": "governance"}, "InvalidParameterCombination"),
        ({"LockMode": "governance", "LockDuration": 1, "ExpirationDate": START}, "InvalidParameterCombination"),
        ({"LockMode": "governance", "LockDuration": 1, "CoolOffPeriod": 1}, "InvalidParameterCombination"),
        ({"LockMode": "governance", "LockDuration": 0}, "InvalidParameterValue"),
        ({"LockMode": "governance", "LockDuration": 36_501}, "InvalidParameterValue"),
        ({"LockMode": "compliance", "LockDuration": 1, "CoolOffPeriod": 73}, "InvalidParameterValue"),
        ({"LockMode": "none", "LockDuration": 1}, "InvalidParameterValue"),
    ],
)
@row("1.8/lock-modes")
def test_what_a_lock_must_be(source: Hand, snapshot: str, asked: dict[str, Any], code: str) -> None:
    assert source.refused("ec2:LockSnapshot", SnapshotId=snapshot, **asked)[0] == code
    assert deletion(source, snapshot) == "deleted"


@row("1.8/lock-owner")
def test_only_the_owner_locks() -> None:
    source, target = pair()
    snapshot = plain(source)
    source.share(snapshot, target.caller.account)
    asked = {"SnapshotId": snapshot, "LockMode": "governance", "LockDuration": 1}
    assert target.refused("ec2:LockSnapshot", **asked)[0] == "InvalidSnapshot.NotFound"
    assert target.refused("ec2:UnlockSnapshot", SnapshotId=snapshot)[0] == "InvalidSnapshot.NotFound"
    assert source.refused("ec2:UnlockSnapshot", SnapshotId=snapshot)[0] == "InvalidParameterValue"


@row("1.8/lock-conditions")
def test_a_policy_can_limit_how_long_one_may_lock(source: Hand, snapshot: str) -> None:
    """ec2:SnapshotLockDuration, in days."""
    short = {"NumericLessThanEquals": {"ec2:SnapshotLockDuration": "7"}}
    user = source.user("u", *allow("ec2:LockSnapshot", Condition=short))
    asked = {"SnapshotId": snapshot, "LockMode": "governance"}
    assert user.refused("ec2:LockSnapshot", **asked, LockDuration=8)[0] == "UnauthorizedOperation"
    assert user.ask("ec2:LockSnapshot", **asked, LockDuration=7).error is None


def test_locks_are_found_by_their_state_and_page_by_page(source: Hand) -> None:
    ids = sorted(plain(source) for _ in range(6))
    for n, id in enumerate(ids):
        lock(source, id, "compliance" if n < 2 else "governance", LockDuration=1)
    by_state = [{"Name": "lock-state", "Values": ["compliance"]}]
    found = source.do("ec2:DescribeLockedSnapshots", Filters=by_state)["Snapshots"]
    assert [each["SnapshotId"] for each in found] == ids[:2]
    first = source.do("ec2:DescribeLockedSnapshots", MaxResults=5)
    rest = source.do("ec2:DescribeLockedSnapshots", MaxResults=5, NextToken=first["NextToken"])
    assert [each["SnapshotId"] for each in (*first["Snapshots"], *rest["Snapshots"])] == ids
