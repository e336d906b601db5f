"""The graph's answers are what really happens, in every state of a random walk of three accounts.

In every state four questions are put, and the same is done for real in forks (truth.py), block by block:
    who can read     one thing, one principal: by each of all ways
    impact           one edit of a key, a grant, a share or an account: what it takes from one principal and one thing
    independence     one thing and one account: who reads the thing reads it with nothing of that account left
    difference       from the state before: applied to that graph it gives this one, and what came is what the bytes say
Which thing, principal, edit and account is put in turn: those first that were put least often in this walk, from a
place that is drawn. Every other edit is of what the thing rests on, so that something is lost by it. A walk of 16
states puts each edit twice; that all walks together put every principal, every kind of thing and every edit, and that
each way to a snapshot both held and did not, is checked at the end. With RESEAL_SOAK=1 every thing is put to every
principal, and every edit to the pair whose turn it is, in every state of longer walks.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test

from app.blocks import map as maps
from app.crypto import cipher, envelope
from app.graph import asking
from app.graph.build import Graph, build
from app.graph.difference import Change, diff, edge_key
from app.graph.edits import Asked, CannotEdit, edit_of
from app.graph.questions import depends_on, independent_of
from app.graph.readers import readers
from app.graph.things import thing_of
from app.graph.who import named
from app.kernel.cloud import Cloud
from app.kernel.records import Records
from app.services.ebs import plane
from app.services.ebs.compute_records import Image
from app.services.ebs.records import Snapshot, Volume
from app.services.kms.records import Alias, Grant, Key, Material
from tests.graph.truth import Reader, without_account
from tests.graph.walk import ACCOUNTS, ELSEWHERE, EVERYBODY, KEYED, OF, Walk, region_of
from tests.sharing.accounts import REGION, Hand
from tests.sharing.test_model import SOAK

EXAMPLES, STEPS = (60, 25) if SOAK else (16, 16)
DAY_MS = 86_400_000
EDITS = ("disable", "schedule", "delete", "remove-statement", "revoke", "unshare", "leave")
PUT: Counter[Any] = Counter()  # what was put, and how it came out, in all walks
T = TypeVar("T", bound=Hashable)


class Asking(Walk):
    @initialize(start=OF, name=st.sampled_from(("shared", "own")))
    def begin(self, start: int, name: str) -> None:
        super().begin(start, name)
        self.turns: defaultdict[str, Counter[Hashable]] = defaultdict(Counter)
        self.last: tuple[Records, Graph] = (self.cloud.world.records, self.graph())
        self.known: dict[tuple[str, str], set[str]] = {}

    def next(self, what: str, options: Sequence[T]) -> T:
        """Of the options the one that was put least often in this walk."""
        at = self.start % len(options)
        found = min([*options[at:], *options[:at]], key=self.turns[what].__getitem__)
        self.turns[what][found] += 1
        return found

    def graph(self) -> Graph:
        return build(self.cloud.services, self.cloud.world)

    def truly(self, cloud: Cloud, who: str, id: str) -> set[str]:
        """The ways by which the blocks are really had; those of the state itself are found out once."""
        if cloud is self.cloud and (who, id) in self.known:
            return self.known[who, id]
        reader = Reader(Hand(cloud, named(cloud, who).caller), self.plain, ELSEWHERE)
        found = reader.ways(id, self.blocks[id])
        for arn, session in reader.roles().items():
            if arn != named(cloud, who).id and session.reads(id, self.blocks[id]):
                found.add(f"assume {arn}")
        if cloud is self.cloud:
            self.known[who, id] = found
        return found

    @invariant()
    def every_answer_is_what_happens(self) -> None:
        if not hasattr(self, "turns"):
            return  # before the walk begins
        self.known, graph = {}, self.graph()
        ids = list(self.blocks)
        turn = self.pair(ids)
        for id, who in [(id, who) for id in ids for who in EVERYBODY] if SOAK else [turn]:
            self.who_can_read(graph, id, who)
        for edit in EDITS if SOAK else [self.next("edit", EDITS)]:
            self.impact(graph, edit, *turn)
        self.independence(graph)
        self.difference(graph)

    def pair(self, ids: list[str]) -> tuple[str, str]:
        kind = self.next("kind", list(dict.fromkeys(id.partition("-")[0] for id in ids)))
        return self.next("thing", [id for id in ids if id.startswith(kind)]), self.next("who", EVERYBODY)

    # who can read

    def who_can_read(self, graph: Graph, id: str, who: str) -> None:
        thing = thing_of(self.cloud.world, graph, id)
        before = len(self.cloud.world.records), self.cloud.world.position
        (found,) = readers(self.cloud, graph, thing, [named(self.cloud, who)]).readers
        assert (len(self.cloud.world.records), self.cloud.world.position) == before
        assert set(found.by) == self.truly(self.cloud, who, id), (who, id)
        PUT["reads", id.partition("-")[0], who] += 1
        PUT.update({("way", way.way.partition(" ami")[0].partition(" arn")[0], way.holds) for way in found.ways})

    # impact

    def impact(self, graph: Graph, edit: str, id: str, who: str) -> None:
        asked = self.asked(edit, id, who)
        if asked is None:
            PUT["edit", edit, "nothing to edit"] += 1
        else:
            id, who = self.granted(asked.of) if edit == "revoke" else (id, who)
            self.agrees(graph, edit, asked, id, who, graph.nodes[asked.of].account)

    def asked(self, edit: str, id: str, who: str) -> Asked | None:
        """What is edited: now what the thing rests on, now each key, grant, statement, share and account in turn."""
        is_near = self.next(f"{edit} near", (True, False))
        if edit == "leave":
            return Asked(self.owner[id] if is_near else self.next("leave", ACCOUNTS))
        if edit == "revoke":
            grants = [one.id for one in self.grants()]
            return Asked(self.next("revoke", grants)) if grants else None
        if edit == "unshare":
            held = [one for each in self.blocks if (one := self.snapshot(each))]
            shares = [(one.id, account) for one in held for account in ACCOUNTS if account != one.account]
            kept = [(one.id, account) for one in held for account in one.shared_with]
            mine = [(id, who[:12])] if is_near and (id, who[:12]) in kept else []
            return Asked(*self.next("unshare", mine or kept or shares))
        key = self.next(edit, (self.keys_of(id) if is_near else []) or [key for _, key in self.keys])
        if edit != "remove-statement":
            return Asked(key, days=7)
        sids = [one["Sid"] for one in self.policy(self.cloud, key)["Statement"] if "Sid" in one]
        meant = [sid for sid in sids if sid == ("Own" if who[:12] in key else "Share")] if is_near else []
        return Asked(key, statement=self.next("statement", meant or [*sids, "NotThere"]))

    def keys_of(self, id: str) -> list[str]:
        """Of the accounts' own: under which the thing is."""
        world, owner = self.cloud.world, self.owner[id]
        thing = world.records.get(Volume, owner, REGION, id) or self.snapshot(id)
        return [key for _, key in self.keys if thing and key == thing.key_arn]

    def granted(self, id: str) -> tuple[str, str]:
        """The grantee, and what is under the grant's key, if anything is."""
        grant = next(one for one in self.grants() if one.id == id)
        under = [thing for thing in self.blocks if grant.key_arn in self.keys_of(thing)]
        return self.next("granted", under or list(self.blocks)), f"{grant.grantee.split(':')[4]}/worker"

    def snapshot(self, id: str) -> Snapshot | None:
        return self.cloud.world.records.get(Snapshot, self.owner[id], REGION, id)

    def agrees(self, graph: Graph, edit: str, asked: Asked, id: str, who: str, account: str) -> None:
        """Predicted and then done: as the owner's root, else as a person would."""
        one = [named(self.cloud, who)]
        fork, done = self.really_done(edit, asked, account)
        try:
            made = edit_of(graph, self.cloud.world, edit, asked)
            answer = asking.impact(self.cloud, graph, made, of=[id], asked=one)
        except (CannotEdit, ValueError):
            assert not done, (edit, asked)
            PUT["edit", edit, "refused"] += 1
            return
        assert done, (edit, asked)
        before = self.truly(self.cloud, who, id)
        is_gone = edit == "leave" and account in (self.owner[id], who[:12])
        after = set[str]() if is_gone else self.truly(fork, who, id)
        turns = [(set(turn["before"]), set(turn["after"])) for turn in answer.facts["turns"]]
        assert turns == ([(before, after)] if before != after else []), (edit, asked, who, id)
        PUT["edit", edit, "changes" if before != after else "leaves"] += 1

    def really_done(self, edit: str, asked: Asked, account: str) -> tuple[Cloud, bool]:
        if edit == "leave":
            return without_account(self.cloud, account), True
        fork = self.cloud.aside()
        region = region_of(asked.of) if asked.of.startswith("arn:") else REGION
        if edit == "revoke":
            region = next(one.region for one in self.grants() if one.id == asked.of)
        names = [f"{account}/{name}" for name in ("root", "worker", "reader")]
        done = any(self.do(Hand(fork, named(fork, name).caller, region), edit, asked) for name in names)
        if edit == "delete" and done:
            fork.advance(8 * DAY_MS)
        return fork, done

    def do(self, hand: Hand, edit: str, asked: Asked) -> bool:
        if edit == "disable":
            reply = hand.ask("kms:DisableKey", KeyId=asked.of)
        elif edit in ("schedule", "delete"):
            reply = hand.ask("kms:ScheduleKeyDeletion", KeyId=asked.of, PendingWindowInDays=7)
        elif edit == "unshare":
            snapshot = self.snapshot(asked.of)
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
        policy = self.policy(hand.cloud, asked.of)
        kept = [one for one in policy["Statement"] if one.get("Sid") != asked.statement]
        if len(kept) == len(policy["Statement"]):
            return False
        text = json.dumps(policy | {"Statement": kept})
        asked_for = {"KeyId": asked.of, "Policy": text, "BypassPolicyLockoutSafetyCheck": True}
        return hand.ask("kms:PutKeyPolicy", **asked_for).error is None

    def policy(self, cloud: Cloud, arn: str) -> dict[str, Any]:
        key = cloud.world.records.get(Key, arn.split(":")[4], region_of(arn), arn.rpartition("/")[2])
        assert key is not None
        return json.loads(key.policy)

    # independence

    def independence(self, graph: Graph) -> None:
        """Whoever of the owner's reads a thing still reads it if everything of that account is gone."""
        pairs = [(id, account) for id in self.blocks for account in ACCOUNTS]
        bound = [(id, account) for id, account in pairs if account != self.owner[id] and account in _needed(graph, id)]
        id, account = self.next("independent", (self.next("is bound", (True, False)) and bound) or pairs)
        holds, owner = bool(independent_of(graph, id, account)), self.owner[id]
        PUT["independent", holds] += 1
        if owner == account:
            assert not holds
            return
        fork = without_account(self.cloud, account)
        for name in ("root", "worker"):
            if before := self.by_itself(self.cloud, f"{owner}/{name}", id):
                left = self.by_itself(fork, f"{owner}/{name}", id)
                assert (left == before) if holds else not left, (id, account, name)
                PUT["independent", holds, "read"] += 1
                return

    def by_itself(self, cloud: Cloud, who: str, id: str) -> set[str]:
        """Without roles that it may assume, which go with their accounts."""
        reader = Reader(Hand(cloud, named(cloud, who).caller), self.plain, ELSEWHERE)
        return reader.ways(id, self.blocks[id])

    # difference

    def difference(self, graph: Graph) -> None:
        (records, before), now = self.last, self.cloud.world.records
        change = diff(before, graph)
        assert applied(before, change) == (dict(graph.nodes), {edge_key(edge): edge for edge in graph.edges})
        came, went = set(described(now)) - set(described(records)), set(described(records)) - set(described(now))
        assert {node.id for node in change.gained_nodes if node.kind in DESCRIBED} == came
        assert {node.id for node in change.lost_nodes if node.kind in DESCRIBED} == went
        for edge in change.gained_edges:
            if edge.kind == "encrypts":
                self.opens(graph, edge.source, edge.target)
        PUT["difference", bool(change)] += 1
        self.last = (now, graph)

    def opens(self, graph: Graph, data_key: str, id: str) -> None:
        """The material that the graph names unwraps the data key, and that opens the first block."""
        world, account = self.cloud.world, graph.nodes[id].account
        thing = next(one for kind in (Snapshot, Volume) for one in world.records.scan(kind, account) if one.id == id)
        (wraps,) = (edge for edge in graph.into(data_key) if edge.kind == "wraps")
        (material,) = (one for one in world.records.scan(Material) if one.material_id == wraps.source)
        assert thing.data_key is not None
        assert material.secret is not None
        context = {"aws:ebs:id": thing.data_key.context_id}
        plain = envelope.open(material.secret, thing.data_key.ciphertext, context)
        for _, ref in list(maps.items(thing.blocks, plane.reader(world)))[:1]:
            cipher.open_block(plain, ref, world.blocks(ref))
            PUT["opened"] += 1


