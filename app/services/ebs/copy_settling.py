"""How a copy settles: the source is looked for, the KMS calls are made, the blocks move; or it stands in `error`.

A failed copy has AWS's short StateMessage (ebs.md 1.4, asynchronous phase); why it failed is in the log under its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel import audit
from app.kernel.draft import Result
from app.kernel.errors import AwsError, Refusal
from app.kernel.operation import job
from app.policy.causes import Cause
from app.services.ebs import envelope, errors, feature_errors, notices, owner_events, plane
from app.services.ebs.copy_checks import chosen_key
from app.services.ebs.copy_keys import prepared
from app.services.ebs.records import Move, Snapshot
from app.services.ebs.rules import find_snapshot, own_snapshot
from app.services.ebs.snapshots import completed, failed

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft


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
        owner_events.tell_owner(draft, source, owner_events.COPIED)
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
        _go_on(draft, *prepared(draft, copy, source, key))
    except envelope.Stopped as stopped:
        draft.world = saved
        _fail_by_key(draft, copy, stopped)
    except plane.BlockLost as lost:
        draft.world = saved
        _fail(draft, copy, errors.BLOCK_LOST(index=lost.index), None)


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
