"""Ways for edges between boxes on a grid, so that no edge crosses a box and no two edges run on one line.

The grid has boxes at (column, row). Between columns run gutters, below each row a street; gutter c lies right of column
c (gutter -1 left of the first), street r below row r. An edge leaves a box sideways into a gutter, runs up or down in
it, and enters its target sideways; if the target is not at the same gutter, it goes by the street beside the target's
row. Boxes are never in the way, since nothing but boxes stands in cells. Every stretch gets a lane of its own:
those that do not overlap may share one. Lanes are chosen on the grid, before anything has a size in pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

Cell = tuple[int, int]  # column, row
LEFT: Final = -1
RIGHT: Final = 1
UP: Final = -2
DOWN: Final = 2
_PARTS: Final = {-1: (0.0, 0.4), 0: (0.4, 0.6), 1: (0.6, 1.0)}  # of a side: for what goes up, along, down

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Way:
    """A way in grid terms: out of a side, by gutter, perhaps street and a second gutter, into a side."""

    source: Cell
    target: Cell
    leaves: int  # LEFT or RIGHT; DOWN where it falls
    enters: int  # the side of the target it comes in by
    gutter_out: int
    street: int | None = None
    gutter_in: int | None = None
    straight: bool = False  # along the row or down the column, nothing stands between


@dataclass(frozen=True, slots=True)
class Stretch(Generic[K]):
    """A part of an edge's way in one gutter or street, from `low` to `high` along it."""

    key: K
    low: float
    high: float


class _Port(NamedTuple, Generic[K]):
    part: int  # of the side: -1 upper, 0 middle, 1 lower
    turn: float
    name: str
    at_source: bool
    key: K


def way(source: Cell, target: Cell, occupied: frozenset[Cell], last_column: int, *, falls: bool = False) -> Way:
    """`falls`: what leads to the next row of its own column goes straight down."""
    (from_column, from_row), (to_column, to_row) = source, target
    if falls and target == (from_column, from_row + 1):
        return Way(source, target, DOWN, UP, from_column, straight=True)
    if from_column == to_column:
        side = LEFT if from_column == 0 and last_column > 0 else RIGHT
        return Way(source, target, side, side, from_column if side == RIGHT else from_column - 1)
    side = RIGHT if to_column > from_column else LEFT
    gutter_out = from_column if side == RIGHT else from_column - 1
    gutter_in = to_column - 1 if side == RIGHT else to_column
    between = range(min(from_column, to_column) + 1, max(from_column, to_column))
    if from_row == to_row and not any((column, from_row) in occupied for column in between):
        return Way(source, target, side, -side, gutter_out, straight=True)
    if gutter_out == gutter_in:
        return Way(source, target, side, -side, gutter_out)
    street = to_row - 1 if to_row > from_row else to_row
    return Way(source, target, side, -side, gutter_out, street, gutter_in)


def lanes(stretches: Iterable[Stretch[K]]) -> dict[K, tuple[int, int]]:
    """For each stretch its lane and how many lanes there are. Long ones come last, so that short ones stay close."""
    taken: list[list[Stretch[K]]] = []
    chosen: dict[K, int] = {}
    for stretch in sorted(stretches, key=lambda each: (each.high - each.low, each.low, str(each.key))):
        lane = next((n for n, others in enumerate(taken) if not _meets(stretch, others)), len(taken))
        taken[lane : lane + 1] = [[*(taken[lane] if lane < len(taken) else []), stretch]]
        chosen[stretch.key] = lane
    return {key: (lane, len(taken)) for key, lane in chosen.items()}


def ports(ways: Mapping[K, Way]) -> dict[tuple[K, bool], float]:
    """(edge, at its source?) -> how far down the side of the box its port is, from 0 to 1.

    What runs along the row has the middle of the side, at both ends alike; what goes up or down has the part above or
    below it, or shares the whole side if nothing runs along.
    """
    sides: defaultdict[tuple[Cell, int], list[_Port[K]]] = defaultdict(list)
    for key, each in ways.items():
        sides[each.source, each.leaves].append(_port(key, each, True))
        sides[each.target, each.enters].append(_port(key, each, False))
    return {place: down for side in sides.values() for place, down in _spread(side)}


def _port(key: K, each: Way, at_source: bool) -> _Port[K]:
    turn, row = _turn(each, at_source), (each.source if at_source else each.target)[1]
    return _Port(0 if each.straight else -1 if turn < row else 1, turn, str(key), at_source, key)


def _spread(side: list[_Port[K]]) -> Iterator[tuple[tuple[K, bool], float]]:
    has_middle = any(port.part == 0 for port in side)
    for part, (top, bottom) in _PARTS.items() if has_middle else ((None, (0.0, 1.0)),):
        group = sorted((port for port in side if part in (None, port.part)), key=lambda port: port[:4])
        for place, port in enumerate(group):
            yield (port.key, port.at_source), top + (bottom - top) * (place + 1) / (len(group) + 1)


def gutter_stretches(ways: Mapping[K, Way]) -> dict[int, list[Stretch[tuple[K, bool]]]]:
    """Stretches by gutter; those of one edge are told apart by whether they lead out of its source."""
    found: defaultdict[int, list[Stretch[tuple[K, bool]]]] = defaultdict(list)
    for key, each in ways.items():
        if each.straight:
            continue
        found[each.gutter_out].append(_stretch((key, True), each.source[1], _turn(each, True)))
        if each.gutter_in is not None:
            found[each.gutter_in].append(_stretch((key, False), _turn(each, False), each.target[1]))
    return dict(found)


def street_stretches(ways: Mapping[K, Way]) -> dict[int, list[Stretch[K]]]:
    found: defaultdict[int, list[Stretch[K]]] = defaultdict(list)
    for key, each in ways.items():
        if each.street is not None and each.gutter_in is not None:
            found[each.street].append(_stretch(key, each.gutter_out, each.gutter_in))
    return dict(found)


def _stretch(key: K, one: float, other: float) -> Stretch[K]:
    return Stretch(key, min(one, other), max(one, other))


def _meets(stretch: Stretch[K], others: Iterable[Stretch[K]]) -> bool:
    """Whether they touch, ends included: two edges that meet in a point look like one."""
    return any(stretch.low <= other.high and other.low <= stretch.high for other in others)


def _turn(each: Way, at_source: bool) -> float:
    """The row at which the gutter beside this end is left: the street's, or that of the other end."""
    return each.street + 0.5 if each.street is not None else (each.target if at_source else each.source)[1]
