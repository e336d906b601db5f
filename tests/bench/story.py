"""The five-step share as calls: the same for a cloud in process and for any endpoint through boto3."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Answer = Mapping[str, Any]
Ask = Callable[[str, str, Mapping[str, Any]], Answer]  # ("source/operator", "ec2:CreateSnapshot", parameters)

REGION, ZONE = "us-east-1", "us-east-1a"
BLOCK_BYTES = 512 * 1024
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
GRANTS = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
OWN_KEY = ["kms:DescribeKey", "kms:CreateGrant", "kms:ReEncrypt*", "kms:GenerateDataKeyWithoutPlaintext"]
FOR_AWS = {"Bool": {"kms:GrantIsForAWSResource": "true"}}


@dataclass(frozen=True, slots=True)
class Accounts:
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Share:
    """What is there before the first step."""

    accounts: Accounts
    source_key: str  # ARN
    target_key: str
    volume: str


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def key_policy(owner: str, shared_with: str = "") -> str:
    """The owner's account, and whom the key is shared with, as AWS's documentation has it."""
    to = {"AWS": f"arn:aws:iam::{shared_with}:root"}
    shared = [allow(USE, Principal=to), allow(GRANTS, Principal=to, Condition=FOR_AWS)] if shared_with else []
    return document(allow(["kms:*"], Principal={"AWS": f"arn:aws:iam::{owner}:root"}), *shared)


def identities(accounts: Accounts) -> dict[str, str]:
    """The identity policy of each user."""
    keys = "arn:aws:kms:*:{}:key/*"
    return {
        "source/operator": document(
            allow(["ec2:CreateSnapshot", "ec2:ModifySnapshotAttribute"]),
            allow(["kms:PutKeyPolicy"], keys.format(accounts.source)),
            allow(["kms:DescribeKey"]),
        ),
        "target/importer": document(
            allow(["ec2:CopySnapshot", "ec2:CreateVolume"]),
            allow(OWN_KEY, keys.format(accounts.target)),
            allow(["kms:CreateGrant"], keys.format(accounts.source), Condition=FOR_AWS),
        ),
    }


def sign_up(ask: Ask, accounts: Accounts) -> dict[str, tuple[str, str]]:
    """Make the users and their access keys; answers (id, secret) by user."""
    keys = {}
    for user, policy in identities(accounts).items():
        account, name = user.split("/")
        root = f"{account}/root"
        ask(root, "iam:CreateUser", {"UserName": name})
        ask(root, "iam:PutUserPolicy", {"UserName": name, "PolicyName": "work", "PolicyDocument": policy})
        key = ask(root, "iam:CreateAccessKey", {"UserName": name})["AccessKey"]
        keys[user] = (key["AccessKeyId"], key["SecretAccessKey"])
    return keys


def prepare(ask: Ask, accounts: Accounts, blocks: int = 0) -> Share:
    """Two keys and an encrypted volume of 1 GiB, with so many blocks of 512 KiB written."""
    source_key = _key(ask, "source/root", key_policy(accounts.source))
    target_key = _key(ask, "target/root", key_policy(accounts.target))
    begun = {"AvailabilityZone": ZONE, "Size": 1, "Encrypted": True, "KmsKeyId": source_key}
    if blocks:
        begun = {"AvailabilityZone": ZONE, "SnapshotId": _filled(ask, source_key, blocks)}
    return Share(accounts, source_key, target_key, ask("source/root", "ec2:CreateVolume", begun)["VolumeId"])


def _key(ask: Ask, root: str, policy: str) -> str:
    return ask(root, "kms:CreateKey", {"Policy": policy})["KeyMetadata"]["Arn"]


def _filled(ask: Ask, key: str, blocks: int) -> str:
    """A snapshot with data, written through the EBS direct APIs."""
    begun = ask("source/root", "ebs:StartSnapshot", {"VolumeSize": 1, "Encrypted": True, "KmsKeyArn": key})
    for index in range(blocks):
        data = hashlib.sha256(str(index).encode()).digest() * (BLOCK_BYTES // 32)
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        ask("source/root", "ebs:PutSnapshotBlock", {
            "SnapshotId": begun["SnapshotId"], "BlockIndex": index, "BlockData": data, "DataLength": BLOCK_BYTES,
            "Checksum": checksum, "ChecksumAlgorithm": "SHA256",
        })  # fmt: skip
    ask("source/root", "ebs:CompleteSnapshot", {"SnapshotId": begun["SnapshotId"], "ChangedBlocksCount": blocks})
    return begun["SnapshotId"]


def five_steps(ask: Ask, share: Share) -> Iterator[tuple[str, float]]:
    """Each step and its seconds; nothing is waited for, the next step finds what the last one left."""
    accounts, found = share.accounts, {}

    def timed(who: str, operation: str, **parameters: Any) -> tuple[str, float]:
        begun = time.perf_counter()
        found[operation] = ask(who, operation, parameters)
        return operation, time.perf_counter() - begun

    yield timed("source/operator", "ec2:CreateSnapshot", VolumeId=share.volume)
    policy = key_policy(accounts.source, accounts.target)
    yield timed("source/operator", "kms:PutKeyPolicy", KeyId=share.source_key, PolicyName="default", Policy=policy)
    snapshot = found["ec2:CreateSnapshot"]["SnapshotId"]
    yield timed(
        "source/operator", "ec2:ModifySnapshotAttribute", SnapshotId=snapshot, Attribute="createVolumePermission",
        OperationType="add", UserIds=[accounts.target],
    )  # fmt: skip
    yield timed(
        "target/importer", "ec2:CopySnapshot", SourceSnapshotId=snapshot, SourceRegion=REGION, Encrypted=True,
        KmsKeyId=share.target_key,
    )  # fmt: skip
    copy = found["ec2:CopySnapshot"]["SnapshotId"]
    yield timed("target/importer", "ec2:CreateVolume", SnapshotId=copy, AvailabilityZone=ZONE)


def share_seconds(ask: Ask, share: Share) -> float:
    """The five calls, without what stands between them."""
    return sum(seconds for _, seconds in five_steps(ask, share))
