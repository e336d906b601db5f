"""Where everything stands: accounts as bands, in them columns from who may to what is read, in those a row a box.

Positions are made once, for the union of all steps of a run, and only shown or faded afterwards: a reader sees what
changed because nothing else moves. Rows follow the chains (key, material, data key, snapshot), so that a chain is a
straight line. All lengths are pixels; the width is fixed, the height is what the rows need.
INVARIANT: no two boxes, and no label and a box or another label, overlap. A label that finds no room is left out (its
text still stands in the edge's title).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from app.graph import route
from app.graph.build import EdgeKey, Graph, edge_key
from app.graph.names import KIND_ORDER, WORDS, actions
from app.kernel.edge import Edge, EdgeKind, Node, NodeKind

WIDTH: Final = 1200
BOX_WIDTH: Final = 136
BOX_HEIGHT: Final = 46
HEAD_HEIGHT: Final = 14  # of a band that belongs to no account; the others have their account's box there
COLUMN_LEFTS: Final = (30, 300, 518, 736, 950)
BAND_LEFT: Final = 10
LINE_HEIGHT: Final = 12
LETTER_WIDTH: Final = 5.7  # of a label's font, on the wide side
_STUBS_APART: Final = 1.5
_STREET_MIN: Final = 22
_LANE_HEIGHT: Final = 15
_FRACTIONS: Final = (0.5, 0.35, 0.65, 0.2, 0.8, 0.42, 0.58, 0.27, 0.73, 0.12, 0.88)  # along a stretch
_HEAD_GAP: Final = 12  # above and below what the border of a band separates
_TOP: Final = 54  # room for the heading

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


Form = Literal["line", "stack", "brief"]  # along a street; a line an action in a gutter; how many actions, no more


# Of a form, in stretches hidden: naming the actions is worth hiding one.
_COSTS: Final[Mapping[Form, float]] = {"line": 0, "stack": 0, "brief": 1.5}
_COST_OFF: Final = 0.02  # a pixel beside the line


class Point(NamedTuple):
    x: float
    y: float


class Rect(NamedTuple):
    left: float
    top: float
    width: float
    height: float

    def overlaps(self, other: Rect) -> bool:
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


class Label(NamedTuple):
    rect: Rect
    form: Form
    off: float = 0  # how far beside its line its middle is


@dataclass(frozen=True, slots=True)
class Layout:
    boxes: Mapping[str, Rect]  # by node id
    ways: Mapping[EdgeKey, tuple[Point, ...]]
    labels: Mapping[EdgeKey, Label]
    bands: Mapping[str, Rect]  # by account, "" for what belongs to none
    height: float


@dataclass(frozen=True, slots=True)
class _Grid:
    cells: Mapping[str, route.Cell]
    heads: Mapping[str, int]  # the row of each band's head
    rows: int


def layout(graph: Graph) -> Layout:
    """Positions for a graph and every part of it. Give it the union of what shall be drawn."""
    grid = _grid(graph)
    drawn = [edge for edge in graph.edges if is_drawn(graph, edge)]
    occupied = frozenset(grid.cells.values())
    last = len(COLUMN_LEFTS) - 1
    ways = {
        edge_key(edge): route.way(grid.cells[edge.source], grid.cells[edge.target], occupied, last) for edge in drawn
    }
    streets = {street: route.lanes(found) for street, found in route.street_stretches(ways).items()}
    tops, height = _row_tops(grid, streets)
    boxes = {id: _box(cell, tops, grid) for id, cell in grid.cells.items()}
    lines = _lines(ways, boxes, {edge_key(edge): edge for edge in drawn}, tops, grid, streets)
    bands = _bands(grid, tops, height)
    return Layout(boxes, lines, _labels(drawn, lines, boxes, bands), bands, height)


def is_drawn(graph: Graph, edge: Edge) -> bool:
    """Who owns what is said by the boxes around it."""
    return edge.kind != "owns" or graph.nodes[edge.target].account != edge.source


def label_lines(edge: Edge, form: Form = "stack") -> tuple[str, ...]:
    stack = (WORDS[edge.kind], *actions(edge))
    if form == "brief" and len(edge.allows) > 1:
        return (WORDS[edge.kind], f"{len(edge.allows)} actions")
    return (" ".join(stack),) if form == "line" else stack


def _grid(graph: Graph) -> _Grid:
    cells: dict[str, route.Cell] = {}
    heads: dict[str, int] = {}
    row = 0
    for account in sorted({_band_of(node) for node in graph.nodes.values()}, key=lambda each: (not each, each)):
        heads[account] = row
        members = [node for node in graph.nodes.values() if _band_of(node) == account]
        inside = _rows_in_band(graph, [node for node in members if node.kind != "account"])
        cells |= {id: (column, row + 1 + place) for id, (column, place) in inside.items()}
        cells |= {node.id: (0, row) for node in members if node.kind == "account"}
        row += 2 + max((place for _, place in inside.values()), default=-1)
    return _Grid(cells, heads, row)


def _band_of(node: Node) -> str:
    return node.id if node.kind == "account" else node.account


def _rows_in_band(graph: Graph, nodes: list[Node]) -> dict[str, route.Cell]:
    """Chains get rows of their own; names and principals then take the first column, aliases beside their keys."""
    chained = [node for node in nodes if COLUMNS[node.kind] > 0]
    children, roots = _forest(graph, chained)
    cells: dict[str, route.Cell] = {}
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


def _names(edge: Edge, cells: Mapping[str, route.Cell]) -> bool:
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


def _place(node: Node, row: int, children: Mapping[str, list[Node]], cells: dict[str, route.Cell]) -> int:
    """Puts a node at the row and its chain to the right of it; the next free row."""
    cells[node.id] = (COLUMNS[node.kind], row)
    below = row
    for child in children.get(node.id, ()):
        below = _place(child, below, children, cells)
    return max(below, row + 1)


def _rank(node: Node) -> tuple[int, str]:
    return KIND_ORDER.index(node.kind), node.id


Lanes = Mapping[EdgeKey, tuple[int, int]]


def _row_tops(grid: _Grid, streets: Mapping[int, Lanes]) -> tuple[list[float], float]:
    """The top of each row's boxes, and the height of it all."""
    heads = frozenset(grid.heads.values())
    tops: list[float] = []
    y: float = _TOP + _HEAD_GAP
    for row in range(grid.rows):
        tops.append(y)
        y += _row_height(row, grid) + _street_height(row, streets)
        y += 2 * _HEAD_GAP if row + 1 in heads else 0
    return tops, y + _HEAD_GAP


