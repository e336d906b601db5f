"""Where everything stands: accounts as bands, in them columns from who may to what is read, in those a row a box.

Positions are made once, for the union of all steps of a run, and only shown or faded afterwards: a reader sees what
changed because nothing else moves. `grid` says which cell a thing gets, `route` the ways between cells, `labels` where
words stand; here all becomes pixels: the width is fixed, the height is what the rows need.
INVARIANT: no two boxes, and no label and a box or another label, overlap. A label that finds no room is left out (its
text still stands in the edge's title).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from app.graph import route
from app.graph.build import Graph
from app.graph.difference import EdgeKey, edge_key
from app.graph.grid import Grid, grid_of
from app.graph.labels import Label, Point, Rect, labels_of
from app.kernel.edge import Edge

WIDTH: Final = 1200
BOX_WIDTH: Final = 136
BOX_HEIGHT: Final = 46
HEAD_HEIGHT: Final = 14  # of a band that belongs to no account; the others have their account's box there
COLUMN_LEFTS: Final = (30, 300, 518, 736, 950)
BAND_LEFT: Final = 10
_STUBS_APART: Final = 1.5
_STREET_MIN: Final = 22
_LANE_HEIGHT: Final = 15
_HEAD_GAP: Final = 12  # above and below what the border of a band separates
_TOP: Final = 54  # room for the heading

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Layout:
    boxes: Mapping[str, Rect]  # by node id
    ways: Mapping[EdgeKey, tuple[Point, ...]]
    labels: Mapping[EdgeKey, Label]
    bands: Mapping[str, Rect]  # by account, "" for what belongs to none
    height: float


def layout(graph: Graph) -> Layout:
    """Positions for a graph and every part of it. Give it the union of what shall be drawn."""
    grid = grid_of(graph)
    drawn = [edge for edge in graph.edges if is_drawn(graph, edge)]
    occupied = frozenset(grid.cells.values())
    last = len(COLUMN_LEFTS) - 1
    ways = {
        edge_key(edge): route.way(grid.cells[edge.source], grid.cells[edge.target], occupied, last) for edge in drawn
    }
    streets = {street: route.lanes(found) for street, found in route.street_stretches(ways).items()}
    tops, height = _row_tops(grid, streets)
    boxes = {id: _box(cell, tops, grid) for id, cell in grid.cells.items()}
    ends = {edge_key(edge): (boxes[edge.source], boxes[edge.target]) for edge in drawn}
    street_ys = {
        key: _street_y(street, tops, grid, lane) for street, found in streets.items() for key, lane in found.items()
    }
    lines = lines_of(ways, ends, _gutter, street_ys)
    bands = _bands(grid, tops)
    heading = [Rect(BAND_LEFT, bands[""].top, BOX_WIDTH, HEAD_HEIGHT + _HEAD_GAP)] if "" in bands else []
    labels = labels_of(drawn, lines, [*boxes.values(), *heading], (BAND_LEFT, WIDTH - BAND_LEFT))
    return Layout(boxes, lines, labels, bands, height)


def is_drawn(graph: Graph, edge: Edge) -> bool:
    """Who owns what is said by the boxes around it."""
    return edge.kind != "owns" or graph.nodes[edge.target].account != edge.source


Lanes = Mapping[EdgeKey, tuple[int, int]]


def _row_tops(grid: Grid, streets: Mapping[int, Lanes]) -> tuple[list[float], float]:
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


def _box(cell: route.Cell, tops: list[float], grid: Grid) -> Rect:
    column, row = cell
    return Rect(COLUMN_LEFTS[column], tops[row], BOX_WIDTH, _row_height(row, grid))


def _row_height(row: int, grid: Grid) -> int:
    return HEAD_HEIGHT if row == grid.heads.get("") else BOX_HEIGHT


def _bands(grid: Grid, tops: list[float]) -> dict[str, Rect]:
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


def lines_of(
    ways: Mapping[K, route.Way],
    ends: Mapping[K, tuple[Rect, Rect]],
    gutters: Callable[[int], tuple[float, float]],
    street_ys: Mapping[K, float],
) -> dict[K, tuple[Point, ...]]:
    """Ways in pixels: `ends` are the boxes of source and target, `gutters` the room that a gutter's lanes share."""
    ports = route.ports(ways)
    xs = {key: x for n, found in route.gutter_stretches(ways).items() for key, x in _lane_xs(gutters(n), found).items()}
    lines = {}
    for key, each in ways.items():
        source, target = ends[key]
        apart = 0 if each.straight else _STUBS_APART
        start = _port(source, each.leaves, ports[key, True], apart)
        end = _port(target, each.enters, ports[key, False], apart)
        turns: list[Point] = []
        if not each.straight:
            turns = [Point(xs[key, True], start.y), Point(xs[key, True], end.y)]
        if each.street is not None:
            x, y = xs[key, False], street_ys[key]
            turns = [turns[0], Point(turns[0].x, y), Point(x, y), Point(x, end.y)]
        lines[key] = (start, *turns, end)
    return lines


def _port(box: Rect, side: int, along: float, apart: float) -> Point:
    """A little higher on left sides than on right ones: two boxes that face each other have no stub at one height."""
    if side in (route.UP, route.DOWN):
        return Point(box.left + box.width * along, box.top if side == route.UP else box.top + box.height)
    return Point(box.left if side == route.LEFT else box.left + box.width, box.top + box.height * along + apart * side)


def _gutter(number: int) -> tuple[float, float]:
    left = COLUMN_LEFTS[number] + BOX_WIDTH if number >= 0 else BAND_LEFT
    return left, COLUMN_LEFTS[number + 1] if number + 1 < len(COLUMN_LEFTS) else WIDTH - BAND_LEFT


def _lane_xs(room: tuple[float, float], found: list[route.Stretch[tuple[K, bool]]]) -> dict[tuple[K, bool], float]:
    left, right = room
    return {key: left + (right - left) * (lane + 1) / (of + 1) for key, (lane, of) in route.lanes(found).items()}


def _street_y(street: int, tops: list[float], grid: Grid, lane: tuple[int, int]) -> float:
    below_boxes = tops[street] + _row_height(street, grid)
    border = _HEAD_GAP if street + 1 in grid.heads.values() else 0
    return below_boxes + border + _STREET_MIN / 2 + _LANE_HEIGHT * (lane[0] + 0.5)
