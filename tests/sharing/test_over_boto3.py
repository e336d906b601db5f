"""The share by boto3 against a served endpoint: five steps, waiters, pages, request ids, errors."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.sharing.accounts import EVERY_USE, REGION, allow, block, document

Clients = Callable[..., Any]
FAST = {"Delay": 0.01, "MaxAttempts": 20}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_accounts = itertools.count(500_000_000_001)


@dataclass(frozen=True)
class Person:
    """A user with keys that IAM issued, and the clients that use them."""

    make: Clients
    account: str
    name: str
    key: str
    secret: str

    def __call__(self, service: str, region: str = REGION) -> Any:
        return self.make(service, self.key, self.secret, region=region)


def user(make: Clients, account: str, name: str, *actions: str) -> Person:
    """Made by the account's root, as one would; waits until it is there."""
    iam = make("iam", account)
    iam.create_user(UserName=name)
    iam.get_waiter("user_exists").wait(UserName=name, WaiterConfig=FAST)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(allow(*actions)))
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return Person(make, account, name, keys["AccessKeyId"], keys["SecretAccessKey"])


@pytest.fixture
def two(client: Clients) -> tuple[Person, Person]:
    """A user in each of two fresh accounts."""
    source, target = (str(next(_accounts)) for _ in range(2))
    everything = ("ec2:*", "ebs:*", "kms:*", "cloudtrail:*", "sts:*")
    return user(client, source, "owner", *everything), user(client, target, "restorer", *everything)


def key(person: Person, *share: Any) -> str:
    policy = document((*allow(f"arn:aws:iam::{person.account}:root", "kms:*"), *share))
    return person("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]


def written(person: Person, blocks: dict[int, int], **parameters: Any) -> str:
    ebs = person("ebs")
    id = ebs.start_snapshot(VolumeSize=1, **parameters)["SnapshotId"]
    for index, seed in blocks.items():
        data = block(seed)
        sums = {"Checksum": base64.b64encode(hashlib.sha256(data).digest()).decode(), "ChecksumAlgorithm": "SHA256"}
        ebs.put_snapshot_block(SnapshotId=id, BlockIndex=index, BlockData=data, DataLength=len(data), **sums)
    ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=len(blocks))
    person("ec2").get_waiter("snapshot_completed").wait(SnapshotIds=[id], WaiterConfig=FAST)
    return id


def read(person: Person, id: str) -> dict[int, bytes]:
    ebs, found = person("ebs"), {}
    for each in ebs.list_snapshot_blocks(SnapshotId=id)["Blocks"]:
        answer = ebs.get_snapshot_block(SnapshotId=id, BlockIndex=each["BlockIndex"], BlockToken=each["BlockToken"])
        found[each["BlockIndex"]] = answer["BlockData"].read()
    return found


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


def test_the_five_steps_end_with_the_target_reading_what_the_source_wrote(two: tuple[Person, Person]) -> None:
    """Snapshot, key policy, share, copy, volume; nothing of the source is needed afterwards."""
    source, target = two
    source_key, target_key = key(source), key(target)
    ec2, there = source("ec2"), target("ec2")
    data = written(source, {0: 0, 9: 1}, Encrypted=True, KmsKeyArn=source_key)
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", SnapshotId=data)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=FAST)

    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig=FAST)
    root = f"arn:aws:iam::{target.account}:root"
    both = (*allow(f"arn:aws:iam::{source.account}:root", "kms:*"), *allow(root, *EVERY_USE))
    source("kms").put_key_policy(KeyId=source_key, PolicyName="default", Policy=document(both))
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=[target.account]
    )
    copied = there.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=snapshot, Encrypted=True, KmsKeyId=target_key)
    there.get_waiter("snapshot_completed").wait(SnapshotIds=[copied["SnapshotId"]], WaiterConfig=FAST)
    restored = there.create_volume(AvailabilityZone=f"{REGION}b", SnapshotId=copied["SnapshotId"])["VolumeId"]
    there.get_waiter("volume_available").wait(VolumeIds=[restored], WaiterConfig=FAST)

    ec2.delete_snapshot(SnapshotId=snapshot)
    source("kms").disable_key(KeyId=source_key)
    again = there.create_snapshot(VolumeId=restored)["SnapshotId"]
    there.get_waiter("snapshot_completed").wait(SnapshotIds=[again], WaiterConfig=FAST)
    assert read(target, again) == {0: block(0), 9: block(1)}
    assert there.describe_volumes(VolumeIds=[restored])["Volumes"][0]["KmsKeyId"] == target_key


