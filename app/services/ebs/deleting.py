"""DeleteSnapshot, and what ends with a snapshot.

A lock refuses it, whatever the caller may; a retention rule turns it into a move to the recycle bin (ebs.md 1.8 [D]).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.operation import operation
from app.services.ebs import errors, fast_restore, feature_errors, locks, recycle_bin, tags
from app.services.ebs.compute_errors import SNAPSHOT_IN_USE
from app.services.ebs.compute_rules import images_of_snapshot
from app.services.ebs.feature_records import Lock, Tier
from app.services.ebs.records import Move, Snapshot, Writing
from app.services.ebs.requests import DRY_RUN, required
from app.services.ebs.resource_ids import snapshot_id
from app.services.ebs.rules import named_snapshot, on, own_snapshot
from app.services.ebs.snapshots import blocks_written, snapshot_is_owned

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer


def _no_image_needs_it(draft: Draft, call: Call) -> None:
    """Images by their age, the newest first (ST:images_controls [V])."""
    images = sorted(images_of_snapshot(draft, call.region, call["SnapshotId"]), key=lambda each: -each.created_ms)
    if images:
        SNAPSHOT_IN_USE.refuse(id=call["SnapshotId"], images=", ".join(each.id for each in images))


def _it_is_not_locked(draft: Draft, call: Call) -> None:
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    if snapshot and locks.is_locked(draft, snapshot, call.at_ms):
        feature_errors.LOCKED.refuse(id=snapshot.id)


@operation(
    "ec2",
    "DeleteSnapshot",
    honours={"SnapshotId", "DryRun"},
    checks=(
        required("SnapshotId"),
        snapshot_id(),
        on("ec2:DeleteSnapshot", named_snapshot()),
        DRY_RUN,
        snapshot_is_owned,
        _it_is_not_locked,
        _no_image_needs_it,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_NO_PREFIX,
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
        feature_errors.LOCKED,
        SNAPSHOT_IN_USE,
    ),
)
def delete_snapshot(draft: Draft, call: Call) -> Answer:
    """Gone at once, or in the recycle bin. Other snapshots, volumes and copies keep their blocks, and no grant is
    touched (ebs.md 1.6 [D])."""
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    assert snapshot is not None
    discard(draft, call, snapshot)
    return {}


def discard(draft: Draft, call: Call, snapshot: Snapshot) -> None:
    """Into the recycle bin where a rule keeps it, else away for good."""
    days = recycle_bin.days_kept(draft, snapshot)
    _drop_what_is_kept_for_it(draft, snapshot)
    _end_its_move(draft, snapshot, is_kept=days > 0)
    fast_restore.end_for_all(draft, snapshot)
    if days:
        recycle_bin.put_in(draft, call, snapshot, days)
    else:
        draft.delete(snapshot)
        tags.drop_tags(draft, call, snapshot.id)


def _drop_what_is_kept_for_it(draft: Draft, snapshot: Snapshot) -> None:
    place = (snapshot.account, snapshot.region)
    for kind in (Writing, Move, Lock):
        found = draft.get(kind, *place, snapshot.id)
        if found:
            draft.delete(found)
    for block in list(blocks_written(draft, snapshot)):
        draft.delete(block)


def _end_its_move(draft: Draft, snapshot: Snapshot, is_kept: bool) -> None:
    """On its way to the archive or back it gets no further; for good, nothing is left of that."""
    tier = draft.get(Tier, snapshot.account, snapshot.region, snapshot.id)
    if tier and not is_kept:
        draft.delete(tier)
    elif tier and tier.progress == "in-progress":
        draft.change(tier, progress="failed")
