"""The contract that every block store keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.blocks.ref import BlockRef
from app.blocks.segments import SegmentBlocks
from app.blocks.store import BlockConflict, BlockMissing, BlockStore, MemoryBlocks

STORES: dict[str, Callable[[Path], BlockStore]] = {
    "memory": lambda folder: MemoryBlocks(),
    "fork": lambda folder: MemoryBlocks(MemoryBlocks()),
    "segments": lambda folder: SegmentBlocks(folder),
    "small segments": lambda folder: SegmentBlocks(folder, segment_size_bytes=200),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path):
    opened = STORES[request.param](tmp_path / "blocks")
    yield opened
    opened.close()


def ref(index: int, generation: int = 0) -> BlockRef:
    return BlockRef(1, b"b" * 16, b"l" * 16, index, generation)


BLOCKS = {ref(index): bytes([index]) * (40 + index) for index in range(20)}


def test_what_was_put_is_what_comes_back(store: BlockStore) -> None:
    """Also an empty block, and in several batches."""
    store.put_many(BLOCKS)
    store.put_many({ref(100): b""})
    store.put_many({})
    assert {block: store.get(block) for block in BLOCKS} == BLOCKS
    assert store.get(ref(100)) == b""
    assert set(store.refs()) == {*BLOCKS, ref(100)}


def test_a_block_that_is_not_stored_is_missing(store: BlockStore) -> None:
    """Another generation is another block."""
    store.put_many({ref(1): b"here"})
    with pytest.raises(BlockMissing, match=r"block 1\.1 of lineage 6c6c6c6c is not stored"):
        store.get(ref(1, 1))


def test_putting_the_same_again_is_no_error(store: BlockStore) -> None:
    """A call that was repeated stores what it stored before."""
    store.put_many(BLOCKS)
    store.put_many(BLOCKS)
    assert list(store.refs()) == list(BLOCKS)


def test_other_bytes_under_a_stored_reference_are_refused(store: BlockStore) -> None:
    """They would use a key and nonce twice; nothing of the batch is stored."""
    store.put_many({ref(1): b"first"})
    with pytest.raises(BlockConflict):
        store.put_many({ref(2): b"new", ref(1): b"second"})
    assert store.get(ref(1)) == b"first"
    assert list(store.refs()) == [ref(1)]


def test_a_deleted_block_is_missing_and_may_be_deleted_again(store: BlockStore) -> None:
    """So that an interrupted collection can be repeated."""
    store.put_many(BLOCKS)
    store.delete([ref(3), ref(3), ref(999)])
    store.delete([ref(3)])
    with pytest.raises(BlockMissing):
        store.get(ref(3))
    assert set(store.refs()) == BLOCKS.keys() - {ref(3)}
    store.put_many({ref(3): b"again"})
    assert store.get(ref(3)) == b"again"


def test_listing_is_of_one_moment(store: BlockStore) -> None:
    """Collection deletes while it lists."""
    store.put_many(BLOCKS)
    for block in store.refs():
        store.delete([block])
    assert list(store.refs()) == []


def test_a_fork_reads_through_to_its_parent_and_a_conflict_there_counts() -> None:
    """What it inherits it neither lists, nor deletes, nor contradicts."""
    parent = MemoryBlocks()
    parent.put_many({ref(1): b"parent's"})
    fork = MemoryBlocks(parent)
    fork.delete([ref(1)])
    assert (fork.get(ref(1)), list(fork.refs())) == (b"parent's", [])
    with pytest.raises(BlockConflict):
        fork.put_many({ref(1): b"other"})
    fork.close()
    assert parent.get(ref(1)) == b"parent's"
