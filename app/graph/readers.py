"""Who can read a snapshot, volume or image, by which way, and what that rests on.

Each principal tries each way in a fork of the world (`reading`); nothing is worked out from documents. A way that holds
rests on the statements and grants that allowed its calls, on the share, and on what the blocks rest on; one that does
not ends at a refusal with its cause. Attached volumes are told apart: what a machine holds open stays open until it is
detached, whatever becomes of the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from app.graph.build import Graph
from app.graph.ends import EVERYONE
from app.graph.questions import depends_on
from app.graph.reading import Ready, asked_about, prepared, tries
from app.graph.things import Thing, held_open
from app.graph.trying import Try
from app.graph.who import Who
from app.kernel.log import DecisionEntry
from app.policy.causes import Cause
from app.policy.question import LayerKind
from app.services.kms.records import Grant, Key, alias_arn

if TYPE_CHECKING:
    from app.kernel.cloud import Cloud
    from app.kernel.edge import Edge
    from app.kernel.world import World

PRINCIPALS_MAX: Final = 200  # asked for one thing; the rest is counted


@dataclass(frozen=True, slots=True)
class Ground:
    """A statement or grant, and the actions that it decided. An account's root needs none for its own things."""

    layer: str
    account: str
    policy: str
    attached_to: str
    statement: str  # its Sid, or Statement[n]; "" of a grant
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a way ended: the call below that was refused, and why."""

    call: str  # what was asked: ec2:CopySnapshot
    code: str  # AWS's, of that call
    refused: str  # the call whose refusal made it fail: kms:CreateGrant, or the same
    cause: str
    sentence: str
    action: str = ""  # of the decision, where a policy refused
    resource: str = ""
    grounds: tuple[Ground, ...] = ()  # the statements that denied, or would have allowed but for a condition


@dataclass(frozen=True, slots=True)
class WayFound:
    way: str
    holds: bool
    calls: tuple[str, ...]
    roles: tuple[str, ...] = ()  # that were assumed first, one after the other
    grounds: tuple[Ground, ...] = ()
    stop: Stop | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """One principal and all ways; `edges`: what those that hold rest on, of the thing and its key.

    What they rest on beyond, such as the principal's own key or policies, stands with the ways.
    """

    who: str
    account: str
    ways: tuple[WayFound, ...]
    edges: tuple[Edge, ...] = ()

    @property
    def reads(self) -> bool:
        return any(way.holds for way in self.ways)

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(way.way for way in self.ways if way.holds)

    @property
    def stop(self) -> WayFound | None:
        """Of who can not read: how the plainest way ended."""
        return None if self.reads else next(iter(self.ways), None)


@dataclass(frozen=True, slots=True)
class Readers:
    thing: str
    readers: tuple[Reader, ...]
    attached: tuple[tuple[str, str], ...]  # (volume, instance): open, and so until it is detached
    left_out: int  # principals that were not asked


def readers(
    cloud: Cloud, graph: Graph, thing: Thing, asked: Iterable[Who] = (), *, every: bool = True,
    limit: int = PRINCIPALS_MAX,
) -> Readers:  # fmt: skip
    """`asked`: these principals, else all to whom it is open. `every`: all ways, not only the first that holds."""
    ready = prepared(cloud, thing)
    every_one = list(asked) or list(asked_about(cloud, ready))
    chain = depends_on(graph, thing.id).edges
    found = tuple(_reader(cloud, ready, graph, who, chain, every) for who in islice(every_one, limit))
    return Readers(thing.id, found, tuple(held_open(cloud.world, thing)), max(0, len(every_one) - limit))


def _reader(cloud: Cloud, ready: Ready, graph: Graph, who: Who, chain: tuple[Edge, ...], every: bool) -> Reader:
    ways = ways_of(cloud, ready, who, every=every)
    holding = [way for way in ways if way.holds]
    if not holding:
        return Reader(who.id, who.account, ways)
    bound = {end for edge in chain for end in (edge.source, edge.target)}
    grounds = [ground for way in holding for ground in way.grounds if ground.attached_to in bound]
    meant = {who.id, who.account, EVERYONE, *(name for way in holding for name in _names_of(way))}
    edges = {*chain, *_shares(graph, ready.thing, meant), *(e for one in grounds for e in _edges_of(graph, one, meant))}
    return Reader(who.id, who.account, ways, tuple(sorted(edges)))


def _names_of(way: WayFound) -> Iterator[str]:
    """Under which what it ends in may be let in: the last of its roles, and that role's account."""
    for role in way.roles[-1:]:
        yield from (role, role.split(":")[4])


