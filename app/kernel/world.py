"""A world: one isolated simulated cloud, as a value.

A world is its records, its clock and the secret that its ids and tokens are made with. Changing it means making
another; keeping the old one costs nothing, so a fork is one reference. `blocks` and `log` are readers of what is only
ever added to: reading an immutable, named block is not I/O in our sense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.blocks.ref import BlockRef
from app.blocks.store import BlockMissing
from app.crypto.material import Secret
from app.kernel import ids
from app.kernel.clock import Clock
from app.kernel.log import LogReader, MemoryLog
from app.kernel.records import Records

if TYPE_CHECKING:
    from app.kernel.records import Record

BlockReader = Callable[[BlockRef], bytes]


def no_blocks(ref: BlockRef) -> bytes:
    raise BlockMissing(ref)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a world takes as given; set when it is made."""

    open_accounts: bool = True  # every 12-digit account exists
    quotas: bool = False  # rate and quota errors are on
    default_account: str = "000000000000"


@dataclass(frozen=True, slots=True)
class World:
    name: str
    secret: Secret  # 32 bytes: ids, tokens and the seal of unencrypted volumes derive from it
    branch: bytes  # 16 bytes drawn anew whenever the world is created, forked or loaded; never shown
    clock: Clock = field(default_factory=Clock)
    rules: Rules = field(default_factory=Rules)
    seeded: bool = False  # the secret follows from a seed that somebody chose, and so does every key
    records: Records = field(default_factory=Records)
    revision: int = 0  # of the records: a call that changes none leaves it
    position: int = 0  # calls and jobs performed so far
    blocks: BlockReader = no_blocks
    log: LogReader = field(default_factory=MemoryLog)

    def __eq__(self, other: object) -> bool:
        """Equal state: log, times and readers are left out, so that states may be merged."""
        return isinstance(other, World) and self.records == other.records

    __hash__ = None  # type: ignore[assignment]

    def digest(self, *parts: str | int) -> bytes:
        return ids.digest(self.secret.reveal(), *parts)

    def with_records(self, records: Records) -> World:
        return replace(self, records=records)

    def put(self, record: Record) -> World:
        return replace(self, records=self.records.put(record))
