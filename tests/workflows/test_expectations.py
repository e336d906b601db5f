"""What a step may be expected to come to: references in errors, and events that may not be there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scenario_runs import run

from app.kernel.operation import Services
from workflows.scenario import load
from workflows.yaml_marks import InvalidFile

ONE = """\
reseal: 1
name: One
accounts: [one]
given:
  - {id: key, as: one/root, call: kms:CreateKey, save: {ARN: KeyMetadata.Arn}}
  - {id: off, as: one/root, call: kms:DisableKey, with: {KeyId: "${{ key.ARN }}"}}
steps:
  - id: tried
    as: one/root
    call: kms:Encrypt
    with: {KeyId: "${{ key.ARN }}", Plaintext: aGVsbG8=}
    expect:
      error: {code: DisabledException, message: %s}
      no-events: [%s]
"""


def written(write: Callable[..., Path], message: str, event: str) -> Path:
    return write(ONE % (message, event))


@pytest.mark.parametrize("message", ["'${{ key.ARN }} is disabled.'", '{like: "${{ key.ARN }}*"}'])
def test_an_expected_message_may_name_what_earlier_steps_made(
    message: str, write: Callable[..., Path], services: Services
) -> None:
    report = run(written(write, message, "{eventName: Decrypt}"), services)
    assert report.ok, report


@pytest.mark.parametrize("event", ["{eventName: Encrypt}", "{account: one, eventSource: kms.amazonaws.com}"])
def test_an_event_that_should_not_be_there_is_told_at_its_line(
    event: str, write: Callable[..., Path], services: Services
) -> None:
    report = run(written(write, "{like: '*'}", event), services)
    (wrong,) = report.transitions[-1].wrong
    assert wrong.at.endswith(":14:19")
    assert wrong.text.startswith("no-events.0 the trail of ")
    assert wrong.text.endswith(" has Encrypt")


def test_an_unwanted_event_names_an_account_of_the_scenario(write: Callable[..., Path], services: Services) -> None:
    with pytest.raises(InvalidFile, match="there is no account 'two'"):
        load(written(write, "x", "{account: two}"), services.operations)


SEALED = """\
reseal: 1
name: Sealed
accounts: [one]
given:
  - {id: key, as: one/root, call: kms:CreateKey, save: {ARN: KeyMetadata.Arn}}
steps:
  - id: sealed
    as: one/root
    call: kms:Encrypt
    with: {KeyId: "${{ key.ARN }}", Plaintext: aGVsbG8=, EncryptionContext: {"aws:ebs:id": vol-1}}
    expect:
      events: [{eventName: Encrypt, requestParameters: {encryptionContext: {%s}}}]
"""


def test_a_key_of_a_tree_may_be_a_name_that_is_no_jmespath(write: Callable[..., Path], services: Services) -> None:
    """Condition keys and encryption contexts have colons. One that is not there is a difference, not a crash."""
    assert run(write(SEALED % '"aws:ebs:id": vol-1'), services).ok
    assert not run(write(SEALED % '"aws:ebs:id": vol-2'), services).ok
    assert not run(write(SEALED % '"aws:rds:id": vol-1'), services).ok


PORTABLE = """\
reseal: 1
name: One
portable: true
accounts: [one]
%s
steps:
  - {id: key, as: one/root, call: kms:CreateKey%s}
%s
"""


def test_a_portable_scenario_claims_what_a_caller_can_see(write: Callable[..., Path], services: Services) -> None:
    """Evidence may stand beside it, and is left unchecked where there is none."""
    for expect in ("", ", expect: {response: {KeyMetadata: {Enabled: true}}, events: [{eventName: CreateKey}]}"):
        assert load(write(PORTABLE % ("clock: real", expect, "")), services.operations).spec.portable


@pytest.mark.parametrize(
    ("before", "expect", "after", "at", "says"),
    [
        ("clock: manual", "", "", ":5:1: ", "no `clock: manual`"),
        ("", "", "  - {id: later, advance: 8d}", ":8:17: ", "no `advance:`"),
        ("", ", expect: {events: [{eventName: CreateKey}]}", "", ":3:1: ", "would claim nothing"),
    ],
)
def test_what_calls_itself_portable_and_is_not_is_refused_at_its_line(
    before: str, expect: str, after: str, at: str, says: str, write: Callable[..., Path], services: Services
) -> None:
    with pytest.raises(InvalidFile) as caught:
        load(write(PORTABLE % (before, expect, after)), services.operations)
    assert says in str(caught.value)
    assert at in str(caught.value)


def test_what_extends_a_portable_scenario_says_anew_whether_it_is(
    write: Callable[..., Path], services: Services, tmp_path: Path
) -> None:
    write(PORTABLE % ("", "", ""))
    child = tmp_path / "child.reseal.yaml"
    child.write_text("reseal: 1\nextends: s.reseal.yaml\nsteps:\n  - {id: later, advance: 8d}\n", encoding="utf-8")
    assert not load(child, services.operations).spec.portable


DOCUMENTS = """\
reseal: 1
name: Documents
accounts: [one]
principals:
  one/worker: {role: worker, path: /teams/, policies: [{Version: "2012-10-17", Statement: []}]}
steps:
  - id: role
    as: one/root
    call: iam:GetRole
    with: {RoleName: worker}
    expect:
      response: {"Role.AssumeRolePolicyDocument.Statement[0].Action": "sts:AssumeRole", Role: {Path: /teams/}}
  - id: all
    as: one/root
    call: iam:GetAccountAuthorizationDetails
    expect:
      response: {"RoleDetailList[0].RolePolicyList[0].PolicyDocument.Version": "2012-10-17"}
"""


def test_policy_documents_of_iam_are_trees_as_boto3_reads_them(write: Callable[..., Path], services: Services) -> None:
    """So an expectation of one holds in process and over HTTP alike."""
    report = run(write(DOCUMENTS), services)
    assert report.ok, report
