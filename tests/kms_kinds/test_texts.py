"""Every text of kms.md 1.2, 2.3 and 2.4 that was seen in an answer of AWS [V S2] and concerns kinds of keys.

One row a recording: the situation as recorded, then code and text. `{key}` is the ARN of the key in the row.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.kms.lab import SOURCE, Lab
from tests.kms_kinds.ring import Ring
from tests.kms_kinds.wrapped import NEVER, imported, wrapped

HMAC = ("HMAC_224", "GENERATE_VERIFY_MAC")
SYMMETRIC = ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
SIGNS = ("RSA_2048", "SIGN_VERIFY")
P256 = ("ECC_NIST_P256", "SIGN_VERIFY")
AGREES = ("ECC_NIST_P256", "KEY_AGREEMENT")
USAGE, VALIDATION = "InvalidKeyUsageException", "ValidationException"
NOT_VALID = "{key} key usage is %s which is not valid for %s."
M: dict[str, Any] = {"Message": b"some important message"}

TEXTS: list[tuple[str, tuple[str, str], dict[str, Any], str, str]] = [
    # test_error_messaging_for_invalid_keys, 13-04-2023
    ("GenerateMac", SYMMETRIC, {**M, "MacAlgorithm": "HMAC_SHA_224"}, USAGE,
     NOT_VALID % ("ENCRYPT_DECRYPT", "GenerateMac")),
    ("Sign", HMAC, {**M, "MessageType": "RAW", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, USAGE,
     NOT_VALID % ("GENERATE_VERIFY_MAC", "Sign")),
    ("Verify", SYMMETRIC, {**M, "MessageType": "RAW", "Signature": b"random text", "SigningAlgorithm": "ECDSA_SHA_256"},
     USAGE, NOT_VALID % ("ENCRYPT_DECRYPT", "Verify")),
    ("Encrypt", SIGNS, {"Plaintext": b"test message"}, USAGE, NOT_VALID % ("SIGN_VERIFY", "Encrypt")),
    # test_derive_shared_secret, 25-12-2024
    ("DeriveSharedSecret", P256, {"KeyAgreementAlgorithm": "ECDH", "PublicKey": b"p"}, USAGE,
     NOT_VALID % ("SIGN_VERIFY", "DeriveSharedSecret")),
    ("DeriveSharedSecret", SYMMETRIC, {"KeyAgreementAlgorithm": "ECDH", "PublicKey": b"p"}, USAGE,
     NOT_VALID % ("ENCRYPT_DECRYPT", "DeriveSharedSecret")),
    ("DeriveSharedSecret", AGREES, {"KeyAgreementAlgorithm": "INVALID", "PublicKey": b"p"}, VALIDATION,
     "1 validation error detected: Value 'INVALID' at 'keyAgreementAlgorithm' failed to satisfy constraint: "
     "Member must satisfy enum value set: [ECDH]"),
    ("DeriveSharedSecret", AGREES, {"KeyAgreementAlgorithm": "ECDH", "PublicKey": b"InvalidPublicKey"}, VALIDATION, ""),
    # test_invalid_generate_mac, test_invalid_verify_mac, 13-04-2023
    ("GenerateMac", HMAC, {**M, "MacAlgorithm": "HMAC_SHA_256"}, USAGE,
     "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224."),
    ("VerifyMac", HMAC, {**M, "Mac": b"mac", "MacAlgorithm": "HMAC_SHA_512"}, USAGE,
     "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_224."),
    ("VerifyMac", HMAC, {**M, "Mac": b"mac", "MacAlgorithm": "HMAC_SHA_224"}, "KMSInvalidMacException", ""),
    # test_sign_verify, 13-04-2023
    ("Sign", SIGNS, {**M, "MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, VALIDATION,
     "Digest is invalid length for algorithm RSASSA_PSS_SHA_256."),
    ("Verify", SIGNS, {**M, "Signature": b"bad", "SigningAlgorithm": "RSASSA_PSS_SHA_256"},
     "KMSInvalidSignatureException", ""),
    # test_rotate_key_on_demand_raises_error_given_non_symmetric_key, 08-03-2025
    ("RotateKeyOnDemand", SIGNS, {}, "UnsupportedOperationException", ""),
    # test_get_parameters_for_import_raises_for_non_external_kms_keys, 10-11-2025
    ("GetParametersForImport", SYMMETRIC,
     {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}, "UnsupportedOperationException",
     "{key} origin is AWS_KMS which is not valid for this operation."),
    # test_generate_data_key_pair_dry_run, 06-04-2025
    ("GenerateDataKeyPair", SYMMETRIC, {"KeyPairSpec": "RSA_2048", "DryRun": True}, "DryRunOperationException",
     "The request would have succeeded, but the DryRun option is set."),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "kind", "asked", "code", "text"), TEXTS)
def test_a_recorded_text(
    ring: Ring, operation: str, kind: tuple[str, str], asked: dict[str, Any], code: str, text: str
) -> None:
    key = ring.key(*kind)
    assert ring.refusal(operation, KeyId=key, **asked) == (code, text.format(key=key))


@pytest.mark.parametrize("operation", ["GenerateMac", "VerifyMac"])
def test_an_unknown_mac_algorithm(ring: Ring, operation: str) -> None:
    """test_invalid_generate_mac, 13-04-2023. The order of the set is arbitrary in AWS's own answers."""
    more = {"Mac": b"m"} if operation == "VerifyMac" else {}
    refusal = ring.refusal(operation, KeyId=ring.key(*HMAC), **M, **more, MacAlgorithm="INVALID")
    assert refusal is not None
    code, text = refusal
    head, _, values = text.partition("[")
    assert (code, head) == (
        VALIDATION,
        "1 validation error detected: Value 'INVALID' at 'macAlgorithm' failed to satisfy constraint: "
        "Member must satisfy enum value set: ",
    )
    assert set(values.rstrip("]").split(", ")) == {"HMAC_SHA_384", "HMAC_SHA_256", "HMAC_SHA_224", "HMAC_SHA_512"}


