"""Locks, tiers, fast restores, retention rules and the block on public sharing, as an account exports them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.clock import DAY_MS
from app.kernel.internal import place
from app.services.ebs.feature_records import FastRestore, FastRestoreState, Lock, PublicAccess, RetentionRule, Tier
from app.services.ebs.locks import COMPLIANCE, GOVERNANCE
from app.services.ebs.placing_desk import Desk, Told, is_zone
from app.services.ebs.public_access import SETTING
from app.services.ebs.records import Snapshot
from app.services.ebs.retention import SNAPSHOTS, resource_tags
from app.services.ebs.rules import find_snapshot

_TIMES: Final[tuple[tuple[FastRestoreState, str], ...]] = (
    ("enabling", "EnablingTime"),
    ("optimizing", "OptimizingTime"),
    ("enabled", "EnabledTime"),
)
INFERRED: Final = (
    "`reseal world import`: what is in the recycle bin is left out, since no command tells the key and the size of it.",
    "`reseal world import`: fast restore that is not enabled yet, or not any more, and moves between tiers that are "
    "under way, are left out.",
    "`reseal world import`: of a lock that has expired the mode is not told: governance.",
)


def place_features(desk: Desk, call: Call) -> None:
    for told in call["locks"]:
        _place_lock(desk, told)
    for told in call["tiers"]:
        _place_tier(desk, told)
    for told in call["fast_restores"]:
        _place_fast_restore(desk, told)
    for told in call["rules"]:
        _place_rule(desk, told)
    for told in call["binned"]:
        desk.left_out.append(f"{told['SnapshotId']}: it is in the recycle bin; of what it was only the id is told")
    if call["public_access"] is not None:
        setting = {"account": desk.account, "region": desk.region, "id": SETTING}
        is_new = place(desk.draft, PublicAccess(**setting, state=call["public_access"]["State"]))
        desk.note("public access setting", f"{desk.account} {desk.region}", is_new)


def _own(desk: Desk, id: str, what: str) -> Snapshot | None:
    found = desk.draft.get(Snapshot, desk.account, desk.region, id)
    if found is None:
        desk.left_out.append(f"{what} of {id}: the snapshot is not told")
    return found


def _place_lock(desk: Desk, told: Told) -> None:
    snapshot = _own(desk, told["SnapshotId"], "the lock")
    if snapshot is None:
        return
    created, ends = told.get("LockCreatedOn") or 0, told.get("LockExpiresOn") or 0
    began, days = told.get("LockDurationStartTime") or created, told.get("LockDuration") or 0
    is_of_days = not ends or ends == max(began, snapshot.completed_ms) + days * DAY_MS
    lock = Lock(
        account=desk.account,
        region=desk.region,
        id=snapshot.id,
        mode=COMPLIANCE if told["LockState"].startswith(COMPLIANCE) else GOVERNANCE,
        created_ms=created,
        set_ms=began,
        days=days if is_of_days else 0,
        expires_ms=0 if is_of_days else ends,
        cool_off_hours=told.get("CoolOffPeriod") or 0,
        cool_off_until_ms=told.get("CoolOffPeriodExpiresOn") or 0,
    )
    desk.note("lock", lock.id, place(desk.draft, lock))


def _place_tier(desk: Desk, told: Told) -> None:
    """The last move of a snapshot; where it is restored for some days, the end of these is booked."""
    status = told.get("LastTieringOperationStatus") or ""
    if not status:
        return
    tiering, _, progress = status.rpartition("-")
    if progress == "progress" or tiering not in ("archival", "temporary-restore", "permanent-restore"):
        desk.left_out.append(f"the move of {told['SnapshotId']} between tiers: it was {status}")
        return
    snapshot = _own(desk, told["SnapshotId"], "the tier")
    if snapshot is None:
        return
    started, until = told.get("LastTieringStartTime") or 0, snapshot.restored_until_ms
    place_of: dict[str, Any] = {"account": desk.account, "region": desk.region, "id": snapshot.id}
    tier = Tier(
        **place_of,
        tiering=tiering,
        progress=progress,
        started_ms=started,
        archived_ms=told.get("ArchivalCompleteTime") or 0,
        days=-(-(until - started) // DAY_MS) if until else 0,
    )
    is_new = place(desk.draft, tier)
    if is_new and until:
        about = (snapshot.id,)
        desk.draft.later("end_restore", due_ms=until, about=about, snapshot_id=snapshot.id, until_ms=until)
    desk.note("tier", snapshot.id, is_new)


def _place_fast_restore(desk: Desk, told: Told) -> None:
    """Also of a snapshot that another account shares; its owner is told."""
    id, zone, state = told["SnapshotId"], told["AvailabilityZone"], told["State"]
    if state == "disabled":
        return
    if state != "enabled" or not is_zone(zone, desk.region):
        desk.left_out.append(f"fast restore of {id} in {zone}: it was {state}")
        return
    found = find_snapshot(desk.draft, desk.region, id)
    restore = FastRestore(
        account=desk.account,
        region=desk.region,
        id=f"{id}/{zone}",
        snapshot_id=id,
        owner=told.get("OwnerId") or (found.account if found else desk.account),
        zone=zone,
        state=state,
        times=tuple(_times(told)),
    )
    desk.note("fast restore", restore.id, place(desk.draft, restore))


def _times(told: Told) -> Iterator[tuple[FastRestoreState, int]]:
    for state, member in _TIMES:
        if told.get(member):
            yield state, told[member]


def _place_rule(desk: Desk, told: Told) -> None:
    kind = told.get("ResourceType") or SNAPSHOTS
    if kind != SNAPSHOTS:
        desk.left_out.append(f"retention rule {told['Identifier']}: reseal does not simulate those of {kind}")
        return
    delay = (told.get("LockConfiguration") or {}).get("UnlockDelay") or {}
    rule = RetentionRule(
        account=desk.account,
        region=desk.region,
        id=told["Identifier"],
        days=told["RetentionPeriod"]["RetentionPeriodValue"],
        tags=resource_tags(told.get("ResourceTags")),
        excluded=resource_tags(told.get("ExcludeResourceTags")),
        is_available=(told.get("Status") or "available") == "available",
        unlock_days=delay.get("UnlockDelayValue") or 0,
        unlocks_ms=told.get("LockEndTime") or 0,
    )
    is_new = place(desk.draft, rule)
    if is_new and not rule.is_available:
        desk.draft.later("rule_is_available", rule_id=rule.id)
    desk.note("retention rule", rule.id, is_new)
