"""The EBS direct APIs, row by row (ebs.md 6): writing, reading, tokens, and how a problem with the key shows."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.sharing.accounts import (
    BLOCK_SIZE_BYTES,
    REGION,
    SOURCE,
    TARGET,
    Hand,
    Share,
    Statement,
    allow,
    block,
    checksum,
    deny,
    put_block,
    root,
)

row = pytest.mark.row
COMPLETED = ("ValidationException", "Snapshot is already completed")
KEY_GONE = ("ResourceNotFoundException", "KMS key not found.")
EVERYTHING = allow("ec2:*", "ebs:*", "kms:*")


def started(hand: Hand, **parameters: Any) -> str:
    return hand.do("ebs:StartSnapshot", VolumeSize=1, **parameters)["SnapshotId"]


def token(hand: Hand, id: str, index: int = 0) -> str:
    blocks = hand.do("ebs:ListSnapshotBlocks", SnapshotId=id)["Blocks"]
    return next(each["BlockToken"] for each in blocks if each["BlockIndex"] == index)


def get(id: str, token: str, index: int = 0) -> dict[str, Any]:
    return {"SnapshotId": id, "BlockIndex": index, "BlockToken": token}


# writing


@row("6/checksum")
def test_a_wrong_checksum_is_a_403_and_writes_nothing(share: Share) -> None:
    source = share.source
    id, right, wrong = started(source), checksum(block(0)), checksum(block(1))
    reply = source.ask("ebs:PutSnapshotBlock", **put_block(id, 0, block(0)) | {"Checksum": wrong})
    assert reply.error is not None
    assert (reply.error.code, reply.error.status) == ("InvalidSignatureException", 403)
    assert reply.error.message == (
        "The value passed in as x-amz-Checksum does not match the computed checksum. "
        f"Computed checksum: {right} expected checksum: {wrong}"
    )
    source.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=0)
    assert source.read(id) == {}


@row("6/complete-count")
def test_a_wrong_count_or_checksum_is_accepted_and_shows_later_as_an_error(share: Share) -> None:
    source = share.source

    def closed(**asked: Any) -> tuple[str, str]:
        id = started(source)
        for index in (3, 1):
            source.put(id, index, block(index))
        assert source.do("ebs:CompleteSnapshot", SnapshotId=id, **asked)["Status"] == "pending"
        shown = source.snapshot(id)
        return shown["State"], shown.get("StateMessage", "")

    digests = b"".join(hashlib.sha256(block(index)).digest() for index in (1, 3))
    linear = base64.b64encode(hashlib.sha256(digests).digest()).decode()
    sums = {"ChecksumAlgorithm": "SHA256", "ChecksumAggregationMethod": "LINEAR"}
    assert closed(ChangedBlocksCount=1) == ("error", "Changed blocks count mismatch for snapshot")
    assert closed(ChangedBlocksCount=2, Checksum=checksum(b""), **sums) == ("error", "Checksum mismatch for snapshot")
    assert closed(ChangedBlocksCount=2, Checksum=linear, **sums) == ("completed", "")


@row("6/complete-twice", "6/write-closed")
def test_a_completed_snapshot_stays_completed_and_is_not_written_to(share: Share) -> None:
    source = share.source
    id = source.write({0: 0})
    assert source.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=9)["Status"] == "completed"
    assert source.refused("ebs:PutSnapshotBlock", **put_block(id, 1, block(1))) == COMPLETED
    assert source.read(id) == {0: block(0)}


def test_the_last_write_to_an_index_counts(share: Share) -> None:
    source = share.source
    id = started(source, Encrypted=True, KmsKeyArn=share.things.source_key)
    for seed in (0, 1, 2):
        source.put(id, 5, block(seed))
    source.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=1)
    assert source.read(id) == {5: block(2)}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"BlockIndex": 2048}, "Block index 2048 is beyond the volume size extent"),
        ({"DataLength": 1}, "Block data length 1 is not valid, expected 524288"),
        ({"BlockData": b"x"}, "Failed to read block data"),
        ({"ChecksumAlgorithm": "MD5"}, "Unsupported Checksum Algorithm 'MD5', supported algorithms are SHA256"),
    ],
)
@pytest.mark.row("6/blocks")
def test_what_is_no_block(share: Share, changes: dict[str, Any], refusal: str) -> None:
    asked = put_block(started(share.source), 0, block(0)) | changes
    assert share.source.refused("ebs:PutSnapshotBlock", **asked) == ("ValidationException", refusal)


@row("6/parent-flags", "6/false-and-key", "6/key-alone", "6/parent-shared")
def test_flags_of_start_snapshot(share: Share) -> None:
    source, key = share.source, share.things.source_key
    parent = {"ParentSnapshotId": share.things.snapshot}
    together = "ParentSnapshotId and {} cannot be specified together"
    refused = {
        "Encrypt cannot be false when KmsKeyArn is specified": {"Encrypted": False, "KmsKeyArn": key},
        together.format("Encrypt"): {**parent, "Encrypted": True},
        together.format("KmsKeyArn"): {**parent, "KmsKeyArn": key, "Encrypted": False},
    }
    for message, asked in refused.items():
        assert source.refused("ebs:StartSnapshot", VolumeSize=1, **asked) == ("ValidationException", message)
    alone = source.do("ebs:StartSnapshot", VolumeSize=1, KmsKeyArn=key)
    assert alone["KmsKeyArn"] == key
    assert "KmsKeyArn" not in source.do("ebs:StartSnapshot", VolumeSize=1)
    foreign = share.target.refused("ebs:StartSnapshot", VolumeSize=1, **parent)
    assert foreign == ("ResourceNotFoundException", f"The snapshot '{share.things.snapshot}' does not exist.")
    assert sorted(share.target.read(share.things.snapshot)) == [0, 7]


@row("6/conflict")
def test_the_same_token_with_another_body_is_a_conflict(share: Share) -> None:
    source = share.source
    first = source.do("ebs:StartSnapshot", VolumeSize=1, ClientToken="t")
    assert source.do("ebs:StartSnapshot", VolumeSize=1, ClientToken="t")["SnapshotId"] == first["SnapshotId"]
    text = "Current request does not match request stored with this token."
    assert source.refused("ebs:StartSnapshot", VolumeSize=2, ClientToken="t") == ("ConflictException", text)


@row("1.1/create-tags")
def test_tags_of_start_snapshot_need_create_tags_that_no_create_action_narrows(share: Share) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    for action in ("StartSnapshot", "CreateSnapshot"):
        condition = {"StringEquals": {"ec2:CreateAction": action}}
        narrowed = share.with_(target_iam=(*allow("ebs:*"), *allow("ec2:CreateTags", Condition=condition)))
        assert narrowed.target.refused("ebs:StartSnapshot", VolumeSize=1, Tags=tags)[0] == "AccessDeniedException"
    may = share.with_(target_iam=allow("ebs:*", "ec2:CreateTags"))
    assert may.target.do("ebs:StartSnapshot", VolumeSize=1, Tags=tags)["Tags"] == tags


# reading


@row("6/token", "6/token-of-owner")
@pytest.mark.row("6/token-days")
def test_a_block_token_names_a_block_and_is_no_permission(share: Share) -> None:
    """An owner's token works for the target while the share lasts, again when it is back, and for seven days."""
    source, target, id = share.source, share.target, share.things.snapshot
    asked = get(id, token(source, id))
    assert target.do("ebs:GetSnapshotBlock", **asked)["BlockData"] == block(0)
    assert target.do("ebs:GetSnapshotBlock", **asked)["BlockData"] == block(0)
    wrong = ("ValidationException", f"The block token {asked['BlockToken']} is invalid.")
    assert source.refused("ebs:GetSnapshotBlock", **asked | {"BlockIndex": 7}) == wrong
    other = source.make_snapshot(share.things.volume)
    assert source.refused("ebs:GetSnapshotBlock", **asked | {"SnapshotId": other}) == wrong
    source.share(id, TARGET, adds=False)
    assert target.refused("ebs:GetSnapshotBlock", **asked)[0] == "ResourceNotFoundException"
    source.share(id, TARGET)
    assert target.do("ebs:GetSnapshotBlock", **asked)["DataLength"] == BLOCK_SIZE_BYTES
    share.cloud.advance(8 * 86_400_000)
    assert source.refused("ebs:GetSnapshotBlock", **asked) == wrong


