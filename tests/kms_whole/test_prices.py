"""What keys and calls cost (kms.md 8.3): a figure a test, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.services.kms.prices import Bill, bill, month_of, to_json, to_text
from tests.kms.lab import DAY_MS, SOURCE, TARGET, Lab, allow, root_arn

JANUARY_HOURS = 31 * 24


def billed(lab: Lab, month: str = "") -> Bill:
    return bill(lab.cloud.world, month_of(lab.cloud.now_ms(), month))


def storage(lab: Lab, month: str, account: str = SOURCE) -> list[Decimal]:
    return [round(each.usd, 4) for each in billed(lab, month).accounts[account].keys]


def requests(lab: Lab, account: str = SOURCE) -> dict[str, int]:
    return {each.kind: each.requests for each in billed(lab).accounts[account].requests}


def test_a_key_costs_a_dollar_a_month(lab: Lab) -> None:
    lab.key()
    lab.cloud.advance(31 * DAY_MS)
    assert storage(lab, "2026-01") == [Decimal("1.0000")]
    assert storage(lab, "2026-02") == [Decimal("0.0015")]  # the millisecond that the call took, as one of 672 hours


def test_a_key_is_prorated_by_the_hour(lab: Lab) -> None:
    """Ten of January's 31 days; an hour that has begun counts whole."""
    lab.cloud.advance(21 * DAY_MS)
    lab.key()
    lab.cloud.advance(20 * DAY_MS)
    assert storage(lab, "2026-01") == [round(Decimal(240) / JANUARY_HOURS, 4)]
    assert billed(lab, "2026-01").accounts[SOURCE].keys[0].hours == 240


def test_two_rotations_add_a_dollar_each_and_further_ones_nothing(lab: Lab) -> None:
    key = lab.key()
    for _ in range(4):
        lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    lab.cloud.advance(31 * DAY_MS)
    (january,) = billed(lab, "2026-01").accounts[SOURCE].keys
    assert (round(january.usd, 2), january.rotations) == (Decimal("3.00"), 2)
    assert billed(lab).accounts[SOURCE].usd_per_month == Decimal("3.00")


def test_each_replica_costs_as_much(lab: Lab) -> None:
    key = lab.key(MultiRegion=True)
    lab.ok(SOURCE, "ReplicateKey", KeyId=key, ReplicaRegion="eu-west-1")
    lab.cloud.advance(31 * DAY_MS)
    assert storage(lab, "2026-01") == [Decimal("1.0000")] * 2


def test_pending_deletion_is_free_and_charged_back_when_it_is_cancelled(lab: Lab) -> None:
    key = lab.key()
    lab.cloud.advance(10 * DAY_MS)
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=30)
    lab.cloud.advance(10 * DAY_MS)
    (waiting,) = billed(lab).accounts[SOURCE].keys
    assert (waiting.hours, waiting.usd_per_month) == (241, Decimal(0))
    lab.ok(SOURCE, "CancelKeyDeletion", KeyId=key)
    assert billed(lab).accounts[SOURCE].keys[0].hours == 481


def test_a_key_that_is_gone_is_still_on_the_bill_of_its_month(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    lab.cloud.advance(5 * DAY_MS)
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    lab.cloud.advance(8 * DAY_MS)
    (gone,) = billed(lab).accounts[SOURCE].keys
    assert (gone.arn, gone.hours, gone.rotations, gone.usd_per_month) == (key, 121, 1, Decimal(0))
    lab.cloud.advance(31 * DAY_MS)
    assert billed(lab).accounts[SOURCE].keys == ()


def test_aws_managed_keys_cost_nothing_to_keep_but_their_requests_count(lab: Lab) -> None:
    lab.ok(SOURCE, "DescribeKey", KeyId="alias/aws/ebs")
    lab.cloud.advance(31 * DAY_MS)
    account = billed(lab, "2026-01").accounts[SOURCE]
    assert account.keys == ()
    assert [each.requests for each in account.requests] == [1]


def test_a_request_is_billed_to_the_account_that_makes_it_and_the_key_to_its_owner(lab: Lab) -> None:
    key = lab.key(share=allow(["kms:Encrypt"], root_arn(TARGET)))
    before = requests(lab)["symmetric"]
    for _ in range(3):
        lab.ok(TARGET, "Encrypt", KeyId=key, Plaintext=b"x")
    assert requests(lab, TARGET) == {"symmetric": 3}
    assert requests(lab)["symmetric"] == before
    assert billed(lab).accounts[TARGET].keys == ()


def test_what_fails_is_not_billed(lab: Lab) -> None:
    key = lab.key()
    before = requests(lab)
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x")
    assert requests(lab)["symmetric"] == before["symmetric"] + 1


def test_the_kinds_of_requests_have_their_prices(lab: Lab) -> None:
    key = lab.key()
    rsa = lab.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    ecc = lab.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    lab.ok(SOURCE, "Encrypt", KeyId=rsa, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    lab.ok(SOURCE, "Sign", KeyId=ecc, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    lab.ok(SOURCE, "GenerateDataKeyPairWithoutPlaintext", KeyId=key, KeyPairSpec="ECC_NIST_P256")
    lab.ok(SOURCE, "GenerateDataKeyPairWithoutPlaintext", KeyId=key, KeyPairSpec="RSA_2048")
    found = {each.kind: (each.requests, each.free, each.usd) for each in billed(lab).accounts[SOURCE].requests}
    assert found == {
        "symmetric": (3, 3, Decimal(0)),
        "RSA_2048": (1, 0, Decimal("0.000003")),
        "asymmetric": (1, 0, Decimal("0.000015")),
        "ECC data key pair": (1, 0, Decimal("0.00001")),
        "RSA data key pair": (1, 0, Decimal("0.0012")),
    }


def test_the_first_20000_symmetric_requests_of_a_month_are_free(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 5 instead of 20,000, so that it is quickly reached."""
    monkeypatch.setattr("app.services.kms.prices.FREE_REQUESTS", 5)
    key = lab.key()
    for region in ("us-east-1", "eu-west-1"):
        for _ in range(4):
            lab.ok(SOURCE, "GenerateRandom", region, NumberOfBytes=8)
    (symmetric,) = billed(lab).accounts[SOURCE].requests
    assert (symmetric.requests, symmetric.free, symmetric.usd) == (9, 5, Decimal("0.03") * 4 / 10_000)
    lab.cloud.advance(31 * DAY_MS)
    lab.ok(SOURCE, "DescribeKey", KeyId=key)
    assert billed(lab).accounts[SOURCE].requests[0].free == 1


def test_the_bill_as_json_and_as_text(lab: Lab) -> None:
    key = lab.key()
    lab.cloud.advance(31 * DAY_MS)
    shown = to_json(billed(lab, "2026-01"))
    assert (shown["month"], shown["until"], shown["currency"]) == ("2026-01", "2026-02-01T00:00:00Z", "USD")
    assert shown["accounts"][SOURCE] == {
        "keys": [{"key": key, "hours": 744, "rotations": 0, "usd": 1.0, "usd_per_month": 1.0}],
        "requests": [{"kind": "symmetric", "requests": 1, "free": 1, "usd": 0.0}],
        "usd": 1.0,
        "usd_per_month_of_keys": 1.0,
    }
    text = to_text(billed(lab, "2026-01"))
    assert f"      1.0000  {key}, 744 h\n" in text


@pytest.mark.parametrize("name", ["2026", "2026-13", "january"])
def test_a_month_is_named_by_year_and_number(name: str) -> None:
    with pytest.raises(ValueError, match="2026-01"):
        month_of(0, name)
