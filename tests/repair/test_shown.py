"""Where a refusal is explained, the repair that was tried is shown: runs, files, commands, REST; and claims of it."""

from __future__ import annotations

import difflib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app import cli_explain, cli_repair, cli_run
from app.host import Worlds
from app.kernel.call import Request, root_of
from app.kernel.store import MemoryStore
from app.main import application
from app.policy.repair_words import relabelled
from app.repair import search
from app.repair.run import run_file
from app.repair.write import CannotWrite, write
from app.services import all_services
from app.settings import Settings
from tests.explain import stories
from tests.explain.stage import Stage
from workflows.course import account_ids
from workflows.reports import as_text
from workflows.scenario import load
from workflows.session import Options
from workflows.yaml_marks import InvalidFile

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FORGETS = "broken/key-policy-forgets-create-grant.reseal.yaml"
SILENT = "broken/target-iam-silent.reseal.yaml"
DISABLED = "broken/key-disabled.reseal.yaml"
SERVICES = all_services()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scenarios, to be written into."""
    return Path(shutil.copytree(SCENARIOS, tmp_path / "scenarios"))


@pytest.fixture
def reseal() -> Any:
    app = typer.Typer()
    cli_run.mount(app)
    cli_explain.mount(app)
    cli_repair.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


# Runs.


def test_a_refused_step_shows_its_repair_under_its_cause(reseal: Any) -> None:
    lines = reseal("run", SCENARIOS / FORGETS).stdout.splitlines()
    because = next(at for at, line in enumerate(lines) if line.startswith("          because   kms:CreateGrant"))
    assert lines[because + 2].startswith("          repair    in 111122223333,")
    assert any(line.startswith("help: smallest repair (1 edit; keeps every other decision") for line in lines)


def test_the_repairs_of_a_run_are_in_its_json(reseal: Any) -> None:
    told = json.loads(reseal("run", SCENARIOS / FORGETS, "--format", "json").stdout)
    [found] = told["explanations"]
    first = found["repairs"][0]
    assert (first["size"], first["verified"]) == (1, True)
    assert first["edits"][0]["file"].endswith("source-key-no-grant.json")
    assert first["edits"][0]["statement"] == "UseByTarget"


def test_an_edit_of_a_statement_that_the_same_repair_adds_names_that_statement(folder: Path) -> None:
    """An importer who may do nothing in KMS needs several actions on one key: a new statement, then more actions."""
    silent = folder / "broken/policies/importer-silent.json"
    silent.write_text(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}',
        encoding="utf-8",
    )
    scenario = folder / SILENT
    scenario.write_text(
        "reseal: 1\nextends: ../sharing/happy-path.reseal.yaml\nstop-after: copy\n"
        "change:\n  principals:\n    target/importer: {policies: [policies/importer-silent.json]}\n"
        "steps:\n  - {id: copy, expect: {error: AuthFailure}}\n",
        encoding="utf-8",
    )
    report, repairs = run_file(str(scenario), SERVICES, Options())
    assert report.ok
    edits = repairs["copy"][0].body["edits"]
    assert [edit["path"] for edit in edits][:2] == ["/Statement", "/Statement/1/Action"]
    assert edits[1]["statement"] == edits[0]["add"]["Sid"]


def test_repairs_can_be_left_out_of_a_run(reseal: Any) -> None:
    assert "repair" not in reseal("run", "--no-repairs", SCENARIOS / "broken/boundary.reseal.yaml").stdout


def test_the_last_run_of_a_journal_is_explained_with_its_repairs(reseal: Any, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    reseal("run", SCENARIOS / SILENT, "--journal", journal)
    assert "help: smallest repair (1 edit" in reseal("explain", "--last", "--journal", journal).stdout
    told = json.loads(reseal("explain", "--last", "--journal", journal, "--json").stdout)
    assert told["explanations"][0]["repairs"][0]["verified"]
    assert reseal("repair", "--journal", journal, "--last").stdout.startswith("repairs of copy")


# What a scenario claims.


CLAIMING = sorted(path for path in SCENARIOS.rglob("*.reseal.yaml") if "repair:" in path.read_text())


@pytest.mark.parametrize("scenario", CLAIMING, ids=lambda path: path.name)
def test_a_scenario_s_claim_about_its_repair_holds(scenario: Path) -> None:
    report, _ = run_file(str(scenario), SERVICES, Options(), tries=False)
    assert report.ok, as_text(report)


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ("{size: 2}", "repair.size: the smallest repair has the size 1"),
        ("{any-of: [{add: {Action: kms:Encrypt}}]}", "repair.any-of: none of these is offered, but: add"),
        ("{any-of: [{file: policies/other.json, add: {Action: kms:CreateGrant}}]}", "repair.any-of: none of these"),
        ("{any-of: [{statement: SourceAccount, add: {Action: kms:CreateGrant}}]}", "repair.any-of: none of these"),
        ("{any-of: [{call: kms:EnableKey}]}", "repair.any-of: none of these"),
        ("{any-of: [{remove: statement}]}", "repair.any-of: none of these"),
        ("none", "repair: one is offered: add kms:CreateGrant"),
    ],
)
def test_a_false_claim_is_found_at_its_line(folder: Path, claim: str, says: str) -> None:
    path = _claiming(folder / FORGETS, claim)
    report, _ = run_file(str(path), SERVICES, Options())
    [wrong] = [wrong for each in report.transitions for wrong in each.wrong]
    assert says in wrong.text
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "repair:" in text)
    assert wrong.at.startswith(f"{path}:{line}:")


def _claiming(path: Path, claim: str) -> Path:
    """The scenario with another claim about the repair, on one line."""
    text = path.read_text()
    before, after = text.index("      repair:"), text.index("finally:")
    path.write_text(f"{text[:before]}      repair: {claim}\n{text[after:]}")
    return path


def test_a_claim_that_is_extended_keeps_its_files(tmp_path: Path) -> None:
    """A policy is named from the file that names it, wherever the scenario that extends it stands."""
    path = tmp_path / "s.reseal.yaml"
    path.write_text(f"reseal: 1\nname: x\nextends: {os.path.relpath(SCENARIOS / SILENT, tmp_path)}\n")
    report, _ = run_file(str(path), SERVICES, Options())
    assert [wrong.text for each in report.transitions for wrong in each.wrong] == []


def test_a_step_may_be_claimed_as_a_repair(folder: Path) -> None:
    path = folder / DISABLED
    text = path.read_text()
    report, repairs = run_file(str(path), SERVICES, Options())
    [step] = repairs
    assert [one["call"] for one in repairs[step][0].body["steps"]] == ["kms:EnableKey"]  # type: ignore[attr-defined]
    claim = "      repair: {size: 1, any-of: [{call: kms:EnableKey}]}\n"
    at = text.index("finally:")
    path.write_text(text[:at] + claim + text[at:])
    report, _ = run_file(str(path), SERVICES, Options())
    assert report.ok


def test_a_claim_about_a_step_that_was_not_refused_is_false(folder: Path) -> None:
    path = folder / "sharing/happy-path.reseal.yaml"
    text = path.read_text().replace(
        "      later: {State: completed,", "      repair: {size: 1}\n      later: {State: completed,"
    )
    path.write_text(text)
    report, _ = run_file(str(path), SERVICES, Options())
    assert [wrong.text for each in report.transitions for wrong in each.wrong] == ["repair: nothing was refused"]


def test_a_claim_of_nothing_is_a_mistake(folder: Path) -> None:
    with pytest.raises(InvalidFile):
        load(_claiming(folder / FORGETS, "{}"), SERVICES.operations)
    with pytest.raises(InvalidFile):
        load(_claiming(folder / FORGETS, "{any-of: [{statement: X}]}"), SERVICES.operations)
    with pytest.raises(InvalidFile):
        load(_claiming(folder / FORGETS, "{size: 0, any-of: [{remove: statement}]}"), SERVICES.operations)


# Files.


@pytest.mark.parametrize("scenario", [FORGETS, SILENT, "broken/boundary.reseal.yaml"])
def test_a_written_repair_keeps_the_file_and_lets_the_step_succeed(folder: Path, reseal: Any, scenario: str) -> None:
    """Method: the old text, character by character, with something put in; then the scenario is run again."""
    before = {path: path.read_text() for path in folder.rglob("*.json")}
    result = reseal("repair", folder / scenario, "--write")
    assert result.exit_code == 0
    [changed] = [path for path in before if path.read_text() != before[path]]
    assert f"wrote {changed}" in result.stderr
    _assert_kept(before[changed], changed.read_text())
    report, _ = run_file(str(folder / scenario), SERVICES, Options())
    copy = next(each for each in report.transitions if each.step == "copy")
    assert copy.outcome == "OK"


def _assert_kept(before: str, now: str) -> None:
    """Nothing of the old text is lost or changed: the new one is the old one with something put in."""
    ops = difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes()
    assert {tag for tag, *_ in ops} <= {"equal", "insert"}
    json.loads(now)


def test_accounts_are_named_as_the_file_names_them(folder: Path, reseal: Any) -> None:
    """A key of the source account, added to a file that says `${{ accounts.target }}`."""
    reseal("repair", folder / SILENT, "--write")
    text = (folder / "broken/policies/importer-silent.json").read_text()
    assert "arn:aws:kms:eu-west-1:${{ accounts.source }}:key/" in text
    assert "111122223333" not in text


def test_each_of_the_repairs_can_be_chosen(folder: Path, reseal: Any) -> None:
    first = reseal("repair", folder / FORGETS).stdout
    second = reseal("repair", folder / FORGETS, "--choose", "2").stdout
    assert "> 1  in 111122223333" in first
    assert "> 2  in 111122223333" in second
    assert reseal("repair", folder / FORGETS, "--choose", "9").exit_code == 2


def test_a_repair_is_printed_as_aws_commands_and_as_terraform(reseal: Any) -> None:
    shown = reseal("repair", SCENARIOS / FORGETS).stdout
    assert "aws kms put-key-policy --key-id arn:aws:kms:" in shown
    assert 'resource "aws_kms_key_policy" "' in shown
    assert 'policy = file("' in shown
    assert "the files hold references" in shown
    steps = reseal("repair", SCENARIOS / DISABLED).stdout
    assert "aws kms enable-key --region eu-west-1 --key-id arn:aws:kms:" in steps
    assert "is_enabled = true" in steps
    copies = reseal("repair", SCENARIOS / "broken/default-key-shared-anyway.reseal.yaml").stdout
    assert "KEY=$(aws kms create-key" in copies
    assert '# then the request again, with "$COPY" where it said snap-' in copies


def test_what_can_not_be_written_is_written_nowhere(folder: Path, reseal: Any) -> None:
    """A step is no edit of a file; a file that is another by now is left alone; none of several is written."""
    before = {path: path.read_text() for path in folder.rglob("*.json")}
    result = reseal("repair", folder / DISABLED, "--write")
    assert result.exit_code == 3
    assert "nothing was written: it takes calls, not files: kms:EnableKey" in result.stderr
    assert {path: path.read_text() for path in before} == before
    _, repairs = run_file(str(folder / FORGETS), SERVICES, Options())
    body = repairs["copy"][0].body
    path = folder / "broken/policies/source-key-no-grant.json"
    path.write_text('{"Version": "2012-10-17", "Statement": []}')
    with pytest.raises(CannotWrite):
        write(body, account_ids(load(folder / FORGETS)))
    assert path.read_text() == '{"Version": "2012-10-17", "Statement": []}'


def test_what_is_not_there_is_said_with_its_exit_code(reseal: Any, tmp_path: Path) -> None:
    happy = SCENARIOS / "sharing/happy-path.reseal.yaml"
    for arguments, code in (
        ((), 2),
        ((tmp_path / "no.reseal.yaml",), 2),
        ((happy,), 5),
        ((SCENARIOS / FORGETS, "--step", "share"), 5),
        (("--journal", tmp_path / "none.jsonl"), 5),
    ):
        result = reseal("repair", *arguments)
        assert result.exit_code == code, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("reseal: ")


# A server.


@pytest.fixture
def rest() -> Iterator[TestClient]:
    worlds = Worlds(SERVICES, MemoryStore(), Settings(clock="manual", seed="7"))
    worlds.start()
    cloud = worlds.get("default")
    assert cloud is not None
    owner, user = root_of(stories.SOURCE), root_of(stories.TARGET)
    key = cloud.call(Request("kms:CreateKey", {}, owner, "us-east-1")).answer
    assert key is not None
    cloud.call(Request("kms:DescribeKey", {"KeyId": key["KeyMetadata"]["Arn"]}, user, "us-east-1"))
    with TestClient(application(worlds)) as client:
        yield client


def test_a_server_s_explanation_holds_repairs_that_were_tried(rest: TestClient) -> None:
    told = rest.get("/api/v1/worlds/default/explanation").json()
    assert [one["verified"] for one in told["repairs"]] == [True]
    assert told["repairs_remark"] == ""
    shown = rest.get("/api/v1/worlds/default/explanation?format=text").text
    assert "help: smallest repair (1 edit" in shown


def test_a_server_tries_no_repairs_where_none_are_asked_for(rest: TestClient) -> None:
    assert rest.get("/api/v1/worlds/default/explanation?repairs=false").json()["repairs"] == []


def test_a_reader_s_own_files_take_the_place_of_a_server_s_names() -> None:
    """A server knows no files; whoever runs a scenario there does."""
    stage = Stage()
    about = stories.the_key_policy_forgets_one_action(stage).request_id
    offer = search.repairs(stage.cloud, about).offers[0]
    there, here = offer.mending(), offer.mending(stage.files.get)
    assert relabelled(there, stage.files.get) == here
    assert there.changes[0][0].startswith("key policy default of arn:aws:kms:")
    assert here.changes[0][0] == "policies/source-key.json"
