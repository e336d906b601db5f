"""Keys of other accounts and Regions, what rotates and what is copied again, and what time ends (ebs.md 1.0 to 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.kernel.cloud import Cloud
from app.kernel.world import Rules
from app.services.ebs.records import Snapshot, Volume
from tests.sharing.accounts import (
    EVERY_USE,
    REGION,
    SOURCE,
    TARGET,
    TARGET_ROOT,
    THIRD,
    Hand,
    Share,
    allow,
    block,
    deny,
    put_block,
    root,
)

row = pytest.mark.row
FAR = "us-west-2"
REFUSED = "Given key ID is not accessible"


def denied(condition: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Everything in KMS but DescribeKey, under one condition."""
    return ({"Effect": "Deny", "NotAction": ["kms:DescribeKey", "ec2:*"], "Resource": "*", "Condition": condition},)


@pytest.mark.parametrize(
    ("condition", "works"),
    [
        pytest.param({"Bool": {"aws:ViaAWSService": "true"}}, False, marks=row("1.0/via-aws-service")),
        pytest.param({"Bool": {"aws:ViaAWSService": "false"}}, True, marks=row("1.0/via-aws-service")),
        pytest.param({"Null": {"aws:CalledVia": "false"}}, True, marks=row("1.0/called-via")),
        pytest.param({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False, marks=row("1.0/source-ip")),
        pytest.param(
            {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "Bool": {"aws:ViaAWSService": "false"}},
            True,
            marks=row("1.0/source-ip"),
        ),
    ],
)
def test_a_forwarded_call_is_seen_to_come_from_aws(share: Share, condition: dict[str, Any], works: bool) -> None:
    """Method: the target is denied under one condition; a deny by address needs its escape for AWS's services."""
    share.target_now_has(*denied(condition))
    copy, volume = share.copy_to_target(), share.volume_in_target()
    assert (copy.outcome == "completed", volume.outcome == "available") == (works, works)


@row("1.0/grant-for-resource")
def test_every_grant_is_made_for_an_aws_resource(share: Share) -> None:
    """Method: grants that are not are denied, which changes nothing; then those that are."""
    condition = {"Bool": {"kms:GrantIsForAWSResource": "false"}}
    share.target_now_has(*deny("kms:CreateGrant", Condition=condition))
    assert (share.copy_to_target().outcome, share.volume_in_target().outcome) == ("completed", "available")
    share.target_now_has(*deny("kms:CreateGrant", Condition={"Bool": {"kms:GrantIsForAWSResource": "true"}}))
    assert (share.copy_to_target().outcome, share.volume_in_target().outcome) == ("error", "gone")


USUAL = (
    *allow(TARGET_ROOT, "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
    *allow(
        TARGET_ROOT,
        "kms:CreateGrant",
        "kms:ListGrants",
        "kms:RevokeGrant",
        Condition={"Bool": {"kms:GrantIsForAWSResource": True}},
    ),
)


@row("5/usual-policy", "5/customer-key")
def test_the_documented_pair_of_statements_is_enough_and_the_first_alone_is_the_classic_broken_share(
    share: Share,
) -> None:
    broken = share.with_(source_key_policy=USUAL[:1])
    assert (broken.copy_to_target().settled().message, broken.volume_in_target().outcome) == (REFUSED, "available")
    whole = share.with_(source_key_policy=USUAL)
    assert (whole.copy_to_target().outcome, whole.volume_in_target().outcome) == ("completed", "available")


# another Region


def far(share: Share) -> Hand:
    """The target's root in the other Region."""
    return replace(root(share.cloud, TARGET), region=FAR)


def copy_far(hand: Hand, share: Share, key: str) -> Any:
    asked = {"SourceRegion": REGION, "SourceSnapshotId": share.things.snapshot, "Encrypted": True, "KmsKeyId": key}
    return hand.snapshot(hand.do("ec2:CopySnapshot", **asked)["SnapshotId"])


@row("1.4/destination", "5/regional")
def test_a_copy_is_made_in_the_destination_region_and_the_source_stays_where_it_is(share: Share) -> None:
    """There it is shared on; the source can not be seen from there."""
    hand = far(share)
    copy = copy_far(hand, share, hand.key())
    assert (copy["State"], copy["KmsKeyId"].split(":")[3]) == ("completed", FAR)
    assert hand.read(copy["SnapshotId"]) == {0: block(0), 7: block(1)}
    assert hand.refused("ec2:DescribeSnapshots", SnapshotIds=[share.things.snapshot])[0] == "InvalidSnapshot.NotFound"
    asked = {"AvailabilityZone": f"{FAR}a", "SnapshotId": share.things.snapshot}
    assert hand.refused("ec2:CreateVolume", **asked)[0] == "InvalidSnapshot.NotFound"
    assert hand.share(copy["SnapshotId"], THIRD).error is None
    assert replace(root(share.cloud, THIRD), region=FAR).snapshot(copy["SnapshotId"])["OwnerId"] == TARGET


@pytest.mark.parametrize(
    ("key", "via", "state"),
    [
        ("source", REGION, "error"),
        ("source", FAR, "completed"),
        ("target", FAR, "error"),
        ("target", REGION, "completed"),
    ],
)
@row("1.0/via-other-region")
def test_via_service_names_the_region_of_the_key_that_is_called(share: Share, key: str, via: str, state: str) -> None:
    """Method: CreateGrant on one of both keys is denied in its key policy through EC2 of one of both Regions."""
    through = {"StringEquals": {"kms:ViaService": f"ec2.{via}.amazonaws.com"}}
    denies = deny(TARGET_ROOT, "kms:CreateGrant", Condition=through)
    on = {"source": (), "target": (), key: denies}
    share = share.with_(source_key_policy=(*share.source_key_policy, *on["source"]))
    hand = far(share)
    assert copy_far(hand, share, hand.key(*on["target"]))["State"] == state


# which keys


@row("1.4/key-of-another")
def test_a_copy_may_be_put_under_a_key_of_a_third_account(share: Share) -> None:
    """Both sides allow it; then the key's owner does not."""
    third = root(share.cloud, THIRD)
    open_key, closed = third.key(*allow(TARGET_ROOT, *EVERY_USE)), third.key()
    share.target_now_has(*allow("kms:*"))
    assert share.copy_to_target(KmsKeyId=open_key).settled().shown["KmsKeyId"] == open_key
    assert share.copy_to_target(KmsKeyId=closed).error == ("AuthFailure", f"Not authorized to use key {closed} ")


@row("1.4/key-kind")
def test_the_key_of_a_copy_is_symmetric_and_of_its_region(share: Share) -> None:
    """What AWS says of an asymmetric key is inferred: it is no key for the data key, as with a volume."""
    owner = root(share.cloud, TARGET)
    signing = owner.do("kms:CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    share.target_now_has(*allow("kms:*"))
    assert share.copy_to_target(KmsKeyId=signing).outcome != "completed"
    elsewhere = far(share).key()
    refused = ("InvalidParameterValue", f"The specified keyId {elsewhere} is invalid")
    assert share.copy_to_target(KmsKeyId=elsewhere).error == refused


@row("1.4/11", "1.10/quotas")
def test_of_copies_in_progress_there_are_20_for_a_destination_where_a_world_has_quotas(slow: Share) -> None:
    """Method: 20 copies and one more, without quotas and with; then the first are done."""
    world = slow.cloud.world
    strict = replace(world, name=f"{world.name}-limited", rules=Rules(quotas=True))
    limited = root(Cloud.create(slow.cloud.services, slow.cloud._store, strict), SOURCE)
    for hand, more in ((slow.source, 21), (limited, 20)):
        for _ in range(more):
            hand.copy(slow.things.snapshot)
    asked = {"SourceRegion": REGION, "SourceSnapshotId": slow.things.snapshot}
    error = limited.ask("ec2:CopySnapshot", **asked).error
    assert error is not None
    assert (error.code, error.status) == ("ResourceLimitExceeded", 400)
    limited.cloud.advance(600_000)
    assert limited.copy(slow.things.snapshot)


# data keys that stay, and such that do not


def data_key(hand: Hand, id: str) -> bytes:
    """The plaintext data key of a snapshot or volume of the hand's account, from KMS."""
    records, account = hand.cloud.world.records, hand.caller.account
    found = records.get(Snapshot, account, hand.region, id) or records.get(Volume, account, hand.region, id)
    assert found is not None
    assert found.data_key is not None
    asked = {"CiphertextBlob": found.data_key.ciphertext, "EncryptionContext": found.data_key.context}
    return hand.do("kms:Decrypt", **asked)["Plaintext"]


@row("2/copy-same-key")
def test_a_copy_in_the_account_region_and_key_of_its_source_keeps_its_data_key(share: Share) -> None:
    """Always incremental. Method: GenerateDataKeyWithoutPlaintext is denied to who copies."""
    source, id = share.source, share.things.snapshot
    copier = source.user("copier", *allow("ec2:*", "kms:*"), *deny("kms:GenerateDataKeyWithoutPlaintext"))
    copy = copier.copy(id, Encrypted=True, KmsKeyId=share.things.source_key)
    assert source.snapshot(copy)["State"] == "completed"
    assert data_key(source, copy) == data_key(source, id)
    records = share.cloud.world.records
    one, two = (records.get(Snapshot, SOURCE, REGION, each) for each in (id, copy))
    assert one is not None
    assert two is not None
    assert one.blocks == two.blocks


@row("2/incremental-when")
def test_a_copy_is_incremental_while_the_last_one_is_there(share: Share) -> None:
    """Method: a second copy; then all are deleted, and the next one has a data key of its own."""
    hand = root(share.cloud, TARGET)
    first, second = share.copy_to_target(), share.copy_to_target()
    assert (first.outcome, second.outcome) == ("completed", "completed")
    shared = data_key(hand, first.id)
    assert data_key(hand, second.id) == shared
    for step in (first, second):
        hand.do("ec2:DeleteSnapshot", SnapshotId=step.id)
    third = share.copy_to_target()
    assert third.outcome == "completed"
    assert data_key(hand, third.id) != shared
    assert hand.read(third.id) == {0: block(0), 7: block(1)}


@row("2/rotation")
def test_a_rotated_key_opens_what_was_and_wraps_anew_under_its_new_material(share: Share) -> None:
    """Method: what CloudTrail calls the key material, of a new data key before and after."""
    hand, key, id = root(share.cloud, TARGET), share.things.own_key, share.things.own_snapshot

    def material() -> str:
        hand.make_volume(Size=1, Encrypted=True, KmsKeyId=key)
        return hand.events("GenerateDataKeyWithoutPlaintext")[0]["additionalEventData"]["keyMaterialId"]

    before, stored = material(), share.cloud.world.records.get(Snapshot, TARGET, REGION, id)
    hand.do("kms:RotateKeyOnDemand", KeyId=key)
    assert material() != before
    assert hand.read(id) == {0: block(2)}
    assert share.cloud.world.records.get(Snapshot, TARGET, REGION, id) == stored
    hand.make_volume(SnapshotId=id)
    moved = hand.events("ReEncrypt")[0]["additionalEventData"]
    assert (moved["sourceKeyMaterialId"], moved["destinationKeyMaterialId"]) == (before, material())


@row("1.4/no-fast-restore")
def test_a_copy_has_no_fast_restore(share: Share) -> None:
    source, id = share.source, share.things.snapshot
    source.do("ec2:EnableFastSnapshotRestores", SourceSnapshotIds=[id], AvailabilityZones=[f"{REGION}a"])
    copy = source.copy(id)
    assert source.snapshot(copy)["State"] == "completed"
    found = source.do("ec2:DescribeFastSnapshotRestores")["FastSnapshotRestores"]
    assert [each["SnapshotId"] for each in found] == [id]


# the EBS direct APIs


@row("6/timeout")
def test_a_snapshot_to_which_nothing_is_written_for_its_timeout_is_cancelled(share: Share) -> None:
    """Each write begins the time anew; 10 to 4320 minutes, 60 by default."""
    source, cloud = share.source, share.cloud
    for minutes in (9, 4321):
        assert source.refused("ebs:StartSnapshot", VolumeSize=1, Timeout=minutes)[0] == "ValidationException"
    short, usual = (
        source.do("ebs:StartSnapshot", VolumeSize=1, **each)["SnapshotId"] for each in ({"Timeout": 10}, {})
    )
    cloud.advance(9 * 60_000)
    source.put(short, 0, block(0))
    cloud.advance(9 * 60_000)
    assert source.ask("ebs:PutSnapshotBlock", **put_block(short, 1, block(1))).error is None
    cloud.advance(11 * 60_000)
    assert source.ask("ebs:PutSnapshotBlock", **put_block(short, 2, block(2))).error is not None
    assert source.ask("ebs:PutSnapshotBlock", **put_block(usual, 0, block(0))).error is None
    cloud.advance(61 * 60_000)
    assert source.snapshot(usual)["State"] == "error"


@row("6/pages")
def test_blocks_are_listed_in_pages_of_100_and_more_and_a_token_goes_before_a_start(share: Share) -> None:
    source = share.source
    id = source.write({index: index % 4 for index in range(130)})

    def listed(**asked: Any) -> tuple[list[int], str]:
        answer = source.do("ebs:ListSnapshotBlocks", SnapshotId=id, **asked)
        return [each["BlockIndex"] for each in answer["Blocks"]], answer.get("NextToken", "")

    first, token = listed(MaxResults=100)
    assert (first, bool(token)) == (list(range(100)), True)
    assert listed(MaxResults=100, NextToken=token, StartingBlockIndex=5)[0] == list(range(100, 130))
    assert listed(MaxResults=100, StartingBlockIndex=125) == (list(range(125, 130)), "")
    for size in (99, 10_001):
        assert source.refused("ebs:ListSnapshotBlocks", SnapshotId=id, MaxResults=size)[0] == "ValidationException"
