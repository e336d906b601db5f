"""Where the states of a workflow stand in its drawing: steps in a column as they are declared, ends in one beside it.

Ways and lanes are those of the key graph's layout (`app.graph.route`), on a grid of two columns. Outcomes that lead
from one state to the same other one share a way. Their names stand at the state that they leave, one below the other,
so a row is as high as its ways and names need. What leads to the next step falls straight down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from app.graph import route
from app.graph.labels import LETTER_WIDTH, LINE_HEIGHT, Point, Rect
from app.graph.layout import lines_of
from workflows.machine import End, Row, State, Step

WIDTH: Final = 1200
LEFT: Final = 10
TOP: Final = 56  # room for the heading
STEP_WIDTH: Final = 300
END_WIDTH: Final = 190
BOX_HEIGHT: Final = 52
FALL_HEIGHT: Final = 22  # between rows, and what the names in between need
NAME_GAP: Final = 6
NAME_OFF: Final = 12  # right of the box, where a name begins
ENDS_LEFT: Final = WIDTH - LEFT - END_WIDTH
_LANES_LEFT: Final = LEFT + STEP_WIDTH + 250
_STEPS, _ENDS = 1, 2  # columns; ways between the states of a column run on its right

Pair = tuple[str, str]  # from which state to which


@dataclass(frozen=True, slots=True)
class Places:
    boxes: Mapping[str, Rect]  # by state
    ways: Mapping[Pair, tuple[Point, ...]]
    names: Mapping[Pair, Rect]  # the room of the outcomes' names
    height: float


def places(states: Sequence[State], rows: Sequence[Row], outcomes: Mapping[Pair, Sequence[str]]) -> Places:
    """Positions of the states and of the ways between them."""
    cells = _cells(states, rows)
    ways = {pair: _way(cells, pair) for pair in outcomes}
    heights = _heights(cells, ways, outcomes)
    boxes, bottom = _boxes(cells, heights, ways, outcomes)
    lines = lines_of(ways, {(a, b): (boxes[a], boxes[b]) for a, b in ways}, lambda _: (_LANES_LEFT, ENDS_LEFT), {})
    names = {pair: _room(lines[pair], ways[pair], outcomes[pair]) for pair in ways}
    return Places(boxes, lines, names, bottom)


def _cells(states: Sequence[State], rows: Sequence[Row]) -> dict[str, route.Cell]:
    """Steps in their order; an end beside the last step that leads to it, or as near as a row is free."""
    steps = [state.name for state in states if isinstance(state, Step)]
    cells = {name: (_STEPS, row) for row, name in enumerate(steps)}
    taken: set[int] = set()
    for end in (state for state in states if isinstance(state, End)):
        sources = [cells[source][1] for source, _, target in rows if target == end.name]
        wanted = max(sources, default=0) if end.ok else sum(sources) // max(len(sources), 1)
        row = min((row for row in range(len(states)) if row not in taken), key=lambda row: (abs(row - wanted), row))
        taken.add(row)
        cells[end.name] = (_ENDS, row)
    return cells


def _way(cells: Mapping[str, route.Cell], pair: Pair) -> route.Way:
    source, target = (cells[name] for name in pair)
    return route.way(source, target, frozenset(cells.values()), _ENDS, falls=True)


# --- heights ---


def _heights(
    cells: Mapping[str, route.Cell], ways: Mapping[Pair, route.Way], outcomes: Mapping[Pair, Sequence[str]]
) -> dict[int, float]:
    """Row -> how high its boxes are: so high that the names at each side of a box stand clear of one another."""
    ports = route.ports(ways)
    heights: dict[int, float] = dict.fromkeys((row for _, row in cells.values()), BOX_HEIGHT)
    for name, (_, row) in cells.items():
        heights[row] = max(heights[row], _needed(_stacks(name, ways, ports, outcomes)))
    return heights


def _stacks(
    state: str, ways: Mapping[Pair, route.Way], ports: Mapping[tuple[Pair, bool], float],
    outcomes: Mapping[Pair, Sequence[str]],
) -> Iterator[tuple[float, float]]:  # fmt: skip
    """(how far down the box, how high) of the names and arrow heads on its right, then on its left."""
    for pair, each in ways.items():
        if pair[0] == state and each.leaves == route.RIGHT:
            yield ports[pair, True], len(outcomes[pair]) * LINE_HEIGHT + NAME_GAP
        if pair[1] == state and each.enters in (route.RIGHT, route.LEFT):
            yield ports[pair, False], LINE_HEIGHT


def _needed(stacks: Iterable[tuple[float, float]]) -> float:
    around = [(0.0, 0.0), *sorted(stacks), (1.0, 0.0)]
    return max((one[1] + other[1]) / 2 / (other[0] - one[0]) for one, other in pairwise(around) if other[0] > one[0])


def _boxes(
    cells: Mapping[str, route.Cell], heights: Mapping[int, float], ways: Mapping[Pair, route.Way],
    outcomes: Mapping[Pair, Sequence[str]],
) -> tuple[dict[str, Rect], float]:  # fmt: skip
    """The boxes, and where the drawing ends."""
    falls = {each.source[1]: len(outcomes[pair]) for pair, each in ways.items() if each.leaves == route.DOWN}
    tops: dict[int, float] = {}
    y: float = TOP
    for row in range(max(heights, default=-1) + 1):
        tops[row] = y
        y += heights.get(row, BOX_HEIGHT) + FALL_HEIGHT + falls.get(row, 0) * LINE_HEIGHT
    lefts = {_STEPS: (LEFT, STEP_WIDTH), _ENDS: (ENDS_LEFT, END_WIDTH)}
    boxes = {
        name: Rect(lefts[column][0], tops[row], lefts[column][1], heights[row]) for name, (column, row) in cells.items()
    }
    return boxes, y


def _room(line: tuple[Point, ...], way: route.Way, names: Sequence[str]) -> Rect:
    """At the state they leave: on the way's first stretch, or on its middle where it falls."""
    width, height = max(map(len, names)) * LETTER_WIDTH + NAME_GAP, len(names) * LINE_HEIGHT + 2
    if way.leaves == route.DOWN:
        return Rect(line[0].x - width / 2, (line[0].y + line[-1].y - height) / 2 - 3, width, height)
    return Rect(line[0].x + NAME_OFF, line[0].y - height / 2, width, height)


def pairs(rows: Sequence[Row]) -> dict[Pair, list[str]]:
    """What leads from one state to the same other one: its outcomes in their order."""
    found: dict[Pair, list[str]] = {}
    for state, outcome, target in rows:
        found.setdefault((state, target), []).append(str(outcome))
    return found
