"""What can be asked of the graph's structure. Questions that need a policy evaluated are asked in a fork, not here.

One idea carries all of them: *resting on*. A thing that can be read rests on whatever must be there for the read: a
snapshot on its data key, that on the key material which wraps it, that on its key, and each on the account that owns
it. History is not dependency: a re-encrypted copy was derived from its source, and is readable without it.
A finding is true or false, and names the nodes and edges it rests on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from app.graph.build import Graph
from app.kernel.edge import Edge, EdgeKind, Node
from app.policy.match import action_test

if TYPE_CHECKING:
    from networkx import DiGraph

# The edges a read follows, each from what is needed to what needs it. Everything else is permission, name or history.
READING: Final[frozenset[EdgeKind]] = frozenset({"owns", "material-of", "wraps", "encrypts"})
# An image holds no data of its own: of all that is derived, it alone still needs what it was made from.
REFERENCES: Final = frozenset({"image"})
HOLDS_DATA: Final = frozenset({"snapshot", "volume", "image"})

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
    from networkx import ancestors

    id = resolve(graph, node_id)
    return _finding(graph, ancestors(_reading(graph), id), id)


def becomes_unreadable(graph: Graph, node_id: str) -> Finding:
    """The snapshots, volumes and images that are lost if this key (or material, data key, account) goes.

    A volume attached before the key went stays readable until it is detached: the graph knows no attachment.
    """
    from networkx import descendants

    id = resolve(graph, node_id)
    found = _finding(graph, descendants(_reading(graph), id), id)
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
    from networkx import NetworkXNoPath, shortest_path

    needed, needer = resolve(graph, to_id), resolve(graph, from_id)
    reading = _reading(graph)
    try:
        ids = shortest_path(reading, needed, needer)[::-1]
    except NetworkXNoPath:
        return Finding(False)
    edges = tuple(reading[below][above]["edge"] for above, below in pairwise(ids))
    return Finding(True, tuple(graph.nodes[id] for id in ids), edges)


def no_path(graph: Graph, from_id: str, to_id: str) -> Finding:
    """Holds if `from_id` does not rest on `to_id`; else names the way by which it does."""
    found = path(graph, from_id, to_id)
    return Finding(not found.holds, found.nodes, found.edges)


def edges_between(graph: Graph, from_id: str, to_id: str, allows: Iterable[str] = ()) -> Finding:
    """The edges between two nodes that together allow every action named (`kms:*` allows all of kms)."""
    source, target = resolve(graph, from_id), resolve(graph, to_id)
    edges = tuple(edge for edge in graph.edges if (edge.source, edge.target) == (source, target))
    covered = all(any(_allows(edge, action.lower()) for edge in edges) for action in allows)
    return Finding(bool(edges) and covered, tuple(graph.nodes[id] for id in (source, target)), edges)


def select(graph: Graph, text: str) -> Graph:
    """The part of a graph that a selection names: `snap-1+2` is snap-1 and all within two hops, either way.

    `snap-1` alone is one node, `snap-1+` its neighbours; several selections stand apart by blanks. Accounts are boxes,
    not hops: two keys are no neighbours for being owned by one account. NoSuchNode for an id that is not there.
    """
    chosen = {id for part in text.split() for id in _around(graph, *_parsed(graph, part))}
    accounts = {graph.nodes[id].account for id in chosen} - {""}
    return graph.only(chosen | accounts)


def resolve(graph: Graph, name: str) -> str:
    """The id of the node that a person means: its id, a root ARN, the end of an ARN, a label, if only one fits.

    NoSuchNode, with the nearest ids, where none or several fit.
    """
    if name in graph.nodes:
        return name
    rules: tuple[Callable[[Node], bool], ...] = (
        lambda node: node.kind == "account" and name.endswith(f"::{node.id}:root"),
        lambda node: node.id.endswith((f"/{name}", f":{name}")),
        lambda node: bool(node.label) and node.label == name,
        lambda node: node.id.startswith(name) or node.id.rpartition("/")[2].startswith(name),
    )
    found = next((ids for rule in rules if (ids := [id for id, node in graph.nodes.items() if rule(node)])), [])
    if len(found) != 1:
        raise NoSuchNode(f"{'several nodes are' if found else 'no node is'} {name!r}{_nearest(graph, name, found)}")
    return found[0]


def _nearest(graph: Graph, name: str, found: list[str]) -> str:
    from difflib import get_close_matches

    ids = found[:5] or get_close_matches(name, graph.nodes, n=3)
    return f": {', '.join(ids)}" if ids else ""


def _reading(graph: Graph) -> DiGraph:
    """The graph of resting on, from what is needed to what needs it; of parallel edges one is enough."""
    from networkx import DiGraph

    reading = DiGraph()
    reading.add_nodes_from(graph.nodes)
    reading.add_edges_from((needed, needer, {"edge": edge}) for needed, needer, edge in _needs(graph))
    return reading


def _needs(graph: Graph) -> Iterator[tuple[str, str, Edge]]:
    for edge in graph.edges:
        if edge.kind in READING:
            yield edge.source, edge.target, edge
        elif edge.kind == "derived-from" and graph.nodes[edge.source].kind in REFERENCES:
            yield edge.target, edge.source, edge


def _finding(graph: Graph, ids: set[str], origin: str) -> Finding:
    """These nodes in the graph's order, with the edges of resting on among them and the one asked about."""
    among = ids | {origin}
    edges = tuple(edge for needed, needer, edge in _needs(graph) if needed in among and needer in among)
    return Finding(bool(ids), tuple(node for id, node in graph.nodes.items() if id in ids), edges)


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


def _around(graph: Graph, id: str, hops: int) -> set[str]:
    near = {id}
    for _ in range(hops):
        ends = [(edge.source, edge.target) for edge in graph.edges if edge.kind != "owns"]
        near |= {end for pair in ends if near & set(pair) for end in pair}
    return near
