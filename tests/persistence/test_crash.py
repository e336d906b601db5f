"""Killed at any moment, what was acknowledged is there, and what was not is there wholly or not at all."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from store_openers import POSTGRES, ROOT_KEY, Opener
from stored_worlds import Note, Safe, change, entries_of, fresh, note

from app.blocks.ref import BlockRef
from app.persistence.worlds import SqlStore

HERE = Path(__file__).parent
POINTS = {"before-blocks": 0, "after-blocks": 0, "before-commit": 0, "after-commit": 1}  # what is there of the last one
KILLS = 100 if os.environ.get("RESEAL_SOAK") else 4


def child(url: str, point: str = "-", last: int = 0) -> subprocess.Popen[str]:
    python = os.pathsep.join((str(HERE), str(HERE.parents[1])))
    environ = {**os.environ, **(ROOT_KEY if url == POSTGRES else {}), "PYTHONPATH": python}
    command = [sys.executable, str(HERE / "crash_child.py"), url, "lab", point, str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)


def kept_calls(store: SqlStore) -> int:
    """How many commits are there, each of them whole: records, secret, log and block; AssertionError if one is not."""
    world = store.load("lab")
    assert world is not None
    notes = list(world.records.scan(Note))
    count = len(notes)
    assert [each.id for each in notes] == [f"{n:06d}" for n in range(1, count + 1)]
    assert (world.revision, world.position) == (count, count)
    assert [entry.at_ms for _, entry in world.log.entries()] == [n for n in range(1, count + 1) for _ in range(3)]
    assert [each.material.reveal() for each in world.records.scan(Safe)] == [count.to_bytes(32, "big")] * (count > 0)
    for n, each in enumerate(notes, 1):
        assert world.blocks(BlockRef.decode(each.packed)) == bytes([n % 256]) * 5000
        assert len(world.log.about(f"request-{n}")) == 3
    return count


@pytest.fixture
def url(opened: Opener, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    store = opened()
    store.create(fresh())
    store.close()
    return POSTGRES if "postgresql" in request.node.name else f"sqlite:///{tmp_path}/data/world.db"


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_of_a_commit(opened: Opener, url: str, point: str) -> None:
    """The seventh commit is interrupted; six were acknowledged."""
    process = child(url, point, 7)
    said = process.communicate(timeout=300)[0].split()
    assert process.returncode == -9
    assert said == [str(n) for n in range(1, 7)]
    store = opened()
    assert kept_calls(store) == 6 + POINTS[point]
    world = store.load("lab")
    assert world is not None
    change(store, world, note("afterwards"), log=entries_of(99))
    store.close()


def test_killed_at_random_moments_again_and_again(opened: Opener, url: str) -> None:
    """Each process goes on where the last one was killed. RESEAL_SOAK=1: a hundred kills."""
    moments, acknowledged = random.Random(7), 0
    for _ in range(KILLS):
        process = child(url)
        assert process.stdout is not None
        for _ in range(moments.randrange(1, 40)):
            acknowledged = int(process.stdout.readline())
        process.kill()
        rest = process.communicate(timeout=300)[0].split()
        acknowledged = int(rest[-1]) if rest else acknowledged
        store = opened()
        assert acknowledged <= kept_calls(store) <= acknowledged + 1
        store.close()
