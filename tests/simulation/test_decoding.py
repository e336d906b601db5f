"""DecodeAuthorizationMessage: the letters at the end of EC2's refusals, for the account that got them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.kernel.call import Caller, Request, root_of
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.services import all_services
from tests.iam.lab import SOURCE, TARGET

from .asking import allow, deny, policy


@pytest.fixture
def cloud() -> Cloud:
    return Cloud.create(all_services(), MemoryStore(), new_world("t", seed="7"))


def call(cloud: Cloud, who: Caller, operation: str, **parameters: Any) -> Any:
    reply = cloud.call(Request(operation, parameters, who, "us-east-1"))
    assert reply.error is None, reply.error
    return reply.answer


def refused(cloud: Cloud, who: Caller, operation: str, **parameters: Any) -> tuple[str, str, int]:
    error = cloud.call(Request(operation, parameters, who, "us-east-1")).error
    assert error is not None
    return error.code, error.message, error.status


def user(cloud: Cloud, *statements: Any) -> Caller:
    made = call(cloud, root_of(SOURCE), "iam:CreateUser", UserName="bob")["User"]
    text = policy(*statements)
    call(cloud, root_of(SOURCE), "iam:PutUserPolicy", UserName="bob", PolicyName="p", PolicyDocument=text)
    return Caller("user", SOURCE, made["Arn"], made["UserId"])


def message_of(cloud: Cloud, who: Caller) -> str:
    """The encoded message of a refused CreateVolume."""
    text = refused(cloud, who, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1)[1]
    return text.rpartition("Encoded authorization failure message: ")[2]


def decoded(cloud: Cloud, message: str) -> Any:
    answer = call(cloud, root_of(SOURCE), "sts:DecodeAuthorizationMessage", EncodedMessage=message)
    return json.loads(answer["DecodedMessage"])


@pytest.mark.row("1.11/decoded")
def test_an_implicit_deny_shows_the_request_and_no_statement(cloud: Cloud) -> None:
    """Shape: policy-evaluation.md 5.3 [O]."""
    bob = user(cloud, allow("s3:*"))
    found = decoded(cloud, message_of(cloud, bob))
    context = found.pop("context")
    assert found == {
        "allowed": False, "explicitDeny": False, "matchedStatements": {"items": []}, "failures": {"items": []},
    }  # fmt: skip
    assert context["principal"] == {"id": bob.unique_id, "arn": bob.arn, "name": "bob"}
    assert (context["action"], context["resource"]) == (
        "ec2:CreateVolume", f"arn:aws:ec2:us-east-1:{SOURCE}:volume/*",
    )  # fmt: skip
    assert {"key": "ec2:Region", "values": {"items": [{"value": "us-east-1"}]}} in context["conditions"]["items"]


def test_an_explicit_deny_shows_the_statements_that_deny(cloud: Cloud) -> None:
    denying = deny("ec2:*", Sid="No", Condition={"StringLike": {"aws:username": "b*"}})
    found = decoded(cloud, message_of(cloud, user(cloud, allow("*"), denying)))
    (statement,) = found["matchedStatements"]["items"]
    assert found["explicitDeny"] is True
    assert (statement["statementId"], statement["effect"]) == ("No", "DENY")
    assert statement["actions"] == {"items": [{"value": "ec2:*"}]}
    assert statement["conditions"]["items"] == [{"key": "aws:username", "values": {"items": [{"value": "b*"}]}}]


@pytest.mark.row("1.11/decode")
def test_only_the_account_that_was_refused_can_decode(cloud: Cloud) -> None:
    message = message_of(cloud, user(cloud, allow("s3:*")))
    assert refused(cloud, root_of(TARGET), "sts:DecodeAuthorizationMessage", EncodedMessage=message) == (
        "InvalidAuthorizationMessageException", "Not authorized to decode message", 400,
    )  # fmt: skip


def test_a_message_does_not_open_after_a_change_or_in_another_world(cloud: Cloud) -> None:
    message = message_of(cloud, user(cloud, allow("s3:*")))
    other = Cloud.create(all_services(), MemoryStore(), new_world("t", seed="8"))
    changed = ("A" if message[40] != "A" else "B").join((message[:40], message[41:]))
    for where, text in ((cloud, changed), (other, message)):
        code = refused(where, root_of(SOURCE), "sts:DecodeAuthorizationMessage", EncodedMessage=text)[0]
        assert code == "InvalidAuthorizationMessageException"


@pytest.mark.parametrize("text", ["no message", "a\nb", "AAAA", "ö"])
@pytest.mark.row("1.11/decode-letters")
def test_letters_that_are_no_message_are_refused(cloud: Cloud, text: str) -> None:
    code, _, status = refused(cloud, root_of(SOURCE), "sts:DecodeAuthorizationMessage", EncodedMessage=text)
    assert (code, status) == ("InvalidAuthorizationMessageException", 400)


def test_decoding_needs_permission(cloud: Cloud) -> None:
    bob = user(cloud, allow("s3:*"))
    code, text, _ = refused(cloud, bob, "sts:DecodeAuthorizationMessage", EncodedMessage=message_of(cloud, bob))
    assert code == "AccessDenied"
    assert text.endswith("because no identity-based policy allows the sts:DecodeAuthorizationMessage action")
