"""Who may use keys of each kind: grants that suit the key, and the condition keys of its operations (kms.md 5.2, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kms.lab import SOURCE, Lab, allow, root_arn
from tests.kms_kinds.ring import Ring

ROOT = root_arn(SOURCE)
COMMON = {"CreateGrant", "RetireGrant", "DescribeKey"}
GRANTABLE = {  # kms.md 6: operations must suit the key's spec and usage
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"): COMMON | {
        "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
        "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    },
    ("RSA_2048", "ENCRYPT_DECRYPT"): COMMON | {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"},
    ("ECC_NIST_P256", "SIGN_VERIFY"): COMMON | {"Sign", "Verify", "GetPublicKey"},
    ("ML_DSA_44", "SIGN_VERIFY"): COMMON | {"Sign", "Verify", "GetPublicKey"},
    ("ECC_NIST_P256", "KEY_AGREEMENT"): COMMON | {"DeriveSharedSecret", "GetPublicKey"},
    ("HMAC_256", "GENERATE_VERIFY_MAC"): COMMON | {"GenerateMac", "VerifyMac"},
    ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"): COMMON | {"Encapsulate", "Decapsulate", "GetPublicKey"},
}  # fmt: skip
EVERY = sorted(set().union(*GRANTABLE.values()))


@pytest.mark.parametrize(("spec", "usage"), GRANTABLE)
def test_a_grant_gives_what_the_key_can_do(ring: Ring, spec: str, usage: str) -> None:
    key = ring.key(spec, usage)
    for operation in EVERY:
        refusal = ring.refusal("CreateGrant", KeyId=key, GranteePrincipal=ROOT, Operations=[operation])
        if operation in GRANTABLE[spec, usage]:
            assert refusal is None, operation
        else:
            assert refusal is not None, operation
            assert refusal[0] == "ValidationException"


@pytest.mark.parametrize(("spec", "usage"), [kind for kind in GRANTABLE if kind[0] != "SYMMETRIC_DEFAULT"])
def test_constraints_are_for_symmetric_keys_only(ring: Ring, spec: str, usage: str) -> None:
    """kms.md 6 [D]: other keys have no encryption context to compare."""
    asked = {"KeyId": ring.key(spec, usage), "GranteePrincipal": ROOT, "Operations": ["DescribeKey"]}
    refusal = ring.refusal("CreateGrant", **asked, Constraints={"EncryptionContextSubset": {"a": "b"}})
    assert refusal is not None
    assert refusal[0] == "ValidationException"


def test_a_grantee_signs_and_nobody_else(lab: Lab) -> None:
    key = lab.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    signer, other = lab.user(SOURCE, "signer"), lab.user(SOURCE, "other")
    lab.ok(SOURCE, "CreateGrant", KeyId=key, GranteePrincipal=signer.arn, Operations=["Sign"])
    asked = {"KeyId": key, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = lab.ok(signer, "Sign", **asked)["Signature"]
    assert lab.refused(other, "Sign", **asked)[0] == "AccessDeniedException"
    assert lab.refused(signer, "Verify", **asked, Signature=signature)[0] == "AccessDeniedException"


# --- condition keys ---------------------------------------------------------------------------------------------------

SIGN = {"Message": b"m", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
MESSAGES = {"RSASSA_PSS_SHA_256": b"d" * 32, "RSASSA_PSS_SHA_512": b"d" * 64}
CONDITIONS: list[tuple[str, str, str, str, str, dict[str, Any], dict[str, Any]]] = [
    # condition key, its value, spec, usage, operation, a request that has it, a change that has it not
    ("kms:SigningAlgorithm", "RSASSA_PSS_SHA_256", "RSA_2048", "SIGN_VERIFY", "Sign", SIGN,
     {"SigningAlgorithm": "RSASSA_PSS_SHA_512"}),
    ("kms:MessageType", "RAW", "RSA_2048", "SIGN_VERIFY", "Sign", SIGN,
     {"MessageType": "DIGEST", "Message": b"d" * 32}),
    ("kms:MacAlgorithm", "HMAC_SHA_256", "HMAC_256", "GENERATE_VERIFY_MAC", "GenerateMac",
     {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}, {"MacAlgorithm": "HMAC_SHA_512"}),
    ("kms:EncryptionAlgorithm", "RSAES_OAEP_SHA_256", "RSA_2048", "ENCRYPT_DECRYPT", "Encrypt",
     {"Plaintext": b"p", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, {"EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}),
    ("kms:DataKeyPairSpec", "ECC_NIST_P256", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "GenerateDataKeyPair",
     {"KeyPairSpec": "ECC_NIST_P256"}, {"KeyPairSpec": "ECC_NIST_P384"}),
    ("kms:EncryptionContext:a", "b", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "GenerateDataKeyPair",
     {"KeyPairSpec": "ECC_NIST_P256", "EncryptionContext": {"a": "b"}}, {"EncryptionContext": {"a": "c"}}),
    ("kms:EncapsulationAlgorithm", "ML_KEM", "ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "Encapsulate",
     {"EncapsulationAlgorithm": "ML_KEM"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "spec", "usage", "operation", "asked", "change"), CONDITIONS)
def test_a_condition_key_holds_the_value_of_the_request(
    lab: Lab,
    name: str,
    value: str,
    spec: str,
    usage: str,
    operation: str,
    asked: dict[str, Any],
    change: dict[str, Any],
) -> None:
    user = lab.user(SOURCE, "u")
    share = allow(f"kms:{operation}", user.arn, Condition={"StringEquals": {name: value}})
    key = lab.key(share=share, KeySpec=spec, KeyUsage=usage)
    lab.ok(user, operation, KeyId=key, **asked)
    if change:
        assert lab.refused(user, operation, KeyId=key, **{**asked, **change})[0] == "AccessDeniedException"


def test_the_algorithm_of_key_agreement_is_a_condition_key(lab: Lab) -> None:
    user = lab.user(SOURCE, "u")
    for wanted, is_allowed in (("ECDH", True), ("OTHER", False)):
        condition = {"StringEquals": {"kms:KeyAgreementAlgorithm": wanted}}
        share = allow("kms:DeriveSharedSecret", user.arn, Condition=condition)
        key = lab.key(share=share, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
        peer = lab.ok(SOURCE, "GetPublicKey", KeyId=key)["PublicKey"]
        reply = lab.reply(user, "DeriveSharedSecret", KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=peer)
        assert (reply.error is None) == is_allowed


@pytest.mark.parametrize("name", ["KeySpec", "CustomerMasterKeySpec"])
@pytest.mark.parametrize("condition", ["kms:KeySpec", "kms:CustomerMasterKeySpec"])
def test_what_kind_of_key_may_be_made_is_a_condition_by_both_names(lab: Lab, name: str, condition: str) -> None:
    statement = {
        "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Condition": {"StringEqualsIfExists": {condition: "ECC_NIST_P256", "kms:KeyUsage": "SIGN_VERIFY"}},
    }  # fmt: skip
    user = lab.user(SOURCE, "u", statement)
    lab.ok(user, "CreateKey", **{name: "ECC_NIST_P256"}, KeyUsage="SIGN_VERIFY")
    assert lab.refused(user, "CreateKey", **{name: "ECC_NIST_P384"}, KeyUsage="SIGN_VERIFY")[0] == (
        "AccessDeniedException"
    )
    assert lab.refused(user, "CreateKey", **{name: "ECC_NIST_P256"}, KeyUsage="KEY_AGREEMENT")[0] == (
        "AccessDeniedException"
    )


def test_a_key_is_named_by_alias_for_all_its_operations(lab: Lab) -> None:
    """kms:RequestAlias: crypto operations, DescribeKey, GetPublicKey (5.2)."""
    user = lab.user(SOURCE, "u")
    condition = {"StringEquals": {"kms:RequestAlias": "alias/signer"}}
    share = allow(["kms:Sign", "kms:GetPublicKey"], user.arn, Condition=condition)
    key = lab.key(share=share, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/signer", TargetKeyId=key)
    asked = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    lab.ok(user, "Sign", KeyId="alias/signer", **asked)
    lab.ok(user, "GetPublicKey", KeyId="alias/signer")
    assert lab.refused(user, "Sign", KeyId=key, **asked)[0] == "AccessDeniedException"


def test_authorization_comes_before_usage_and_signature(lab: Lab) -> None:
    """Whoever may not use a key does not learn what it is for (kms.md 3, order of checks [I])."""
    key, nobody = lab.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"), lab.user(SOURCE, "nobody")
    assert lab.refused(nobody, "Sign", KeyId=key, **SIGN)[0] == "AccessDeniedException"
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    assert lab.refused(SOURCE, "Sign", KeyId=key, **SIGN) == ("DisabledException", f"{key} is disabled.")
