"""Snapshot locks: LockSnapshot, UnlockSnapshot, DescribeLockedSnapshots (ebs.md 1.8 [D]).

A locked snapshot can not be deleted by anybody, whatever their permissions; all else can be done with it. In governance
mode, and in compliance mode while it cools off, the lock can be changed and taken away; afterwards only be extended. A
lock is a record of moments: its state follows from the world's time, so no job keeps it up to date.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import Resource, anything
from app.kernel.clock import DAY_MS, milliseconds, moment
from app.kernel.operation import operation
from app.services.ebs import errors, feature_errors, requests
from app.services.ebs.feature_records import Lock
from app.services.ebs.records import Snapshot
from app.services.ebs.requests import DRY_RUN, page, required, start_after
from app.services.ebs.resource_ids import snapshot_id, snapshot_ids
from app.services.ebs.rules import named_snapshot, on, own_snapshot, snapshot_resource, the_snapshot
from app.services.ebs.snapshots import snapshot_is_owned

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

HOUR_MS = 3_600_000
GOVERNANCE, COMPLIANCE, COOLOFF, EXPIRED = "governance", "compliance", "compliance-cooloff", "expired"
MODES = (GOVERNANCE, COMPLIANCE)
DAYS_MAX, COOL_OFF_HOURS_MAX = 36_500, 72


# the lock at a moment


def starts_ms(lock: Lock, snapshot: Snapshot) -> int | None:
    """When its duration begins: at the lock, or when the snapshot is complete; None while it is not."""
    return max(lock.set_ms, snapshot.completed_ms) if snapshot.completed_ms else None


def ends_ms(lock: Lock, snapshot: Snapshot) -> int | None:
    """When it expires; None while that is open because the snapshot is not complete."""
    if lock.expires_ms:
        return lock.expires_ms
    start = starts_ms(lock, snapshot)
    return None if start is None else start + lock.days * DAY_MS


def state_at(lock: Lock, snapshot: Snapshot, now_ms: int) -> str:
    end = ends_ms(lock, snapshot)
    if end is not None and end <= now_ms:
        return EXPIRED
    if lock.mode == GOVERNANCE:
        return GOVERNANCE
    return COOLOFF if now_ms < lock.cool_off_until_ms else COMPLIANCE


def lock_of(draft: Draft, snapshot: Snapshot) -> Lock | None:
    return draft.get(Lock, snapshot.account, snapshot.region, snapshot.id)


def is_locked(draft: Draft, snapshot: Snapshot, now_ms: int) -> bool:
    lock = lock_of(draft, snapshot)
    return lock is not None and state_at(lock, snapshot, now_ms) != EXPIRED


def _is_final(draft: Draft, call: Call) -> bool:
    """The named snapshot's lock is in compliance mode and has cooled off."""
    snapshot = the_snapshot(draft, call)
    lock = lock_of(draft, snapshot)
    return lock is not None and state_at(lock, snapshot, call.at_ms) == COMPLIANCE


# LockSnapshot


def _request_is_consistent(draft: Draft, call: Call) -> None:
    if call["LockMode"] not in MODES:
        feature_errors.BAD_LOCK_MODE.refuse(value=call["LockMode"])
    if (call["LockDuration"] is None) == (call["ExpirationDate"] is None):
        feature_errors.ONE_END_OF_LOCK.refuse()
    if call["CoolOffPeriod"] is not None and call["LockMode"] != COMPLIANCE:
        feature_errors.COOL_OFF_OF_COMPLIANCE.refuse()
    _within("LockDuration", call["LockDuration"], DAYS_MAX)
    _within("CoolOffPeriod", call["CoolOffPeriod"], COOL_OFF_HOURS_MAX)
    if call["ExpirationDate"] and milliseconds(call["ExpirationDate"]) <= call.at_ms:
        feature_errors.LOCK_IN_THE_PAST.refuse()


def _within(name: str, value: int | None, high: int) -> None:
    if value is not None and not 1 <= value <= high:
        feature_errors.OUT_OF_RANGE.refuse(value=value, name=name, low=1, high=high)


def _resource(draft: Draft, call: Call) -> Resource:
    found = snapshot_resource(draft, call, call["SnapshotId"])
    asked = {"ec2:SnapshotLockDuration": call["LockDuration"], "ec2:SnapshotCoolOffPeriod": call["CoolOffPeriod"]}
    context = {name: str(value) for name, value in asked.items() if value is not None}
    return Resource(found.arn, found.account, found.record, {**found.context, **context})


def _wanted(draft: Draft, call: Call) -> Lock:
    """The lock as it will be."""
    snapshot = the_snapshot(draft, call)
    before = lock_of(draft, snapshot)
    before = before if before and state_at(before, snapshot, call.at_ms) != EXPIRED else None
    hours, until = call["CoolOffPeriod"] or 0, 0
    if hours:
        until = call.at_ms + hours * HOUR_MS
    elif before and call["LockMode"] == COMPLIANCE:
        hours, until = before.cool_off_hours, before.cool_off_until_ms
    return Lock(
        account=snapshot.account,
        region=snapshot.region,
        id=snapshot.id,
        mode=call["LockMode"],
        created_ms=before.created_ms if before else call.at_ms,
        set_ms=call.at_ms,
        days=call["LockDuration"] or 0,
        expires_ms=milliseconds(call["ExpirationDate"]) if call["ExpirationDate"] else 0,
        cool_off_hours=hours,
        cool_off_until_ms=until,
    )


