"""Map, store and sealing together: whatever is done to the stored bytes, wrong data is never returned (R20)."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.blocks.entry import Kind, encode_head, entry_for, segment_head
from app.blocks.ref import BlockRef
from app.blocks.segments import SegmentBlocks
from app.blocks.store import BlockStore, BlockStoreError
from app.crypto.cipher import SealBroken, open_block, seal_block
from app.crypto.material import data_key

KEY = data_key(bytes(range(32)), 64)
FLIPS = 10_000 if os.environ.get("RESEAL_SOAK") else 1_000
SEGMENT = "00000001.seg"


def ref(index: int, generation: int = 1, branch: bytes = b"b" * 16) -> BlockRef:
    return BlockRef(1, branch, b"l" * 16, index, generation)


PLAINTEXTS = {ref(index): f"content of block {index}".encode() * 3 for index in range(8)}
SEALED = {name: seal_block(KEY, name, plaintext) for name, plaintext in PLAINTEXTS.items()}


def read(store: BlockStore, name: BlockRef) -> bytes | None:
    """The plaintext; None where it is refused."""
    try:
        return open_block(KEY, name, store.get(name))
    except (BlockStoreError, SealBroken):
        return None


def outcomes(folder: Path) -> Iterator[tuple[bytes, bytes | None]]:
    store = SegmentBlocks(folder)
    try:
        yield from [(plaintext, read(store, name)) for name, plaintext in PLAINTEXTS.items()]
    finally:
        store.close()


def forged(folder: Path, blocks: dict[BlockRef, bytes]) -> None:
    """A segment by somebody who knows the format, CRCs included, and no key."""
    folder.mkdir(exist_ok=True)
    heads = (encode_head(entry_for(Kind.BLOCK, name, sealed, 0)) + sealed for name, sealed in blocks.items())
    (folder / SEGMENT).write_bytes(segment_head(1) + b"".join(heads))


def test_a_flipped_bit_anywhere_in_a_segment_costs_one_block_at_most(tmp_path: Path) -> None:
    """1,000 places (10,000 in a soak) from one seed: every other block is right, the hit one is right or refused."""
    draw = random.Random(20)
    forged(tmp_path, SEALED)
    whole = (tmp_path / SEGMENT).read_bytes()
    for _ in range(FLIPS):
        bit = draw.randrange(len(whole) * 8)
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / SEGMENT).write_bytes(flipped)
        found = list(outcomes(tmp_path))
        assert all(got in (plaintext, None) for plaintext, got in found)
        assert sum(got is None for _, got in found) == (bit // 8 >= 16)


@pytest.mark.parametrize(
    "forgery",
    [
        {ref(0): SEALED[ref(1)], ref(1): SEALED[ref(0)]},
        {ref(0): seal_block(KEY, ref(0, generation=0), b"an older content")},
        {ref(0): seal_block(KEY, ref(0, branch=b"f" * 16), b"of a fork")},
        {ref(0): seal_block(data_key(b"another" * 5, 64), ref(0), b"of another volume")},
        {ref(0): SEALED[ref(0)][:-1]},
        {ref(0): SEALED[ref(0)] + b"\0"},
        {ref(0): b""},
    ],
    ids=["swapped", "replayed", "of a fork", "of another key", "cut", "longer", "emptied"],
)
def test_a_forged_block_with_right_crcs_is_refused(tmp_path: Path, forgery: dict[BlockRef, bytes]) -> None:
    """CRCs can be made by anybody; the sealing can not. The blocks beside it are read."""
    forged(tmp_path, SEALED | forgery)
    for (plaintext, got), name in zip(outcomes(tmp_path), PLAINTEXTS, strict=True):
        assert got == (None if name in forgery else plaintext)
