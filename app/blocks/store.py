"""Where sealed blocks are kept: references in, bytes out.

A store knows no keys and no worlds. A block is stored before the commit that names it, so `put_many` is durable when it
returns; a crash in between leaves a block that nobody names, which collection removes.
INVARIANT: a reference has one content for ever. Storing the same bytes again is no error (a call was repeated); other
bytes under a stored reference would use its key and nonce twice, and are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from app.blocks.ref import BlockRef


class BlockStoreError(Exception):
    """Any failure of a block store."""


class BlockMissing(BlockStoreError):
    """No block is stored under this reference."""

    def __init__(self, ref: BlockRef) -> None:
        super().__init__(f"block {name_of(ref)} is not stored")
        self.ref = ref


class BlockConflict(BlockStoreError):
    """Other bytes are stored under this reference already. Nothing of the batch was stored."""

    def __init__(self, ref: BlockRef) -> None:
        super().__init__(f"block {name_of(ref)} is stored with other bytes")
        self.ref = ref


class BlockDamaged(BlockStoreError):
    """The stored bytes are not those that were written. The entry's `offset` and `end` are bytes within the segment."""

    def __init__(self, ref: BlockRef, segment: str, offset: int, end: int) -> None:
        super().__init__(f"block {name_of(ref)} is damaged in segment {segment} at offset {offset}")
        self.ref, self.segment, self.offset, self.end = ref, segment, offset, end


class StoreUnavailable(BlockStoreError):
    """The disk refused (full, broken, in use by another process). Nothing was stored; a later call may succeed."""


def name_of(ref: BlockRef) -> str:
    """For messages: index, generation, and the start of the lineage. The branch is never shown."""
    return f"{ref.index}.{ref.generation} of lineage {ref.lineage.hex()[:8]}"


class BlockStore(Protocol):
    """The port. Every store passes tests/blocks/contract.py."""

    def put_many(self, blocks: Mapping[BlockRef, bytes]) -> None:
        """Store sealed blocks, durably and all of them; BlockConflict or StoreUnavailable: none of them."""
        ...

    def get(self, ref: BlockRef) -> bytes:
        """The sealed bytes. BlockMissing; BlockDamaged where the store can tell (opening a block always can)."""
        ...

    def delete(self, refs: Iterable[BlockRef]) -> None:
        """Forget blocks; those that are not stored are skipped, so that an interrupted deletion can be repeated."""
        ...

    def refs(self) -> Iterator[BlockRef]:
        """All that is stored, as of now, for collection."""
        ...

    def close(self) -> None: ...


class MemoryBlocks:
    """Blocks of a world that is not kept. A fork reads through to its `parent`; it lists and deletes its own only."""

    def __init__(self, parent: BlockStore | None = None) -> None:
        self._parent = parent
        self._blocks: dict[BlockRef, bytes] = {}

    def put_many(self, blocks: Mapping[BlockRef, bytes]) -> None:
        for ref, sealed in blocks.items():
            if self._find(ref) not in (None, sealed):
                raise BlockConflict(ref)
        self._blocks.update(blocks)

    def get(self, ref: BlockRef) -> bytes:
        sealed = self._find(ref)
        if sealed is None:
            raise BlockMissing(ref)
        return sealed

    def delete(self, refs: Iterable[BlockRef]) -> None:
        for ref in refs:
            self._blocks.pop(ref, None)

    def refs(self) -> Iterator[BlockRef]:
        return iter(tuple(self._blocks))

    def close(self) -> None:
        """Drops its own blocks; the parent is not its to close."""
        self._blocks.clear()

    def _find(self, ref: BlockRef) -> bytes | None:
        if ref in self._blocks or self._parent is None:
            return self._blocks.get(ref)
        try:
            return self._parent.get(ref)
        except BlockMissing:
            return None
