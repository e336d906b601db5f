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
