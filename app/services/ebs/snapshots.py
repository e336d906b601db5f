"""Snapshots: CreateSnapshot and DescribeSnapshots. DeleteSnapshot, which ends much else, is in deleting.py.

CreateSnapshot asks nothing of KMS (ebs.md 1.3 [V]): the snapshot shares the volume's blocks and keeps its wrapped data
key, with the volume's id as context, even after the volume is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.blocks.ref import BLOCK_SIZE_BYTES
from app.kernel.authority import AUTHORIZE, CALLER, Resource, anything
from app.kernel.clock import moment
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import job, operation
from app.kernel.records import replace
from app.policy.causes import Cause
from app.services.ebs import errors, notices, requests, tags, volume_errors
from app.services.ebs.records import Snapshot, Volume, Written
from app.services.ebs.requests import DRY_RUN, ascii_description, page, required, start_after
from app.services.ebs.resource_ids import VOLUME_ID_ANSWERS, snapshot_ids, volume_id
from app.services.ebs.rules import (
    authorize_tags,
    find_snapshot,
    named_volume,
    new_snapshot,
    on,
    own_snapshot,
    own_volume,
    requested_tags,
    snapshot_arn,
    visible_snapshot,
    volume_arn,
)

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

COMPLETES_AFTER_MS = 5_000  # lifelike; presentation only (ebs.md 8)
GAP_MS = 15_000  # between two snapshots of one volume (ebs.md 1.3 [D])
ALL = "all"


def may_tag_snapshot(draft: Draft, call: Call) -> None:
    authorize_tags(draft, call, "snapshot", snapshot_arn(call.region, "*"))


def _snapshot_of_volume(draft: Draft, call: Call) -> Resource:
    """The new snapshot, which knows its volume (ec2:ParentVolume)."""
    resource, volume = new_snapshot(draft, call), own_volume(draft, call, call["VolumeId"])
    parent = {"ec2:ParentVolume": volume_arn(call.region, call.account, call["VolumeId"])}
    if volume:
        parent |= {"ec2:VolumeSize": str(volume.size_gib), "ec2:Encrypted": str(volume.encrypted).lower()}
    return Resource(resource.arn, resource.account, context={**resource.context, **parent, "ec2:Owner": call.account})


def _volume_is_there(draft: Draft, call: Call) -> None:
    volume = own_volume(draft, call, call["VolumeId"])
    if volume is None:
        volume_errors.VOLUME_NOT_FOUND.refuse(id=call["VolumeId"])
    if volume.state not in ("available", "in-use"):
        volume_errors.VOLUME_STATE.refuse(id=volume.id)


def _not_too_often(draft: Draft, call: Call) -> None:
    """A rate: only where the world has quotas."""
    if draft.world.rules.quotas:
        same = (each for each in draft.scan(Snapshot, call.account, call.region) if each.source_id == call["VolumeId"])
        if any(call.at_ms - each.started_ms < GAP_MS for each in same):
            errors.TOO_OFTEN.refuse()


@operation(
    "ec2",
    "CreateSnapshot",
    honours={"VolumeId", "Description", "TagSpecifications", "DryRun"},
    checks=(
        required("VolumeId"),
        volume_id(),
        ascii_description,
        tags.specified("snapshot"),
        AUTHORIZE(("ec2:CreateSnapshot", _snapshot_of_volume, CALLER), ("ec2:CreateSnapshot", named_volume(), CALLER)),
        may_tag_snapshot,
        DRY_RUN,
        _volume_is_there,
        _not_too_often,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        *VOLUME_ID_ANSWERS,
        errors.NOT_ASCII,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        volume_errors.VOLUME_NOT_FOUND,
        volume_errors.VOLUME_STATE,
        errors.TOO_OFTEN,
        *tags.ANSWERS,
    ),
)
def create_snapshot(draft: Draft, call: Call) -> Answer:
    """Begin a snapshot of a volume as it is now. The answer shows no key and an empty Progress (ebs.md 1.3 [V])."""
    volume = own_volume(draft, call, call["VolumeId"])
    assert volume is not None
    return shown_when_asked_for(draft, taken(draft, call, volume, call["Description"] or ""))


def taken(draft: Draft, call: Call, volume: Volume, description: str) -> Snapshot:
    """A snapshot of the volume as it is now, with the tags that the call asks for; it completes on the clock."""
    snapshot = draft.put(
        Snapshot(
            account=call.account,
            region=call.region,
            id=draft.new_id("snap", call.account, call.region),
            origin="CreateSnapshot",
            volume_id=volume.id,
            size_gib=volume.size_gib,
            description=description,
            started_ms=call.at_ms,
            encrypted=volume.encrypted,
            key_arn=volume.key_arn,
            data_key=volume.data_key,
            blocks=volume.blocks,
            family=volume.family,
            source_id=volume.id,
        )
    )
    tags.put_tags(draft, call, snapshot.id, "snapshot", requested_tags(call, "snapshot"))
    draft.later("complete_snapshot", after_ms=COMPLETES_AFTER_MS, about=(snapshot.id,), snapshot_id=snapshot.id)
    return snapshot


def shown_when_asked_for(draft: Draft, snapshot: Snapshot) -> dict[str, Any]:
    """What CreateSnapshot answers: no key, no tier, and tags in any case (casebook 264 [V])."""
    answer = {"Tags": [], **shown(draft, draft.frame.call.account, snapshot)}
    for name in ("KmsKeyId", "StorageTier", "TransferType"):
        answer.pop(name, None)
    return answer | {"Progress": ""}


@job("complete_snapshot")
def complete_snapshot(draft: Draft, call: Call) -> None:
    snapshot = own_snapshot(draft, call, call["snapshot_id"])
    if snapshot and snapshot.state == "pending":
        notices.snapshot_was_created(draft, draft.put(completed(snapshot, call.at_ms)))


def completed(snapshot: Snapshot, at_ms: int) -> Snapshot:
    return replace(snapshot, state="completed", progress="100%", completed_ms=at_ms, state_message="")


def failed(snapshot: Snapshot, message: str) -> Snapshot:
    return replace(snapshot, state="error", state_message=message)


# what is there

_FILTERS: requests.FilterTable = {
    "description": lambda snapshot: snapshot.description,
    "encrypted": lambda snapshot: str(snapshot.encrypted).lower(),
    "owner-alias": lambda snapshot: (),
    "owner-id": lambda snapshot: snapshot.account,
    "progress": lambda snapshot: snapshot.progress,
    "snapshot-id": lambda snapshot: snapshot.id,
    "start-time": lambda snapshot: moment(snapshot.started_ms).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    "status": lambda snapshot: snapshot.state,
    "storage-tier": lambda snapshot: snapshot.tier,
    "transfer-type": lambda snapshot: _transfer_type(snapshot),
    "volume-id": lambda snapshot: snapshot.volume_id,
    "volume-size": lambda snapshot: str(snapshot.size_gib),
}


def _transfer_type(snapshot: Snapshot) -> str:
    return "time-based" if snapshot.duration_minutes else "standard"


@operation(
    "ec2",
    "DescribeSnapshots",
    honours={"SnapshotIds", "OwnerIds", "RestorableByUserIds", "Filters", "MaxResults", "NextToken", "DryRun"},
    checks=(on("ec2:DescribeSnapshots", anything), DRY_RUN, snapshot_ids),
    answers=(
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_NO_PREFIX,
        errors.BAD_FILTER,
        errors.BAD_PAGE_SIZE,
        errors.BAD_PAGE_TOKEN,
        errors.PAGE_AND_IDS,
    ),
    reads=True,
    across_accounts="shared and public snapshots are seen",
)
def describe_snapshots(draft: Draft, call: Call) -> Answer:
    """Snapshots of the Region that the caller can see, in the order of their ids; those named must all be visible."""
    after = start_after(draft, call)
    test = requests.matches(
        call, _FILTERS, lambda snapshot: tags.tags_of(draft, call.account, call.region, snapshot.id)
    )
    wanted = (snapshot for snapshot in _candidates(draft, call, after) if _is_wanted(call, snapshot) and test(snapshot))
    found, more = page(call, wanted, lambda snapshot: snapshot.id, ids="SnapshotIds")
    return {"Snapshots": [shown(draft, call.account, snapshot) for snapshot in found], **more}


def _candidates(draft: Draft, call: Call, after: str) -> Iterator[Snapshot]:
    """Named ones; else a merge by id of every listing in which what is asked for can stand."""
    if call["SnapshotIds"]:
        for id in sorted(set(call["SnapshotIds"])):
            snapshot = visible_snapshot(draft, call, id)
            if snapshot is None:
                _not_found(draft, call, id)
            else:
                yield snapshot
        return
    from heapq import merge

    last = ""
    for snapshot in merge(*_listings(draft, call, after), key=lambda each: each.id):
        if snapshot.id != last and snapshot.is_visible_to(call.account):
            last = snapshot.id
            yield snapshot


def _listings(draft: Draft, call: Call, after: str) -> Iterator[Iterator[Snapshot]]:
    """The indexes to look in, each from `after` on: so a page costs a page, however much else the Region holds."""
    account, region = call.account, call.region

    def index(name: str, *prefix: str) -> Iterator[Snapshot]:
        return draft.scan_index(Snapshot, name, *prefix, region, after=(*prefix, region, after) if after else ())

    if call["RestorableByUserIds"]:
        for each in sorted(_accounts(call, "RestorableByUserIds")):
            yield from (index("public"), index("public-of", account)) if each == ALL else (index("shared", each),)
        return
    owners = _accounts(call, "OwnerIds") or {account, ""}
    if account in owners:
        yield draft.scan(Snapshot, account, region, after=(account, region, after) if after else ())
    if owners != {account}:
        yield from (index("shared", account), index("public"))


def _accounts(call: Call, parameter: str) -> set[str]:
    """The accounts that a parameter names, the caller's for `self`."""
    return {call.account if each == "self" else each for each in call[parameter] or ()}


