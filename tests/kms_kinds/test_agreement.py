"""DeriveSharedSecret, Encapsulate and Decapsulate (kms.md 1.2, 2.5; botocore's documentation of the last two)."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tests.kms_kinds.ring import AGREEING, ENCAPSULATING, Ring
from tests.kms_kinds.wrapped import CURVES

DRY = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
UNUSABLE = ("ValidationException", "")
CAPSULE_BYTES = {"ML_KEM_768": 1088, "ML_KEM_1024": 1568}


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def agreeing(ring: Ring, spec: str, peer: bytes) -> dict[str, Any]:
    return {"KeyId": ring.key(spec, "KEY_AGREEMENT"), "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer}


@pytest.mark.parametrize(("spec", "algorithm"), AGREEING)
def test_both_parties_come_to_the_same_secret(ring: Ring, spec: str, algorithm: str) -> None:
    """The raw x coordinate: `response` of the recording [V S2], and what the library outside computes."""
    peer = ec.generate_private_key(CURVES[spec])
    answer = ring.ok("DeriveSharedSecret", **agreeing(ring, spec, spki(peer)))
    own = load_der_public_key(ring.public_key(spec, "KEY_AGREEMENT"))
    assert isinstance(own, ec.EllipticCurvePublicKey)
    assert answer == {
        "KeyId": ring.key(spec, "KEY_AGREEMENT"),
        "SharedSecret": peer.exchange(ec.ECDH(), own),
        "KeyAgreementAlgorithm": algorithm,
        "KeyOrigin": "AWS_KMS",
    }
    assert len(answer["SharedSecret"]) == (peer.curve.key_size + 7) // 8


@pytest.mark.parametrize("peer", [b"no key", b"\x30\x03\x02\x01\x00"])
def test_an_unusable_public_key_is_an_error_without_text(ring: Ring, peer: bytes) -> None:
    """kms.md 1.2 [V S2]."""
    assert ring.refused("DeriveSharedSecret", **agreeing(ring, "ECC_NIST_P256", peer)) == UNUSABLE


def test_a_public_key_of_another_curve_or_kind_is_unusable_too(ring: Ring) -> None:
    others = [spki(ec.generate_private_key(CURVES[spec])) for spec in ("ECC_NIST_P384", "ECC_SECG_P256K1")]
    for peer in (*others, ring.public_key("RSA_2048", "SIGN_VERIFY"), ring.public_key("ML_KEM_768", KEM)):
        assert ring.refused("DeriveSharedSecret", **agreeing(ring, "ECC_NIST_P256", peer)) == UNUSABLE


def test_a_dry_run_derives_nothing(ring: Ring) -> None:
    peer = spki(ec.generate_private_key(CURVES["ECC_NIST_P256"]))
    assert ring.refused("DeriveSharedSecret", **agreeing(ring, "ECC_NIST_P256", peer), DryRun=True) == DRY


def test_enclaves_are_refused_in_words(ring: Ring) -> None:
    peer = spki(ec.generate_private_key(CURVES["ECC_NIST_P256"]))
    assert ring.refused("DeriveSharedSecret", **agreeing(ring, "ECC_NIST_P256", peer), Recipient={}) == (
        "UnsupportedOperationException",
        "reseal does not simulate Recipient of DeriveSharedSecret",
    )


# --- ML-KEM -----------------------------------------------------------------------------------------------------------

KEM = "ENCAPSULATE_DECAPSULATE"


@pytest.mark.parametrize(("spec", "algorithm"), ENCAPSULATING)
def test_a_secret_encapsulated_here_or_outside_is_recovered(ring: Ring, spec: str, algorithm: str) -> None:
    asked = {"KeyId": ring.key(spec, KEM), "EncapsulationAlgorithm": algorithm}
    made = ring.ok("Encapsulate", **asked)
    assert set(made) == {"KeyId", "SharedSecret", "SharedSecretCiphertextBlob", "EncapsulationAlgorithm"}
    capsule = made["SharedSecretCiphertextBlob"]
    assert (len(made["SharedSecret"]), len(capsule)) == (32, CAPSULE_BYTES[spec])
    opened = ring.ok("Decapsulate", **asked, SharedSecretCiphertextBlob=capsule)
    assert opened == {**asked, "SharedSecret": made["SharedSecret"]}
    key: Any = load_der_public_key(ring.public_key(spec, KEM))
    secret, capsule = key.encapsulate()
    assert ring.ok("Decapsulate", **asked, SharedSecretCiphertextBlob=capsule)["SharedSecret"] == secret


@pytest.mark.parametrize(("spec", "algorithm"), ENCAPSULATING)
def test_only_a_wrong_length_is_refused_all_other_damage_gives_another_secret(
    ring: Ring, spec: str, algorithm: str
) -> None:
    """Implicit rejection, by design of ML-KEM (botocore's documentation of Decapsulate [D])."""
    asked = {"KeyId": ring.key(spec, KEM), "EncapsulationAlgorithm": algorithm}
    made = ring.ok("Encapsulate", **asked)
    capsule = made["SharedSecretCiphertextBlob"]
    for wrong in (capsule[:-1], capsule + b"x"):
        refused = ring.refused("Decapsulate", **asked, SharedSecretCiphertextBlob=wrong)
        assert refused == ("InvalidCiphertextException", "")
    damaged = bytes([capsule[0] ^ 1]) + capsule[1:]
    other = ring.ok("Decapsulate", **asked, SharedSecretCiphertextBlob=damaged)["SharedSecret"]
    assert len(other) == 32
    assert other != made["SharedSecret"]


@pytest.mark.parametrize("operation", ["Encapsulate", "Decapsulate"])
def test_a_dry_run_encapsulates_nothing(ring: Ring, operation: str) -> None:
    asked = {"KeyId": ring.key("ML_KEM_768", KEM), "EncapsulationAlgorithm": "ML_KEM"}
    more = {} if operation == "Encapsulate" else {"SharedSecretCiphertextBlob": b"c" * 1088}
    assert ring.refused(operation, **asked, **more, DryRun=True) == DRY
