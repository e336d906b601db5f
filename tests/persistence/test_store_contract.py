"""The contract of every store: what `Cloud` may rely on, whatever the database."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from stored_worlds import OWNER, REAL, REGION, Note, Safe, Share, block, change, entries_of, fresh, note, safe

from app.crypto.material import Secret
from app.kernel.clock import Clock
from app.kernel.records import Record
from app.kernel.store import MemoryStore, Store
from app.kernel.world import Rules, World
from app.persistence.open import open_store


def everything(world: World) -> dict[str, object]:
    """What a world is, but for its branch and its readers."""
    return {
        "facts": (world.name, world.clock, world.rules, world.seeded, world.revision, world.position),
        "secret": world.secret.reveal(),
        "records": list(world.records.all()),
        "log": list(world.log.entries()),
    }


def test_a_world_is_loaded_as_it_was_committed(store: Store) -> None:
    """Every field of it, its secrets and its log; nothing is left out or made up."""
    made = replace(fresh(seed="7", clock=Clock("manual", "lifelike")), rules=Rules(False, True, OWNER))
    world = store.create(made.put(note("a", "first")))
    shares = (Share("one", Secret(b"1" * 32)), Share("two", Secret(b"2" * 32)))
    world = change(
        store,
        world,
        note("b", "zwei ü \0 \U0001f511", tags=(("k", "v"),), packed=b"\0\xff" * 40),
        safe("c", b"m" * 32, spare=Secret(b""), shares=shares),
        log=entries_of(1),
    )
    loaded = store.load("lab")
    assert loaded is not None
    assert everything(loaded) == everything(world)
    assert loaded.records.find(Note, "text", "first") == note("a", "first"), "indexes are built again"


def test_worlds_are_listed_by_name_and_an_unknown_one_is_none(store: Store) -> None:
    for name in ("b", "a", "C"):
        store.create(fresh(name))
    assert store.names() == ["C", "a", "b"]
    assert store.load("d") is None


def test_a_commit_keeps_what_was_put_and_drops_what_was_deleted(store: Store) -> None:
    world = store.create(fresh())
    world = change(store, world, note("a", "old"), note("b"), safe("a", b"k" * 32))
    world = change(store, world, note("a", "new"), gone=[note("b")])
    loaded = store.load("lab")
    assert loaded is not None
    assert list(loaded.records.all()) == [note("a", "new"), safe("a", b"k" * 32)]
    assert (loaded.revision, loaded.position) == (2, 2)


def test_a_key_that_was_touched_and_taken_back_is_kept_as_it_was(store: Store) -> None:
    """A refused nested call leaves its keys in `touched`, and none of its changes."""
    world = change(store, store.create(fresh()), note("a", "kept"))
    taken_back = replace(world, revision=world.revision + 1, position=world.position + 1)
    touched = ((Note, note("a").key), (Safe, note("never").key))
    from app.kernel.store import Commit

    store.commit(Commit(world, taken_back, touched, (), {}))
    loaded = store.load("lab")
    assert loaded is not None
    assert list(loaded.records.all()) == [note("a", "kept")]


def test_a_call_that_changes_no_record_adds_to_the_log_only(store: Store) -> None:
    world = store.create(fresh())
    world = change(store, world, log=entries_of(1))
    assert (world.revision, world.position) == (0, 1)
    assert store.is_current(world)
    loaded = store.load("lab")
    assert loaded is not None
    assert [position for position, _ in loaded.log.entries()] == [1, 2, 3]


def test_a_fork_begins_as_its_parent_was_and_then_goes_its_own_way(store: Store) -> None:
    """Records, log and blocks are inherited; what either writes afterwards the other does not see."""
    parent = store.create(fresh())
    ref = block(parent, 0)
    parent = change(store, parent, note("a"), safe("s", b"k" * 32), log=entries_of(1), blocks={ref: b"sealed"})
    fork = store.create(replace(parent, name="fork", branch=os.urandom(16)))
    assert everything(fork) == everything(replace(parent, name="fork"))
    own = block(fork, 0)
    fork = change(store, fork, note("b"), log=entries_of(2), blocks={own: b"other"})
    parent = change(store, parent, note("c"), log=entries_of(3))
    assert (fork.blocks(ref), fork.blocks(own)) == (b"sealed", b"other")
    for world, ids, log in ((fork, ["a", "b"], [1, 2]), (parent, ["a", "c"], [1, 3])):
        assert [each.id for each in world.records.scan(Note)] == ids
        assert [each.at_ms for each in world.log.events(OWNER, REGION)] == log[::-1]
    loaded = store.load("fork")
    assert loaded is not None
    assert everything(loaded) == everything(fork)


def test_a_fork_in_memory_knows_what_happened_before_it_and_adds_nothing_to_it(store: Store) -> None:
    """Where a run looks aside, the trail is there, whichever store the world is in."""
    world = change(store, store.create(fresh()), note("a"), log=entries_of(1))
    world = change(store, world, note("b"), log=entries_of(2))
    aside = MemoryStore()
    fork = aside.create(replace(world, branch=os.urandom(16)))
    assert list(fork.log.entries()) == list(world.log.entries())
    after = change(aside, fork, note("c"), log=entries_of(3))
    assert [each.at_ms for each in after.log.events(OWNER, REGION)] == [3, 2, 1]
    assert [each.at_ms for each in world.log.events(OWNER, REGION)] == [2, 1]


def test_a_dropped_world_is_gone_and_its_fork_is_not(store: Store) -> None:
    parent = change(store, store.create(fresh()), note("a"), log=entries_of(1))
    ref = block(parent, 3)
    parent = change(store, parent, note("b"), blocks={ref: b"sealed"})
    fork = store.create(replace(parent, name="fork", branch=os.urandom(16)))
    store.drop("lab")
    store.drop("never there")
    assert store.names() == ["fork"]
    assert store.load("lab") is None
    assert len(list(fork.log.entries())) == 3
    store.create(fresh())
    loaded = store.load("lab")
    assert loaded is not None
    assert not list(loaded.log.entries()), "a new world of an old name begins empty"


def test_a_resource_is_followed_through_everything_it_set_off(store: Store) -> None:
    """`about` finds entries that name it, and all entries of the outermost calls that did, jobs included."""
    world = store.create(fresh())
    world = change(store, world, log=entries_of(1, "snap-1"))
    world = change(store, world, log=entries_of(2, "snap-2"))
    world = change(store, world, log=entries_of(3, "vol-9", root="request-1"))

    def found(token: str) -> list[int]:
        return sorted({entry.at_ms for entry in world.log.about(token)})

    assert found("snap-1") == [1, 3]
    assert found("vol-9") == [1, 3]
    assert found("snap-2") == [2]
    assert found("request-3") == [1, 3]
    assert found("arn:key") == [1, 2, 3]
    assert found("snap") == found("") == []


def test_refusals_come_newest_first_and_events_stop_at_their_time(store: Store) -> None:
    world = store.create(fresh())
    for n in range(1, 8):
        world = change(store, world, log=entries_of(n, code="AccessDenied" if n % 3 == 0 else ""))
    assert [entry.at_ms for entry in world.log.refusals()] == [6, 3]
    assert [entry.at_ms for entry in world.log.events(OWNER, REGION, since_ms=5)] == [7, 6, 5]
    assert not list(world.log.events(OWNER, "eu-west-1"))
    assert [position for position, _ in world.log.entries(after=19)] == [20, 21]


def test_names_that_no_index_can_hold_are_found_all_the_same(store: Store) -> None:
    """A caller may name anything: very long, or with characters that PostgreSQL refuses."""
    world = store.create(fresh())
    odd = ("x" * 100_000, "snap-\0", "ключ" * 2000)
    for n, token in enumerate(odd, 1):
        world = change(store, world, log=entries_of(n, token))
    for n, token in enumerate(odd, 1):
        assert {entry.at_ms for entry in world.log.about(token)} == {n}


_IDS = some.sampled_from("abcdef")
_RECORDS = some.one_of(some.builds(note, _IDS, some.text(max_size=5)), some.builds(safe, _IDS, some.binary(max_size=8)))
_CALLS = some.lists(
    some.tuples(some.lists(_RECORDS, max_size=3), some.lists(_IDS, max_size=2), some.booleans()), max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=_CALLS)
def test_any_sequence_of_changes_leaves_what_it_leaves_in_memory(store: Store, calls: list) -> None:
    """The oracle is the memory store: the same changes, then every reader of both is asked the same."""
    oracle = open_store("memory:", ())
    store.drop("lab")
    start = fresh(clock=REAL)
    worlds = [each.create(start) for each in (store, oracle)]
    for n, (records, gone, logged) in enumerate(calls):
        worlds = [
            change(
                each,
                world,
                *_once(records),
                gone=_there(world, gone, records),
                log=entries_of(n, f"snap-{n % 3}", root=f"request-{n // 2}", code="X" * (n % 2)) if logged else (),
            )
            for each, world in zip((store, oracle), worlds, strict=True)
        ]
    kept, expected = store.load("lab"), worlds[1]
    assert kept is not None
    assert everything(kept) == everything(expected)
    for token in ("snap-0", "snap-1", "request-0", "arn:key"):
        assert kept.log.about(token) == expected.log.about(token)
    assert list(kept.log.refusals()) == list(expected.log.refusals())


def _once(records: list[Record]) -> list[Record]:
    return list({(record.kind, record.key): record for record in records}.values())


def _there(world: World, ids: list[str], put: list[Record]) -> list[Record]:
    kept = {record.key for record in put}
    notes = (world.records.get(Note, OWNER, REGION, id) for id in dict.fromkeys(ids))
    return [each for each in notes if each is not None and each.key not in kept]


@pytest.mark.parametrize("clock", [REAL, Clock("manual")])
def test_a_world_of_either_clock_goes_on_from_its_time(store: Store, clock: Clock) -> None:
    world = change(store, store.create(fresh(clock=clock)), log=entries_of(1))
    loaded = store.load("lab")
    assert loaded is not None
    assert loaded.clock == world.clock == clock.ticked()