def _street_height(row: int, streets: Mapping[int, Lanes]) -> float:
    count = max((of for _, of in streets.get(row, {}).values()), default=0)
    return _STREET_MIN + _LANE_HEIGHT * count


def _box(cell: route.Cell, tops: list[float], grid: _Grid) -> Rect:
    column, row = cell
    return Rect(COLUMN_LEFTS[column], tops[row], BOX_WIDTH, _row_height(row, grid))


def _row_height(row: int, grid: _Grid) -> int:
    return HEAD_HEIGHT if row == grid.heads.get("") else BOX_HEIGHT


def _bands(grid: _Grid, tops: list[float], height: float) -> dict[str, Rect]:
    """Each from above its head to below its last row; streets between two bands belong to neither."""
    ends = [*grid.heads.values(), grid.rows][1:]
    return {
        account: Rect(
            BAND_LEFT,
            tops[head] - _HEAD_GAP,
            WIDTH - 2 * BAND_LEFT,
            tops[end - 1] + _row_height(end - 1, grid) + _HEAD_GAP - (tops[head] - _HEAD_GAP),
        )
        for (account, head), end in zip(grid.heads.items(), ends, strict=True)
    }


def _lines(
    ways: Mapping[EdgeKey, route.Way],
    boxes: Mapping[str, Rect],
    edges: Mapping[EdgeKey, Edge],
    tops: list[float],
    grid: _Grid,
    streets: Mapping[int, Lanes],
) -> dict[EdgeKey, tuple[Point, ...]]:
    ports = route.ports(ways)
    gutters = {key: x for n, found in route.gutter_stretches(ways).items() for key, x in _lane_xs(n, found).items()}
    lines = {}
    for key, each in ways.items():
        apart = 0 if each.straight else _STUBS_APART
        start = _port(boxes[edges[key].source], each.leaves, ports[key, True], apart)
        end = _port(boxes[edges[key].target], each.enters, ports[key, False], apart)
        turns: list[Point] = []
        if not each.straight:
            x = gutters[key, True]
            turns = [Point(x, start.y), Point(x, end.y)]
        if each.street is not None:
            y = _street_y(each.street, tops, grid, streets[each.street][key])
            turns = [turns[0], Point(turns[0].x, y), Point(gutters[key, False], y), Point(gutters[key, False], end.y)]
        lines[key] = (start, *turns, end)
    return lines


def _port(box: Rect, side: int, down: float, apart: float) -> Point:
    """A little higher on left sides than on right ones: two boxes that face each other have no stub at one height."""
    return Point(box.left if side == route.LEFT else box.left + box.width, box.top + box.height * down + apart * side)


