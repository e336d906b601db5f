"""What can be asked of the graph's structure. Questions that need a policy evaluated are asked in a fork, not here.

One idea carries all of them: *resting on*. A thing that can be read rests on whatever must be there for the read: a
snapshot on its data key, that on the key material which wraps it, that on its key, and each on the account that owns
it. History is not dependency: a re-encrypted copy was derived from its source, and is readable without it.
A finding is true or false, and names the nodes and edges it rests on. A question follows the edges of the nodes that it
meets, and costs what it finds, whatever the size of the world: what networkx's own graph would take to build is more
than all that is asked of it here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from app.graph.build import Graph
from app.kernel.edge import Edge, EdgeKind, Node
from app.policy.match import action_test

# The edges a read follows, each from what is needed to what needs it. Everything else is permission, name or history.
READING: Final[frozenset[EdgeKind]] = frozenset({"owns", "material-of", "wraps", "encrypts"})
# An image holds no data of its own: of all that is derived, it alone still needs what it was made from.
REFERENCES: Final = frozenset({"image"})
HOLDS_DATA: Final = frozenset({"snapshot", "volume", "image"})

NEAR: Final = 250  # ids to either side of an unknown one that are looked at for a suggestion
_NOT: Final = "not "
_SELECTION: Final = re.compile(r"(?P<id>.+?)\+(?P<hops>\d*)")


@dataclass(frozen=True, slots=True)
class Finding:
    holds: bool
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def __bool__(self) -> bool:
        return self.holds


class NoSuchNode(KeyError):
    """A name that fits no node of the graph, or several."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show its repr


def depends_on(graph: Graph, node_id: str) -> Finding:
    """What a snapshot or volume rests on: its data key, material, key and the accounts that own them."""
    return _finding(graph, _walked(resolve(graph, node_id), lambda id: _needs(graph, id)))


def becomes_unreadable(graph: Graph, node_id: str) -> Finding:
    """The snapshots, volumes and images that are lost if this key (or material, data key, account) goes.

    A volume attached before the key went stays readable until it is detached: the graph knows no attachment.
    """
    found = _finding(graph, _walked(resolve(graph, node_id), lambda id: _needed_by(graph, id)))
    lost = tuple(node for node in found.nodes if node.kind in HOLDS_DATA)
    return Finding(bool(lost), lost, found.edges)


def independent_of(graph: Graph, node_id: str, account: str) -> Finding:
    """Holds if nothing needed to read it belongs to the account; else names what does, and the way there."""
    needed = depends_on(graph, node_id)
    theirs = tuple(node for node in needed.nodes if node.account == account)
    ways = [path(graph, node_id, node.id) for node in theirs]
    return Finding(not theirs, theirs, tuple(dict.fromkeys(edge for way in ways for edge in way.edges)))


def path(graph: Graph, from_id: str, to_id: str) -> Finding:
    """The shortest way by which `from_id` rests on `to_id` (a volume on a key), nodes and edges in that order."""
    needed, needer = resolve(graph, to_id), resolve(graph, from_id)
    came = _walked(needer, lambda id: _needs(graph, id)).came
    if needed not in came:
        return Finding(False)
    ids, edges = [needed], list[Edge]()
    while step := came[ids[-1]]:
        id, edge = step
        ids.append(id)
        edges.append(edge)
    return Finding(True, tuple(graph.nodes[id] for id in reversed(ids)), tuple(reversed(edges)))


def no_path(graph: Graph, from_id: str, to_id: str) -> Finding:
    """Holds if `from_id` does not rest on `to_id`; else names the way by which it does."""
    found = path(graph, from_id, to_id)
    return Finding(not found.holds, found.nodes, found.edges)


def edges_between(graph: Graph, from_id: str, to_id: str, allows: Iterable[str] = ()) -> Finding:
    """The edges between two nodes that together allow every action named (`kms:*` allows all of kms)."""
    source, target = resolve(graph, from_id), resolve(graph, to_id)
    edges = tuple(edge for edge in graph.out_of(source) if edge.target == target)
    covered = all(any(_allows(edge, action.lower()) for edge in edges) for action in allows)
    return Finding(bool(edges) and covered, tuple(graph.nodes[id] for id in (source, target)), edges)


def select(graph: Graph, text: str) -> Graph:
    """The part of a graph that a selection names: `snap-1+2` is snap-1 and all within two hops, either way.

    `snap-1` alone is one node, `snap-1+` its neighbours; several selections stand apart by blanks. Accounts are boxes,
    not hops: two keys are no neighbours for being owned by one account. NoSuchNode for an id that is not there.
    """
    chosen = {id for part in text.split() for id in around(graph, *_parsed(graph, part))}
    accounts = {graph.nodes[id].account for id in chosen} - {""}
    return graph.only(chosen | accounts)


def resolve(graph: Graph, name: str) -> str:
    """The id of the node that a person means: its id, a root ARN, the end of an ARN, a label, if only one fits.

    NoSuchNode, with the nearest ids, where none or several fit.
    """
    if name in graph.nodes:
        return name
    found = next((ids for ids in _meant(graph, name) if ids), [])
    if len(found) != 1:
        raise NoSuchNode(f"{'several nodes are' if found else 'no node is'} {name!r}{_nearest(graph, name, found)}")
    return found[0]


