"""What the capture script writes of accounts at one server builds the same accounts at another."""

from __future__ import annotations

import json
from pathlib import Path

from tests.import_world.conftest import reseal
from tests.import_world.estate import Estate, World, attempts


def imported(folder: Path, world: World, name: str) -> World:
    done = reseal("world", "import", str(folder), "--endpoint", world.endpoint, "--world", name)
    assert done.returncode == 0, done.stderr
    return World(world.endpoint, name)


def test_every_call_comes_to_the_same(here: tuple[World, Estate], folder: Path) -> None:
    """Method: the same calls by the same principals, in a fork of the real accounts and in the imported ones."""
    world, estate = here
    world.rest("/real/fork", {"name": "real-fork"})
    real, copy = World(world.endpoint, "real-fork"), imported(folder, world, "copy")
    outcomes = {}
    for who, service, method, parameters in attempts(estate):
        outcomes[who, method, str(parameters)] = [
            each.came_of(who, service, method, **parameters) for each in (real, copy)
        ]
    differing = {asked: found for asked, found in outcomes.items() if found[0] != found[1]}
    assert not differing, json.dumps({str(asked): found for asked, found in differing.items()}, indent=1)
    causes = {cause for found in outcomes.values() for _, _, cause in found[0][1] if cause}
    assert len(causes) >= 8, causes
