"""What an edge is, and what differs between two graphs: nodes and edges that came, went, or say something else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from app.kernel.edge import Edge, EdgeKind, Node

if TYPE_CHECKING:
    from app.graph.build import Graph


EdgeKey = tuple[EdgeKind, str, str, str]  # kind, source, target, rests_on: what an edge is, apart from what it allows


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
