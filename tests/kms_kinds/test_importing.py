"""Imported material for every kind of key that takes it, by every way of wrapping it (kms.md 2.4)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.kernel.clock import moment
from app.services.kms.specs import SPECS
from tests.kms.lab import SOURCE, Lab
from tests.kms_kinds import outside
from tests.kms_kinds.wrapped import (
    CURVES,
    DIRECT,
    NEVER,
    UNDER_AES,
    imported,
    modulus_bits,
    pkcs8,
    private_key,
    wrapped,
)

DAY_MS = 86_400_000
SOAK = bool(os.environ.get("RESEAL_SOAK"))
RSA = ("RSA_2048", "RSA_3072", "RSA_4096") if SOAK else ("RSA_2048",)
HMAC = ("HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512")
WRONG_MATERIAL = ("IncorrectKeyMaterialException", "")


def waiting(lab: Lab, spec: str = "SYMMETRIC_DEFAULT") -> str:
    """A key of the spec that waits for its material."""
    return lab.key(KeySpec=spec, KeyUsage=next(reversed(SPECS[spec].algorithms)), Origin="EXTERNAL")


def signing(lab: Lab, spec: str) -> str:
    return lab.key(KeySpec=spec, KeyUsage="SIGN_VERIFY", Origin="EXTERNAL")


def refused(lab: Lab, key: str, given: dict[str, Any], **more: Any) -> tuple[str, str]:
    return lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **{**NEVER, **given, **more})


# --- what is imported -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [*DIRECT, *UNDER_AES])
@pytest.mark.parametrize("spec", CURVES)
def test_a_curves_private_key_signs_once_it_is_imported(lab: Lab, spec: str, algorithm: str) -> None:
    """Recorded for all four curves [V S2]: the public key is that of the imported pair. Answer: the key's ARN only."""
    key, own = signing(lab, spec), private_key(spec)
    if (spec, algorithm[:5]) == ("ECC_NIST_P521", "RSAES"):
        return  # test_the_longest_curve_does_not_fit_directly
    assert imported(lab, key, pkcs8(own), algorithm) == {"KeyId": key}
    public = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert lab.ok(SOURCE, "GetPublicKey", KeyId=key)["PublicKey"] == public
    shown = lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert "CurrentKeyMaterialId" not in shown
    asked = {"KeyId": key, "Message": b"m", "SigningAlgorithm": SPECS[spec].algorithms["SIGN_VERIFY"][0]}
    outside.verify(public, asked["SigningAlgorithm"], b"m", lab.ok(SOURCE, "Sign", **asked)["Signature"])


