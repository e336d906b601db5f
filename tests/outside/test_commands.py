"""The commands as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app import cli, error_pages
from app.outside.live import lines
from app.outside.texts import WORDINGS, wording_of

from .incidents import HIDDEN_GRANT, KEY, SHARE, key_policy
from .test_incidents import laid_out

cli.mount()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture
def event(tmp_path: Path) -> str:
    (tmp_path / "event.json").write_text(json.dumps(HIDDEN_GRANT))
    laid_out(tmp_path / "policies", SHARE | {next(iter(SHARE)): key_policy()})
    return str(tmp_path / "event.json")


def test_an_event_is_explained_with_its_policies(event: str, tmp_path: Path) -> None:
    shown = run("explain", event, "--policies", str(tmp_path / "policies"))
    assert shown.exit_code == 0
    assert shown.stdout.startswith("error[D201]: kms:CreateGrant was denied")
    told = json.loads(run("explain", event, "--policies", str(tmp_path / "policies"), "--json").stdout)
    assert (told["cause"], told["because"]["kind"]) == ("KEY_POLICY_SILENT", "key-policy")


@pytest.mark.parametrize("rest", [(), ("--policies", "no-such-folder")])
def test_without_policies_an_event_is_a_usage_error(event: str, rest: tuple[str, ...]) -> None:
    assert run("explain", event, *rest).exit_code == 2


def test_an_error_text_has_its_causes_scenarios_and_repairs() -> None:
    shown = run("explain", "Given key ID is not accessible").stdout
    assert all(word in shown for word in ("D201", "D101", "scenarios/broken/target-iam-silent.reseal.yaml", "repair:"))
    told = json.loads(run("explain", "--text", "Source snapshot is not found", "--json").stdout)
    assert told["causes"][0]["cause"] == "SNAPSHOT_NOT_SHARED"
    assert run("explain", "--text", "something else entirely").exit_code == 2


@pytest.mark.parametrize("wording", WORDINGS, ids=[one.slug for one in WORDINGS])
def test_each_wording_finds_itself_in_a_longer_text(wording: Any) -> None:
    id = "snap-0a" if "snapshot" in wording.words else "vol-0a"
    words = wording.words.replace("<id>", id).replace("<key ARN>", KEY).replace("<key>", KEY)
    assert wording_of(f"An error occurred: {words}") is wording


def test_a_text_that_names_a_kind_of_policy_leads_to_its_causes() -> None:
    found = wording_of(
        "User: x is not authorized to perform: kms:Decrypt with an explicit deny in a service control policy"
    )
    assert found is not None
    assert [one.cause.name for one in found.reasons] == ["SCP_DENIES"]


def test_the_pages_of_error_texts_are_those_of_the_scenarios() -> None:
    """Each scenario that a page names is run, and ends with the cause that the page says."""
    assert error_pages.main(["--check"]) == 0


def test_audit_fails_on_a_grave_finding_only(tmp_path: Path) -> None:
    bad, good = tmp_path / "user-a.json", tmp_path / "user-b.json"
    bad.write_text('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:Nope", "Resource": "*"}}')
    good.write_text(bad.read_text().replace("Nope", "Decrypt"))
    assert (run("audit", str(bad)).exit_code, run("audit", str(good)).exit_code) == (1, 0)
    findings = json.loads(run("audit", str(tmp_path), "--json").stdout)["findings"]
    assert [one["issueCode"] for one in findings] == ["INVALID_ACTION"]
    assert run("audit", str(tmp_path / "none.json")).exit_code == 2
    assert run("audit", str(good), "--kind", "wrong").exit_code == 2


def test_the_log_of_a_server_shows_calls_and_refusals(endpoint: str, client: Callable[..., Any]) -> None:
    """Through a real server: a refusal has a line with its cause."""
    client("kms", "111111111111").create_key()
    with pytest.raises(Exception, match="NotFound"):
        client("kms", "111111111111").describe_key(KeyId="alias/none")
    shown = run("log", "--endpoint", endpoint).stdout
    assert "kms:CreateKey" in shown
    assert "D509" in shown
    assert run("log", "--endpoint", "http://127.0.0.1:9").exit_code == 3


def test_calls_that_a_call_made_stand_indented_below_it() -> None:
    shared = {"root": "r", "at_ms": 0, "caller": "arn:aws:iam::444455556666:user/ann"}
    refused = {"code": "AccessDeniedException", "cause": "KEY_POLICY_SILENT"}
    nested = {**shared, "request_id": "n", "parent": "r", "operation": "kms:CreateGrant", **refused}
    outer = {**shared, "request_id": "r", "operation": "ec2:CopySnapshot"}
    first, second, third = lines([nested, outer])
    assert "ec2:CopySnapshot" in first
    assert second.index("kms:CreateGrant") > first.index("ec2:CopySnapshot")
    assert "D201" in third
