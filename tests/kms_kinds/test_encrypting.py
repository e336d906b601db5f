"""Encrypt, Decrypt and ReEncrypt under RSA keys (kms.md 1.2, 2.5, 3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kms.lab import SOURCE, Lab
from tests.kms_kinds import outside
from tests.kms_kinds.ring import RSA_ENCRYPTING, Ring

INVALID = ("InvalidCiphertextException", "")
INCORRECT = (
    "IncorrectKeyException",
    "The key ID in the request does not identify a CMK that can perform this operation.",
)
DRY = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
MOST = {  # kms.md 2.5, recorded one by one [V S2]
    ("RSA_2048", "RSAES_OAEP_SHA_1"): 214, ("RSA_2048", "RSAES_OAEP_SHA_256"): 190,
    ("RSA_3072", "RSAES_OAEP_SHA_1"): 342, ("RSA_3072", "RSAES_OAEP_SHA_256"): 318,
    ("RSA_4096", "RSAES_OAEP_SHA_1"): 470, ("RSA_4096", "RSAES_OAEP_SHA_256"): 446,
}  # fmt: skip
SHA_256 = "RSAES_OAEP_SHA_256"


def encrypted(ring: Ring, spec: str, algorithm: str, plaintext: bytes) -> dict[str, Any]:
    """The parameters of Decrypt for what was just encrypted."""
    asked = {"KeyId": ring.key(spec, "ENCRYPT_DECRYPT"), "EncryptionAlgorithm": algorithm}
    answer = ring.ok("Encrypt", **asked, Plaintext=plaintext)
    assert set(answer) == {"CiphertextBlob", "KeyId", "EncryptionAlgorithm"}
    assert (answer["KeyId"], answer["EncryptionAlgorithm"]) == (asked["KeyId"], algorithm)
    return {**asked, "CiphertextBlob": answer["CiphertextBlob"]}


@pytest.mark.parametrize(("spec", "algorithm"), RSA_ENCRYPTING)
def test_what_was_encrypted_here_or_outside_comes_back(ring: Ring, spec: str, algorithm: str) -> None:
    public_key = ring.public_key(spec, "ENCRYPT_DECRYPT")
    for size in (1, 2, MOST[spec, algorithm]):
        asked = encrypted(ring, spec, algorithm, b"p" * size)
        opened = ring.ok("Decrypt", **asked)
        assert opened == {"KeyId": asked["KeyId"], "Plaintext": b"p" * size, "EncryptionAlgorithm": algorithm}
        strangers = outside.encrypt(public_key, algorithm, b"q" * size)
        assert ring.ok("Decrypt", **{**asked, "CiphertextBlob": strangers})["Plaintext"] == b"q" * size


@pytest.mark.parametrize(("spec", "algorithm"), RSA_ENCRYPTING)
def test_one_byte_more_does_not_fit(ring: Ring, spec: str, algorithm: str) -> None:
    most = MOST[spec, algorithm]
    asked = {"KeyId": ring.key(spec, "ENCRYPT_DECRYPT"), "EncryptionAlgorithm": algorithm}
    assert ring.refused("Encrypt", **asked, Plaintext=b"p" * (most + 1)) == (
        "ValidationException",
        f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes.",
    )


def test_another_key_or_algorithm_does_not_open_it(ring: Ring) -> None:
    asked = encrypted(ring, "RSA_2048", SHA_256, b"hello")
    assert ring.refused("Decrypt", **{**asked, "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}) == INVALID
    other = ring.lab.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    assert ring.refused("Decrypt", **{**asked, "KeyId": other}) == INVALID
    assert ring.refused("Decrypt", **{**asked, "KeyId": ring.key("RSA_4096", "ENCRYPT_DECRYPT")}) == INVALID
    assert ring.refused("Decrypt", CiphertextBlob=asked["CiphertextBlob"]) == INVALID


def test_an_rsa_key_is_not_used_without_its_algorithm(ring: Ring) -> None:
    """kms.md 3 [D]: omitted, it is that of symmetric keys."""
    wrong = ("InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.")
    asked = encrypted(ring, "RSA_2048", SHA_256, b"hello")
    del asked["EncryptionAlgorithm"]
    assert ring.refused("Decrypt", **asked) == wrong
    assert ring.refused("Encrypt", KeyId=asked["KeyId"], Plaintext=b"hello") == wrong


def test_a_context_belongs_to_symmetric_keys_only(ring: Ring) -> None:
    """kms.md 3 [I]."""
    asked, context = encrypted(ring, "RSA_2048", SHA_256, b"hello"), {"a": "b"}
    key = {"KeyId": asked["KeyId"], "EncryptionAlgorithm": SHA_256, "EncryptionContext": context}
    assert ring.refused("Encrypt", **key, Plaintext=b"x")[0] == "ValidationException"
    assert ring.refused("Decrypt", **asked, EncryptionContext=context)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("HMAC_224", "GENERATE_VERIFY_MAC"), ("RSA_2048", "SIGN_VERIFY"), ("RSA_2048", "ENCRYPT_DECRYPT")],
)
def test_what_kms_sealed_names_its_key_whatever_kind_of_key_is_named(ring: Ring, spec: str, usage: str) -> None:
    """kms.md 1.2, recorded with an HMAC key [V S2]."""
    blob = ring.lab.seal(ring.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"))
    assert ring.refused("Decrypt", CiphertextBlob=blob, KeyId=ring.key(spec, usage)) == INCORRECT


def test_re_encryption_moves_between_kinds_of_keys(ring: Ring) -> None:
    """From RSA to symmetric and back; only the symmetric side has a material id and a context."""
    rsa, symmetric = ring.key("RSA_2048", "ENCRYPT_DECRYPT"), ring.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    blob = encrypted(ring, "RSA_2048", SHA_256, b"hello")["CiphertextBlob"]
    moved = ring.ok(
        "ReEncrypt", CiphertextBlob=blob, SourceKeyId=rsa, SourceEncryptionAlgorithm=SHA_256,
        DestinationKeyId=symmetric, DestinationEncryptionContext={"a": "b"},
    )  # fmt: skip
    algorithms = (moved["SourceEncryptionAlgorithm"], moved["DestinationEncryptionAlgorithm"])
    assert algorithms == (SHA_256, "SYMMETRIC_DEFAULT")
    assert "SourceKeyMaterialId" not in moved
    assert len(moved["DestinationKeyMaterialId"]) == 64
    back = ring.ok(
        "ReEncrypt", CiphertextBlob=moved["CiphertextBlob"], SourceEncryptionContext={"a": "b"}, DestinationKeyId=rsa,
        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1",
    )  # fmt: skip
    assert "DestinationKeyMaterialId" not in back
    asked = {"KeyId": rsa, "CiphertextBlob": back["CiphertextBlob"], "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    assert ring.ok("Decrypt", **asked)["Plaintext"] == b"hello"


def test_what_does_not_fit_under_the_destination_is_not_re_encrypted(ring: Ring) -> None:
    blob = ring.lab.seal(ring.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), b"p" * 191)
    rsa = {"DestinationKeyId": ring.key("RSA_2048", "ENCRYPT_DECRYPT"), "DestinationEncryptionAlgorithm": SHA_256}
    code, message = ring.refused("ReEncrypt", CiphertextBlob=blob, **rsa)
    assert (code, message[-33:]) == ("ValidationException", "cannot encrypt data larger than 190 bytes."[-33:])


def test_a_dry_run_is_the_last_check(ring: Ring) -> None:
    asked = encrypted(ring, "RSA_2048", SHA_256, b"hello")
    assert ring.refused("Decrypt", **asked, DryRun=True) == DRY
    assert ring.refused("Decrypt", **{**asked, "CiphertextBlob": b"junk"}, DryRun=True) == INVALID


# --- data keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    [
        "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
    ],
)  # fmt: skip
def test_data_keys_are_sealed_under_symmetric_keys_only(ring: Ring, operation: str) -> None:
    """kms.md 3: InvalidKeyUsageException; the texts are those of 1.2."""
    size = {"KeyPairSpec": "ECC_NIST_P256"} if "Pair" in operation else {"KeySpec": "AES_256"}
    mac = ring.key("HMAC_256", "GENERATE_VERIFY_MAC")
    assert ring.refused(operation, KeyId=mac, **size) == (
        "InvalidKeyUsageException",
        f"{mac} key usage is GENERATE_VERIFY_MAC which is not valid for {operation}.",
    )
    assert ring.refused(operation, KeyId=ring.key("RSA_2048", "ENCRYPT_DECRYPT"), **size) == (
        "InvalidKeyUsageException",
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    )


def test_no_private_key_and_no_secret_is_left_in_records_or_log(lab: Lab) -> None:
    """Goal: what a call reveals it reveals in its answer only; private keys of KMS are never revealed."""
    agreeing = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
    key, peer = lab.key(**agreeing), lab.key(**agreeing)
    public = lab.ok(SOURCE, "GetPublicKey", KeyId=peer)["PublicKey"]
    derived = lab.ok(SOURCE, "DeriveSharedSecret", KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)
    made = lab.ok(SOURCE, "GenerateDataKeyPair", KeyId=lab.key(), KeyPairSpec="ECC_NIST_P256")
    mac = lab.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    lab.ok(SOURCE, "GenerateMac", KeyId=mac, Message=b"very-secret-message", MacAlgorithm="HMAC_SHA_256")
    world = lab.cloud.world
    text = repr(list(world.records.all())) + repr(list(world.log.entries()))
    for secret in (derived["SharedSecret"], made["PrivateKeyPlaintext"], b"very-secret-message"):
        assert secret.hex() not in text
        assert repr(secret)[2:-1] not in text
