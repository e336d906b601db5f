"""The archive: ModifySnapshotTier, RestoreSnapshotTier, DescribeSnapshotTierStatus (ebs.md 1.8 [D]).

Until its archival is complete a snapshot is what it was. Then it is shared with nobody, restores fast nowhere, and its
blocks are out of reach until it is restored, for some days or for good. Id, key, encryption, owner and tags stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import anything
from app.kernel.clock import DAY_MS, moment
from app.kernel.operation import job, operation
from app.services.ebs import errors, fast_restore, feature_errors, notices, requests, tags
from app.services.ebs.compute_rules import images_of_snapshot
from app.services.ebs.feature_records import Tier, Tiering
from app.services.ebs.records import Snapshot
from app.services.ebs.requests import DRY_RUN, page, required, start_after
from app.services.ebs.resource_ids import snapshot_id
from app.services.ebs.rules import named_snapshot, on, own_snapshot, the_snapshot
from app.services.ebs.snapshots import snapshot_is_owned

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

HOUR_MS = 3_600_000
ARCHIVED_AFTER_MS = 24 * HOUR_MS  # lifelike; presentation only
RESTORED_AFTER_MS = 48 * HOUR_MS  # lifelike; up to 72 hours [D]
DAYS_MAX = 180
ARCHIVAL, TEMPORARY, PERMANENT = "archival", "temporary-restore", "permanent-restore"


def _tier(draft: Draft, snapshot: Snapshot) -> Tier | None:
    return draft.get(Tier, snapshot.account, snapshot.region, snapshot.id)


def _is_moving(draft: Draft, snapshot: Snapshot) -> bool:
    tier = _tier(draft, snapshot)
    return tier is not None and tier.progress == "in-progress"


def _begin(draft: Draft, call: Call, snapshot: Snapshot, tiering: Tiering, days: int = 0) -> Tier:
    before = _tier(draft, snapshot)
    return draft.put(
        Tier(
            account=snapshot.account,
            region=snapshot.region,
            id=snapshot.id,
            tiering=tiering,
            progress="in-progress",
            started_ms=call.at_ms,
            archived_ms=before.archived_ms if before else 0,
            days=days,
        )
    )


def _under_way(draft: Draft, call: Call, tiering: Tiering) -> tuple[Snapshot, Tier] | None:
    """The snapshot and the move that a job is to end, if both are still there."""
    snapshot = own_snapshot(draft, call, call["snapshot_id"])
    tier = _tier(draft, snapshot) if snapshot else None
    return (snapshot, tier) if snapshot and tier and (tier.tiering, tier.progress) == (tiering, "in-progress") else None


# into the archive


def _tier_is_archive(draft: Draft, call: Call) -> None:
    if call["StorageTier"] not in (None, "archive"):
        feature_errors.BAD_TIER.refuse(value=call["StorageTier"])


def _it_can_be_archived(draft: Draft, call: Call) -> None:
    snapshot = the_snapshot(draft, call)
    reasons = {
        "it is not complete": snapshot.state != "completed",
        "it is not in the standard tier": snapshot.tier != "standard",
        "it is being moved": _is_moving(draft, snapshot),
        "an image uses it": any(images_of_snapshot(draft, call.region, snapshot.id)),
    }
    why = next((why for why, holds in reasons.items() if holds), "")
    if why:
        feature_errors.NOT_ARCHIVABLE.refuse(id=snapshot.id, why=why)


@operation(
    "ec2",
    "ModifySnapshotTier",
    honours={"SnapshotId", "StorageTier", "DryRun"},
    checks=(
        required("SnapshotId"),
        snapshot_id(),
        _tier_is_archive,
        on("ec2:ModifySnapshotTier", named_snapshot()),
        DRY_RUN,
        snapshot_is_owned,
        _it_can_be_archived,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_NO_PREFIX,
        feature_errors.BAD_TIER,
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
        feature_errors.NOT_ARCHIVABLE,
    ),
)
def modify_tier(draft: Draft, call: Call) -> Answer:
    """Begin to archive an own, complete snapshot of the standard tier that no image uses. No KMS call (inferred)."""
    snapshot = the_snapshot(draft, call)
    _begin(draft, call, snapshot, ARCHIVAL)
    about = (snapshot.id,)
    draft.later("archive_snapshot", after_ms=ARCHIVED_AFTER_MS, about=about, snapshot_id=snapshot.id)
    return {"SnapshotId": snapshot.id, "TieringStartTime": moment(call.at_ms)}


@job("archive_snapshot")
def archive_snapshot(draft: Draft, call: Call) -> None:
    found = _under_way(draft, call, ARCHIVAL)
    if found is None:
        return
    snapshot, tier = found
    snapshot = draft.change(snapshot, tier="archive", shared_with=(), is_public=False, is_withheld=False)
    draft.change(tier, progress="completed", archived_ms=call.at_ms)
    fast_restore.end_for_all(draft, snapshot)
    notices.snapshot_was_tiered(draft, snapshot, "archiveSnapshot", tier.started_ms)


# and back


def _one_way(draft: Draft, call: Call) -> None:
    days = call["TemporaryRestoreDays"]
    if (days is not None) == bool(call["PermanentRestore"]):
        feature_errors.ONE_WAY_OF_RESTORE.refuse()
    if days is not None and not 1 <= days <= DAYS_MAX:
        feature_errors.OUT_OF_RANGE.refuse(value=days, name="TemporaryRestoreDays", low=1, high=DAYS_MAX)


def _it_can_be_restored(draft: Draft, call: Call) -> None:
    snapshot = the_snapshot(draft, call)
    if snapshot.tier != "archive":
        feature_errors.NOT_RESTORABLE.refuse(id=snapshot.id, why="it is not archived")
    if _is_moving(draft, snapshot):
        feature_errors.NOT_RESTORABLE.refuse(id=snapshot.id, why="it is being moved")


@operation(
    "ec2",
    "RestoreSnapshotTier",
    honours={"SnapshotId", "TemporaryRestoreDays", "PermanentRestore", "DryRun"},
    checks=(
        required("SnapshotId"),
        snapshot_id(),
        _one_way,
        on("ec2:RestoreSnapshotTier", named_snapshot()),
        DRY_RUN,
        snapshot_is_owned,
        _it_can_be_restored,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_NO_PREFIX,
        feature_errors.ONE_WAY_OF_RESTORE,
        feature_errors.OUT_OF_RANGE,
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
        feature_errors.NOT_RESTORABLE,
    ),
)
def restore_tier(draft: Draft, call: Call) -> Answer:
    """Begin to restore an archived snapshot, for 1 to 180 days or for good; of one restored for some days, change that.

    What is restored already is at hand at once, what is not takes hours.
    """
    snapshot, days = the_snapshot(draft, call), call["TemporaryRestoreDays"] or 0
    _begin(draft, call, snapshot, TEMPORARY if days else PERMANENT, days)
    wait_ms = 0 if snapshot.is_at_hand else RESTORED_AFTER_MS
    draft.later("restore_snapshot", after_ms=wait_ms, about=(snapshot.id,), snapshot_id=snapshot.id)
    answer = {"SnapshotId": snapshot.id, "RestoreStartTime": moment(call.at_ms), "IsPermanentRestore": not days}
    return answer | ({"RestoreDuration": days} if days else {})


@job("restore_snapshot")
def restore_snapshot(draft: Draft, call: Call) -> None:
    for tiering in (TEMPORARY, PERMANENT):
        found = _under_way(draft, call, tiering)
        if found:
            draft.change(found[1], progress="completed")
            (_restored_for_days if tiering == TEMPORARY else _restored_for_good)(draft, call, *found)
            return


def _restored_for_good(draft: Draft, call: Call, snapshot: Snapshot, tier: Tier) -> None:
    snapshot = draft.change(snapshot, tier="standard", restored_until_ms=0)
    notices.snapshot_was_tiered(draft, snapshot, "permanentRestoreSnapshot", tier.started_ms)


def _restored_for_days(draft: Draft, call: Call, snapshot: Snapshot, tier: Tier) -> None:
    until_ms = call.at_ms + tier.days * DAY_MS
    snapshot = draft.change(snapshot, restored_until_ms=until_ms)
    about = (snapshot.id,)
    draft.later("end_restore", due_ms=until_ms, about=about, snapshot_id=snapshot.id, until_ms=until_ms)
    expiry = notices.exactly(until_ms)
    notices.snapshot_was_tiered(draft, snapshot, "temporaryRestoreSnapshot", tier.started_ms, restoreExpiryTime=expiry)


@job("end_restore")
def end_restore(draft: Draft, call: Call) -> None:
    """The days are over: archived again, and shared with nobody. A restore that was changed meanwhile ends later."""
    snapshot = own_snapshot(draft, call, call["snapshot_id"])
    if snapshot is None or snapshot.restored_until_ms != call["until_ms"]:
        return
    started_ms = tier.started_ms if (tier := _tier(draft, snapshot)) else snapshot.started_ms
    snapshot = draft.change(snapshot, restored_until_ms=0, shared_with=(), is_public=False, is_withheld=False)
    fast_restore.end_for_all(draft, snapshot)
    notices.snapshot_was_tiered(draft, snapshot, "restorePeriodExpired", started_ms)


# where they are


def _row(draft: Draft, snapshot: Snapshot) -> tuple[Snapshot, Tier | None]:
    return snapshot, _tier(draft, snapshot)


_FILTERS: requests.FilterTable = {
    "snapshot-id": lambda row: row[0].id,
    "volume-id": lambda row: row[0].volume_id,
    "last-tiering-operation": lambda row: row[1].status if row[1] else (),
}


@operation(
    "ec2",
    "DescribeSnapshotTierStatus",
    honours={"Filters", "MaxResults", "NextToken", "DryRun"},
    checks=(on("ec2:DescribeSnapshotTierStatus", anything), DRY_RUN),
    answers=(errors.UNAUTHORIZED, errors.BAD_FILTER, errors.BAD_PAGE_SIZE, errors.BAD_PAGE_TOKEN),
    reads=True,
)
def describe_tiers(draft: Draft, call: Call) -> Answer:
    """The tier of each own snapshot, and of those that were ever moved their last move."""
    after, place = start_after(draft, call), (call.account, call.region)
    own: Iterator[Snapshot] = draft.scan(Snapshot, *place, after=(*place, after) if after else ())
    test = requests.matches(call, _FILTERS, lambda row: tags.tags_of(draft, *place, row[0].id))
    rows = (row for snapshot in own if test(row := _row(draft, snapshot)))
    found, more = page(call, rows, lambda row: row[0].id)
    return {"SnapshotTierStatuses": [_shown(draft, *row) for row in found], **more}


def _shown(draft: Draft, snapshot: Snapshot, tier: Tier | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume_id,
        "Status": snapshot.state,
        "OwnerId": snapshot.account,
        "Tags": tags.tag_list(tags.tags_of(draft, snapshot.account, snapshot.region, snapshot.id)),
        "StorageTier": snapshot.tier,
    }
    if tier:
        shown |= {
            "LastTieringStartTime": moment(tier.started_ms),
            "LastTieringProgress": 100 if tier.progress == "completed" else 0,
            "LastTieringOperationStatus": tier.status,
        }
        times = {"ArchivalCompleteTime": tier.archived_ms, "RestoreExpiryTime": snapshot.restored_until_ms}
        shown |= {name: moment(at_ms) for name, at_ms in times.items() if at_ms}
    return shown
