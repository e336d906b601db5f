"""Imported material (kms.md 2.4)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from app.kernel.clock import moment
from tests.kms.lab import SOURCE, Lab
from tests.kms.wrap import wrap

NEVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def wrapped(lab: Lab, key: str, material: bytes, algorithm: str = "RSAES_OAEP_SHA_256") -> dict[str, Any]:
    """Token and material as ImportKeyMaterial takes them."""
    given = lab.ok(SOURCE, "GetParametersForImport", KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    return {"ImportToken": given["ImportToken"], "EncryptedKeyMaterial": wrap(given["PublicKey"], algorithm, material)}


def imported(lab: Lab, key: str, material: bytes = b"m" * 32, **more: Any) -> str:
    """The id of the imported material."""
    parameters = {**NEVER, **wrapped(lab, key, material), **more}
    return lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **parameters)["KeyMaterialId"]


@pytest.fixture
def key(lab: Lab) -> str:
    return lab.key(Origin="EXTERNAL")


def test_a_new_external_key_waits_for_its_material(lab: Lab, key: str) -> None:
    shown = lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["Enabled"], shown["Origin"]) == ("PendingImport", False, "EXTERNAL")
    assert "CurrentKeyMaterialId" not in shown


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"])
def test_material_that_was_wrapped_makes_the_key_usable(lab: Lab, key: str, algorithm: str) -> None:
    material_id = lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **wrapped(lab, key, b"m" * 32, algorithm), **NEVER)
    shown = lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert shown["CurrentKeyMaterialId"] == material_id["KeyMaterialId"]
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=lab.seal(key))["Plaintext"] == b"hello"


def test_the_same_bytes_have_the_same_material_id(lab: Lab, key: str) -> None:
    first = imported(lab, key)
    blob = lab.seal(key)
    assert lab.ok(SOURCE, "DeleteImportedKeyMaterial", KeyId=key) == {"KeyId": key, "KeyMaterialId": first}
    assert lab.state(key) == "PendingImport"
    assert imported(lab, key) == first
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"


def test_other_bytes_are_refused_where_the_same_are_wanted(lab: Lab, key: str) -> None:
    imported(lab, key)
    other = wrapped(lab, key, b"n" * 32)
    assert lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **other, **NEVER)[0] == "IncorrectKeyMaterialException"


@pytest.mark.parametrize("material", [b"m" * 16, b"m" * 33])
def test_material_has_32_bytes(lab: Lab, key: str, material: bytes) -> None:
    given = wrapped(lab, key, material)
    assert lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **given, **NEVER)[0] == "IncorrectKeyMaterialException"


def test_a_token_belongs_to_its_key_and_to_its_wrapping_key(lab: Lab, key: str) -> None:
    mine, other = wrapped(lab, key, b"m" * 32), lab.key(Origin="EXTERNAL")
    second = wrapped(lab, key, b"m" * 32)
    refused = lab.refused(SOURCE, "ImportKeyMaterial", KeyId=other, **mine, **NEVER)
    assert refused == ("InvalidImportTokenException", "")
    mixed = {"ImportToken": second["ImportToken"], "EncryptedKeyMaterial": mine["EncryptedKeyMaterial"]}
    assert lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **mixed, **NEVER) == ("InvalidCiphertextException", "")
    damaged = {**mine, "ImportToken": b"x" + mine["ImportToken"][1:]}
    assert lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **damaged, **NEVER)[0] == "InvalidImportTokenException"


def test_a_token_is_good_for_a_day(lab: Lab, key: str) -> None:
    given = wrapped(lab, key, b"m" * 32)
    lab.cloud.advance(86_400_000 + 60_000)
    assert lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **given, **NEVER) == ("ExpiredImportTokenException", "")


def test_material_that_expires_needs_its_date(lab: Lab, key: str) -> None:
    assert lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, **wrapped(lab, key, b"m" * 32)) == (
        "ValidationException",
        "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
    )


def test_on_its_date_material_expires_and_the_key_waits(lab: Lab, key: str) -> None:
    valid_to = moment(lab.cloud.now_ms() + 60_000)
    material_id = imported(lab, key, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=valid_to)
    shown = lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]
    assert shown["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert abs(shown["ValidTo"] - valid_to) < datetime.timedelta(seconds=1)
    lab.cloud.advance(61_000)
    shown = lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["CurrentKeyMaterialId"]) == ("PendingImport", material_id)
    assert "ExpirationModel" not in shown
    assert lab.events(SOURCE, "DeleteExpiredKeyMaterial")[0]["serviceEventDetails"]["keyId"] == key.rpartition("/")[2]


def test_a_new_date_replaces_the_old_one(lab: Lab, key: str) -> None:
    soon = moment(lab.cloud.now_ms() + 60_000)
    imported(lab, key, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=soon)
    imported(lab, key)
    lab.cloud.advance(120_000)
    assert lab.state(key) == "Enabled"


def test_further_material_waits_for_its_rotation(lab: Lab, key: str) -> None:
    first = imported(lab, key)
    blob = lab.seal(key)
    second = imported(lab, key, b"n" * 32, ImportType="NEW_KEY_MATERIAL")
    assert lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == first
    third = wrapped(lab, key, b"o" * 32)
    code, message = lab.refused(SOURCE, "ImportKeyMaterial", KeyId=key, ImportType="NEW_KEY_MATERIAL", **third, **NEVER)
    assert code == "KMSInvalidStateException"
    assert message.endswith(
        f"cannot be imported into KMS key {key}, because another key material (id: {second}) is pending rotation."
    )
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    assert lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == second
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob)["KeyMaterialId"] == first
    listed = lab.ok(SOURCE, "ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [entry["KeyMaterialState"] for entry in listed] == ["NON_CURRENT", "CURRENT"]
    assert {entry["ImportState"] for entry in listed} == {"IMPORTED"}


def test_any_permanent_material_that_is_missing_makes_the_key_wait(lab: Lab, key: str) -> None:
    first = imported(lab, key)
    imported(lab, key, b"n" * 32, ImportType="NEW_KEY_MATERIAL")
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    lab.ok(SOURCE, "DeleteImportedKeyMaterial", KeyId=key, KeyMaterialId=first)
    assert lab.state(key) == "PendingImport"
    imported(lab, key)
    assert lab.state(key) == "Enabled"


def test_without_material_that_waits_there_is_nothing_to_rotate_to(lab: Lab, key: str) -> None:
    imported(lab, key)
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key) == (
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {key}.",
    )


def test_what_china_wraps_with_reseal_refuses_in_words(lab: Lab, key: str) -> None:
    code, message = lab.refused(
        SOURCE, "GetParametersForImport", KeyId=key, WrappingAlgorithm="SM2PKE", WrappingKeySpec="SM2"
    )
    assert code == "UnsupportedOperationException"
    assert message.startswith("reseal does not simulate")
