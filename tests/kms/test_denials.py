"""Whose word counts, and what a refused caller is told (kms.md 5.1, 7; policy-evaluation.md 4.6; ebs.md 1.12)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kms.lab import ANY_KMS, OWNER, SOURCE, TARGET, Lab, allow, policy, root_arn

HIDDEN = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)
CIPHERTEXT = "on the resource associated with this ciphertext"
SILENT_IDENTITY = "because no identity-based policy allows the kms:{action} action"
DENIES = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
SHARED = allow(["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant"], root_arn(TARGET))


def said(caller: str, action: str, rest: str) -> tuple[str, str]:
    return "AccessDeniedException", f"User: {caller} is not authorized to perform: kms:{action} {rest}"


def test_a_user_of_the_owner_needs_an_identity_policy_where_the_key_delegates(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    because = SILENT_IDENTITY.format(action="Encrypt")
    expected = said(user.arn, "Encrypt", f"on resource: {key} {because}")
    assert lab.refused(user, "Encrypt", KeyId=key, Plaintext=b"x") == expected
    assert lab.causes()[0] == "IDENTITY_SILENT"


def test_without_delegation_an_identity_policy_is_worth_nothing(lab: Lab) -> None:
    """Goal: the key policy is sovereign; the text names the resource side."""
    user = lab.user(SOURCE, "u", ANY_KMS)
    admin = lab.user(SOURCE, "admin", ANY_KMS)
    key = lab.ok(admin, "CreateKey", Policy=policy(allow("kms:*", admin.arn)))["KeyMetadata"]["Arn"]
    because = "because no resource-based policy allows the kms:Encrypt action"
    expected = said(user.arn, "Encrypt", f"on resource: {key} {because}")
    assert lab.refused(user, "Encrypt", KeyId=key, Plaintext=b"x") == expected
    assert lab.causes()[0] == "ACCOUNT_NOT_DELEGATED"


def test_a_user_named_by_the_key_policy_needs_nothing_else(lab: Lab) -> None:
    user = lab.user(SOURCE, "u")
    key = lab.key(share=allow("kms:Encrypt", user.arn))
    lab.ok(user, "Encrypt", KeyId=key, Plaintext=b"x")


def test_an_explicit_deny_is_named_by_its_layer(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u", ANY_KMS, DENIES)
    expected = said(user.arn, "Encrypt", f"on resource: {key} with an explicit deny in an identity-based policy")
    assert lab.refused(user, "Encrypt", KeyId=key, Plaintext=b"x") == expected
    other = lab.user(SOURCE, "other", ANY_KMS)
    denying = {"Effect": "Deny", "Principal": {"AWS": other.arn}, "Action": "kms:Encrypt", "Resource": "*"}
    key = lab.key(share=denying)
    expected = said(other.arn, "Encrypt", f"on resource: {key} with an explicit deny in a resource-based policy")
    assert lab.refused(other, "Encrypt", KeyId=key, Plaintext=b"x") == expected


def test_a_session_policy_that_is_silent_is_named(lab: Lab) -> None:
    session = lab.session(SOURCE, "r", ANY_KMS, policies=(policy({**ANY_KMS, "Action": "kms:List*"}),))
    key = lab.key()
    because = "because no session policy allows the kms:GenerateDataKey action"
    expected = said(session.arn, "GenerateDataKey", f"on resource: {key} {because}")
    assert lab.refused(session, "GenerateDataKey", KeyId=key, KeySpec="AES_256") == expected


def test_a_ciphertext_without_a_key_id_is_not_named(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    blob, because = lab.seal(key), SILENT_IDENTITY.format(action="Decrypt")
    assert lab.refused(user, "Decrypt", CiphertextBlob=blob) == said(user.arn, "Decrypt", f"{CIPHERTEXT} {because}")
    named = lab.refused(user, "Decrypt", CiphertextBlob=blob, KeyId=key)
    assert named == said(user.arn, "Decrypt", f"on resource: {key} {because}")


# --- across accounts --------------------------------------------------------------------------------------------------

UNKNOWN = f"arn:aws:kms:us-east-1:{SOURCE}:key/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("Encrypt", {"Plaintext": b"x"}),
        ("GenerateDataKey", {"KeySpec": "AES_256"}),
        ("DescribeKey", {}),
        ("CreateGrant", {"GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]}),
    ],
)
def test_an_unshared_a_denied_and_an_unknown_key_of_another_account_look_the_same(
    lab: Lab, operation: str, more: dict[str, Any]
) -> None:
    """Goal: nothing is revealed, not even whether there is such a key."""
    user = lab.user(TARGET, "u", ANY_KMS)
    denying = {**allow("kms:*", root_arn(TARGET)), "Effect": "Deny"}
    unshared, denied = lab.key(), lab.key(share=denying)
    expected = said(user.arn, operation, f"on this resource {HIDDEN}")
    for key in (unshared, denied, UNKNOWN):
        assert lab.refused(user, operation, KeyId=key, **more) == expected
    assert lab.causes()[:3] == ["KEY_NOT_FOUND", "KEY_POLICY_DENIES", "KEY_POLICY_SILENT"]


def test_across_accounts_both_sides_must_allow(lab: Lab) -> None:
    key = lab.key(share=SHARED)
    silent, allowed = lab.user(TARGET, "silent"), lab.user(TARGET, "allowed", ANY_KMS)
    because = SILENT_IDENTITY.format(action="Encrypt")
    expected = said(silent.arn, "Encrypt", f"on resource: {key} {because}")
    assert lab.refused(silent, "Encrypt", KeyId=key, Plaintext=b"x") == expected
    assert lab.ok(allowed, "Encrypt", KeyId=key, Plaintext=b"x")["KeyId"] == key


def test_naming_a_foreign_user_in_the_key_policy_is_not_enough(lab: Lab) -> None:
    user = lab.user(TARGET, "u")
    key = lab.key(share=allow("kms:Encrypt", user.arn))
    assert lab.refused(user, "Encrypt", KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"
    assert lab.causes()[0] == "IDENTITY_SILENT"


def test_another_accounts_ciphertext_says_nothing_about_its_key(lab: Lab) -> None:
    user, blob = lab.user(TARGET, "u", ANY_KMS), lab.seal(lab.key())
    expected = said(user.arn, "Decrypt", f"{CIPHERTEXT} {HIDDEN}")
    assert lab.refused(user, "Decrypt", CiphertextBlob=blob) == expected


def test_through_ec2_a_refusal_on_the_callers_side_hides_another_accounts_key_too(lab: Lab) -> None:
    """ebs.md 1.12 [V]: with the ARN for a key of one's own, `on this resource` for another account's."""
    deny_all = policy({**ANY_KMS, "Effect": "Deny"})
    session = lab.session(TARGET, "r", ANY_KMS, policies=(deny_all,))
    grant = {"GranteePrincipal": "ec2.us-east-1.amazonaws.com", "Operations": ["Decrypt"]}
    foreign, own = lab.key(share=SHARED), lab.key(TARGET)
    ending = "with an explicit deny in a session policy"
    hidden = lab.forward(session, "CreateGrant", KeyId=foreign, **grant)
    assert hidden.refusal == said(session.arn, "CreateGrant", f"on this resource {ending}")
    shown = lab.forward(session, "CreateGrant", KeyId=own, **grant)
    assert shown.refusal == said(session.arn, "CreateGrant", f"on resource: {own} {ending}")
    blob = lab.seal(foreign)
    by_blob = lab.forward(session, "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=own)
    assert by_blob.refusal == said(session.arn, "ReEncryptFrom", f"{CIPHERTEXT} {ending}")


NEVER = {
    "CancelKeyDeletion": {},
    "CreateAlias": {"AliasName": "alias/a"},
    "DeleteImportedKeyMaterial": {},
    "DisableKey": {},
    "DisableKeyRotation": {},
    "EnableKey": {},
    "EnableKeyRotation": {},
    "GetKeyPolicy": {},
    "GetParametersForImport": {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
    "ImportKeyMaterial": {
        "ImportToken": b"x", "EncryptedKeyMaterial": b"x", "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    },
    "ListKeyPolicies": {},
    "ListKeyRotations": {},
    "ListResourceTags": {},
    "PutKeyPolicy": {"Policy": policy(OWNER)},
    "RotateKeyOnDemand": {},
    "ScheduleKeyDeletion": {},
    "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateKeyDescription": {"Description": "d"},
}  # fmt: skip
ALWAYS = {
    "DescribeKey": {},
    "Encrypt": {"Plaintext": b"x"},
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_128"},
    "CreateGrant": {"GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]},
    "ListGrants": {},
    "GetKeyRotationStatus": {},
}


@pytest.mark.parametrize(("operation", "more"), NEVER.items())
def test_what_never_works_across_accounts_fails_whatever_policies_allow(
    lab: Lab, operation: str, more: dict[str, Any]
) -> None:
    user, key = lab.user(TARGET, "u", ANY_KMS), lab.key(share=allow("kms:*", root_arn(TARGET)))
    parameter = "TargetKeyId" if operation == "CreateAlias" else "KeyId"
    expected = said(user.arn, operation, f"on this resource {HIDDEN}")
    assert lab.refused(user, operation, **{parameter: key}, **more) == expected
    assert lab.causes()[0] == "NEVER_ACROSS_ACCOUNTS"


@pytest.mark.parametrize(("operation", "more"), ALWAYS.items())
def test_what_works_across_accounts_works_when_both_allow(lab: Lab, operation: str, more: dict[str, Any]) -> None:
    user, key = lab.user(TARGET, "u", ANY_KMS), lab.key(share=allow("kms:*", root_arn(TARGET)))
    lab.ok(user, operation, KeyId=key, **more)


def test_an_operation_declares_whether_it_works_across_accounts(lab: Lab) -> None:
    """Goal: the declaration, which the coverage page is made from, agrees with what happens."""
    from app.services.kms import KMS

    declared = {name: KMS.operations[f"kms:{name}"].across_accounts for name in (*NEVER, *ALWAYS)}
    assert {name for name, across in declared.items() if across == "never"} == set(NEVER)


# --- the root user ----------------------------------------------------------------------------------------------------


def test_the_root_user_has_what_the_key_policy_gives_the_account(lab: Lab) -> None:
    admin = lab.user(SOURCE, "admin", ANY_KMS)
    narrow = policy(allow("kms:*", admin.arn), allow("kms:DescribeKey", root_arn(SOURCE)))
    key = lab.ok(admin, "CreateKey", Policy=narrow)["KeyMetadata"]["Arn"]
    lab.ok(SOURCE, "DescribeKey", KeyId=key)
    assert lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("operation", "more"),
    [("CreateKey", {}), ("ListKeys", {}), ("ListAliases", {}), ("GenerateRandom", {"NumberOfBytes": 8})],
)
def test_what_has_no_key_needs_an_identity_policy_for_everything(
    lab: Lab, operation: str, more: dict[str, Any]
) -> None:
    user, admin = lab.user(SOURCE, "u"), lab.user(SOURCE, "admin", ANY_KMS)
    because = SILENT_IDENTITY.format(action=operation)
    assert lab.refused(user, operation, **more) == said(user.arn, operation, f"on resource: * {because}")
    lab.ok(admin, operation, **more)


def test_a_new_key_with_tags_needs_the_right_to_tag(lab: Lab) -> None:
    user = lab.user(SOURCE, "u", {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"})
    tags = [{"TagKey": "a", "TagValue": "b"}]
    lab.ok(user, "CreateKey", BypassPolicyLockoutSafetyCheck=True)
    code, message = lab.refused(user, "CreateKey", Tags=tags, BypassPolicyLockoutSafetyCheck=True)
    assert code == "AccessDeniedException"
    assert "kms:TagResource" in message