def _only_lengthens_if_final(draft: Draft, call: Call) -> None:
    if not _is_final(draft, call):
        return
    snapshot = the_snapshot(draft, call)
    lock = lock_of(draft, snapshot)
    assert lock is not None
    now, then = ends_ms(lock, snapshot), ends_ms(_wanted(draft, call), snapshot)
    # before the snapshot is complete only durations can be compared
    lengthens = then > now if now is not None and then is not None else (call["LockDuration"] or 0) > lock.days
    if call["LockMode"] != COMPLIANCE or call["CoolOffPeriod"] is not None or not lengthens:
        feature_errors.LOCK_IS_FINAL.refuse(id=snapshot.id)


@operation(
    "ec2",
    "LockSnapshot",
    honours={"SnapshotId", "LockMode", "CoolOffPeriod", "LockDuration", "ExpirationDate", "DryRun"},
    checks=(
        required("SnapshotId", "LockMode"),
        snapshot_id(),
        _request_is_consistent,
        on("ec2:LockSnapshot", _resource),
        DRY_RUN,
        snapshot_is_owned,
        _only_lengthens_if_final,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_NO_PREFIX,
        feature_errors.BAD_LOCK_MODE,
        feature_errors.ONE_END_OF_LOCK,
        feature_errors.COOL_OFF_OF_COMPLIANCE,
        feature_errors.OUT_OF_RANGE,
        feature_errors.LOCK_IN_THE_PAST,
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
        feature_errors.LOCK_IS_FINAL,
    ),
)
def lock_snapshot(draft: Draft, call: Call) -> Answer:
    """Lock an own snapshot, complete or not, or change its lock; LockDuration in days, CoolOffPeriod in hours."""
    lock = draft.put(_wanted(draft, call))
    return _shown(lock, the_snapshot(draft, call), call.at_ms)


def _it_can_be_unlocked(draft: Draft, call: Call) -> None:
    snapshot = the_snapshot(draft, call)
    if lock_of(draft, snapshot) is None:
        feature_errors.NOT_LOCKED.refuse(id=snapshot.id)
    if _is_final(draft, call):
        feature_errors.LOCK_IS_FINAL.refuse(id=snapshot.id)


@operation(
    "ec2",
    "UnlockSnapshot",
    honours={"SnapshotId", "DryRun"},
    checks=(
        required("SnapshotId"),
        snapshot_id(),
        on("ec2:UnlockSnapshot", named_snapshot()),
        DRY_RUN,
        snapshot_is_owned,
        _it_can_be_unlocked,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.SNAPSHOT_MALFORMED,
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
        feature_errors.NOT_LOCKED,
        feature_errors.LOCK_IS_FINAL,
    ),
)
def unlock_snapshot(draft: Draft, call: Call) -> Answer:
    """Take the lock away, unless it is in compliance mode and has cooled off."""
    lock = lock_of(draft, the_snapshot(draft, call))
    assert lock is not None
    draft.delete(lock)
    return {"SnapshotId": call["SnapshotId"]}


# what is locked


def _shown(lock: Lock, snapshot: Snapshot, now_ms: int) -> dict[str, Any]:
    start, end = starts_ms(lock, snapshot), ends_ms(lock, snapshot)
    shown: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "LockState": state_at(lock, snapshot, now_ms),
        "LockDuration": lock.days or -(-(lock.expires_ms - lock.set_ms) // DAY_MS),
        "LockCreatedOn": moment(lock.created_ms),
    }
    if lock.cool_off_hours:
        shown |= {"CoolOffPeriod": lock.cool_off_hours, "CoolOffPeriodExpiresOn": moment(lock.cool_off_until_ms)}
    times = {"LockDurationStartTime": start, "LockExpiresOn": end}
    return shown | {name: moment(at_ms) for name, at_ms in times.items() if at_ms is not None}


def _locked(draft: Draft, call: Call, after: str) -> Iterator[tuple[Lock, Snapshot]]:
    """Own snapshots that have a lock, by id; those named must be the caller's."""
    place = (call.account, call.region)
    if call["SnapshotIds"]:
        for id in sorted(set(call["SnapshotIds"])):
            if own_snapshot(draft, call, id) is None:
                errors.SNAPSHOT_NOT_FOUND.refuse(id=id)
        locks = (draft.get(Lock, *place, id) for id in sorted(set(call["SnapshotIds"])))
    else:
        locks = draft.scan(Lock, *place, after=(*place, after) if after else ())
    for lock in locks:
        snapshot = own_snapshot(draft, call, lock.id) if lock else None
        if lock and snapshot:
            yield lock, snapshot


@operation(
    "ec2",
    "DescribeLockedSnapshots",
    honours={"SnapshotIds", "Filters", "MaxResults", "NextToken", "DryRun"},
    checks=(on("ec2:DescribeLockedSnapshots", anything), DRY_RUN, snapshot_ids),
    answers=(
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
        errors.SNAPSHOT_MALFORMED,
        errors.BAD_FILTER,
        errors.BAD_PAGE_SIZE,
        errors.BAD_PAGE_TOKEN,
        errors.PAGE_AND_IDS,
    ),
    reads=True,
)
def describe_locked(draft: Draft, call: Call) -> Answer:
    """The locks of the caller's snapshots, expired ones too."""
    table: requests.FilterTable = {"lock-state": lambda row: state_at(row[0], row[1], call.at_ms)}
    test = requests.matches(call, table, lambda row: {})
    rows = filter(test, _locked(draft, call, start_after(draft, call)))
    found, more = page(call, rows, lambda row: row[0].id, ids="SnapshotIds")
    shown = [{"OwnerId": lock.account} | _shown(lock, snapshot, call.at_ms) for lock, snapshot in found]
    return {"Snapshots": shown, **more}
