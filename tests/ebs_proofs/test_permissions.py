"""Each KMS action taken away alone, for attach, launch and the EBS direct APIs (ebs.md 1.7, 1.9 and 6).

tests/sharing/test_permissions.py does the same for CopySnapshot and CreateVolume. What AWS was measured to need is a
table here too: exactly these actions on exactly these keys break an operation, in the way that AWS shows it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.ebs_compute.machines import launch, open_to, register, run, state, under
from tests.sharing.accounts import EVERY_USE, TARGET, TARGET_ROOT, Hand, Share, TwoAccounts, allow, root
from tests.sharing.test_permissions import REMOVED_BY, without

KEYS = ("source", "target", "own")
OK, WRITING, READING = "ok", "400 INVALID_DEPENDENCY_REQUEST", "404 DEPENDENCY_RESOURCE_NOT_FOUND"
REVOKED, ENDED = "CustomerKeyHasBeenRevoked", "terminated"

Breaks = Mapping[tuple[str, str], str]  # (key, action) -> what its lack shows as


def breaks(shown_as: str, **actions: str) -> Breaks:
    return {(key, f"kms:{action}"): shown_as for key, words in actions.items() for action in words.split()}


@dataclass(frozen=True)
class Stage:
    """What the target has before anything is taken away."""

    accounts: TwoAccounts
    instance: str  # runs, and has nothing to do with keys
    volumes: Mapping[str, str]  # by the key that they are under
    images: Mapping[str, str]  # by what their root is encrypted under: none, own, and the source's, which is shared
    tokens: Mapping[str, str]  # of block 0, by snapshot

    @classmethod
    def made_of(cls, accounts: TwoAccounts) -> Stage:
        share = accounts.share()
        target, things = root(share.cloud, TARGET), share.things
        plain = register(target, target.write({0: 0}), "plain")
        shared = register(share.source, things.snapshot, "shared")
        open_to(share.source, shared, TARGET)
        keys = {"source": things.source_key, "target": things.target_key}
        volumes = {
            name: target.make_volume(SnapshotId=things.snapshot, Encrypted=True, KmsKeyId=key)
            for name, key in keys.items()
        }
        own = register(target, things.own_snapshot, "own")
        tokens = {id: _token(target, id) for id in (things.snapshot, things.own_snapshot)}
        instance = launch(target, plain)
        images = {"none": plain, "own": own, "source": shared}
        return cls(TwoAccounts(share.cloud, things), instance, volumes, images, tokens)


def _token(hand: Hand, id: str) -> str:
    return hand.do("ebs:ListSnapshotBlocks", SnapshotId=id)["Blocks"][0]["BlockToken"]


@pytest.fixture(scope="module")
def stage(accounts: TwoAccounts) -> Stage:
    return Stage.made_of(accounts)


# the ways to use a key, each as a function to a word


Take = Callable[[Stage, Share], str]


def attaching(key: str) -> Take:
    def take(stage: Stage, share: Share) -> str:
        asked = {"VolumeId": stage.volumes[key], "InstanceId": stage.instance, "Device": f"/dev/sd{key[0]}"}
        error = share.target.ask("ec2:AttachVolume", **asked).error
        return error.code if error else OK

    return take


def launching(image: str, key: str) -> Take:
    """From an image whose root is encrypted so, under that key ("": as it comes)."""

    def take(stage: Stage, share: Share) -> str:
        arn = getattr(share.things, f"{key}_key") if key else ""
        mappings = {"BlockDeviceMappings": under(arn)} if arn else {}
        reply = share.target.ask("ec2:RunInstances", **run(stage.images[image], **mappings))
        assert reply.answer is not None, reply.error
        first = reply.answer["Instances"][0]
        assert first["State"]["Name"] == "pending"
        found = state(share.target, first["InstanceId"])
        return OK if found == "running" else found

    return take


def directly(operation: str, asked: Callable[[Stage, Share], dict[str, Any]]) -> Take:
    def take(stage: Stage, share: Share) -> str:
        error = share.target.ask(f"ebs:{operation}", **asked(stage, share)).error
        return f"{error.status} {dict(error.members)['Reason']}" if error else OK

    return take


def starting(**asked: str) -> Take:
    """StartSnapshot; values name fields of what is there."""
    return directly(
        "StartSnapshot",
        lambda stage, share: {"VolumeSize": 1} | {name: getattr(share.things, field) for name, field in asked.items()},
    )


def listing(snapshot: str) -> Take:
    return directly("ListSnapshotBlocks", lambda stage, share: {"SnapshotId": getattr(share.things, snapshot)})


def reading(snapshot: str) -> Take:
    def asked(stage: Stage, share: Share) -> dict[str, Any]:
        id = getattr(share.things, snapshot)
        return {"SnapshotId": id, "BlockIndex": 0, "BlockToken": stage.tokens[id]}

    return directly("GetSnapshotBlock", asked)


@dataclass(frozen=True)
class Use:
    """`held` is the key that the instance opens the volume with, under a grant: of all that can be taken away only a
    deny for the whole account in that key's policy reaches it (ebs.md 1.0)."""

    name: str
    take: Take
    breaks: Breaks
    held: str = ""

    def touches(self, key: str) -> bool:
        return key == self.held or any(key == of for of, _ in self.breaks)

    def expected(self, key: str, action: str, how: str) -> str:
        if (key, action, how) == (self.held, "kms:Decrypt", "key policy denies"):
            return REVOKED if self.name.startswith("attach") else ENDED
        return self.breaks.get((key, action), OK)


