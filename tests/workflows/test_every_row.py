"""Each group of the casebook and each row of what is easily got wrong has its scenario or its reason; and the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scenario_runs import SCENARIOS

from app.policy.causes import Cause
from workflows import scenario_index
from workflows.scenario import load
from workflows.scenario_index import ROWS, index, rows, scenario_of

DECLARED = rows()
ROW_IDS = list(DECLARED["rows"])
COUNTS = {"ebs": 14, "kms": 16, "policy": 15}  # of the references: kms.md has ten, and six more in one line
EASILY_WRONG = (SCENARIOS / ROWS).parent


@pytest.mark.parametrize("group", DECLARED["casebook"])
def test_each_group_of_the_casebook_has_its_scenario(group: str) -> None:
    assert (SCENARIOS / "casebook" / f"{group}.reseal.yaml").is_file()


def test_there_is_no_scenario_of_a_group_that_is_not_declared() -> None:
    found = {path.name.removesuffix(".reseal.yaml") for path in (SCENARIOS / "casebook").glob("*.reseal.yaml")}
    assert found == set(DECLARED["casebook"])
    assert len(found) == 22


def test_the_rows_are_all_there_and_numbered_without_a_gap() -> None:
    assert [f"{name}-{number:02}" for name, count in COUNTS.items() for number in range(1, count + 1)] == ROW_IDS


@pytest.mark.parametrize("row", ROW_IDS)
def test_each_row_has_its_scenario_or_the_reason_why_none_can_show_it(row: str) -> None:
    file = scenario_of(row, DECLARED)
    reason = DECLARED["no-scenario"].get(row)
    assert bool(file) != bool(reason)
    assert not file or (EASILY_WRONG / file).is_file()


def test_every_scenario_there_belongs_to_a_row() -> None:
    shown = {scenario_of(row, DECLARED) for row in ROW_IDS} - {""}
    assert {path.name for path in EASILY_WRONG.glob("*.reseal.yaml")} == shown
    assert set(DECLARED["same-story"]) | set(DECLARED["no-scenario"]) <= set(ROW_IDS)


@pytest.mark.parametrize("folder", ["casebook", "easily-wrong"])
def test_each_of_them_claims_something_and_each_of_its_denials_has_a_cause(folder: str) -> None:
    """Method: some step expects something; a step that expects a decision which refuses names a cause of the table."""
    for path in (SCENARIOS / folder).glob("*.reseal.yaml"):
        expected = [step.expect for step in load(path).spec.steps if step.expect]
        assert expected, path
        refusing = [each.decision for each in expected if each.decision and each.decision.result != "allow"]
        assert all(decision.cause in Cause.__members__ for decision in refusing), path


def test_the_index_is_what_the_files_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert scenario_index.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_index_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one").mkdir()
    scenario = tmp_path / "one/x.reseal.yaml"
    scenario.write_text(
        "# Is a | b?\nreseal: 1\nname: One\naccounts: [one]\nsteps:\n"
        "  - {id: a, as: one/root, call: ec2:DescribeVolumes, expect: {error: X}}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(scenario_index, "FOLDER", tmp_path)
    monkeypatch.setattr(scenario_index, "index", lambda: index(tmp_path))
    assert scenario_index.main(["--check"]) == 1
    assert "python -m workflows.scenario_index" in capsys.readouterr().err
    assert scenario_index.main([]) == scenario_index.main(["--check"]) == 0
    assert "| [One](one/x.reseal.yaml) | Is a \\| b? |  |  | X |" in (tmp_path / "README.md").read_text()
    scenario.write_text(re.sub("name: One", "name: Two", scenario.read_text()), encoding="utf-8")
    assert scenario_index.main(["--check"]) == 1