@pytest.mark.parametrize("algorithm", UNDER_AES)
@pytest.mark.parametrize("spec", RSA)
def test_an_rsa_private_key_decrypts_once_it_is_imported(lab: Lab, spec: str, algorithm: str) -> None:
    """Recorded with RSA_4096 and RSA_AES_KEY_WRAP_SHA_256 [V S2]."""
    key, own = lab.key(KeySpec=spec, KeyUsage="ENCRYPT_DECRYPT", Origin="EXTERNAL"), private_key(spec)
    assert imported(lab, key, pkcs8(own), algorithm) == {"KeyId": key}
    public = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    blob = outside.encrypt(public, "RSAES_OAEP_SHA_256", b"hello")
    asked = {"KeyId": key, "CiphertextBlob": blob, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert lab.ok(SOURCE, "Decrypt", **asked)["Plaintext"] == b"hello"


def test_a_curve_for_key_agreement_says_where_its_material_is_from(lab: Lab) -> None:
    key = lab.key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT", Origin="EXTERNAL")
    imported(lab, key, pkcs8(private_key("ECC_NIST_P256")))
    peer = lab.ok(SOURCE, "GetPublicKey", KeyId=key)["PublicKey"]
    made = lab.ok(SOURCE, "DeriveSharedSecret", KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=peer)
    assert made["KeyOrigin"] == "EXTERNAL"


@pytest.mark.parametrize("algorithm", DIRECT)
@pytest.mark.parametrize("spec", HMAC)
def test_hmac_material_has_exactly_the_length_of_the_spec(lab: Lab, spec: str, algorithm: str) -> None:
    size, key = int(spec.rpartition("_")[2]) // 8, waiting(lab, spec)
    for wrong in (size - 1, size + 1, 32 if size != 32 else 28):
        assert refused(lab, key, wrapped(lab, key, b"m" * wrong, algorithm)) == WRONG_MATERIAL
    assert imported(lab, key, b"m" * size, algorithm) == {"KeyId": key}
    assert lab.state(key) == "Enabled"


@pytest.mark.parametrize(
    ("spec", "other"),
    [
        ("ECC_NIST_P256", "ECC_SECG_P256K1"),
        ("ECC_NIST_P256", "ECC_NIST_P384"),
        ("ECC_NIST_P256", "RSA_2048"),
        ("RSA_2048", "ECC_NIST_P256"),
        pytest.param("RSA_2048", "RSA_3072", marks=pytest.mark.skipif(not SOAK, reason="slow to make")),
    ],
)
def test_a_private_key_of_another_spec_is_refused(lab: Lab, spec: str, other: str) -> None:
    key = signing(lab, spec)
    given = wrapped(lab, key, pkcs8(private_key(other)), "RSA_AES_KEY_WRAP_SHA_256")
    assert refused(lab, key, given) == WRONG_MATERIAL
    assert refused(lab, key, wrapped(lab, key, b"no key at all", "RSA_AES_KEY_WRAP_SHA_256")) == WRONG_MATERIAL


# --- how it is wrapped ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"] if SOAK else ["RSA_2048", "RSA_3072"])
def test_the_wrapping_key_is_as_long_as_was_asked(lab: Lab, spec: str) -> None:
    key = waiting(lab)
    asked = {"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": spec}
    given = lab.ok(SOURCE, "GetParametersForImport", **asked)
    assert given["KeyId"] == key
    assert f"RSA_{modulus_bits(given['PublicKey'])}" == spec
    assert given["ParametersValidTo"] == moment(lab.cloud.now_ms() + DAY_MS - 1)


UNFIT = [
    ("SYMMETRIC_DEFAULT", "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048"),
    ("HMAC_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_2048"),
    ("RSA_2048", "RSAES_OAEP_SHA_256", "RSA_4096"),
    ("RSA_2048", "RSAES_OAEP_SHA_1", "RSA_2048"),
    ("ECC_NIST_P521", "RSAES_OAEP_SHA_256", "RSA_2048"),
    ("ECC_NIST_P521", "RSAES_OAEP_SHA_1", "RSA_2048"),
    ("SYMMETRIC_DEFAULT", "RSAES_PKCS1_V1_5", "RSA_2048"),  # no longer since 2023-10-10
]


@pytest.mark.parametrize(("spec", "algorithm", "wrapping"), UNFIT)
def test_a_wrapping_that_does_not_suit_the_material_is_refused(
    lab: Lab, spec: str, algorithm: str, wrapping: str
) -> None:
    """kms.md 2.4 [D]; the text is inferred."""
    asked = {"KeyId": waiting(lab, spec), "WrappingAlgorithm": algorithm, "WrappingKeySpec": wrapping}
    code, message = lab.refused(SOURCE, "GetParametersForImport", **asked)
    assert code == "UnsupportedOperationException"
    assert message == f"WrappingAlgorithm {algorithm} with WrappingKeySpec {wrapping} is not valid for " + (
        f"key material of {spec}."
    )


def test_the_longest_curve_fits_under_a_longer_wrapping_key_or_an_aes_key(lab: Lab) -> None:
    own, key = private_key("ECC_NIST_P521"), signing(lab, "ECC_NIST_P521")
    for algorithm, spec in (("RSAES_OAEP_SHA_256", "RSA_3072"), ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")):
        lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **wrapped(lab, key, pkcs8(own), algorithm, spec), **NEVER)
    assert lab.state(key) == "Enabled"


def test_what_was_wrapped_otherwise_is_no_ciphertext(lab: Lab) -> None:
    key, material = signing(lab, "ECC_NIST_P256"), pkcs8(private_key("ECC_NIST_P256"))
    given = wrapped(lab, key, material, "RSA_AES_KEY_WRAP_SHA_256")
    whole = given["EncryptedKeyMaterial"]
    for damaged in (whole[:-8], whole[:256], whole[:300], whole[:-1] + bytes([whole[-1] ^ 1]), b"x" + whole[1:], b"x"):
        found = refused(lab, key, {**given, "EncryptedKeyMaterial": damaged})
        assert found == ("InvalidCiphertextException", "")
    other = wrapped(lab, key, material, "RSAES_OAEP_SHA_256")
    found = refused(lab, key, {**given, "EncryptedKeyMaterial": other["EncryptedKeyMaterial"]})
    assert found == ("InvalidCiphertextException", "")


# --- the life of imported material ------------------------------------------------------------------------------------


def test_a_token_is_reusable_until_it_expires(lab: Lab) -> None:
    """24 hours; then ExpiredImportTokenException (2.4 [D])."""
    key = waiting(lab, "HMAC_256")
    given = wrapped(lab, key, b"m" * 32)
    for _ in range(2):
        lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **given, **NEVER)
    lab.cloud.advance(DAY_MS + 60_000)
    assert refused(lab, key, given) == ("ExpiredImportTokenException", "")