def test_a_copy_whose_key_is_refused_fails_its_waiter_and_says_so_in_its_state_message(
    two: tuple[Person, Person],
) -> None:
    """Method: the source's key policy says nothing of the target; then it does."""
    source, target = two
    source_key, target_key = key(source), key(target)
    snapshot = written(source, {0: 0}, KmsKeyArn=source_key)
    change = {"Add": [{"UserId": target.account}]}
    source("ec2").modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission=change)
    there, asked = target("ec2"), {"SourceRegion": REGION, "SourceSnapshotId": snapshot, "Encrypted": True}
    copy = there.copy_snapshot(**asked, KmsKeyId=target_key)["SnapshotId"]
    with pytest.raises(WaiterError):
        there.get_waiter("snapshot_completed").wait(SnapshotIds=[copy], WaiterConfig=FAST)
    shown = there.describe_snapshots(SnapshotIds=[copy])["Snapshots"][0]
    assert (shown["State"], shown["StateMessage"]) == ("error", "Given key ID is not accessible")
    both = (
        *allow(f"arn:aws:iam::{source.account}:root", "kms:*"),
        *allow(f"arn:aws:iam::{target.account}:root", "kms:CreateGrant"),
    )
    source("kms").put_key_policy(KeyId=source_key, Policy=document(both))
    repaired = there.copy_snapshot(**asked, KmsKeyId=target_key)["SnapshotId"]
    there.get_waiter("snapshot_completed").wait(SnapshotIds=[repaired], WaiterConfig=FAST)


def test_a_volume_that_can_not_have_its_key_is_deleted_as_waiters_see_it(two: tuple[Person, Person]) -> None:
    ec2 = two[0]("ec2")
    unknown = f"arn:aws:kms:{REGION}:{two[0].account}:key/00000000-0000-4000-8000-000000000000"
    answer = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, Encrypted=True, KmsKeyId=unknown)
    assert (answer["State"], answer["KmsKeyId"]) == ("creating", unknown)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[answer["VolumeId"]], WaiterConfig=FAST)
    good = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, Encrypted=True)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[good], WaiterConfig=FAST)
    ec2.delete_volume(VolumeId=good)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[good], WaiterConfig=FAST)


