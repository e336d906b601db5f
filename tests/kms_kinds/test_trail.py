"""What CloudTrail shows of keys of each kind (kms.md 9): parameters as sent, never what was signed or derived."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kms.lab import SOURCE, Lab
from tests.kms_kinds.wrapped import NEVER, wrapped

SIGNS = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
MACS = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
AGREES = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
KEM = {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}
ECDSA, MAC = {"signingAlgorithm": "ECDSA_SHA_256"}, {"macAlgorithm": "HMAC_SHA_256"}


def read(lab: Lab, operation: str, kind: dict[str, str], **asked: Any) -> dict[str, Any]:
    """The event of a call that succeeded."""
    key = lab.key(**kind)
    more = {name: value(lab, key) if callable(value) else value for name, value in asked.items()}
    lab.ok(SOURCE, operation, KeyId=key, **more)
    event = lab.events(SOURCE, operation)[0]
    assert event["requestParameters"].pop("keyId") == key
    assert event["resources"] == [{"accountId": SOURCE, "type": "AWS::KMS::Key", "ARN": key}]
    assert (event["readOnly"], event["responseElements"]) == (True, None)
    assert "additionalEventData" not in event
    return event["requestParameters"]


def signature(lab: Lab, key: str) -> bytes:
    return lab.ok(SOURCE, "Sign", KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]


def mac(lab: Lab, key: str) -> bytes:
    return lab.ok(SOURCE, "GenerateMac", KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]


def public(lab: Lab, key: str) -> bytes:
    return lab.ok(SOURCE, "GetPublicKey", KeyId=key)["PublicKey"]


def capsule(lab: Lab, key: str) -> bytes:
    made = lab.ok(SOURCE, "Encapsulate", KeyId=key, EncapsulationAlgorithm="ML_KEM")
    return made["SharedSecretCiphertextBlob"]


ROWS: list[tuple[str, dict[str, str], dict[str, Any], dict[str, Any]]] = [
    ("Sign", SIGNS, {"Message": b"m", "MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"},
     {"messageType": "RAW", **ECDSA}),
    ("Verify", SIGNS, {"Message": b"m", "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256"}, ECDSA),
    ("GetPublicKey", SIGNS, {}, {}),
    ("GenerateMac", MACS, {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}, MAC),
    ("VerifyMac", MACS, {"Message": b"m", "Mac": mac, "MacAlgorithm": "HMAC_SHA_256"}, MAC),
    ("DeriveSharedSecret", AGREES, {"KeyAgreementAlgorithm": "ECDH", "PublicKey": public},
     {"keyAgreementAlgorithm": "ECDH"}),
    ("Encapsulate", KEM, {"EncapsulationAlgorithm": "ML_KEM"}, {"encapsulationAlgorithm": "ML_KEM"}),
    ("Decapsulate", KEM, {"EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": capsule},
     {"encapsulationAlgorithm": "ML_KEM"}),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "kind", "asked", "shown"), ROWS, ids=[row[0] for row in ROWS])
def test_an_event_shows_key_and_algorithm_only(
    lab: Lab, operation: str, kind: dict[str, str], asked: dict[str, Any], shown: dict[str, Any]
) -> None:
    assert read(lab, operation, kind, **asked) == shown


def test_rsa_encryption_shows_its_algorithm_and_no_material(lab: Lab) -> None:
    shown = read(
        lab, "Encrypt", {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
        Plaintext=b"p", EncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )  # fmt: skip
    assert shown == {"encryptionAlgorithm": "RSAES_OAEP_SHA_256"}


def test_an_error_is_shown_by_its_name_with_the_parameters(lab: Lab) -> None:
    key = lab.key(**SIGNS)
    asked = {"KeyId": key, "Message": b"m", "Signature": b"s", "SigningAlgorithm": "ECDSA_SHA_256"}
    lab.error(SOURCE, "Verify", **asked)
    event = lab.events(SOURCE, "Verify")[0]
    assert event["errorCode"] == "KMSInvalidSignatureException"
    assert event["requestParameters"] == {"keyId": key, "signingAlgorithm": "ECDSA_SHA_256"}
    lab.error(SOURCE, "Sign", KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256", DryRun=True)
    event = lab.events(SOURCE, "Sign")[0]
    assert event["errorCode"] == "DryRunOperationException"
    assert event["requestParameters"]["dryRun"] is True


def test_a_key_that_is_made_is_shown_with_its_algorithms(lab: Lab) -> None:
    key = lab.key(**SIGNS)
    event = lab.events(SOURCE, "CreateKey")[0]
    assert event["requestParameters"] == {"keySpec": "ECC_NIST_P256", "keyUsage": "SIGN_VERIFY"}
    shown = event["responseElements"]["keyMetadata"]
    assert (shown["arn"], shown["signingAlgorithms"]) == (key, ["ECDSA_SHA_256"])


def test_an_import_shows_neither_token_nor_material(lab: Lab) -> None:
    key = lab.key(**MACS, Origin="EXTERNAL")
    lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **wrapped(lab, key, b"m" * 32), **NEVER)
    event = lab.events(SOURCE, "GetParametersForImport")[0]
    assert event["requestParameters"] == {
        "keyId": key,
        "wrappingAlgorithm": "RSAES_OAEP_SHA_256",
        "wrappingKeySpec": "RSA_2048",
    }
    assert event["responseElements"] is None
    event = lab.events(SOURCE, "ImportKeyMaterial")[0]
    assert event["requestParameters"] == {"keyId": key, "expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    assert (event["readOnly"], event["responseElements"]) == (False, {"keyId": key})
