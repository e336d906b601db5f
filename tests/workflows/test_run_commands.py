"""`reseal run`, `check`, `graph`, `explain`: what they print, where, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from scenario_runs import BROKEN, HAPPY
from typer.testing import CliRunner

from app import cli_check, cli_explain, cli_graph, cli_run

SILENT = str(BROKEN / "target-iam-silent.reseal.yaml")


@pytest.fixture
def reseal() -> Any:
    app = typer.Typer()
    cli_run.mount(app)
    cli_check.mount(app)
    cli_explain.mount(app)
    cli_graph.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


def test_a_run_as_expected_exits_0_with_its_steps_on_stdout_and_its_summary_on_stderr(reseal: Any) -> None:
    result = reseal("run", HAPPY)
    assert result.exit_code == 0
    assert "ended     restored (snapshot_sharing)" in result.stdout
    assert "5 steps, restored, as expected" in result.stderr
    assert "5 steps" not in result.stdout


def test_an_unmet_expectation_exits_1_and_names_its_line(reseal: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        "reseal: 1\nname: x\naccounts: [one]\nsteps:\n  - id: key\n    as: one/root\n    call: kms:CreateKey\n"
        "    expect:\n      response:\n        KeyMetadata.KeyState: Disabled\n",
        encoding="utf-8",
    )
    result = reseal("run", path)
    assert result.exit_code == 1
    assert f"{path}:10:9" in "".join(result.stdout.split())
    assert "is 'Enabled', not 'Disabled'" in " ".join(result.stdout.split())


def test_an_invalid_file_exits_2_with_its_mistakes(reseal: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.reseal.yaml"
    path.write_text("reseal: 1\nname: x\naccounts: [one]\nstep: []\n", encoding="utf-8")
    result = reseal("check", path)
    assert result.exit_code == 2
    assert result.stdout.startswith(f"{path}:4:1: unknown key 'step'; did you mean 'steps'?")
    assert json.loads(reseal("check", path, "--json").stdout.splitlines()[0])["line"] == 4


def test_a_server_that_does_not_answer_exits_3(reseal: Any) -> None:
    result = reseal("run", HAPPY, "--endpoint", "http://127.0.0.1:9")
    assert result.exit_code == 3
    assert result.stdout == ""


def test_nothing_to_run_exits_5(reseal: Any, tmp_path: Path) -> None:
    assert reseal("run", tmp_path).exit_code == 5


def test_every_scenario_that_comes_with_reseal_is_valid(reseal: Any) -> None:
    assert reseal("check", HAPPY.parents[1]).exit_code == 0


def test_the_json_form_is_one_versioned_object_a_run(reseal: Any) -> None:
    lines = reseal("run", HAPPY, SILENT, "--format", "json").stdout.splitlines()
    assert [(told["reseal"], told["ok"], told["state"]) for told in map(json.loads, lines)] == [
        (1, True, "restored"),
        (1, True, "refused"),
    ]


def test_the_graph_of_a_scenario_can_be_had_after_any_step(reseal: Any) -> None:
    before = json.loads(reseal("graph", HAPPY, "--format", "json", "--at", "snapshot").stdout)
    after = json.loads(reseal("graph", HAPPY, "--format", "json", "--at", "share").stdout)
    kinds = [{edge["kind"] for edge in graph["edges"]} for graph in (before, after)]
    assert "shared-with" not in kinds[0]
    assert "shared-with" in kinds[1]
    assert reseal("graph", HAPPY, "--at", "nowhere").exit_code == 2


def test_a_folder_takes_one_picture_a_step(reseal: Any, tmp_path: Path) -> None:
    assert reseal("run", HAPPY, "--svg", tmp_path).exit_code == 0
    names = sorted(path.name for path in tmp_path.glob("*.svg"))
    assert names == ["01-snapshot.svg", "02-grant.svg", "03-share.svg", "04-copy.svg", "05-restore.svg"]


def test_the_last_run_of_a_journal_is_explained(reseal: Any, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    reseal("run", SILENT, "--journal", journal)
    text = reseal("explain", "--last", "--journal", journal).stdout
    assert text.startswith("error[D101]: kms:CreateGrant was denied")
    assert reseal("explain", "nobody", "--journal", journal).exit_code == 2
    assert reseal("explain").exit_code == 2
