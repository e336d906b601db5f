"""What holds after any sequence of shares, blocks, locks, archivals, deletions, restores and days."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from app.kernel.log import CallEntry
from app.services.ebs.feature_records import Binned, FastRestore, Lock, PublicAccess
from app.services.ebs.locks import EXPIRED, state_at
from app.services.ebs.records import Snapshot
from tests.ebs_features.hands import DAY_MS, HOUR_MS, pair
from tests.ebs_features.test_recycle_bin import rule
from tests.sharing.accounts import REGION, TARGET, Hand

Step = tuple[str, int, int]  # what, which of its kind, on which snapshot
ZONES = {"AvailabilityZones": [f"{REGION}a"]}


def change(**items: str) -> dict[str, Any]:
    return {"Add": [items]}


def undo(**items: str) -> dict[str, Any]:
    return {"Remove": [items]}


MODIFY = "ec2:ModifySnapshotAttribute"
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (  # of the source; parameters beside the snapshot
    (MODIFY, {"CreateVolumePermission": change(Group="all")}),
    (MODIFY, {"CreateVolumePermission": change(UserId=TARGET)}),
    (MODIFY, {"CreateVolumePermission": undo(Group="all")}),
    (MODIFY, {"CreateVolumePermission": undo(UserId=TARGET)}),
    ("ec2:LockSnapshot", {"LockMode": "governance", "LockDuration": 2}),
    ("ec2:LockSnapshot", {"LockMode": "compliance", "LockDuration": 1}),
    ("ec2:UnlockSnapshot", {}),
    ("ec2:ModifySnapshotTier", {}),
    ("ec2:RestoreSnapshotTier", {"TemporaryRestoreDays": 2}),
    ("ec2:RestoreSnapshotTier", {"PermanentRestore": True}),
    *3 * (("ec2:DeleteSnapshot", {}), ("ec2:RestoreSnapshotFromRecycleBin", {})),  # more often than the others
)
SETTINGS = (
    ("ec2:EnableSnapshotBlockPublicAccess", {"State": "block-all-sharing"}),
    ("ec2:EnableSnapshotBlockPublicAccess", {"State": "block-new-sharing"}),
    ("ec2:DisableSnapshotBlockPublicAccess", {}),
)
steps = st.one_of(
    *(2 * [st.tuples(st.just("call"), st.integers(0, len(CALLS) - 1), st.integers(0, 1))]),
    st.tuples(st.just("setting"), st.integers(0, len(SETTINGS) - 1), st.just(0)),
    st.tuples(st.just("fast"), st.integers(0, 3), st.integers(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 80]), st.just(0)),
)


def take(source: Hand, target: Hand, ids: list[str], step: Step) -> None:
    what, n, which = step
    if what == "call":
        operation, parameters = CALLS[n]
        source.ask(operation, SnapshotId=ids[which], **parameters)
    elif what == "setting":
        source.ask(SETTINGS[n][0], **SETTINGS[n][1])
    elif what == "fast":
        hand = (source, target)[n % 2]
        name = "Enable" if n < 2 else "Disable"
        hand.do(f"ec2:{name}FastSnapshotRestores", SourceSnapshotIds=[ids[which]], **ZONES)
    else:
        source.cloud.advance(n * HOUR_MS)


def locked(hand: Hand) -> set[str]:
    records, now_ms = hand.cloud.world.records, hand.cloud.now_ms()
    snapshots = {each.id: each for each in records.scan(Snapshot)}
    return {lock.id for lock in records.scan(Lock) if state_at(lock, snapshots[lock.id], now_ms) != EXPIRED}


def withholding_follows_the_setting(hand: Hand) -> None:
    records = hand.cloud.world.records
    setting = next(records.scan(PublicAccess, hand.caller.account, REGION), None)
    hides = setting is not None and setting.state == "block-all-sharing"
    for each in records.scan(Snapshot, hand.caller.account):
        assert each.is_withheld == (each.is_public and hides)


def what_is_out_of_reach_is_shared_with_nobody(hand: Hand) -> None:
    for each in hand.cloud.world.records.scan(Snapshot):
        assert each.is_at_hand or not (each.shared_with or each.is_public)


def fast_restore_is_on_only_for_who_sees_the_snapshot(hand: Hand) -> None:
    records = hand.cloud.world.records
    for each in records.scan(FastRestore):
        if each.state in ("enabling", "optimizing", "enabled"):
            found = records.find(Snapshot, "id", each.region, each.snapshot_id)
            assert found is not None
            assert found.is_visible_to(each.account)
            assert found.is_at_hand


def a_snapshot_is_in_one_place(hand: Hand) -> None:
    records = hand.cloud.world.records
    assert not {each.id for each in records.scan(Snapshot)} & {each.id for each in records.scan(Binned)}


def no_job_failed_by_a_bug(hand: Hand) -> None:
    calls = (entry for _, entry in hand.cloud.world.log.entries() if isinstance(entry, CallEntry))
    assert [entry.operation for entry in calls if entry.code == "InternalFailure"] == []


LAWS: tuple[Callable[[Hand], None], ...] = (
    withholding_follows_the_setting,
    what_is_out_of_reach_is_shared_with_nobody,
    fast_restore_is_on_only_for_who_sees_the_snapshot,
    a_snapshot_is_in_one_place,
    no_job_failed_by_a_bug,
)


@pytest.mark.parametrize("settle", ["instant", "lifelike"])
@given(taken=st.lists(steps, min_size=30, max_size=60))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_laws_hold_after_every_step(settle: str, taken: list[Step]) -> None:
    """And no step but the passing of time takes a locked snapshot away. Begins with two that are shared and public."""
    source, target = pair(settle=settle)
    rule(source, 5)
    volume = source.make_volume(Size=1)
    source.cloud.advance(DAY_MS)
    ids = [source.make_snapshot(volume) for _ in range(2)]
    for id in ids:
        source.share(id, TARGET, group="all")
    source.cloud.advance(DAY_MS)
    for step in taken:
        before = locked(source)
        take(source, target, ids, step)
        for law in LAWS:
            law(source)
        if step[0] != "wait":
            there = {each.id for each in source.cloud.world.records.scan(Snapshot)}
            assert before <= there
