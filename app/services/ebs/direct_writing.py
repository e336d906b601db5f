"""PutSnapshotBlock and CompleteSnapshot: blocks written one by one, then folded into the snapshot's map."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from app.blocks.ref import BLOCK_SIZE_BYTES, BlockRef
from app.kernel.operation import job, operation
from app.kernel.records import replace
from app.services.ebs import errors, plane
from app.services.ebs.direct import SHA256, digest_text, has_form, in_own_snapshot, invisible
from app.services.ebs.records import GIB_BLOCKS, Snapshot, Writing, Written
from app.services.ebs.rules import own_snapshot
from app.services.ebs.snapshots import blocks_written, completed, failed

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

LINEAR = "LINEAR"
COMPLETES_AFTER_MS = 5_000  # lifelike; presentation only


def _own_open(draft: Draft, call: Call) -> tuple[Snapshot, Writing]:
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    if snapshot is None:
        raise invisible(draft, call, call["SnapshotId"])
    writing = draft.get(Writing, call.account, call.region, snapshot.id)
    if writing is None or snapshot.state != "pending":
        errors.ALREADY_COMPLETED.refuse()
    return snapshot, writing


def _checksum_is_text(draft: Draft, call: Call) -> None:
    has_form("checksum", call["Checksum"] or "", "^[A-Za-z0-9+/=]+$")


def _block_is_valid(draft: Draft, call: Call) -> None:
    if len(call["BlockData"] or b"") < BLOCK_SIZE_BYTES:
        errors.BLOCK_UNREADABLE.refuse()
    if call["DataLength"] != BLOCK_SIZE_BYTES:
        errors.BAD_BLOCK_LENGTH.refuse(length=call["DataLength"])
    if call["ChecksumAlgorithm"] != SHA256:
        errors.BAD_CHECKSUM_ALGORITHM.refuse(value=call["ChecksumAlgorithm"])


@operation(
    "ebs",
    "PutSnapshotBlock",
    honours={"SnapshotId", "BlockIndex", "BlockData", "DataLength", "Checksum", "ChecksumAlgorithm"},
    inert={"Progress": "progress is shown by the blocks that have arrived"},
    checks=(_checksum_is_text, in_own_snapshot("ebs:PutSnapshotBlock"), _block_is_valid),
    answers=(
        errors.BAD_DIRECT_TEXT,
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.ALREADY_COMPLETED,
        errors.BAD_BLOCK_INDEX,
        errors.BLOCK_UNREADABLE,
        errors.BAD_BLOCK_LENGTH,
        errors.BAD_CHECKSUM_ALGORITHM,
        errors.CHECKSUM_WRONG,
    ),
    is_data_event=True,
)
def put_snapshot_block(draft: Draft, call: Call) -> Answer:
    """Write one block of 524,288 bytes; Checksum is the base64 SHA-256 of them. No KMS call: EBS holds the data key."""
    snapshot, writing = _own_open(draft, call)
    index, data = call["BlockIndex"], bytes(call["BlockData"] or b"")
    if index >= snapshot.size_gib * GIB_BLOCKS:
        errors.BAD_BLOCK_INDEX.refuse(index=index)
    if len(data) != BLOCK_SIZE_BYTES:
        errors.BAD_BLOCK_LENGTH.refuse(length=len(data))
    digest = hashlib.sha256(data).digest()
    if not hmac.compare_digest(digest_text(digest), call["Checksum"]):
        errors.CHECKSUM_WRONG.refuse(computed=digest_text(digest), expected=call["Checksum"])
    writing = draft.change(writing, generation=writing.generation + 1, last_write_ms=call.at_ms)
    writer = plane.lineage(draft.world, snapshot.id)
    ref = plane.seal(draft, writing.data_key.reveal(), writer, index, writing.generation, data)
    draft.put(
        Written(
            account=call.account, region=call.region, id=f"{snapshot.id}/{index:09d}", ref=ref.encode(), digest=digest
        )
    )
    return {"Checksum": call["Checksum"], "ChecksumAlgorithm": SHA256}


def _sums_are_valid(draft: Draft, call: Call) -> None:
    given = [call["Checksum"], call["ChecksumAlgorithm"], call["ChecksumAggregationMethod"]]
    if any(given) and not all(given):
        errors.CHECKSUM_INCOMPLETE.refuse()
    if call["ChecksumAlgorithm"] not in (None, SHA256):
        errors.BAD_CHECKSUM_ALGORITHM.refuse(value=call["ChecksumAlgorithm"])
    if call["ChecksumAggregationMethod"] not in (None, LINEAR):
        errors.BAD_AGGREGATION.refuse(value=call["ChecksumAggregationMethod"])


@operation(
    "ebs",
    "CompleteSnapshot",
    honours={"SnapshotId", "ChangedBlocksCount", "Checksum", "ChecksumAlgorithm", "ChecksumAggregationMethod"},
    checks=(in_own_snapshot("ebs:CompleteSnapshot"), _sums_are_valid),
    answers=(
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.NOT_STARTED_HERE,
        errors.CHECKSUM_INCOMPLETE,
        errors.BAD_CHECKSUM_ALGORITHM,
        errors.BAD_AGGREGATION,
    ),
    settles=(errors.COUNT_MISMATCH, errors.CHECKSUM_MISMATCH),
)
def complete_snapshot(draft: Draft, call: Call) -> Answer:
    """Close an open snapshot. A wrong count or checksum is accepted and shows later as `error` (ebs.md 6 [D][O])."""
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    if snapshot is None:
        raise invisible(draft, call, call["SnapshotId"])
    if snapshot.origin != "StartSnapshot":
        errors.NOT_STARTED_HERE.refuse(id=snapshot.id)
    if snapshot.state != "pending":
        return {"Status": snapshot.state}
    draft.later(
        "close_snapshot",
        after_ms=COMPLETES_AFTER_MS,
        about=(snapshot.id,),
        snapshot_id=snapshot.id,
        count=call["ChangedBlocksCount"],
        checksum=call["Checksum"] or "",
    )
    return {"Status": "pending"}


@job("close_snapshot")
def close_snapshot(draft: Draft, call: Call) -> None:
    """Compare count and checksum with what was written, and make the blocks the snapshot's."""
    snapshot, writing = (
        own_snapshot(draft, call, call["snapshot_id"]),
        draft.get(Writing, call.account, call.region, call["snapshot_id"]),
    )
    if snapshot is None or writing is None:
        return
    blocks = list(blocks_written(draft, snapshot))
    linear = digest_text(hashlib.sha256(b"".join(block.digest for block in blocks)).digest())
    if len(blocks) != call["count"]:
        close_open(draft, snapshot, writing, failed(snapshot, errors.COUNT_MISMATCH.message))
    elif call["checksum"] and call["checksum"] != linear:
        close_open(draft, snapshot, writing, failed(snapshot, errors.CHECKSUM_MISMATCH.message))
    else:
        refs = (BlockRef.decode(block.ref) for block in blocks)
        written = plane.write(draft, snapshot.blocks, {ref.index: ref for ref in refs})
        close_open(draft, snapshot, writing, completed(replace(snapshot, blocks=written), call.at_ms))


def close_open(draft: Draft, snapshot: Snapshot, writing: Writing, after: Snapshot) -> None:
    """The data key is forgotten and the single blocks are folded away."""
    for block in list(blocks_written(draft, snapshot)):
        draft.delete(block)
    draft.delete(writing)
    draft.put(after)
