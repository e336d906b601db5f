"""KMS in CloudTrail (kms.md 9, ebs.md 3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kms.lab import ANY_KMS, SOURCE, TARGET, Lab, allow, root_arn

SERVICE = "ec2.us-east-1.amazonaws.com"


def resource(key: str) -> dict[str, str]:
    return {"accountId": key.split(":")[4], "type": "AWS::KMS::Key", "ARN": key}


def test_encrypt_shows_context_and_algorithm_and_neither_text(lab: Lab) -> None:
    key = lab.key()
    lab.seal(key, EncryptionContext={"a": "1"})
    event = lab.events(SOURCE, "Encrypt")[0]
    assert event["requestParameters"] == {
        "keyId": key,
        "encryptionContext": {"a": "1"},
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    assert event["responseElements"] is None
    assert event["readOnly"] is True
    assert event["resources"] == [resource(key)]
    assert len(event["additionalEventData"]["keyMaterialId"]) == 64
    assert event["eventSource"] == "kms.amazonaws.com"


def test_decrypt_shows_the_key_as_it_was_sent_or_not_at_all(lab: Lab) -> None:
    key = lab.key()
    blob = lab.seal(key)
    lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob)
    assert lab.events(SOURCE, "Decrypt")[0]["requestParameters"] == {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob, KeyId=key.rpartition("/")[2])
    assert lab.events(SOURCE, "Decrypt")[0]["requestParameters"]["keyId"] == key.rpartition("/")[2]


def test_re_encrypt_lists_both_keys_and_both_materials(lab: Lab) -> None:
    source, destination = lab.key(share=allow("kms:*", root_arn(TARGET))), lab.key(TARGET)
    blob = lab.seal(source, EncryptionContext={"a": "1"})
    asked = {"CiphertextBlob": blob, "DestinationKeyId": destination}
    lab.ok(TARGET, "ReEncrypt", SourceEncryptionContext={"a": "1"}, DestinationEncryptionContext={"b": "2"}, **asked)
    event = lab.events(TARGET, "ReEncrypt")[0]
    assert event["resources"] == [resource(source), resource(destination)]
    assert set(event["additionalEventData"]) == {"sourceKeyMaterialId", "destinationKeyMaterialId"}
    assert set(event["requestParameters"]) == {
        "sourceEncryptionContext", "destinationEncryptionContext", "sourceEncryptionAlgorithm",
        "destinationEncryptionAlgorithm", "destinationKeyId", "sourceAAD", "destinationAAD",
    }  # fmt: skip


def test_a_refusal_by_policy_shows_the_message_and_nothing_else(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    message = lab.refused(user, "Encrypt", KeyId=key, Plaintext=b"x")[1]
    event = lab.events(SOURCE, "Encrypt")[0]
    assert (event["errorCode"], event["errorMessage"]) == ("AccessDenied", message)
    assert event["requestParameters"] is None
    assert event["responseElements"] is None
    assert "resources" not in event


def test_other_errors_show_parameters_and_resources(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    lab.refused(SOURCE, "GenerateDataKey", KeyId=key, KeySpec="AES_256")
    event = lab.events(SOURCE, "GenerateDataKey")[0]
    assert event["errorCode"] == "DisabledException"
    assert event["requestParameters"] == {"keyId": key, "keySpec": "AES_256"}
    assert event["resources"] == [resource(key)]
    assert "additionalEventData" not in event


def test_a_dry_run_is_in_the_trail_as_an_error(lab: Lab) -> None:
    lab.refused(SOURCE, "Encrypt", KeyId=lab.key(), Plaintext=b"x", DryRun=True)
    event = lab.events(SOURCE, "Encrypt")[0]
    assert event["errorCode"] == "DryRunOperationException"
    assert event["requestParameters"]["dryRun"] is True


MANAGEMENT: list[tuple[str, dict[str, Any]]] = [
    ("CreateAlias", {"AliasName": "alias/a"}),
    ("EnableKeyRotation", {}),
    ("PutKeyPolicy", {"BypassPolicyLockoutSafetyCheck": False}),
    ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ("DisableKey", {}),
    ("UpdateKeyDescription", {"Description": "d"}),
]


@pytest.mark.parametrize(("operation", "more"), MANAGEMENT)
def test_management_shows_the_keys_arn_although_it_answers_nothing(
    lab: Lab, operation: str, more: dict[str, Any]
) -> None:
    key = lab.key()
    name = {"TargetKeyId": key} if operation == "CreateAlias" else {"KeyId": key}
    if operation == "PutKeyPolicy":
        more = {**more, "Policy": lab.ok(SOURCE, "GetKeyPolicy", KeyId=key)["Policy"]}
    assert lab.ok(SOURCE, operation, **name, **more) == {}
    event = lab.events(SOURCE, operation)[0]
    assert event["responseElements"] == {"keyId": key}
    assert event["readOnly"] is False
    assert resource(key) in event["resources"]


def test_tags_and_policies_are_shown_in_lower_camel_case(lab: Lab) -> None:
    key = lab.key(Tags=[{"TagKey": "A", "TagValue": "B"}])
    event = lab.events(SOURCE, "CreateKey")[0]
    assert event["requestParameters"] == {"tags": [{"tagKey": "A", "tagValue": "B"}]}
    shown = event["responseElements"]["keyMetadata"]
    assert (shown["arn"], shown["aWSAccountId"], shown["keyState"]) == (key, SOURCE, "Enabled")
    assert shown["creationDate"] == "Jan 1, 2026 00:00:00 AM"
    assert event["resources"] == [resource(key)]


def test_an_alias_is_listed_before_its_key(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/a", TargetKeyId=key)
    lab.ok(SOURCE, "DeleteAlias", AliasName="alias/a")
    alias = {"accountId": SOURCE, "type": "AWS::KMS::Alias", "ARN": f"arn:aws:kms:us-east-1:{SOURCE}:alias/a"}
    for name in ("CreateAlias", "DeleteAlias"):
        assert lab.events(SOURCE, name)[0]["resources"] == [alias, resource(key)]


def test_a_scheduled_deletion_shows_its_date_as_text(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert lab.events(SOURCE, "ScheduleKeyDeletion")[0]["responseElements"] == {
        "keyId": key,
        "keyState": "PendingDeletion",
        "deletionDate": "Jan 8, 2026 00:00:00 AM",
        "pendingWindowInDays": 7,
    }


def test_a_grant_made_through_ec2_shows_the_user_and_ec2(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u", ANY_KMS)
    constraint = {"EncryptionContextSubset": {"aws:ebs:id": "vol-1"}}
    made = lab.forward(
        user, "CreateGrant", KeyId=key, GranteePrincipal=SERVICE, RetiringPrincipal=SERVICE, Operations=["Decrypt"],
        Constraints=constraint,
    )  # fmt: skip
    (event,) = made.events(SOURCE)
    assert event["requestParameters"] == {
        "keyId": key, "granteePrincipal": SERVICE, "retiringPrincipal": SERVICE, "operations": ["Decrypt"],
        "constraints": {"encryptionContextSubset": {"aws:ebs:id": "vol-1"}},
    }  # fmt: skip
    assert event["responseElements"] == {"grantId": made.result["GrantId"], "keyId": key}
    assert event["readOnly"] is False
    assert event["userIdentity"]["arn"] == user.arn
    assert event["userIdentity"]["invokedBy"] == event["sourceIPAddress"] == "ec2-frontend-api.amazonaws.com"
    assert event["vpcEndpointId"] == "AWS Internal"
    assert "sharedEventID" in event


def test_a_service_retires_its_grant_without_parameters(lab: Lab) -> None:
    key = lab.key()
    asked = {"KeyId": key, "GranteePrincipal": SERVICE, "RetiringPrincipal": SERVICE, "Operations": ["Decrypt"]}
    made = lab.forward(SOURCE, "CreateGrant", **asked)
    made.as_service("RetireGrant", KeyId=key, GrantId=made.result["GrantId"])
    event = made.events(SOURCE)[-1]
    assert event["userIdentity"] == {"type": "AWSService", "invokedBy": "ebs.amazonaws.com"}
    assert event["requestParameters"] is None
    assert event["responseElements"] == {"keyId": key}
    assert event["additionalEventData"] == {"grantId": made.result["GrantId"]}


def test_use_by_another_account_is_in_both_trails_a_refusal_in_the_callers_only(lab: Lab) -> None:
    user = lab.user(TARGET, "u", ANY_KMS)
    key, closed = lab.key(share=allow("kms:Encrypt", root_arn(TARGET))), lab.key()
    lab.ok(user, "Encrypt", KeyId=key, Plaintext=b"x")
    (own,), (copy,) = lab.events(TARGET, "Encrypt"), lab.events(SOURCE, "Encrypt")
    assert copy["userIdentity"] == {"type": "AWSAccount", "principalId": user.unique_id, "accountId": TARGET}
    assert own["sharedEventID"] == copy["sharedEventID"]
    assert own["eventID"] != copy["eventID"]
    assert (own["recipientAccountId"], copy["recipientAccountId"]) == (TARGET, SOURCE)
    lab.refused(user, "Encrypt", KeyId=closed, Plaintext=b"x")
    assert len(lab.events(TARGET, "Encrypt")) == 2
    assert len(lab.events(SOURCE, "Encrypt")) == 1