@row("6/changed-by-write", "6/lineage")
def test_changed_blocks_differ_by_write_within_one_lineage(share: Share) -> None:
    """Method: a child that rewrites one block as it was and adds one; a copy of the parent; an unrelated snapshot."""
    source = share.source
    parent = source.write({0: 0, 1: 1}, KmsKeyArn=share.things.source_key)
    child = started(source, ParentSnapshotId=parent)
    source.put(child, 0, block(0))
    source.put(child, 9, block(9))
    source.do("ebs:CompleteSnapshot", SnapshotId=child, ChangedBlocksCount=2)
    assert source.read(child) == {0: block(0), 1: block(1), 9: block(9)}

    def changed(first: str, second: str) -> dict[int, set[str]]:
        asked = {"FirstSnapshotId": first, "SecondSnapshotId": second}
        found = source.do("ebs:ListChangedBlocks", **asked)["ChangedBlocks"]
        return {each["BlockIndex"]: {name[0] for name in each if name.endswith("Token")} for each in found}

    assert changed(parent, child) == {0: {"F", "S"}, 9: {"S"}}
    assert changed(child, parent) == {0: {"F", "S"}, 9: {"F"}}
    copy = source.copy(parent, Encrypted=True, KmsKeyId=share.things.source_key)
    assert source.snapshot(copy)["State"] == "completed"
    assert changed(parent, copy) == {}
    asked = {"FirstSnapshotId": parent, "SecondSnapshotId": share.things.snapshot}
    reply = source.ask("ebs:ListChangedBlocks", **asked)
    assert reply.error is not None
    assert (reply.error.code, dict(reply.error.members)["Reason"]) == ("ValidationException", "UNRELATED_SNAPSHOTS")


