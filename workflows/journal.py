"""The journal of a run: what it was about to do, and what came of it.

An entry is JSON. `intent` is written before a step's call, `record` after it; a run that is taken up again reads the
records instead of calling again, and repeats at most the one step whose intent has no record. No secret stands in it:
answers are kept without what botocore marks sensitive, and such a step is asked again instead of read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.kernel.store import Journal as Journal
from app.kernel.store import MemoryJournal as MemoryJournal

Entry = dict[str, Any]


class NoJournal:
    """Of a run that nobody takes up again."""

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        pass

    def entries(self, run_id: str, after: int = 0) -> list[Entry]:
        return []

    def last(self, run_id: str) -> Entry | None:
        return None

    def runs(self) -> list[str]:
        return []


class FileJournal:
    """One JSON line an entry, synced. A line torn by a crash is cut off: it was never acknowledged."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._cut_torn_line()

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        line = json.dumps({"run": run_id, **entry}, ensure_ascii=False) + "\n"
        with self._path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fdatasync(file.fileno())

    def entries(self, run_id: str, after: int = 0) -> list[Entry]:
        return [entry for entry in self._lines() if entry.pop("run") == run_id][after:]

    def last(self, run_id: str) -> Entry | None:
        return next(iter(self.entries(run_id)[-1:]), None)

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
