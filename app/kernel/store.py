"""Where worlds and the journals of runs are kept: the port that persistence implements, and the memory form of it.

One transaction a call. `commit` is a compare-and-set on the world's revision: it refuses when another process was
faster, and then nothing of it is kept. Blocks are stored before the commit that refers to them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from app.blocks.store import BlockMissing, BlockStore, MemoryBlocks
from app.kernel.log import Entry, MemoryLog
from app.kernel.records import Key, Record
from app.kernel.world import BlockReader, World, no_blocks

if TYPE_CHECKING:
    from app.blocks.ref import BlockRef


class Unavailable(Exception):
    """The store can not be used now (disk full, connection lost). Nothing was kept; a later call may succeed."""


class Conflict(Exception):
    """Another process changed the world first; load it again and repeat the call."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What one call or job changed."""

    before: World
    after: World
    touched: tuple[tuple[type[Record], Key], ...]
    log: tuple[Entry, ...]
    blocks: Mapping[BlockRef, bytes]


class Journal(Protocol):
    """Lines of runs, each a JSON object; they are only ever added."""

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        """Keep a line, durably; it is the next of this run."""
        ...

    def entries(self, run_id: str, after: int = 0) -> list[dict[str, Any]]:
        """The lines of a run, oldest first, without the first `after`."""
        ...

    def last(self, run_id: str) -> dict[str, Any] | None:
        """The newest line of a run; None for a run that has none."""
        ...

    def runs(self) -> list[str]:
        """The runs that have lines."""
        ...


class KeptJournal(Journal, Protocol):
    """The journal of a world's runs, as a store keeps it."""

    def begin(self, run_id: str, *entries: Mapping[str, Any]) -> None:
        """Keep the first lines of a run: all of them, or none."""
        ...

    def drop(self, run_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Head:
    """A run's journal without its middle: what it takes to tell of many."""

    run: str
    world: str
    count: int  # lines
    first: dict[str, Any]
    last: dict[str, Any]


class MemoryJournal:
    """Runs in the order in which they began; lines as text, so that nobody changes one."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        self.begin(run_id, entry)

    def begin(self, run_id: str, *entries: Mapping[str, Any]) -> None:
        self._lines.setdefault(run_id, []).extend([json.dumps(entry) for entry in entries])

    def entries(self, run_id: str, after: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._lines.get(run_id, [])[after:]]

    def last(self, run_id: str) -> dict[str, Any] | None:
        return next(iter(self.entries(run_id, len(self._lines.get(run_id, [])) - 1)), None)

    def runs(self) -> list[str]:
        return list(self._lines)

    def head(self, world: str, run_id: str) -> Head | None:
        lines = self._lines.get(run_id)
        return Head(run_id, world, len(lines), json.loads(lines[0]), json.loads(lines[-1])) if lines else None

    def drop(self, run_id: str) -> None:
        self._lines.pop(run_id, None)


class Store(Protocol):
    def names(self) -> list[str]:
        """The worlds that are kept."""
        ...

    def load(self, name: str) -> World | None:
        """The world as last committed, with readers of its blocks and log; its branch is drawn anew."""
        ...

    def is_current(self, world: World) -> bool:
        """Is this still the last revision? (Always, where no other process can write.)"""
        ...

    def create(self, world: World) -> World:
        """Keep a new world with all its records; answers it with readers of blocks and log."""
        ...

    def commit(self, commit: Commit) -> World:
        """Keep a change, durably; raises Conflict. Answers the world after it."""
        ...

    def drop(self, name: str) -> None:
        """The world, its log and the journals of its runs."""
        ...

    def journal(self, world: str) -> KeptJournal:
        """The journal of one world's runs. A run's id is taken once in a store.

        What belongs to no world has a name that no world can have: it begins with a slash.
        """
        ...

    def has_journals(self) -> bool:
        """Has any journal a line?"""
        ...

    def head(self, run: str) -> Head | None:
        """Of the run's journal, whichever world it is in; None for one that is not known."""
        ...

    def heads(self, world: str = "") -> list[Head]:
        """Of the journals of a world's runs, by id; "": of every world that is kept. Two lines a run are read."""
        ...

    def close(self) -> None: ...


class MemoryStore:
    """Worlds of one process, gone with it. All share one block store: a reference carries its world's branch."""

    def __init__(self) -> None:
        self._worlds: dict[str, World] = {}
        self._journals: dict[str, MemoryJournal] = {}
        self._blocks: BlockStore = MemoryBlocks()

    def names(self) -> list[str]:
        return sorted(self._worlds)

    def load(self, name: str) -> World | None:
        return self._worlds.get(name)

    def is_current(self, world: World) -> bool:
        return True

    def create(self, world: World) -> World:
        log = MemoryLog(world.log) if len(world.log) else MemoryLog()
        self._worlds[world.name] = replace(world, blocks=self._reader(world.blocks), log=log)
        return self._worlds[world.name]

    def _reader(self, inherited: BlockReader) -> BlockReader:
        """What this store has, else what the world brought along from where it was made."""

        def read(ref: BlockRef) -> bytes:
            try:
                return self._blocks.get(ref)
            except BlockMissing:
                if inherited is no_blocks:
                    raise
                return inherited(ref)

        return read

    def commit(self, commit: Commit) -> World:
        after = commit.after
        if commit.blocks:
            self._blocks.put_many(commit.blocks)
        assert isinstance(after.log, MemoryLog)
        after.log.append(commit.log)
        self._worlds[after.name] = after
        return after

    def drop(self, name: str) -> None:
        self._worlds.pop(name, None)
        self._journals.pop(name, None)

    def journal(self, world: str) -> KeptJournal:
        return self._journals.setdefault(world, MemoryJournal())

    def has_journals(self) -> bool:
        return any(journal.runs() for journal in self._journals.values())

    def head(self, run: str) -> Head | None:
        found = (journal.head(world, run) for world, journal in list(self._journals.items()))
        return next(filter(None, found), None)

    def heads(self, world: str = "") -> list[Head]:
        names = [world] if world else [name for name in list(self._journals) if name in self._worlds]
        journals = [(name, self._journals[name]) for name in names if name in self._journals]
        found = (journal.head(name, run) for name, journal in journals for run in journal.runs())
        return sorted(filter(None, found), key=lambda head: head.run)

    def close(self) -> None:
        self._worlds.clear()
        self._blocks.close()
