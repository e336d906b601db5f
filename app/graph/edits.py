"""Edits of a world that can be asked about before anybody makes them: each a row, made by real calls in a fork.

A call is made as the root of the account, or, where that may not, as the first user or role of the account that may;
where nobody may, the answer says so. That an account leaves is no call: all that it owns is gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from app.graph.build import Graph
from app.graph.ends import EVERYONE
from app.graph.questions import HOLDS_DATA, becomes_unreadable, resolve
from app.graph.things import found
from app.graph.who import principals
from app.kernel.call import Caller, Request, root_of
from app.kernel.clock import DAY_MS, Clock, iso
from app.services.kms.records import Key

if TYPE_CHECKING:
    from app.kernel.cloud import Cloud
    from app.kernel.edge import Node
    from app.kernel.world import World

WINDOW_DAYS: Final = 30  # of a key's deletion, where none is said: KMS's own default
_DENIED: Final = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})


class InvalidEdit(ValueError):
    """What was asked is no edit: a name, or something that it needs, in words."""


class CannotEdit(ValueError):
    """The edit can not be made in this world, in words."""


@dataclass(frozen=True, slots=True)
class Edit:
    title: str
    requests: tuple[Request, ...] = ()
    gone: str = ""  # the node that the structure loses by it; "" where it only loses permissions
    things: tuple[str, ...] = ()  # ids of what it may make unreadable
    leaves: str = ""  # an account whose everything goes
    wait_ms: int = 0  # until it has its effect
    is_fixed: bool = False  # made as its own caller and nobody else


@dataclass(frozen=True, slots=True)
class Made:
    cloud: Cloud  # the fork in which it was made
    notes: tuple[str, ...] = ()
    answers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What an edit is asked with; which of these a row needs stands in `ROWS`."""

    of: str
    account: str = ""
    statement: str = ""
    days: int = WINDOW_DAYS


@dataclass(frozen=True, slots=True)
class Row:
    words: str  # what it does
    of: str  # the kind of thing that it is done to
    edit: Callable[[Graph, World, Node, Asked], Edit]
    needs: tuple[str, ...] = field(default=())  # of Asked, beside `of`


def edit_of(graph: Graph, world: World, name: str, asked: Asked) -> Edit:
    """The edit of that name. NoSuchNode, or InvalidEdit for what does not fit."""
    row = ROWS.get(name)
    if row is None:
        raise InvalidEdit(f"there is no edit {name!r}: {', '.join(ROWS)}")
    for need in row.needs:
        if not getattr(asked, need):
            raise InvalidEdit(f"to {row.words}, say which {need}")
    node = graph.nodes[resolve(graph, asked.of)]
    if node.kind not in row.of.split(" or "):
        raise InvalidEdit(f"to {row.words} takes a {row.of}, and {node.id} is a {node.kind}")
    return row.edit(graph, world, node, asked)


# The rows.


def _request(operation: str, account: str, region: str, **parameters: Any) -> Request:
    return Request(operation, parameters, root_of(account), region)


def _on_key(operation: str, node: Node, **parameters: Any) -> Request:
    return _request(operation, node.account, node.id.split(":")[3], KeyId=node.id, **parameters)


def _lost(graph: Graph, id: str) -> tuple[str, ...]:
    return tuple(node.id for node in becomes_unreadable(graph, id).nodes)


def _disable(graph: Graph, world: World, key: Node, asked: Asked) -> Edit:
    return Edit(f"disable key {key.id}", (_on_key("kms:DisableKey", key),), key.id, _lost(graph, key.id))


def _schedule(graph: Graph, world: World, key: Node, asked: Asked) -> Edit:
    """From then on it refuses; for good only when the window is over."""
    request = _on_key("kms:ScheduleKeyDeletion", key, PendingWindowInDays=asked.days)
    title = f"schedule the deletion of key {key.id} in {asked.days} days"
    return Edit(title, (request,), key.id, _lost(graph, key.id))


def _delete(graph: Graph, world: World, key: Node, asked: Asked) -> Edit:
    scheduled = _schedule(graph, world, key, asked)
    return replace(scheduled, title=f"delete key {key.id} after {asked.days} days", wait_ms=(asked.days + 1) * DAY_MS)


def _revoke(graph: Graph, world: World, grant: Node, asked: Asked) -> Edit:
    key = next((edge.source for edge in graph.into(grant.id) if edge.kind == "grant-of"), "")
    request = _on_key("kms:RevokeGrant", graph.nodes[key], GrantId=grant.id)
    return Edit(f"revoke grant {grant.id} on key {key}", (request,), things=_lost(graph, key))


def _remove_statement(graph: Graph, world: World, key: Node, asked: Asked) -> Edit:
    _, _, _, region, account, _ = key.id.split(":", 5)
    record = world.records.get(Key, account, region, key.id.rpartition("/")[2])
    assert record is not None
    document = json.loads(record.policy)
    said = document.get("Statement", [])
    statements = said if isinstance(said, list) else [said]
    named = [one.get("Sid") or f"Statement[{n}]" for n, one in enumerate(statements)]
    if asked.statement not in named:
        raise InvalidEdit(f"the policy of {key.id} has no statement {asked.statement!r}: {', '.join(named)}")
    kept = [one for one, name in zip(statements, named, strict=True) if name != asked.statement]
    return policy_edit(graph, key, json.dumps(document | {"Statement": kept}), f"remove statement {asked.statement}")


