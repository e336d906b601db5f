"""The KMS calls behind volumes and copies, row by row (ebs.md 1.0, 1.2, 1.4, 2 and 3.3): which, as whom, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.kernel.call import Caller
from app.services.ebs.records import Snapshot, Volume
from tests.sharing.accounts import REGION, SOURCE, TARGET, Share, Step, allow, deny, document, root

row = pytest.mark.row
EC2 = f"ec2.{REGION}.amazonaws.com"
FRONT, EBS, INTERNAL = "ec2-frontend-api.amazonaws.com", "ebs.amazonaws.com", "AWS Internal"
COPIER = f"prod.kms-caller.ebs.{REGION}.amazonaws.com"
NEW_KEY = "GenerateDataKeyWithoutPlaintext"


def calls(step: Step, share: Share) -> list[tuple[str, str, str]]:
    """(call, key, who it comes from), in order; of a call that two accounts see, the first event only."""
    assert step.settled().state in ("available", "completed")
    names = {share.things.source_key: "S", share.things.target_key: "T", share.things.own_key: "O"}
    seen: dict[str, tuple[str, str, str]] = {}
    for event in step.kms_calls():
        keys = "->".join(names.get(each["ARN"], "?") for each in event.get("resources") or ())
        seen.setdefault(
            event.get("sharedEventID") or event["eventID"],
            (event["eventName"], keys, event["userIdentity"]["invokedBy"]),
        )
    return list(seen.values())


SERVICE_DECRYPTS = [("Decrypt", "T", EBS), ("Decrypt", "T", EBS), ("RetireGrant", "T", INTERNAL)]
NEW_DATA_KEY = [(NEW_KEY, "T", FRONT), ("CreateGrant", "T", FRONT)]


@row("1.2/calls-plain", "1.2/retired")
@pytest.mark.row("2/plain")
def test_a_volume_of_a_plain_snapshot_gets_a_new_data_key(share: Share) -> None:
    step = share.volume_in_target(SnapshotId=share.target.write({0: 0}))
    assert calls(step, share) == [*NEW_DATA_KEY, *SERVICE_DECRYPTS[1:]]


@row("1.1/empty-encrypted")
@pytest.mark.row("2/empty")
def test_an_empty_volume_gets_a_new_data_key(share: Share) -> None:
    step = share.volume_in_target(SnapshotId=None, Size=1)
    assert calls(step, share) == [*NEW_DATA_KEY, *SERVICE_DECRYPTS[1:]]


@row("1.2/calls-own-same", "0.8")
def test_a_volume_of_an_own_snapshot_under_the_same_key_re_wraps_and_no_more(share: Share) -> None:
    step = share.volume_in_target(SnapshotId=share.things.own_snapshot, KmsKeyId=share.things.own_key)
    assert calls(step, share) == [("ReEncrypt", "O", FRONT)]


@row("1.2/calls-own-other", "1.2/retired", "0.8", "0.7")
def test_a_volume_of_an_own_snapshot_under_another_key_re_wraps_and_gets_a_new_data_key(share: Share) -> None:
    step = share.volume_in_target(SnapshotId=share.things.own_snapshot)
    assert calls(step, share) == [("ReEncrypt", "O->T", FRONT), *NEW_DATA_KEY, *SERVICE_DECRYPTS]


@row("1.2/calls-shared", "0.12")
def test_a_volume_of_a_shared_snapshot_makes_the_same_three_calls_under_any_key(share: Share) -> None:
    """Under the shared key the grant falls on the owner's key."""
    step = share.volume_in_target()
    assert calls(step, share) == [("ReEncrypt", "S->T", FRONT), *NEW_DATA_KEY, *SERVICE_DECRYPTS]
    kept = calls(share.volume_in_target(KmsKeyId=share.things.source_key), share)
    assert [(name, keys) for name, keys, _ in kept[:3]] == [("ReEncrypt", "S"), (NEW_KEY, "S"), ("CreateGrant", "S")]


@row("1.4/calls-fresh", "0.6", "0.12", "1.0/under-grant")
def test_a_first_copy_makes_a_data_key_and_two_grants_and_the_service_decrypts_under_them(share: Share) -> None:
    """Step 3 comes through the copier of the source's Region, under the caller's own identity."""
    step = share.copy_to_target()
    assert calls(step, share) == [
        ("DescribeKey", "T", FRONT),
        *NEW_DATA_KEY,
        ("CreateGrant", "S", COPIER),
        ("Decrypt", "T", COPIER),
        ("Decrypt", "S", COPIER),
        ("RetireGrant", "T", INTERNAL),
        ("RetireGrant", "S", INTERNAL),
    ]
    by_service = [each for each in step.kms_calls() if each["eventName"] in ("Decrypt", "RetireGrant")]
    assert {each["userIdentity"]["type"] for each in by_service} == {"AWSService"}


