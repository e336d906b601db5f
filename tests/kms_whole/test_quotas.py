"""Request quotas (kms.md 8.2): off unless the world has them, then so many calls in any second of its clock."""

from __future__ import annotations

import pytest

from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.kernel.world import Rules
from app.services.kms import KMS
from app.services.kms.quotas import BY_KEY, BY_PAIR, PER_SECOND, SYMMETRIC, Quota, quota_of
from tests.kms.lab import SERVICES, SOURCE, TARGET, Lab, allow, root_arn

SAID = (
    "ThrottlingException",
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
)


@pytest.fixture
def strict() -> Lab:
    """A world with quotas. Its clock stands still but for a millisecond a call."""
    return Lab(Cloud.create(SERVICES, MemoryStore(), new_world("kms", seed="7", rules=Rules(quotas=True))))


def admitted(lab: Lab, operation: str, most: int, region: str = "us-east-1", **parameters: object) -> int:
    """How many calls in a row are let through, of `most`."""
    for number in range(most):
        reply = lab.reply(SOURCE, operation, region, **parameters)
        if reply.error and reply.error.code == "ThrottlingException":
            return number
    return most


def test_without_quotas_nothing_is_throttled(lab: Lab) -> None:
    assert admitted(lab, "CreateKey", 20) == 20


def test_five_a_second_and_again_in_the_next(strict: Lab) -> None:
    assert admitted(strict, "CreateKey", 20) == 5
    assert strict.refused(SOURCE, "CreateKey") == SAID
    assert strict.causes()[0] == "LIMIT_EXCEEDED"
    strict.cloud.advance(1_000)
    assert admitted(strict, "CreateKey", 20) == 5


def test_what_was_throttled_does_not_count(strict: Lab) -> None:
    admitted(strict, "CreateKey", 20)
    strict.cloud.advance(500)
    admitted(strict, "CreateKey", 20)
    strict.cloud.advance(500)
    assert admitted(strict, "CreateKey", 20) == 5


def test_each_management_call_has_its_own_quota(strict: Lab) -> None:
    key = strict.key()
    wrapping = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    assert admitted(strict, "GetParametersForImport", 3, KeyId=key, **wrapping) == 1
    assert admitted(strict, "TagResource", 20, KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}]) == 10
    assert admitted(strict, "PutKeyPolicy", 20, KeyId=key, Policy="{}") == 15
    grant = {"GranteePrincipal": root_arn(SOURCE), "Operations": ["Decrypt"]}
    assert admitted(strict, "CreateGrant", 60, KeyId=key, **grant) == 50
    assert admitted(strict, "CreateKey", 20) == 4  # one was made above


def test_accounts_and_regions_have_their_own(strict: Lab) -> None:
    admitted(strict, "CreateKey", 20)
    assert admitted(strict, "CreateKey", 20, "eu-west-1") == 5
    assert strict.reply(TARGET, "CreateKey").error is None


def test_a_call_on_a_foreign_key_counts_against_the_caller(strict: Lab) -> None:
    key = strict.key(share=allow("kms:*", root_arn(TARGET)))
    grant = {"KeyId": key, "GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]}
    for _ in range(50):
        strict.ok(TARGET, "CreateGrant", **grant)
    assert strict.refused(TARGET, "CreateGrant", **grant) == SAID
    assert strict.reply(SOURCE, "CreateGrant", **grant).error is None


def test_a_throttled_call_changes_nothing_and_no_record_is_kept_of_any(strict: Lab) -> None:
    """Goal: the count comes from the log; reads and cryptography leave the world as it was, quotas or not."""
    key = strict.key()
    before = strict.cloud.world
    for _ in range(3):
        strict.seal(key)
    assert strict.cloud.world == before


def test_a_fork_goes_on_where_its_world_stood(strict: Lab) -> None:
    admitted(strict, "CreateKey", 20)
    assert Lab(strict.cloud.fork("other")).refused(SOURCE, "CreateKey") == SAID


def test_cryptography_with_symmetric_keys_shares_one_quota(strict: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 6 instead of 100,000, so that it is quickly reached."""
    monkeypatch.setattr("app.services.kms.quotas.SYMMETRIC", Quota("symmetric", 6))
    key = strict.key()
    blob = strict.seal(key)
    strict.ok(SOURCE, "GenerateDataKey", KeyId=key, KeySpec="AES_256")
    strict.ok(SOURCE, "GenerateRandom", NumberOfBytes=8)
    assert admitted(strict, "Decrypt", 10, CiphertextBlob=blob) == 3
    assert strict.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x") == SAID


def test_keys_of_each_kind_have_their_own(strict: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    ecc = strict.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    monkeypatch.setattr("app.services.kms.quotas.ASYMMETRIC", {"ECC": Quota("ECC", 3)})
    strict.ok(SOURCE, "CreateAlias", AliasName="alias/ecc", TargetKeyId=ecc)
    sign = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    strict.ok(SOURCE, "Sign", KeyId="alias/ecc", **sign)
    strict.ok(SOURCE, "Sign", KeyId=ecc.rpartition("/")[2], **sign)
    assert admitted(strict, "Sign", 5, KeyId=ecc, **sign) == 1
    strict.seal(strict.key())


def test_data_key_pairs_by_their_spec(strict: Lab) -> None:
    key = strict.key()
    pair = {"KeyId": key, "KeyPairSpec": "RSA_3072"}
    assert admitted(strict, "GenerateDataKeyPairWithoutPlaintext", 6, **pair) == 4
    pair["KeyPairSpec"] = "ECC_NIST_P256"
    assert strict.reply(SOURCE, "GenerateDataKeyPairWithoutPlaintext", **pair).error is None


@pytest.mark.parametrize(
    ("region", "per_second"),
    [("us-east-1", 100_000), ("us-west-2", 100_000), ("eu-central-1", 20_000), ("eu-north-1", 10_000)],
)
def test_the_large_quota_by_region(region: str, per_second: int) -> None:
    assert SYMMETRIC.in_region(region) == per_second


def test_an_account_has_so_many_keys_in_a_region(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 3 instead of 100,000. AWS managed keys do not count, replicas do; no rule of the world turns it off."""
    monkeypatch.setattr("app.services.kms.keys.KEYS_MAX", 3)
    lab.ok(SOURCE, "DescribeKey", KeyId="alias/aws/s3")
    first = lab.key(MultiRegion=True)
    for _ in range(2):
        lab.key()
    assert lab.refused(SOURCE, "CreateKey")[0] == "LimitExceededException"
    for _ in range(3):
        lab.ok(SOURCE, "CreateKey", "eu-west-1")
    refused = lab.refused(SOURCE, "ReplicateKey", KeyId=first, ReplicaRegion="eu-west-1")
    assert refused[0] == "LimitExceededException"
    lab.key(TARGET)


def test_every_operation_has_a_quota() -> None:
    """Every row of the table is an operation, and what is in none has five a second."""
    names = {operation.name for operation in KMS.operations.values()}
    assert BY_KEY | BY_PAIR | set(PER_SECOND) <= names
    assert quota_of("CancelKeyDeletion", "", "").per_second == 5
    assert quota_of("GenerateDataKeyPair", "", "RSA_4096").per_second == 1
    assert quota_of("Sign", "ML_DSA_44", "").name == "ML_DSA"
