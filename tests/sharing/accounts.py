"""Two accounts, a source and a target, and shares between them that are made from what each side allows.

A `Share` is a value: what the two key policies and the target's IAM policy say, and whether the snapshot is shared.
`with_` answers another one, so a test that fails by one missing permission can be repaired in one line. Nothing is made
before a step is taken: then a fork of the prepared world is given these policies, and the step is taken in it.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.log import CallEntry, EventEntry
from app.kernel.store import MemoryStore
from app.policy.causes import Cause
from app.services import all_services

SOURCE, TARGET, THIRD = "111111111111", "222222222222", "333333333333"
SOURCE_ROOT, TARGET_ROOT = (f"arn:aws:iam::{account}:root" for account in (SOURCE, TARGET))
REGION, ZONE = "us-east-1", "us-east-1a"
BLOCK_SIZE_BYTES = 524_288

EVERY_USE = (
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
)
KEY_USE = EVERY_USE
NOTHING: tuple[Statement, ...] = ()

Statement = Mapping[str, Any]
_names = (f"fork-{n}" for n in itertools.count())


def allow(*words: str, **more: Any) -> tuple[Statement, ...]:
    """One statement: words that are ARNs are its principals, the others its actions."""
    return (_statement("Allow", words, more),)


def deny(*words: str, **more: Any) -> tuple[Statement, ...]:
    return (_statement("Deny", words, more),)


def _statement(effect: str, words: tuple[str, ...], more: Mapping[str, Any]) -> Statement:
    principals = [word for word in words if word.startswith("arn:") or word == "*"]
    who = {"Principal": {"AWS": principals}} if principals else {}
    return {"Effect": effect, **who, "Action": [word for word in words if word not in principals], **more}


def document(statements: tuple[Statement, ...], resource: str = "*") -> str:
    found = [{"Resource": resource, **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": found})


def block(seed: int) -> bytes:
    """A block of 512 KiB that belongs to this number."""
    return hashlib.sha256(f"block {seed}".encode()).digest() * (BLOCK_SIZE_BYTES // 32)


def checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@dataclass(frozen=True)
class Hand:
    """Somebody at a cloud."""

    cloud: Cloud
    caller: Caller
    region: str = REGION

    def ask(self, operation: str, **parameters: Any) -> Reply:
        return self.cloud.call(Request(operation, parameters, self.caller, self.region))

    def do(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        reply = self.ask(operation, **parameters)
        assert reply.error is None, (operation, reply.error.code, reply.error.message)
        assert reply.answer is not None
        return reply.answer

    def refused(self, operation: str, **parameters: Any) -> tuple[str, str]:
        reply = self.ask(operation, **parameters)
        assert reply.error is not None, (operation, reply.answer)
        return reply.error.code, reply.error.message

    # what takes several calls

    def snapshot(self, id: str) -> Mapping[str, Any]:
        return self.do("ec2:DescribeSnapshots", SnapshotIds=[id])["Snapshots"][0]

    def volume(self, id: str) -> Mapping[str, Any] | None:
        """The volume as it is now; None where it is gone."""
        found = self.ask("ec2:DescribeVolumes", VolumeIds=[id])
        if found.error:
            assert found.error.code == "InvalidVolume.NotFound"
        return found.answer["Volumes"][0] if found.answer else None

    def make_volume(self, **parameters: Any) -> str:
        return self.do("ec2:CreateVolume", AvailabilityZone=f"{self.region}a", **parameters)["VolumeId"]

    def make_snapshot(self, volume_id: str, **parameters: Any) -> str:
        return self.do("ec2:CreateSnapshot", VolumeId=volume_id, **parameters)["SnapshotId"]

    def copy(self, snapshot_id: str, **parameters: Any) -> str:
        return self.do("ec2:CopySnapshot", SourceRegion=self.region, SourceSnapshotId=snapshot_id, **parameters)[
            "SnapshotId"
        ]

    def share(self, snapshot_id: str, *accounts: str, group: str = "", adds: bool = True) -> Reply:
        items = [{"UserId": account} for account in accounts] + ([{"Group": group}] if group else [])
        change = {"Add" if adds else "Remove": items}
        return self.ask("ec2:ModifySnapshotAttribute", SnapshotId=snapshot_id, CreateVolumePermission=change)

    def write(self, blocks: Mapping[int, int], *, size_gib: int = 1, **parameters: Any) -> str:
        """A complete snapshot by the EBS direct APIs: index -> the number of its block."""
        id = self.do("ebs:StartSnapshot", VolumeSize=size_gib, **parameters)["SnapshotId"]
        for index, seed in blocks.items():
            self.put(id, index, block(seed))
        self.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=len(blocks))
        return id

    def put(self, id: str, index: int, data: bytes) -> None:
        self.do("ebs:PutSnapshotBlock", **put_block(id, index, data))

    def read(self, snapshot_id: str) -> dict[int, bytes]:
        """Every block that is there, decrypted."""
        listed = self.do("ebs:ListSnapshotBlocks", SnapshotId=snapshot_id)["Blocks"]
        asked = ({"BlockIndex": each["BlockIndex"], "BlockToken": each["BlockToken"]} for each in listed)
        return {
            each["BlockIndex"]: self.do("ebs:GetSnapshotBlock", SnapshotId=snapshot_id, **each)["BlockData"]
            for each in asked
        }

    # people and keys

    def user(self, name: str, *statements: Statement) -> Hand:
        made = self.do("iam:CreateUser", UserName=name)["User"]
        if statements:
            self.let(name, *statements)
        return replace(self, caller=Caller("user", self.caller.account, made["Arn"], made["UserId"]))

    def let(self, name: str, *statements: Statement) -> None:
        """The user's one inline policy."""
        self.do("iam:PutUserPolicy", UserName=name, PolicyName="inline", PolicyDocument=document(statements))

    def key(self, *share: Statement) -> str:
        """The ARN of a new key, whose policy lets its account do everything, and says `share`."""
        policy = document((*allow(self.root, "kms:*"), *share))
        return self.do("kms:CreateKey", Policy=policy)["KeyMetadata"]["Arn"]

    @property
    def root(self) -> str:
        return f"arn:aws:iam::{self.caller.account}:root"

    # what is left behind

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """CloudTrail records of the account, newest first."""
        found = self.cloud.world.log.events(self.caller.account, self.region)
        return [json.loads(event.body) for event in found if name in ("", event.name)]

    def kms_calls(self, id: str) -> list[dict[str, Any]]:
        """KMS events that a request or resource caused, in any account, in the order in which they happened."""
        return [json.loads(entry.body) for entry in self.cloud.world.log.about(id) if _is_kms(entry)]


