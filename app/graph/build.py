"""The graph of key dependencies: what the services say about a world, put together.

A graph is a value: nodes by id and a sorted tuple of edges, so that two graphs are equal exactly when they draw the
same picture, whatever the order in which services spoke. Services speak of what they know; an end that nobody described
(a principal of an account that the world does not hold, the account itself) is made from its id.
INVARIANT: every end of an edge is a node, every account named by a node is a node and owns it, and no two edges share
(kind, source, target, rests_on). networkx is imported when a question first asks for it, since that costs 0.3 s.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import asdict, replace
from msgspec.structs import fields as members

from app.graph.difference import EdgeKey, edge_key
from app.graph.ends import AS_WRITTEN, SOURCES, TARGETS, canonical, made_from
from app.kernel.edge import Edge, Node

if TYPE_CHECKING:
    from networkx import MultiDiGraph

    from app.kernel.operation import Services
    from app.kernel.records import Records
    from app.kernel.world import World

FORMAT: Final = 1  # of node_link(); a reader refuses any other


@dataclass(frozen=True)
class Graph:
    nodes: Mapping[str, Node]  # in the order of ids
    edges: tuple[Edge, ...]  # in order

    @cached_property
    def into(self) -> Mapping[str, list[Edge]]:
        """The edges that end at a node; made once, when a question first follows one."""
        return _grouped(self.edges, lambda edge: edge.target)

    @cached_property
    def out_of(self) -> Mapping[str, list[Edge]]:
        """The edges that begin at a node."""
        return _grouped(self.edges, lambda edge: edge.source)

    @cached_property
    def by_end(self) -> Mapping[str, list[str]]:
        """Ids by what stands after their last colon, and after their last slash."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for id in self.nodes:
            colon, slash = id.rpartition(":")[2], id.rpartition("/")[2]
            if colon != id:
                found[colon].append(id)
            if slash not in (id, colon):
                found[slash].append(id)
        return dict(found)

    @cached_property
    def ids(self) -> list[str]:
        """In order."""
        return list(self.nodes)

    @cached_property
    def ends(self) -> list[str]:
        """The keys of `by_end`, in order."""
        return sorted(self.by_end)

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
        edges = (edge for id in kept for edge in self.out_of.get(id, ()) if edge.target in among)
        return Graph(MappingProxyType({id: self.nodes[id] for id in kept}), tuple(sorted(edges)))


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

    A label that only repeats the id is none.
    """
    nodes: dict[str, Node] = {}
    edges: dict[EdgeKey, Edge] = {}
    for part in parts:
        if type(part) is Node:
            _describe(nodes, part)
        elif isinstance(part, Edge):
            _join(edges, part)
    for kind, source, target, _ in edges:
        if source not in nodes:
            nodes[source] = made_from(source, SOURCES[kind])
        if target not in nodes:
            nodes[target] = made_from(target, TARGETS[kind])
    for account in {node.account for node in nodes.values() if node.account}:
        _describe(nodes, Node("account", account, account))
    nodes = {id: nodes[id] for id in sorted(nodes)}
    _add_owners(edges, nodes.values())
    return Graph(MappingProxyType(nodes), tuple(map(edges.__getitem__, sorted(edges))))


def _add_owners(edges: dict[EdgeKey, Edge], nodes: Iterable[Node]) -> None:
    """An `owns` edge for whatever names an account, account by account: in order, so that sorting costs little."""
    owned: defaultdict[str, list[str]] = defaultdict(list)
    for node in nodes:
        if node.account and node.kind != "account":
            owned[node.account].append(node.id)
    for account in sorted(owned):
        for id in owned[account]:
            edges.setdefault(("owns", account, id, ""), Edge("owns", account, id))


def _grouped(edges: Iterable[Edge], end: Callable[[Edge], str]) -> Mapping[str, list[Edge]]:
    found: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[end(edge)].append(edge)
    return dict(found)


def union(*graphs: Graph) -> Graph:
    """All that stands in any of the graphs: what positions are laid out for. Of a node, the last version counts."""
    nodes = {id: node for graph in graphs for id, node in graph.nodes.items()}
    return graph_of([*nodes.values(), *(edge for graph in graphs for edge in graph.edges)])


def _join(edges: dict[EdgeKey, Edge], edge: Edge) -> None:
    """Adds an edge; what two of the same key allow is put together."""
    if edge.kind in AS_WRITTEN:
        edge = canonical(edge)
    key = edge_key(edge)
    known = edges.get(key)
    if known is None and len(edge.allows) < 2:
        edges[key] = edge
    else:
        edges[key] = replace(edge, allows=_actions(edge.allows, known.allows if known else ()))


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
