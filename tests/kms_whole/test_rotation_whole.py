"""Rotation over a long time, and what it costs (kms.md 2.3; issue 6, point 6)."""

from __future__ import annotations

from functools import partial

from app.kernel.clock import moment
from tests.kms.lab import DAY_MS, SOURCE, TARGET, Lab, allow, root_arn
from tests.work import steps

YEARS = 100
PERIOD_DAYS = 90


def test_after_a_hundred_years_of_rotation_everything_still_opens_in_as_many_steps_as_before(lab: Lab) -> None:
    """Goal: 405 rotations; a ciphertext of every age opens, and Decrypt costs the same."""
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=PERIOD_DAYS)
    first = lab.seal(key, b"0")
    before = steps(partial(lab.ok, SOURCE, "Decrypt", CiphertextBlob=first))
    blobs = [first]
    rotations = YEARS * 365 // PERIOD_DAYS
    for number in range(1, rotations + 1):
        lab.cloud.advance(PERIOD_DAYS * DAY_MS)
        blobs.append(lab.seal(key, str(number).encode()))
    opened = [lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob) for blob in blobs]
    assert [each["Plaintext"] for each in opened] == [str(number).encode() for number in range(rotations + 1)]
    assert len({each["KeyMaterialId"] for each in opened}) == rotations + 1 == 406
    assert steps(partial(lab.ok, SOURCE, "Decrypt", CiphertextBlob=first)) < 1.1 * before


def test_the_list_of_a_long_life_comes_in_pages(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=PERIOD_DAYS)
    lab.cloud.advance(30 * 365 * DAY_MS)
    seen, marker = [], {}
    while True:
        page = lab.ok(SOURCE, "ListKeyRotations", KeyId=key, **marker)
        seen += page["Rotations"]
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    dates = [each["RotationDate"] for each in seen]
    assert len(seen) == 30 * 365 // PERIOD_DAYS
    assert dates == sorted(dates)
    assert [each["KeyMaterialState"] for each in seen].count("CURRENT") == 1


def test_one_rotation_only_is_made_up_for_when_a_key_is_enabled_again(lab: Lab) -> None:
    """Disabled for five periods: overdue once, and the calendar goes on from then."""
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=PERIOD_DAYS)
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    lab.cloud.advance(5 * PERIOD_DAYS * DAY_MS)
    at = lab.cloud.now_ms()
    lab.ok(SOURCE, "EnableKey", KeyId=key)
    assert len(lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"]) == 1
    status = lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key)
    assert status["NextRotationDate"] == moment(at + PERIOD_DAYS * DAY_MS)


def test_a_key_taken_back_from_deletion_makes_up_for_its_rotation_when_it_is_enabled(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=PERIOD_DAYS)
    lab.cloud.advance(80 * DAY_MS)
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=30)
    lab.cloud.advance(20 * DAY_MS)
    lab.ok(SOURCE, "CancelKeyDeletion", KeyId=key)
    assert lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"] == []
    lab.ok(SOURCE, "EnableKey", KeyId=key)
    assert len(lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"]) == 1


def test_on_demand_rotation_leaves_the_calendar_where_it_is(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=730)
    before = lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key)["NextRotationDate"]
    lab.cloud.advance(100 * DAY_MS)
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    assert lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=key)["NextRotationDate"] == before


def test_automatic_rotations_do_not_use_up_those_on_demand(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=PERIOD_DAYS)
    lab.cloud.advance(30 * PERIOD_DAYS * DAY_MS + DAY_MS)
    for _ in range(25):
        lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key)[0] == "LimitExceededException"


def test_manual_rotation_is_a_new_key_behind_the_alias(lab: Lab) -> None:
    """kms.md 2.3: what was sealed under the old key still opens without naming it."""
    old, new = lab.key(), lab.key()
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=old)
    blob = lab.seal("alias/app")
    lab.ok(SOURCE, "UpdateAlias", AliasName="alias/app", TargetKeyId=new)
    assert lab.ok(SOURCE, "Encrypt", KeyId="alias/app", Plaintext=b"x")["KeyId"] == new
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob)["KeyId"] == old
    assert lab.refused(SOURCE, "Decrypt", CiphertextBlob=blob, KeyId="alias/app")[0] == "IncorrectKeyException"


def test_an_aws_managed_key_rotates_every_year_and_cannot_be_told_otherwise(lab: Lab) -> None:
    key = lab.ok(SOURCE, "DescribeKey", KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    lab.cloud.advance(3 * 365 * DAY_MS + DAY_MS)
    rotations = lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"]
    assert [each["RotationType"] for each in rotations] == ["AUTOMATIC"] * 3
    for operation in ("DisableKeyRotation", "EnableKeyRotation", "RotateKeyOnDemand", "DisableKey"):
        assert lab.refused(SOURCE, operation, KeyId=key)[0] == "AccessDeniedException"


def test_another_account_that_may_use_the_key_notices_nothing(lab: Lab) -> None:
    key = lab.key(share=allow(["kms:Encrypt", "kms:Decrypt"], root_arn(TARGET)))
    blob = lab.seal(key, caller=TARGET)
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    assert lab.ok(TARGET, "Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"
