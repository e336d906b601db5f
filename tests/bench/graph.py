"""The graph of a large world, and the questions asked of it: build time, and the time of each question.

A world of 100,000 resources: a hundred accounts with users, roles, keys (policies of three statements, grants,
aliases, a rotated material here and there), volumes, snapshots, copies that other accounts made of them, and images.
The share that is asked about is made by real calls, so that its blocks really decrypt; the rest is put straight into
the records, each with what a real one holds. Aims: built in 2 s, the first question on a graph in 0.5 s, a question
that evaluates one principal under 50 ms. Times are of this process's processor, so that what else the machine does
counts little; building is done several times, each from nothing (no policy is remembered), and networkx alone, which
builds a graph of the same nodes and edges in between, says how fast the machine was.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.crypto import envelope
from app.crypto.material import Secret
from app.graph import asking
from app.graph.build import Graph, build
from app.graph.edits import Asked, edit_of
from app.graph.questions import becomes_unreadable, depends_on, independent_of, no_path, resolve, select
from app.graph.who import named
from app.kernel.cloud import Cloud
from app.kernel.records import Record
from app.kernel.store import MemoryStore
from app.kernel.world import World
from app.policy.document import parse
from app.services import all_services
from app.services.ebs.compute_records import BlockDevice, Image
from app.services.ebs.records import DataKey, Snapshot, Volume
from app.services.iam.records import Account, Role, User
from app.services.kms.records import Alias, Grant, Key, Material, key_arn
from tests.sharing.accounts import SOURCE, TARGET, Things, TwoAccounts, allow, document, root

REGION = "us-east-1"
RESOURCES = 100_000
ACCOUNTS = 100
COMPANY = "500000000007"
ROUNDS = 7
BUILDS = 5
BUILDING = (
    "built (aim 2 s)", "first question that follows edges (aim 0.5 s)", "first name that is the end of an ARN",
    "networkx alone, the same nodes and edges",
)  # fmt: skip
USE = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom")


def bulk(world: World, count: int) -> Iterator[Record]:
    """So many records that are nodes of the graph, account by account, in the mix of a company that shares backups."""
    accounts = [str(500_000_000_000 + n) for n in range(ACCOUNTS)]
    each = count // ACCOUNTS
    for n, account in enumerate(accounts):
        yield from _account(world, account, accounts[(n + 1) % ACCOUNTS], each)


def _account(world: World, account: str, partner: str, count: int) -> Iterator[Record]:
    """Of a hundred resources: 4 principals, 18 of keys (key, material, alias, 3 grants), 76 of EBS, 2 images."""
    yield Account(account=account, id=account, created_ms=0)
    keys = max(1, count * 3 // 100)
    for n in range(count * 2 // 100):
        yield User(account=account, id=f"user{n}", name=f"user{n}", unique_id=f"AIDA{account}{n}", created_ms=0)
        yield Role(
            account=account,
            id=f"role{n}",
            name=f"role{n}",
            unique_id=f"AROA{account}{n}",
            created_ms=0,
            trust=_trust(account, partner, n),
        )
    for n in range(keys):
        yield from _key(world, account, partner, n)
    for n in range(count * 38 // 100):
        yield from _backup(world, account, partner, n, n % keys)
    for n in range(count * 2 // 100):
        devices = (BlockDevice("/dev/xvda", _id(world, "snap", account, n)),)
        yield Image(
            account=account, region=REGION, id=_id(world, "ami", account, n), name=f"image{n}", created_ms=0,
            root_device="/dev/xvda", devices=devices,
        )  # fmt: skip


def _trust(account: str, partner: str, n: int) -> str:
    """Of every fourth role the partner's users, of the others one user of the account."""
    return trust_of(f"arn:aws:iam::{partner}:root" if n % 4 == 0 else f"arn:aws:iam::{account}:user/user{n}")


def trust_of(whom: str) -> str:
    said = {"Effect": "Allow", "Principal": {"AWS": whom}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [said]})


def _id(world: World, prefix: str, account: str, n: int) -> str:
    return f"{prefix}-0{world.digest(prefix, account, n).hex()[:16]}"


def _key_id(world: World, account: str, n: int) -> str:
    text = world.digest("bulk key", account, n).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _material_id(world: World, account: str, n: int) -> str:
    return world.digest("bulk material", account, n).hex()


