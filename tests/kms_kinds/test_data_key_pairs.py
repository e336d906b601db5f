"""GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext (kms.md 2.5)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from tests.kms.lab import ANY_KMS, SOURCE, TARGET, Lab, allow, root_arn
from tests.kms_kinds.ring import Ring

LONG_RSA = ("RSA_3072", "RSA_4096") if os.environ.get("RESEAL_SOAK") else ()  # slow to make, and no different
SPECS = (
    "RSA_2048", *LONG_RSA, "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
    "ECC_NIST_EDWARDS25519", "ML_KEM_768", "ML_KEM_1024",
)  # fmt: skip
DRY = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
CONTEXT = {"purpose": "test"}
CLEAR, SEALED = "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"


def public_half(private_key: bytes) -> bytes:
    key: Any = load_der_private_key(private_key, None)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("spec", SPECS)
def test_the_private_key_comes_in_clear_and_sealed_or_sealed_only(ring: Ring, spec: str) -> None:
    key = ring.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    asked = {"KeyId": key, "KeyPairSpec": spec, "EncryptionContext": CONTEXT}
    members = {"PrivateKeyCiphertextBlob", "PublicKey", "KeyId", "KeyPairSpec", "KeyMaterialId"}
    made = ring.ok(CLEAR, **asked)
    assert set(made) == members | {"PrivateKeyPlaintext"}
    assert public_half(made["PrivateKeyPlaintext"]) == made["PublicKey"]
    opened = ring.ok("Decrypt", CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
    assert (made["KeyId"], made["KeyPairSpec"], made["KeyMaterialId"]) == (key, spec, opened["KeyMaterialId"])
    sealed = ring.ok(SEALED, **asked)
    assert set(sealed) == members
    other = ring.ok("Decrypt", CiphertextBlob=sealed["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)
    assert public_half(other["Plaintext"]) == sealed["PublicKey"] != made["PublicKey"]


@pytest.mark.parametrize("operation", [CLEAR, SEALED])
def test_without_its_context_the_private_key_stays_sealed(ring: Ring, operation: str) -> None:
    """Recorded for both operations [V S2]."""
    key = ring.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    made = ring.ok(operation, KeyId=key, KeyPairSpec="ECC_NIST_P256", EncryptionContext=CONTEXT)
    refused = ring.refused("Decrypt", CiphertextBlob=made["PrivateKeyCiphertextBlob"])
    assert refused == ("InvalidCiphertextException", "")


@pytest.mark.parametrize("operation", [CLEAR, SEALED])
def test_a_dry_run_makes_no_pair(ring: Ring, operation: str) -> None:
    """Recorded for both operations [V S2]."""
    key = ring.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    assert ring.refused(operation, KeyId=key, KeyPairSpec="RSA_2048", DryRun=True) == DRY


@pytest.mark.parametrize("spec", ["SM2", "ML_KEM_512"])
def test_pairs_that_reseal_can_not_make_are_refused_in_words(ring: Ring, spec: str) -> None:
    key = ring.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    refused = ring.refused(CLEAR, KeyId=key, KeyPairSpec=spec)
    assert refused == ("UnsupportedOperationException", f"reseal does not simulate KeyPairSpec {spec}")


def test_another_account_makes_pairs_under_a_shared_key(lab: Lab) -> None:
    key = lab.key(share=allow(f"kms:{CLEAR}", root_arn(TARGET)))
    user = lab.user(TARGET, "u", ANY_KMS)
    assert lab.ok(user, CLEAR, KeyId=key, KeyPairSpec="ECC_NIST_P256")["KeyId"] == key
    assert lab.refused(user, SEALED, KeyId=key, KeyPairSpec="ECC_NIST_P256")[0] == "AccessDeniedException"


def test_the_event_names_the_material_and_shows_no_key(lab: Lab) -> None:
    """kms.md 9: `keyMaterialId` on symmetric cryptography; parameters as sent, no private key."""
    key = lab.key()
    made = lab.ok(SOURCE, CLEAR, KeyId=key, KeyPairSpec="ECC_NIST_P256", EncryptionContext=CONTEXT)
    event = lab.events(SOURCE, CLEAR)[0]
    assert event["requestParameters"] == {"keyId": key, "keyPairSpec": "ECC_NIST_P256", "encryptionContext": CONTEXT}
    assert (event["responseElements"], event["readOnly"]) == (None, True)
    assert event["additionalEventData"] == {"keyMaterialId": made["KeyMaterialId"]}
