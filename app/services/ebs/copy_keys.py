"""The KMS calls of a copy, and which of its blocks have to be sealed anew (ebs.md 1.4, table of KMS calls).

The caller never decrypts: it makes grants, and the service works under them. A copy under a key that an earlier copy of
the lineage is under already builds on that one: same data key, only the blocks that changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.blocks import map as maps
from app.blocks.map import BlockMap
from app.services.ebs import envelope, plane
from app.services.ebs.records import DataKey, Move, Snapshot

if TYPE_CHECKING:
    from app.kernel.draft import Draft


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


def prepared(draft: Draft, copy: Snapshot, source: Snapshot, key: str) -> tuple[Snapshot, Move]:
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
