"""Condition keys of KMS, each at work in a key policy or an identity policy (kms.md 5.2)."""

from __future__ import annotations

from typing import Any

import pytest

from app.services.kms.conditions import CONDITION_KEYS
from tests.kms.lab import SOURCE, TARGET, Lab, allow, root_arn

GRANT = {"GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]}
TAG = {"TagKey": "team", "TagValue": "red"}

# action, condition, parameters for which it holds, parameters for which it does not
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "Encrypt", {"StringEquals": {"kms:EncryptionContext:app": "a"}},
        {"Plaintext": b"x", "EncryptionContext": {"app": "a"}}, {"Plaintext": b"x", "EncryptionContext": {"app": "b"}},
    ),
    (
        "Encrypt", {"StringEquals": {"kms:EncryptionContext:APP": "a"}},
        {"Plaintext": b"x", "EncryptionContext": {"app": "a"}}, {"Plaintext": b"x"},
    ),
    (
        "Encrypt", {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["app"]}},
        {"Plaintext": b"x", "EncryptionContext": {"app": "a"}},
        {"Plaintext": b"x", "EncryptionContext": {"app": "a", "other": "b"}},
    ),
    (
        "GenerateDataKey", {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["app"]}},
        {"KeySpec": "AES_256", "EncryptionContext": {"app": "a"}}, {"KeySpec": "AES_256"},
    ),
    (
        "CreateGrant", {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt", "DescribeKey"]}},
        GRANT, {**GRANT, "Operations": ["Decrypt", "Encrypt"]},
    ),
    (
        "CreateGrant", {"StringEquals": {"kms:GranteePrincipal": root_arn(TARGET)}},
        GRANT, {**GRANT, "GranteePrincipal": root_arn(SOURCE)},
    ),
    (
        "CreateGrant", {"StringEquals": {"kms:RetiringPrincipal": root_arn(TARGET)}},
        {**GRANT, "RetiringPrincipal": root_arn(TARGET)}, GRANT,
    ),
    (
        "CreateGrant", {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}},
        {**GRANT, "Constraints": {"EncryptionContextEquals": {"a": "1"}}},
        {**GRANT, "Constraints": {"EncryptionContextSubset": {"a": "1"}}},
    ),
    (
        "CreateGrant", {"StringEquals": {"kms:EncryptionContext:a": "1"}},
        {**GRANT, "Constraints": {"EncryptionContextSubset": {"a": "1"}}}, GRANT,
    ),
    ("DescribeKey", {"StringEquals": {"kms:RequestAlias": "alias/app"}}, {"KeyId": "alias/app"}, {}),
    ("DescribeKey", {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}, {}, {"KeyId": "other"}),
    (
        "EnableKeyRotation", {"NumericLessThanEquals": {"kms:RotationPeriodInDays": "180"}},
        {"RotationPeriodInDays": 180}, {},
    ),
    (
        "ScheduleKeyDeletion", {"NumericGreaterThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "7"}},
        {"PendingWindowInDays": 8}, {"PendingWindowInDays": 7},
    ),
    (
        "TagResource", {"StringEquals": {"aws:RequestTag/team": "red"}},
        {"Tags": [TAG]}, {"Tags": [{**TAG, "TagValue": "x"}]},
    ),
    (
        "UntagResource", {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
        {"TagKeys": ["team"]}, {"TagKeys": ["x"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "condition", "holds", "breaks"), CASES, ids=lambda value: str(value)[:50])
def test_a_condition_on_the_request_lets_in_and_keeps_out(
    lab: Lab, operation: str, condition: dict[str, Any], holds: dict[str, Any], breaks: dict[str, Any]
) -> None:
    """Method: a user who is allowed this action under this condition only."""
    key, other = lab.key(), lab.key()
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=key)
    statement = {"Effect": "Allow", "Action": f"kms:{operation}", "Resource": "*", "Condition": condition}
    user = lab.user(SOURCE, "u", statement)
    given = {"KeyId": key, **breaks} | ({"KeyId": other} if breaks.get("KeyId") == "other" else {})
    assert lab.refused(user, operation, **given)[0] == "AccessDeniedException"
    assert lab.causes()[0] == "IDENTITY_CONDITION"
    lab.ok(user, operation, **{"KeyId": key, **holds})


@pytest.mark.parametrize(
    ("condition", "made_with"),
    [
        ({"StringEquals": {"kms:KeyOrigin": "EXTERNAL"}}, {"Origin": "EXTERNAL"}),
        ({"Bool": {"kms:MultiRegion": "true"}}, {"MultiRegion": True}),
        ({"StringEquals": {"kms:MultiRegionKeyType": "PRIMARY"}}, {"MultiRegion": True}),
        ({"StringEquals": {"aws:ResourceTag/team": "red"}}, {"Tags": [TAG]}),
    ],
    ids=str,
)
def test_a_condition_on_the_key(lab: Lab, condition: dict[str, Any], made_with: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*", "Condition": condition}
    user = lab.user(SOURCE, "u", statement)
    lab.ok(user, "DescribeKey", KeyId=lab.key(**made_with))
    assert lab.refused(user, "DescribeKey", KeyId=lab.key())[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("condition", "holds", "breaks"),
    [
        ({"StringEquals": {"kms:KeyOrigin": "EXTERNAL"}}, {"Origin": "EXTERNAL"}, {}),
        ({"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT"}}, {}, None),
        ({"Bool": {"kms:MultiRegion": "false"}}, {}, {"MultiRegion": True}),
        ({"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "false"}}, {"BypassPolicyLockoutSafetyCheck": False}, {}),
        ({"Null": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}, {}, {"BypassPolicyLockoutSafetyCheck": True}),
    ],
    ids=str,
)
def test_a_condition_on_the_key_to_be_made(
    lab: Lab, condition: dict[str, Any], holds: dict[str, Any], breaks: dict[str, Any] | None
) -> None:
    may_create = {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*", "Condition": condition}
    user = lab.user(SOURCE, "u", may_create, {"Effect": "Allow", "Action": "kms:PutKeyPolicy", "Resource": "*"})
    lab.ok(user, "CreateKey", **holds)
    assert breaks is None or lab.refused(user, "CreateKey", **breaks)[0] == "AccessDeniedException"


def test_via_service_and_caller_account_hold_through_ec2_only(lab: Lab) -> None:
    through_ec2 = {"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com", "kms:CallerAccount": TARGET}}
    key = lab.key(share=allow("kms:GenerateDataKey*", "*", Condition=through_ec2))
    user = lab.user(TARGET, "u", {"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
    third = lab.user("333333333333", "u", {"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
    asked = {"KeyId": key, "NumberOfBytes": 64}
    assert lab.forward(user, "GenerateDataKeyWithoutPlaintext", **asked).result.error is None
    assert lab.forward(third, "GenerateDataKeyWithoutPlaintext", **asked).result.error is not None
    assert lab.refused(user, "GenerateDataKeyWithoutPlaintext", **asked)[0] == "AccessDeniedException"


def test_each_side_of_a_re_encryption_sees_its_own_context(lab: Lab) -> None:
    def on(action: str, context: str) -> dict[str, Any]:
        condition = {
            "StringEquals": {"kms:EncryptionContext:side": context},
            "Bool": {"kms:ReEncryptOnSameKey": "true"},
        }
        return {"Effect": "Allow", "Action": f"kms:{action}", "Resource": "*", "Condition": condition}

    key = lab.key()
    user = lab.user(SOURCE, "u", on("ReEncryptFrom", "from"), on("ReEncryptTo", "to"))
    blob = lab.seal(key, EncryptionContext={"side": "from"})
    asked = {"CiphertextBlob": blob, "SourceEncryptionContext": {"side": "from"}}
    to = {"DestinationEncryptionContext": {"side": "to"}}
    lab.ok(user, "ReEncrypt", DestinationKeyId=key, **asked, **to)
    assert "kms:ReEncryptTo" in lab.refused(user, "ReEncrypt", DestinationKeyId=key, **asked)[1]
    assert "kms:ReEncryptFrom" in lab.refused(user, "ReEncrypt", DestinationKeyId=lab.key(), **asked, **to)[1]


def test_a_request_alias_does_not_match_a_key_that_a_ciphertext_names(lab: Lab) -> None:
    condition = {"StringEquals": {"kms:RequestAlias": "alias/app"}}
    key = lab.key()
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=key)
    user = lab.user(SOURCE, "u", {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": condition})
    blob = lab.seal(key)
    assert lab.refused(user, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"
    lab.ok(user, "Decrypt", CiphertextBlob=blob, KeyId="alias/app")
    lab.ok(user, "Decrypt", CiphertextBlob=blob, KeyId=f"arn:aws:kms:us-east-1:{SOURCE}:alias/app")


def test_the_table_has_a_row_for_each_key_of_the_simulated_operations() -> None:
    """Goal: kms.md 5.2, less what belongs to asymmetric keys, replicas, enclaves and service principals' grants."""
    assert {name for name, _, _ in CONDITION_KEYS} >= {
        "kms:BypassPolicyLockoutSafetyCheck", "kms:CallerAccount", "kms:ViaService", "kms:EncryptionAlgorithm",
        "kms:GrantIsForAWSResource", "kms:GrantOperations", "kms:GranteePrincipal", "kms:RetiringPrincipal",
        "kms:GrantConstraintType", "kms:KeyOrigin", "kms:KeySpec", "kms:KeyUsage", "kms:MultiRegion",
        "kms:MultiRegionKeyType", "kms:RequestAlias", "kms:ResourceAliases", "kms:ReEncryptOnSameKey",
        "kms:RotationPeriodInDays", "kms:ScheduleKeyDeletionPendingWindowInDays", "kms:ExpirationModel",
        "kms:WrappingAlgorithm", "kms:WrappingKeySpec",
    }  # fmt: skip
