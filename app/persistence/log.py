"""The log of a stored world: rows that are only ever added, and a reader of the first `length` of them.

A reader is a value, as a world is: entries that are committed later, by this process or another, do not appear in it.
Entries are found by what they concern without reading the others: an outermost call and all that it set off share its
request id as their `root`, and `log_names` tells which roots concern a resource.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from app.kernel.log import CallEntry, DecisionEntry, Entry, EventEntry, NoticeEntry, concerns
from app.persistence.database import Database

CHUNK_ENTRIES = 200  # read at a time by those who may stop early
TOKEN_SIZE_MAX = 256  # characters; longer names, which a caller may make up, are kept as their hash
_END = 2**63 - 1

_decode = msgspec.json.Decoder(Entry).decode  # type: ignore[arg-type]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class SqlLog:
    """A `LogReader`. `world` is the number of the world whose log it reads."""

    database: Database
    world: int
    length: int = 0

    def __len__(self) -> int:
        return self.length

    def events(self, account: str, region: str, since_ms: int = 0) -> Iterator[EventEntry]:
        for entry in self._backwards("events", of_account=account, of_region=region):
            if entry.at_ms < since_ms:
                return
            yield entry

    def notices(self, account: str, region: str) -> Iterator[NoticeEntry]:
        return self._backwards("notices", of_account=account, of_region=region)

    def refusals(self) -> Iterator[CallEntry]:
        return self._backwards("refusals")

    def about(self, token: str) -> list[Entry]:
        rows = self.database.rows(
            "about_token",
            of_world=self.world,
            length=self.length,
            token=_searchable(token),
            request_id=_searchable(token),
        )
        return [_decode(body) for _, body in rows]

    def entries(self, after: int = 0) -> Iterator[tuple[int, Entry]]:
        above = max(after, 0)
        while rows := self._chunk("entries", above=above):
            for above, body in rows:
                yield above, _decode(body)

    def _backwards(self, statement: str, **given: Any) -> Iterator[Any]:
        below = _END
        while rows := self._chunk(statement, below=below, **given):
            yield from (_decode(body) for _, body in rows)
            below = rows[-1][0]

    def _chunk(self, statement: str, **given: Any) -> list[tuple[Any, ...]]:
        return self.database.rows(statement, of_world=self.world, length=self.length, chunk=CHUNK_ENTRIES, **given)

    # Writing, inside the transaction of a commit

    def append(self, entries: Iterable[Entry]) -> SqlLog:
        """Add entries behind the last one, which `length` counts; the reader of all of them."""
        numbered = list(enumerate(entries, self.length + 1))
        self.database.run_many("insert_entry", [_row(self.world, seq, entry) for seq, entry in numbered])
        self.database.run_many("insert_name", _names(self.world, numbered))
        return replace(self, length=self.length + len(numbered))

    def copy_to(self, world: int) -> SqlLog:
        """The same entries as the log of another world."""
        for statement in ("copy_log", "copy_names"):
            self.database.run(statement, new_world=world, of_world=self.world, length=self.length)
        return replace(self, world=world)


def _row(world: int, seq: int, entry: Entry) -> dict[str, Any]:
    kind, name, code = _described(entry)
    return {
        "world": world,
        "seq": seq,
        "kind": kind,
        "at_ms": entry.at_ms,
        "account": entry.account,
        "region": entry.region,
        "name": name,
        "code": code,
        "root": entry.root,
        "body": _encode(entry).decode(),
    }


def _described(entry: Entry) -> tuple[str, str, str]:
    """Kind, name and error code."""
    if isinstance(entry, CallEntry):
        return "call", entry.operation, entry.code
    if isinstance(entry, DecisionEntry):
        return "decision", entry.action, ""
    return ("notice" if isinstance(entry, NoticeEntry) else "event"), entry.name, ""


def _names(world: int, numbered: Iterable[tuple[int, Entry]]) -> list[dict[str, Any]]:
    """Each pair of a name and a root once, with the first entry that has it."""
    first: dict[tuple[str, str], int] = {}
    for seq, entry in numbered:
        for token in concerns(entry):
            if token != entry.root:
                first.setdefault((_searchable(token), entry.root), seq)
    return [{"world": world, "token": token, "root": root, "seq": seq} for (token, root), seq in first.items()]


def _searchable(token: str) -> str:
    """A form that every database can keep in an index: short, and without NUL."""
    if len(token) <= TOKEN_SIZE_MAX and "\0" not in token:
        return token
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()
