"""`reseal explore`: which ends can happen when nobody waits for anybody, and the shortest path to each surprise."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from exploring import EXPLORE, FIVE_STEPS, ends, steps, told
from scenario_runs import BROKEN, HAPPY, ROOT
from typer.testing import CliRunner

from app import cli_explore, cli_run
from app.kernel.operation import Services
from workflows.catalogue import WORKFLOWS
from workflows.explore import disturb, session
from workflows.explore.judge import judged
from workflows.explore.search import Limits, Search
from workflows.explore.tracks import CannotExplore, plan
from workflows.machine import Settled
from workflows.scenario import Scenario, load
from workflows.yaml_marks import InvalidFile

SHARING = next(each for each in WORKFLOWS if each.name == "snapshot_sharing")
LATER = Settled("SOURCE_NOT_FOUND")


@pytest.fixture
def reseal() -> Any:
    app = typer.Typer()
    cli_run.mount(app)
    cli_explore.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


def with_explore(write: Any, explore: str) -> Path:
    """The happy path with an `explore:`."""
    return write(f"# ?\nreseal: 1\nextends: {HAPPY}\nexplore:\n{explore}")


# --- the scenarios that come with reseal ---


def test_the_five_step_share_has_the_ends_that_its_theory_says(services: Services) -> None:
    """Only the order of copy against the rest decides: who is first with the copy is independent of the source."""
    explored = session.explore_file(str(FIVE_STEPS), services)
    shortest = {row.declared: steps(row.shortest.path()) for row in reversed(explored.verdict.rows)}
    assert shortest["restored"] == ["snapshot", "grant", "share", "copy", "restore"]
    assert shortest["too-early-or-too-late"] == ["snapshot", "copy"]
    assert shortest["nothing-to-share"] == ["snapshot", "grant", "delete", "share"]
    assert shortest["key-is-off"] == ["snapshot", "grant", "share", "disable-key", "copy"]


# --- surprises ---


@pytest.mark.parametrize(
    ("row", "path"),
    [
        (("copy", LATER, "refused"), ["snapshot", "copy"]),
        (("share", "InvalidSnapshot.NotFound", "refused"), ["snapshot", "grant", "delete", "share"]),
        (("copy", Settled("KEY_NOT_ACCESSIBLE"), "refused"), ["snapshot", "grant", "share", "disable-key", "copy"]),
    ],
    ids=lambda value: str(value[1]) if isinstance(value, tuple) else "",
)
def test_an_outcome_without_a_row_is_found_by_a_shortest_path(
    row: Any, path: list[str], happy: Scenario, services: Services
) -> None:
    """Method: the machine without one of its rows."""
    gap = replace(SHARING, next=tuple(each for each in SHARING.next if each != row))
    assert len(gap.next) == len(SHARING.next) - 1
    what = plan(happy, gap, disturb.chosen(happy, ("disable-key", "delete")))
    found = Search(what, *session.set_up(what, services)).run()
    surprises = judged(found, complete=False).surprises
    assert [one.what for one in surprises] == [f"snapshot_sharing has no row for {row[1]} at {row[0]} ({path[-1]})"]
    assert steps(surprises[0].shortest.path()) == path


def test_a_promise_that_does_not_hold_in_an_end_that_is_ok_is_a_surprise(happy: Scenario, services: Services) -> None:
    """Method: a machine whose copy promises what no copy does."""

    def copy_is_under_source_key(view: Any) -> bool:
        """The copy is under the source's key."""
        return False

    states = tuple(replace(each, ensures=copy_is_under_source_key) if each.name == "copy" else each
                   for each in SHARING.states)  # fmt: skip
    what = plan(happy, replace(SHARING, states=states), ())
    found = Search(what, *session.set_up(what, services)).run()
    surprises = judged(found, complete=False).surprises
    words = "restored, though copy ensures what does not hold: the copy is under the source's key (copy)"
    assert [one.what for one in surprises] == [words]


def test_an_end_that_is_ok_but_can_not_be_read_is_a_surprise(happy: Scenario, services: Services) -> None:
    """Every row of the machine is there, and the run is `restored`: only reading tells."""
    explored = session.explore(happy, services, ("disable-key=target-key",))
    assert told(explored) == {"restored, but target can not read what restore made": 6}


def test_an_end_that_the_scenario_does_not_declare_is_a_surprise(write: Any, services: Services) -> None:
    path = with_explore(write, "  disturb: [unshare]\n  ends: {restored: it went through}\n")
    explored = session.explore_file(str(path), services)
    assert told(explored) == {
        "refused by copy: later SOURCE_NOT_FOUND: no declared end fits; "
        "the nearest, restored, does not: it is refused": 2
    }