@row("1.0/grant-operations", "1.0/grantee", "1.0/constraint-type", "1.0/context-keys", "0.10")
@pytest.mark.row("1.2/source-context")
def test_grants_are_for_one_operation_and_one_context_to_ec2_itself(share: Share) -> None:
    copy, volume = share.copy_to_target(), share.volume_in_target()
    source = share.cloud.world.records.find(Snapshot, "id", REGION, share.things.snapshot)
    assert source is not None
    assert source.data_key is not None

    def grants(step: Step) -> list[Any]:
        step.settled()
        mine = [each for each in step.kms_calls() if each["eventName"] == "CreateGrant" and each["requestParameters"]]
        asked = {
            each["sharedEventID"] if "sharedEventID" in each else each["eventID"]: each["requestParameters"]
            for each in mine
        }
        for each in asked.values():
            assert (each["granteePrincipal"], each["retiringPrincipal"], each["operations"]) == (EC2, EC2, ["Decrypt"])
        return [each["constraints"] for each in asked.values()]

    equals = "encryptionContextEquals"
    of_source = {equals: {"aws:ebs:id": source.data_key.context_id}}
    assert source.data_key.context_id == share.things.volume
    assert grants(copy) == [{equals: {"aws:ebs:id": copy.id}}, of_source]
    assert grants(volume) == [{"encryptionContextSubset": {"aws:ebs:id": volume.id}}]


CONDITIONED = [  # a deny on every key; whether a copy and a volume still succeed
    pytest.param({"StringEquals": {"kms:ViaService": EC2}}, False, False, marks=row("1.0/via")),
    pytest.param({"StringEquals": {"kms:ViaService": f"ebs.{REGION}.amazonaws.com"}}, True, True, marks=row("1.0/via")),
    pytest.param(
        {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}},
        False,
        True,
        marks=row("1.0/constraint-type"),
    ),
    pytest.param(
        {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextSubset"}},
        True,
        False,
        marks=row("1.0/constraint-type"),
    ),
    pytest.param(
        {"ForAnyValue:StringEquals": {"kms:GrantOperations": "Decrypt"}},
        False,
        False,
        marks=row("1.0/grant-operations"),
    ),
    pytest.param({"StringEquals": {"kms:GranteePrincipal": EC2}}, False, False, marks=row("1.0/grantee")),
    pytest.param(
        {"StringLike": {"kms:EncryptionContext:aws:ebs:id": "snap-*"}}, False, True, marks=row("1.0/context-keys")
    ),
    pytest.param(
        {"StringLike": {"kms:EncryptionContext:aws:ebs:id": "vol-*"}}, False, False, marks=row("1.0/context-keys")
    ),
    pytest.param({"StringEquals": {"kms:CallerAccount": SOURCE}}, True, True, marks=row("1.0/caller")),
    pytest.param({"StringEquals": {"kms:CallerAccount": TARGET}}, False, False, marks=row("1.0/caller")),
]


@pytest.mark.parametrize(("condition", "copies", "makes_volumes"), CONDITIONED)
@pytest.mark.row("1.0/caller-account")
def test_conditions_see_the_forwarded_call(share: Share, condition: Any, copies: bool, makes_volumes: bool) -> None:
    """Method: the target is denied everything in KMS but DescribeKey under one condition."""
    share.target_now_has(
        {"Effect": "Deny", "NotAction": ["kms:DescribeKey", "ec2:*"], "Resource": "*", "Condition": condition}
    )
    copy, volume = share.copy_to_target(), share.volume_in_target()
    assert (copy.outcome == "completed", volume.outcome == "available") == (copies, makes_volumes)


@row("1.0/caller")
def test_a_session_policy_bites_in_the_calls_that_ec2_forwards(share: Share) -> None:
    """Method: a session of a role that may do everything, opened with and without a policy that denies KMS."""
    owner = root(share.cloud, TARGET)
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"sts:AssumeRole"}]}'
    )
    role = owner.do("iam:CreateRole", RoleName="r", AssumeRolePolicyDocument=trust % owner.root)["Role"]
    policy = document(allow("ec2:*", "kms:*"))
    owner.do("iam:PutRolePolicy", RoleName="r", PolicyName="p", PolicyDocument=policy)
    session = Caller(
        "session",
        TARGET,
        f"arn:aws:sts::{TARGET}:assumed-role/r/s",
        f"{role['RoleId']}:s",
        "",
        role["Arn"],
        role["RoleId"],
    )
    denies = document((*allow("ec2:*", "kms:*"), *deny("kms:CreateGrant")))
    asked = {"AvailabilityZone": "us-east-1a", "SnapshotId": share.things.snapshot, "Encrypted": True}
    asked["KmsKeyId"] = share.things.target_key
    outcomes = []
    for policies in (None, (denies,)):
        hand = replace(share.target, caller=Caller(**{**as_fields(session), "session_policies": policies}))
        outcomes.append(hand.volume(hand.do("ec2:CreateVolume", **asked)["VolumeId"]) is not None)
    assert outcomes == [True, False]


