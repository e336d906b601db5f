"""The graph's answers are what really happens, in every state that three accounts can bring about.

A machine makes keys, writes policies with and without statements, grants, shares, copies, makes and attaches volumes,
registers images, disables, deletes and rotates. After each step some principals and things are asked about, and the
same is done for real in forks (truth.py): who reads, and by which ways, block by block; what an edit takes from whom;
and whether a copy lives on without an account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from app.graph import asking
from app.graph.build import Graph, build
from app.graph.edits import Asked, CannotEdit, edit_of
from app.graph.questions import independent_of
from app.graph.readers import readers
from app.graph.things import thing_of
from app.graph.who import named
from app.kernel.cloud import Cloud
from app.services.ebs.records import Snapshot
from app.services.kms.records import Grant, Key
from tests.ebs_compute import machines
from tests.graph.truth import Blocks, Reader, without_account
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
from tests.sharing.test_model import SOAK

EXAMPLES, STEPS = (60, 25) if SOAK else (25, 16)
ACCOUNTS = (SOURCE, TARGET, THIRD)
DAY_MS = 86_400_000
WHO = st.sampled_from([f"{account}/{name}" for account in ACCOUNTS for name in ("root", "worker")])
OF = st.integers(0, 10_000)  # picks a thing, a key, a grant out of what there is
_numbers = count()

IDENTITY: dict[str, tuple[Any, ...]] = {
    "everything": allow("ec2:*", "ebs:*", "kms:*"),
    "copies": allow("ec2:CopySnapshot", "ec2:CreateVolume", "ec2:AttachVolume", "kms:CreateGrant", "kms:DescribeKey"),
    "reads": allow("ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock", "kms:Decrypt", "kms:DescribeKey"),
    "without kms": allow("ec2:*", "ebs:*"),
    "launches": allow("ec2:RunInstances", "kms:*"),
    "denied": (*allow("ec2:*", "ebs:*", "kms:*"), *deny("kms:Decrypt")),
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
EDITS = ("disable", "schedule", "delete", "remove-statement", "unshare", "leave")
_VIA = {"StringEquals": {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}}
KEY_POLICIES = ("own", "shared", "shared half", "named", "without root", "through ec2", "denied")


@dataclass(frozen=True)
class Prepared:
    cloud: Cloud
    keys: dict[str, str]  # account -> its key
    plain: str  # an image that everybody may launch, with nothing in it but an empty disk


@cache
def prepared() -> Prepared:
    """Three accounts, each with a worker, a key and a running machine."""
    cloud = empty_cloud(seed="graph")
    plain = root(cloud, THIRD).write({0: 99})
    image = machines.register(root(cloud, THIRD), plain, "plain")
    root(cloud, THIRD).do("ec2:ModifyImageAttribute", ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    for account in ACCOUNTS:
        root(cloud, account).user("worker", *IDENTITY["everything"])
        machines.launch(root(cloud, account), image)
    keys = {account: root(cloud, account).key() for account in ACCOUNTS}
    for account, key in keys.items():
        root(cloud, account).do("kms:PutKeyPolicy", KeyId=key, Policy=key_policy("shared", account))
    return Prepared(cloud, keys, image)


class Asking(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        base = prepared()
        self.cloud, self.plain = base.cloud.fork(f"asking-{next(_numbers)}"), base.plain
        self.keys = [(account, key) for account, key in base.keys.items()]
        self.blocks: dict[str, Blocks] = {}
        self.owner: dict[str, str] = {}
        self.write(SOURCE, True)
        self.share(0, TARGET, True)

    # what the accounts do

    def hand(self, who: str) -> Hand:
        account, _, name = who.partition("/")
        return Hand(self.cloud, named(self.cloud, who).caller) if name else root(self.cloud, account)

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

    @rule(of=OF, who=WHO, own_key=st.booleans())
    def copy(self, of: int, who: str, own_key: bool) -> None:
        source, account = self.pick(of, "snap"), who[:12]
        key = next(arn for owner, arn in self.keys if owner == account)
        under = {"Encrypted": True, "KmsKeyId": key} if own_key else {}
        made = self.hand(who).ask("ec2:CopySnapshot", SourceRegion=REGION, SourceSnapshotId=source, **under)
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
            self.hand(who).ask("kms:PutKeyPolicy", **asked)

    @rule(who=WHO, name=st.sampled_from(sorted(IDENTITY)))
    def write_identity_policy(self, who: str, name: str) -> None:
        root(self.cloud, who[:12]).let("worker", *IDENTITY[name])

    @rule(at=OF, grantee=st.sampled_from(ACCOUNTS), operations=st.sampled_from(GRANTED))
    def grant(self, at: int, grantee: str, operations: tuple[str, ...]) -> None:
        account, key = self.keys[at % len(self.keys)]
        whom = f"arn:aws:iam::{grantee}:user/worker"
        self.hand(account).ask("kms:CreateGrant", KeyId=key, GranteePrincipal=whom, Operations=list(operations))

    @rule(at=OF, operation=st.sampled_from(TURNS))
    def turn_key(self, at: int, operation: str) -> None:
        account, key = self.keys[at % len(self.keys)]
        self.hand(account).ask(f"kms:{operation}", KeyId=key)

    # what is asked, and what happens

    def graph(self) -> Graph:
        return build(self.cloud.services, self.cloud.world)

    def reader(self, cloud: Cloud, who: str) -> Reader:
        return Reader(Hand(cloud, named(cloud, who).caller), self.plain)

    def truly(self, cloud: Cloud, who: str, id: str) -> set[str]:
        return self.reader(cloud, who).ways(id, self.blocks[id])

    @rule(of=OF, who=WHO)
    def who_can_read(self, of: int, who: str) -> None:
        id, graph = self.pick(of), self.graph()
        thing = thing_of(self.cloud.world, graph, id)
        before = len(self.cloud.world.records), self.cloud.world.position
        (found,) = readers(self.cloud, graph, thing, [named(self.cloud, who)]).readers
        assert (len(self.cloud.world.records), self.cloud.world.position) == before
        assert set(found.by) == self.truly(self.cloud, who, id), (who, id)

    @rule(at=OF, of=OF, who=WHO, edit=st.sampled_from(EDITS))
    def what_an_edit_takes(self, at: int, of: int, who: str, edit: str) -> None:
        account, key = self.keys[at % len(self.keys)]
        id = self.pick(of)
        asked = {
            "unshare": Asked(self.pick(of, "snap"), who[:12]),
            "leave": Asked(account),
            "remove-statement": Asked(key, statement=("Share", "Own", "Worker")[at % 3]),
        }.get(edit, Asked(key, days=7))
        self.agrees(edit, asked, id, who, account)

    @precondition(lambda self: any(True for _ in self.grants()))
    @rule(at=OF, of=OF, who=WHO)
    def what_a_revoked_grant_takes(self, at: int, of: int, who: str) -> None:
        grants = list(self.grants())
        grant = grants[at % len(grants)]
        self.agrees("revoke", Asked(grant.id), self.pick(of), who, grant.account)

    def grants(self) -> Iterator[Grant]:
        return (one for one in self.cloud.world.records.scan(Grant) if one.grantee.endswith("/worker"))

    def agrees(self, edit: str, asked: Asked, id: str, who: str, account: str) -> None:
        """Predicted and then done: as the owner's root, else as its worker, as a person would."""
        graph, one = self.graph(), [named(self.cloud, who)]
        fork, done = self.really_done(edit, asked, account, graph)
        try:
            made = edit_of(graph, self.cloud.world, edit, asked)
            answer = asking.impact(self.cloud, graph, made, of=[id], asked=one)
        except (CannotEdit, ValueError):
            assert not done, (edit, asked)
            return
        assert done, (edit, asked)
        before = self.truly(self.cloud, who, id)
        is_gone = edit == "leave" and account in (self.owner[id], who[:12])
        after = set() if is_gone else self.truly(fork, who, id)
        turns = [(set(turn["before"]), set(turn["after"])) for turn in answer.facts["turns"]]
        assert turns == ([(before, after)] if before != after else []), (edit, asked, who, id)

    def really_done(self, edit: str, asked: Asked, account: str, graph: Graph) -> tuple[Cloud, bool]:
        fork = without_account(self.cloud, account) if edit == "leave" else self.cloud.aside()
        if edit == "leave":
            return fork, True
        owner = self.owner[asked.of] if edit == "unshare" else account
        hands = [root(fork, owner), Hand(fork, named(fork, f"{owner}/worker").caller)]
        done = any(self.do(hand, edit, asked) for hand in hands)
        if edit == "delete" and done:
            fork.advance(8 * DAY_MS)
        return fork, done

    def do(self, hand: Hand, edit: str, asked: Asked) -> bool:
        if edit == "disable":
            reply = hand.ask("kms:DisableKey", KeyId=asked.of)
        elif edit in ("schedule", "delete"):
            reply = hand.ask("kms:ScheduleKeyDeletion", KeyId=asked.of, PendingWindowInDays=7)
        elif edit == "unshare":
            snapshot = hand.cloud.world.records.get(Snapshot, self.owner[asked.of], REGION, asked.of)
            if snapshot is None or asked.account not in snapshot.shared_with:
                return False
            reply = hand.share(asked.of, asked.account, adds=False)
        elif edit == "revoke":
            key = next(one.key_arn for one in self.grants() if one.id == asked.of)
            reply = hand.ask("kms:RevokeGrant", KeyId=key, GrantId=asked.of)
        else:
            return self.removed(hand, asked)
        return reply.error is None

    def removed(self, hand: Hand, asked: Asked) -> bool:
        """The statement of the policy, taken away."""
        key = hand.cloud.world.records.get(Key, asked.of.split(":")[4], REGION, asked.of.rpartition("/")[2])
        assert key is not None
        policy = json.loads(key.policy)
        kept = [one for one in policy["Statement"] if one.get("Sid") != asked.statement]
        if len(kept) == len(policy["Statement"]):
            return False
        text = json.dumps(policy | {"Statement": kept})
        asked_for = {"KeyId": asked.of, "Policy": text, "BypassPolicyLockoutSafetyCheck": True}
        return hand.ask("kms:PutKeyPolicy", **asked_for).error is None

    @rule(of=OF, account=st.sampled_from(ACCOUNTS))
    def a_copy_lives_without_an_account(self, of: int, account: str) -> None:
        """Whoever of the owner's reads a thing still reads it if everything of that account is gone."""
        id = self.pick(of)
        holds, owner = bool(independent_of(self.graph(), id, account)), self.owner[id]
        if owner == account:
            assert not holds
            return
        fork = without_account(self.cloud, account)
        for who in (f"{owner}/root", f"{owner}/worker"):
            if before := self.truly(self.cloud, who, id) - {"restore"}:
                left = self.truly(fork, who, id) - {"restore"}
                assert (left == before) if holds else not left, (id, account, who)


def test_the_answers_are_what_really_happens_in_every_state_of_three_accounts() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Asking,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )
