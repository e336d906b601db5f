"""How a volume settles: its KMS calls (ebs.md 1.2), then its blocks; and how it goes, by itself or by request.

Where a KMS call is refused, or a block is lost, the volume does not stay in error, it vanishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel import audit
from app.kernel.draft import Result
from app.kernel.operation import job
from app.services.ebs import envelope, errors, notices, plane, tags
from app.services.ebs.compute_rules import attachments_of_volume
from app.services.ebs.feature_records import Modification
from app.services.ebs.opening import state_of
from app.services.ebs.records import EMPTY_MAP, DataKey, Move, Snapshot, Volume
from app.services.ebs.rules import own_volume

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft


@job("settle_volume")
def settle_volume(draft: Draft, call: Call) -> None:
    """Make the KMS calls of a new volume and bring its blocks; without its key the volume vanishes."""
    volume = own_volume(draft, call, call["volume_id"])
    if volume is None:
        return
    saved = draft.world
    try:
        hydrate(draft, volume, call["key"], call["is_of_own"])
    except envelope.Stopped as stopped:
        draft.world = saved
        _vanish(draft, call, volume, stopped.result, stopped.key_id)
    except plane.BlockLost as lost:
        draft.world = saved
        _vanish(draft, call, volume, Result(error=errors.BLOCK_LOST(index=lost.index)))


def hydrate(draft: Draft, volume: Volume, key: str, is_of_own: bool) -> None:
    """The sequence of ebs.md 1.2 for this combination of snapshot and key.

    Until it settles the volume holds the blocks and the data key of its snapshot, which may be deleted meanwhile.
    ReEncrypt comes first: the snapshot's data key is wrapped anew under the volume's key and context, so that the one
    Decrypt grant serves both data keys. An own snapshot under the same key needs no more than that.
    """
    if not key:
        _is_there(draft, volume)
        return
    if volume.data_key is None:
        _bring_blocks(draft, volume, key, None)
        return
    carried = envelope.re_wrap(draft, volume.data_key, key, volume.id)
    if is_of_own and carried.key_arn == volume.data_key.key_arn:
        _is_there(draft, volume, data_key=carried, key_arn=carried.key_arn)
    else:
        _bring_blocks(draft, volume, key, carried)


def _is_there(draft: Draft, volume: Volume, **changes: Any) -> None:
    """It is whole, and its account is told."""
    notices.volume_is_there(draft, draft.change(volume, state=state_of(draft, volume), **changes))


def _bring_blocks(draft: Draft, volume: Volume, key: str, carried: DataKey | None) -> None:
    """A new data key; then the service decrypts under the caller's grant, seals the blocks anew, and retires it."""
    data_key = envelope.new_data_key(draft, key, volume.id)
    grant_id = envelope.grant(draft, data_key.key_arn, "Decrypt", envelope.SUBSET, volume.id)
    target_key = envelope.unwrap(draft, data_key, invoked_by=envelope.DIRECT)
    source_key = (
        envelope.unwrap(draft, carried, invoked_by=envelope.DIRECT) if carried else plane.platform_key(draft.world)
    )
    envelope.retire(draft, data_key.key_arn, grant_id)
    source_blocks = volume.blocks
    volume = draft.change(volume, data_key=data_key, key_arn=data_key.key_arn, blocks=EMPTY_MAP)
    _go_on(draft, volume, plane.plan(draft, volume, source_blocks, source_key, target_key))


def _go_on(draft: Draft, volume: Volume, move: Move) -> None:
    """One batch of blocks; then either the volume is there, or the rest is booked."""
    move, blocks = plane.step(draft, move, volume.blocks)
    if plane.is_finished(move):
        _drop_move(draft, volume)
        _is_there(draft, volume, blocks=blocks)
    else:
        draft.change(volume, blocks=blocks)
        draft.put(move)
        draft.later("move_volume_blocks", about=(volume.id,), volume_id=volume.id)


@job("move_volume_blocks")
def move_volume_blocks(draft: Draft, call: Call) -> None:
    """The next batch of blocks of a volume that is being created."""
    volume, move = (
        own_volume(draft, call, call["volume_id"]),
        draft.get(Move, call.account, call.region, call["volume_id"]),
    )
    if volume and move:
        try:
            _go_on(draft, volume, move)
        except plane.BlockLost as lost:
            _vanish(draft, call, volume, Result(error=errors.BLOCK_LOST(index=lost.index)))


def _drop_move(draft: Draft, target: Volume | Snapshot) -> None:
    move = draft.get(Move, target.account, target.region, target.id)
    if move:
        draft.delete(move)


def remove_volume(draft: Draft, call: Call, volume: Volume) -> None:
    """The volume and what is kept for it alone."""
    for attachment in attachments_of_volume(draft, volume.account, volume.region, volume.id):
        draft.delete(attachment)
    _drop_move(draft, volume)
    modification = draft.get(Modification, volume.account, volume.region, volume.id)
    if modification:
        draft.delete(modification)
    draft.delete(volume)
    tags.drop_tags(draft, call, volume.id)


def _vanish(draft: Draft, call: Call, volume: Volume, why: Result, key: str = "") -> None:
    """A volume that can not have its key or its blocks is deleted. Why is in the log, under its id."""
    remove_volume(draft, call, volume)
    notices.volume_vanished(draft, volume, why.error.message if why.error else "", volume.key_arn or key)
    audit.note_settled(draft, "ec2:CreateVolume", volume.id, errors.VOLUME_VANISHED.code, why)