def as_fields(caller: Any) -> dict[str, Any]:
    return {name: getattr(caller, name) for name in caller.__struct_fields__}


@row("1.0/request-id")
def test_forwarded_calls_bear_ec2s_request_id_and_those_of_a_settling_copy_their_own(share: Share) -> None:
    volume, copy = share.volume_in_target(), share.copy_to_target()
    assert (volume.outcome, copy.outcome) == ("available", "completed")

    def same(step: Step) -> dict[str, bool]:
        return {
            each["eventName"]: each["requestID"] == step.reply.request_id
            for each in step.kms_calls()
            if each["userIdentity"]["type"] != "AWSService"
        }

    assert same(volume) == {"ReEncrypt": True, NEW_KEY: True, "CreateGrant": True}
    assert same(copy) == {"DescribeKey": True, NEW_KEY: False, "CreateGrant": False}


@row("1.0/under-grant")
@pytest.mark.row("1.0/policy-denies-grant")
def test_the_service_works_under_the_grant_whatever_the_caller_may_do_afterwards(slow: Share) -> None:
    """Method: the caller may not decrypt, and the copy is made; a key policy's deny for everybody wins."""
    share = slow.with_(
        target_iam_on_source_key=(*allow("kms:CreateGrant"), *deny("kms:Decrypt")),
        target_iam_on_target_key=(
            *allow("kms:CreateGrant", "kms:DescribeKey", f"kms:{NEW_KEY}"),
            *deny("kms:Decrypt"),
        ),
    )
    step = share.copy_to_target()
    share.cloud.advance(60_000)
    assert step.settled().state == "completed"
    everybody = (*share.source_key_policy, *deny("*", "kms:Decrypt", Condition={"Null": {"kms:ViaService": "true"}}))
    denied = share.with_(source_key_policy=everybody)
    step = denied.copy_to_target()
    denied.cloud.advance(60_000)
    assert (step.settled().state, step.settled().message) == ("error", "Given key ID is not accessible")


@row("0.9")
def test_data_keys_have_64_bytes(share: Share) -> None:
    volume = share.volume_in_target()
    assert volume.outcome == "available"
    asked = [each["requestParameters"] for each in volume.kms_calls() if each["eventName"] == NEW_KEY]
    assert [each["numberOfBytes"] for each in asked] == [64]


@row("0.8", "0.10")
@pytest.mark.row("2/own-same", "2/own-other", "2/copy-fresh", "2/copy-incremental")
def test_re_keying_means_a_new_data_key_and_the_same_key_the_same_one(share: Share) -> None:
    """Method: plaintext data keys, decrypted by KMS for the owner of each key, with each one's own context."""

    def plaintext(account: str, record: Snapshot | Volume | None) -> bytes:
        assert record is not None
        assert record.data_key is not None
        asked = {"CiphertextBlob": record.data_key.ciphertext, "EncryptionContext": record.data_key.context}
        return root(share.cloud, account).do("kms:Decrypt", **asked)["Plaintext"]

    def snapshot(id: str) -> Snapshot | None:
        return share.cloud.world.records.find(Snapshot, "id", REGION, id)

    def volume(step: Step) -> Volume | None:
        assert step.outcome == "available"
        return share.cloud.world.records.get(Volume, TARGET, REGION, step.id)

    own, source = snapshot(share.things.own_snapshot), snapshot(share.things.snapshot)
    same = share.volume_in_target(SnapshotId=share.things.own_snapshot, KmsKeyId=None, Encrypted=None)
    other = share.volume_in_target(SnapshotId=share.things.own_snapshot)
    copy, again = share.copy_to_target(), share.copy_to_target()
    assert {copy.outcome, again.outcome} == {"completed"}
    assert plaintext(TARGET, volume(same)) == plaintext(TARGET, own)
    assert plaintext(TARGET, volume(other)) != plaintext(TARGET, own)
    assert plaintext(TARGET, snapshot(copy.id)) != plaintext(SOURCE, source)
    assert plaintext(TARGET, snapshot(again.id)) == plaintext(TARGET, snapshot(copy.id))
    contexts = [
        each.data_key.context_id for each in (volume(same), volume(other), snapshot(copy.id)) if each and each.data_key
    ]
    assert contexts == [same.id, other.id, copy.id]