def _unshare(graph: Graph, world: World, thing: Node, asked: Asked) -> Edit:
    """Of a snapshot or an image: the account, or everyone, is not let in any more."""
    record = found(world, thing.id, thing.account)
    region = record.region if record else ""
    holder = asked.account.partition("/")[0]
    item = {"Group": "all"} if holder == EVERYONE else {"UserId": holder}
    change = {"Remove": [item]}
    if thing.kind == "snapshot":
        request = _request(
            "ec2:ModifySnapshotAttribute", thing.account, region, SnapshotId=thing.id, CreateVolumePermission=change
        )
    else:
        request = _request("ec2:ModifyImageAttribute", thing.account, region, ImageId=thing.id, LaunchPermission=change)
    if not any(edge.kind == "shared-with" and edge.target == holder for edge in graph.out_of(thing.id)):
        raise InvalidEdit(f"{thing.id} is not shared with {holder}")
    held = [edge.target for edge in graph.out_of(thing.id) if edge.kind == "derived-from"]
    things = (thing.id, *held) if thing.kind == "image" else (thing.id,)
    return Edit(f"stop sharing {thing.id} with {holder}", (request,), things=things)


def _leave(graph: Graph, world: World, account: Node, asked: Asked) -> Edit:
    """All that it owns goes, and so do its principals, who may read what others own."""
    shared = (edge.source for edge in graph.into(account.id) if edge.kind == "shared-with")
    things = tuple(dict.fromkeys((*_lost(graph, account.id), *shared)))
    return Edit(
        f"account {account.id} leaves, with all that it owns", gone=account.id, things=things, leaves=account.id
    )


ROWS: Final[Mapping[str, Row]] = {
    "disable": Row("disable a key", "key", _disable),
    "schedule": Row("schedule the deletion of a key", "key", _schedule),
    "delete": Row("delete a key for good", "key", _delete),
    "revoke": Row("revoke a grant", "grant", _revoke),
    "remove-statement": Row("remove a statement of a key policy", "key", _remove_statement, ("statement",)),
    "unshare": Row("stop sharing a snapshot or image", "snapshot or image", _unshare, ("account",)),
    "leave": Row("let an account leave", "account", _leave),
}


# Edits that are written out.


def policy_edit(graph: Graph, holder: Node, text: str, title: str = "") -> Edit:
    """A policy put in place: of a key its key policy, of a user or role its one inline policy `reseal`."""
    if holder.kind == "key":
        bypass = {"BypassPolicyLockoutSafetyCheck": True}
        request = _on_key("kms:PutKeyPolicy", holder, Policy=text, **bypass)
        return Edit(f"{title or 'put the policy'} of key {holder.id}", (request,), things=_lost(graph, holder.id))
    kind = holder.id.split(":")[5].partition("/")[0].capitalize() if holder.kind == "principal" else ""
    if kind not in ("User", "Role"):
        raise InvalidEdit(f"a policy is put on a key, user or role, and {holder.id} is a {holder.kind}")
    name = holder.id.rpartition("/")[2]
    named = {f"{kind}Name": name, "PolicyName": "reseal", "PolicyDocument": text}
    request = _request(f"iam:Put{kind}Policy", holder.account, "us-east-1", **named)
    return Edit(f"put the policy on {holder.id}", (request,))


def call_edit(caller: Caller, operation: str, region: str, parameters: Mapping[str, Any]) -> Edit:
    """Any call, made as somebody and nobody else; parameters in botocore's shape."""
    return Edit(f"{operation} as {caller.arn}", (Request(operation, parameters, caller, region),), is_fixed=True)


# Making it.


def made(cloud: Cloud, edit: Edit) -> Made:
    """The edit, made in a fork at this moment. CannotEdit where AWS refuses it, or nobody may."""
    world = replace(cloud.world, clock=Clock(mode="manual", settle="instant", now_ms=cloud.now_ms()))
    if edit.leaves:
        world = without(cloud, world, edit.leaves)
    aside = cloud.aside(world)
    notes, answers = list[str](), list[Mapping[str, Any]]()
    for request in edit.requests:
        answers.append(_done(aside, request, notes, is_fixed=edit.is_fixed))
    if edit.wait_ms:
        aside.advance(edit.wait_ms)
        notes.append(f"from {iso(aside.now_ms())} on")
    dates = (answer["DeletionDate"] for answer in answers if "DeletionDate" in answer)
    notes += [f"it can be cancelled until {date:%Y-%m-%dT%H:%M:%SZ}" for date in dates if not edit.wait_ms]
    _ = aside.world  # what it set off is done
    return Made(aside, tuple(notes), tuple(answers))


def _done(cloud: Cloud, request: Request, notes: list[str], *, is_fixed: bool) -> Mapping[str, Any]:
    reply = cloud.call(request)
    if reply.error is None:
        return reply.answer or {}
    account = request.caller.account
    others = () if is_fixed or reply.error.code not in _DENIED else principals(cloud, [account])
    for who in others:
        again = cloud.call(replace(request, caller=who.caller))
        if again.error is None:
            notes.append(f"{who.id} has to do it: the account's root may not")
            return again.answer or {}
    raise CannotEdit(f"{request.operation} is refused: {reply.error.code}: {reply.error.message}")


def without(cloud: Cloud, world: World, account: str) -> World:
    """The world as if the account had never owned anything."""
    records = world.records
    for kind in cloud.services.kinds.values():
        for record in list(records.scan(kind, account)):
            records = records.delete(record)
    return world.with_records(records)


def touched(graph: Graph, ids: Iterator[str]) -> tuple[str, ...]:
    """The snapshots, volumes and images that these nodes are, or that rest on them."""
    found: dict[str, None] = {}
    for id in ids:
        if id not in graph.nodes or graph.nodes[id].kind == "account":
            continue
        if graph.nodes[id].kind in HOLDS_DATA:
            found[id] = None
        found |= dict.fromkeys(_lost(graph, id))
    return tuple(sorted(found))
