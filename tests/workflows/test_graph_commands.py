"""`reseal graph` and its questions, of a scenario's states and of a server's worlds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from scenario_runs import HAPPY
from typer.testing import CliRunner

from app import cli_graph, cli_run


@pytest.fixture(scope="module")
def reseal() -> Any:
    app = typer.Typer()
    cli_run.mount(app)
    cli_graph.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def ask(reseal: Any) -> Any:
    """A question about the happy path, answered as JSON."""
    return lambda *words: json.loads(reseal("graph", *words, "--file", HAPPY, "--json").stdout)


def test_without_a_question_the_graph_is_shown_as_before(reseal: Any) -> None:
    plain, named = reseal("graph", HAPPY), reseal("graph", "show", HAPPY)
    assert (plain.exit_code, plain.stdout) == (0, named.stdout)
    assert "account 111122223333" in plain.stdout
    assert "readers" in reseal("graph", "--help").stdout


def test_things_and_principals_go_by_the_names_of_the_scenario(ask: Any) -> None:
    answer = ask("readers", "snapshot", "--as", "source/root", "--as", "target/importer")
    assert [(one["account"], one["reads"]) for one in answer["readers"]] == [
        ("111122223333", True), ("444455556666", False),
    ]  # fmt: skip


def test_a_question_is_asked_of_a_step(ask: Any) -> None:
    """Goal: before the share nobody of the target is asked; after it its root reads."""
    before, after = (ask("readers", "snapshot", "--at", step) for step in ("grant", "share"))
    assert {one["account"] for one in before["readers"]} == {"111122223333"}
    assert any(one["reads"] for one in after["readers"] if one["account"] == "444455556666")


def test_structure_and_impact(ask: Any) -> None:
    assert ask("independent", "copy", "source")["holds"] is True
    assert ask("path", "restore", "source-key")["holds"] is False
    lost = ask("impact", "disable", "source-key")
    assert {turn["account"] if "account" in turn else turn["who"] for turn in lost["turns"]} == {
        "111122223333", "444455556666",
    }  # fmt: skip


def test_two_steps_and_a_saved_graph_are_compared(reseal: Any, ask: Any, tmp_path: Path) -> None:
    gained = ask("diff", "--from", "snapshot", "--to", "share")["change"]["gained"]
    assert {edge["kind"] for edge in gained["edges"]} >= {"delegates", "shared-with"}
    saved = tmp_path / "graph.json"
    saved.write_text(reseal("graph", HAPPY, "--format", "json").stdout, encoding="utf-8")
    assert ask("diff", "--saved", saved)["holds"] is False


def test_an_edit_takes_references_to_the_scenario(ask: Any, tmp_path: Path) -> None:
    parameters = '{"KeyId": "${{ source-key.KeyMetadata.Arn }}"}'
    answer = ask("edit", "--call", "kms:DisableKey", "--by", "source/root", "--parameters", parameters)
    assert [pair["after"]["state"] for pair in answer["change"]["changed"]["nodes"]] == ["Disabled"]
    policy = tmp_path / "policy.json"
    allowed = {"Effect": "Allow", "Action": ["ebs:*", "kms:*"], "Resource": "*"}
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": allowed}), encoding="utf-8")
    gained = ask("edit", "--policy", policy, "--on", "target/importer", "--of", "copy", "--as", "target/importer")
    (turn,) = gained["turns"]
    assert "direct" in set(turn["after"]) - set(turn["before"])


def test_an_expected_answer_decides_the_exit_code(reseal: Any) -> None:
    """Goal: a check in CI, in one line."""
    asked = ("graph", "independent", "snapshot", "source", "--file", HAPPY, "--expect")
    assert reseal(*asked, "no").exit_code == 0
    unmet = reseal(*asked, "yes")
    assert (unmet.exit_code, unmet.stderr) == (1, "reseal: the answer is no, not yes\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("readers", "snap-none"), "no node is 'snap-none'"),
        (("readers", "snapshot", "--as", "target/nobody"), "no principal is '444455556666/nobody'"),
        (("readers", "snapshot", "--at", "nowhere"), "the run has no step 'nowhere': "),
        (("impact", "revoke", "source-key"), "to revoke a grant takes a grant"),
        (("edit", "--call", "kms:DisableKey"), "an edit is --call with --by, or --policy with --on"),
        (("edit", "--policy", "nowhere.json", "--on", "source-key"), "nowhere.json: No such file"),
        (("diff",), "name the state to compare with"),
    ],
)
def test_what_can_not_be_answered_ends_with_2_and_says_why(reseal: Any, words: tuple[str, ...], told: str) -> None:
    result = reseal("graph", *words, "--file", HAPPY)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


def test_a_question_needs_a_world(reseal: Any) -> None:
    assert "--file, or a server" in reseal("graph", "depends", "snap-1").stderr


# a server


def test_a_server_answers_the_same_questions(reseal: Any, client: Any, endpoint: str) -> None:
    source = client("ec2", "111111111111")
    volume = source.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True)["VolumeId"]
    snapshot = source.create_snapshot(VolumeId=volume)["SnapshotId"]
    there = ("--endpoint", endpoint)
    answer = json.loads(reseal("graph", "readers", snapshot, "--as", "111111111111/root", *there, "--json").stdout)
    assert [one["reads"] for one in answer["readers"]] == [True]
    assert "rests on" in reseal("graph", "depends", snapshot, *there).stdout
    met = reseal("graph", "independent", snapshot, "111111111111", *there, "--expect", "no")
    assert met.exit_code == 0
    unknown = reseal("graph", "readers", "snap-none", *there)
    assert (unknown.exit_code, unknown.stderr.startswith("reseal: no node is 'snap-none'")) == (2, True)
    call = ("--call", "ec2:DeleteSnapshot", "--by", "111111111111/root", "--parameters")
    edited = json.loads(reseal("graph", "edit", *call, json.dumps({"SnapshotId": snapshot}), *there, "--json").stdout)
    assert snapshot in [node["id"] for node in edited["change"]["lost"]["nodes"]]
    assert source.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]


def test_a_server_that_is_not_there_ends_with_3(reseal: Any) -> None:
    assert reseal("graph", "depends", "snap-1", "--endpoint", "http://127.0.0.1:9").exit_code == 3
