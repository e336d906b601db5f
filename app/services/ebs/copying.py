"""CopySnapshot: the re-encrypting copy (ebs.md 1.4).

Only the destination's key is looked at before the answer. Whether the source is there, complete, and its key willing is
found out when the copy settles: the copy then stands in `error` with AWS's short StateMessage, and why is in the log
under its id. The caller never decrypts: it makes grants, and the service works under them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from app.blocks import map as maps
from app.blocks.map import BlockMap
from app.kernel import audit
from app.kernel.authority import AUTHORIZE, CALLER, Resource
from app.kernel.draft import Result
from app.kernel.errors import AwsError, Refusal
from app.kernel.operation import job, operation
from app.kernel.regions import regions
from app.policy.causes import Cause
from app.services.ebs import envelope, errors, feature_errors, notices, plane, requests, tags
from app.services.ebs.defaults import default_key, defaults
from app.services.ebs.records import NO_VOLUME, DataKey, Move, Snapshot
from app.services.ebs.requests import DRY_RUN, ascii_description, required
from app.services.ebs.rules import (
    find_snapshot,
    new_snapshot,
    own_snapshot,
    requested_tags,
    snapshot_resource,
    visible_snapshot,
)
from app.services.ebs.snapshots import completed, failed, may_tag_snapshot

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

COMPLETES_AFTER_MS = 10_000  # lifelike; presentation only (ebs.md 8)
NOT_UPDATED = "Metadata not updated"  # until the source's metadata is read [V]
COPIES_MAX = 20


# checks, in AWS's order (the numbers are those of ebs.md 1.4)


def _source_region_is_there(draft: Draft, call: Call) -> None:  # 2
    if not call["SourceRegion"]:
        errors.NO_SOURCE_REGION.refuse()


def source_region_is_known(draft: Draft, call: Call) -> None:  # 4
    if call["SourceRegion"] not in regions():
        errors.BAD_REGION.refuse(region=call["SourceRegion"])


def _duration_is_valid(draft: Draft, call: Call) -> None:  # 5
    duration_is_valid(call["CompletionDurationMinutes"])


def duration_is_valid(minutes: int | None) -> None:
    if minutes is not None and not (15 <= minutes <= 2880 and minutes % 15 == 0):
        errors.BAD_DURATION.refuse(value=minutes)


def _source(draft: Draft, call: Call) -> Resource:  # 6
    return snapshot_resource(draft, call, call["SourceSnapshotId"], call["SourceRegion"])


def _owner_gets_a_copy(draft: Draft, call: Call) -> None:
    """The trail of a shared snapshot's owner shows who tries to copy it, refused and dry ones too (ebs.md 3.2 [V])."""
    source = visible_snapshot(draft, call, call["SourceSnapshotId"], call["SourceRegion"])
    if source and source.account != call.account:
        draft.frame.copies[source.account] = True


def _destination_is_here(draft: Draft, call: Call) -> None:  # 8
    if call["DestinationRegion"] and call["DestinationRegion"] != call.region:
        errors.BAD_DESTINATION.refuse(asked=call["DestinationRegion"], region=call.region)


def _url_agrees(draft: Draft, call: Call) -> None:  # 9: its signature is not looked at [V]
    if not call["PresignedUrl"]:
        return
    url = urlsplit(call["PresignedUrl"])
    if url.scheme not in ("http", "https"):
        errors.URL_PROTOCOL.refuse()
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    if query.get("SourceSnapshotId") != call["SourceSnapshotId"]:
        errors.URL_SOURCE.refuse(url=query.get("SourceSnapshotId", ""), asked=call["SourceSnapshotId"])
    if query.get("DestinationRegion", call.region) != call.region:
        errors.URL_REGION.refuse(url=query["DestinationRegion"])


