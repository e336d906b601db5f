"""The journals of a store: lines that are kept as they were written, whichever store it is."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import msgspec
import pytest
from store_openers import Opener
from stored_worlds import fresh

from app.desk import Desk
from app.kernel.store import Head, Store
from app.persistence.codec import Codec
from app.persistence.database import Database
from app.persistence.errors import Duplicate
from app.persistence.worlds import SqlStore
from app.services import all_services
from app.sweeps import SweepOrder, Sweeps
from tests.sweep import small
from tests.sweep.conftest import result_bytes
from workflows.sweep.forms import FORMS
from workflows.sweep.run import Options, batches_done

RUNS = 1000 if os.environ.get("RESEAL_SOAK") else 100


def test_heads_are_the_first_and_the_last_line_of_each_run_and_how_many_there_are(store: Store) -> None:
    assert not store.has_journals()
    for world in ("a", "b"):
        store.create(fresh(world))
    for run, world, count in (("r2", "a", 3), ("r1", "a", 1), ("r3", "b", 2), ("s1", "/sweeps", 2)):
        for number in range(count):
            store.journal(world).append(run, {"kind": "line", "n": number})

    def head(run: str, world: str, count: int) -> Head:
        return Head(run, world, count, {"kind": "line", "n": 0}, {"kind": "line", "n": count - 1})

    assert store.heads("a") == [head("r1", "a", 1), head("r2", "a", 3)]
    assert store.heads("/sweeps") == [head("s1", "/sweeps", 2)]
    assert store.heads() == [head("r1", "a", 1), head("r2", "a", 3), head("r3", "b", 2)], "of worlds only"
    assert store.heads("nowhere") == []
    assert (store.head("r2"), store.head("s1")) == (head("r2", "a", 3), head("s1", "/sweeps", 2))
    store.drop("a")
    assert store.head("r2") is None
    assert store.heads() == [head("r3", "b", 2)]
    assert store.has_journals()


def test_the_first_lines_of_a_journal_are_kept_together(store: Store) -> None:
    journal = store.journal("a")
    with pytest.raises(TypeError):
        journal.begin("r1", {"n": 1}, {"n": object()})
    assert journal.entries("r1") == []
    journal.begin("r1", {"n": 1}, {"n": 2})
    journal.append("r1", {"n": 3})
    assert journal.entries("r1") == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_run_that_another_process_has_begun_is_not_begun_again(sql: SqlStore) -> None:
    sql.journal("a").begin("r1", {"n": 1}, {"n": 2})
    with pytest.raises(Duplicate):
        sql.journal("b").begin("r1", {"n": 3})
    assert sql.journal("a").entries("r1") == [{"n": 1}, {"n": 2}]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Statements, the rows that they hand over, and the lines that are decoded."""
    seen = {"statements": 0, "rows": 0, "lines": 0}
    rows, decode = Database.rows, Codec.decode_line

    def counting_rows(self: Database, name: str, /, **parameters: Any) -> list[Any]:
        found = rows(self, name, **parameters)
        seen["statements"] += 1
        seen["rows"] += len(found)
        return found

    def counting_lines(self: Codec, body: str, *where: str | int) -> dict[str, Any]:
        seen["lines"] += 1
        return decode(self, body, *where)

    monkeypatch.setattr(Database, "rows", counting_rows)
    monkeypatch.setattr(Codec, "decode_line", counting_lines)
    return seen


def test_a_list_of_runs_reads_two_lines_of_each_by_one_statement(opened: Opener, counted: dict[str, int]) -> None:
    """However long they are: runs of 50 lines. Method: statements, rows and lines are counted."""
    store = opened()
    store.create(fresh("lab"))
    for number in range(RUNS):
        store.journal("lab").begin(f"r{number}", *({"kind": "line", "n": n} for n in range(50)))
    counted.update(dict.fromkeys(counted, 0))
    heads = store.heads()
    assert counted == {"statements": 1, "rows": RUNS, "lines": 2 * RUNS}
    assert {(head.count, head.last["n"]) for head in heads} == {(50, 49)}
    store.close()


def test_a_sweep_is_taken_up_from_what_its_store_has(store: Store) -> None:
    """Method: begun with half of its cells done and no more; another desk of the same store goes on."""
    order = SweepOrder(entry="s.yaml", files={"s.yaml": small.many(40), **small.policies()}, workers=1)
    kind = Sweeps()
    sweep = kind.read(order, lambda: None)
    first = {"kind": "start", "asked": "", "at": "", "order": msgspec.to_builtins(order), "facts": kind.facts(sweep)}
    journal = store.journal(kind.home)
    journal.begin("s-1", first, *kind.opening(sweep))
    journal.append("s-1", {"kind": "cells", "cells": msgspec.to_builtins(next(halves(sweep)))})
    desk = Desk(store, kind)

    async def taken_up() -> list[str]:
        assert desk.take_up() == ["s-1"]
        head = desk.head("s-1")
        assert head is not None
        return [name async for _, name, _ in desk.follow(head)]

    assert asyncio.run(taken_up()) == ["cell"] * 40 + ["end"]
    lines = journal.entries("s-1")
    assert sorted(number for line in lines if line["kind"] == "cells" for number, _ in line["cells"]) == list(range(40))
    ended = kind.ended(lines)
    assert ended is not None
    assert FORMS["json"]([ended], "").encode() == result_bytes(sweep, workers=0) + b"\n"
    desk.close()


def halves(sweep: Any) -> Any:
    return batches_done(sweep, all_services, Options(workers=0))
