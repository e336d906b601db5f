"""Merging is sound: states that are merged behave the same, and nothing is found or lost by it.

Method: the same explorations with and without merging, and merged states continued side by side. At full size with
RESEAL_SOAK=1.
"""

from __future__ import annotations

import os
import random
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import pytest
from exploring import FIVE_STEPS, INDEPENDENT, SIX_EACH_STATES, ends, six_each, steps, told, written
from scenario_runs import HAPPY

from app.kernel.operation import Services
from workflows.explore import search, session
from workflows.explore.disturb import chosen
from workflows.explore.tracks import plan
from workflows.scenario import Scenario, load

SOAK = bool(os.environ.get("RESEAL_SOAK"))
DISTURBANCES = ("disable-key", "delete-key", "rotate", "old-policy", "unshare", "delete", "disable-key=target-key")
PAIRS = list(combinations(DISTURBANCES, 2)) if SOAK else [("disable-key", "unshare"), ("old-policy", "delete")]
CONTINUED = 10_000 if SOAK else 40  # pairs of merged states


def explored_both_ways(scenario: Scenario, services: Services, names: tuple[str, ...]) -> tuple[Any, Any]:
    merged = session.explore(scenario, services, names)
    return merged, session.explore(scenario, services, names, merge=False)


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_with_and_without_merging_the_same_is_found(
    happy: Scenario, services: Services, names: tuple[str, ...]
) -> None:
    merged, each_alone = explored_both_ways(happy, services, names)
    assert ends(merged) == ends(each_alone)
    assert told(merged) == told(each_alone)
    assert merged.found.orders == each_alone.found.orders
    assert each_alone.found.merged == 0 < merged.found.merged


@pytest.mark.skipif(not SOAK, reason="every order of three disturbances by itself: RESEAL_SOAK=1")
def test_with_and_without_merging_the_same_is_found_at_full_size(happy: Scenario, services: Services) -> None:
    for names in combinations(DISTURBANCES, 3):
        merged, each_alone = explored_both_ways(happy, services, names)
        assert (ends(merged), told(merged)) == (ends(each_alone), told(each_alone)), names


def test_two_principals_with_six_calls_each_have_924_orders_and_49_states(services: Services, tmp_path: Path) -> None:
    """Calls of different accounts commute: where they do not meet, only the places in the tracks tell states apart."""
    explored = session.explore(load(written(tmp_path, INDEPENDENT), services.operations), services)
    assert explored.found.orders == comb(12, 6) == 924
    assert explored.found.states == 7 * 7


@pytest.mark.parametrize("key_state", SIX_EACH_STATES)
def test_every_order_of_two_times_six_calls_of_a_share_ends_as_declared(
    services: Services, tmp_path: Path, key_state: str
) -> None:
    """reliability.md D7. Method: every order played by itself, and merged; an order that fails ends at once."""
    scenario = load(written(tmp_path, six_each(key_state)), services.operations)
    merged = session.explore(scenario, services)
    assert told(merged) == {}
    assert {row.end.name for row in merged.verdict.rows} == (
        {"restored", "refused"} if key_state == "Enabled" else {"refused"}
    )
    if SOAK or key_state == "Enabled":
        each_alone = session.explore(scenario, services, merge=False)
        assert (ends(merged), merged.found.orders) == (ends(each_alone), each_alone.found.orders)


class Pairs(search.Search):
    """A search that keeps what it merges: the state that was there, and a copy of the one that came later."""

    kept: list[tuple[search.Node, search.Node]]

    def _enter(self, child: search.Node, fresh: dict[bytes, search.Node]) -> None:
        before = self._found.merged
        super()._enter(child, fresh)
        if self._found.merged > before:
            known = next(node for node in fresh.values() if node.number == self._found.edges[-1][1])
            self.kept.append((copied(known), child))


def copied(node: search.Node) -> search.Node:
    assert node.port is not None
    assert node.course is not None
    return search.Node(node.number, node.place, 1, node.parent, node.step, node.outcome, node.port, node.course)


def test_merged_states_go_on_alike(services: Services) -> None:
    """Method: the same calls from both, in an order drawn at random: outcomes and fingerprints stay equal."""
    scenario = load(FIVE_STEPS, services.operations)
    workflow = session_workflow(services)
    what = plan(scenario, workflow, chosen(scenario, ("disable-key", "unshare", "rotate", "old-policy")))
    port, course = session.set_up(what, services)
    searching = Pairs(what, port, course)
    searching.kept = []
    searching.run()
    assert len(searching.kept) > CONTINUED or SOAK
    draw = random.Random(7)
    for one, other in draw.sample(searching.kept, min(CONTINUED, len(searching.kept))):
        assert steps(one.path()) != steps(other.path())
        went_on_alike(searching, one, other, draw)


def went_on_alike(searching: Any, one: search.Node, other: search.Node, draw: random.Random) -> None:
    while moves := list(searching.enabled(one)):
        assert moves == list(searching.enabled(other))
        step, track = draw.choice(moves)
        one, other = searching.made(one, step, track), searching.made(other, step, track)
        assert one.outcome == other.outcome
        assert one.place == other.place
        assert one.port is not None
        assert other.port is not None
        assert one.port.fingerprint() == other.port.fingerprint(), (steps(one.path()), steps(other.path()))


def session_workflow(services: Services) -> Any:
    from workflows.catalogue import load as load_workflow

    return load_workflow("snapshot_sharing", services.operations)


def test_a_path_played_again_comes_to_the_same(services: Services) -> None:
    """What is shown and written of a surprise is what was found. Method: every end's shortest path, replayed."""
    from workflows.explore.write import replayed

    explored = session.explore(load(HAPPY, services.operations), services, ("delete", "disable-key=target-key"))
    for row in explored.verdict.rows:
        path = row.shortest.path()
        again = list(replayed(explored.plan, explored.port, explored.course, path))
        assert [each.outcome for each in again] == [str(node.outcome) for node in path]


def test_no_step_of_a_search_changes_the_world_it_began_with(services: Services) -> None:
    scenario = load(HAPPY, services.operations)
    what = plan(scenario, session_workflow(services), chosen(scenario, ("disable-key",)))
    port, course = session.set_up(what, services)
    before, scope = port.fingerprint(), dict(course.scope)
    search.Search(what, port, course).run()
    assert port.fingerprint() == before
    assert course.scope == scope