NEW = "GenerateDataKeyWithoutPlaintext CreateGrant"
RE = "ReEncryptFrom ReEncryptTo"
USES = (
    Use("attach under the target's key", attaching("target"), breaks(REVOKED, target="CreateGrant"), "target"),
    Use("attach under the owner's key", attaching("source"), breaks(REVOKED, source="CreateGrant"), "source"),
    Use("launch, plain to a key", launching("none", "target"), breaks(ENDED, target=NEW), "target"),
    Use("launch, own as it comes", launching("own", ""), breaks(ENDED, own=f"{RE} CreateGrant"), "own"),
    Use(
        "launch, own to another key",
        launching("own", "target"),
        breaks(ENDED, own="ReEncryptFrom", target=f"ReEncryptTo {NEW}"),
        "target",
    ),
    Use(
        "launch, shared to the target's key",
        launching("source", "target"),
        breaks(ENDED, source="ReEncryptFrom", target=f"ReEncryptTo {NEW}"),
        "target",
    ),
    Use("launch, shared on its key", launching("source", "source"), breaks(ENDED, source=f"{RE} {NEW}"), "source"),
    Use("start a root", starting(KmsKeyArn="target_key"), breaks(WRITING, target="GenerateDataKey")),
    Use(
        "start a root under the owner's key",
        starting(KmsKeyArn="source_key"),
        breaks(WRITING, source="GenerateDataKey"),
    ),
    Use(
        "start a child",
        starting(ParentSnapshotId="own_snapshot"),
        {**breaks(WRITING, own=RE), **breaks(READING, own="Decrypt")},
    ),
    Use("list own", listing("own_snapshot"), breaks(READING, own="DescribeKey")),
    Use("list shared", listing("snapshot"), breaks(READING, source="DescribeKey Decrypt")),
    Use("read own", reading("own_snapshot"), breaks(READING, own="DescribeKey Decrypt")),
    Use("read shared", reading("snapshot"), breaks(READING, source="DescribeKey Decrypt")),
)


def cases() -> Iterator[tuple[str, str, str]]:
    return itertools.product(KEYS, EVERY_USE, REMOVED_BY)


def test_each_action_taken_away_alone_breaks_what_aws_was_measured_to_need_and_nothing_else(stage: Stage) -> None:
    """Method: 3 keys x 8 actions x 4 places, each in its own fork, in which all uses that touch the key are tried."""
    wrong: list[str] = []
    for key, action, how in cases():
        share = without(stage.accounts.share(), key, action, how)
        for use in (each for each in USES if each.touches(key)):
            got, want = use.take(stage, share), use.expected(key, action, how)
            if got != want:
                wrong.append(f"{use.name}: {action} on the {key} key, {how}: {got}, not {want}")
    assert wrong == []


@pytest.mark.parametrize("use", USES, ids=lambda each: each.name)
def test_what_was_measured_is_enough(stage: Stage, use: Use) -> None:
    """Method: on each key and on both sides exactly the actions of the table, and no other."""
    share = stage.accounts.share()
    for key in KEYS:
        actions = [action for of, action in sorted(use.breaks) if of == key]
        policy, identity = (allow(TARGET_ROOT, *actions), allow(*actions)) if actions else ((), ())
        share = share.with_(**{f"{key}_key_policy": policy, f"target_iam_on_{key}_key": identity})
    assert use.take(stage, share) == OK