def test_a_declared_end_in_which_somebody_can_read_who_should_not_is_a_surprise(write: Any, services: Services) -> None:
    ends = "  ends: {refused: too early, restored: {why: x, can-not-read: {snapshot: [source]}}}\n"
    explored = session.explore_file(str(with_explore(write, ends)), services)
    assert list(told(explored)) == [
        "restored by restore: OK: no declared end fits; the nearest, restored, does not: source can read snapshot"
    ]


def test_a_declared_end_that_can_not_happen_fails(write: Any, services: Services, reseal: Any) -> None:
    path = with_explore(
        write, "  ends: {restored: x, refused: x, off: {end: refused, why: x, at: ['copy: AuthFailure']}}\n"
    )
    explored = session.explore_file(str(path), services)
    assert explored.verdict.not_reached == ("off",)
    assert reseal("explore", path).exit_code == 1
    assert reseal("explore", path, "--disturb", "unshare").exit_code == 0  # its claims are about its own disturbances


def test_a_scenario_that_stops_half_way_is_unfinished(write: Any, services: Services) -> None:
    path = write(f"reseal: 1\nextends: {HAPPY}\nstop-after: share\n")
    explored = session.explore_file(str(path), services)
    assert told(explored) == {"unfinished: every call is made, and no end is reached": 3}


def test_a_broken_scenario_is_explored_along_what_it_expects(services: Services) -> None:
    """Its steps follow the machine by their expected outcomes, as `reseal check` walks them."""
    explored = session.explore_file(str(BROKEN / "not-shared.reseal.yaml"), services)
    assert {row.end.name for row in explored.verdict.rows} == {"refused"}


# --- what can be called ---


def test_a_call_waits_for_what_it_refers_to(happy: Scenario, services: Services) -> None:
    """The copy names the snapshot, the restore names the copy: no path has them the other way round."""
    explored = session.explore(happy, services, ("unshare",))
    for node, _ in explored.found.ends:
        path = steps(node.path())
        assert path.index("snapshot") == 0 if "copy" in path else True
        assert "restore" not in path or path.index("copy") < path.index("restore")


def test_a_disturbance_happens_once_at_most_and_at_every_point(happy: Scenario, services: Services) -> None:
    explored = session.explore(happy, services, ("rotate",))
    paths = {tuple(steps(node.path())) for node, _ in explored.found.ends}
    assert all(path.count("rotate") <= 1 for path in paths)
    # at any of 6 points of the whole share; before a call of [snapshot, copy] or not at all; likewise with the grant
    assert explored.found.orders == 6 + (2 + 1) + (3 + 1)


@pytest.mark.parametrize(
    "name", ["disable-key", "delete-key", "rotate", "old-policy", "unshare", "delete", "delete-volume"]
)
def test_each_ready_disturbance_finds_its_occasion_in_any_sharing_scenario(
    name: str, happy: Scenario, services: Services
) -> None:
    """Method: it is called once on the plain path, and succeeds."""
    (step,) = disturb.chosen(happy, (name,))
    assert step.as_ == "source/root"
    explored = session.explore(happy, services, (name,))
    came_to = {label for _, _, label in explored.found.edges if label.startswith(f"{step.id}: ")}
    assert f"{step.id}: OK" in came_to


def test_a_disturbance_has_a_name_of_its_own(services: Services) -> None:
    """Method: a scenario that has a step of that name already."""
    races = load(EXPLORE / "unshare-races-the-copy.reseal.yaml", services.operations)
    (step,) = disturb.chosen(races, ("unshare",))
    assert step.id == "other-unshare"
    assert "unshare" in {each.id for each in races.spec.steps}