@row("6/changed-both")
def test_changed_blocks_are_authorized_on_both_snapshots(share: Share) -> None:
    share = share.with_(target_iam=EVERYTHING)
    first = share.target.write({0: 0})
    second = started(share.target, ParentSnapshotId=first)
    share.target.do("ebs:CompleteSnapshot", SnapshotId=second, ChangedBlocksCount=0)
    asked = {"FirstSnapshotId": first, "SecondSnapshotId": second}
    for denied in (first, second):
        owner = root(share.cloud, TARGET)
        owner.let("restorer", *EVERYTHING, *deny("ebs:*", Resource=f"arn:aws:ec2:{REGION}::snapshot/{denied}"))
        assert share.target.refused("ebs:ListChangedBlocks", **asked)[0] == "AccessDeniedException"
        owner.let("restorer", *EVERYTHING)
        assert share.target.do("ebs:ListChangedBlocks", **asked)["ChangedBlocks"] == []


@row("6/public", "5/public-direct")
def test_a_public_snapshot_is_not_read_by_others_even_when_it_is_shared_with_them_too(share: Share) -> None:
    source, target = share.source, share.target
    plain = source.write({0: 0})
    source.share(plain, TARGET, group="all")
    reply = target.ask("ebs:ListSnapshotBlocks", SnapshotId=plain)
    assert reply.error is not None
    assert (reply.error.message, dict(reply.error.members)["Reason"]) == (
        "Public snapshots are not supported",
        "INVALID_SNAPSHOT_ID",
    )
    assert source.read(plain) == {0: block(0)}
    source.share(plain, group="all", adds=False)
    assert target.read(plain) == {0: block(0)}


@row("6/no-ec2-actions", "1.1/read-denies")
def test_ec2_actions_are_not_asked_for(share: Share) -> None:
    share = share.with_(target_iam=(*allow("ebs:*"), *deny("ec2:*")))
    assert share.target.read(share.target.write({0: 0})) == {0: block(0)}
    assert sorted(share.target.read(share.things.snapshot)) == [0, 7]


# the key


def outcome(hand: Hand, operation: str, **asked: Any) -> str:
    """`ok`, or status and Reason."""
    error = hand.ask(f"ebs:{operation}", **asked).error
    return f"{error.status} {dict(error.members)['Reason']}" if error else "ok"


def four(share: Share, id: str, *statements: Statement) -> list[str]:
    """What a root, a child, a list and a read of this snapshot come to under such a policy."""
    asked = get(id, token(root(share.cloud, TARGET if id == share.things.own_snapshot else SOURCE), id))
    share.target_now_has(*statements)
    target = share.target
    return [
        outcome(target, "StartSnapshot", VolumeSize=1, KmsKeyArn=share.things.own_key),
        outcome(target, "StartSnapshot", VolumeSize=1, ParentSnapshotId=share.things.own_snapshot),
        outcome(target, "ListSnapshotBlocks", SnapshotId=id),
        outcome(target, "GetSnapshotBlock", **asked),
    ]


OK, WRITE, READ = "ok", "400 INVALID_DEPENDENCY_REQUEST", "404 DEPENDENCY_RESOURCE_NOT_FOUND"
VIA_EBS = {"StringNotEquals": {"kms:ViaService": f"ebs.{REGION}.amazonaws.com"}}
VIA_EC2 = {"StringNotEquals": {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}}


