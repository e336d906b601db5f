"""What a key policy may not be (kms.md 5, 2.6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kms.lab import OWNER, SOURCE, TARGET, Lab, allow, policy, root_arn


def saved(lab: Lab, text: str, **more: Any) -> tuple[str, str] | None:
    reply = lab.reply(SOURCE, "PutKeyPolicy", KeyId=lab.key(), Policy=text, **more)
    return (reply.error.code, reply.error.message) if reply.error else None


def in_clear(statement: dict[str, Any]) -> str:
    """A policy whose letters are not escaped."""
    return json.dumps(json.loads(policy(statement)), ensure_ascii=False)


def padded(size_bytes: int) -> str:
    """A policy of exactly so many bytes."""
    text = policy(OWNER)
    return text[:-1] + " " * (size_bytes - len(text)) + "}"


def test_32_kib_and_no_more(lab: Lab) -> None:
    assert saved(lab, padded(32_768)) is None
    refused = saved(lab, padded(32_769))
    assert refused is not None
    assert refused[0] == "LimitExceededException"


def test_the_size_is_that_of_bytes_not_of_characters(lab: Lab) -> None:
    """16,400 letters of two bytes each: few enough characters, too many bytes."""
    text = in_clear({**OWNER, "Sid": "é" * 16_400})
    assert len(text) < 32_768 < len(text.encode())
    assert lab.refused(SOURCE, "PutKeyPolicy", KeyId=lab.key(), Policy=text)[0] == "LimitExceededException"


@pytest.mark.parametrize("character", ["\u0100", "\u20ac", "\u0000", "\u0008"])
def test_characters_beyond_latin_1_are_refused_by_the_model(lab: Lab, character: str) -> None:
    text = policy(OWNER)[:-1] + character + "}"
    code, message = lab.refused(SOURCE, "PutKeyPolicy", KeyId=lab.key(), Policy=text)
    assert code == "ValidationException"
    assert "at 'policy' failed to satisfy constraint: Member must satisfy regular expression pattern:" in message


def test_a_sid_may_hold_blanks_and_latin_1(lab: Lab) -> None:
    assert saved(lab, in_clear({**OWNER, "Sid": "Allowed for all, à volonté"})) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"ForAllValues:StringEquals": {"kms:EncryptionContext:aws:ebs:id": "vol-1"}},
        {"ForAllValues:StringLike": {"aws:RequestTag/team": "a*"}},
    ],
    ids=["encryption context", "request tag"],
)
def test_a_set_operator_on_a_single_value_is_too_permissive(lab: Lab, condition: dict[str, Any]) -> None:
    """kms.md 5 [D]: AWS's own text, in its brackets."""
    refused = saved(lab, policy(OWNER, allow("kms:Decrypt", root_arn(TARGET), Condition=condition)))
    assert refused is not None
    code, message = refused
    assert code == "MalformedPolicyDocumentException"
    assert (
        "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key" in message
    )


def test_a_statement_without_a_principal_is_malformed_and_one_without_an_action_is_dead(lab: Lab) -> None:
    nobody = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    refused = saved(lab, policy(OWNER, nobody))
    assert refused is not None
    assert refused[0] == "MalformedPolicyDocumentException"
    key, user = lab.key(), lab.user(SOURCE, "u")
    dead = [
        {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "kms:Encrypt"},
    ]
    lab.ok(SOURCE, "PutKeyPolicy", KeyId=key, Policy=policy(OWNER, *dead))
    assert lab.refused(user, "Encrypt", KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": f"arn:aws:iam::{SOURCE}:user/none"},
        {"AWS": f"arn:aws:iam::{SOURCE}:role/none"},
        {"AWS": f"arn:aws:iam::{SOURCE}:group/admins"},
    ],
    ids=["no such user", "no such role", "a group"],
)
def test_principals_must_exist(lab: Lab, principal: dict[str, str]) -> None:
    refused = saved(lab, policy(OWNER, {**OWNER, "Principal": principal}))
    assert refused is not None
    assert refused[0] == "MalformedPolicyDocumentException"


def test_service_principals_and_everyone_are_taken(lab: Lab) -> None:
    service = {**allow("kms:Decrypt", ""), "Principal": {"Service": "logs.us-east-1.amazonaws.com"}}
    assert saved(lab, policy(OWNER, service, allow("kms:DescribeKey", "*"))) is None


def test_the_lockout_check_counts_the_callers_own_rights_and_can_be_bypassed(lab: Lab) -> None:
    only_creates = lab.user(SOURCE, "creator", {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"})
    assert lab.refused(only_creates, "CreateKey")[0] == "MalformedPolicyDocumentException"
    made = lab.ok(only_creates, "CreateKey", BypassPolicyLockoutSafetyCheck=True)
    assert made["KeyMetadata"]["KeyState"] == "Enabled"
    closed = policy(allow("kms:Encrypt", root_arn(SOURCE)))
    assert saved(lab, closed) == (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )
    assert saved(lab, closed, BypassPolicyLockoutSafetyCheck=True) is None


def test_there_is_one_policy_and_its_name_is_default(lab: Lab) -> None:
    key = lab.key()
    assert lab.ok(SOURCE, "ListKeyPolicies", KeyId=key) == {"PolicyNames": ["default"], "Truncated": False}
    assert lab.refused(SOURCE, "GetKeyPolicy", KeyId=key, PolicyName="other")[0] == "NotFoundException"
    other = {"KeyId": key, "PolicyName": "other", "Policy": policy(OWNER)}
    assert lab.refused(SOURCE, "PutKeyPolicy", **other)[0] == "NotFoundException"
