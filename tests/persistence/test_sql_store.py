"""What a store of several processes adds to the contract: compare-and-set, branches, readers that are values."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from store_openers import Opener, opener
from stored_worlds import OWNER, REGION, Note, block, change, entries_of, fresh, note

from app.kernel.call import Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.operation import Services
from app.kernel.store import Conflict, MemoryStore
from app.kernel.world import World
from app.persistence.errors import Unavailable, WorldExists
from app.persistence.worlds import SqlStore


def loaded(store: SqlStore, name: str = "lab") -> World:
    world = store.load(name)
    assert world is not None
    return world


def test_the_slower_of_two_changes_is_refused_and_nothing_of_it_is_kept(sql: SqlStore) -> None:
    world = sql.create(fresh())
    change(sql, world, note("fast"), log=entries_of(1))
    with pytest.raises(Conflict):
        change(sql, world, note("slow"), log=entries_of(2))
    assert not sql.is_current(world)
    now = loaded(sql)
    assert [each.id for each in now.records.scan(Note)] == ["fast"]
    assert {entry.at_ms for _, entry in now.log.entries()} == {1}
    assert (now.revision, now.position) == (1, 1)


def test_calls_that_read_do_not_hinder_each_other(sql: SqlStore) -> None:
    """Two logs of one moment both get in; each takes the place that is free when it commits."""
    world = sql.create(fresh())
    first, second = change(sql, world, log=entries_of(1)), change(sql, world, log=entries_of(2))
    assert (first.position, second.position) == (1, 2)
    assert [entry.at_ms for _, entry in loaded(sql).log.entries()] == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("world", [fresh(seed="7"), fresh(clock=Clock("manual"))], ids=["seeded", "manual"])
def test_where_a_call_depends_on_its_place_even_reading_is_compared(sql: SqlStore, world: World) -> None:
    """Else two calls would draw one seed, or time would run backwards."""
    world = sql.create(world)
    change(sql, world, log=entries_of(1))
    assert not sql.is_current(world)
    with pytest.raises(Conflict):
        change(sql, world, log=entries_of(2))


def test_a_world_that_was_dropped_or_made_anew_takes_no_change_of_the_old_one(sql: SqlStore) -> None:
    old = sql.create(fresh())
    sql.drop("lab")
    assert not sql.is_current(old)
    sql.create(fresh())
    for records in ((), (note("a"),)):
        with pytest.raises(Conflict):
            change(sql, old, *records, log=entries_of(1))


def test_a_taken_name_is_refused_and_the_world_under_it_kept(sql: SqlStore) -> None:
    change(sql, sql.create(fresh()), note("a"))
    with pytest.raises(WorldExists, match="'lab'"):
        sql.create(fresh())
    assert [each.id for each in loaded(sql).records.scan(Note)] == ["a"]


def test_a_world_whose_blocks_stand_elsewhere_is_refused(sql: SqlStore) -> None:
    """Keeping it would keep references to nothing."""
    elsewhere = MemoryStore().create(fresh())
    with pytest.raises(ValueError, match="another store"):
        sql.create(elsewhere)
    with pytest.raises(ValueError, match="not made or loaded"):
        change(sql, fresh(), note("a"))


def test_a_branch_is_new_at_each_loading(sql: SqlStore) -> None:
    """So a block that was stored for a commit that never came has a name that is not used again."""
    branches = {sql.create(fresh()).branch, *(loaded(sql).branch for _ in range(3))}
    assert len(branches) == 4
    assert branches.isdisjoint({b"\0" * 16})


def test_a_reader_of_a_log_sees_what_its_world_saw(sql: SqlStore) -> None:
    world = change(sql, sql.create(fresh()), log=entries_of(1))
    change(sql, world, log=entries_of(2))
    assert {entry.at_ms for _, entry in world.log.entries()} == {1}
    assert {entry.at_ms for entry in world.log.about("snap-1")} == {1}
    assert [entry.at_ms for entry in world.log.events(OWNER, REGION)] == [1]


def test_a_long_log_is_read_in_pieces_while_it_grows(sql: SqlStore) -> None:
    """An open reader holds nothing: a commit between two of its entries is neither blocked nor seen."""
    world = sql.create(fresh())
    for n in range(6):
        world = change(sql, world, log=[entry for k in range(100) for entry in entries_of(n * 100 + k)])
    events = world.log.events(OWNER, REGION)
    assert next(events).at_ms == 599
    change(sql, world, log=entries_of(600))
    assert [event.at_ms for event in events] == list(range(598, -1, -1))
    assert sum(1 for _ in world.log.entries(after=5)) == 1795


@pytest.mark.parametrize("point", ["before-blocks", "after-blocks", "before-commit"])
def test_a_failure_on_the_way_leaves_the_world_and_the_next_call_works(opened: Opener, point: str) -> None:
    """The world has to be loaded again, and says so itself: `is_current`."""
    broken = [False]

    def fault(at: str) -> None:
        if at == point and broken[0]:
            raise OSError(5, "input/output error")

    store = opened(fault=fault)
    world = change(store, store.create(fresh()), note("kept"))
    ref, broken[0] = block(world, 0), True
    with pytest.raises(OSError, match="input/output"):
        change(store, world, note("lost"), log=entries_of(1), blocks={ref: b"sealed"})
    assert not store.is_current(world)
    broken[0] = False
    now = loaded(store)
    assert [each.id for each in now.records.scan(Note)] == ["kept"]
    assert not list(now.log.entries())
    now = change(store, now, note("next"), log=entries_of(2), blocks={block(now, 0): b"other"})
    assert now.blocks(block(now, 0)) == b"other"
    store.close()


def test_a_closed_store_refuses_and_its_database_opens_again(opened: Opener) -> None:
    store = opened()
    world = change(store, store.create(fresh()), note("a"))
    store.close()
    with pytest.raises(Unavailable):
        store.names()
    again = opened()
    assert replace(loaded(again), branch=b"") == replace(world, branch=b"")
    again.close()


def test_a_full_disk_refuses_cleanly_and_heals_without_a_restart(tmp_path: Path) -> None:
    """The limit rises by a page at a time, so that every write of the commit is the one that fails once."""
    store = opener("sqlite", tmp_path)()
    world, connection = change(store, store.create(fresh()), note("kept")), store._database._connection
    pages, refused = connection.execute("PRAGMA page_count").fetchone()[0], 0
    for limit in range(pages, pages + 100):
        connection.execute(f"PRAGMA max_page_count = {limit}")
        try:
            world = change(store, world, note("large", "x" * 50_000), log=entries_of(1))
            break
        except Unavailable:
            refused += 1
        assert not store.is_current(world)
        world = loaded(store)
        assert [each.id for each in world.records.scan(Note)] == ["kept"]
    assert refused > 10
    assert {each.id for each in loaded(store).records.scan(Note)} == {"kept", "large"}
    store.close()


@pytest.fixture
def two_servers(tmp_path: Path) -> Iterator[tuple[SqlStore, SqlStore]]:
    open_one = opener("postgresql", tmp_path)
    stores = (open_one(), open_one())
    yield stores
    for store in stores:
        store.close()


def test_two_servers_on_one_world_lose_no_update(two_servers: tuple[SqlStore, SqlStore]) -> None:
    """Each adds to the same record, and repeats after a Conflict, as `Cloud` does."""
    two_servers[0].create(fresh())

    def add(store: SqlStore) -> int:
        conflicts, world = 0, loaded(store)
        for _ in range(50):
            while True:
                if not store.is_current(world):
                    world = loaded(store)
                old = world.records.get(Note, OWNER, REGION, "sum")
                try:
                    world = change(store, world, note("sum", str(int(old.text if old else "0") + 1)))
                    break
                except Conflict:
                    conflicts += 1
        return conflicts

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(add, two_servers))
    world = loaded(two_servers[0])
    assert list(world.records.scan(Note)) == [note("sum", "100")]
    assert (world.revision, world.position) == (100, 100)


def test_what_one_server_commits_the_other_sees_at_its_next_call(two_servers: tuple[SqlStore, SqlStore]) -> None:
    """Blocks too: they are in the database, since two processes can not share a folder of segments."""
    first, second = two_servers
    world, seen = first.create(fresh()), loaded(second)
    assert second.is_current(seen)
    ref = block(world, 0)
    change(first, world, note("a"), blocks={ref: b"\0sealed\xff"})
    assert not second.is_current(seen)
    seen = loaded(second)
    assert seen.blocks(ref) == b"\0sealed\xff"
    assert [each.id for each in seen.records.scan(Note)] == ["a"]


def test_a_lost_connection_costs_one_call(two_servers: tuple[SqlStore, SqlStore]) -> None:
    first, second = two_servers
    world = change(first, first.create(fresh()), note("kept"))
    second._database._connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
        "current_database()"
    )
    with pytest.raises(Unavailable):
        change(first, world, note("lost"))
    assert not first.is_current(world)
    world = change(first, loaded(first), note("next"))
    assert [each.id for each in world.records.scan(Note)] == ["kept", "next"]


@pytest.mark.parametrize("clock", [Clock("manual"), Clock("real")], ids=["manual", "real"])
def test_a_cloud_goes_on_where_it_was_stopped(opened: Opener, clock: Clock) -> None:
    """Calls, time, forks and remembered replies, through `Cloud`, over a restart."""
    services = Services(())
    request = Request("ec2:Nothing", {}, root_of(OWNER), REGION, idempotency_key="once")
    store = opened()
    cloud = Cloud.create(services, store, new_world("lab", seed="7", clock=clock))
    first = cloud.call(request)
    assert first.error is not None
    cloud.advance(60_000)
    fork, now_ms = cloud.fork("fork"), cloud.now_ms()
    assert fork.call(request).request_id == first.request_id
    store.close()
    again = opened()
    cloud = Cloud(services, again, "lab")
    assert cloud.call(request).request_id == first.request_id, "the reply is remembered"
    assert cloud.now_ms() >= now_ms
    assert cloud.world.position == 2
    assert cloud.call(Request("ec2:Other", {}, root_of(OWNER), REGION)).request_id != first.request_id
    assert again.names() == ["fork", "lab"]
    again.close()
