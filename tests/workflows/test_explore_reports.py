"""What CI and people get of an exploration: a picture, JUnit, GitHub's annotations, exit codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
from exploring import EXPLORE, FIVE_STEPS
from scenario_runs import HAPPY
from typer.testing import CliRunner

from app import cli_explore, cli_run
from app.kernel.operation import Services
from workflows.explore import session
from workflows.explore.picture import as_svg
from workflows.scenario import load

SVG = "{http://www.w3.org/2000/svg}"
SURPRISING = ("disable-key=target-key", "unshare")
RESTORE_LINE = next(n for n, line in enumerate(HAPPY.read_text().splitlines(), 1) if "- id: restore" in line)


@pytest.fixture
def reseal(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    app = typer.Typer()
    cli_explore.mount(app)
    cli_run.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


def texts(picture: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def spots(picture: ElementTree.Element) -> list[ElementTree.Element]:
    return [each for each in picture.iter() if each.get("class") == "spot"]


# --- the picture ---


def test_the_picture_of_a_small_search_has_every_state_and_tells_every_end(services: Services) -> None:
    explored = session.explore_file(str(FIVE_STEPS), services)
    picture = ElementTree.fromstring(as_svg(explored))
    ends = {(row.declared, row.end.how) for row in explored.verdict.rows}
    legend = 3
    assert len(spots(picture)) == explored.found.states + len(ends) + legend
    assert "119 states, 166 calls, 217 orders; every state is drawn" in texts(picture)
    for declared, how in ends:
        assert any(declared in line and how in line for line in texts(picture)), declared
    assert "snapshot → grant → delete → share   (in 9 states, 46 orders)" in texts(picture)


def test_the_picture_of_a_large_search_has_the_ends_and_a_shortest_path_to_each(services: Services) -> None:
    """Every order of the incident's calls is a state of its own: nobody could read them all."""
    explored = session.explore_file(str(EXPLORE / "outsider-races-the-responder.reseal.yaml"), services)
    picture = ElementTree.fromstring(as_svg(explored))
    assert explored.found.states > 150 > len(spots(picture))
    assert any(line.endswith("; drawn are the ends, and a shortest path to each") for line in texts(picture))
    for row in explored.verdict.rows:
        assert any(row.declared in line for line in texts(picture)), row.declared


def test_a_surprise_is_emphasised_in_the_picture_with_the_path_to_it(services: Services) -> None:
    """Method: a diamond, and as many stretches in its tone as its path has calls."""
    explored = session.explore(load(HAPPY, services.operations), services, SURPRISING)
    (surprise,) = explored.verdict.surprises
    picture = ElementTree.fromstring(as_svg(explored))
    assert f"surprise: {surprise.what}" in texts(picture)
    ways = [each for each in picture.iter(f"{SVG}path") if each.get("class") == "way lost"]
    assert len(ways) == len(surprise.shortest.path())
    turned = [each for each in spots(picture) if each.get("transform")]
    assert len(turned) == surprise.states + 1 + 1  # one told below, and one in the legend


def test_no_state_stands_on_another_one(services: Services) -> None:
    picture = ElementTree.fromstring(as_svg(session.explore_file(str(FIVE_STEPS), services)))
    rooms = [each for each in (_room(spot) for spot in spots(picture)) if each[0] != 32]  # told below
    for n, (x, y, radius) in enumerate(rooms):
        for other_x, other_y, other_radius in rooms[n + 1 :]:
            assert x != other_x or abs(y - other_y) >= radius + other_radius


def _room(spot: ElementTree.Element) -> tuple[float, float, float]:
    if spot.get("cx"):
        return float(spot.get("cx", 0)), float(spot.get("cy", 0)), float(spot.get("r", 0))
    half = float(spot.get("width", 0)) / 2
    return round(float(spot.get("x", 0)) + half, 1), round(float(spot.get("y", 0)) + half, 1), half


