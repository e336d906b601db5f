"""The narrowest pair of policies: it lets the share through, and nothing of it can be left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app import cli_repair
from app.repair.narrowest import Asked, InvalidAsk, Narrowest, Rehearsal, narrowest

SOURCE, TARGET = "111122223333", "444455556666"
KEY = f"arn:aws:kms:eu-west-1:{SOURCE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OWN_KEY = f"arn:aws:kms:eu-central-1:{TARGET}:key/1234abcd-12ab-34cd-56ef-1234567890ff"
ROLE = f"arn:aws:iam::{TARGET}:role/ops/importer"
ASKED: dict[str, Any] = {
    "source": SOURCE, "target": TARGET, "source_key": "", "target_key": "", "principal": "",
    "operations": "copy,volume", "region": "us-east-1",
}  # fmt: skip


@pytest.fixture(scope="module", params=["copy", "volume", "copy,volume"])
def found(request: pytest.FixtureRequest) -> Narrowest:
    return narrowest(Asked.of(**{**ASKED, "operations": request.param}))


def actions(statements: list[dict[str, Any]]) -> set[str]:
    lists = (one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements)
    return {action for each in lists for action in each}


def test_with_the_pair_the_share_succeeds(found: Narrowest) -> None:
    assert Rehearsal(found.asked, found.permissions).run() is None


def test_without_any_one_permission_it_fails(found: Narrowest) -> None:
    """Method: each is left out in turn, in a rehearsal of its own."""
    assert found.permissions
    for one in found.permissions:
        assert Rehearsal(found.asked, tuple(each for each in found.permissions if each != one)).run() is not None
    assert found.is_proved
    assert [one.permission for one in found.proof] == list(found.permissions)


def test_no_action_is_a_star_and_no_identity_statement_means_every_resource(found: Narrowest) -> None:
    statements = found.identity_policy["Statement"]
    assert not any("*" in action for action in actions(statements + found.key_statements))
    assert "*" not in [one["Resource"] for one in statements]


def test_grants_may_only_be_made_for_aws_resources_and_keys_be_used_through_ebs(found: Narrowest) -> None:
    for one in (*found.key_statements, *found.identity_policy["Statement"]):
        if any(action.startswith("kms:") for action in actions([one])):
            assert one["Condition"]["StringEquals"]["kms:ViaService"].startswith("ec2.")
        if "kms:CreateGrant" in actions([one]):
            assert one["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_a_copy_takes_no_more_of_the_source_key_than_a_grant() -> None:
    """ebs.md 1.4: the copier's own kms:Decrypt is never asked for."""
    asked = Asked.of(**{**ASKED, "operations": "copy"})
    assert actions(narrowest(asked).key_statements) == {"kms:CreateGrant"}


def test_keys_regions_and_the_principal_are_those_that_were_named() -> None:
    named = {"source_key": KEY, "target_key": OWN_KEY, "principal": ROLE, "operations": "copy"}
    told = narrowest(Asked.of(**{**ASKED, **named}))
    assert [one["Principal"] for one in told.key_statements] == [{"AWS": ROLE}]
    keys = {one["Resource"] for one in told.identity_policy["Statement"] if ":key/" in one["Resource"]}
    assert keys == {KEY, OWN_KEY}
    shown = json.loads(told.as_json())
    assert shown["proved"] is True
    assert {one["resource"] for one in shown["proof"] if ":key/" in one["resource"]} == keys


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"source": "12"}, "--source takes 12 digits"),
        ({"target": SOURCE}, "are one account"),
        ({"source_key": OWN_KEY}, "--source-key takes the ARN of a key of 111122223333"),
        ({"operations": "copy,read"}, "--operations takes copy, volume, not 'read'"),
        ({"principal": f"arn:aws:iam::{SOURCE}:role/x"}, "--principal takes the ARN of a user or role of 444455556666"),
        ({"source_key": KEY, "target_key": OWN_KEY, "operations": "volume"}, "copy it first"),
    ],
)
def test_what_makes_no_share_is_refused_by_the_option_that_is_wrong(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidAsk, match=says):
        Asked.of(**{**ASKED, **wrong})


def test_the_command_prints_both_policies_and_the_proof() -> None:
    app = typer.Typer()
    cli_repair.mount(app)
    shown = CliRunner().invoke(app, ["policies", "--source", SOURCE, "--target", TARGET, "--operations", "copy"])
    assert shown.exit_code == 0
    assert f"# in {SOURCE}: to be added to the policy of the snapshot's key" in shown.stdout
    assert "# proof: with all of it CopySnapshot succeeded; without" in shown.stdout
    assert CliRunner().invoke(app, ["policies", "--source", SOURCE, "--target", SOURCE]).exit_code == 2