@pytest.mark.parametrize(
    ("denied", "own", "shared_list"),
    [
        pytest.param(deny("kms:GenerateDataKey"), [WRITE, OK, OK, OK], OK, marks=row("6/deny-generate")),
        pytest.param(deny("kms:DescribeKey"), [OK, OK, READ, READ], READ, marks=row("6/deny-describe")),
        pytest.param(deny("kms:Decrypt"), [OK, READ, OK, READ], READ, marks=row("6/deny-decrypt")),
        pytest.param(deny("kms:ReEncrypt*"), [OK, WRITE, OK, OK], OK, marks=row("6/deny-reencrypt")),
        pytest.param(
            deny("kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"), [OK] * 4, OK, marks=row("6/no-effect")
        ),
        pytest.param(deny("kms:*", Condition=VIA_EBS), [WRITE, WRITE, READ, READ], READ, marks=row("6/via-ebs")),
        pytest.param(deny("kms:*", Condition=VIA_EC2), [OK] * 4, OK, marks=row("0.11", "6/via-ebs")),
    ],
)
def test_one_kms_action_denied_shows_as_400_when_writing_and_404_when_reading(
    share: Share, denied: tuple[Statement, ...], own: list[str], shared_list: str
) -> None:
    """Method: the table of ebs.md 6, on an own snapshot; then listing a shared one, which also decrypts."""
    assert four(share, share.things.own_snapshot, *denied) == own
    assert outcome(share.target, "ListSnapshotBlocks", SnapshotId=share.things.snapshot) == shared_list


@row("6/wrapped-message", "6/deny-reencrypt", "6/deny-generate")
def test_a_400_wraps_the_message_of_kms(share: Share) -> None:
    share.target_now_has(*deny("kms:ReEncryptFrom", "kms:GenerateDataKey"))
    for action, asked in (
        ("kms:ReEncryptFrom", {"ParentSnapshotId": share.things.own_snapshot}),
        ("kms:GenerateDataKey", {"KmsKeyArn": share.things.own_key}),
    ):
        message = share.target.refused("ebs:StartSnapshot", VolumeSize=1, **asked)[1]
        start = (
            "Invalid parameters for a dependent service: com.amazonaws.services.kms.model.AWSKMSException: "
            f"User: arn:aws:iam::{TARGET}:user/restorer is not authorized to perform: {action} on "
        )
        assert message.startswith(start)
        assert "(Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request ID: " in message
        assert message.endswith("; Proxy: null)")


@row("6/disabled")
def test_a_disabled_key_stops_children_and_reads_but_not_lists(share: Share) -> None:
    owner, key = root(share.cloud, TARGET), share.things.own_key
    id = share.things.own_snapshot
    asked = get(id, token(owner, id))
    owner.do("kms:DisableKey", KeyId=key)
    disabled = [
        outcome(share.target, "StartSnapshot", VolumeSize=1, ParentSnapshotId=id),
        outcome(share.target, "ListSnapshotBlocks", SnapshotId=id),
        outcome(share.target, "GetSnapshotBlock", **asked),
    ]
    assert disabled == [WRITE, OK, WRITE]
    assert f"{key} is disabled." in share.target.refused("ebs:GetSnapshotBlock", **asked)[1]
    owner.do("kms:EnableKey", KeyId=key)
    assert outcome(share.target, "GetSnapshotBlock", **asked) == OK


@row("6/calls", "0.9", "0.10", "6/hidden-key", "0.12")
@pytest.mark.row("2/start-root", "2/start-child", "3.3/direct")
def test_the_kms_calls_of_the_direct_apis_are_awss(share: Share) -> None:
    """Method: the KMS events that each request set off, with their contexts; all are seen to come from EBS."""
    target, id, key = share.target, share.things.own_snapshot, share.things.own_key

    def calls(operation: str, **asked: Any) -> list[tuple[str, Any]]:
        reply = target.ask(f"ebs:{operation}", **asked)
        assert reply.error is None, reply.error
        events = target.kms_calls(reply.request_id)
        assert {each["userIdentity"]["invokedBy"] for each in events} == {"ebs.amazonaws.com"}
        made = (reply.answer or {}).get("SnapshotId", "")
        return [(each["eventName"], _contexts(each["requestParameters"] or {}, made)) for each in events]

    assert calls("StartSnapshot", VolumeSize=1, KmsKeyArn=key) == [("GenerateDataKey", ["new"])]
    assert target.events("GenerateDataKey")[0]["requestParameters"]["numberOfBytes"] == 64
    assert target.events("StartSnapshot")[0]["responseElements"]["kmsKeyArn"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    child = calls("StartSnapshot", VolumeSize=1, ParentSnapshotId=id)
    assert child == [("ReEncrypt", [id, "new"]), ("Decrypt", ["new"])]
    asked = get(id, token(target, id))
    assert calls("ListSnapshotBlocks", SnapshotId=id) == [("DescribeKey", [])]
    assert calls("GetSnapshotBlock", **asked) == [("DescribeKey", []), ("Decrypt", [id])]


def _contexts(parameters: dict[str, Any], made: str) -> list[str]:
    names = ("sourceEncryptionContext", "destinationEncryptionContext", "encryptionContext")
    ids = [parameters[name]["aws:ebs:id"] for name in names if name in parameters]
    return ["new" if id == made else id for id in ids]
