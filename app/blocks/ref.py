"""The name of a sealed block.

A block is written once under a name and never changed; whoever writes other bytes at the same place takes the next
generation. `branch` is new whenever a world is created, forked or loaded, so two forks that write "the same" next block
give it different names. A block's key and nonce derive from its name: that is why a name is never used twice.
"""

from __future__ import annotations

import struct

import msgspec

BLOCK_SIZE_BYTES = 524_288
VOLUME_SIZE_BYTES_MAX = 64 * 2**40
INDEX_MAX = VOLUME_SIZE_BYTES_MAX // BLOCK_SIZE_BYTES - 1
GENERATION_MAX = 2**48 - 1
REF_SIZE_BYTES = 48

_LAYOUT = struct.Struct(">I16s16s6s6s")


class BlockRef(msgspec.Struct, frozen=True, order=True, gc=False):
    """Format (of the sealing), branch and lineage (16 bytes each), index within the volume, generation."""

    format: int
    branch: bytes
    lineage: bytes
    index: int
    generation: int

    def __post_init__(self) -> None:
        if len(self.branch) != 16 or len(self.lineage) != 16:
            raise ValueError("branch and lineage have 16 bytes each")
        if not (0 <= self.format < 2**32 and 0 <= self.index <= INDEX_MAX and 0 <= self.generation <= GENERATION_MAX):
            raise ValueError(f"out of range: {self}")

    def __repr__(self) -> str:
        """Without the branch, which is never shown: it tells forks of one world apart."""
        return (
            f"BlockRef({self.format}, lineage {self.lineage.hex()}, index {self.index}, generation {self.generation})"
        )

    def encode(self) -> bytes:
        """48 bytes: format (4) | branch (16) | lineage (16) | index (6) | generation (6), big-endian."""
        index, generation = self.index.to_bytes(6, "big"), self.generation.to_bytes(6, "big")
        return _LAYOUT.pack(self.format, self.branch, self.lineage, index, generation)

    @classmethod
    def decode(cls, encoded: bytes) -> BlockRef:
        """ValueError where the bytes are no reference."""
        if len(encoded) != REF_SIZE_BYTES:
            raise ValueError(f"a reference has {REF_SIZE_BYTES} bytes, not {len(encoded)}")
        format, branch, lineage, index, generation = _LAYOUT.unpack(encoded)
        return cls(format, branch, lineage, int.from_bytes(index, "big"), int.from_bytes(generation, "big"))