@pytest.mark.parametrize("spec", ["HMAC_256", "ECC_NIST_P256"])
def test_a_key_of_another_kind_takes_only_the_same_material_again(lab: Lab, spec: str) -> None:
    """2.4 [D]: after deletion as before it; then it works as it did."""
    key = waiting(lab, spec)
    own, another = (
        (b"m" * 32, b"n" * 32) if spec == "HMAC_256" else (pkcs8(private_key(spec)), pkcs8(private_key(spec)))
    )
    imported(lab, key, own)
    assert refused(lab, key, wrapped(lab, key, another)) == WRONG_MATERIAL
    assert lab.ok(SOURCE, "DeleteImportedKeyMaterial", KeyId=key) == {"KeyId": key}
    assert lab.state(key) == "PendingImport"
    assert refused(lab, key, wrapped(lab, key, another)) == WRONG_MATERIAL
    assert imported(lab, key, own) == {"KeyId": key}
    assert lab.state(key) == "Enabled"


@pytest.mark.parametrize(
    "more",
    [
        {"ImportType": "NEW_KEY_MATERIAL"},
        {"ImportType": "EXISTING_KEY_MATERIAL"},
        {"KeyMaterialDescription": "d"},
        {"KeyMaterialId": "0" * 64},
    ],
    ids=str,
)
def test_several_materials_belong_to_symmetric_keys_only(lab: Lab, more: dict[str, str]) -> None:
    """botocore's documentation of ImportKeyMaterial [D]; the text is inferred."""
    key, parameter = waiting(lab, "HMAC_256"), next(iter(more))
    found = refused(lab, key, wrapped(lab, key, b"m" * 32), **more)
    assert found == ("ValidationException", f"{parameter} is valid only for symmetric encryption keys.")


def test_new_material_has_no_id_yet(lab: Lab) -> None:
    key = waiting(lab)
    more = {"ImportType": "NEW_KEY_MATERIAL", "KeyMaterialId": "0" * 64}
    assert refused(lab, key, wrapped(lab, key, b"m" * 32), **more)[0] == "ValidationException"


def test_material_that_is_named_must_be_the_one(lab: Lab) -> None:
    key = waiting(lab)
    named = imported(lab, key, b"m" * 32)["KeyMaterialId"]
    given = wrapped(lab, key, b"m" * 32)
    lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **given, **NEVER, KeyMaterialId=named)
    assert refused(lab, key, given, KeyMaterialId="0" * 64) == WRONG_MATERIAL


@pytest.mark.parametrize("spec", ["SYMMETRIC_DEFAULT", "HMAC_256", "ECC_NIST_P256"])
def test_material_expires_on_the_worlds_clock_and_can_be_imported_anew(lab: Lab, spec: str) -> None:
    """2.4 [D]: on its date the key waits again, and the trail has a service event; the same bytes bring it back."""
    key = waiting(lab, spec)
    own = pkcs8(private_key(spec)) if spec in CURVES else b"m" * 32
    valid_to = moment(lab.cloud.now_ms() + 30 * DAY_MS)
    given = wrapped(lab, key, own)
    lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **given, ValidTo=valid_to)  # KEY_MATERIAL_EXPIRES by default
    lab.cloud.advance(30 * DAY_MS - 60_000)
    assert lab.state(key) == "Enabled"
    lab.cloud.advance(60_000)
    assert lab.state(key) == "PendingImport"
    event = lab.events(SOURCE, "DeleteExpiredKeyMaterial")[0]
    assert (event["eventType"], event["resources"][0]["ARN"]) == ("AwsServiceEvent", key)
    imported(lab, key, own)
    assert lab.state(key) == "Enabled"
    lab.cloud.advance(400 * DAY_MS)
    assert lab.state(key) == "Enabled"


