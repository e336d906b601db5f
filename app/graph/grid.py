"""Which cell each thing gets: a band of rows an account, a column a kind, and chains on a straight line.

Rows follow the chains (key, material, data key, snapshot): each leaf has a row, and whatever holds it starts on the row
of its first leaf. Names and principals take the first column, an alias beside its key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.graph.build import Graph
from app.graph.names import KIND_ORDER
from app.graph.route import Cell
from app.kernel.edge import Edge, EdgeKind, Node, NodeKind

COLUMNS: Final[Mapping[NodeKind, int]] = {
    "account": 0,
    "principal": 0,
    "service": 0,
    "alias": 0,
    "key": 1,
    "material": 2,
    "grant": 2,
    "data-key": 3,
    "snapshot": 4,
    "image": 4,
    "volume": 4,
}
_CHAIN: Final[frozenset[EdgeKind]] = frozenset({"material-of", "wraps", "encrypts", "grant-of"})


@dataclass(frozen=True, slots=True)
class Grid:
    cells: Mapping[str, Cell]
    heads: Mapping[str, int]  # the row of each band's head
    rows: int


def grid_of(graph: Graph) -> Grid:
    cells: dict[str, Cell] = {}
    heads: dict[str, int] = {}
    row = 0
    for account in sorted({_band_of(node) for node in graph.nodes.values()}, key=lambda each: (not each, each)):
        heads[account] = row
        members = [node for node in graph.nodes.values() if _band_of(node) == account]
        inside = _rows_in_band(graph, [node for node in members if node.kind != "account"])
        cells |= {id: (column, row + 1 + place) for id, (column, place) in inside.items()}
        cells |= {node.id: (0, row) for node in members if node.kind == "account"}
        row += 2 + max((place for _, place in inside.values()), default=-1)
    return Grid(cells, heads, row)


def _band_of(node: Node) -> str:
    return node.id if node.kind == "account" else node.account


def _rows_in_band(graph: Graph, nodes: list[Node]) -> dict[str, Cell]:
    """Chains get rows of their own; names and principals then take the first column, aliases beside their keys."""
    chained = [node for node in nodes if COLUMNS[node.kind] > 0]
    children, roots = _forest(graph, chained)
    cells: dict[str, Cell] = {}
    row = 0
    for root in roots:
        row = _place(root, row, children, cells)
    wanted = {edge.source: cells[edge.target][1] for edge in graph.edges if _names(edge, cells)}
    free = _Free()
    for node in sorted(
        (node for node in nodes if not COLUMNS[node.kind]), key=lambda n: (n.id not in wanted, _rank(n))
    ):
        cells[node.id] = (0, free.next(wanted.get(node.id, 0)))
    return cells


def _names(edge: Edge, cells: Mapping[str, Cell]) -> bool:
    return edge.kind == "points-to" and edge.target in cells


class _Free:
    """Rows of one column not yet taken."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def next(self, wanted: int) -> int:
        row = next(row for row in range(wanted, wanted + len(self._taken) + 1) if row not in self._taken)
        self._taken.add(row)
        return row


def _forest(graph: Graph, nodes: list[Node]) -> tuple[dict[str, list[Node]], list[Node]]:
    """Who stands right of whom in one band: each node under its first holder, in order of age then id."""
    inside = {node.id: node for node in nodes}
    holder: dict[str, str] = {}
    for edge in graph.edges:
        if edge.kind in _CHAIN and _leads_right(inside.get(edge.source), inside.get(edge.target)):
            holder.setdefault(edge.target, edge.source)
    age = _ages(graph)
    ordered = sorted(nodes, key=lambda node: (COLUMNS[node.kind], age.get(node.id, 0), _rank(node)))
    children: defaultdict[str, list[Node]] = defaultdict(list)
    for node in sorted(ordered, key=lambda node: KIND_ORDER.index("material") if node.kind == "material" else 99):
        if node.id in holder:
            children[holder[node.id]].append(node)
    return dict(children), [node for node in ordered if node.id not in holder]


def _leads_right(source: Node | None, target: Node | None) -> bool:
    return source is not None and target is not None and COLUMNS[source.kind] < COLUMNS[target.kind]


def _ages(graph: Graph) -> dict[str, int]:
    """How many derivations a node is from one that was derived from nothing; a ring counts as far as it was seen."""
    made_from = {edge.source: edge.target for edge in graph.edges if edge.kind == "derived-from"}
    return {id: sum(1 for _ in _lineage(id, made_from)) for id in made_from}


def _lineage(id: str, made_from: Mapping[str, str]) -> Iterator[str]:
    seen = {id}
    while (id := made_from.get(id, "")) and id not in seen:
        seen.add(id)
        yield id


def _place(node: Node, row: int, children: Mapping[str, list[Node]], cells: dict[str, Cell]) -> int:
    """Puts a node at the row and its chain to the right of it; the next free row."""
    cells[node.id] = (COLUMNS[node.kind], row)
    below = row
    for child in children.get(node.id, ()):
        below = _place(child, below, children, cells)
    return max(below, row + 1)


def _rank(node: Node) -> tuple[int, str]:
    return KIND_ORDER.index(node.kind), node.id
