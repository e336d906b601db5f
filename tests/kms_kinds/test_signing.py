"""Sign, Verify and GetPublicKey (kms.md 1.2, 2.5)."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey, MLDSAMuHasher
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.kms.lab import ANY_KMS, SOURCE, TARGET, Lab, allow, root_arn
from tests.kms_kinds import outside
from tests.kms_kinds.ring import NO_PREHASH, SIGNING, Ring

DRY = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
WRONG = ("KMSInvalidSignatureException", "")
HASHING = [pair for pair in SIGNING if pair[1].startswith(("RSA", "ECDSA"))]
SIZES = (1, 31, 64, 4096)


def signed(ring: Ring, spec: str, algorithm: str, message: bytes, **more: Any) -> tuple[dict[str, Any], bytes]:
    """The parameters of Verify for a message just signed, and its signature."""
    asked = {"KeyId": ring.key(spec, "SIGN_VERIFY"), "SigningAlgorithm": algorithm, "Message": message, **more}
    answer = ring.ok("Sign", **asked)
    assert set(answer) == {"KeyId", "Signature", "SigningAlgorithm"}
    assert (answer["KeyId"], answer["SigningAlgorithm"]) == (asked["KeyId"], algorithm)
    return asked, answer["Signature"]


@pytest.mark.parametrize(("spec", "algorithm"), SIGNING)
def test_a_signature_holds_here_and_outside_for_every_size(ring: Ring, spec: str, algorithm: str) -> None:
    public_key = ring.public_key(spec, "SIGN_VERIFY")
    for size in SIZES:
        message = bytes(range(256)) * 16
        asked, signature = signed(ring, spec, algorithm, message[:size])
        verified = ring.ok("Verify", **asked, Signature=signature)
        assert verified == {"KeyId": asked["KeyId"], "SignatureValid": True, "SigningAlgorithm": algorithm}
        outside.verify(public_key, algorithm, message[:size], signature)
        with pytest.raises(InvalidSignature):
            outside.verify(public_key, algorithm, b"another", signature)


@pytest.mark.parametrize(("spec", "algorithm"), HASHING)
def test_a_digest_is_signed_as_the_message_that_it_is_of(ring: Ring, spec: str, algorithm: str) -> None:
    """The hash is left out, so the two forms verify each other; a digest has the length of the hash (1.2 [V S2])."""
    digest = outside.digest(algorithm, b"hello")
    asked, signature = signed(ring, spec, algorithm, digest, MessageType="DIGEST")
    outside.verify(ring.public_key(spec, "SIGN_VERIFY"), algorithm, b"hello", signature)
    raw = {**asked, "Message": b"hello", "MessageType": "RAW"}
    assert ring.ok("Verify", **raw, Signature=signature)["SignatureValid"]
    _, of_raw = signed(ring, spec, algorithm, b"hello")
    assert ring.ok("Verify", **asked, Signature=of_raw)["SignatureValid"]
    for wrong in (digest + b"x", digest[:-1], b"test message"):
        refused = ring.refused("Sign", **{**asked, "Message": wrong})
        assert refused == ("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")


@pytest.mark.parametrize(("spec", "algorithm"), SIGNING)
def test_anothers_signature_is_an_error_without_text(ring: Ring, spec: str, algorithm: str) -> None:
    """Never `SignatureValid: false` (1.2 [V S2])."""
    asked, signature = signed(ring, spec, algorithm, b"bad")
    assert ring.refused("Verify", **{**asked, "Message": b"good"}, Signature=signature) == WRONG
    assert ring.refused("Verify", **asked, Signature=b"random text") == WRONG
    other = ring.lab.key(KeySpec=spec, KeyUsage="SIGN_VERIFY") if not spec.startswith("RSA") else None
    if other:
        assert ring.refused("Verify", **{**asked, "KeyId": other}, Signature=signature) == WRONG
    assert ring.lab.causes()[0] == "CIPHERTEXT_INVALID"


def test_ml_dsa_takes_its_own_representative_of_a_message(ring: Ring) -> None:
    """EXTERNAL_MU: 64 bytes, made with the public key; the signature is that of the message (FIPS 204, 6.2)."""
    key = load_der_public_key(ring.public_key("ML_DSA_44", "SIGN_VERIFY"))
    assert isinstance(key, MLDSA44PublicKey)
    hasher = MLDSAMuHasher(key)
    hasher.update(b"hello")
    asked, signature = signed(ring, "ML_DSA_44", "ML_DSA_SHAKE_256", hasher.finalize(), MessageType="EXTERNAL_MU")
    key.verify(signature, b"hello")
    assert ring.ok("Verify", **asked, Signature=signature)["SignatureValid"]
    refused = ring.refused("Sign", **{**asked, "Message": b"hello"})
    assert refused == ("ValidationException", "Digest is invalid length for algorithm ML_DSA_SHAKE_256.")


@pytest.mark.parametrize(
    ("spec", "algorithm", "form"),
    [
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "DIGEST"),
        ("ML_DSA_44", "ML_DSA_SHAKE_256", "DIGEST"),
        ("ECC_NIST_P256", "ECDSA_SHA_256", "EXTERNAL_MU"),
        ("RSA_2048", "RSASSA_PSS_SHA_256", "EXTERNAL_MU"),
    ],
)
def test_a_form_that_an_algorithm_has_not_is_refused(ring: Ring, spec: str, algorithm: str, form: str) -> None:
    """kms.md 2.5 [D]; the text is inferred."""
    asked = {"KeyId": ring.key(spec, "SIGN_VERIFY"), "SigningAlgorithm": algorithm, "Message": b"x" * 64}
    assert ring.refused("Sign", **asked, MessageType=form) == (
        "ValidationException",
        f"MessageType {form} is incompatible with algorithm {algorithm}.",
    )


def test_the_prehashed_form_of_ed25519_is_refused_in_words(ring: Ring) -> None:
    """The library has it not; the key's metadata lists it all the same, as AWS does."""
    key = ring.key("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    assert NO_PREHASH in ring.ok("GetPublicKey", KeyId=key)["SigningAlgorithms"]
    refused = ring.refused("Sign", KeyId=key, SigningAlgorithm=NO_PREHASH, Message=b"x" * 64, MessageType="DIGEST")
    assert refused == ("UnsupportedOperationException", f"reseal does not simulate SigningAlgorithm {NO_PREHASH}")


def test_ecdsa_and_ed25519_repeat_themselves_pss_does_not(ring: Ring) -> None:
    """AWS's ECDSA takes a fresh nonce each time; reseal's follows from key and message (RFC 6979), as a seed asks."""
    repeats = {
        (spec, algorithm): signed(ring, spec, algorithm, b"m")[1] == signed(ring, spec, algorithm, b"m")[1]
        for spec, algorithm in SIGNING
        if spec in ("RSA_2048", "ECC_NIST_P256", "ECC_NIST_EDWARDS25519", "ML_DSA_44")
    }
    drawn = {pair for pair, same in repeats.items() if not same}
    assert drawn == {
        *(("RSA_2048", f"RSASSA_PSS_SHA_{bits}") for bits in (256, 384, 512)), ("ML_DSA_44", "ML_DSA_SHAKE_256"),
    }  # fmt: skip


@pytest.mark.parametrize("operation", ["Sign", "Verify"])
def test_a_dry_run_signs_nothing(ring: Ring, operation: str) -> None:
    asked, signature = signed(ring, "ECC_NIST_P256", "ECDSA_SHA_256", b"m")
    more = {"Signature": signature} if operation == "Verify" else {}
    assert ring.refused(operation, **asked, **more, DryRun=True) == DRY
    if more:
        assert ring.refused("Verify", **asked, Signature=b"no", DryRun=True) == WRONG


# --- public keys ------------------------------------------------------------------------------------------------------


def test_a_public_key_comes_with_what_it_is_for(ring: Ring) -> None:
    key = ring.key("ECC_NIST_P384", "KEY_AGREEMENT")
    assert ring.ok("GetPublicKey", KeyId=key) == {
        "KeyId": key,
        "PublicKey": ring.public_key("ECC_NIST_P384", "KEY_AGREEMENT"),
        "CustomerMasterKeySpec": "ECC_NIST_P384",
        "KeySpec": "ECC_NIST_P384",
        "KeyUsage": "KEY_AGREEMENT",
        "KeyAgreementAlgorithms": ["ECDH"],
    }


@pytest.mark.parametrize(
    ("spec", "usage"), [("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), ("HMAC_384", "GENERATE_VERIFY_MAC")]
)
def test_what_has_no_public_half_shows_none(ring: Ring, spec: str, usage: str) -> None:
    """kms.md 2.5 [D/I]."""
    assert ring.refused("GetPublicKey", KeyId=ring.key(spec, usage)) == ("UnsupportedOperationException", "")


def test_another_account_signs_and_verifies_by_alias_arn_if_both_sides_allow(lab: Lab) -> None:
    """Cross-account: yes (kms.md 1)."""
    share = allow(["kms:Sign", "kms:Verify", "kms:GetPublicKey"], root_arn(TARGET))
    key = lab.key(share=share, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/signer", TargetKeyId=key)
    named, user = f"{key.rpartition(':')[0]}:alias/signer", lab.user(TARGET, "u", ANY_KMS)
    asked = {"KeyId": named, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    answer = lab.ok(user, "Sign", **asked)
    assert answer["KeyId"] == key
    assert lab.ok(user, "Verify", **asked, Signature=answer["Signature"])["SignatureValid"]
    assert lab.ok(user, "GetPublicKey", KeyId=named)["KeyUsage"] == "SIGN_VERIFY"
    assert lab.refused(lab.user(TARGET, "nobody"), "Sign", **asked)[0] == "AccessDeniedException"