def ways_of(cloud: Cloud, ready: Ready, who: Who, *, every: bool = True) -> tuple[WayFound, ...]:
    """Each way with what it rests on, or where it ends."""
    return tuple(_way(ready.world, attempt) for attempt in tries(cloud, ready, who, every=every))


def _way(world: World, attempt: Try) -> WayFound:
    stop = _stop(attempt) if attempt.refused else None
    grounds = _grounds(world, attempt.entries) if attempt.holds else ()
    return WayFound(attempt.way, attempt.holds, attempt.calls, attempt.roles, grounds, stop, attempt.missing)


def _stop(attempt: Try) -> Stop:
    told = attempt.refused
    assert told is not None
    cause = Cause.__members__.get(told.refused.cause)
    called = told.answered or told.failed
    decided = told.decided
    return Stop(
        call=called.operation,
        code=told.failed.code,
        refused=told.refused.operation,
        cause=told.refused.cause,
        sentence=cause.sentence if cause else told.failed.message,
        action=decided.action if decided else "",
        resource=decided.resource if decided else "",
        grounds=_by_place([(decided.action, decided.trace)]) if decided else (),
    )


# What allowed it.


def _grounds(world: World, entries: Iterable[Any]) -> tuple[Ground, ...]:
    """The statements and grants by which calls were allowed, without the grants that the calls themselves made."""
    decisions = (one for one in entries if isinstance(one, DecisionEntry) and one.allowed)
    found = _by_place([(one.action, json.loads(one.body)) for one in decisions])
    return tuple(kept for ground in found if (kept := _kept(world, ground)))


def _kept(world: World, ground: Ground) -> Ground | None:
    """None for a grant that came of the calls; AWS's own key that was first used by them goes by its alias."""
    if not ground.attached_to.startswith("arn:aws:kms:"):
        return ground
    region, key_id = ground.attached_to.split(":")[3], ground.attached_to.rpartition("/")[2]
    if ground.layer == LayerKind.GRANT:
        return ground if world.records.get(Grant, ground.account, region, ground.policy) else None
    if world.records.get(Key, ground.account, region, key_id):
        return ground
    return replace(ground, attached_to=alias_arn(region, ground.account, "alias/aws/ebs"))


def _by_place(decisions: list[tuple[str, dict[str, Any]]]) -> tuple[Ground, ...]:
    actions: dict[tuple[str, ...], dict[str, None]] = {}
    for action, trace in decisions:
        for place in trace.get("decidedBy", ()):
            at = place["statement"]
            statement = place["sid"] or (f"Statement[{at}]" if at is not None else "")
            key = (place["layer"], place["account"], place["policy"], place["attachedTo"], statement)
            actions.setdefault(key, {})[action] = None
    return tuple(Ground(*key, tuple(sorted(named))) for key, named in actions.items())  # type: ignore[misc]


def _shares(graph: Graph, thing: Thing, meant: set[str]) -> Iterator[Edge]:
    """The attribute that lets somebody else than the owner in: of the thing, or of an image that holds it."""
    if not any(name.isdigit() and name != thing.account for name in meant):
        return
    holders = [thing.id, *(edge.source for edge in graph.into(thing.id) if edge.kind == "derived-from")]
    for edge in (edge for id in holders for edge in graph.out_of(id)):
        if edge.kind == "shared-with" and edge.target in meant:
            yield edge


def _edges_of(graph: Graph, ground: Ground, meant: set[str]) -> Iterator[Edge]:
    """A key policy's statement, or a grant, as it stands in the graph."""
    if ground.layer == LayerKind.GRANT:
        yield from graph.out_of(ground.policy)
        yield from (edge for edge in graph.into(ground.policy) if edge.kind == "grant-of")
    elif ground.layer == LayerKind.RESOURCE:
        for edge in graph.out_of(ground.attached_to):
            is_of_them = edge.target in meant
            if edge.kind in ("delegates", "allows") and edge.rests_on == ground.statement and is_of_them:
                yield edge
