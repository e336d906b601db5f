"""CloudTrail's records of EBS, and of the KMS calls behind it, in the target's own trail (ebs.md 3.1 and 3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sharing.accounts import REGION, SOURCE, TARGET, ZONE, Share, Step, deny, root

row = pytest.mark.row
EC2, FRONT = f"ec2.{REGION}.amazonaws.com", "ec2-frontend-api.amazonaws.com"
NEW_KEY = "GenerateDataKeyWithoutPlaintext"


def only(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: record.get(name) for name in names}


@row("3.1/create-snapshot")
def test_create_snapshot_is_recorded_with_numbers_as_texts_and_times_in_milliseconds(share: Share) -> None:
    source, volume = share.source, share.things.volume
    id = source.make_snapshot(volume, Description="d")
    record = source.events("CreateSnapshot")[0]
    assert record["requestParameters"] == {"volumeId": volume, "description": "d"}
    answered = dict(record["responseElements"])
    assert isinstance(answered.pop("startTime"), int)
    assert (
        answered.items()
        >= {
            "requestId": record["requestID"],
            "snapshotId": id,
            "volumeId": volume,
            "status": "pending",
            "ownerId": SOURCE,
            "volumeSize": "1",
            "encrypted": True,
            "tagSet": {},
        }.items()
    )


@row("3.1/create-volume", "3.1/delete-volume")
def test_a_volume_is_recorded_from_its_creation_to_its_end(share: Share) -> None:
    source = share.source
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]
    asked = {"AvailabilityZone": ZONE, "Size": 1, "VolumeType": "gp3", "ClientToken": "t", "TagSpecifications": tags}
    id = source.do("ec2:CreateVolume", **asked)["VolumeId"]
    made = source.events("CreateVolume")[0]
    items = [{"resourceType": "volume", "tags": [{"key": "a", "value": "b"}]}]
    assert made["requestParameters"] == {
        "zone": ZONE,
        "size": 1,
        "volumeType": "gp3",
        "clientToken": "t",
        "tagSpecificationSet": {"items": items},
    }
    answered = made["responseElements"]
    assert only(answered, "volumeId", "size", "zone", "status", "encrypted", "multiAttachEnabled") == {
        "volumeId": id,
        "size": "1",
        "zone": ZONE,
        "status": "creating",
        "encrypted": False,
        "multiAttachEnabled": False,
    }
    assert isinstance(answered["createTime"], int)
    assert {"iops", "throughput", "availabilityZoneId", "tagSet"} <= answered.keys()
    source.do("ec2:DeleteVolume", VolumeId=id)
    gone = source.events("DeleteVolume")[0]
    assert gone["requestParameters"] == {"volumeId": id, "reportVolumeFailure": False}
    assert gone["responseElements"] == {"requestId": gone["requestID"], "_return": True}


def kms(step: Step, name: str, account: str = TARGET) -> dict[str, Any]:
    """The first KMS record of this name that the step left in the account's trail."""
    found = (each for each in step.kms_calls() if each["eventName"] == name)
    return next(each for each in found if each["recipientAccountId"] == account)


@row("3.3/record")
def test_a_forwarded_call_is_recorded_as_the_callers_through_ec2(share: Share) -> None:
    step = share.volume_in_target()
    assert step.outcome == "available"
    record, key = kms(step, NEW_KEY), share.things.target_key
    assert record["userIdentity"]["invokedBy"] == FRONT
    assert record["userIdentity"]["arn"] == share.target.caller.arn
    assert only(record, "eventSource", "sourceIPAddress", "userAgent", "awsRegion", "responseElements") == {
        "eventSource": "kms.amazonaws.com",
        "sourceIPAddress": FRONT,
        "userAgent": FRONT,
        "awsRegion": REGION,
        "responseElements": None,
    }
    assert record["requestParameters"] == {
        "keyId": key,
        "encryptionContext": {"aws:ebs:id": step.id},
        "numberOfBytes": 64,
    }
    assert len(record["additionalEventData"]["keyMaterialId"]) == 64
    assert (record["requestID"], record["readOnly"]) == (step.reply.request_id, True)
    assert record["resources"] == [{"accountId": TARGET, "type": "AWS::KMS::Key", "ARN": key}]
    assert only(record, "eventType", "managementEvent", "eventCategory") == {
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "eventCategory": "Management",
    }


@row("3.3/create-grant")
def test_create_grant_shows_its_constraint_and_no_token(share: Share) -> None:
    key = share.things.target_key
    for step, constraint in (
        (share.volume_in_target(), "encryptionContextSubset"),
        (share.copy_to_target(), "encryptionContextEquals"),
    ):
        assert step.outcome in ("available", "completed")
        record = kms(step, "CreateGrant")
        assert record["requestParameters"] == {
            "keyId": key,
            "granteePrincipal": EC2,
            "retiringPrincipal": EC2,
            "operations": ["Decrypt"],
            "constraints": {constraint: {"aws:ebs:id": step.id}},
        }
        assert set(record["responseElements"]) == {"grantId", "keyId"}
        assert record["readOnly"] is False


