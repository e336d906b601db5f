"""What may be thrown away: nothing that a root reaches or that a call in flight has stored."""

from __future__ import annotations

from app.blocks.collect import Reach, live, removable
from app.blocks.map import EMPTY_MAP, BlockMap, Page, write
from app.blocks.ref import BlockRef
from app.blocks.store import MemoryBlocks


def ref(index: int, generation: int = 0) -> BlockRef:
    return BlockRef(1, b"b" * 16, b"l" * 16, index, generation)


def test_only_what_no_root_reaches_is_removable() -> None:
    """A volume, its snapshot from before a write, and a second write that no record kept."""
    pages: dict[str, Page] = {}

    def write_one(onto: BlockMap, block: BlockRef) -> BlockMap:
        blocks, fresh = write(onto, pages.__getitem__, {block.index: block})
        pages.update(fresh)
        return blocks

    snapshot = write_one(EMPTY_MAP, ref(1))
    volume = write_one(snapshot, ref(1, 1))
    lost = write_one(volume, ref(1, 2))
    reached = live([snapshot, volume, volume], pages.__getitem__)
    assert reached == Reach(frozenset({ref(1), ref(1, 1)}), frozenset(snapshot.page_ids() + volume.page_ids()))
    garbage = removable([ref(1), ref(1, 1), ref(1, 2)], pages, reached)
    assert garbage == Reach(frozenset({ref(1, 2)}), frozenset(lost.page_ids()))


def test_what_a_call_in_flight_has_stored_is_kept() -> None:
    """It is stored before the commit that names it."""
    in_flight = Reach(frozenset({ref(5)}), frozenset({"page"}))
    nothing = Reach(frozenset(), frozenset())
    assert removable([ref(5), ref(6)], ["page", "old"], nothing, in_flight) == Reach(
        frozenset({ref(6)}), frozenset({"old"})
    )


def test_a_shared_page_is_read_once() -> None:
    """A thousand snapshots of one volume cost one reading of it."""
    blocks, pages = write(EMPTY_MAP, {}.__getitem__, {index: ref(index) for index in range(1000)})
    reads: list[str] = []

    def reader(page_id: str) -> Page:
        reads.append(page_id)
        return pages[page_id]

    assert len(live([blocks] * 1000, reader).refs) == 1000
    assert len(reads) == len(pages) == 4


def test_deleting_what_was_collected_leaves_what_is_live() -> None:
    """In a fork, the parent's blocks are neither listed nor touched."""
    parent, reached = MemoryBlocks(), Reach(frozenset({ref(1)}), frozenset())
    parent.put_many({ref(9): b"parent's"})
    fork = MemoryBlocks(parent)
    fork.put_many({ref(1): b"live", ref(2): b"dead"})
    fork.delete(removable(fork.refs(), (), reached).refs)
    assert list(fork.refs()) == [ref(1)]
    assert fork.get(ref(9)) == b"parent's"
