"""A random walk of three accounts: what they do, step by step, and nothing of what is asked about it.

Each account has a worker, a role, keys in two Regions and running machines in three. They write policies with and
without statements, grant, share, copy, make and attach volumes, register images, trust, disable, delete and rotate;
what AWS refuses them leaves the state as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from app.graph.who import named
from app.kernel.call import root_of
from app.kernel.cloud import Cloud
from app.services.kms.records import Grant
from tests.ebs_compute import machines
from tests.graph.truth import Blocks
from tests.sharing.accounts import (
    EVERY_USE,
    REGION,
    SOURCE,
    TARGET,
    THIRD,
    Hand,
    allow,
    block,
    deny,
    document,
    empty_cloud,
    root,
)

ACCOUNTS = (SOURCE, TARGET, THIRD)
OFFERING = "444444444444"  # an account that offers an image to everybody, and is not asked about
KEYED = "eu-west-1"  # each account has a key there too
ELSEWHERE = "us-west-2"  # nobody has one there
EVERYBODY = tuple(f"{account}/{name}" for account in ACCOUNTS for name in ("root", "worker", "reader"))
WHO = st.sampled_from(EVERYBODY)
OF = st.integers(0, 10_000)  # picks a thing, a key, a grant out of what there is
_HERE = {"StringEquals": {"aws:RequestedRegion": REGION}}
_numbers = count()

IDENTITY: dict[str, tuple[Any, ...]] = {
    "everything": allow("ec2:*", "ebs:*", "kms:*", "sts:*"),
    "copies": allow("ec2:CopySnapshot", "ec2:CreateVolume", "ec2:AttachVolume", "kms:CreateGrant", "kms:DescribeKey"),
    "reads": allow("ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock", "kms:Decrypt", "kms:DescribeKey"),
    "without kms": allow("ec2:*", "ebs:*"),
    "launches": allow("ec2:RunInstances", "kms:*"),
    "denied": (*allow("ec2:*", "ebs:*", "kms:*"), *deny("kms:Decrypt")),
    "elsewhere": (*allow("ec2:*", "ebs:*", "kms:*"), *deny("ec2:*", "ebs:*", Condition=_HERE)),
    "assumes": allow("sts:AssumeRole"),
    "nothing": allow("iam:GetUser"),
}


def key_policy(name: str, account: str) -> str:
    """Statements of a key policy, with Sids, so that one can be taken away."""
    others = [f"arn:aws:iam::{one}:root" for one in ACCOUNTS if one != account]
    own = allow(f"arn:aws:iam::{account}:root", "kms:*", Sid="Own")
    share = allow(*others, *EVERY_USE, Sid="Share")
    forms = {
        "own": own,
        "shared": (*own, *share),
        "shared half": (*own, *allow(*others, "kms:DescribeKey", "kms:CreateGrant", Sid="Half")),
        "named": (*own, *allow(f"arn:aws:iam::{account}:user/worker", *EVERY_USE, Sid="Worker")),
        "without root": allow(f"arn:aws:iam::{account}:user/worker", "kms:*", Sid="OnlyWorker"),
        "through ec2": (*own, *allow(*others, *EVERY_USE, Sid="Via", Condition=_VIA)),
        "denied": (*own, *share, *deny(others[0], "kms:Decrypt", Sid="Not")),
    }
    return document(forms[name])


GRANTED = (("Decrypt",), ("Decrypt", "CreateGrant", "DescribeKey"))
TURNS = ("DisableKey", "EnableKey", "RotateKeyOnDemand", "ScheduleKeyDeletion", "CancelKeyDeletion")
_VIA = {"StringEquals": {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}}
KEY_POLICIES = ("own", "shared", "shared half", "named", "without root", "through ec2", "denied")


def trust_policy(name: str, account: str) -> str:
    """Of the account's role."""
    after = ACCOUNTS[(ACCOUNTS.index(account) + 1) % len(ACCOUNTS)]
    agreed = {"StringEquals": {"sts:ExternalId": "agreed"}}
    forms: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "own account": ({"AWS": account}, {}),
        "own worker": ({"AWS": f"arn:aws:iam::{account}:user/worker"}, {}),
        "next account": ({"AWS": f"arn:aws:iam::{after}:root"}, {}),
        "next role": ({"AWS": f"arn:aws:iam::{after}:role/reader"}, {}),
        "everyone": ({"AWS": "*"}, {}),
        "whoever agreed": ({"AWS": after}, {"Condition": agreed}),
        "a service": ({"Service": "ec2.amazonaws.com"}, {}),
    }
    principal, more = forms[name]
    said = {"Sid": "Trust", "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [said | more]})


TRUSTS = ("own account", "own worker", "next account", "next role", "everyone", "whoever agreed", "a service")


@dataclass(frozen=True)
class Prepared:
    cloud: Cloud
    keys: dict[str, str]  # account -> its key here
    away: dict[str, str]  # account -> its key in KEYED
    plain: str  # an image that everybody may launch, with nothing in it but an empty disk


@cache
def prepared() -> Prepared:
    cloud = empty_cloud(seed="graph")
    plain = {region: _plain_image(Hand(cloud, root_of(OFFERING), region)) for region in (REGION, KEYED, ELSEWHERE)}
    for account in ACCOUNTS:
        owner = root(cloud, account)
        owner.user("worker", *IDENTITY["everything"])
        owner.do("iam:CreateRole", RoleName="reader", AssumeRolePolicyDocument=trust_policy("own account", account))
        let(cloud, f"{account}/reader", "reads")
        for region, image in plain.items():
            machines.launch(replace(owner, region=region), image)
    keys = {account: root(cloud, account).key() for account in ACCOUNTS}
    away = {account: replace(root(cloud, account), region=KEYED).key() for account in ACCOUNTS}
    for account, key in keys.items():
        root(cloud, account).do("kms:PutKeyPolicy", KeyId=key, Policy=key_policy("shared", account))
    return Prepared(cloud, keys, away, plain[REGION])


def _plain_image(hand: Hand) -> str:
    image = machines.register(hand, hand.write({0: 99}), "plain")
    hand.do("ec2:ModifyImageAttribute", ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    return image


def let(cloud: Cloud, who: str, name: str) -> None:
    """The one inline policy of a worker or role."""
    account, _, holder = who.partition("/")
    text, owner = document(IDENTITY[name]), root(cloud, account)
    if holder == "reader":
        owner.do("iam:PutRolePolicy", RoleName="reader", PolicyName="inline", PolicyDocument=text)
    else:
        owner.do("iam:PutUserPolicy", UserName="worker", PolicyName="inline", PolicyDocument=text)


def region_of(key: str) -> str:
    return key.split(":")[3]


class Walk(RuleBasedStateMachine):
    @initialize(start=OF, name=st.sampled_from(("shared", "own")))
    def begin(self, start: int, name: str) -> None:
        """`start`: where the turns of what is asked begin. `name`: of the policy of the first key."""
        base, self.start = prepared(), start
        self.cloud, self.plain = base.cloud.fork(f"walk-{next(_numbers)}"), base.plain
        self.keys = [*base.keys.items(), *base.away.items()]
        self.blocks: dict[str, Blocks] = {}
        self.owner: dict[str, str] = {}
        self.write(SOURCE, True)
        self.write_key_policy(0, name)
        self.share(0, TARGET, True)
        self.copy(0, f"{TARGET}/root", "key of the owner")
        self.make_volume(0, f"{SOURCE}/root", False)
        self.register(0, TARGET)
        self.grant(0, TARGET, GRANTED[1])

    # what the accounts do

    def hand(self, who: str, region: str = REGION) -> Hand:
        account, _, name = who.partition("/")
        found = Hand(self.cloud, named(self.cloud, who).caller) if name else root(self.cloud, account)
        return replace(found, region=region)

    def grants(self) -> Iterator[Grant]:
        return (one for one in self.cloud.world.records.scan(Grant) if one.grantee.endswith("/worker"))

    def kept(self, id: str, owner: str, blocks: Blocks) -> None:
        self.blocks[id], self.owner[id] = blocks, owner

    def pick(self, at: int, prefix: str = "") -> str:
        ids = [id for id in self.blocks if id.startswith(prefix)]
        return ids[at % len(ids)] if ids else ""

    @rule(account=st.sampled_from(ACCOUNTS), encrypted=st.booleans())
    def write(self, account: str, encrypted: bool) -> None:
        key = next(arn for owner, arn in self.keys if owner == account)
        under = {"Encrypted": True, "KmsKeyArn": key} if encrypted else {}
        blocks = {0: len(self.blocks), 5: len(self.blocks) + 100}
        hand = self.hand(account)
        begun = hand.ask("ebs:StartSnapshot", VolumeSize=1, **under)
        if begun.answer:
            id = begun.answer["SnapshotId"]
            for index, seed in blocks.items():
                hand.put(id, index, block(seed))
            hand.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=2)
            self.kept(id, account, blocks)

    @rule(of=OF, who=WHO, under=st.sampled_from(("nothing said", "own key", "key of the owner")))
    def copy(self, of: int, who: str, under: str) -> None:
        source, account = self.pick(of, "snap"), who[:12]
        holder = account if under == "own key" else self.owner[source]
        key = next(arn for owner, arn in self.keys if owner == holder)
        asked = {} if under == "nothing said" else {"Encrypted": True, "KmsKeyId": key}
        made = self.hand(who).ask("ec2:CopySnapshot", SourceRegion=REGION, SourceSnapshotId=source, **asked)
        if made.answer and root(self.cloud, account).snapshot(made.answer["SnapshotId"])["State"] == "completed":
            self.kept(made.answer["SnapshotId"], account, self.blocks[source])

    @rule(of=OF, who=WHO, attached=st.booleans())
    def make_volume(self, of: int, who: str, attached: bool) -> None:
        source, account = self.pick(of, "snap"), who[:12]
        made = self.hand(who).ask("ec2:CreateVolume", AvailabilityZone=f"{REGION}a", SnapshotId=source)
        if made.answer and root(self.cloud, account).volume(made.answer["VolumeId"]):
            id = made.answer["VolumeId"]
            self.kept(id, account, self.blocks[source])
            if attached:
                machine = root(self.cloud, account).do("ec2:DescribeInstances")["Reservations"][0]["Instances"][0]
                device = f"/dev/sd{chr(ord('g') + len(self.blocks) % 15)}"
                self.hand(who).ask("ec2:AttachVolume", VolumeId=id, InstanceId=machine["InstanceId"], Device=device)

    @rule(of=OF, opened_to=st.sampled_from(ACCOUNTS))
    def register(self, of: int, opened_to: str) -> None:
        source = self.pick(of, "snap")
        hand = self.hand(self.owner[source])
        image = machines.register(hand, source, f"image {next(_numbers)}")
        self.kept(image, self.owner[source], self.blocks[source])
        change = {"Add": [{"UserId": opened_to}]}
        hand.ask("ec2:ModifyImageAttribute", ImageId=image, LaunchPermission=change)  # not one under aws/ebs

    @rule(of=OF, account=st.sampled_from(ACCOUNTS), adds=st.booleans())
    def share(self, of: int, account: str, adds: bool) -> None:
        id = self.pick(of, "snap")
        self.hand(self.owner[id]).share(id, account, adds=adds)

    @rule(at=OF, name=st.sampled_from(KEY_POLICIES))
    def write_key_policy(self, at: int, name: str) -> None:
        account, key = self.keys[at % len(self.keys)]
        asked = {"KeyId": key, "Policy": key_policy(name, account), "BypassPolicyLockoutSafetyCheck": True}
        for who in (f"{account}/root", f"{account}/worker"):
            self.hand(who, region_of(key)).ask("kms:PutKeyPolicy", **asked)

    @rule(who=WHO.filter(lambda who: not who.endswith("/root")), name=st.sampled_from(sorted(IDENTITY)))
    def write_identity_policy(self, who: str, name: str) -> None:
        let(self.cloud, who, name)

    @rule(account=st.sampled_from(ACCOUNTS), name=st.sampled_from(TRUSTS))
    def trust(self, account: str, name: str) -> None:
        text = trust_policy(name, account)
        self.hand(account).do("iam:UpdateAssumeRolePolicy", RoleName="reader", PolicyDocument=text)

    @rule(at=OF, grantee=st.sampled_from(ACCOUNTS), operations=st.sampled_from(GRANTED))
    def grant(self, at: int, grantee: str, operations: tuple[str, ...]) -> None:
        account, key = self.keys[at % len(self.keys)]
        whom = f"arn:aws:iam::{grantee}:user/worker"
        self.hand(account, region_of(key)).ask(
            "kms:CreateGrant", KeyId=key, GranteePrincipal=whom, Operations=list(operations)
        )

    @rule(at=OF, operation=st.sampled_from(TURNS))
    def turn_key(self, at: int, operation: str) -> None:
        account, key = self.keys[at % len(self.keys)]
        self.hand(account, region_of(key)).ask(f"kms:{operation}", KeyId=key)
