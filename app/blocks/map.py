"""Block maps: which block a volume or snapshot has at which index.

A map is two levels deep: a list of page ids, and pages of up to 256 references (128 MiB of volume). A page is named by
the hash of its bytes and holds nothing but its references in order, so equal contents have equal ids: maps share the
pages in which they agree, a comparison skips them, and a stored page that was changed no longer has its name. Copying a
map is copying a reference; a write makes new pages only where it writes; what was never written is nowhere.

Laws (tests/blocks/test_map.py): the last write is what is read; two maps are equal if and only if their difference is
empty; writing a difference onto the first map gives the second; untouched pages keep their ids.
INVARIANT: a reference stands at its own index. So a map can not be made to read one block in another's place.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import msgspec

from app.blocks.ref import INDEX_MAX, REF_SIZE_BYTES, BlockRef

PAGE_MAGIC = b"rsP\x01"
PAGE_REFS_MAX = 256
_INDEX_AT = 36  # of the index within an encoded reference

Changes = Mapping[int, BlockRef | None]  # index -> what stands there afterwards; None: nothing
Difference = tuple[int, BlockRef | None, BlockRef | None]  # index, in the first map, in the second


class PageDamaged(Exception):
    """A stored page whose bytes are not those that its id names."""


class Page(msgspec.Struct, frozen=True):
    """Up to 256 references in index order, as the bytes that are stored: magic "rsP" 1, then 48 bytes each."""

    packed: bytes = PAGE_MAGIC

    @property
    def id(self) -> str:
        """64 hex digits: SHA-256 of the bytes."""
        return hashlib.sha256(self.packed).hexdigest()

    @classmethod
    def load(cls, page_id: str, packed: bytes) -> Page:
        """A page from a store. PageDamaged unless the bytes are those that the id names."""
        page = cls(packed)
        if page.id != page_id or packed[: len(PAGE_MAGIC)] != PAGE_MAGIC:
            raise PageDamaged(f"page {page_id} is damaged")
        return page

    def __len__(self) -> int:
        return (len(self.packed) - len(PAGE_MAGIC)) // REF_SIZE_BYTES

    def get(self, index: int) -> BlockRef | None:
        slot = self._slot(index)
        return self._ref(slot) if self._stands_at(slot, index) else None

    def refs(self, start: int = 0) -> Iterator[BlockRef]:
        """References in index order, from index `start` on."""
        return map(self._ref, range(self._slot(start), len(self)))

    def changed(self, changes: Changes) -> Page:
        """The page with the changes spliced in. ValueError where a reference would not stand at its own index."""
        pieces, copied = list[bytes](), 0
        for index in sorted(changes):
            slot, entry = self._slot(index), _encoded(index, changes[index])
            pieces += self.packed[copied : _start(slot)], entry
            copied = _start(slot + self._stands_at(slot, index))
        return Page(b"".join((*pieces, self.packed[copied:])))

    def entries(self) -> dict[int, bytes]:
        """Index -> encoded reference: enough to compare pages."""
        return {self._index(slot): self._entry(slot) for slot in range(len(self))}

    def _entry(self, slot: int) -> bytes:
        return self.packed[_start(slot) : _start(slot + 1)]

    def _ref(self, slot: int) -> BlockRef:
        return BlockRef.decode(self._entry(slot))

    def _index(self, slot: int) -> int:
        at = _start(slot) + _INDEX_AT
        return int.from_bytes(self.packed[at : at + 6], "big")

    def _slot(self, index: int) -> int:
        """Of the first reference at `index` or behind it."""
        return bisect_left(range(len(self)), index, key=self._index)

    def _stands_at(self, slot: int, index: int) -> bool:
        return slot < len(self) and self._index(slot) == index


def _start(slot: int) -> int:
    return len(PAGE_MAGIC) + slot * REF_SIZE_BYTES


def _encoded(index: int, ref: BlockRef | None) -> bytes:
    if ref is not None and ref.index != index:
        raise ValueError(f"the reference of block {ref.index} can not stand at index {index}")
    return ref.encode() if ref else b""


EMPTY_PAGE = Page()
PageReader = Callable[[str], Page]  # page id -> page; reading what is immutable and named is not I/O in our sense


class BlockMap(msgspec.Struct, frozen=True):
    """A value: a field of a record, compared and stored as such. `count` is how many blocks it has."""

    pages: tuple[tuple[int, str], ...] = ()  # (page number, page id), in order of the number; no empty pages
    count: int = 0

    def page_ids(self) -> tuple[str, ...]:
        return tuple(page_id for _, page_id in self.pages)

    def position(self, number: int) -> int:
        """Where the page of this number stands in `pages`, or would stand."""
        return bisect_left(self.pages, number, key=_number)

    def page_id(self, number: int) -> str | None:
        at = self.position(number)
        return self.pages[at][1] if at < len(self.pages) and self.pages[at][0] == number else None


EMPTY_MAP = BlockMap()


def _number(page: tuple[int, str]) -> int:
    return page[0]


def get(blocks: BlockMap, reader: PageReader, index: int) -> BlockRef | None:
    """What stands at an index; None where nothing was written."""
    page_id = blocks.page_id(index // PAGE_REFS_MAX)
    return reader(page_id).get(index) if page_id else None


def items(blocks: BlockMap, reader: PageReader, start: int = 0) -> Iterator[tuple[int, BlockRef]]:
    """(index, reference) in index order, from `start` on; reads only the pages it comes to."""
    for _, page_id in blocks.pages[blocks.position(start // PAGE_REFS_MAX) :]:
        for ref in reader(page_id).refs(start):
            yield ref.index, ref


def write(blocks: BlockMap, reader: PageReader, changes: Changes) -> tuple[BlockMap, dict[str, Page]]:
    """The map after the changes, and the pages that the old one did not have, by id, to be stored with it.

    ValueError for an index outside of a 64 TiB volume, or a reference that is not that of its index. Cost: the pages
    written to, plus one copy of the list of page ids.
    """
    pages, count, fresh = list(blocks.pages), blocks.count, dict[str, Page]()
    for number, group in _by_page(changes).items():
        old_id = blocks.page_id(number)
        old = _page(reader, old_id)
        new = old.changed(group)
        new_id = new.id if len(new) else None
        count += len(new) - len(old)
        at = bisect_left(pages, number, key=_number)
        pages[at : at + bool(old_id)] = [(number, new_id)] if new_id else []
        if new_id and new_id != old_id:
            fresh[new_id] = new
    return BlockMap(tuple(pages), count), fresh


def _by_page(changes: Changes) -> dict[int, dict[int, BlockRef | None]]:
    groups: defaultdict[int, dict[int, BlockRef | None]] = defaultdict(dict)
    for index, ref in changes.items():
        if not 0 <= index <= INDEX_MAX:
            raise ValueError(f"index {index} is outside of a volume, which ends at {INDEX_MAX}")
        groups[index // PAGE_REFS_MAX][index] = ref
    return groups


def diff(first: BlockMap, second: BlockMap, reader: PageReader) -> Iterator[Difference]:
    """What differs, in index order: (index, reference in the first, reference in the second).

    Differs by write, not by content, as ListChangedBlocks does (ebs.md [D]). Pages that both share are not read.
    """
    mine, theirs = dict(first.pages), dict(second.pages)
    for number in sorted({number for number, _ in set(first.pages) ^ set(second.pages)}):
        yield from _page_diff(_page(reader, mine.get(number)), _page(reader, theirs.get(number)))


def _page(reader: PageReader, page_id: str | None) -> Page:
    return reader(page_id) if page_id else EMPTY_PAGE


def _page_diff(first: Page, second: Page) -> Iterator[Difference]:
    for index in sorted({index for index, _ in first.entries().items() ^ second.entries().items()}):
        yield index, first.get(index), second.get(index)
