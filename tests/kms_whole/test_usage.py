"""GetKeyLastUsage, and the condition key that looks at it (kms.md "Newer things", botocore's documentation [D])."""

from __future__ import annotations

import pytest

from app.kernel.clock import moment
from tests.kms.lab import DAY_MS, SOURCE, TARGET, Lab, allow, policy, root_arn

UNUSED = {"NumericGreaterThanEquals": {"kms:TrailingDaysWithoutKeyUsage": "90"}}


def test_a_key_that_was_never_used_says_since_when_it_would_be_known(lab: Lab) -> None:
    key = lab.key()
    made = lab.ok(SOURCE, "DescribeKey", KeyId=key)["KeyMetadata"]["CreationDate"]
    expected = {"KeyId": key, "KeyLastUsage": {}, "TrackingStartDate": made, "KeyCreationDate": made}
    assert lab.ok(SOURCE, "GetKeyLastUsage", KeyId=key) == expected


def test_the_last_use_names_operation_time_event_and_request(lab: Lab) -> None:
    key = lab.key()
    blob = lab.seal(key)
    lab.cloud.advance(DAY_MS)
    at = lab.cloud.now_ms()
    request = lab.reply(SOURCE, "Decrypt", CiphertextBlob=blob).request_id
    lab.ok(SOURCE, "DescribeKey", KeyId=key)
    event = lab.events(SOURCE, "Decrypt")[0]
    assert lab.ok(SOURCE, "GetKeyLastUsage", KeyId=key)["KeyLastUsage"] == {
        "Operation": "Decrypt",
        "Timestamp": moment(at),
        "CloudTrailEventId": event["eventID"],
        "KmsRequestId": request,
    }


def test_only_cryptography_that_succeeds_counts(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x")
    lab.ok(SOURCE, "EnableKey", KeyId=key)
    lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x", DryRun=True)
    assert lab.ok(SOURCE, "GetKeyLastUsage", KeyId=key)["KeyLastUsage"] == {}


def test_a_use_by_another_account_counts_by_the_owners_event(lab: Lab) -> None:
    key = lab.key(share=allow("kms:Encrypt", root_arn(TARGET)))
    lab.seal(key, caller=TARGET)
    used = lab.ok(SOURCE, "GetKeyLastUsage", KeyId=key)["KeyLastUsage"]
    assert used["CloudTrailEventId"] == lab.events(SOURCE, "Encrypt")[0]["eventID"]
    assert used["CloudTrailEventId"] != lab.events(TARGET, "Encrypt")[0]["eventID"]


def test_re_encryption_is_a_use_of_both_keys(lab: Lab) -> None:
    source, destination = lab.key(), lab.key()
    lab.ok(SOURCE, "ReEncrypt", CiphertextBlob=lab.seal(source), DestinationKeyId=destination)
    for key in (source, destination):
        assert lab.ok(SOURCE, "GetKeyLastUsage", KeyId=key)["KeyLastUsage"]["Operation"] == "ReEncrypt"


def test_related_keys_count_each_for_itself(lab: Lab) -> None:
    key = lab.key(MultiRegion=True)
    id = key.rpartition("/")[2]
    lab.ok(SOURCE, "ReplicateKey", KeyId=key, ReplicaRegion="eu-west-1")
    lab.ok(SOURCE, "Encrypt", "eu-west-1", KeyId=id, Plaintext=b"x")
    assert lab.ok(SOURCE, "GetKeyLastUsage", KeyId=id)["KeyLastUsage"] == {}
    assert lab.ok(SOURCE, "GetKeyLastUsage", "eu-west-1", KeyId=id)["KeyLastUsage"]["Operation"] == "Encrypt"


def test_it_never_works_across_accounts_and_takes_no_alias(lab: Lab) -> None:
    key = lab.key(share=allow("kms:*", root_arn(TARGET)))
    assert lab.refused(TARGET, "GetKeyLastUsage", KeyId=key)[0] == "AccessDeniedException"
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=key)
    assert lab.refused(SOURCE, "GetKeyLastUsage", KeyId="alias/app")[0] == "NotFoundException"


@pytest.mark.parametrize("operation", ["DisableKey", "ScheduleKeyDeletion"])
def test_a_policy_can_keep_keys_that_are_in_use(lab: Lab, operation: str) -> None:
    """kms:TrailingDaysWithoutKeyUsage: whole days since the last use, of an unused key since it was made."""
    key = lab.key()
    careful = lab.user(SOURCE, "careful", {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": UNUSED})
    assert lab.refused(careful, operation, KeyId=key)[0] == "AccessDeniedException"
    lab.cloud.advance(80 * DAY_MS)
    lab.seal(key)
    lab.cloud.advance(89 * DAY_MS)
    assert lab.refused(careful, operation, KeyId=key)[0] == "AccessDeniedException"
    lab.cloud.advance(DAY_MS)
    lab.ok(careful, operation, KeyId=key)


def test_a_use_changes_no_record(lab: Lab) -> None:
    """Goal: the answer comes from the log, so that cryptography leaves the world as it was."""
    key = lab.key(Policy=policy(allow("kms:*", root_arn(SOURCE))))
    before = lab.cloud.world
    lab.seal(key)
    assert lab.cloud.world == before
    assert lab.cloud.world.revision == before.revision