def _key_is_usable(draft: Draft, call: Call) -> None:  # 10
    """DescribeKey as the caller, if the copy will be encrypted as far as can be told now."""
    source = visible_snapshot(draft, call, call["SourceSnapshotId"], call["SourceRegion"])
    key = chosen_key(
        draft, call.account, call.region, bool(source and source.encrypted), bool(call["Encrypted"]), call["KmsKeyId"]
    )
    if key:
        draft.frame.memo["key"] = usable_key(draft, key)


def usable_key(draft: Draft, key: str) -> str:
    """The ARN of the destination's key, which the caller must be able to describe and which must be enabled."""
    described = envelope.describe_key(draft, key)
    if described.error:
        is_denied = described.error.code == "AccessDeniedException"
        raise requests.refused(errors.KEY_NOT_AUTHORIZED if is_denied else errors.KEY_INVALID, described, key=key)
    metadata = described["KeyMetadata"]
    if metadata["KeyUsage"] != "ENCRYPT_DECRYPT" or metadata["KeySpec"] != "SYMMETRIC_DEFAULT":
        errors.KEY_INVALID.refuse(Refusal(Cause.KEY_WRONG_KIND), key=key)
    if not metadata["Enabled"]:  # measured for Disabled; the other states answer alike by inference (inferred.py)
        errors.KEY_DISABLED.refuse(
            Refusal(_STATES.get(metadata["KeyState"], Cause.KEY_STATE_INVALID)), key=metadata["Arn"]
        )
    return metadata["Arn"]


_STATES = {
    "Disabled": Cause.KEY_DISABLED,
    "PendingDeletion": Cause.KEY_PENDING_DELETION,
    "PendingImport": Cause.KEY_PENDING_IMPORT,
}


def chosen_key(draft: Draft, account: str, region: str, source_encrypted: bool, asked: bool, key_id: str | None) -> str:
    """The copy's key as it was named; "" for an unencrypted copy (table of ebs.md 5.2)."""
    if key_id:
        return key_id
    if source_encrypted or asked or defaults(draft, account, region).encrypts:
        return default_key(draft, account, region)
    return ""


def _not_too_many(draft: Draft, call: Call) -> None:  # 11, a quota: only where the world has them
    if draft.world.rules.quotas:
        copies = (each for each in draft.scan(Snapshot, call.account, call.region) if each.origin == "CopySnapshot")
        if sum(each.state == "pending" for each in copies) >= COPIES_MAX:
            errors.TOO_MANY_COPIES.refuse()


@operation(
    "ec2",
    "CopySnapshot",
    honours={
        "SourceRegion",
        "SourceSnapshotId",
        "DestinationRegion",
        "PresignedUrl",
        "Encrypted",
        "KmsKeyId",
        "Description",
        "TagSpecifications",
        "CompletionDurationMinutes",
        "DryRun",
    },
    checks=(
        required("SourceSnapshotId"),
        _source_region_is_there,
        requests.snapshot_id("SourceSnapshotId", errors.BAD_SOURCE_ID),
        source_region_is_known,
        _duration_is_valid,
        ascii_description,
        tags.specified("snapshot"),
        _owner_gets_a_copy,
        AUTHORIZE(("ec2:CopySnapshot", new_snapshot, CALLER), ("ec2:CopySnapshot", _source, CALLER)),
        may_tag_snapshot,
        DRY_RUN,
        _destination_is_here,
        _url_agrees,
        _key_is_usable,
        _not_too_many,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.NO_SOURCE_REGION,
        errors.BAD_SOURCE_ID,
        errors.BAD_REGION,
        errors.BAD_DURATION,
        errors.NOT_ASCII,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.BAD_DESTINATION,
        errors.URL_PROTOCOL,
        errors.URL_SOURCE,
        errors.URL_REGION,
        errors.KEY_NOT_AUTHORIZED,
        errors.KEY_INVALID,
        errors.KEY_DISABLED,
        errors.TOO_MANY_COPIES,
        errors.BAD_TAG_TYPE,
        errors.TAG_RESERVED,
        errors.TAG_LIMIT,
    ),
    settles=(
        errors.SOURCE_NOT_FOUND,
        errors.SOURCE_NOT_COMPLETE,
        feature_errors.SOURCE_ARCHIVED,
        errors.KEY_NOT_ACCESSIBLE,
    ),
    across_accounts="of a snapshot that is shared or public",
)
def copy_snapshot(draft: Draft, call: Call) -> Answer:
    """Begin a copy in this Region, in the caller's account; it completes, or fails, on the world's clock.

    AWS answers 200 even where the source is not there or its key will refuse: that shows on the copy, not here.
    `Encrypted=false` with an encrypted source is ignored [V].
    """
    minutes = call["CompletionDurationMinutes"] or 0
    copy = begin(draft, call, call["SourceSnapshotId"], description=call["Description"] or "", minutes=minutes)
    return {"SnapshotId": copy.id, "Tags": tags.tag_list(requested_tags(call, "snapshot"))}


