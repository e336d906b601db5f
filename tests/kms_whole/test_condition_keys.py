"""Every condition key of kms.md 5.2 is supplied, where the reference says (issue 6: every `kms:` condition key)."""

from __future__ import annotations

from typing import Any

import pytest

from app.services.kms.conditions import CONDITION_KEYS
from tests.kms.lab import SOURCE, Lab, allow
from tests.kms.test_imports import wrapped

# of the reference's table; those with a part of their own name (<k>) are made from the request
TABLE = (
    "BypassPolicyLockoutSafetyCheck", "CallerAccount", "ViaService", "EncryptionAlgorithm", "GrantIsForAWSResource",
    "GrantOperations", "GranteePrincipal", "RetiringPrincipal", "GranteeServicePrincipal", "RetiringServicePrincipal",
    "GrantConstraintSourceArn", "GrantConstraintType", "KeyOrigin", "KeySpec", "KeyUsage", "CustomerMasterKeySpec",
    "CustomerMasterKeyUsage", "MultiRegion", "MultiRegionKeyType", "PrimaryRegion", "ReplicaRegion", "RequestAlias",
    "ResourceAliases", "ReEncryptOnSameKey", "DataKeyPairSpec", "KeyAgreementAlgorithm", "MacAlgorithm", "MessageType",
    "SigningAlgorithm", "ExpirationModel", "ValidTo", "WrappingAlgorithm", "WrappingKeySpec", "RotationPeriodInDays",
    "ScheduleKeyDeletionPendingWindowInDays", "TrailingDaysWithoutKeyUsage",
)  # fmt: skip
ELSEWHERE = {"EncryptionContext:<k>", "EncryptionContextKeys"}  # tests/kms/test_conditions.py
NOT_HAD = {"RecipientAttestation"}  # only with an attestation document, which reseal refuses in words


def test_the_table_of_the_reference_and_that_of_the_code_are_the_same() -> None:
    """EncapsulationAlgorithm is newer than the reference: inferred from the operation's parameter."""
    supplied = {name.removeprefix("kms:") for name, _, _ in CONDITION_KEYS}
    assert supplied == set(TABLE) | {"EncapsulationAlgorithm"}


def only_if(lab: Lab, action: str, condition: dict[str, dict[str, str]]) -> Any:
    """A user who may do one thing under a condition."""
    return lab.user(
        SOURCE, f"u-{len(condition)}-{sorted(condition)[0]}",
        {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key_type", "value", "allowed"),
    [
        ("kms:MultiRegionKeyType", "PRIMARY", True),
        ("kms:MultiRegionKeyType", "REPLICA", False),
        ("kms:MultiRegion", "true", True),
        ("kms:KeyOrigin", "AWS_KMS", True),
    ],
)
def test_what_kind_of_key_it_is(lab: Lab, key_type: str, value: str, allowed: bool) -> None:
    key = lab.key(MultiRegion=True)
    user = only_if(lab, "kms:DescribeKey", {"StringEquals": {key_type: value}})
    reply = lab.reply(user, "DescribeKey", KeyId=key)
    assert (reply.error is None) is allowed


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}, False),
        ({"Null": {"kms:ResourceAliases": "true"}}, True),
    ],
    ids=["named", "absent"],
)
def test_a_key_policy_does_not_see_the_aliases_of_its_key(lab: Lab, condition: Any, allowed: bool) -> None:
    """Goal: "IAM policies only" (kms.md 5.2 [D]): in a key policy the key is absent, however many aliases there are."""
    user = lab.user(SOURCE, "u")
    key = lab.key(share=allow("kms:DescribeKey", user.arn, Condition=condition))
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=key)
    assert (lab.reply(user, "DescribeKey", KeyId=key).error is None) is allowed


def test_a_replica_is_told_from_its_primary(lab: Lab) -> None:
    key = lab.key(MultiRegion=True)
    lab.ok(SOURCE, "ReplicateKey", KeyId=key, ReplicaRegion="eu-west-1")
    user = only_if(lab, "kms:DescribeKey", {"StringEquals": {"kms:MultiRegionKeyType": "REPLICA"}})
    lab.ok(user, "DescribeKey", "eu-west-1", KeyId=key.rpartition("/")[2])
    assert lab.refused(user, "DescribeKey", KeyId=key)[0] == "AccessDeniedException"


def test_material_must_expire_before_a_date(lab: Lab) -> None:
    """kms:ValidTo is a date."""
    from app.kernel.clock import DAY_MS, moment

    key = lab.key(Origin="EXTERNAL")
    until = {"DateLessThan": {"kms:ValidTo": "2026-02-01T00:00:00Z"}}
    user = only_if(lab, "kms:ImportKeyMaterial", until)
    given = {"KeyId": key, **wrapped(lab, key, b"m" * 32)}
    now = lab.cloud.now_ms()
    late, early = ({"ValidTo": moment(now + days * DAY_MS)} for days in (60, 10))
    assert lab.refused(user, "ImportKeyMaterial", **given, **late)[0] == "AccessDeniedException"
    never = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    assert lab.refused(user, "ImportKeyMaterial", **given, **never)[0] == "AccessDeniedException"
    lab.ok(user, "ImportKeyMaterial", **given, **early)