def _key(world: World, account: str, partner: str, n: int) -> Iterator[Record]:
    id = _key_id(world, account, n)
    policy = document(
        (
            *allow(f"arn:aws:iam::{account}:root", "kms:*", Sid="EnableRoot"),
            *allow(f"arn:aws:iam::{partner}:root", *USE, Sid="AllowPartner"),
            *allow(f"arn:aws:iam::{account}:user/user0", "kms:Decrypt", Sid=f"Reader{n}"),
        )
    )
    yield Key(account=account, region=REGION, id=id, created_ms=0, policy=policy, material_id="m", materials=1)
    yield Material(
        account=account, region=REGION, id=f"{id}/1", key_id=id, material_id=_material_id(world, account, n),
        secret=None,
    )  # fmt: skip
    yield Alias(account=account, region=REGION, id=f"alias/key{n}", key_id=id, created_ms=0, updated_ms=0)
    for g in range(3):
        yield Grant(
            account=account, region=REGION, id=world.digest("grant", account, n, g).hex(), key_id=id, created_ms=g,
            grantee=f"arn:aws:iam::{partner}:role/role{g}", operations=("Decrypt", "CreateGrant"), issuer=account,
        )  # fmt: skip


def _backup(world: World, account: str, partner: str, n: int, k: int) -> Iterator[Record]:
    """A volume and its snapshot under one data key; every other one a copy of the partner's snapshot instead."""
    volume, snapshot = _id(world, "vol", account, n), _id(world, "snap", account, n)
    data_key = _data_key(world, account, k, volume)
    yield Volume(
        account=account, region=REGION, id=volume, zone=f"{REGION}a", size_gib=8, type="gp3", state="available",
        created_ms=0, encrypted=True, key_arn=data_key.key_arn, data_key=data_key, family=volume,
    )  # fmt: skip
    is_copy = n % 2 == 1
    context = snapshot if is_copy else volume
    yield Snapshot(
        account=account, region=REGION, id=snapshot, origin="CopySnapshot" if is_copy else "CreateSnapshot",
        volume_id=volume, size_gib=8, state="completed", started_ms=0, encrypted=True, key_arn=data_key.key_arn,
        data_key=_data_key(world, account, k, context), family=volume,
        source_id=_id(world, "snap", partner, n - 1) if is_copy else volume,
        shared_with=() if is_copy else (partner,),
    )  # fmt: skip


def _data_key(world: World, account: str, k: int, context: str) -> DataKey:
    arn = key_arn(REGION, account, _key_id(world, account, k))
    material, wrapped = _material_id(world, account, k), {"aws:ebs:id": context}
    return DataKey(envelope.seal(_SECRET, arn, material, b"k" * 64, wrapped, world.digest("dk", context)), arn, context)


_SECRET = Secret(b"m" * 32)


def filled(count: int = RESOURCES) -> tuple[World, Things]:
    """A share made by real calls, among so many other resources."""
    share = TwoAccounts.prepared().share()
    root(share.cloud, TARGET).user("assumes", *allow("sts:AssumeRole"))
    root(share.cloud, TARGET).do("iam:CreateRole", RoleName="importer", AssumeRolePolicyDocument=trust_of(TARGET))
    may_read = document((*allow("ebs:*"), *allow("kms:*")))
    asked = {"RoleName": "importer", "PolicyName": "inline", "PolicyDocument": may_read}
    root(share.cloud, TARGET).do("iam:PutRolePolicy", **asked)
    assert share.copy_to_target().outcome == "completed"
    world = share.cloud.world
    records = world.records
    for record in bulk(world, count):
        records = records.put(record)
    return world.with_records(records), share.things


# --- figures ----------------------------------------------------------------------------------------------------------


def once(action: Callable[[], object]) -> tuple[float, object]:
    begun = time.process_time()
    found = action()
    return time.process_time() - begun, found


def row(name: str, action: Callable[[], object], rounds: int = ROUNDS) -> None:
    """The median of so many runs, in ms."""
    times = [once(action)[0] * 1e3 for _ in range(rounds)]
    print(f"  {name:52}{statistics.median(times):10.2f} ms")
    sys.stdout.flush()