def _meant(graph: Graph, name: str) -> Iterator[list[str]]:
    """The ids that a name may mean, the surest way of naming first."""
    account = name.removesuffix(":root").rpartition(":")[2]
    yield [account] if name.endswith(f"::{account}:root") and _is_account(graph, account) else []
    yield _with_part(graph, name, "\0")
    yield [id for id in graph.nodes if id.endswith((f"/{name}", f":{name}"))] if "/" in name or ":" in name else []
    yield graph.by_label.get(name, [])
    yield sorted({*_beginning(graph.ids, name), *_with_part(graph, name)})


def _with_part(graph: Graph, start: str, end: str = "") -> list[str]:
    """The ids whose last part, after their last colon or after their last slash, begins so (and ends there)."""
    found: dict[str, None] = {}
    for mark in ":/":
        at = graph.text.find(mark + start + end)
        while at >= 0:
            first, last = graph.text.rfind("\0", 0, at) + 1, graph.text.find("\0", at)
            if graph.text.find(mark, at + 1, last) < 0:
                found[graph.text[first:last]] = None
            at = graph.text.find(mark + start + end, at + 1)
    return list(found)


def _beginning(texts: list[str], start: str) -> Iterator[str]:
    """Those of a sorted list that begin so."""
    for at in range(bisect_left(texts, start), len(texts)):
        if not texts[at].startswith(start):
            return
        yield texts[at]


def _is_account(graph: Graph, id: str) -> bool:
    return id in graph.nodes and graph.nodes[id].kind == "account"


def _nearest(graph: Graph, name: str, found: list[str]) -> str:
    """A few that fit, or that are written alike: of a large graph those near it in the alphabet are compared."""
    from difflib import get_close_matches

    at = bisect_left(graph.ids, name)
    ids = found[:5] or get_close_matches(name, graph.ids[max(0, at - NEAR) : at + NEAR], n=3)
    return f": {', '.join(ids)}" if ids else ""


Step = tuple[str, Edge]  # a node, and the edge by which it is reached


@dataclass(frozen=True, slots=True)
class _Walk:
    origin: str
    came: dict[str, Step | None]  # node -> where it was first reached from, nearest first
    edges: set[Edge]


def _walked(origin: str, steps: Callable[[str], Iterator[Step]]) -> _Walk:
    """All that is reached from a node, breadth first."""
    walk = _Walk(origin, {origin: None}, set())
    ahead = deque([origin])
    while ahead:
        here = ahead.popleft()
        for id, edge in steps(here):
            walk.edges.add(edge)
            if id not in walk.came:
                walk.came[id] = (here, edge)
                ahead.append(id)
    return walk


def _needs(graph: Graph, id: str) -> Iterator[Step]:
    """What a node rests on next."""
    for edge in graph.into(id):
        if edge.kind in READING:
            yield edge.source, edge
    if graph.nodes[id].kind in REFERENCES:
        yield from ((edge.target, edge) for edge in graph.out_of(id) if edge.kind == "derived-from")


def _needed_by(graph: Graph, id: str) -> Iterator[Step]:
    """What rests on a node next."""
    for edge in graph.out_of(id):
        if edge.kind in READING:
            yield edge.target, edge
    for edge in graph.into(id):
        if edge.kind == "derived-from" and graph.nodes[edge.source].kind in REFERENCES:
            yield edge.source, edge


def _finding(graph: Graph, walk: _Walk) -> Finding:
    """What was met, in the graph's order, with the edges of resting on by which it was."""
    ids = sorted(walk.came.keys() - {walk.origin})
    return Finding(bool(ids), tuple(graph.nodes[id] for id in ids), tuple(sorted(walk.edges)))


def _allows(edge: Edge, action: str) -> bool:
    """Whether a statement's Action, or NotAction (written `not kms:...`), takes in this action."""
    excluded = [pattern.removeprefix(_NOT) for pattern in edge.allows if pattern.startswith(_NOT)]
    included = [pattern for pattern in edge.allows if not pattern.startswith(_NOT)]
    by_exclusion = bool(excluded) and not any(action_test(pattern)(action) for pattern in excluded)
    return by_exclusion or any(action_test(pattern)(action) for pattern in included)


def _parsed(graph: Graph, part: str) -> tuple[str, int]:
    """A selection's id and hops; a name may itself hold a plus."""
    match = None if part in graph.nodes else _SELECTION.fullmatch(part)
    return (resolve(graph, match["id"]), int(match["hops"] or 1)) if match else (resolve(graph, part), 0)


def around(graph: Graph, id: str, hops: int) -> set[str]:
    near, rim = {id}, {id}
    for _ in range(hops):
        rim = {end for each in rim for end in _neighbours(graph, each)} - near
        near |= rim
    return near


def _neighbours(graph: Graph, id: str) -> Iterator[str]:
    yield from (edge.target for edge in graph.out_of(id) if edge.kind != "owns")
    yield from (edge.source for edge in graph.into(id) if edge.kind != "owns")
