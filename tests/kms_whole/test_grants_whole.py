"""Grants in full: services as parties, the delay of a lifelike world, limits, parties that retire (kms.md 6)."""

from __future__ import annotations

from typing import Any

import pytest

from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.draft import Result
from app.kernel.shapes import service_model
from app.kernel.store import MemoryStore
from tests.kms.lab import ANY_KMS, SERVICES, SOURCE, TARGET, Forwarded, Lab, allow, root_arn

RDS = "rds.amazonaws.com"
DATABASE = f"arn:aws:rds:us-east-1:{SOURCE}:db:main"
MINUTE_MS = 60_000


@pytest.fixture
def lifelike() -> Lab:
    """A world with AWS's delays."""
    return Lab(Cloud.create(SERVICES, MemoryStore(), new_world("kms", seed="7", clock=Clock(settle="lifelike"))))


def for_service(key: str, **more: Any) -> dict[str, Any]:
    asked = {
        "KeyId": key, "GranteeServicePrincipal": RDS, "RetiringServicePrincipal": RDS, "Operations": ["Decrypt"],
        "Constraints": {"SourceArn": DATABASE},
    }  # fmt: skip
    return {name: value for name, value in (asked | more).items() if value is not None}


def as_rds(lab: Lab, source_arn: str, operation: str, **parameters: Any) -> Result:
    """A call by RDS as itself, on behalf of a database."""
    draft = lab.forward(SOURCE, "ListKeys").draft
    return draft.as_service(
        f"kms:{operation}", parameters, principal=RDS, invoked_by=RDS, source_arn=source_arn
    )  # fmt: skip


# --- services as parties ----------------------------------------------------------------------------------------------


def test_a_grant_to_a_service_shows_where_the_service_was_named(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "CreateGrant", **for_service(key))
    (shown,) = lab.ok(SOURCE, "ListGrants", KeyId=key, GranteeServicePrincipal=RDS)["Grants"]
    assert (shown["GranteeServicePrincipal"], shown["RetiringServicePrincipal"]) == (RDS, RDS)
    assert shown["Constraints"] == {"SourceArn": DATABASE}
    assert {"GranteePrincipal", "RetiringPrincipal"} & shown.keys() == set()


