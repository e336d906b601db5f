"""Segment files: crashes, failing disks, damage, compaction."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.blocks.disk import Disk
from app.blocks.entry import ENTRY_HEAD_SIZE_BYTES, SEGMENT_HEAD_SIZE_BYTES
from app.blocks.ref import BlockRef
from app.blocks.segments import SegmentBlocks
from app.blocks.store import BlockConflict, BlockDamaged, BlockMissing, BlockStoreError, StoreUnavailable


def ref(index: int, generation: int = 0) -> BlockRef:
    return BlockRef(1, b"b" * 16, b"l" * 16, index, generation)


def block(index: int, size: int = 50) -> bytes:
    return random.Random(index).randbytes(size)


def batch(*indexes: int) -> dict[BlockRef, bytes]:
    return {ref(index): block(index) for index in indexes}


def contents(store: SegmentBlocks) -> dict[BlockRef, bytes]:
    return {name: store.get(name) for name in store.refs()}


def reopened(folder: Path, size: int = 2**20) -> dict[BlockRef, bytes]:
    store = SegmentBlocks(folder, size)
    try:
        return contents(store)
    finally:
        store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blocks"


def last_segment(folder: Path) -> Path:
    return max(folder.glob("*.seg"))


@pytest.mark.parametrize("size", [1, 200, 500, 2**20])
def test_what_was_acknowledged_is_there_after_a_restart(folder: Path, size: int) -> None:
    """With one block a segment and with all in one; a restart goes on in the same segment."""
    for indexes in ((1, 2, 3), (4,), (5, 6)):
        store = SegmentBlocks(folder, size)
        store.put_many(batch(*indexes))
        store.delete([ref(indexes[0])])
        store.close()
    assert reopened(folder, size) == batch(2, 3, 6)
    assert (len(list(folder.glob("*.seg"))) > 1) == (size < 2**20)


def test_a_crash_at_any_byte_of_a_batch_loses_nothing_that_was_acknowledged(folder: Path) -> None:
    """The file is cut at every length between the first batch and the second: whole blocks or none, and it goes on."""
    store = SegmentBlocks(folder)
    store.put_many(batch(1, 2))
    acknowledged = last_segment(folder).stat().st_size
    store.put_many(batch(3, 4))
    store.close()
    whole = last_segment(folder).read_bytes()
    entry = ENTRY_HEAD_SIZE_BYTES + 50
    for length in range(acknowledged, len(whole) + 1):
        last_segment(folder).write_bytes(whole[:length])
        store = SegmentBlocks(folder)
        survivors = (length - acknowledged) // entry
        assert contents(store) == batch(*range(1, 3 + survivors))
        assert store.cut == (length - acknowledged) % entry
        store.put_many(batch(3, 4, 5))
        store.close()
        assert reopened(folder) == batch(1, 2, 3, 4, 5)


@pytest.mark.parametrize("length", [0, 1, SEGMENT_HEAD_SIZE_BYTES - 1, SEGMENT_HEAD_SIZE_BYTES])
def test_a_crash_while_a_segment_is_begun_is_no_damage(folder: Path, length: int) -> None:
    """The head is written anew."""
    store = SegmentBlocks(folder, 100)
    store.put_many(batch(1))
    store.put_many(batch(2))
    store.close()
    last_segment(folder).write_bytes(last_segment(folder).read_bytes()[:length])
    store = SegmentBlocks(folder, 100)
    assert (contents(store), store.damage) == (batch(1), [])
    store.put_many(batch(2))
    store.close()
    assert reopened(folder) == batch(1, 2)


def test_a_torn_tail_of_zeros_or_rubbish_is_cut(folder: Path) -> None:
    """A power loss may leave the length of a write without its bytes."""
    for rubbish in (bytes(5000), b"rsE\x01" * 300, block(9, 700)):
        store = SegmentBlocks(folder)
        store.put_many(batch(1, 2))
        store.close()
        with last_segment(folder).open("ab") as file:
            file.write(rubbish)
        store = SegmentBlocks(folder)
        assert (contents(store), store.cut, store.damage) == (batch(1, 2), len(rubbish), [])
        store.close()


class FailingDisk(Disk):
    """Fails the k-th of the operations that change the disk, once; a failing append leaves half of its bytes."""

    def __init__(self, k: int, code: int) -> None:
        self.left, self.code = k, code

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(self.code, "injected")

    def create(self, path: Path) -> int:
        self._count()
        return super().create(path)

    def append(self, file: int, data: bytes) -> None:
        try:
            self._count()
        except OSError:
            super().append(file, data[: len(data) // 2])
            raise
        super().append(file, data)

    def sync(self, file: int) -> None:
        self._count()
        super().sync(file)

    def sync_folder(self, folder: Path) -> None:
        self._count()
        super().sync_folder(folder)

    def cut(self, path: Path, length: int) -> None:
        self._count()
        super().cut(path, length)

    def remove(self, path: Path) -> None:
        self._count()
        super().remove(path)


def attempt(action: Callable[..., object], *arguments: object) -> bool:
    try:
        action(*arguments)
    except BlockStoreError:
        return False
    return True


@pytest.mark.parametrize("size", [150, 2**20])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_an_io_error_at_any_operation_leaves_the_store_as_it_was_and_usable(
    tmp_path: Path, size: int, code: int
) -> None:
    """For every k: the k-th operation fails once; each call is done or not done, and a restart sees the same."""
    for k in range(1, 80):
        folder = tmp_path / str(k)
        disk = FailingDisk(k, code)
        store = SegmentBlocks(folder, size, disk)
        expected: dict[BlockRef, bytes] = {}
        for step in (batch(1, 2), batch(3, 4, 5), batch(6)):
            if attempt(store.put_many, step):
                expected |= step
            assert contents(store) == expected
        if attempt(store.delete, [ref(1), ref(4)]):
            expected = {name: sealed for name, sealed in expected.items() if name not in (ref(1), ref(4))}
        attempt(store.compact)
        assert contents(store) == expected
        again = batch(1, 2, 7)
        assert attempt(store.put_many, again) or attempt(store.put_many, again)  # the error was once: without a restart
        store.close()
        after = reopened(folder, size)
        assert {name: after.get(name) for name in (*expected, *again)} == expected | again
        assert all(sealed == block(name.index) for name, sealed in after.items())
        if disk.left > 0:
            return
    pytest.fail("the script has more operations than were failed")


def test_a_flipped_bit_is_an_error_that_names_segment_and_offset(folder: Path) -> None:
    """Every byte of a segment: a damaged block is missing or refused, all others are read (R20)."""
    store = SegmentBlocks(folder, 10)
    for index in (1, 2, 3):
        store.put_many(batch(index))
    store.close()
    segment = folder / "00000002.seg"
    whole = segment.read_bytes()
    for at in range(len(whole)):
        segment.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        store = SegmentBlocks(folder, 10)
        assert (store.get(ref(1)), store.get(ref(3))) == (block(1), block(3))
        assert [(found.segment, found.offset) for found in store.verify()] == [
            ("00000002.seg", 0 if at < SEGMENT_HEAD_SIZE_BYTES else SEGMENT_HEAD_SIZE_BYTES)
        ]
        if at >= SEGMENT_HEAD_SIZE_BYTES:
            with pytest.raises((BlockMissing, BlockDamaged)) as failure:
                store.get(ref(2))
            if isinstance(failure.value, BlockDamaged):
                assert "block 2.0 of lineage 6c6c6c6c is damaged in segment 00000002.seg at offset 16" in str(
                    failure.value
                )
        store.close()


def test_damage_in_the_middle_costs_only_the_block_it_hits(folder: Path) -> None:
    """A scan finds its way again behind a damaged head; what follows is not cut off."""
    store = SegmentBlocks(folder)
    store.put_many(batch(1, 2, 3))
    store.close()
    at = SEGMENT_HEAD_SIZE_BYTES + ENTRY_HEAD_SIZE_BYTES + 50
    damaged = bytearray(last_segment(folder).read_bytes())
    damaged[at + 20] ^= 1
    last_segment(folder).write_bytes(damaged)
    store = SegmentBlocks(folder)
    assert contents(store) == batch(1, 3)
    assert (store.cut, [(found.offset, found.end) for found in store.damage]) == (
        0,
        [(at, at + ENTRY_HEAD_SIZE_BYTES + 50)],
    )
    store.put_many(batch(2))
    store.close()
    assert reopened(folder) == batch(1, 2, 3)


def test_a_damaged_block_may_be_stored_again(folder: Path) -> None:
    """A copy that runs again heals it; a whole one can still not be contradicted."""
    store = SegmentBlocks(folder)
    store.put_many(batch(1))
    damaged = bytearray(last_segment(folder).read_bytes())
    damaged[-1] ^= 1
    last_segment(folder).write_bytes(damaged)
    with pytest.raises(BlockDamaged):
        store.get(ref(1))
    store.put_many(batch(1))
    assert store.get(ref(1)) == block(1)
    with pytest.raises(BlockConflict):
        store.put_many({ref(1): b"other"})
    store.close()


@pytest.mark.parametrize("size", [1, 300, 2**20])
def test_compacting_gives_back_what_was_deleted_and_nothing_else(folder: Path, size: int) -> None:
    """Repeatedly: deleted blocks stay deleted over restarts, and a second pass finds nothing to do."""
    store = SegmentBlocks(folder, size)
    store.put_many(batch(*range(30)))
    for gone in (range(0, 10), range(5, 25)):
        store.delete([ref(index) for index in gone])
        before = sum(path.stat().st_size for path in folder.glob("*.seg"))
        assert store.compact() > 0
        assert sum(path.stat().st_size for path in folder.glob("*.seg")) < before
        assert store.compact() == 0
    assert contents(store) == batch(*range(25, 30))
    store.put_many(batch(40))
    store.close()
    assert reopened(folder, size) == batch(*range(25, 30), 40)


class StoppingDisk(Disk):
    """The process dies at the k-th removal or synchronisation: nothing happens after it."""

    def __init__(self) -> None:
        self.left = -1

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_compacting_may_be_killed_anywhere(tmp_path: Path) -> None:
    """Whatever segments were removed by then: every live block has a whole copy, and no deleted one comes back."""
    for k in range(1, 100):
        disk = StoppingDisk()
        store = SegmentBlocks(tmp_path / str(k), 150, disk)
        store.put_many(batch(*range(12)))
        store.delete([ref(index) for index in range(0, 12, 2)])
        disk.left = k
        try:
            store.compact()
        except KeyboardInterrupt:
            disk._step = lambda: None  # type: ignore[method-assign]
        finished = disk.left > 0
        store.close()
        assert reopened(tmp_path / str(k)) == batch(*range(1, 12, 2))
        if finished:
            return
    pytest.fail("compacting took more steps than were killed")


def test_a_damaged_segment_is_not_compacted_away(folder: Path) -> None:
    """What is left of it stays where it is."""
    store = SegmentBlocks(folder)
    store.put_many(batch(1, 2))
    store.delete([ref(1)])
    damaged = bytearray(last_segment(folder).read_bytes())
    damaged[SEGMENT_HEAD_SIZE_BYTES + 2 * ENTRY_HEAD_SIZE_BYTES + 60] ^= 1
    last_segment(folder).write_bytes(damaged)
    assert store.compact() == 0
    assert [found.ref for found in store.verify()] == [ref(2)]
    store.close()


def test_a_folder_belongs_to_one_process_at_a_time(folder: Path) -> None:
    """A second one would cut off what the first is writing."""
    store = SegmentBlocks(folder)
    with pytest.raises(StoreUnavailable, match="in use"):
        SegmentBlocks(folder)
    store.close()
    SegmentBlocks(folder).close()


def test_a_closed_store_refuses_all_use(folder: Path) -> None:
    """It has given its lock away; closing it again is no error."""
    store = SegmentBlocks(folder)
    store.put_many(batch(1))
    store.close()
    store.close()
    for use in (
        lambda: store.get(ref(1)),
        lambda: store.put_many(batch(2)),
        lambda: store.delete([ref(1)]),
        store.compact,
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            use()


def test_several_threads_may_use_one_store(folder: Path) -> None:
    """Writers, readers and a compaction at once: every block stored is read back as it was."""
    store = SegmentBlocks(folder, 2000)

    def work(worker: int) -> list[bool]:
        found = []
        for step in range(20):
            index = worker * 100 + step
            store.put_many(batch(index))
            if step % 2:
                store.delete([ref(index - 1)])
            if step % 7 == worker:
                store.compact()
            found.append(store.get(ref(index)) == block(index))
        return found

    with ThreadPoolExecutor(4) as workers:
        assert all(all(found) for found in workers.map(work, range(4)))
    kept = batch(*(worker * 100 + step for worker in range(4) for step in range(1, 20, 2)))
    assert contents(store) == kept
    store.close()
    assert reopened(folder, 2000) == kept


def test_files_are_readable_by_their_owner_only(folder: Path) -> None:
    """Sealed or not."""
    store = SegmentBlocks(folder)
    store.put_many(batch(1))
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}
    store.close()