def building(world: World, things: Things) -> Graph:
    """Each round a new build; the first question on it follows edges either way, and sorts them before."""
    services, rounds = all_services(), list[tuple[float, ...]]()
    for _ in range(BUILDS):
        parse.cache_clear()
        built, graph = once(lambda: build(services, world))
        assert isinstance(graph, Graph)
        first, _ = once(partial(first_question, graph, things))
        named, _ = once(partial(resolve, graph, things.source_key.rpartition("/")[2]))
        theirs, _ = once(partial(networkx_alone, graph))
        rounds.append((built, first, named, theirs))
    print(f"graph of {len(world.records):,} records: {len(graph.nodes):,} nodes, {len(graph.edges):,} edges")
    for name, times in zip(BUILDING, zip(*rounds, strict=True), strict=True):
        print(f"  {name:58}{min(times):8.2f} s at least, {statistics.median(times):.2f} s median of {BUILDS}")
    ratios = [built / theirs for built, _, _, theirs in rounds]
    print(f"  {'built, against networkx alone':58}{statistics.median(ratios):8.2f} of it, median")
    return graph


def first_question(graph: Graph, things: Things) -> None:
    """What the share rests on, and what is lost without its key."""
    assert depends_on(graph, things.snapshot)
    assert becomes_unreadable(graph, things.source_key)


def networkx_alone(graph: Graph) -> object:
    """Made anew: a graph keeps its own."""
    return Graph(graph.nodes, graph.edges).networkx


def by_structure(graph: Graph, things: Things) -> None:
    print("questions that structure answers")
    key, snapshot = things.source_key, things.snapshot
    copy = next(e.source for e in graph.into(snapshot) if e.kind == "derived-from")
    row("what a copy rests on", lambda: depends_on(graph, copy))
    row("what is lost without a key", lambda: becomes_unreadable(graph, key))
    row("what is lost without a company's account", lambda: becomes_unreadable(graph, "500000000000"))
    row("independence of a copy", lambda: independent_of(graph, copy, SOURCE))
    row("no path", lambda: no_path(graph, copy, key))
    row("a selection of two hops", lambda: select(graph, f"{snapshot}+2"))
    row("a name: the end of an ARN", lambda: resolve(graph, key.rpartition("/")[2]))
    row("a name: its first letters", lambda: resolve(graph, snapshot[:-2]))


def evaluated(cloud: Cloud, graph: Graph, things: Things) -> None:
    print("questions that evaluate one principal, every way tried (aim 50 ms)")
    restorer, snapshot = named(cloud, f"{TARGET}/restorer"), things.snapshot
    row("who can read, of one who can", lambda: asking.readers(cloud, graph, snapshot, [restorer]))
    by_role = named(cloud, f"{TARGET}/assumes")
    row("who can read, of one who can by a role", lambda: asking.readers(cloud, graph, snapshot, [by_role]))
    stranger = named(cloud, "500000000001/user1")
    row("who can read, of one who can not", lambda: asking.readers(cloud, graph, snapshot, [stranger]))
    companys = next(node.id for node in graph.nodes.values() if node.kind == "snapshot" and node.account == COMPANY)
    row("who can read a company's, of a user there", partial(_of_company, cloud, graph, companys))
    for name, asked in (
        ("disable", Asked(things.source_key)), ("schedule", Asked(things.source_key)),
        ("remove-statement", Asked(things.source_key, statement="Statement[1]")), ("unshare", Asked(snapshot, TARGET)),
    ):  # fmt: skip
        edit = edit_of(graph, cloud.world, name, asked)
        ask = partial(asking.impact, cloud, graph, edit, of=[snapshot], asked=[restorer])
        row(f"impact: {name}", ask)


def _of_company(cloud: Cloud, graph: Graph, snapshot: str) -> object:
    """Its account and its partner's have sixty roles each, or as many as lead there."""
    return asking.readers(cloud, graph, snapshot, [named(cloud, f"{COMPANY}/user1")])


def main() -> None:
    filling, (world, things) = once(filled)  # type: ignore[misc]
    print(f"filled in {filling:.1f} s")
    graph = building(world, things)
    by_structure(graph, things)
    evaluated(Cloud.create(all_services(), MemoryStore(), world), graph, things)


if __name__ == "__main__":
    main()
