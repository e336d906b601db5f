"""Cells that begin alike are run once up to where they part, and nobody can tell: every cell comes to the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services import all_services
from tests.sweep.small import sampled
from workflows.files import Shelf
from workflows.session import in_memory_port, runner
from workflows.sweep.load import Sweep, load
from workflows.sweep.run import batches
from workflows.sweep.shared import Alike
from workflows.sweep.verdict import Happened, happened
from workflows.transition import to_json

EVERY = ("every-guard.reseal.yaml", "keys-and-conditions.reseal.yaml", "sharing-attributes.reseal.yaml")


@cache
def shipped(name: str) -> Sweep:
    """A sweep that ships, or a part of it: checking all of a large one takes longer than the test."""
    with TemporaryDirectory() as folder:
        return load(sampled(name, 200, Path(folder)), all_services().operations)


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_any_cells_in_any_order_come_to_the_same_with_and_without_sharing(data: st.DataObject) -> None:
    """The whole of what a run keeps is equal, not only its verdict. Method: cells of a shipped sweep, not in order."""
    sweep = shipped(data.draw(st.sampled_from(EVERY)))
    numbers = data.draw(st.lists(st.integers(0, len(sweep.cells) - 1), min_size=2, max_size=6, unique=True))
    shelf = Shelf(texts=sweep.texts)
    shared, alone = (
        Alike(all_services(), [sweep.scenario(shelf, number) for number in numbers], share=share)
        for share in (True, False)
    )
    for place in range(len(numbers)):
        assert to_json(shared.run(place)) == to_json(alone.run(place))


@pytest.mark.parametrize("name", EVERY)
def test_a_cell_comes_to_what_a_run_of_its_scenario_comes_to(name: str) -> None:
    """A run that keeps everything, contracts and graphs included. Method: some cells spread over the sweep."""
    sweep = shipped(name)
    for number in range(0, len(sweep.cells), -(-len(sweep.cells) // 6)):
        scenario = sweep.scenario(Shelf(texts=sweep.texts), number)
        report = runner(scenario, all_services(), in_memory_port(scenario, all_services())).run()
        assert happened(report) == by_itself(sweep, number)


def by_itself(sweep: Sweep, number: int) -> Happened:
    scenario = sweep.scenario(Shelf(texts=sweep.texts), number)
    return happened(Alike(all_services(), [scenario]).run(0))


def test_the_order_of_the_work_keeps_together_what_begins_alike() -> None:
    """Method: in the 135 cells, of the beginnings up to the copy, none stands in two places of the order."""
    sweep = shipped("keys-and-conditions.reseal.yaml")
    seen: list[tuple[str, ...]] = []
    for number in sweep.order:
        cell = sweep.cells[number]
        principals = (cell["target-iam"], cell["key-kind"])
        if not seen or seen[-1] != principals:
            seen.append(principals)
    assert len(seen) == len(set(seen)) == 6


def test_batches_have_every_cell_once() -> None:
    sweep = shipped("keys-and-conditions.reseal.yaml")
    for workers in (1, 2, 8):
        numbers = [number for batch in batches(sweep, all_services, workers) for number in batch.cells]
        assert sorted(numbers) == list(range(135))
