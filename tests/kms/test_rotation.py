"""Rotation: only the material changes (kms.md 2.3)."""

from __future__ import annotations

import pytest

from app.kernel.clock import moment
from tests.kms.lab import DAY_MS, SOURCE, TARGET, Lab, allow, root_arn


def material(lab: Lab, key: str) -> str:
    return lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


def test_a_rotated_key_opens_what_it_sealed_before(lab: Lab) -> None:
    """Goal: the answer names the old material for an old ciphertext, and the new one for a new."""
    key = lab.key()
    old, blob = material(lab, key), lab.seal(key)
    assert lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key) == {"KeyId": key}
    new = material(lab, key)
    assert new != old
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob)["KeyMaterialId"] == old
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=lab.seal(key))["KeyMaterialId"] == new
    again = lab.ok(SOURCE, "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key)
    assert (again["SourceKeyMaterialId"], again["DestinationKeyMaterialId"]) == (old, new)


def test_the_list_of_rotations(lab: Lab) -> None:
    key = lab.key()
    first = material(lab, key)
    assert lab.ok(SOURCE, "ListKeyRotations", KeyId=key) == {"Rotations": [], "Truncated": False}
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    (rotation,) = lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"]
    assert set(rotation) == {"KeyId", "KeyMaterialId", "KeyMaterialState", "RotationDate", "RotationType"}
    assert (rotation["KeyId"], rotation["RotationType"]) == (key.rpartition("/")[2], "ON_DEMAND")
    everything = lab.ok(SOURCE, "ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [entry["KeyMaterialState"] for entry in everything] == ["NON_CURRENT", "CURRENT"]
    assert everything[0] == {"KeyId": rotation["KeyId"], "KeyMaterialId": first, "KeyMaterialState": "NON_CURRENT"}


def test_a_rotation_is_in_the_trail(lab: Lab) -> None:
    key = lab.key()
    before = material(lab, key)
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    event = lab.events(SOURCE, "RotateKey")[0]
    assert event["eventType"] == "AwsServiceEvent"
    assert event["serviceEventDetails"] == {
        "rotationType": "ON_DEMAND",
        "keyOrigin": "AWS_KMS",
        "previousKeyMaterialId": before,
        "currentKeyMaterialId": material(lab, key),
        "keyId": key.rpartition("/")[2],
    }


def test_25_rotations_on_demand_and_no_more(lab: Lab) -> None:
    key = lab.key()
    for _ in range(25):
        lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key) == (
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. "
        f"No more on-demand rotations can be performed for this key: {key}",
    )


def test_the_calendar_rotates_on_its_dates(lab: Lab) -> None:
    key = lab.key()
    assert lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key) == {"KeyId": key, "KeyRotationEnabled": False}
    at = lab.cloud.now_ms()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    assert lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key) == {
        "KeyId": key,
        "KeyRotationEnabled": True,
        "NextRotationDate": moment(at + 90 * DAY_MS),
        "RotationPeriodInDays": 90,
    }
    lab.cloud.advance(89 * DAY_MS)
    assert lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"] == []
    lab.cloud.advance(100 * DAY_MS)
    rotations = lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"]
    assert [entry["RotationType"] for entry in rotations] == ["AUTOMATIC", "AUTOMATIC"]


def test_a_new_period_replaces_the_old_one_and_off_is_off(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key)
    lab.cloud.advance(100 * DAY_MS)
    assert lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"] == []
    assert lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key)["RotationPeriodInDays"] == 365
    lab.ok(SOURCE, "DisableKeyRotation", KeyId=key)
    lab.cloud.advance(400 * DAY_MS)
    assert lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"] == []


@pytest.mark.parametrize("days", [89, 2561])
def test_a_period_is_90_to_2560_days(lab: Lab, days: int) -> None:
    refused = lab.refused(SOURCE, "EnableKeyRotation", KeyId=lab.key(), RotationPeriodInDays=days)
    assert refused[0] == "ValidationException"


def test_a_disabled_key_that_missed_its_date_rotates_when_it_is_enabled(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    lab.cloud.advance(91 * DAY_MS)
    before = material(lab, key)
    lab.ok(SOURCE, "EnableKey", KeyId=key)
    assert material(lab, key) != before


def test_pending_deletion_a_key_does_not_rotate_and_taken_back_it_does_again(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key)
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key)
    assert lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key) == {"KeyId": key, "KeyRotationEnabled": False}
    lab.ok(SOURCE, "CancelKeyDeletion", KeyId=key)
    assert lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"]


def test_near_a_date_of_the_calendar_there_is_no_rotation_on_demand(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    lab.cloud.advance(90 * DAY_MS - 10 * 60_000)
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key)[0] == "ConflictException"


def test_another_account_may_ask_whether_a_shared_key_rotates(lab: Lab) -> None:
    key = lab.key(share=allow("kms:GetKeyRotationStatus", root_arn(TARGET)))
    assert lab.ok(TARGET, "GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is False