@row("3.3/re-encrypt")
def test_re_encrypt_shows_both_contexts_materials_and_keys(share: Share) -> None:
    step = share.volume_in_target()
    assert step.outcome == "available"
    record, things = kms(step, "ReEncrypt"), share.things
    asked = record["requestParameters"]
    assert (asked["sourceEncryptionContext"], asked["destinationEncryptionContext"]) == (
        {"aws:ebs:id": things.volume},
        {"aws:ebs:id": step.id},
    )
    assert asked["destinationKeyId"] == things.target_key
    assert {"sourceEncryptionAlgorithm", "destinationEncryptionAlgorithm", "sourceAAD", "destinationAAD"} <= set(asked)
    assert set(record["additionalEventData"]) == {"sourceKeyMaterialId", "destinationKeyMaterialId"}
    assert [(each["accountId"], each["ARN"]) for each in record["resources"]] == [
        (SOURCE, things.source_key),
        (TARGET, things.target_key),
    ]
    assert record["readOnly"] is True


@row("3.3/describe-key")
def test_describe_key_shows_the_key_as_it_was_given(share: Share) -> None:
    """Method: a copy under an alias of one's own."""
    root(share.cloud, TARGET).do("kms:CreateAlias", AliasName="alias/mine", TargetKeyId=share.things.target_key)
    step = share.copy_to_target(KmsKeyId="alias/mine")
    assert kms(step, "DescribeKey")["requestParameters"] == {"keyId": "alias/mine"}


@row("3.3/decrypt", "3.3/retire-grant")
def test_the_service_decrypts_and_retires_as_itself_in_the_trail_of_the_keys_owner(share: Share) -> None:
    step = share.copy_to_target()
    assert step.outcome == "completed"
    decrypted = kms(step, "Decrypt", SOURCE)
    assert decrypted["userIdentity"] == {"type": "AWSService", "invokedBy": f"prod.kms-caller.ebs.{EC2[4:]}"}
    assert decrypted["requestParameters"] == {
        "encryptionContext": {"aws:ebs:id": share.things.volume},
        "keyId": share.things.source_key,
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    retired = kms(step, "RetireGrant")
    assert retired["userIdentity"] == {"type": "AWSService", "invokedBy": "AWS Internal"}
    grant = kms(step, "CreateGrant")["responseElements"]["grantId"]
    assert only(retired, "requestParameters", "responseElements", "additionalEventData") == {
        "requestParameters": None,
        "responseElements": {"keyId": share.things.target_key},
        "additionalEventData": {"grantId": grant},
    }


@row("3.3/denied", "3.3/disabled")
def test_a_denied_call_is_recorded_without_parameters_and_one_on_a_disabled_key_with_them(share: Share) -> None:
    owner = root(share.cloud, TARGET)
    broken = share.volume_in_target(KmsKeyId=share.things.target_key)
    assert broken.outcome == "available"
    share.target_now_has(*deny("kms:CreateGrant"))
    denied = share.volume_in_target()
    assert denied.outcome == "gone"
    record = next(each for each in denied.kms_calls() if each.get("errorCode"))
    assert only(record, "eventName", "errorCode", "requestParameters", "resources") == {
        "eventName": "CreateGrant",
        "errorCode": "AccessDenied",
        "requestParameters": None,
        "resources": None,
    }
    owner.do("kms:DisableKey", KeyId=share.things.target_key)
    disabled = share.volume_in_target()
    assert disabled.outcome == "gone"
    record = next(each for each in disabled.kms_calls() if each.get("errorCode"))
    assert record["errorCode"] == "DisabledException"
    assert record["requestParameters"]
    assert share.things.target_key in {each["ARN"] for each in record["resources"]}


@row("6/trail", "3.4/no-data")
def test_starting_and_completing_are_management_events_and_blocks_are_data_events(share: Share) -> None:
    """A data event of a shared snapshot names the requester in both trails, and LookupEvents returns none of them."""
    share.target.read(share.things.snapshot)
    arn = f"arn:aws:ec2:{REGION}::snapshot/{share.things.snapshot}"
    snapshot = {"accountId": TARGET, "type": "AWS::EC2::Snapshot", "ARN": arn}
    target = root(share.cloud, TARGET)
    target.write({0: 0})
    kinds = {each["eventName"]: each["managementEvent"] for each in target.events() if "ebs." in each["eventSource"]}
    assert kinds == {
        "StartSnapshot": True,
        "CompleteSnapshot": True,
        "PutSnapshotBlock": False,
        "ListSnapshotBlocks": False,
        "GetSnapshotBlock": False,
    }
    for hand in (target, share.source):
        for name in ("GetSnapshotBlock", "ListSnapshotBlocks"):
            assert snapshot in hand.events(name)[0]["resources"]
    found = target.do("cloudtrail:LookupEvents")["Events"]
    assert not {"PutSnapshotBlock", "GetSnapshotBlock", "ListSnapshotBlocks"} & {each["EventName"] for each in found}
