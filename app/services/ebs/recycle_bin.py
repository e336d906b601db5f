"""The recycle bin: what DeleteSnapshot puts there, ListSnapshotsInRecycleBin, RestoreSnapshotFromRecycleBin.

A snapshot in the bin is no `Snapshot` record any more but part of a `Binned` one: nobody can name, see, share, copy or
use it, its owner included, until it is restored (ebs.md 1.8 [D], [I]). It leaves by its date alone; nobody can delete
it. Its owner's tags stay, and a system tag tells where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import Resource
from app.kernel.clock import DAY_MS, moment
from app.kernel.operation import job, operation
from app.kernel.records import replace
from app.services.ebs import errors, feature_errors, retention, tags
from app.services.ebs.feature_records import Binned, Tier
from app.services.ebs.public_access import ALL as BLOCK_ALL
from app.services.ebs.public_access import public_state
from app.services.ebs.records import Snapshot, Tags
from app.services.ebs.requests import DRY_RUN, page, required, start_after
from app.services.ebs.resource_ids import snapshot_id, snapshot_ids
from app.services.ebs.rules import on, own_snapshot, resource_tags, snapshot_arn
from app.services.ebs.snapshots import shown

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

IN_BIN = (tags.IN_BIN, "true")
RECOVERS_AFTER_MS = 60_000  # lifelike


# into the bin, and out of it by time


def days_kept(draft: Draft, snapshot: Snapshot) -> int:
    """How long the longest matching rule keeps it; 0 where none does, or where it is not complete (inferred)."""
    if snapshot.state != "completed":
        return 0
    own = tags.tags_of(draft, snapshot.account, snapshot.region, snapshot.id)
    return retention.days_for(draft, snapshot.account, snapshot.region, own)


def put_in(draft: Draft, call: Call, snapshot: Snapshot, days: int) -> None:
    leaves_ms = call.at_ms + days * DAY_MS
    draft.delete(snapshot)
    draft.put(
        Binned(
            account=snapshot.account,
            region=snapshot.region,
            id=snapshot.id,
            snapshot=snapshot,
            entered_ms=call.at_ms,
            leaves_ms=leaves_ms,
        )
    )
    _mark(draft, snapshot, is_in_bin=True)
    about = (snapshot.id,)
    draft.later("empty_recycle_bin", due_ms=leaves_ms, about=about, snapshot_id=snapshot.id, leaves_ms=leaves_ms)


def _mark(draft: Draft, snapshot: Snapshot, *, is_in_bin: bool) -> None:
    """Put the system tag, or take it away; the owner's own tags stay as they are."""
    place = (snapshot.account, snapshot.region, snapshot.id)
    found = draft.get(Tags, *place)
    pairs = tuple(pair for pair in (found.pairs if found else ()) if pair != IN_BIN) + ((IN_BIN,) if is_in_bin else ())
    if pairs:
        account, region, id = place
        draft.put(Tags(account=account, region=region, id=id, resource_type="snapshot", pairs=tuple(sorted(pairs))))
    elif found:
        draft.delete(found)


@job("empty_recycle_bin")
def empty_recycle_bin(draft: Draft, call: Call) -> None:
    """The retention period is over: the snapshot is gone. One that was restored and deleted again has another date."""
    binned = draft.get(Binned, call.account, call.region, call["snapshot_id"])
    if binned is None or binned.leaves_ms != call["leaves_ms"]:
        return
    tier = draft.get(Tier, call.account, call.region, binned.id)
    if tier:
        draft.delete(tier)
    draft.delete(binned)
    tags.drop_tags(draft, call, binned.id)


# what is in it


def _binned_resource(draft: Draft, call: Call, id: str) -> Resource:
    binned = draft.get(Binned, call.account, call.region, id)
    context = resource_tags(draft, call, id) if binned else {}
    return Resource(snapshot_arn(call.region, id), call.account, binned, context)


def _listed(draft: Draft, call: Call) -> tuple[Resource, ...]:
    return tuple(_binned_resource(draft, call, id) for id in call["SnapshotIds"] or ("*",))