def test_a_grant_can_be_revoked_at_any_point(write: Any, services: Services) -> None:
    """Method: the key is shared by a grant alone, made aside; revoked before the copy, the key can not be used."""
    grantee = "arn:aws:iam::${{ accounts.target }}:root"
    path = write(
        f"reseal: 1\nextends: {HAPPY}\nchange:\n"
        "  grant: {with: {Policy: 'file://p.json'}, expect: {graph: {}}}\n"
        "insert-after:\n  grant:\n    - id: by-grant\n      aside: true\n      as: source/root\n"
        "      call: kms:CreateGrant\n      with:\n        KeyId: ${{ source-key.KEY }}\n"
        f"        GranteePrincipal: {grantee}\n        Operations: [Decrypt, CreateGrant, DescribeKey]\n"
        "explore: {disturb: [revoke-grant]}\n",
        p__json=(HAPPY.parent / "policies/source-key.json").read_text(),
    )
    explored = session.explore_file(str(path), services)
    refused = [row for row in explored.verdict.rows if row.end.how == "copy: later KEY_NOT_ACCESSIBLE"]
    assert any(
        "revoke-grant" in steps(node.path()) for node, end in explored.found.ends if end.how == refused[0].end.how
    )
    assert "restored" in {row.end.name for row in explored.verdict.rows}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("unshar",), "there is no disturbance 'unshar'; did you mean 'unshare'?"),
        (("revoke-grant",), "no step of the account that shares is a kms:CreateGrant"),
        (("disable-key=copy",), "step 'copy' is not a kms:CreateKey"),
    ],
    ids=["misspelt", "no occasion", "another step"],
)
def test_a_disturbance_that_can_not_be_made_is_refused(happy: Scenario, names: tuple[str, ...], says: str) -> None:
    with pytest.raises(CannotExplore, match=says.replace("?", r"\?")):
        disturb.chosen(happy, names)


# --- mistakes in the file ---


