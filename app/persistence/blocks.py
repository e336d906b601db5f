"""Blocks in the database itself, for servers that share one PostgreSQL and so can not share a folder of segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from app.blocks.ref import BlockRef
from app.blocks.store import BlockConflict, BlockMissing
from app.persistence.database import Database


class SqlBlocks:
    """A `BlockStore`. Damage is not detected here: a block that was changed does not open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_many(self, blocks: Mapping[BlockRef, bytes]) -> None:
        with self._database.transaction():
            for ref, sealed in blocks.items():
                if not self._database.run("put_block", ref=ref.encode(), sealed=sealed) and self.get(ref) != sealed:
                    raise BlockConflict(ref)

    def get(self, ref: BlockRef) -> bytes:
        rows = self._database.rows("block", of_ref=ref.encode())
        if not rows:
            raise BlockMissing(ref)
        return rows[0][0]

    def delete(self, refs: Iterable[BlockRef]) -> None:
        with self._database.transaction():
            self._database.run_many("delete_block", [{"of_ref": ref.encode()} for ref in refs])

    def refs(self) -> Iterator[BlockRef]:
        return (BlockRef.decode(ref) for (ref,) in self._database.rows("refs"))

    def close(self) -> None:
        """The database is its owner's to close."""
