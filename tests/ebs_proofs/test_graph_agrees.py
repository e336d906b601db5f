"""What the graph says of keys is what happens, in every state that two accounts can bring about.

The machine of tests/sharing/test_model.py goes on here; after each of its steps every key is disabled, each in a fork
of its own, and everything is opened there. The graph knows only edges, the forks only KMS and blocks. After the last
step the customer keys are deleted for good.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace as with_fields
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from app.graph.build import Graph, build
from app.graph.questions import HOLDS_DATA, becomes_unreadable, depends_on, independent_of
from app.kernel.cloud import Cloud
from app.kernel.records import replace
from app.services.kms.records import Key
from tests.sharing.accounts import SOURCE, TARGET, Hand, block, root
from tests.sharing.test_model import SOAK, Kept, Sharing

EXAMPLES, STEPS = (100, 40) if SOAK else (12, 20)
DAY_MS = 86_400_000
_numbers = count()


def without_key(cloud: Cloud, key: Key) -> Cloud:
    """A fork in which the key is disabled: by record, since AWS's own keys can not be disabled by a call."""
    world = cloud.world
    records = world.records.put(replace(key, state="Disabled"))
    forked = with_fields(world, name=f"no-key-{next(_numbers)}", branch=os.urandom(16), records=records)
    return Cloud.create(cloud.services, cloud._store, forked)


def opens(hand: Hand, id: str, of: Kept) -> bool:
    """Whether a snapshot's data key is to be had: by its first block, which is the model's, or else by a child."""
    if not of.blocks:
        return hand.ask("ebs:StartSnapshot", VolumeSize=1, ParentSnapshotId=id).error is None
    listed = hand.ask("ebs:ListSnapshotBlocks", SnapshotId=id).answer
    if listed is None:
        return False
    first = {name: listed["Blocks"][0][name] for name in ("BlockIndex", "BlockToken")}
    found = hand.ask("ebs:GetSnapshotBlock", SnapshotId=id, **first).answer
    assert found is None or found["BlockData"] == block(of.blocks[first["BlockIndex"]])
    return found is not None


class SharingWithItsGraph(Sharing):
    """After every step: what is lost without a key is what the graph says, and nothing else."""

    @invariant()
    def the_graph_says_what_is_lost_without_a_key(self) -> None:
        kept = getattr(self, "kept", None)
        if not kept:
            return
        cloud, graph = self.cloud, build(self.cloud.services, self.cloud.world)
        lost = {key.arn: set(self.lost(without_key(cloud, key))) for key in cloud.world.records.scan(Key)}
        for arn, ids in lost.items():
            assert ids == {node.id for node in becomes_unreadable(graph, arn).nodes}, arn
            assert ids == {id for id in kept if arn in {node.id for node in depends_on(graph, id).nodes}}, arn
        assert set(self.lost(cloud.fork(f"whole-{next(_numbers)}"))) == set()
        for account in (SOURCE, TARGET):
            self.independence_is_what_the_keys_say(graph, account, lost)

    def independence_is_what_the_keys_say(self, graph: Graph, account: str, lost: dict[str, set[str]]) -> None:
        """Independent of an account is what it does not own and what opens without any of its keys."""
        needs_it = set[str]().union(*(ids for arn, ids in lost.items() if f":{account}:" in arn))
        for id, of in self.kept.items():
            is_independent = of.owner != account and id not in needs_it
            assert bool(independent_of(graph, id, account)) == is_independent, (id, account)

    def lost(self, cloud: Cloud) -> Iterator[str]:
        """What its owner can not open in this cloud."""
        for id, of in self.kept.items():
            hand = root(cloud, of.owner)
            if not opens(hand, hand.make_snapshot(id) if id.startswith("vol-") else id, of):
                yield id

    def teardown(self) -> None:
        """A key that is deleted takes along what the graph says, of both accounts; all else is as it was."""
        for owner, arn in getattr(self, "keys", {}).items():
            graph = build(self.cloud.services, self.cloud.world)
            cloud = self.cloud.fork(f"deleted-{next(_numbers)}")
            root(cloud, owner).do("kms:ScheduleKeyDeletion", KeyId=arn, PendingWindowInDays=7)
            cloud.advance(8 * DAY_MS)
            assert root(cloud, owner).refused("kms:DescribeKey", KeyId=arn)[0] == "NotFoundException"
            said = {node.id for node in becomes_unreadable(graph, arn).nodes if node.kind in HOLDS_DATA}
            assert set(self.lost(cloud)) == said
        super().teardown()


def test_the_graph_agrees_with_what_opens_in_every_state_of_two_accounts() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        SharingWithItsGraph,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )
