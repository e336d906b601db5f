"""The data plane: blocks under data keys, and moving them from one data key to another.

Every volume and snapshot has one data key for all its blocks; one that is not encrypted in AWS's sense has a key of the
platform, so that no plaintext block is ever stored. Blocks are only referenced, never changed: a snapshot, a volume
from it and a copy under the same data key share them. Under another data key they are sealed anew, in batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from app.blocks import map as maps
from app.blocks.map import BlockMap, Page
from app.blocks.ref import BlockRef
from app.blocks.store import BlockStoreError
from app.crypto import cipher
from app.crypto.material import Secret
from app.kernel.records import replace
from app.services.ebs.records import Move, PageRecord

if TYPE_CHECKING:
    from app.kernel.draft import Draft
    from app.kernel.world import World

BATCH_BLOCKS = 64  # blocks a commit: at most so many are done again after a crash
FORMAT = cipher.BLOCK_FORMAT


def platform_key(world: World) -> bytes:
    """64 bytes: what blocks of unencrypted volumes and snapshots are sealed under."""
    return world.digest("platform-key", 1) + world.digest("platform-key", 2)


def lineage(world: World, writer_id: str) -> bytes:
    """16 bytes that name one writer: the volume, copy or snapshot whose writes these are."""
    return world.digest("lineage", writer_id)[:16]


def reader(world: World) -> maps.PageReader:
    def read(page_id: str) -> Page:
        record = world.records.get(PageRecord, "", "", page_id)
        if record is None:
            raise LookupError(f"no page {page_id}")
        return Page.load(page_id, record.packed)

    return read


def write(draft: Draft, blocks: BlockMap, changes: Mapping[int, BlockRef | None]) -> BlockMap:
    """The map with changes, its new pages put into the draft."""
    written, pages = maps.write(blocks, reader(draft.world), changes)
    for page_id, page in pages.items():
        draft.put(PageRecord(account="", id=page_id, packed=page.packed))
    return written


def seal(draft: Draft, data_key: bytes, writer: bytes, index: int, generation: int, plaintext: bytes) -> BlockRef:
    """Seal one block under a name that is used once; the sealed bytes leave with the draft."""
    ref = BlockRef(FORMAT, draft.world.branch, writer, index, generation)
    draft.blocks[ref] = cipher.seal_block(data_key, ref, plaintext)
    return ref


class BlockLost(Exception):
    """A stored block is damaged or missing: an error at read, never wrong data."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index = index


def open_ref(draft: Draft, data_key: bytes, ref: BlockRef) -> bytes:
    """The plaintext of a block; BlockLost where the stored bytes are not those that were sealed."""
    try:
        return cipher.open_block(data_key, ref, draft.read_block(ref))
    except (cipher.SealBroken, BlockStoreError) as error:
        raise BlockLost(ref.index, str(error)) from None


def moved(
    draft: Draft, source: Iterator[tuple[int, BlockRef]], source_key: bytes, target_key: bytes, writer: bytes
) -> dict[int, BlockRef]:
    """References of these blocks, sealed anew under the target's data key."""
    return {index: seal(draft, target_key, writer, index, 0, open_ref(draft, source_key, ref)) for index, ref in source}


def step(draft: Draft, move: Move, blocks: BlockMap) -> tuple[Move, BlockMap]:
    """One batch of a move: the plan and the target's map after it."""
    batch = list(islice(maps.items(move.source_blocks, reader(draft.world), move.cursor), BATCH_BLOCKS))
    source_key, target_key = move.source_key.reveal(), move.target_key.reveal()
    blocks = write(draft, blocks, moved(draft, iter(batch), source_key, target_key, move.lineage))
    cursor = batch[-1][0] + 1 if batch else move.cursor
    done = move.moved + len(batch)
    return replace(move, cursor=cursor, moved=done), blocks


def is_finished(move: Move) -> bool:
    return move.moved >= move.total


def plan(draft: Draft, target: Any, source: BlockMap, source_key: bytes, target_key: bytes) -> Move:
    """What has to be moved for `target` (a volume or snapshot record)."""
    return Move(
        account=target.account,
        region=target.region,
        id=target.id,
        source_blocks=source,
        source_key=Secret(source_key),
        target_key=Secret(target_key),
        lineage=lineage(draft.world, target.id),
        total=source.count,
    )
