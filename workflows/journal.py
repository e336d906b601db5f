"""The journal of a run: what it was about to do, and what came of it.

An entry is JSON. `intent` is written before a step's call, `record` after it; a run that is taken up again reads the
records instead of calling again, and repeats at most the one step whose intent has no record. No secret stands in it:
answers are kept without what botocore marks sensitive, and such a step is asked again instead of read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

Entry = dict[str, Any]


class Journal(Protocol):
    def append(self, run_id: str, entry: Entry) -> None:
        """Keep an entry, durably; it is the next of this run."""
        ...

    def entries(self, run_id: str) -> Iterator[Entry]:
        """The entries of a run, oldest first."""
        ...

    def runs(self) -> list[str]:
        """The runs that have entries, in the order in which they began."""
        ...


class MemoryJournal:
    def __init__(self) -> None:
        self._entries: list[tuple[str, str]] = []

    def append(self, run_id: str, entry: Entry) -> None:
        self._entries.append((run_id, json.dumps(entry)))

    def entries(self, run_id: str) -> Iterator[Entry]:
        return (json.loads(text) for run, text in self._entries if run == run_id)

    def runs(self) -> list[str]:
        return list(dict.fromkeys(run for run, _ in self._entries))


class NoJournal:
    """Of a run that nobody takes up again."""

    def append(self, run_id: str, entry: Entry) -> None:
        pass

    def entries(self, run_id: str) -> Iterator[Entry]:
        return iter(())

    def runs(self) -> list[str]:
        return []


class FileJournal:
    """One JSON line an entry, synced. A line torn by a crash is cut off: it was never acknowledged."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._cut_torn_line()

    def append(self, run_id: str, entry: Entry) -> None:
        line = json.dumps({"run": run_id, **entry}, ensure_ascii=False) + "\n"
        with self._path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fdatasync(file.fileno())

    def entries(self, run_id: str) -> Iterator[Entry]:
        return (entry for entry in self._lines() if entry.pop("run") == run_id)

    def runs(self) -> list[str]:
        return list(dict.fromkeys(str(entry["run"]) for entry in self._lines()))

    def _lines(self) -> Iterator[Entry]:
        if self._path.exists():
            with self._path.open(encoding="utf-8") as file:
                yield from map(json.loads, file)

    def _cut_torn_line(self) -> None:
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
