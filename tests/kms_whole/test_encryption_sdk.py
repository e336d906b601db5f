"""The AWS Encryption SDK for Python, as it is installed from the registry, through the endpoint (issue 6, point 3).

Skipped where it is not installed. It makes its own data keys by GenerateDataKey and opens them by Decrypt, with an
encryption context of its own (`aws-crypto-public-key`) beside the one it is given.
"""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest

from tests.kms.lab import SOURCE, TARGET, allow, root_arn

sdk = pytest.importorskip("aws_encryption_sdk")
REGION = "us-east-1"
CONTEXT = {"purpose": "test"}
PLAINTEXT = bytes(range(256)) * 400  # more than one frame


@pytest.fixture
def reach(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The SDK makes its clients itself: it finds the endpoint as every AWS client does."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return endpoint


def session(account: str) -> botocore.session.Session:
    """The root user of an account, in open mode."""
    made = botocore.session.Session()
    made.set_credentials(account, "secret")
    return made


def kms(account: str, region: str = REGION) -> Any:
    return session(account).create_client("kms", region_name=region)


def shared_key(*actions: str, **more: Any) -> str:
    """A key of the source account that the target account may use for some actions."""
    statements = [allow("kms:*", root_arn(SOURCE)), allow(list(actions), root_arn(TARGET))]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return kms(SOURCE).create_key(Policy=policy, **more)["KeyMetadata"]["Arn"]


def client() -> Any:
    return sdk.EncryptionSDKClient(commitment_policy=sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


def strict(account: str, *keys: str) -> Any:
    return sdk.StrictAwsKmsMasterKeyProvider(key_ids=list(keys), botocore_session=session(account))


def test_the_target_account_decrypts_what_the_source_account_encrypted(reach: str) -> None:
    key = shared_key("kms:Decrypt")
    sealed, _ = client().encrypt(source=PLAINTEXT, key_provider=strict(SOURCE, key), encryption_context=CONTEXT)
    assert PLAINTEXT not in sealed
    opened, header = client().decrypt(source=sealed, key_provider=strict(TARGET, key))
    assert opened == PLAINTEXT
    assert header.encryption_context["purpose"] == "test"


def test_a_provider_that_discovers_the_key_decrypts_too(reach: str) -> None:
    key = shared_key("kms:Decrypt")
    sealed, _ = client().encrypt(source=PLAINTEXT, key_provider=strict(SOURCE, key))
    provider = sdk.DiscoveryAwsKmsMasterKeyProvider(botocore_session=session(TARGET))
    assert client().decrypt(source=sealed, key_provider=provider)[0] == PLAINTEXT


def test_without_the_key_policy_the_target_account_does_not(reach: str) -> None:
    key = shared_key("kms:DescribeKey")
    sealed, _ = client().encrypt(source=PLAINTEXT, key_provider=strict(SOURCE, key))
    with pytest.raises(sdk.exceptions.DecryptKeyError):
        client().decrypt(source=sealed, key_provider=strict(TARGET, key))


def test_a_message_under_two_keys_opens_with_either(reach: str) -> None:
    first, second = shared_key("kms:Decrypt"), kms(TARGET).create_key()["KeyMetadata"]["Arn"]
    share = {"KeyId": second, "GranteePrincipal": root_arn(SOURCE), "Operations": ["Encrypt"]}
    kms(TARGET).create_grant(**share)
    sealed, _ = client().encrypt(source=PLAINTEXT, key_provider=strict(SOURCE, first, second))
    assert client().decrypt(source=sealed, key_provider=strict(TARGET, second))[0] == PLAINTEXT
    assert client().decrypt(source=sealed, key_provider=strict(SOURCE, first))[0] == PLAINTEXT


def test_a_related_multi_region_key_decrypts_in_its_own_region(reach: str) -> None:
    from aws_encryption_sdk.key_providers.kms import MRKAwareStrictAwsKmsMasterKeyProvider as Aware

    key = shared_key("kms:Decrypt", MultiRegion=True)
    kms(SOURCE).replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    here, there = (
        Aware(key_ids=[arn], botocore_session=session(SOURCE)) for arn in (key, key.replace(REGION, "eu-west-1"))
    )
    sealed, _ = client().encrypt(source=PLAINTEXT, key_provider=here)
    assert client().decrypt(source=sealed, key_provider=there)[0] == PLAINTEXT
