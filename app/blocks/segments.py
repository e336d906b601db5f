"""Blocks in append-only segment files, in one folder.

A batch is appended, then synced, then entered into the index, which is in memory: a crash before the sync leaves a torn
tail, which the next opening cuts off; a crash after it leaves entries, which the next opening finds by scanning. So the
files are the only truth, and one sync is enough (docs/decisions/0003). Deleting appends tombstones; `compact` copies
what lives out of segments that hold anything dead, and then removes these, oldest first: a tombstone is never gone
before the block that it buries.

Damage costs only the blocks it hits: a scan goes on behind it, `damage` lists it, reading names segment and offset.
INVARIANT: only the last segment is appended to, and only by the process that holds the folder's lock.
"""

from __future__ import annotations

import mmap
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.blocks.disk import Disk
from app.blocks.entry import SEGMENT_HEAD_SIZE_BYTES, Entry, Gap, Kind, encode_head, entry_for, scan, segment_head
from app.blocks.ref import BlockRef
from app.blocks.store import BlockConflict, BlockDamaged, BlockMissing, StoreUnavailable, name_of

SEGMENT_SIZE_BYTES = 64 * 2**20
COMPACT_BATCH_BLOCKS = 16  # 8 MiB in memory at a time


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are not what was written; `ref` where the reference could still be read."""

    segment: str
    offset: int
    end: int
    ref: BlockRef | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    segment: int
    entry: Entry


@dataclass(slots=True)
class Tail:
    """The segment that is appended to."""

    segment: int
    file: int
    size: int


class SegmentBlocks:
    """A `BlockStore` on disk. Safe to use from several threads; StoreUnavailable where another process has the folder.

    After opening, `cut` tells how many bytes of a torn tail were dropped, and `damage` where entries are unreadable.
    """

    def __init__(self, folder: Path, segment_size_bytes: int = SEGMENT_SIZE_BYTES, disk: Disk | None = None) -> None:
        self._folder, self._limit, self._disk = folder, segment_size_bytes, disk or Disk()
        self._index: dict[BlockRef, Spot] = {}
        self._mutex = threading.RLock()
        self._tail: Tail | None = None
        self._closed = False
        self.cut = 0
        self.damage: list[Damage] = []
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = self._take_lock()
        try:
            self._numbers = sorted(int(path.stem) for path in folder.glob("*.seg"))
            self._number_max = max(self._numbers, default=0)
            self._recover()
        except OSError as error:
            self._disk.close(self._lock)
            raise StoreUnavailable(f"the block store does not open: {error.strerror}") from error

    def put_many(self, blocks: Mapping[BlockRef, bytes]) -> None:
        with self._mutex:
            self._append([(Kind.BLOCK, ref, sealed) for ref, sealed in blocks.items() if not self._holds(ref, sealed)])

    def get(self, ref: BlockRef) -> bytes:
        try:
            return self._read(self._spot(ref))
        except FileNotFoundError:  # compacted since; it has a new place
            with self._mutex:
                return self._read(self._spot(ref))
        except OSError as error:
            raise StoreUnavailable(f"block {name_of(ref)} can not be read: {error.strerror}") from error

    def delete(self, refs: Iterable[BlockRef]) -> None:
        with self._mutex:
            self._append([(Kind.TOMBSTONE, ref, b"") for ref in dict.fromkeys(refs) if ref in self._index])

    def refs(self) -> Iterator[BlockRef]:
        with self._mutex:
            return iter(tuple(self._index))

    def verify(self) -> Iterator[Damage]:
        """Every damaged place, found by reading every stored byte (about 2 GiB a second)."""
        yield from tuple(self.damage)
        for ref in self.refs():
            try:
                self.get(ref)
            except BlockDamaged as found:
                yield Damage(found.segment, found.offset, found.end, ref)
            except BlockMissing:
                continue  # deleted since

    def compact(self) -> int:
        """Give back what deleted blocks occupy; the number of bytes given back. Segments with damage stay as they are.

        Interrupted anywhere, every block still has one whole copy.
        """
        with self._mutex:
            self._check_open()
            try:
                wasteful = self._wasteful()
                if self._tail and self._tail.segment in wasteful:  # so that nothing is copied into what goes away
                    self._end_segment()
                return sum(self._compact_segment(number, refs) for number, refs in wasteful.items())
            except OSError as error:
                raise StoreUnavailable(f"compacting stopped: {error.strerror}") from error

    def close(self) -> None:
        """All that was acknowledged is on disk already. Closing twice is no error; using it after that is."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            self._end_segment()
            self._disk.close(self._lock)

    # Reading

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the block store is closed")

    def _spot(self, ref: BlockRef) -> Spot:
        self._check_open()
        try:
            return self._index[ref]
        except KeyError:
            raise BlockMissing(ref) from None

    def _read(self, spot: Spot) -> bytes:
        payload = self._disk.read(self._path(spot.segment), spot.entry.payload_at, spot.entry.length)
        if not spot.entry.holds(payload):
            raise BlockDamaged(spot.entry.ref, self._path(spot.segment).name, spot.entry.offset, spot.entry.end)
        return payload

    def _holds(self, ref: BlockRef, sealed: bytes) -> bool:
        """Whether these very bytes are stored already. Damaged ones are no obstacle to storing them again."""
        if ref not in self._index:
            return False
        try:
            stored = self.get(ref)
        except BlockDamaged:
            return False
        if stored != sealed:
            raise BlockConflict(ref)
        return True

    # Appending

    def _append(self, batch: list[tuple[Kind, BlockRef, bytes]]) -> None:
        """append -> sync -> index. StoreUnavailable: the index is as before, and the next call starts a new segment."""
        self._check_open()
        if not batch:
            return
        start = (self._tail.segment, self._tail.size) if self._tail else (self._number_max, None)
        try:
            spots = [self._write(*item) for item in batch]
            self._sync_tail()
        except OSError as error:
            self._abandon(*start)
            raise StoreUnavailable(f"blocks were not stored: {error.strerror}") from error
        for spot in spots:
            self._enter(spot)

    def _write(self, kind: Kind, ref: BlockRef, payload: bytes) -> Spot:
        if self._tail and self._tail.size >= self._limit:
            self._sync_tail()
            self._end_segment()
        tail = self._tail or self._new_segment()
        entry = entry_for(kind, ref, payload, tail.size)
        self._disk.append(tail.file, encode_head(entry))
        self._disk.append(tail.file, payload)
        tail.size = entry.end
        return Spot(tail.segment, entry)

    def _enter(self, spot: Spot) -> None:
        if spot.entry.kind is Kind.BLOCK:
            self._index[spot.entry.ref] = spot
        else:
            self._index.pop(spot.entry.ref, None)

    def _new_segment(self) -> Tail:
        self._number_max += 1
        tail = Tail(self._number_max, self._disk.create(self._path(self._number_max)), SEGMENT_HEAD_SIZE_BYTES)
        self._tail = tail
        self._numbers.append(tail.segment)
        self._disk.append(tail.file, segment_head(tail.segment))
        self._disk.sync_folder(self._folder)
        return tail

    def _sync_tail(self) -> None:
        if self._tail:
            self._disk.sync(self._tail.file)

    def _end_segment(self) -> None:
        tail, self._tail = self._tail, None
        if tail:
            self._disk.close(tail.file)

    def _abandon(self, segment: int, size: int | None) -> None:
        """After a failed write or sync nobody knows what the disk holds: back to `size` of `segment`, and start anew.

        What can not be undone stays behind as entries that nobody names, or as a gap: a scan steps over both.
        """
        with suppress(OSError):
            self._end_segment()
        for number in [number for number in self._numbers if number > segment]:
            with suppress(OSError):
                self._disk.remove(self._path(number))
                self._numbers.remove(number)
        if size is not None:
            with suppress(OSError):
                self._disk.cut(self._path(segment), size)

    # Opening

    def _take_lock(self) -> int:
        try:
            return self._disk.lock(self._folder / "lock")
        except OSError as error:
            raise StoreUnavailable(f"the block store is in use, or can not be locked: {error.strerror}") from error

    def _recover(self) -> None:
        for number in self._numbers:
            for found in self._scan(number):
                self._recover_one(number, found)
        if self._numbers:
            self._tail = self._resume(self._numbers[-1])
            self._sync_tail()  # what a killed process wrote may be read, and not yet be on the disk
        if self._tail and self._is_damaged(self._tail.segment):
            self._end_segment()

    def _recover_one(self, number: int, found: Entry | Gap) -> None:
        if isinstance(found, Entry):
            self._enter(Spot(number, found))
        elif number == self._numbers[-1] and self._is_torn(number, found):
            self._disk.cut(self._path(number), found.offset)
            self.cut += found.end - found.offset
        else:
            self.damage.append(Damage(self._path(number).name, found.offset, found.end))

    def _is_torn(self, number: int, gap: Gap) -> bool:
        """Nothing readable follows. A whole head that is not ours is no torn write: never cut that."""
        return gap.end == self._size(number) and (gap.offset > 0 or gap.end < SEGMENT_HEAD_SIZE_BYTES)

    def _scan(self, number: int) -> list[Entry | Gap]:
        if not self._size(number):
            return []
        with self._path(number).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return list(scan(data, number))

    def _resume(self, number: int) -> Tail:
        file, size = self._disk.reopen(self._path(number)), self._size(number)
        if not size:
            self._disk.append(file, segment_head(number))
        return Tail(number, file, size or SEGMENT_HEAD_SIZE_BYTES)

    def _is_damaged(self, number: int) -> bool:
        return any(found.segment == self._path(number).name for found in self.damage)

    # Compacting

    def _wasteful(self) -> dict[int, list[BlockRef]]:
        """Segments that hold more than what lives, oldest first, and what lives in each."""
        live: defaultdict[int, list[BlockRef]] = defaultdict(list)
        for ref, spot in self._index.items():
            live[spot.segment].append(ref)
        return {n: live[n] for n in self._numbers if not self._is_damaged(n) and self._waste(n, live[n]) > 0}

    def _waste(self, number: int, live: list[BlockRef]) -> int:
        return self._size(number) - SEGMENT_HEAD_SIZE_BYTES - sum(self._index[ref].entry.size for ref in live)

    def _compact_segment(self, number: int, live: list[BlockRef]) -> int:
        """Copy what lives, sync, and only then remove the segment. The number of bytes given back."""
        waste = self._waste(number, live)
        try:
            for at in range(0, len(live), COMPACT_BATCH_BLOCKS):
                self._append([(Kind.BLOCK, ref, self.get(ref)) for ref in live[at : at + COMPACT_BATCH_BLOCKS]])
        except BlockDamaged:
            return 0  # what is left of it stays where it is, and verify() tells
        self._disk.remove(self._path(number))
        self._numbers.remove(number)
        self._disk.sync_folder(self._folder)
        return waste

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.seg"

    def _size(self, number: int) -> int:
        return self._path(number).stat().st_size
