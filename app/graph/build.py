"""The graph of key dependencies: what the services say about a world, put together.

A graph is a value: nodes by id and a sorted tuple of edges, so that two graphs are equal exactly when they draw the
same picture, whatever the order in which services spoke. Services speak of what they know; an end that nobody described
(a principal of an account that the world does not hold, the account itself) is made from its id.
INVARIANT: every end of an edge is a node, every account named by a node is a node and owns it, and no two edges share
(kind, source, target, rests_on). networkx is imported when a question first asks for it, since that costs 0.3 s.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import asdict, replace
from msgspec.structs import fields as members

from app.graph.difference import EdgeKey, edge_key
from app.graph.ends import AS_WRITTEN, SOURCES, TARGETS, canonical, made_from
from app.kernel.edge import Edge, EdgeKind, Node

if TYPE_CHECKING:
    from networkx import MultiDiGraph

    from app.kernel.operation import Services
    from app.kernel.records import Records
    from app.kernel.world import World

_SOURCE: Final[Callable[[Edge], str]] = attrgetter("source")
_TARGET: Final[Callable[[Edge], str]] = attrgetter("target")
FORMAT: Final = 1  # of node_link(); a reader refuses any other


@dataclass(frozen=True)
class Graph:
    nodes: Mapping[str, Node]  # in the order of ids
    edges: tuple[Edge, ...]  # in order

    def into(self, id: str) -> list[Edge]:
        """The edges that end at a node, in order."""
        return _run(self._by_target, id, _TARGET)

    def out_of(self, id: str) -> list[Edge]:
        """The edges that begin at a node, in order."""
        return _run(self._by_source, id, _SOURCE)

    @cached_property
    def _by_target(self) -> list[Edge]:
        """Made when a question first follows an edge backwards. A list in order takes a third of the time of lists in a

        dictionary, one a node."""
        return sorted(self.edges, key=_TARGET)

    @cached_property
    def _by_source(self) -> list[Edge]:
        return sorted(self.edges, key=_SOURCE)

    @cached_property
    def ids(self) -> list[str]:
        """In order."""
        return list(self.nodes)

    @cached_property
    def text(self) -> str:
        """All ids in one, each between zeros: where a part of one is looked for, no index is made first."""
        return "\0".join(("", *self.nodes, ""))

    @cached_property
    def by_label(self) -> Mapping[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for node in self.nodes.values():
            if node.label:
                found[node.label].append(node.id)
        return found

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
        nodes = [Node(**{field.name: each[field.name] for field in members(Node)}) for each in data["nodes"]]
        edges = [Edge(**{field.name: each[field.name] for field in members(Edge)}) for each in data["edges"]]
        return graph_of(nodes + [replace(edge, allows=tuple(edge.allows)) for edge in edges])

    def only(self, ids: Iterable[str]) -> Graph:
        """These nodes, and the edges between them."""
        kept = sorted({id for id in ids if id in self.nodes})
        among = set(kept)
        edges = (edge for id in kept for edge in self.out_of(id) if edge.target in among)
        return Graph(MappingProxyType({id: self.nodes[id] for id in kept}), tuple(sorted(edges)))


def _run(edges: list[Edge], id: str, end: Callable[[Edge], str]) -> list[Edge]:
    """Of edges in the order of an end, those that have it in common."""
    first = bisect_left(edges, id, key=end)
    return edges[first : bisect_right(edges, id, first, key=end)]


def build(services: Services, world: World) -> Graph:
    """The graph of a world, from the edges that its services yield."""
    return graph_of(part for service in services.all for part in service.edges(world))


class KeptGraphs:
    """Graphs of the last few worlds that were asked about; records are values, so the same ones have the same graph."""

    def __init__(self, size: int = 4) -> None:
        self._kept: deque[tuple[Records, Graph]] = deque(maxlen=size)

    def of(self, services: Services, world: World) -> Graph:
        for records, graph in tuple(self._kept):
            if records is world.records:
                return graph
        graph = build(services, world)
        self._kept.append((world.records, graph))
        return graph


def graph_of(parts: Iterable[Node | Edge]) -> Graph:
    """A whole graph out of nodes and edges in any order: ends made, accounts and their `owns` edges added.

    A label that only repeats the id is none. Edges are kept by kind, which is the first thing that they are sorted by:
    each kind is then put in order alone, and only those that permit something need more than that.
    """
    nodes: dict[str, Node] = {}
    said: defaultdict[EdgeKind, list[Edge]] = defaultdict(list)
    for part in parts:
        if type(part) is Node:
            if part.id in nodes or part.label == part.id:
                _describe(nodes, part)
            else:
                nodes[part.id] = part
        elif isinstance(part, Edge):
            said[part.kind].append(part)
    edges: dict[EdgeKind, list[Edge]] = {kind: _joined(kind, said[kind]) for kind in sorted(said)}
    for kind, alike in edges.items():
        _make_ends(nodes, kind, alike)
    for account in {node.account for node in nodes.values() if node.account}:
        _describe(nodes, Node("account", account, account))
    nodes = {id: nodes[id] for id in sorted(nodes)}
    edges["owns"] = _joined("owns", [*edges.get("owns", ()), *_owners(nodes.values())])
    return Graph(MappingProxyType(nodes), tuple(chain.from_iterable(edges[kind] for kind in sorted(edges))))


def _joined(kind: EdgeKind, edges: list[Edge]) -> list[Edge]:
    """The edges of a kind in order, each once; what two of the same key allow is put together."""
    if kind in AS_WRITTEN:
        edges = [canonical(edge) for edge in edges]
    if not any(edge.allows for edge in edges):
        return sorted(dict.fromkeys(edges))
    found: dict[EdgeKey, Edge] = {}
    for edge in edges:
        key = edge_key(edge)
        known = found.get(key)
        if known or len(edge.allows) > 1:
            edge = replace(edge, allows=_actions(edge.allows, known.allows if known else ()))
        found[key] = edge
    return sorted(found.values())


def _make_ends(nodes: dict[str, Node], kind: EdgeKind, edges: Iterable[Edge]) -> None:
    """Nodes of the ends that nobody described."""
    for edge in edges:
        if edge.source not in nodes:
            nodes[edge.source] = made_from(edge.source, SOURCES[kind])
        if edge.target not in nodes:
            nodes[edge.target] = made_from(edge.target, TARGETS[kind])


def _owners(nodes: Iterable[Node]) -> Iterator[Edge]:
    """An `owns` edge for whatever names an account."""
    return (Edge("owns", node.account, node.id) for node in nodes if node.account and node.kind != "account")


def union(*graphs: Graph) -> Graph:
    """All that stands in any of the graphs: what positions are laid out for. Of a node, the last version counts."""
    nodes = {id: node for graph in graphs for id, node in graph.nodes.items()}
    return graph_of([*nodes.values(), *(edge for graph in graphs for edge in graph.edges)])


@lru_cache(maxsize=4096)
def _actions(*allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Put together, each once; many statements allow the same."""
    return tuple(sorted({action for actions in allowed for action in actions}))


def _describe(nodes: dict[str, Node], node: Node) -> None:
    """Adds a node; of two descriptions of one, the one that says more (equal ones: the greater) is kept."""
    if node.label == node.id:
        node = replace(node, label="")
    known = nodes.get(node.id)
    if known is None or (_said(node), node) > (_said(known), known):
        nodes[node.id] = node


def _said(node: Node) -> int:
    return bool(node.account) + bool(node.label) + bool(node.state)