def _not_found(draft: Draft, call: Call, id: str) -> None:
    cause = Cause.SNAPSHOT_NOT_SHARED if find_snapshot(draft, call.region, id) else Cause.SNAPSHOT_NOT_FOUND
    raise Refused(errors.SNAPSHOT_NOT_FOUND(id=id), Refusal(cause))


def _is_wanted(call: Call, snapshot: Snapshot) -> bool:
    """OwnerIds and RestorableByUserIds narrow what is visible; each is a list of which one must fit."""
    owners, restorable_by = _accounts(call, "OwnerIds"), _accounts(call, "RestorableByUserIds")
    if owners and snapshot.account not in owners:
        return False
    return not restorable_by or any(_is_restorable_by(snapshot, each) for each in restorable_by)


def _is_restorable_by(snapshot: Snapshot, account: str) -> bool:
    """Given the permission to make volumes: `all`, or an account by name (the owner needs none) [D]."""
    return snapshot.is_public if account == ALL else account in snapshot.shared_with


def shown(draft: Draft, account: str, snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as this account sees it: with its own tags, not the owner's."""
    answer: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume_id,
        "State": snapshot.state,
        "StartTime": moment(snapshot.started_ms),
        "Progress": snapshot.progress,
        "OwnerId": snapshot.account,
        "Description": snapshot.description,
        "VolumeSize": snapshot.size_gib,
        "Encrypted": snapshot.encrypted,
        "StorageTier": snapshot.tier,
        "TransferType": _transfer_type(snapshot),
    }
    own_tags = tags.tags_of(draft, account, snapshot.region, snapshot.id)
    if own_tags:
        answer["Tags"] = tags.tag_list(own_tags)
    if snapshot.key_arn:
        answer["KmsKeyId"] = snapshot.key_arn
    if snapshot.state_message:
        answer["StateMessage"] = snapshot.state_message
    if snapshot.state == "completed":
        answer |= {
            "CompletionTime": moment(snapshot.completed_ms),
            "FullSnapshotSizeInBytes": snapshot.blocks.count * BLOCK_SIZE_BYTES,
        }
    if snapshot.restored_until_ms:
        answer["RestoreExpiryTime"] = moment(snapshot.restored_until_ms)
    if snapshot.duration_minutes:
        answer["CompletionDurationMinutes"] = snapshot.duration_minutes
    return answer


def snapshot_is_owned(draft: Draft, call: Call) -> None:
    """Whoever does not own it is told that it does not exist (ebs.md 1.5 [V])."""
    if own_snapshot(draft, call, call["SnapshotId"]) is None:
        found = visible_snapshot(draft, call, call["SnapshotId"])
        raise Refused(
            errors.SNAPSHOT_NOT_FOUND(id=call["SnapshotId"]),
            Refusal(Cause.SNAPSHOT_NOT_OWNED if found else Cause.SNAPSHOT_NOT_FOUND),
        )


def blocks_written(draft: Draft, snapshot: Snapshot) -> Iterator[Written]:
    """Blocks of an open snapshot, in the order of their index."""
    place, mark = (snapshot.account, snapshot.region), f"{snapshot.id}/"
    for written in draft.scan(Written, *place, after=(*place, mark)):
        if not written.id.startswith(mark):
            return
        yield written