def test_the_service_uses_it_for_that_source_only(lab: Lab) -> None:
    key = lab.key()
    blob = lab.seal(key)
    lab.ok(SOURCE, "CreateGrant", **for_service(key))
    assert as_rds(lab, DATABASE, "Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"
    for other in (f"{DATABASE}-2", ""):
        refused = as_rds(lab, other, "Decrypt", CiphertextBlob=blob)
        assert refused.error is not None
        assert refused.error.code == "AccessDeniedException"


def test_source_arn_goes_together_with_an_encryption_context(lab: Lab) -> None:
    key = lab.key()
    both = {"SourceArn": DATABASE, "EncryptionContextSubset": {"a": "b"}}
    lab.ok(SOURCE, "CreateGrant", **for_service(key, Constraints=both))
    plain, fitting = lab.seal(key), lab.seal(key, EncryptionContext={"a": "b"})
    assert as_rds(lab, DATABASE, "Decrypt", CiphertextBlob=plain).error is not None
    opened = as_rds(lab, DATABASE, "Decrypt", CiphertextBlob=fitting, EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == b"hello"
    assert lab.ok(SOURCE, "ListGrants", KeyId=key)["Grants"][0]["Constraints"] == both


def test_source_arn_does_not_bind_people(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    grant = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Decrypt"]}
    lab.ok(SOURCE, "CreateGrant", **grant, Constraints={"SourceArn": DATABASE})
    assert lab.ok(user, "Decrypt", CiphertextBlob=lab.seal(key))["Plaintext"] == b"hello"


@pytest.mark.parametrize(
    "wrong",
    [
        {"GranteePrincipal": root_arn(SOURCE)},
        {"RetiringPrincipal": root_arn(SOURCE)},
        {"RetiringServicePrincipal": None},
        {"Constraints": None},
        {"GranteeServicePrincipal": None},
    ],
    ids=["two grantees", "two retiring", "nobody retires", "no source", "no grantee"],
)
def test_what_a_grant_to_a_service_needs(lab: Lab, wrong: dict[str, Any]) -> None:
    assert lab.refused(SOURCE, "CreateGrant", **for_service(lab.key(), **wrong))[0] == "ValidationException"


def test_a_service_lists_and_retires_what_it_may(lab: Lab) -> None:
    key = lab.key()
    grant_id = lab.ok(SOURCE, "CreateGrant", **for_service(key))["GrantId"]
    listed = as_rds(lab, DATABASE, "ListRetirableGrants", RetiringServicePrincipal=RDS)["Grants"]
    assert [each["GrantId"] for each in listed] == [grant_id]
    assert as_rds(lab, DATABASE, "ListRetirableGrants", RetiringServicePrincipal="sqs.amazonaws.com").error is not None
    assert as_rds(lab, DATABASE, "RetireGrant", KeyId=key, GrantId=grant_id).error is None
    refused = lab.refused(SOURCE, "ListRetirableGrants", RetiringServicePrincipal=RDS)
    assert refused[0] == "ValidationException"


def test_condition_keys_see_the_services_and_the_source(lab: Lab) -> None:
    only = {
        "StringEquals": {"kms:GranteeServicePrincipal": RDS, "kms:RetiringServicePrincipal": RDS},
        "ArnLike": {"kms:GrantConstraintSourceArn": f"arn:aws:rds:*:{SOURCE}:db:*"},
    }
    user = lab.user(SOURCE, "u", {"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*", "Condition": only})
    key = lab.key()
    lab.ok(user, "CreateGrant", **for_service(key))
    other = for_service(key, Constraints={"SourceArn": f"arn:aws:rds:us-east-1:{TARGET}:db:main"})
    assert lab.refused(user, "CreateGrant", **other)[0] == "AccessDeniedException"


# --- consistency ------------------------------------------------------------------------------------------------------


def test_in_a_lifelike_world_a_new_grant_counts_with_its_token_and_later_for_all(lifelike: Lab) -> None:
    key, user = lifelike.key(), lifelike.user(SOURCE, "u")
    blob = lifelike.seal(key)
    made = lifelike.ok(SOURCE, "CreateGrant", KeyId=key, GranteePrincipal=user.arn, Operations=["Decrypt"])
    assert lifelike.refused(user, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"
    shown = {"CiphertextBlob": blob, "GrantTokens": [made["GrantToken"]]}
    assert lifelike.ok(user, "Decrypt", **shown)["Plaintext"] == b"hello"
    stranger = lifelike.user(SOURCE, "stranger")
    assert lifelike.refused(stranger, "Decrypt", **shown)[0] == "AccessDeniedException"
    lifelike.cloud.advance(5 * MINUTE_MS)
    assert lifelike.ok(user, "Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"


@pytest.mark.parametrize("operation", ["RevokeGrant", "RetireGrant"])
def test_in_a_lifelike_world_a_grant_that_is_over_counts_a_little_longer(lifelike: Lab, operation: str) -> None:
    key, user = lifelike.key(), lifelike.user(SOURCE, "u")
    blob = lifelike.seal(key)
    made = lifelike.ok(SOURCE, "CreateGrant", KeyId=key, GranteePrincipal=user.arn, Operations=["Decrypt"])
    lifelike.cloud.advance(5 * MINUTE_MS)
    lifelike.ok(SOURCE, operation, KeyId=key, GrantId=made["GrantId"])
    assert lifelike.ok(SOURCE, "ListGrants", KeyId=key)["Grants"] == []
    assert lifelike.refused(SOURCE, operation, KeyId=key, GrantId=made["GrantId"])[0] == "NotFoundException"
    lifelike.ok(user, "Decrypt", CiphertextBlob=blob)
    lifelike.cloud.advance(5 * MINUTE_MS)
    assert lifelike.refused(user, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_in_an_instant_world_grants_count_at_once_and_end_at_once(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    blob = lab.seal(key)
    made = lab.ok(SOURCE, "CreateGrant", KeyId=key, GranteePrincipal=user.arn, Operations=["Decrypt"])
    lab.ok(user, "Decrypt", CiphertextBlob=blob)
    lab.ok(SOURCE, "RevokeGrant", KeyId=key, GrantId=made["GrantId"])
    assert lab.refused(user, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_a_grant_that_ec2_makes_for_somebody_counts_at_once(lifelike: Lab) -> None:
    key = lifelike.key()
    blob, service = lifelike.seal(key), "ec2.us-east-1.amazonaws.com"
    made = lifelike.forward(SOURCE, "CreateGrant", KeyId=key, GranteePrincipal=service, Operations=["Decrypt"])
    assert isinstance(made, Forwarded)
    assert made.as_service("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"


# --- limits, names, parties -------------------------------------------------------------------------------------------


def test_a_key_has_so_many_grants_and_no_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 3 instead of 50,000; one that is retired makes room. AWS managed keys have no limit."""
    monkeypatch.setattr("app.services.kms.grants.GRANTS_MAX", 3)
    key = lab.key()
    asked = {"GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]}
    ids = [lab.ok(SOURCE, "CreateGrant", KeyId=key, **asked)["GrantId"] for _ in range(3)]
    assert lab.refused(SOURCE, "CreateGrant", KeyId=key, **asked)[0] == "LimitExceededException"
    lab.ok(SOURCE, "RetireGrant", KeyId=key, GrantId=ids[0])
    lab.ok(SOURCE, "CreateGrant", KeyId=key, **asked)
    managed = lab.ok(SOURCE, "DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    forwarded = lab.forward(SOURCE, "CreateGrant", KeyId=managed, **asked)
    for _ in range(4):
        assert forwarded.again("CreateGrant", KeyId=managed, **asked).error is None


@pytest.mark.parametrize(
    "other",
    [
        {"Operations": ["Encrypt"]},
        {"GranteePrincipal": root_arn(SOURCE)},
        {"RetiringPrincipal": root_arn(SOURCE)},
        {"Constraints": {"EncryptionContextSubset": {"a": "b"}}},
        {"Constraints": {"SourceArn": DATABASE}},
        {"Name": "other"},
    ],
    ids=str,
)
def test_a_name_makes_a_repeated_request_the_same_grant_only_if_all_else_is_the_same(
    lab: Lab, other: dict[str, Any]
) -> None:
    key = lab.key()
    asked = {"KeyId": key, "GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"], "Name": "mine"}
    first, again = (lab.ok(SOURCE, "CreateGrant", **asked) for _ in range(2))
    assert first["GrantId"] == again["GrantId"]
    assert first["GrantToken"] != again["GrantToken"]
    assert lab.ok(SOURCE, "CreateGrant", **asked | other)["GrantId"] != first["GrantId"]


def test_three_parties_may_retire_a_grant_and_nobody_else(lab: Lab) -> None:
    """The retiring principal, a grantee that was given RetireGrant, and the account in which the grant was made."""
    key = lab.key(share=allow("kms:CreateGrant", root_arn(TARGET)))
    grantee, retirer = lab.user(SOURCE, "grantee"), lab.user(TARGET, "retirer")
    able, unable = lab.user(TARGET, "able", ANY_KMS), lab.user(TARGET, "unable")
    asked = {
        "KeyId": key, "GranteePrincipal": grantee.arn, "RetiringPrincipal": retirer.arn,
        "Operations": ["Decrypt", "RetireGrant"],
    }  # fmt: skip
    for party in (grantee, retirer, TARGET, able):
        made = lab.ok(TARGET, "CreateGrant", **asked)
        lab.ok(party, "RetireGrant", KeyId=key, GrantId=made["GrantId"])
    made = lab.ok(TARGET, "CreateGrant", **asked)
    for stranger in (unable, SOURCE, lab.user(SOURCE, "admin", ANY_KMS)):
        refused = lab.refused(stranger, "RetireGrant", KeyId=key, GrantId=made["GrantId"])
        assert refused[0] == "AccessDeniedException"
    lab.ok(SOURCE, "RevokeGrant", KeyId=key, GrantId=made["GrantId"])


def test_the_model_has_19_operations_to_grant_and_each_is_taken_by_some_key(lab: Lab) -> None:
    """botocore 1.44: the 17 of the reference, Encapsulate and Decapsulate."""
    operations = service_model("kms").shape_for("GrantOperation").enum
    assert len(operations) == 19
    keys = [lab.key(KeySpec=spec, KeyUsage=usage) for spec, usage in KINDS]
    taken = {operation for operation in operations for key in keys if _is_taken(lab, key, operation)}
    assert taken == set(operations)


KINDS = (
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
    ("HMAC_256", "GENERATE_VERIFY_MAC"),
    ("ECC_NIST_P256", "SIGN_VERIFY"),
    ("ECC_NIST_P256", "KEY_AGREEMENT"),
    ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"),
)


def _is_taken(lab: Lab, key: str, operation: str) -> bool:
    asked = {"KeyId": key, "GranteePrincipal": root_arn(TARGET), "Operations": [operation]}
    return lab.reply(SOURCE, "CreateGrant", **asked).error is None
