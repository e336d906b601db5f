"""The graph of key dependencies: what the services say about a world, put together.

A graph is a value: nodes by id and a sorted tuple of edges, so that two graphs are equal exactly when they draw the
same picture, whatever the order in which services spoke. Services speak of what they know; an end that nobody described
(a principal of an account that the world does not hold, the account itself) is made from its id.
INVARIANT: every end of an edge is a node, every account named by a node is a node and owns it, and no two edges share
(kind, source, target, rests_on). networkx is imported when a question first asks for it, since that costs 0.3 s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from app.kernel.edge import Edge, EdgeKind, Node, NodeKind

if TYPE_CHECKING:
    from networkx import MultiDiGraph

    from app.kernel.operation import Services
    from app.kernel.world import World

FORMAT: Final = 1  # of node_link(); a reader refuses any other

EdgeKey = tuple[EdgeKind, str, str, str]  # kind, source, target, rests_on: what an edge is, apart from what it allows

# How an id that no service described tells what it names: the first pattern that fits, then the kind of the edge.
_KINDS: Final[tuple[tuple[re.Pattern[str], NodeKind], ...]] = (
    (re.compile(r"\d{12}"), "account"),
    (re.compile(r"arn:[\w-]+:(iam|sts)::.*"), "principal"),
    (re.compile(r"arn:[\w-]+:kms:[\w-]*:\d*:key/[\w-]+"), "key"),
    (re.compile(r"arn:[\w-]+:kms:[\w-]*:\d*:alias/.*"), "alias"),
    (re.compile(r"snap-\w+"), "snapshot"),
    (re.compile(r"vol-\w+"), "volume"),
    (re.compile(r"ami-\w+"), "image"),
    (re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?"), "service"),
)
_SOURCES: Final[Mapping[EdgeKind, NodeKind]] = {
    "owns": "account",
    "wraps": "material",
    "encrypts": "data-key",
    "derived-from": "volume",
    "shared-with": "snapshot",
    "delegates": "key",
    "allows": "key",
    "grants": "grant",
    "grant-of": "key",
    "points-to": "alias",
    "material-of": "key",
}
_TARGETS: Final[Mapping[EdgeKind, NodeKind]] = {
    "owns": "principal",
    "wraps": "data-key",
    "encrypts": "volume",
    "derived-from": "snapshot",
    "shared-with": "account",
    "delegates": "account",
    "allows": "principal",
    "grants": "principal",
    "grant-of": "grant",
    "points-to": "key",
    "material-of": "material",
}
_ROOT: Final = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")
EVERYONE: Final = "everyone"
_EVERYONE: Final = frozenset({"*", "all"})  # in a policy, in createVolumePermission


@dataclass(frozen=True)
class Graph:
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]

    @cached_property
    def networkx(self) -> MultiDiGraph:
        """The same graph for algorithms; each node and edge carries ours under `node` and `edge`."""
        from networkx import MultiDiGraph

        graph = MultiDiGraph()
        graph.add_nodes_from((node.id, {"node": node}) for node in self.nodes.values())
        for edge in self.edges:
            graph.add_edge(edge.source, edge.target, f"{edge.kind} {edge.rests_on}", edge=edge)
        return graph

    def node_link(self) -> dict[str, Any]:
        """Plain data, as networkx's node_link_graph(edges="edges") reads it, under a version of ours."""
        return {
            "reseal-graph": FORMAT,
            "directed": True,
            "multigraph": True,
            "graph": {},
            "nodes": [asdict(node) for node in self.nodes.values()],
            "edges": [
                asdict(edge) | {"allows": list(edge.allows), "key": f"{edge.kind} {edge.rests_on}"}
                for edge in self.edges
            ],
        }

    @staticmethod
    def from_node_link(data: Mapping[str, Any]) -> Graph:
        """The graph that node_link() wrote. ValueError for another version."""
        if data.get("reseal-graph") != FORMAT:
            raise ValueError(f"not a graph of version {FORMAT}: {data.get('reseal-graph')!r}")
        nodes = [Node(**{field.name: each[field.name] for field in fields(Node)}) for each in data["nodes"]]
        edges = [Edge(**{field.name: each[field.name] for field in fields(Edge)}) for each in data["edges"]]
        return graph_of(nodes + [replace(edge, allows=tuple(edge.allows)) for edge in edges])

    def only(self, ids: Iterable[str]) -> Graph:
        """These nodes, and the edges between them."""
        kept = set(ids)
        nodes = {id: node for id, node in self.nodes.items() if id in kept}
        return Graph(MappingProxyType(nodes), tuple(e for e in self.edges if e.source in kept and e.target in kept))


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two graphs; a changed node or edge stands as (before, after)."""

    gained_nodes: tuple[Node, ...] = ()
    lost_nodes: tuple[Node, ...] = ()
    changed_nodes: tuple[tuple[Node, Node], ...] = ()
    gained_edges: tuple[Edge, ...] = ()
    lost_edges: tuple[Edge, ...] = ()
    changed_edges: tuple[tuple[Edge, Edge], ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def build(services: Services, world: World) -> Graph:
    """The graph of a world, from the edges that its services yield."""
    return graph_of(part for service in services.all for part in service.edges(world))


def graph_of(parts: Iterable[Node | Edge]) -> Graph:
    """A whole graph out of nodes and edges in any order: ends made, accounts and their `owns` edges added.

    A label that only repeats the id is none.
    """
    nodes: dict[str, Node] = {}
    edges: dict[EdgeKey, Edge] = {}
    for part in parts:
        if isinstance(part, Node):
            node = replace(part, label="") if part.label == part.id else part
            nodes[part.id] = _fuller(nodes.get(part.id), node)
        else:
            _join(edges, replace(part, source=_canonical(part.source), target=_canonical(part.target)))
    for edge in edges.values():
        nodes.setdefault(edge.source, _made_from(edge.source, _SOURCES[edge.kind]))
        nodes.setdefault(edge.target, _made_from(edge.target, _TARGETS[edge.kind]))
    for account in {node.account for node in nodes.values() if node.account}:
        nodes[account] = _fuller(nodes.get(account), Node("account", account, account))
    for node in nodes.values():
        if node.account and node.kind != "account" and ("owns", node.account, node.id, "") not in edges:
            _join(edges, Edge("owns", node.account, node.id))
    return Graph(MappingProxyType({id: nodes[id] for id in sorted(nodes)}), tuple(sorted(edges.values())))


def union(*graphs: Graph) -> Graph:
    """All that stands in any of the graphs: what positions are laid out for. Of a node, the last version counts."""
    nodes = {id: node for graph in graphs for id, node in graph.nodes.items()}
    return graph_of([*nodes.values(), *(edge for graph in graphs for edge in graph.edges)])


def diff(before: Graph, after: Graph) -> Change:
    old, new = _by_key(before), _by_key(after)
    return Change(
        gained_nodes=tuple(node for id, node in after.nodes.items() if id not in before.nodes),
        lost_nodes=tuple(node for id, node in before.nodes.items() if id not in after.nodes),
        changed_nodes=tuple(
            (before.nodes[id], node) for id, node in after.nodes.items() if before.nodes.get(id, node) != node
        ),
        gained_edges=tuple(edge for key, edge in new.items() if key not in old),
        lost_edges=tuple(edge for key, edge in old.items() if key not in new),
        changed_edges=tuple((old[key], edge) for key, edge in new.items() if old.get(key, edge) != edge),
    )


def edge_key(edge: Edge) -> EdgeKey:
    return (edge.kind, edge.source, edge.target, edge.rests_on)


def _by_key(graph: Graph) -> dict[EdgeKey, Edge]:
    return {edge_key(edge): edge for edge in graph.edges}


def _canonical(id: str) -> str:
    """A root ARN stands for the account, and whatever a service writes for everyone is one node."""
    root = _ROOT.fullmatch(id)
    return root[1] if root else EVERYONE if id in _EVERYONE else id


def _join(edges: dict[EdgeKey, Edge], edge: Edge) -> None:
    """Adds an edge; what two of the same key allow is put together."""
    known = edges.get(edge_key(edge))
    allows = sorted({*edge.allows, *(known.allows if known else ())})
    edges[edge_key(edge)] = replace(edge, allows=tuple(allows))


def _fuller(known: Node | None, node: Node) -> Node:
    """Of two descriptions of one node, the one that says more (equal ones: the greater, so that order is nothing)."""
    return max((each for each in (known, node) if each), key=lambda each: (_said(each), each))


def _said(node: Node) -> int:
    return sum(bool(getattr(node, field.name)) for field in fields(node))


def _made_from(id: str, otherwise: NodeKind) -> Node:
    if id == EVERYONE:
        return Node("principal", id)
    found: list[NodeKind] = [kind for pattern, kind in _KINDS if pattern.fullmatch(id)]
    kind = found[0] if found else otherwise
    return Node(kind, id, account=id if kind == "account" else _account_in(id))


def _account_in(id: str) -> str:
    parts = id.split(":")
    return parts[4] if len(parts) > 5 and re.fullmatch(r"\d{12}", parts[4]) else ""
