"""Journals of workflow runs: lines that are only ever added, durable when `append` returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.kernel.store import Head
from app.persistence.codec import Codec
from app.persistence.database import Database


class Journal:
    """The journals of one world's runs. A line is a JSON object that may hold `Secret` values; they are sealed."""

    def __init__(self, database: Database, codec: Codec, world: str) -> None:
        self._database, self._codec, self._world = database, codec, world

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        """Unavailable: the line was not added. Duplicate: another process is writing the same run."""
        with self._database.transaction():
            self._insert(run_id, self._database.rows("journal_end", of_run=run_id)[0][0] + 1, entry)

    def begin(self, run_id: str, *entries: Mapping[str, Any]) -> None:
        """Unavailable: no line was added. Duplicate: the run has lines."""
        with self._database.transaction():
            for seq, entry in enumerate(entries, 1):
                self._insert(run_id, seq, entry)

    def _insert(self, run_id: str, seq: int, entry: Mapping[str, Any]) -> None:
        body = self._codec.encode_line(entry, *place_of(run_id, seq))
        self._database.run("insert_line", run=run_id, seq=seq, world=self._world, body=body)

    def entries(self, run_id: str, after: int = 0) -> list[dict[str, Any]]:
        """The lines of a run, in order, without the first `after`; none for a run that is not known."""
        return self._decoded(run_id, self._database.rows("lines", of_run=run_id, above=after))

    def last(self, run_id: str) -> dict[str, Any] | None:
        return next(iter(self._decoded(run_id, self._database.rows("last_line", of_run=run_id))), None)

    def _decoded(self, run_id: str, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        return [self._codec.decode_line(body, *place_of(run_id, seq)) for seq, body in rows]

    def runs(self) -> list[str]:
        """The ids of this world's runs, sorted."""
        return [run for (run,) in self._database.rows("runs", of_world_name=self._world)]

    def drop(self, run_id: str) -> None:
        with self._database.transaction():
            self._database.run("drop_run", of_run=run_id)


def heads(database: Database, codec: Codec, statement: str, **parameters: str) -> list[Head]:
    """By one statement, which hands over two lines of each run."""
    return [
        Head(run, world, seq, codec.decode_line(first, *place_of(run, 1)), codec.decode_line(last, *place_of(run, seq)))
        for run, world, first, seq, last in database.rows(statement, **parameters)
    ]


def place_of(run_id: str, seq: int) -> tuple[str, str, int]:
    """What a line is sealed for."""
    return "journal", run_id, seq
