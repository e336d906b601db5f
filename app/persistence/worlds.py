"""Worlds in a database: the store behind `Cloud`.

A commit is one transaction: compare-and-set on the world's row, its touched records, its log. Blocks are stored before
it. So a call that was acknowledged is there after any crash, and one that was not is there wholly or not at all.

What is compared depends on the world. Where calls depend on their place in the log, because randomness comes from a
seed or time from a manual clock, revision and position must both be unchanged. Elsewhere the revision must be, and only
if records changed: calls that read do not hinder each other.

INVARIANT: a world of this store carries a `SqlLog`, which says which row it is; its name may mean another by now.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from app.blocks.store import BlockStore, StoreUnavailable
from app.crypto.cipher import SealBroken
from app.kernel.clock import Clock
from app.kernel.records import Record, Records
from app.kernel.store import Commit, Conflict, Head
from app.kernel.world import Rules, World, no_blocks
from app.persistence.codec import Codec
from app.persistence.database import Database
from app.persistence.errors import Duplicate, RecordDamaged, Unavailable, WorldExists
from app.persistence.journal import Journal, heads
from app.persistence.log import SqlLog

State = tuple[int, int]  # a world's revision and position
Fault = Callable[[str], None]  # named points at which a test may interrupt a commit


def no_fault(point: str) -> None:
    """Outside of tests."""


class SqlStore:
    """A `Store`. All worlds of a database share one block store, so that forks reach what they inherit."""

    def __init__(
        self,
        database: Database,
        codec: Codec,
        blocks: BlockStore,
        *,
        fault: Fault = no_fault,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._codec, self._blocks = database, codec, blocks
        self._fault, self._on_close = fault, on_close
        self._known: dict[int, State] = {}  # of each world as this process last saw it; after a failure nobody knows

    @property
    def blocks(self) -> BlockStore:
        """For collection and verification."""
        return self._blocks

    def journal(self, world: str) -> Journal:
        return Journal(self._database, self._codec, world)

    def has_journals(self) -> bool:
        return bool(self._database.rows("a_line"))

    def head(self, run: str) -> Head | None:
        return next(iter(heads(self._database, self._codec, "head", of_run=run)), None)

    def heads(self, world: str = "") -> list[Head]:
        if world:
            return heads(self._database, self._codec, "heads_of_world", of_world_name=world)
        return heads(self._database, self._codec, "heads")

    def names(self) -> list[str]:
        return [name for (name,) in self._database.rows("names")]

    # Reading

    def load(self, name: str) -> World | None:
        with self._database.transaction(self._database.read_only):
            rows = self._database.rows("world", name=name)
            if not rows:
                return None
            number, *row = rows[0]
            records = self._records(number)
        branch = os.urandom(16)
        self._database.run("set_branch", of_world=number, new_branch=branch)
        world = self._world(number, row, records, branch)
        self._known[number] = (world.revision, world.position)
        return world

    def is_current(self, world: World) -> bool:
        number = _log_of(world).world
        state = self._known.get(number)
        if state and self._database.is_shared:
            state = next(iter(self._database.rows("state", of_world=number)), None)
        return state is not None and _is_at(world, *state)

    def _records(self, number: int) -> Records:
        records = Records()
        for kind, account, region, id, body in self._database.rows("records", of_world=number):
            records = records.put(self._codec.decode(number, kind, (account, region, id), body))
        return records

    def _world(self, number: int, row: list[Any], records: Records, branch: bytes) -> World:
        name, secret, _, clock, rules, seeded, revision, position, length = row
        try:
            opened = self._codec.open(secret, "world", number)
        except (SealBroken, ValueError) as error:
            raise RecordDamaged(f"the secret of the world {name} is damaged: {error}") from None
        return World(
            name=name,
            secret=opened,
            branch=branch,
            clock=msgspec.json.decode(clock, type=Clock),
            rules=msgspec.json.decode(rules, type=Rules),
            seeded=bool(seeded),
            records=records,
            revision=revision,
            position=position,
            blocks=self._blocks.get,
            log=SqlLog(self._database, number, length),
        )

    # Making and dropping

    def create(self, world: World) -> World:
        """WorldExists where the name is taken. Costs as much as the world is large, log included, a fork's too."""
        if world.blocks not in (no_blocks, self._blocks.get):
            raise ValueError("a world whose blocks another store holds can not be kept here")
        number = secrets.randbits(62)
        with self._database.transaction():
            try:
                self._database.run("insert_world", **self._row(number, world))
            except Duplicate:
                raise WorldExists(world.name) from None
            self._put_records(number, world.revision, world.records.all())
            log = self._keep_log(number, world)
        self._known[number] = (world.revision, world.position)
        return replace(world, blocks=self._blocks.get, log=log)

    def drop(self, name: str) -> None:
        """Nothing where there is no such world. Its blocks are left to collection, since forks may share them."""
        with self._database.transaction():
            for number, *_ in self._database.rows("world", name=name):
                for table in ("log_names", "log", "records", "worlds"):
                    self._database.run(f"drop_{table}", of_world=number)
                self._database.run("drop_journal", of_world_name=name)
                self._known.pop(number, None)

    def _row(self, number: int, world: World) -> dict[str, Any]:
        log = world.log
        return {
            "world": number,
            "name": world.name,
            "secret": self._codec.seal(world.secret, "world", number),
            "branch": world.branch,
            "clock": _json(world.clock),
            "rules": _json(world.rules),
            "seeded": world.seeded,
            "revision": world.revision,
            "position": world.position,
            "length": len(log),
        }

    def _keep_log(self, number: int, world: World) -> SqlLog:
        if isinstance(world.log, SqlLog) and world.log.database is self._database:
            return world.log.copy_to(number)
        return SqlLog(self._database, number).append(entry for _, entry in world.log.entries())

    # Committing

    def commit(self, commit: Commit) -> World:
        """Durable when it returns. Conflict, or Unavailable: the database is as before, as far as anybody can tell."""
        log = _log_of(commit.before)
        with self._doubting(log.world):
            if commit.blocks:
                self._fault("before-blocks")
                self._blocks.put_many(commit.blocks)
                self._fault("after-blocks")
            with self._database.transaction():
                revision, position, length = self._advance(log, commit)
                self._write(log.world, commit)
                log = replace(log, length=length - len(commit.log)).append(commit.log)
                self._fault("before-commit")
            self._fault("after-commit")
        self._known[log.world] = (revision, position)
        return replace(commit.after, position=position, log=log)

    def _advance(self, log: SqlLog, commit: Commit) -> tuple[int, int, int]:
        """Revision, position and length of the log, as the row has them afterwards."""
        before, after = commit.before, commit.after
        steps = {"of_world": log.world, "steps": after.position - before.position, "grown": len(commit.log)}
        changed = {"revision": after.revision, "clock": _json(after.clock), "before_revision": before.revision}
        if _is_placed(before):
            rows = self._database.rows("advance_in_place", **steps, **changed, before_position=before.position)
        elif after.revision != before.revision:
            rows = self._database.rows("advance", **steps, **changed)
        else:
            rows = self._database.rows("append", **steps)
        if not rows:
            raise Conflict(before.name)
        return rows[0]

    def _write(self, number: int, commit: Commit) -> None:
        """What is under each touched key afterwards; a change that was taken back is no change."""
        before, after, kept, gone = commit.before.records, commit.after.records, [], []
        for kind, key in commit.touched:
            old, new = before.get(kind, *key), after.get(kind, *key)
            if new is not None and new is not old:
                kept.append(new)
            elif new is None and old is not None:
                gone.append(_row_of(number, kind, key))
        self._put_records(number, commit.after.revision, iter(kept))
        self._database.run_many("delete_record", gone)

    def _put_records(self, number: int, revision: int, records: Iterator[Record]) -> None:
        rows = (
            {
                "world": number,
                "kind": record.kind,
                "account": record.account,
                "region": record.region,
                "id": record.id,
                "revision": revision,
                "body": self._codec.encode(number, record),
            }
            for record in records
        )
        self._database.run_many("put_record", rows)

    @contextmanager
    def _doubting(self, number: int) -> Iterator[None]:
        """After a failure the world is loaded before it is used again: with a new branch, so no block name repeats."""
        try:
            yield
        except StoreUnavailable as error:
            self._known.pop(number, None)
            raise Unavailable(str(error)) from error
        except BaseException:
            self._known.pop(number, None)
            raise

    def close(self) -> None:
        self._blocks.close()
        self._database.close()
        self._on_close()


def _log_of(world: World) -> SqlLog:
    if not isinstance(world.log, SqlLog):
        raise ValueError(f"the world {world.name!r} was not made or loaded by this store")
    return world.log


def _is_placed(world: World) -> bool:
    """Do its calls depend on their place in its log?"""
    return world.seeded or world.clock.mode == "manual"


def _is_at(world: World, revision: int, position: int) -> bool:
    return world.revision == revision and (world.position == position or not _is_placed(world))


def _row_of(number: int, kind: type[Record], key: tuple[str, ...]) -> dict[str, Any]:
    account, region, id = key
    return {"of_world": number, "of_kind": kind.kind, "of_account": account, "of_region": region, "of_id": id}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