def begin(draft: Draft, call: Call, source_id: str, *, description: str, minutes: int) -> Snapshot:
    """A copy that the call's SourceRegion, Encrypted, KmsKeyId and tags are for; it settles on the clock."""
    copy = draft.put(
        Snapshot(
            account=call.account,
            region=call.region,
            id=draft.new_id("snap", call.account, call.region),
            origin="CopySnapshot",
            volume_id=NO_VOLUME,
            size_gib=0,
            state_message=NOT_UPDATED,
            description=description,
            started_ms=call.at_ms,
            source_id=source_id,
            duration_minutes=minutes,
        )
    )
    tags.put_tags(draft, call, copy.id, "snapshot", requested_tags(call, "snapshot"))
    draft.later(
        "settle_copy",
        after_ms=COMPLETES_AFTER_MS,
        about=(copy.id, source_id),
        copy_id=copy.id,
        source_region=call["SourceRegion"],
        encrypted=bool(call["Encrypted"]),
        key_id=call["KmsKeyId"] or "",
        key_arn=draft.frame.memo.get("key", ""),
    )
    return copy


# later


@job("settle_copy")
def settle_copy(draft: Draft, call: Call) -> None:
    """Read the source, make the KMS calls, and move the blocks; or leave the copy in error."""
    copy = own_snapshot(draft, call, call["copy_id"])
    if copy is None:
        return
    found = find_snapshot(draft, call["source_region"], copy.source_id)
    source = found if found and found.is_visible_to(call.account) else None
    if source is None:
        _fail(draft, copy, errors.SOURCE_NOT_FOUND, Cause.SNAPSHOT_NOT_SHARED if found else Cause.SNAPSHOT_NOT_FOUND)
        return
    if source.account != call.account:
        _tell_owner(draft, source)
    if source.state != "completed":
        _fail(draft, copy, errors.SOURCE_NOT_COMPLETE, Cause.SNAPSHOT_NOT_COMPLETE)
        return
    if not source.is_at_hand:
        _fail(draft, copy, feature_errors.SOURCE_ARCHIVED, Cause.SNAPSHOT_ARCHIVED)
        return
    named = chosen_key(draft, call.account, call.region, source.encrypted, call["encrypted"], call["key_id"])
    key = (call["key_arn"] or named) if named else ""
    copy = draft.change(
        copy,
        size_gib=source.size_gib,
        encrypted=bool(key),
        key_arn=key if key.startswith("arn:") else "",
        family=source.family,
        state_message="",
    )
    saved = draft.world
    try:
        _go_on(draft, *_prepare(draft, copy, source, key))
    except envelope.Stopped as stopped:
        draft.world = saved
        _fail_by_key(draft, copy, stopped)
    except plane.BlockLost as lost:
        draft.world = saved
        _fail(draft, copy, errors.BLOCK_LOST(index=lost.index), None)


