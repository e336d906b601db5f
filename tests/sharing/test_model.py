"""Two accounts write, snapshot, copy, share and delete as they please; a plain model says what each may read.

Every readable block reads what the model says, and nothing else is readable. The model knows nothing of keys, grants,
data keys or block maps: it is a dict of numbers for each snapshot and volume.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test

from app.blocks.ref import BlockRef
from app.kernel.cloud import Cloud
from tests.sharing.accounts import (
    SOURCE,
    SOURCE_ROOT,
    TARGET,
    TARGET_ROOT,
    Hand,
    Share,
    allow,
    block,
    empty_cloud,
    root,
)

SOAK = bool(os.environ.get("RESEAL_SOAK"))
EXAMPLES, STEPS = (300, 60) if SOAK else (30, 25)
ACCOUNTS = st.sampled_from((SOURCE, TARGET))
BLOCKS = st.dictionaries(st.sampled_from((0, 1, 1023, 2047)), st.integers(0, 3), max_size=3)  # index -> its content
KEYS_ASKED = st.sampled_from(("plain", "own", "managed", "other"))  # other: the customer key of the other account
GONE = "ResourceNotFoundException"


@dataclass(frozen=True)
class Kept:
    """What the model knows of a snapshot or volume."""

    owner: str
    blocks: dict[int, int]
    is_encrypted: bool
    is_managed: bool = False
    shared_with: frozenset[str] = field(default_factory=frozenset)

    def is_visible_to(self, account: str) -> bool:
        return account == self.owner or account in self.shared_with


@cache
def prepared() -> tuple[Cloud, dict[str, str]]:
    """A cloud with a key in each account, that the other account may use."""
    cloud = empty_cloud(seed="model")
    keys = {
        SOURCE: root(cloud, SOURCE).key(*allow(TARGET_ROOT, "kms:*")),
        TARGET: root(cloud, TARGET).key(*allow(SOURCE_ROOT, "kms:*")),
    }
    return cloud, keys


class Sharing(RuleBasedStateMachine):
    snapshots, volumes = Bundle("snapshots"), Bundle("volumes")

    @initialize()
    def begin(self) -> None:
        base, self.keys = prepared()
        self.cloud = base.fork(f"model-{id(self)}")
        self.kept: dict[str, Kept] = {}
        self.tokens: dict[str, dict[str, Any]] = {}  # of a block that somebody once could read, by snapshot

    def hand(self, account: str) -> Hand:
        return root(self.cloud, account)

    def key(self, account: str, under: str) -> dict[str, Any]:
        if under == "plain":
            return {}
        whose = {"own": account, "other": TARGET if account == SOURCE else SOURCE}
        return {"Encrypted": True} | ({"KmsKeyId": self.keys[whose[under]]} if under in whose else {})

    @rule(target=snapshots, account=ACCOUNTS, blocks=BLOCKS, under=KEYS_ASKED)
    def write(self, account: str, blocks: dict[int, int], under: str) -> str:
        asked = self.key(account, under)
        if "KmsKeyId" in asked:
            asked["KmsKeyArn"] = asked.pop("KmsKeyId")
        id = self.hand(account).write(blocks, **asked)
        self.kept[id] = Kept(account, dict(blocks), under != "plain", under == "managed")
        return id

    @rule(target=snapshots, parent=snapshots, account=ACCOUNTS, blocks=BLOCKS)
    def write_child(self, parent: str, account: str, blocks: dict[int, int]) -> Any:
        hand, of = self.hand(account), self.kept.get(parent)
        asked = {"VolumeSize": 1, "ParentSnapshotId": parent}
        if of is None or of.owner != account:
            assert hand.refused("ebs:StartSnapshot", **asked)[0] == GONE
            return multiple()
        id = hand.do("ebs:StartSnapshot", **asked)["SnapshotId"]
        for index, seed in blocks.items():
            hand.put(id, index, block(seed))
        hand.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=len(blocks))
        self.kept[id] = replace(of, blocks=of.blocks | blocks, shared_with=frozenset())
        return id

    @rule(target=snapshots, source=snapshots, account=ACCOUNTS, under=KEYS_ASKED)
    def copy(self, source: str, account: str, under: str) -> Any:
        """An encrypted source stays encrypted, under the managed key where none is named."""
        hand, of = self.hand(account), self.kept.get(source)
        id = hand.copy(source, **self.key(account, under))
        copy = hand.snapshot(id)
        if of is None or not of.is_visible_to(account):
            assert (copy["State"], copy["StateMessage"]) == ("error", "Source snapshot is not found")
            return multiple()
        assert copy["State"] == "completed", copy
        is_encrypted = of.is_encrypted or under != "plain"
        self.kept[id] = Kept(account, of.blocks, is_encrypted, is_encrypted and under in ("plain", "managed"))
        return id

    @rule(target=volumes, source=snapshots, account=ACCOUNTS, under=KEYS_ASKED)
    def make_volume(self, source: str, account: str, under: str) -> Any:
        hand, of = self.hand(account), self.kept.get(source)
        asked = {"AvailabilityZone": "us-east-1a", "SnapshotId": source, **self.key(account, under)}
        if of is None or not of.is_visible_to(account):
            assert hand.refused("ec2:CreateVolume", **asked)[0] == "InvalidSnapshot.NotFound"
            return multiple()
        id = hand.do("ec2:CreateVolume", **asked)["VolumeId"]
        volume = hand.volume(id)
        assert volume is not None
        assert volume["State"] == "available"
        managed = hand.do("kms:DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
        self.kept[id] = Kept(account, of.blocks, volume["Encrypted"], volume.get("KmsKeyId") == managed)
        return id

    @rule(target=snapshots, volume=volumes)
    def make_snapshot(self, volume: str) -> Any:
        of = self.kept.get(volume)
        if of is None:
            return multiple()
        id = self.hand(of.owner).make_snapshot(volume)
        self.kept[id] = of
        return id

    @rule(id=snapshots, account=ACCOUNTS, adds=st.booleans())
    def share(self, id: str, account: str, adds: bool) -> None:
        of = self.kept.get(id)
        if of is None:
            return
        reply = self.hand(of.owner).share(id, account, adds=adds)
        if of.is_managed and adds:
            assert reply.error is not None
            assert reply.error.code == "OperationNotPermitted"
            return
        assert reply.error is None
        with_it, without = of.shared_with | {account} - {of.owner}, of.shared_with - {account}
        self.kept[id] = replace(of, shared_with=with_it if adds else without)

    @rule(id=snapshots, account=ACCOUNTS)
    def delete_snapshot(self, id: str, account: str) -> None:
        of = self.kept.get(id)
        if of and of.owner == account:
            self.hand(account).do("ec2:DeleteSnapshot", SnapshotId=id)
            del self.kept[id]
        else:
            assert self.hand(account).refused("ec2:DeleteSnapshot", SnapshotId=id)[0] == "InvalidSnapshot.NotFound"

    @rule(id=volumes)
    def delete_volume(self, id: str) -> None:
        if id in self.kept:
            self.hand(self.kept.pop(id).owner).do("ec2:DeleteVolume", VolumeId=id)

    @rule()
    def go_on_in_a_fork(self) -> None:
        """What was written in the first is read in the second, and both write on under the same names."""
        self.cloud = self.cloud.fork(f"{self.cloud.world.name}+")

    @rule(id=snapshots, account=ACCOUNTS)
    def read(self, id: str, account: str) -> None:
        self.reads(id, account)

    def reads(self, id: str, account: str) -> None:
        of, hand = self.kept.get(id), self.hand(account)
        if of is None or not of.is_visible_to(account):
            self.reads_nothing(id, hand)
            return
        listed = hand.do("ebs:ListSnapshotBlocks", SnapshotId=id)["Blocks"]
        if listed:
            self.tokens[id] = {name: listed[0][name] for name in ("BlockIndex", "BlockToken")}
        assert hand.read(id) == {index: block(seed) for index, seed in of.blocks.items()}

    def reads_nothing(self, id: str, hand: Hand) -> None:
        """Neither a list, nor the snapshot itself, nor a block by a token from the time when it could be read."""
        assert hand.refused("ebs:ListSnapshotBlocks", SnapshotId=id)[0] == GONE
        assert hand.refused("ec2:DescribeSnapshots", SnapshotIds=[id])[0] == "InvalidSnapshot.NotFound"
        if id in self.tokens:
            assert hand.refused("ebs:GetSnapshotBlock", SnapshotId=id, **self.tokens[id])[0] == GONE

    def teardown(self) -> None:
        for id, of in list(getattr(self, "kept", {}).items()):
            if id.startswith("vol-"):
                snapshot = self.hand(of.owner).make_snapshot(id)
                assert self.hand(of.owner).read(snapshot) == {index: block(seed) for index, seed in of.blocks.items()}
            else:
                for account in (SOURCE, TARGET):
                    self.reads(id, account)


def test_every_readable_block_is_what_was_written_and_nothing_else_is_readable() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Sharing,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_forks_that_write_under_the_same_names_do_not_collide(share: Share) -> None:
    """Method: an open snapshot, forked twice; each side writes the same index with other bytes, and reads its own."""
    source = share.source
    id = source.do("ebs:StartSnapshot", VolumeSize=1, KmsKeyArn=share.things.source_key)["SnapshotId"]
    source.put(id, 0, block(0))
    sides = [root(share.cloud.fork(f"{share.cloud.world.name}-{n}"), SOURCE) for n in range(2)]
    for n, hand in enumerate(sides, 1):
        hand.put(id, 1, block(n))
        hand.put(id, 1, block(n + 2))
        hand.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=2)
    assert [hand.read(id) for hand in sides] == [{0: block(0), 1: block(3)}, {0: block(0), 1: block(4)}]
    source.put(id, 1, block(9))
    source.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=2)
    assert source.read(id) == {0: block(0), 1: block(9)}


# damage


@pytest.fixture
def hurt(share: Share, monkeypatch: pytest.MonkeyPatch) -> Share:
    """The block store answers block 7 with one bit flipped."""
    stored = share.cloud._store._blocks  # type: ignore[attr-defined]
    get = stored.get

    def flipped(ref: BlockRef) -> bytes:
        found = get(ref)
        return found[:1000] + bytes([found[1000] ^ 1]) + found[1001:] if ref.index == 7 else found

    monkeypatch.setattr(stored, "get", flipped, raising=False)
    return share


def test_a_flipped_bit_is_an_error_at_read_and_the_other_blocks_are_read(hurt: Share) -> None:
    target, id = hurt.target, hurt.things.snapshot
    asked = {each["BlockIndex"]: each for each in target.do("ebs:ListSnapshotBlocks", SnapshotId=id)["Blocks"]}
    assert target.do("ebs:GetSnapshotBlock", SnapshotId=id, **asked[0])["BlockData"] == block(0)
    reply = target.ask("ebs:GetSnapshotBlock", SnapshotId=id, **asked[7])
    assert reply.error is not None
    assert (reply.error.code, reply.error.status) == ("InternalServerException", 500)
    assert "block 7" in reply.error.message


def test_what_would_be_made_of_a_damaged_block_fails_and_is_not_made_of_wrong_data(hurt: Share) -> None:
    """Method: a copy and a volume that have to open it; a volume that only refers to it."""
    copy, volume = hurt.copy_to_target(), hurt.volume_in_target()
    assert (copy.outcome, volume.outcome) == ("error", "gone")
    assert "can not read block 7" in copy.settled().message
    same = hurt.source.make_volume(SnapshotId=hurt.things.snapshot)
    assert hurt.source.volume(same) is not None


def test_a_block_put_in_the_place_of_another_is_an_error(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are sealed well, under one data key. Method: the store answers block 0 where block 7 is asked for."""
    stored = share.cloud._store._blocks  # type: ignore[attr-defined]
    get = stored.get
    monkeypatch.setattr(
        stored,
        "get",
        lambda ref: (
            get(BlockRef(ref.format, ref.branch, ref.lineage, 0, ref.generation - 1)) if ref.index == 7 else get(ref)
        ),
    )
    asked = {"SnapshotId": share.things.snapshot}
    last = share.source.do("ebs:ListSnapshotBlocks", **asked)["Blocks"][-1]
    assert last["BlockIndex"] == 7
    assert share.source.refused("ebs:GetSnapshotBlock", **asked, **last)[0] == "InternalServerException"