def test_a_role_is_waited_for_and_its_session_works_under_its_own_name(
    client: Clients, two: tuple[Person, Person]
) -> None:
    target = two[1]
    iam = client("iam", target.account)
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{target.account}:root"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="importer", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    iam.get_waiter("role_exists").wait(RoleName="importer", WaiterConfig=FAST)
    iam.put_role_policy(RoleName="importer", PolicyName="p", PolicyDocument=document(allow("ec2:Describe*")))
    keys = target("sts").assume_role(RoleArn=role, RoleSessionName="night")["Credentials"]
    ec2 = client("ec2", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    code, message = refused(ec2.create_volume, AvailabilityZone=f"{REGION}a", Size=1)
    session = f"arn:aws:sts::{target.account}:assumed-role/importer/night"
    start = (
        f"You are not authorized to perform this operation. User: {session} is not authorized to perform: "
        f"ec2:CreateVolume on resource: arn:aws:ec2:{REGION}:{target.account}:volume/* because no identity-based "
        "policy allows the ec2:CreateVolume action. Encoded authorization failure message: "
    )
    assert (code, message.startswith(start)) == ("UnauthorizedOperation", True)


def test_paginators_see_everything_once(two: tuple[Person, Person]) -> None:
    """Method: 12 snapshots and volumes in pages of 5, and 101 blocks in pages of 100."""
    source = two[0]
    ec2 = source("ec2")
    volumes = {ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"] for _ in range(12)}
    snapshots = {ec2.create_snapshot(VolumeId=each)["SnapshotId"] for each in volumes}

    def seen(operation: str, list: str, id: str, **asked: Any) -> list[str]:
        pages = ec2.get_paginator(operation).paginate(PaginationConfig={"PageSize": 5}, **asked)
        return [each[id] for page in pages for each in page[list]]

    found = seen("describe_snapshots", "Snapshots", "SnapshotId", OwnerIds=["self"])
    assert (set(found), len(found)) == (snapshots, 12)
    found = seen("describe_volumes", "Volumes", "VolumeId")
    assert (set(found), len(found)) == (volumes, 12)
    many, ebs = written(source, dict.fromkeys(range(101), 0)), source("ebs")
    first = ebs.list_snapshot_blocks(SnapshotId=many, MaxResults=100)
    rest = ebs.list_snapshot_blocks(SnapshotId=many, MaxResults=100, NextToken=first["NextToken"])
    assert [each["BlockIndex"] for each in (*first["Blocks"], *rest["Blocks"])] == list(range(101))
    assert "NextToken" not in rest


@pytest.mark.row("1.10/wire")
def test_every_answer_and_every_error_has_a_request_id_and_its_http_status(two: tuple[Person, Person]) -> None:
    """A UUID, the same as in the trail. Method: one call of each protocol, and its error."""
    source = two[0]
    ec2, kms, ebs, sts = (source(service) for service in ("ec2", "kms", "ebs", "sts"))
    answers = [ec2.describe_regions(), kms.list_keys(), sts.get_caller_identity(), ebs.start_snapshot(VolumeSize=1)]
    assert [answer["ResponseMetadata"]["HTTPStatusCode"] for answer in answers] == [200, 200, 200, 201]
    assert all(UUID.match(answer["ResponseMetadata"]["RequestId"]) for answer in answers)
    events = source("cloudtrail").lookup_events()["Events"]
    told = {json.loads(event["CloudTrailEvent"])["requestID"] for event in events}
    assert {answer["ResponseMetadata"]["RequestId"] for answer in answers} <= told
    statuses = []
    for call, asked in (
        (ec2.describe_snapshots, {"SnapshotIds": ["snap-0abcdef0123456789"]}),
        (ec2.copy_snapshot, {"SourceRegion": REGION, "SourceSnapshotId": "snap-0abcdef0123456789", "DryRun": True}),
        (kms.describe_key, {"KeyId": "00000000-0000-4000-8000-000000000000"}),
        (ebs.list_snapshot_blocks, {"SnapshotId": "snap-0abcdef0123456789"}),
    ):
        with pytest.raises(ClientError) as raised:
            call(**asked)
        metadata = raised.value.response["ResponseMetadata"]
        assert UUID.match(metadata["RequestId"])
        statuses.append((raised.value.response["Error"]["Code"], metadata["HTTPStatusCode"]))
    assert statuses == [
        ("InvalidSnapshot.NotFound", 400),
        ("DryRunOperation", 412),
        ("NotFoundException", 400),
        ("ResourceNotFoundException", 404),
    ]


def test_what_aws_answers_with_is_what_clients_parse(two: tuple[Person, Person]) -> None:
    """Times are times, numbers numbers, empty lists there. Method: the members of CreateSnapshot and CreateVolume."""
    ec2 = two[0]("ec2")
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, Encrypted=True, VolumeType="gp3")
    assert (volume["Size"], volume["Iops"], volume["Throughput"], volume["Tags"]) == (1, 3000, 125, [])
    assert (volume["CreateTime"].microsecond, volume["CreateTime"].utcoffset().total_seconds()) == (0, 0)
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "\u00fc & <b>"}]}]
    snapshot = ec2.create_snapshot(VolumeId=volume["VolumeId"], Description="d", TagSpecifications=tags)
    assert (snapshot["State"], snapshot["Progress"], snapshot["VolumeSize"]) == ("pending", "", 1)
    assert (snapshot["OwnerId"], snapshot["Description"]) == (two[0].account, "d")
    assert snapshot["Tags"] == tags[0]["Tags"]
    shown = ec2.describe_snapshots(SnapshotIds=[snapshot["SnapshotId"]])["Snapshots"][0]
    assert shown["FullSnapshotSizeInBytes"] == 0