def _is_kms(entry: Any) -> bool:
    return isinstance(entry, EventEntry) and entry.source == "kms.amazonaws.com"


def put_block(id: str, index: int, data: bytes) -> dict[str, Any]:
    return {
        "SnapshotId": id,
        "BlockIndex": index,
        "BlockData": data,
        "DataLength": len(data),
        "Checksum": checksum(data),
        "ChecksumAlgorithm": "SHA256",
    }


def empty_cloud(seed: str = "7", **clock: Any) -> Cloud:
    return Cloud.create(all_services(), MemoryStore(), new_world(next(_names), seed=seed, clock=Clock(**clock)))


def root(cloud: Cloud, account: str) -> Hand:
    return Hand(cloud, root_of(account))


@dataclass(frozen=True)
class Settled:
    """What a copy or a volume came to."""

    state: str  # completed, error; available, gone
    message: str
    shown: Mapping[str, Any]
    cause: Cause | None


@dataclass(frozen=True)
class Step:
    """A step that was taken: its reply at once, and what it settles as."""

    hand: Hand
    reply: Reply
    id_name: str

    @property
    def error(self) -> tuple[str, str] | None:
        return (self.reply.error.code, self.reply.error.message) if self.reply.error else None

    @property
    def id(self) -> str:
        assert self.reply.answer is not None, self.error
        return self.reply.answer[self.id_name]

    def settled(self) -> Settled:
        if self.id_name == "SnapshotId":
            shown = self.hand.snapshot(self.id)
            return Settled(shown["State"], shown.get("StateMessage", ""), shown, self.cause)
        volume = self.hand.volume(self.id)
        return Settled(volume["State"] if volume else "gone", "", volume or {}, self.cause)

    @property
    def cause(self) -> Cause | None:
        """Why it failed, at once or later."""
        about = self.hand.cloud.world.log.about(self.reply.request_id)
        causes = [entry.cause for entry in about if isinstance(entry, CallEntry) and entry.cause]
        return Cause[causes[-1]] if causes else None

    def kms_calls(self) -> list[dict[str, Any]]:
        return self.hand.kms_calls(self.reply.request_id)

    @property
    def outcome(self) -> str:
        """One word for tables: AuthFailure, error, completed, available, gone."""
        return self.reply.error.code if self.reply.error else self.settled().state


@dataclass(frozen=True)
class Things:
    """What is there before anything is shared."""

    source_key: str
    target_key: str
    own_key: str
    volume: str
    snapshot: str  # of the source, under its key
    own_snapshot: str  # of the target, under own_key