def _tell_owner(draft: Draft, source: Snapshot) -> None:
    audit.service_event(
        draft,
        source.account,
        "SharedSnapshotCopyInitiated",
        source="ec2.amazonaws.com",
        invoked_by="ec2.amazonaws.com",
        identity={"type": "AWSAccount", "accountId": draft.frame.call.account, "invokedBy": "ec2.amazonaws.com"},
        details={"snapshotId": source.id},
    )


@dataclass(frozen=True, slots=True)
class Base:
    """What an incremental copy builds on: an earlier copy under the same key, or the source itself."""

    snapshot: Snapshot
    source_blocks: BlockMap  # the source's map when it was made


def _base(draft: Draft, copy: Snapshot, source: Snapshot, key: str) -> Base | None:
    """The latest completed copy of the lineage under this key in this account and Region; or the source, if it is there
    and under the key already (ebs.md 1.4, column "incremental")."""
    if not source.encrypted:
        return None
    if (source.account, source.region, source.key_arn) == (copy.account, copy.region, key):
        return Base(source, source.blocks)
    earlier = list(draft.scan_index(Snapshot, "copies", copy.account, copy.region, source.family, key))
    return Base(earlier[-1], earlier[-1].source_blocks) if earlier else None


def _prepare(draft: Draft, copy: Snapshot, source: Snapshot, key: str) -> tuple[Snapshot, Move]:
    """The copy with its data key, and the plan of the blocks that have to be sealed anew."""
    platform = plane.platform_key(draft.world)
    if not key:
        is_near = (source.account, source.region, source.encrypted) == (copy.account, copy.region, False)
        copy = draft.change(copy, blocks=source.blocks, source_blocks=source.blocks, is_incremental=is_near)
        return copy, plane.plan(draft, copy, maps.EMPTY_MAP, platform, platform)
    base = _base(draft, copy, source, key)
    copy = draft.change(copy, is_incremental=base is not None)
    granted, base_key = _grants(draft, copy, source, key, base)
    data_key, target_key, source_key = _unwrapped(draft, copy, source, base, base_key, granted)
    for key_arn, grant_id, region in granted.all:
        envelope.retire(draft, key_arn, grant_id, region=region)
    start, changed = _changed(draft, source, base)
    copy = draft.change(copy, data_key=data_key, key_arn=data_key.key_arn, blocks=start, source_blocks=source.blocks)
    return copy, plane.plan(draft, copy, changed, source_key or platform, target_key)


@dataclass(frozen=True, slots=True)
class Granted:
    all: tuple[tuple[str, str, str], ...]  # (key ARN, grant id, Region)
    data_key: DataKey | None  # a fresh one


def _grants(
    draft: Draft, copy: Snapshot, source: Snapshot, key: str, base: Base | None
) -> tuple[Granted, DataKey | None]:
    """Steps 1 to 3 of ebs.md 1.4: the caller's calls, on the copy's key and then on the source's."""
    how: dict[str, Any] = {"own_request": True}
    grants: list[tuple[str, str, str]] = []
    data_key = None
    if base is None:
        data_key = envelope.new_data_key(draft, key, copy.id, **how)
        key = data_key.key_arn
        grants.append((key, envelope.grant(draft, key, "Decrypt", envelope.EQUALS, copy.id, **how), copy.region))
    else:
        assert base.snapshot.data_key is not None
        context_id = base.snapshot.data_key.context_id
        grants.append((key, envelope.grant(draft, key, "Decrypt", envelope.EQUALS, context_id, **how), copy.region))
        grants.append((key, envelope.grant(draft, key, "Encrypt", envelope.EQUALS, copy.id, **how), copy.region))
    if source.data_key:
        source_id = envelope.grant(
            draft,
            source.key_arn,
            "Decrypt",
            envelope.EQUALS,
            source.data_key.context_id,
            region=source.region,
            invoked_by=envelope.copier(source.region),
            **how,
        )
        grants.append((source.key_arn, source_id, source.region))
    return Granted(tuple(grants), data_key), base.snapshot.data_key if base else None


