"""A workflow's drawing: all of its rows, nothing on top of anything, and the path of a run in it."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
from declarations import good
from typer.testing import CliRunner

from app import cli_workflow, workflow_pages
from app.graph.labels import Point, Rect
from app.kernel.operation import Services
from workflows import catalogue
from workflows.drawing import dot, svg
from workflows.machine import OK, Workflow
from workflows.places import WIDTH, pairs, places

SVG = "{http://www.w3.org/2000/svg}"
SHARE = catalogue.WORKFLOWS[catalogue.NAMES.index("snapshot_sharing")]


def texts(picture: str, css: str) -> list[str]:
    """The texts of a class."""
    found = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return [each.text or "" for each in found if css in each.get("class", "").split()]


def marked(picture: str) -> set[str]:
    """Outcomes and states that are marked as taken."""
    groups = [each for each in ElementTree.fromstring(picture).iter(f"{SVG}g") if each.get("class") == "gained"]
    names = {text.text for group in groups for text in group if text.get("class") == "name"}
    return {str(each) for each in names | set(texts(picture, "gained"))}


def test_every_state_and_outcome_stands_in_the_drawing() -> None:
    picture = svg(SHARE)
    assert sorted(texts(picture, "name")) == sorted(state.name for state in SHARE.states)
    assert sorted(texts(picture, "label")) == sorted(str(outcome) for _, outcome, _ in SHARE.next)
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_a_runs_path_is_marked_with_where_it_stands() -> None:
    """Outcomes as values or in the words of a report."""
    picture = svg(SHARE, [("create_snapshot", OK), ("grant_use", OK), ("share", "OperationNotPermitted")])
    assert marked(picture) == {"create_snapshot", "grant_use", "share", "refused", "OK", "OperationNotPermitted"}
    assert "Now at refused" in picture


def test_an_outcome_that_no_row_names_is_drawn_to_unforeseen() -> None:
    picture = svg(SHARE, [("create_snapshot", "Strange")])
    assert marked(picture) == {"create_snapshot", "unforeseen", "Strange"}
    assert "unforeseen" not in svg(SHARE)


def overlap(one: Rect, way: tuple[Point, ...]) -> bool:
    """Whether a way runs through a box, but for its ends."""
    stretches = (Rect(min(a.x, b.x), min(a.y, b.y), abs(a.x - b.x), abs(a.y - b.y)) for a, b in pairwise(way))
    inside = Rect(one.left + 1, one.top + 1, one.width - 2, one.height - 2)
    return any(map(inside.overlaps, stretches))


def test_nothing_is_drawn_over_anything_else(services: Services) -> None:
    """Boxes, names of outcomes, ways through boxes, and the page's border. Method: a hundred made-up workflows."""
    random = Random(3)
    for workflow in [*catalogue.WORKFLOWS, *(good(random, services.operations) for _ in range(100))]:
        found = places(workflow.states, workflow.next, pairs(workflow.next))
        solid = [*found.boxes.values(), *found.names.values()]
        assert [pair for pair in combinations(solid, 2) if pair[0].overlaps(pair[1])] == []
        assert [
            pair for pair, way in found.ways.items() if any(overlap(box, way) for box in found.boxes.values())
        ] == []
        assert all(r.left >= 0 and r.left + r.width <= WIDTH and r.top + r.height <= found.height for r in solid)


def test_dot_shows_the_same_rows() -> None:
    drawn = [line for line in dot(SHARE).splitlines() if "->" in line and "start ->" not in line]
    assert drawn == [f'  "{state}" -> "{target}" [label="{outcome}"];' for state, outcome, target in SHARE.next]


@pytest.fixture
def reseal() -> Any:
    app = typer.Typer()
    app.callback()(lambda: None)
    cli_workflow.mount(app)
    return lambda *arguments: CliRunner().invoke(app, ["workflow", *arguments], catch_exceptions=False)


def test_the_command_lists_the_workflows(reseal: Any) -> None:
    assert reseal().exit_code == 0
    assert [line for line in reseal().stdout.splitlines() if not line.startswith(" ")] == list(catalogue.NAMES)
    assert [each["name"] for each in json.loads(reseal("--json").stdout)["workflows"]] == list(catalogue.NAMES)


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_the_command_shows_a_workflow_whole(name: str, reseal: Any) -> None:
    told = json.loads(reseal(name, "--json").stdout)
    workflow: Workflow = catalogue.WORKFLOWS[catalogue.NAMES.index(name)]
    assert [row["outcome"] for row in told["rows"]] == [str(outcome) for _, outcome, _ in workflow.next]
    assert all(row["means"] for row in told["rows"])
    assert told["theory"]
    shown = reseal(name).stdout
    assert [state.name for state in workflow.states if state.name not in shown] == []


def test_the_command_draws(reseal: Any) -> None:
    assert reseal(SHARE.name, "--format", "svg").stdout == svg(SHARE)
    assert reseal(SHARE.name, "--format", "mermaid").stdout.startswith("stateDiagram-v2\n")
    assert reseal(SHARE.name, "--format", "dot").stdout.startswith("digraph")


def test_an_unknown_workflow_is_refused_with_the_nearest_name(reseal: Any) -> None:
    refused = reseal("snapshot_sharin")
    assert refused.exit_code == 2
    assert "did you mean 'snapshot_sharing'?" in refused.stderr


def test_the_pages_are_as_the_declarations_say() -> None:
    """`python -m app.workflow_pages` writes them."""
    assert workflow_pages.stale() == []