@dataclass(frozen=True)
class Share:
    """What both sides allow. Everything is allowed unless said otherwise, so that one thing can be taken away."""

    base: Cloud
    things: Things
    source_key_policy: tuple[Statement, ...] = allow(TARGET_ROOT, *EVERY_USE)
    target_key_policy: tuple[Statement, ...] = allow(TARGET_ROOT, "kms:*")
    own_key_policy: tuple[Statement, ...] = allow(TARGET_ROOT, "kms:*")
    target_iam_on_source_key: tuple[Statement, ...] = allow(*EVERY_USE)
    target_iam_on_target_key: tuple[Statement, ...] = allow(*EVERY_USE)
    target_iam_on_own_key: tuple[Statement, ...] = allow(*EVERY_USE)
    target_iam: tuple[Statement, ...] = allow("ec2:*", "ebs:*")
    is_shared: bool = True

    def with_(self, **changes: Any) -> Share:
        return replace(self, **changes)

    @cached_property
    def cloud(self) -> Cloud:
        """A fork in which these policies are in force."""
        cloud = self.base.fork(next(_names))
        source, target, things = root(cloud, SOURCE), root(cloud, TARGET), self.things
        _put_policy(source, things.source_key, (*allow(SOURCE_ROOT, "kms:*"), *self.source_key_policy))
        keep = allow(TARGET_ROOT, "kms:PutKeyPolicy", "kms:DisableKey", "kms:EnableKey")
        _put_policy(target, things.target_key, (*keep, *self.target_key_policy))
        _put_policy(target, things.own_key, (*keep, *self.own_key_policy))
        target.let("restorer", *self._identity())
        if self.is_shared:
            assert source.share(things.snapshot, TARGET).error is None
        return cloud

    def _identity(self) -> Iterator[Statement]:
        on_keys = (
            (self.things.source_key, self.target_iam_on_source_key),
            (self.things.target_key, self.target_iam_on_target_key),
            (self.things.own_key, self.target_iam_on_own_key),
            ("*", self.target_iam),
        )
        for resource, statements in on_keys:
            yield from ({"Resource": resource, **statement} for statement in statements)

    @cached_property
    def source(self) -> Hand:
        return root(self.cloud, SOURCE)

    @cached_property
    def target(self) -> Hand:
        """The target's user `restorer`: a root would never be refused by its own account."""
        arn = f"arn:aws:iam::{TARGET}:user/restorer"
        found = root(self.cloud, TARGET).do("iam:GetUser", UserName="restorer")["User"]
        return Hand(self.cloud, Caller("user", TARGET, arn, found["UserId"]))

    def target_now_has(self, *statements: Statement) -> None:
        """Add statements to the target's policy, from now on."""
        root(self.cloud, TARGET).let("restorer", *self._identity(), *statements)

    # steps

    def copy_to_target(self, **parameters: Any) -> Step:
        asked = {"SourceRegion": REGION, "SourceSnapshotId": self.things.snapshot, "Encrypted": True}
        asked |= {"KmsKeyId": self.things.target_key} | parameters
        return Step(self.target, self.target.ask("ec2:CopySnapshot", **_given(asked)), "SnapshotId")

    def volume_in_target(self, **parameters: Any) -> Step:
        asked = {"AvailabilityZone": ZONE, "SnapshotId": self.things.snapshot, "Encrypted": True}
        asked |= {"KmsKeyId": self.things.target_key} | parameters
        return Step(self.target, self.target.ask("ec2:CreateVolume", **_given(asked)), "VolumeId")


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _put_policy(hand: Hand, key: str, statements: tuple[Statement, ...]) -> None:
    hand.do("kms:PutKeyPolicy", KeyId=key, Policy=document(statements), BypassPolicyLockoutSafetyCheck=True)


@dataclass(frozen=True)
class TwoAccounts:
    """A prepared world; every share works in a fork of it."""

    cloud: Cloud
    things: Things

    @classmethod
    def prepared(cls, **clock: Any) -> TwoAccounts:
        cloud = empty_cloud(**clock)
        source, target = root(cloud, SOURCE), root(cloud, TARGET)
        target.user("restorer")
        source_key, target_key, own_key = source.key(), target.key(), target.key()
        written = source.write({0: 0, 7: 1}, Encrypted=True, KmsKeyArn=source_key)
        cloud.advance(60_000)
        volume = source.make_volume(SnapshotId=written)
        cloud.advance(60_000)
        snapshot = source.make_snapshot(volume)
        own = target.write({0: 2}, Encrypted=True, KmsKeyArn=own_key)
        cloud.advance(60_000)
        return cls(cloud, Things(source_key, target_key, own_key, volume, snapshot, own))

    def share(self, **allowed: Any) -> Share:
        return Share(self.cloud, self.things, **allowed)