@pytest.mark.parametrize("operation", ["GenerateMac", "Sign"])
def test_an_invalid_key_id(ring: Ring, operation: str) -> None:
    """test_generate_and_verify_mac, 07-11-2023."""
    algorithm = (
        {"MacAlgorithm": "HMAC_SHA_256"} if operation == "GenerateMac" else {"SigningAlgorithm": "ECDSA_SHA_256"}
    )
    refusal = ring.refusal(operation, KeyId="key_id", **M, **algorithm)
    assert refusal == ("NotFoundException", "Invalid keyId 'key_id'")


def test_keys_that_are_not_made(lab: Lab) -> None:
    """test_hmac_create_key_invalid_operations, 13-04-2023; test_derive_shared_secret, 25-12-2024."""
    assert lab.refused(SOURCE, "CreateKey", KeySpec="HMAC_256") == (
        VALIDATION,
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    )
    assert lab.refused(SOURCE, "CreateKey", KeySpec="RSA_2048", KeyUsage="KEY_AGREEMENT") == (
        VALIDATION,
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
    )


def test_texts_of_imports(lab: Lab) -> None:
    """test_import_key_symmetric, ..._pending, ..._no_pending_key_material, 10-11-2025 to 19-11-2025."""
    key = lab.key(Origin="EXTERNAL")
    assert lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"p") == (
        "KMSInvalidStateException",
        f"{key} is pending import.",
    )
    given = wrapped(lab, key, b"1" * 32)
    assert lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **given) == (
        VALIDATION,
        "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
    )
    imported(lab, key, b"1" * 32)
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key) == (
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {key}.",
    )
    second = imported(lab, key, b"2" * 32, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    third = wrapped(lab, key, b"3" * 32)
    code, text = lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, ImportType="NEW_KEY_MATERIAL", **third, **NEVER)
    head, tail = text[:22], text[22 + 64 :]
    assert (code, head) == ("KMSInvalidStateException", "New key material (id: ")
    assert tail == (
        f") cannot be imported into KMS key {key}, because another key material (id: {second}) is pending rotation."
    )


def test_the_limit_of_rotations(lab: Lab) -> None:
    """test_key_rotations_limits, 03-04-2025 (the limit was 10 then; it is 25, kms.md 2.3 [D])."""
    key = lab.key()
    for _ in range(25):
        lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key) == (
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be "
        f"performed for this key: {key}",
    )
