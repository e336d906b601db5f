"""The layout of a segment file: a head, then entries one after the other (docs/formats.md).

    head    magic "rsSEG" 0 0 1 (8) | segment number (8)
    entry   magic "rsE" 1 (4) | kind (1) | zero (3) | reference (48) | length (4) | CRC of the sealed bytes (4)
            | CRC of all that (4), then `length` sealed bytes

CRCs (CRC-32 as in zlib) find accidents and say where; that nothing was forged is shown by opening the block. The head
of an entry has its own CRC, so a scan steps from head to head, reads no sealed bytes, and finds its way again behind a
damaged place.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap

from app.blocks.ref import BlockRef

SEGMENT_MAGIC = b"rsSEG\0\0\x01"
ENTRY_MAGIC = b"rsE\x01"
_HEAD = struct.Struct(">8sQ")
_ENTRY = struct.Struct(">4sB3x48sII")
_CRC = struct.Struct(">I")
SEGMENT_HEAD_SIZE_BYTES = _HEAD.size
ENTRY_HEAD_SIZE_BYTES = _ENTRY.size + _CRC.size


class Kind(IntEnum):
    BLOCK = 1
    TOMBSTONE = 2  # the block of this reference, written earlier, was deleted


@dataclass(frozen=True, slots=True)
class Entry:
    """The head of one entry. `offset` is where the entry begins, in bytes within its segment."""

    kind: Kind
    ref: BlockRef
    offset: int
    length: int  # of the sealed bytes
    crc: int

    @property
    def payload_at(self) -> int:
        return self.offset + ENTRY_HEAD_SIZE_BYTES

    @property
    def end(self) -> int:
        return self.payload_at + self.length

    @property
    def size(self) -> int:
        return ENTRY_HEAD_SIZE_BYTES + self.length

    def holds(self, payload: bytes) -> bool:
        return len(payload) == self.length and zlib.crc32(payload) == self.crc


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes in which no entry can be read: a torn tail, or damage."""

    offset: int
    end: int


def segment_head(number: int) -> bytes:
    return _HEAD.pack(SEGMENT_MAGIC, number)


def entry_for(kind: Kind, ref: BlockRef, payload: bytes, offset: int) -> Entry:
    return Entry(kind, ref, offset, len(payload), zlib.crc32(payload))


def encode_head(entry: Entry) -> bytes:
    head = _ENTRY.pack(ENTRY_MAGIC, entry.kind, entry.ref.encode(), entry.length, entry.crc)
    return head + _CRC.pack(zlib.crc32(head))


def scan(data: bytes | mmap, number: int) -> Iterator[Entry | Gap]:
    """All entries of a segment in order, and the gaps between them. Together they cover the whole file."""
    at = SEGMENT_HEAD_SIZE_BYTES
    if data[:at] != segment_head(number):
        at = _next_entry(data, 0)
        yield Gap(0, at)
    while at < len(data):
        entry = _entry_at(data, at)
        found: Entry | Gap = entry or Gap(at, _next_entry(data, at + 1))
        yield found
        at = found.end


def _entry_at(data: bytes | mmap, at: int) -> Entry | None:
    """None unless a whole and undamaged head, and all of its sealed bytes, stand here."""
    head = data[at : at + ENTRY_HEAD_SIZE_BYTES]
    if len(head) < ENTRY_HEAD_SIZE_BYTES or zlib.crc32(head[:-4]) != _CRC.unpack(head[-4:])[0]:
        return None
    magic, kind, ref, length, crc = _ENTRY.unpack(head[:-4])
    if magic != ENTRY_MAGIC or at + ENTRY_HEAD_SIZE_BYTES + length > len(data):
        return None
    try:
        return Entry(Kind(kind), BlockRef.decode(ref), at, length, crc)
    except ValueError:
        return None


def _next_entry(data: bytes | mmap, at: int) -> int:
    """Where the next readable entry begins; the end of the file where there is none."""
    while (at := data.find(ENTRY_MAGIC, at)) >= 0:
        if _entry_at(data, at):
            return at
        at += 1
    return len(data)