def test_a_picture_is_of_one_scenario_and_is_written_where_it_can_be(reseal: Any, tmp_path: Path) -> None:
    several = reseal("explore", HAPPY, FIVE_STEPS, "--svg", tmp_path / "x.svg")
    assert (several.exit_code, several.stderr) == (2, "reseal: --svg is for one scenario, not for 2\n")
    nowhere = reseal("explore", HAPPY, "--svg", tmp_path / "no/x.svg")
    assert (nowhere.exit_code, nowhere.stdout) == (2, "")
    assert reseal("explore", HAPPY, "--svg", tmp_path / "x.svg").exit_code == 0
    assert ElementTree.parse(tmp_path / "x.svg").getroot().get("width") == "1200"


# --- CI ---


def test_junit_has_a_case_an_end_and_a_failure_a_surprise_at_the_line_of_its_call(reseal: Any, tmp_path: Path) -> None:
    found = reseal("explore", HAPPY, FIVE_STEPS, "--disturb", ",".join(SURPRISING), "--junit", tmp_path / "x.xml")
    assert found.exit_code == 1
    suites = list(ElementTree.parse(tmp_path / "x.xml").getroot())
    assert len(suites) == 2
    failed = [case for case in suites[0] if case.find("failure") is not None]
    assert [(case.get("name"), case.get("line")) for case in failed] == [
        ("restored, but target can not read what restore made", str(RESTORE_LINE))
    ]
    failure = failed[0].find("failure")
    assert failure is not None
    assert "restore → disable-key-target-key" in failure.get("message", "")
    assert "kms:DisableKey: 200" in (failure.text or "")
    assert {case.get("name") for case in suites[0]} >= {"explored", "restored by restore: OK"}


def test_junit_tells_a_claim_that_does_not_hold_a_limit_and_a_file_that_is_not_valid(
    reseal: Any, write: Any, tmp_path: Path
) -> None:
    path = write(f"reseal: 1\nextends: {HAPPY}\nexplore:\n  ends: {{restored: x, refused: x, unfinished: never}}\n")
    bad = tmp_path / "bad.reseal.yaml"
    bad.write_text("reseal: 1\n")
    found = reseal("explore", path, bad, FIVE_STEPS, "--max-states", 15, "--junit", tmp_path / "x.xml")
    assert found.exit_code == 2
    told = {(each.tag, each.get("type")) for each in ElementTree.parse(tmp_path / "x.xml").iter() if each.get("type")}
    assert told == {("failure", "not-reached"), ("error", "invalid"), ("error", "cut")}


def test_github_is_told_at_the_line_of_the_call(reseal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself where GitHub listens. The path is told from the repository's root."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(HAPPY.parents[2]))
    found = reseal("explore", HAPPY, "--disturb", ",".join(SURPRISING))
    assert found.exit_code == 1
    (annotation,) = re.findall(r"^::error .*$", found.stdout, re.MULTILINE)
    assert annotation.startswith(f"::error file=scenarios/sharing/happy-path.reseal.yaml,line={RESTORE_LINE},")
    assert "::restored, but target can not read what restore made. Shortest path: snapshot → " in annotation
    assert found.stdout.index("::stop-commands::") < found.stdout.index("1 surprise") < found.stdout.index("::error ")


def test_nothing_is_annotated_where_every_end_is_declared_or_nobody_listens(reseal: Any) -> None:
    assert "::error" not in reseal("explore", FIVE_STEPS, "--github").stdout
    assert "::" not in reseal("explore", HAPPY, "--disturb", ",".join(SURPRISING)).stdout


def test_stdout_holds_one_form(reseal: Any) -> None:
    found = reseal("explore", HAPPY, "--json", "--dot")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "--dot and --json each say what stdout is to hold" in found.stderr


def test_in_order_and_at_most_are_taken_from_the_command_before_the_file(reseal: Any) -> None:
    in_order = reseal("explore", FIVE_STEPS, "--in-order", "--at-most", 1).stdout
    assert "all, in turn: snapshot, grant, share, copy, restore" in in_order
    assert "at most 1 disturbance in one order" in in_order
    any_order = reseal("explore", EXPLORE / "rotate-and-retire.reseal.yaml", "--any-order", "--max-states", 30).stdout
    assert "source/key-admin: rotate, disable, schedule" in any_order