def _needed(graph: Graph, id: str) -> set[str]:
    """The accounts of what it rests on."""
    return {node.account for node in depends_on(graph, id).nodes}


DESCRIBED = ("key", "material", "alias", "grant", "snapshot", "volume", "image")


def described(records: Records) -> Iterator[str]:
    """The ids of what the graph takes from records one by one."""
    yield from (key.arn for key in records.scan(Key))
    yield from (alias.arn for alias in records.scan(Alias))
    yield from (material.material_id for material in records.scan(Material))
    for kind in (Grant, Snapshot, Volume, Image):
        yield from (one.id for one in records.scan(kind))


def applied(graph: Graph, change: Change) -> tuple[dict[str, Any], dict[Any, Any]]:
    nodes = dict(graph.nodes)
    for node in change.lost_nodes:
        del nodes[node.id]
    nodes |= {node.id: node for node in (*change.gained_nodes, *(new for _, new in change.changed_nodes))}
    edges = {edge_key(edge): edge for edge in graph.edges}
    for edge in change.lost_edges:
        del edges[edge_key(edge)]
    edges |= {edge_key(edge): edge for edge in (*change.gained_edges, *(new for _, new in change.changed_edges))}
    return nodes, edges


def test_the_answers_are_what_really_happens_in_every_state_of_three_accounts() -> None:
    PUT.clear()
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
    everything_was_put()


def everything_was_put() -> None:
    put = [key for key in PUT if isinstance(key, tuple)]
    assert {key[1] for key in put if key[0] == "reads"} == {"snap", "vol", "ami"}
    assert {key[2] for key in put if key[0] == "reads"} == set(EVERYBODY)
    assert {key[1] for key in put if key[0] == "edit"} == set(EDITS)
    assert {key[2] for key in put if key[0] == "edit"} >= {"changes", "leaves"}
    assert PUT["independent", True, "read"]
    assert PUT["independent", False, "read"]
    for way in ("direct", "volume", "copy", f"copy {ELSEWHERE}", f"copy {KEYED}", "launch", "restore"):
        assert PUT["way", way, True], way
        assert PUT["way", way, False], way
    assert PUT["difference", True]
    assert PUT["difference", False]
    assert PUT["opened"]