def _unwrapped(
    draft: Draft, copy: Snapshot, source: Snapshot, base: Base | None, base_key: DataKey | None, granted: Granted
) -> tuple[DataKey, bytes, bytes | None]:
    """Step 4: the service's calls under the grants. The copy's data key, its plaintext, and the source's plaintext."""
    here = envelope.copier(copy.region)
    if granted.data_key:
        data_key = granted.data_key
        target_key = envelope.unwrap(draft, data_key, invoked_by=here)
    else:
        assert base_key is not None
        target_key = envelope.unwrap(draft, base_key, invoked_by=here)
        data_key = envelope.wrap(draft, target_key, base_key.key_arn, copy.id, invoked_by=here)
    source_key = None
    if source.data_key:
        source_key = envelope.unwrap(
            draft, source.data_key, invoked_by=envelope.copier(source.region), region=source.region
        )
    return data_key, target_key, source_key


def _changed(draft: Draft, source: Snapshot, base: Base | None) -> tuple[BlockMap, BlockMap]:
    """The map to begin with, and the part of the source's map that has to be moved: with a base only what changed."""
    if base is None:
        return maps.EMPTY_MAP, source.blocks
    if base.snapshot.id == source.id:
        return source.blocks, maps.EMPTY_MAP
    differing = list(maps.diff(base.source_blocks, source.blocks, plane.reader(draft.world)))
    start = plane.write(draft, base.snapshot.blocks, {index: None for index, _, now in differing if now is None})
    return start, plane.write(draft, maps.EMPTY_MAP, {index: now for index, _, now in differing if now is not None})


def _go_on(draft: Draft, copy: Snapshot, move: Move) -> None:
    """One batch; then either the copy is complete, or the rest is booked."""
    move, blocks = plane.step(draft, move, copy.blocks)
    copy = draft.change(copy, blocks=blocks)
    if plane.is_finished(move):
        found = draft.get(Move, copy.account, copy.region, copy.id)
        if found:
            draft.delete(found)
        _ended(draft, draft.put(completed(copy, draft.frame.call.at_ms)))
    else:
        draft.change(copy, progress=f"{100 * move.moved // move.total}%")
        draft.put(move)
        region = draft.frame.call["source_region"]
        draft.later("move_copy_blocks", about=(copy.id,), copy_id=copy.id, source_region=region)


@job("move_copy_blocks")
def move_copy_blocks(draft: Draft, call: Call) -> None:
    """The next batch of a copy's blocks."""
    copy, move = own_snapshot(draft, call, call["copy_id"]), draft.get(Move, call.account, call.region, call["copy_id"])
    if copy and move:
        try:
            _go_on(draft, copy, move)
        except plane.BlockLost as lost:
            draft.delete(move)
            _fail(draft, copy, errors.BLOCK_LOST(index=lost.index), None)


def _ended(draft: Draft, copy: Snapshot) -> None:
    """Well or not: the copy's account is told."""
    notices.copy_ended(draft, copy, draft.frame.call["source_region"])


def _fail(draft: Draft, copy: Snapshot, error: AwsError, cause: Cause | None) -> None:
    _ended(draft, draft.put(failed(copy, error.message)))
    result = Result(error=error, refusal=Refusal(cause) if cause else None)
    audit.note_settled(draft, "ec2:CopySnapshot", copy.id, error.code, result)


def _fail_by_key(draft: Draft, copy: Snapshot, stopped: envelope.Stopped) -> None:
    _ended(draft, draft.put(failed(copy, errors.KEY_NOT_ACCESSIBLE.message)))
    error = errors.KEY_NOT_ACCESSIBLE
    audit.note_settled(
        draft, "ec2:CopySnapshot", copy.id, error.code, Result(error=error, refusal=stopped.result.refusal)
    )
