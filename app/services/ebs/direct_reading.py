"""ListSnapshotBlocks, ListChangedBlocks, GetSnapshotBlock: of one's own snapshots, and of those that are shared."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING, Any

from app.blocks import map as maps
from app.blocks.ref import BLOCK_SIZE_BYTES, BlockRef
from app.kernel.clock import DAY_MS, whole_second
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import operation
from app.policy.causes import Cause
from app.services.ebs import envelope, errors, feature_errors, plane
from app.services.ebs.block_tokens import PAGE_MAX, TOKEN_DAYS, block_token, is_block_token, page_of, page_start
from app.services.ebs.direct import (
    KEY_PROBLEMS,
    SHA256,
    decrypt,
    digest_text,
    has_form,
    in_own_snapshot,
    invisible,
    may_read_or_write,
    needs_key,
)
from app.services.ebs.records import Snapshot
from app.services.ebs.rules import visible_snapshot

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

PAGE_MIN = 100


def _readable(draft: Draft, call: Call, id: str) -> Snapshot:
    """A complete snapshot that the caller may read here: its own, or one that is shared with it and not public."""
    snapshot = visible_snapshot(draft, call, id)
    if snapshot is None:
        raise invisible(draft, call, id)
    if snapshot.account != call.account:
        draft.frame.copies[snapshot.account] = True
    if snapshot.is_public and snapshot.account != call.account:
        errors.PUBLIC_NOT_READ.refuse()
    if snapshot.state != "completed":
        raise Refused(errors.DIRECT_NOT_FOUND(id=id), Refusal(Cause.SNAPSHOT_NOT_COMPLETE))
    if not snapshot.is_at_hand:
        feature_errors.DIRECT_ARCHIVED.refuse()
    return snapshot


def _may_list(draft: Draft, snapshot: Snapshot) -> None:
    """DescribeKey on the snapshot's key; on a shared snapshot's also Decrypt (ebs.md 6, table [V])."""
    if snapshot.data_key is None:
        return
    needs_key(draft, envelope.describe_key(draft, snapshot.key_arn, envelope.DIRECT))
    if snapshot.account != draft.frame.call.account:
        needs_key(draft, decrypt(draft, snapshot.data_key))


def _plaintext_key(draft: Draft, snapshot: Snapshot) -> bytes:
    if snapshot.data_key is None:
        return plane.platform_key(draft.world)
    needs_key(draft, envelope.describe_key(draft, snapshot.key_arn, envelope.DIRECT))
    return needs_key(draft, decrypt(draft, snapshot.data_key))["Plaintext"]


def _page_size_is_valid(draft: Draft, call: Call) -> None:
    size = call["MaxResults"]
    if size is not None and size < PAGE_MIN:
        errors.BAD_DIRECT_PAGE_SIZE.refuse(value=size, bound=f"greater than or equal to {PAGE_MIN}")
    if size is not None and size > PAGE_MAX:
        errors.BAD_DIRECT_PAGE_SIZE.refuse(value=size, bound=f"less than or equal to {PAGE_MAX}")


@operation(
    "ebs",
    "ListSnapshotBlocks",
    honours={"SnapshotId", "NextToken", "MaxResults", "StartingBlockIndex"},
    checks=(_page_size_is_valid, in_own_snapshot("ebs:ListSnapshotBlocks")),
    answers=(
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.PUBLIC_NOT_READ,
        feature_errors.DIRECT_ARCHIVED,
        errors.BAD_DIRECT_PAGE_SIZE,
        errors.BAD_DIRECT_PAGE_TOKEN,
        *KEY_PROBLEMS,
    ),
    reads=True,
    is_data_event=True,
    across_accounts="of a snapshot that is shared, not of a public one",
)
def list_snapshot_blocks(draft: Draft, call: Call) -> Answer:
    """Indexes and tokens of the blocks that are there, in order; the tokens are good for seven days."""
    snapshot = _readable(draft, call, call["SnapshotId"])
    _may_list(draft, snapshot)
    found = maps.items(snapshot.blocks, plane.reader(draft.world), page_start(draft, call, snapshot.id))
    indexes, more = page_of(draft, call, snapshot.id, (index for index, _ in found))
    blocks = [{"BlockIndex": index, "BlockToken": block_token(draft, call, snapshot.id, index)} for index in indexes]
    return {"Blocks": blocks, **more, **_about(call, snapshot)}


def _first_is_named(draft: Draft, call: Call) -> None:
    """Optional in the model, and asked for all the same (changed-pending-root of ST:blocks [V])."""
    if not call["FirstSnapshotId"]:
        errors.FIRST_MISSING.refuse()


@operation(
    "ebs",
    "ListChangedBlocks",
    honours={"FirstSnapshotId", "SecondSnapshotId", "NextToken", "MaxResults", "StartingBlockIndex"},
    checks=(_page_size_is_valid, _first_is_named),
    answers=(
        errors.FIRST_MISSING,
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.PUBLIC_NOT_READ,
        feature_errors.DIRECT_ARCHIVED,
        errors.UNRELATED,
        errors.BAD_DIRECT_PAGE_SIZE,
        errors.BAD_DIRECT_PAGE_TOKEN,
        *KEY_PROBLEMS,
    ),
    reads=True,
    is_data_event=True,
    across_accounts="of snapshots that are shared",
)
def list_changed_blocks(draft: Draft, call: Call) -> Answer:
    """What differs between two snapshots of one lineage, by write, not by content."""
    ids = (call["FirstSnapshotId"], call["SecondSnapshotId"])
    for id in ids:
        may_read_or_write(draft, call, "ebs:ListChangedBlocks", id)
    snapshots = [_readable(draft, call, id) for id in ids]
    if len({snapshot.family for snapshot in snapshots}) > 1:
        errors.UNRELATED.refuse()
    for snapshot in snapshots:
        _may_list(draft, snapshot)
    first, second = snapshots
    start = page_start(draft, call, second.id)
    changes = (each for each in maps.diff(first.blocks, second.blocks, plane.reader(draft.world)) if each[0] >= start)
    found = {index: (was, now) for index, was, now in islice(changes, (call["MaxResults"] or PAGE_MAX) + 1)}
    indexes, more = page_of(draft, call, second.id, iter(found))
    changed = [_changed(draft, call, snapshots, index, *found[index]) for index in indexes]
    return {"ChangedBlocks": changed, **more, **_about(call, second)}


def _changed(
    draft: Draft, call: Call, snapshots: list[Snapshot], index: int, was: BlockRef | None, now: BlockRef | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"BlockIndex": index}
    row |= {"FirstBlockToken": block_token(draft, call, snapshots[0].id, index)} if was else {}
    return row | ({"SecondBlockToken": block_token(draft, call, snapshots[-1].id, index)} if now else {})


def _about(call: Call, snapshot: Snapshot) -> dict[str, Any]:
    expiry = whole_second(call.at_ms + TOKEN_DAYS * DAY_MS)
    return {"ExpiryTime": expiry, "VolumeSize": snapshot.size_gib, "BlockSize": BLOCK_SIZE_BYTES}


def _token_is_text(draft: Draft, call: Call) -> None:
    has_form("blockToken", call["BlockToken"] or "", "^[A-Za-z0-9+/=_-]+$")


@operation(
    "ebs",
    "GetSnapshotBlock",
    honours={"SnapshotId", "BlockIndex", "BlockToken"},
    checks=(_token_is_text, in_own_snapshot("ebs:GetSnapshotBlock")),
    answers=(
        errors.BAD_DIRECT_TEXT,
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.PUBLIC_NOT_READ,
        feature_errors.DIRECT_ARCHIVED,
        errors.BAD_BLOCK_TOKEN,
        errors.NO_SUCH_BLOCK,
        errors.DIRECT_BLOCK_LOST,
        *KEY_PROBLEMS,
    ),
    reads=True,
    is_data_event=True,
    across_accounts="of a snapshot that is shared, not of a public one",
)
def get_snapshot_block(draft: Draft, call: Call) -> Answer:
    """One block, decrypted. The token names snapshot and index; it is no permission: a share withdrawn kills it [V]."""
    snapshot, index = _readable(draft, call, call["SnapshotId"]), call["BlockIndex"]
    if not is_block_token(draft, call, snapshot.id, index, call["BlockToken"]):
        errors.BAD_BLOCK_TOKEN.refuse(token=call["BlockToken"])
    ref = maps.get(snapshot.blocks, plane.reader(draft.world), index)
    if ref is None:
        errors.NO_SUCH_BLOCK.refuse(index=index)
    key = _plaintext_key(draft, snapshot)
    try:
        data = plane.open_ref(draft, key, ref)
    except plane.BlockLost as lost:
        errors.DIRECT_BLOCK_LOST.refuse(index=lost.index)
    checksum = digest_text(hashlib.sha256(data).digest())
    return {"DataLength": len(data), "BlockData": data, "Checksum": checksum, "ChecksumAlgorithm": SHA256}