@pytest.mark.parametrize(
    ("explore", "at", "says"),
    [
        ("  disturb: [unshar]\n", "5:13", "did you mean 'unshare'?"),
        ("  disturb: [revoke-grant]\n", "5:13", "is a kms:CreateGrant"),
        ("  distrub: [unshare]\n", "5:3", "unknown key 'distrub'; did you mean 'disturb'?"),
        ("  ends: {restord: x}\n", "5:10", "the workflow has no end 'restord'; did you mean 'restored'?"),
        ("  ends: {a: {end: b, why: x}}\n", "5:14", "the workflow has no end 'b'; known are restored, refused"),
        ("  ends: {restored: {at: [restore]}}\n", "5:10", "`why:` is missing"),
        ("  ends: {restored: {why: x, at: [restor]}}\n", "5:34", "there is no step 'restor'; did you mean 'restore'?"),
        ("  ends: {refused: {why: x, at: ['copy: later SOURCE_NOT_FUND']}}\n", "5:33",
         "no row says that copy comes to 'later SOURCE_NOT_FUND'; did you mean 'later SOURCE_NOT_FOUND'?"),
        ("  ends: {restored: {why: x, can-read: {grant: [target]}}}\n", "5:40", "no snapshot or volume is made by"),
        ("  ends: {restored: {why: x, can-read: {copy: [trget]}}}\n", "5:47", "did you mean 'target'?"),
        ("  steps: [{id: copy, as: source/root, call: kms:ListKeys}]\n", "5:12", "'copy' means something else already"),
        ("  steps: [{id: x, as: source/root, call: kms:ListKey}]\n", "5:42", "did you mean 'ListKeys'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_before_anything_runs(
    explore: str, at: str, says: str, write: Any, services: Services
) -> None:
    path = with_explore(write, explore)
    with pytest.raises(InvalidFile) as invalid:
        load(path, services.operations)
    assert str(invalid.value).startswith(f"{path}:{at}: ")
    assert says in str(invalid.value)


def test_what_is_explored_needs_a_workflow(write: Any, services: Services) -> None:
    path = write(
        "reseal: 1\nname: x\naccounts: [one]\nsteps:\n  - {id: k, as: one/root, call: kms:CreateKey}\n"
        "explore: {ends: {unfinished: x}}\n"
    )
    with pytest.raises(InvalidFile, match="7:10: `explore:` needs `workflow:`".replace("7", "6")):
        load(path, services.operations)


def test_a_clock_is_moved_by_whole_minutes(write: Any, services: Services) -> None:
    path = with_explore(write, "  steps: [{id: soon, advance: 30s}]\n")
    with pytest.raises(CannotExplore, match="5:22: exploration tells moments apart by the minute"):
        session.explore_file(str(path), services)


# --- the command ---


def test_it_exits_0_where_every_end_is_declared_and_says_what_it_searched(reseal: Any) -> None:
    result = reseal("explore", FIVE_STEPS)
    assert result.exit_code == 0
    assert "119 states, 166 calls, 48 to a state known already" in result.stdout
    assert "no surprise: every end is declared" in result.stdout
    assert "119 states, 7 ends, 0 surprises" in result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_it_exits_1_at_a_surprise_and_says_who_called_what_and_why(reseal: Any) -> None:
    result = reseal("explore", HAPPY, "--disturb", "disable-key=target-key,unshare")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "restored, but target can not read what restore made" in said
    assert "6 disable-key-target-key target/root kms:DisableKey: 200" in said


def test_what_is_written_plays_to_the_same_surprise(reseal: Any, write: Any, tmp_path: Path) -> None:
    """Method: `reseal run` of each file, where each call has to come to what it came to; then of one that says else."""
    path = with_explore(write, "  ends: {restored: nothing comes between}\n")
    names = "disable-key=target-key,delete"
    found = reseal("explore", path, HAPPY, "--disturb", names, "--write", tmp_path / "found")
    assert found.exit_code == 1
    files = sorted((tmp_path / "found").glob("*.reseal.yaml"))
    assert len(files) == found.stdout.count("1   snapshot") > 3
    for file in files:
        assert reseal("run", file, "--no-repairs").exit_code == 0, file.read_text()
    late = next(file for file in files if "Source snapshot is not found" in file.read_text())
    late.write_text(late.read_text().replace("snapshot is not found", "snapshot is archived"))
    assert reseal("run", late, "--no-repairs").exit_code == 1


@pytest.mark.parametrize(
    "form", [(), ("--json",), ("--dot",), ("--svg", "/dev/stdout")], ids=["text", "json", "dot", "svg"]
)
def test_the_same_bytes_whatever_the_hash_seed(form: tuple[str, ...]) -> None:
    def said(seed: str) -> bytes:
        code = "from app.cli import main; main()"
        arguments = ["explore", str(FIVE_STEPS.relative_to(ROOT)), *form]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True, check=True
        ).stdout

    assert said("1") == said("2") != b""


def test_the_session_of_the_page_is_what_is_said(reseal: Any) -> None:
    """Method: the example in docs/exploration.md; what stands for more is left out."""
    page = (ROOT / "docs/exploration.md").read_text()
    command, *lines = [
        line.strip() for line in page.partition("    $ reseal ")[2].partition("\n\n| word")[0].splitlines()
    ]
    result = reseal(*(str(ROOT / word) if "/" in word else word for word in command.split()))
    said = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert [line for line in lines if line not in ("", "...") and " ".join(line.split()) not in said] == []


def test_json_is_one_object_a_file(reseal: Any) -> None:
    whole = json.loads(reseal("explore", HAPPY, "--disturb", "delete,disable-key=target-key", "--json").stdout)
    assert (whole["reseal"], whole["ok"], whole["exhaustive"]) == (1, False, True)
    (surprise,) = whole["surprises"]
    assert [each["step"] for each in surprise["path"]] == [each["step"] for each in surprise["told"]]
    assert surprise["told"][-1]["principal"] == "target/root"
    assert {end["end"] for end in whole["ends"]} == {"restored", "refused"}


def test_a_limit_is_said_and_exits_3_unless_a_surprise_was_found_before(reseal: Any) -> None:
    cut = reseal("explore", FIVE_STEPS, "--max-states", "20")
    assert cut.exit_code == 3
    assert "the search was ended by its limit of 20 states" in " ".join(cut.stdout.split())
    assert "CUT at 20 states" in cut.stderr
    assert "every end is declared" not in cut.stdout
    late = reseal("explore", FIVE_STEPS, "--seconds", "0.000001", "--json")
    assert late.exit_code == 3
    assert json.loads(late.stdout)["exhaustive"] is False


def test_a_search_that_ends_at_its_limit_is_not_cut(reseal: Any) -> None:
    """Method: the limit is what the whole search needs."""
    whole = json.loads(reseal("explore", FIVE_STEPS, "--json").stdout)
    again = reseal("explore", FIVE_STEPS, "--json", "--max-states", whole["states"] + 1)
    assert (again.exit_code, json.loads(again.stdout)) == (0, whole)


def test_a_scenario_that_follows_no_workflow_is_refused(reseal: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.reseal.yaml"
    path.write_text("reseal: 1\nname: x\naccounts: [one]\nsteps:\n  - {id: k, as: one/root, call: kms:CreateKey}\n")
    result = reseal("explore", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "follows no workflow" in result.stderr


def test_a_clock_that_settles_later_is_refused_with_its_place(write: Any, reseal: Any) -> None:
    path = write(f"reseal: 1\nextends: {HAPPY}\nclock: manual\n")
    result = reseal("explore", path)
    assert result.exit_code == 2
    assert f"{path}:3:1: exploration settles every call before the next" in result.stderr


def test_limits_count_what_was_searched(happy: Scenario, services: Services) -> None:
    explored = session.explore(happy, services, ("unshare", "delete"), Limits(states=30))
    assert explored.found.cut == "30 states"
    assert ends(explored) != []