def _in_bin(draft: Draft, call: Call, after: str) -> Iterator[Binned]:
    place = (call.account, call.region)
    if not call["SnapshotIds"]:
        yield from draft.scan(Binned, *place, after=(*place, after) if after else ())
        return
    for id in sorted(set(call["SnapshotIds"])):
        binned = draft.get(Binned, *place, id)
        if binned is None:
            feature_errors.NOT_IN_BIN.refuse(id=id)
        yield binned


@operation(
    "ec2",
    "ListSnapshotsInRecycleBin",
    honours={"SnapshotIds", "MaxResults", "NextToken", "DryRun"},
    checks=(snapshot_ids, on("ec2:ListSnapshotsInRecycleBin", _listed), DRY_RUN),
    answers=(
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_NO_PREFIX,
        errors.UNAUTHORIZED,
        feature_errors.NOT_IN_BIN,
        errors.BAD_PAGE_SIZE,
        errors.BAD_PAGE_TOKEN,
        errors.PAGE_AND_IDS,
    ),
    reads=True,
)
def list_in_bin(draft: Draft, call: Call) -> Answer:
    """The caller's snapshots in the bin, and when each enters and leaves it."""
    found, more = page(
        call, _in_bin(draft, call, start_after(draft, call)), lambda binned: binned.id, ids="SnapshotIds"
    )
    return {"Snapshots": [_info(binned) for binned in found], **more}


def _info(binned: Binned) -> dict[str, Any]:
    return {
        "SnapshotId": binned.id,
        "RecycleBinEnterTime": moment(binned.entered_ms),
        "RecycleBinExitTime": moment(binned.leaves_ms),
        "Description": binned.snapshot.description,
        "VolumeId": binned.snapshot.volume_id,
    }


# back


def _named(draft: Draft, call: Call) -> Resource:
    return _binned_resource(draft, call, call["SnapshotId"])


def _it_is_in_the_bin(draft: Draft, call: Call) -> None:
    if draft.get(Binned, call.account, call.region, call["SnapshotId"]) is None:
        feature_errors.NOT_IN_BIN.refuse(id=call["SnapshotId"])


@operation(
    "ec2",
    "RestoreSnapshotFromRecycleBin",
    honours={"SnapshotId", "DryRun"},
    checks=(
        required("SnapshotId"),
        snapshot_id(),
        on("ec2:RestoreSnapshotFromRecycleBin", _named),
        DRY_RUN,
        _it_is_in_the_bin,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_NO_PREFIX,
        errors.UNAUTHORIZED,
        feature_errors.NOT_IN_BIN,
    ),
)
def restore_from_bin(draft: Draft, call: Call) -> Answer:
    """The snapshot is there again, `recovering` and soon `completed`; whom it was shared with has it again too."""
    binned = draft.get(Binned, call.account, call.region, call["SnapshotId"])
    assert binned is not None
    draft.delete(binned)
    snapshot = draft.put(_as_it_is_now(draft, call, binned.snapshot))
    _mark(draft, snapshot, is_in_bin=False)
    draft.later("recover_snapshot", after_ms=RECOVERS_AFTER_MS, about=(snapshot.id,), snapshot_id=snapshot.id)
    members = ("SnapshotId", "Description", "Encrypted", "OwnerId", "Progress", "StartTime", "State", "VolumeId")
    view = shown(draft, call.account, snapshot)
    return {name: view[name] for name in (*members, "VolumeSize")}


def _as_it_is_now(draft: Draft, call: Call, snapshot: Snapshot) -> Snapshot:
    """As it went in, but for what the time and the account's settings have changed meanwhile."""
    is_withheld = snapshot.is_public and public_state(draft, snapshot.account, snapshot.region) == BLOCK_ALL
    until_ms = snapshot.restored_until_ms if snapshot.restored_until_ms > call.at_ms else 0
    return replace(snapshot, state="recovering", is_withheld=is_withheld, restored_until_ms=until_ms)


@job("recover_snapshot")
def recover_snapshot(draft: Draft, call: Call) -> None:
    snapshot = own_snapshot(draft, call, call["snapshot_id"])
    if snapshot and snapshot.state == "recovering":
        draft.change(snapshot, state="completed")