@pytest.mark.parametrize("days", [-1, 366])
def test_a_date_is_in_the_future_and_at_most_a_year_away(lab: Lab, days: int) -> None:
    key = waiting(lab)
    valid_to = moment(lab.cloud.now_ms() + days * DAY_MS)
    more = {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to}
    assert refused(lab, key, wrapped(lab, key, b"m" * 32), **more)[0] == "ValidationException"


def test_materials_are_listed_with_their_states(lab: Lab) -> None:
    """ALL_KEY_MATERIAL adds the first one, which no rotation made, and the one that waits (2.3 [D])."""
    key = waiting(lab)
    first = imported(lab, key, b"1" * 32, KeyMaterialDescription="the first")["KeyMaterialId"]
    second = imported(lab, key, b"2" * 32, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    key_id = key.rpartition("/")[2]
    listed = lab.ok(SOURCE, "ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    common = {"KeyId": key_id, "ImportState": "IMPORTED", "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    assert listed == [
        {**common, "KeyMaterialId": first, "KeyMaterialState": "CURRENT", "KeyMaterialDescription": "the first"},
        {**common, "KeyMaterialId": second, "KeyMaterialState": "PENDING_ROTATION"},
    ]
    assert lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"] == []
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    (entry,) = lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"]
    assert (entry["KeyMaterialId"], entry["KeyMaterialState"], entry["RotationType"]) == (
        second,
        "CURRENT",
        "ON_DEMAND",
    )


def test_material_that_waits_may_be_deleted_freely(lab: Lab) -> None:
    """It is not permanent: nothing was encrypted under it (2.4 [D])."""
    key = waiting(lab)
    imported(lab, key, b"1" * 32)
    second = imported(lab, key, b"2" * 32, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    deleted = lab.ok(SOURCE, "DeleteImportedKeyMaterial", KeyId=key, KeyMaterialId=second)
    assert deleted == {"KeyId": key, "KeyMaterialId": second}
    assert lab.state(key) == "Enabled"
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key)[0] == "KMSInvalidStateException"


def test_a_replica_takes_what_its_primary_has_and_nothing_else(lab: Lab) -> None:
    """2.7; botocore's documentation of ImportKeyMaterial [D]: first the primary, then each replica, then rotation."""
    key, there = lab.key(Origin="EXTERNAL", MultiRegion=True), "eu-west-1"
    imported(lab, key, b"1" * 32)
    lab.ok(SOURCE, "ReplicateKey", KeyId=key, ReplicaRegion=there)
    replica = key.replace("us-east-1", there)

    def into_replica(material: bytes) -> tuple[str, str] | None:
        given = wrapped(lab, replica, material, region=there)
        error = lab.reply(SOURCE, "ImportKeyMaterial", there, KeyId=replica, **given, **NEVER).error
        return (error.code, error.message) if error else None

    def state() -> str:
        return lab.ok(SOURCE, "DescribeKey", there, KeyId=replica)["KeyMetadata"]["KeyState"]

    assert state() == "PendingImport"
    assert into_replica(b"2" * 32) == WRONG_MATERIAL
    assert into_replica(b"1" * 32) is None
    assert state() == "Enabled"
    blob = lab.seal(key)
    assert lab.ok(SOURCE, "Decrypt", there, CiphertextBlob=blob, KeyId=replica)["Plaintext"] == b"hello"
    imported(lab, key, b"2" * 32, ImportType="NEW_KEY_MATERIAL")
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key)[0] == "KMSInvalidStateException"
    assert into_replica(b"2" * 32) is None
    second = lab.ok(SOURCE, "ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"][1]
    lab.ok(SOURCE, "DeleteImportedKeyMaterial", KeyId=key, KeyMaterialId=second["KeyMaterialId"])
    assert into_replica(b"2" * 32) == WRONG_MATERIAL, "it is gone from the replica with the primary's"
    imported(lab, key, b"2" * 32, ImportType="NEW_KEY_MATERIAL")
    assert into_replica(b"2" * 32) is None
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    rotated = lab.seal(key)
    assert lab.ok(SOURCE, "Decrypt", there, CiphertextBlob=rotated, KeyId=replica)["Plaintext"] == b"hello"
