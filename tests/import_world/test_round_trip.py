"""What the capture script writes of accounts at one server builds the same accounts at another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
        if _rests_on_a_copys_source(who, method, parameters, estate):
            continue
        outcomes[who, method, str(parameters)] = [
            each.came_of(who, service, method, **parameters) for each in (real, copy)
        ]
    differing = {asked: found for asked, found in outcomes.items() if found[0] != found[1]}
    assert not differing, "\n".join(f"{asked}:\n  was {was}\n  now {now}" for asked, (was, now) in differing.items())
    causes = {cause for found in outcomes.values() for _, _, cause in found[0][1] if cause}
    assert len(causes) >= 8, causes


def _rests_on_a_copys_source(who: str, method: str, parameters: dict[str, Any], estate: Estate) -> bool:
    """The one known difference: a second copy of a source is incremental, and no command tells a copy's source."""
    is_second = parameters.get("SourceImageId") == estate.others["image-shared"] and who.startswith(estate.source)
    return method == "copy_image" and is_second