def _lane_xs(gutter: int, found: list[route.Stretch[tuple[EdgeKey, bool]]]) -> dict[tuple[EdgeKey, bool], float]:
    left = COLUMN_LEFTS[gutter] + BOX_WIDTH if gutter >= 0 else BAND_LEFT
    right = COLUMN_LEFTS[gutter + 1] if gutter + 1 < len(COLUMN_LEFTS) else WIDTH - BAND_LEFT
    return {key: left + (right - left) * (lane + 1) / (of + 1) for key, (lane, of) in route.lanes(found).items()}


def _street_y(street: int, tops: list[float], grid: _Grid, lane: tuple[int, int]) -> float:
    below_boxes = tops[street] + _row_height(street, grid)
    border = _HEAD_GAP if street + 1 in grid.heads.values() else 0
    return below_boxes + border + _STREET_MIN / 2 + _LANE_HEIGHT * (lane[0] + 0.5)


def _labels(
    edges: list[Edge], lines: Mapping[EdgeKey, tuple[Point, ...]], boxes: Mapping[str, Rect], bands: Mapping[str, Rect]
) -> dict[EdgeKey, Label]:
    """For each edge, the place on its line that touches no box and no label, and hides the fewest other lines.

    Its own arrow and bends are not to be hidden either, if it has any. Short edges choose first: they have the fewest
    places.
    """
    taken = [*boxes.values()]
    if "" in bands:
        taken.append(Rect(BAND_LEFT, bands[""].top, COLUMN_LEFTS[0] + BOX_WIDTH, HEAD_HEIGHT + _HEAD_GAP))
    stretches = {key: tuple(map(_thin, pairwise(line))) for key, line in lines.items()}
    labels: dict[EdgeKey, Label] = {}
    for edge in sorted(edges, key=lambda each: (_length(lines[edge_key(each)]), each)):
        key = edge_key(edge)
        others = [each for other in stretches if other != key for each in stretches[other]]
        own = [*map(_thin, pairwise(lines[key][-2:])), *(Rect(*bend, 1, 1) for bend in lines[key][1:-1])]
        free = (each for each in _candidates(edge, lines[key]) if _fits(each.rect, taken))
        if best := _first_best(free, others + own if len(lines[key]) > 2 else others):
            labels[key] = best
            taken.append(best.rect)
    return labels


def _first_best(free: Iterator[Label], covers: list[Rect]) -> Label | None:
    """The first that costs nothing, else the one that costs least."""
    least, best = float("inf"), None
    for label in free:
        cost = sum(map(label.rect.overlaps, covers)) + _COSTS[label.form] + label.off * _COST_OFF
        if cost < least:
            least, best = cost, label
        if not cost:
            break
    return best


def _fits(rect: Rect, taken: list[Rect]) -> bool:
    inside = rect.left > BAND_LEFT and rect.left + rect.width < WIDTH - BAND_LEFT
    return inside and not any(map(rect.overlaps, taken))


def _length(line: tuple[Point, ...]) -> float:
    return sum(abs(a.x - b.x) + abs(a.y - b.y) for a, b in pairwise(line))


def _candidates(edge: Edge, line: tuple[Point, ...]) -> Iterator[Label]:
    """Places along the line, the longest stretch and its middle first; beside an upright stretch also a little off."""
    for one, other in sorted(pairwise(line), key=_length, reverse=True):
        upright = one.x == other.x
        for fraction in _FRACTIONS:
            x, y = one.x + (other.x - one.x) * fraction, one.y + (other.y - one.y) * fraction
            for off in (0, 12, -12, 24, -24) if upright else (0,):
                yield from (_centred(x, y, off, edge, form) for form in _forms(edge, upright))


def _forms(edge: Edge, upright: bool) -> tuple[Form, ...]:
    if not edge.allows:
        return ("stack",)
    return ("stack", "brief") if upright else ("line", "stack", "brief")


def _centred(x: float, y: float, off: float, edge: Edge, form: Form) -> Label:
    lines = label_lines(edge, form)
    width = max(map(len, lines)) * LETTER_WIDTH + 16
    height = len(lines) * LINE_HEIGHT + 3
    return Label(Rect(x + off - width / 2, y - height / 2, width, height), form, abs(off))


def _thin(ends: tuple[Point, Point]) -> Rect:
    a, b = ends
    return Rect(min(a.x, b.x), min(a.y, b.y), abs(a.x - b.x) or 1, abs(a.y - b.y) or 1)
