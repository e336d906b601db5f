"""An exploration as a picture: every state in the column of its calls, every end with a number, told below.

Each edge is one call and leads from a column to the next, so nothing has to be routed: columns only have to be put in
an order in which few lines cross. What a reader looks for is emphasised, and has its calls written to it: a shortest
path to each end and to each surprise. More states than `DRAWN_MAX` are a thicket; of those only these paths are drawn,
and the picture says so. Colours, letters and the dark theme are the key graph's (`app.graph.svg`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from xml.sax.saxutils import escape

from app.graph.labels import LETTER_WIDTH, Point
from app.graph.svg import furniture
from workflows.explore.judge import Row, Surprise
from workflows.explore.search import Node
from workflows.explore.session import Explored

DRAWN_MAX: Final = 150  # states
WIDTH: Final = 1200
LEFT: Final = 40
RIGHT: Final = 60
TOP: Final = 84
LINE: Final = 16
COLUMNS: Final = 190  # characters of small type in a line of what is told below
_ROOM: Final[Mapping[str, float]] = {"quiet": 11, "told": 34, "end": 46}  # pixels that a state takes in its column
_GAP: Final = 2  # below a state
_RADIUS: Final[Mapping[str, float]] = {"quiet": 3.5, "told": 6, "end": 11}
_STYLE: Final = (
    ".reseal .quiet.way,.reseal .quiet .spot{stroke:var(--line);stroke-width:1}"
    ".reseal .spot{fill:var(--box);stroke-width:1.5}"
    ".reseal .may .spot{stroke:var(--may)} .reseal .lost .spot{stroke:var(--lost)}"
)
_SWEEPS: Final = 6  # over the columns, to and fro
_LEGEND: Final = (
    ("gained", "an end that is ok"), ("may", "an end that is not"), ("lost", "a surprise"), ("data", "a shortest path"),
)  # fmt: skip

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Told:
    """An end, or a surprise, as it is told below the picture."""

    number: int
    tone: str
    title: str
    lines: tuple[str, ...]
    path: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn: states by number, and where they stand."""

    levels: Mapping[int, int]  # state -> calls behind it
    edges: Mapping[Edge, tuple[str, ...]]
    tones: Mapping[int, str]  # states at which a run can end
    told: Sequence[Told]
    whole: bool

    @property
    def shown(self) -> dict[Edge, str]:
        """Edges on a path that is emphasised, with its tone; that of a surprise wins."""
        found: dict[Edge, str] = {}
        for one in self.told:
            tone = "lost" if one.tone == "lost" else "data"
            for edge in _edges_of(one.path):
                found[edge] = "lost" if found.get(edge) == "lost" else tone
        return found


def as_svg(explored: Explored) -> str:
    """A standalone SVG 1,200 pixels wide."""
    drawn = _drawn(explored)
    places, bottom = _places(drawn)
    below = list(_told(drawn.told, bottom + 24))
    height = bottom + 20 + sum(LINE * (1 + len(one.lines)) + 8 for one in drawn.told)
    return "\n".join([*_opening(explored, drawn, height), *_ways(drawn, places), *_states(drawn, places), *below,
                      "</svg>"]) + "\n"  # fmt: skip


# --- what is drawn ---


def _drawn(explored: Explored) -> Drawn:
    found = explored.found
    told = [*_all_told(explored)]
    edges: dict[Edge, tuple[str, ...]] = {}
    for start, end, label in found.edges:
        edges[start, end] = (*edges.get((start, end), ()), label)
    levels = {0: 0}
    for start, end, _ in found.edges:  # in the order in which they were found: level by level
        levels.setdefault(end, levels[start] + 1)
    whole = len(levels) <= DRAWN_MAX
    if not whole:
        kept = {edge for one in told for edge in _edges_of(one.path)}
        edges = {edge: edges[edge] for edge in sorted(kept)}
        levels = {number: levels[number] for number in sorted({0, *(end for edge in kept for end in edge)})}
    surprising = {number for one in explored.verdict.surprises for number in one.at}
    tones = {
        node.number: "lost" if node.number in surprising else "gained" if end.ok else "may"
        for node, end in found.ends
        if node.number in levels
    }
    return Drawn(levels, edges, tones, told, whole)


def _edges_of(path: Sequence[Node]) -> Iterator[Edge]:
    yield from pairwise((0, *(node.number for node in path)))


def _all_told(explored: Explored) -> Iterator[Told]:
    """Surprises first, then the ends: alike ones (they differ in who can read) by the shortest path to any."""
    verdict, number = explored.verdict, 0
    for one in verdict.surprises:
        number += 1
        yield Told(number, "lost", f"surprise: {one.what}", _lines(one, ""), one.shortest.path())
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in verdict.rows:
        groups.setdefault((row.declared, row.end.name, row.end.how), []).append(row)
    for (declared, name, how), rows in groups.items():
        number += 1
        first = min(rows, key=lambda row: len(row.shortest.path()))
        label = f"{name}, undeclared" if not declared else name if declared == name else f"{declared} = {name}"
        whole = Row(first.end, declared, first.why, first.shortest)
        whole.states, whole.orders = sum(row.states for row in rows), sum(row.orders for row in rows)
        tone = "lost" if not declared else "gained" if first.end.ok else "may"
        yield Told(number, tone, f"{label}  by {how}", _lines(whole, first.why), first.shortest.path())


def _lines(one: Row | Surprise, why: str) -> tuple[str, ...]:
    calls = " → ".join(node.step.id for node in one.shortest.path() if node.step) or "at once"
    counted = (
        f"{calls}   (in {one.states:,} state{'s' * (one.states != 1)}, {one.orders:,} order{'s' * (one.orders != 1)})"
    )
    return tuple(line for text in (why, counted) if text for line in textwrap.wrap(text, COLUMNS))


# --- where it stands ---


def _places(drawn: Drawn) -> tuple[dict[int, Point], float]:
    """Positions of the states, and the lowest edge of all."""
    columns = _ordered(drawn)
    kinds = _kinds(drawn)
    heights = [sum(_ROOM[kinds[number]] for number in column) for column in columns]
    step = (WIDTH - LEFT - RIGHT) / max(len(columns) - 1, 1)
    places: dict[int, Point] = {}
    for index, column in enumerate(columns):
        y = TOP + (max(heights) - heights[index]) / 2
        for number in column:
            room, radius = _ROOM[kinds[number]], _RADIUS[kinds[number]]
            places[number] = Point(LEFT + index * step, y + room - radius - _GAP)
            y += room
    return places, TOP + max(heights)


def _kinds(drawn: Drawn) -> dict[int, str]:
    kinds = dict.fromkeys(drawn.levels, "quiet")
    kinds |= dict.fromkeys((end for _, end in drawn.shown), "told") | {0: "told"}
    return kinds | {one.path[-1].number: "end" for one in drawn.told if one.path}


def _ordered(drawn: Drawn) -> list[list[int]]:
    """Columns of states, each state near the middle of its neighbours in the column before, and then behind."""
    columns: list[list[int]] = [[] for _ in range(max(drawn.levels.values()) + 1)]
    for number, level in sorted(drawn.levels.items()):
        columns[level].append(number)
    before: dict[int, list[int]] = {number: [] for number in drawn.levels}
    behind: dict[int, list[int]] = {number: [] for number in drawn.levels}
    for start, end in drawn.edges:
        before[end].append(start)
        behind[start].append(end)
    rank = {number: index / len(column) for column in columns for index, number in enumerate(column)}
    for sweep in range(_SWEEPS):
        neighbours, order = (before, columns) if sweep % 2 == 0 else (behind, columns[::-1])
        for column in order:
            column.sort(key=lambda number: (_middle(number, neighbours, rank), number))
            rank |= {number: (index + 0.5) / len(column) for index, number in enumerate(column)}
    return columns


def _middle(number: int, neighbours: Mapping[int, Sequence[int]], rank: Mapping[int, float]) -> float:
    near = neighbours[number]
    return sum(rank[each] for each in near) / len(near) if near else rank[number]


# --- how it looks ---


def _opening(explored: Explored, drawn: Drawn, height: float) -> Iterator[str]:
    found, title = explored.found, explored.plan.scenario.spec.name
    counted = f"{found.states:,} states, {found.transitions:,} calls, {found.orders:,} orders"
    shown = "every state is drawn" if drawn.whole else "drawn are the ends, and a shortest path to each"
    cut = f"; the search was CUT at {found.cut}" if found.cut else ""
    about = "; ".join((f"{counted}: {shown}{cut}", *(f"{one.title}: {one.lines[-1]}" for one in drawn.told)))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="reseal" role="img" width="{WIDTH}" height="{height:g}"'
        f' viewBox="0 0 {WIDTH} {height:g}" aria-labelledby="reseal-title reseal-about">'
    )
    yield f'<title id="reseal-title">{escape(title)}</title><desc id="reseal-about">{escape(about)}</desc>'
    yield from furniture()
    yield f"<style>{_STYLE}</style>"
    yield f'<rect class="page" width="{WIDTH}" height="{height:g}"/>'
    yield f'<text class="heading" x="20" y="32">{escape(title)}</text>'
    yield f'<text class="legend" x="20" y="52">{escape(f"{counted}; {shown}{cut}")}</text>'
    x: float = WIDTH - 20
    for tone, words in reversed(_LEGEND):
        x -= len(words) * LETTER_WIDTH + 6
        yield f'<text class="legend" x="{x:g}" y="52">{words}</text>'
        mark = (
            f'<path class="way {tone}" d="M{x - 24:g} 48H{x - 6:g}"/>' if tone == "data" else _spot(x - 12, 48, 5, tone)
        )
        yield mark
        x -= 34


def _ways(drawn: Drawn, places: Mapping[int, Point]) -> Iterator[str]:
    shown = drawn.shown
    for edge in sorted(drawn.edges, key=lambda edge: (edge in shown, shown.get(edge) == "lost", edge)):
        tone = shown.get(edge, "quiet")
        one, other = places[edge[0]], places[edge[1]]
        middle = (one.x + other.x) / 2
        line = (
            f"M{one.x:.1f} {one.y:.1f}C{middle:.1f} {one.y:.1f} {middle:.1f} {other.y:.1f} {other.x:.1f} {other.y:.1f}"
        )
        words = escape(", ".join(drawn.edges[edge]))
        yield f'<path class="way {tone}" d="{line}"><title>{words}</title></path>'


def _states(drawn: Drawn, places: Mapping[int, Point]) -> Iterator[str]:
    kinds, shown = _kinds(drawn), drawn.shown
    numbers = _numbers(drawn.told)
    room = int((places[1].x - places[0].x - 4) / LETTER_WIDTH) if 1 in places else COLUMNS
    for number in sorted(drawn.levels, key=lambda number: (kinds[number] != "quiet", number)):
        at, kind, tone = places[number], kinds[number], drawn.tones.get(number)
        yield _spot(at.x, at.y, _RADIUS[kind], tone or ("quiet" if kind == "quiet" else "data"))
        if kind == "end":
            label = ",".join(map(str, numbers[number]))
            yield f'<text class="label" x="{at.x:.1f}" y="{at.y + 3.5:.1f}">{label}</text>'
        call = next((drawn.edges[edge][0] for edge in shown if edge[1] == number), "")
        if call:
            words = escape(_clipped(call.partition(":")[0], room))
            above = at.y - _RADIUS[kind] - (8 if kind == "end" else 5)
            yield f'<text class="label" x="{at.x:.1f}" y="{above:.1f}">{words}</text>'


def _clipped(words: str, room: int) -> str:
    return words if len(words) <= room else f"{words[: room - 1]}…"


def _numbers(told: Iterable[Told]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for one in told:
        if one.path:
            found.setdefault(one.path[-1].number, []).append(one.number)
    return found


def _spot(x: float, y: float, radius: float, tone: str = "quiet") -> str:
    """A circle; an end that is not ok is a square, a surprise one on its corner: colour says nothing alone."""
    if tone not in ("may", "lost"):
        return f'<g class="{tone}"><circle class="spot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/></g>'
    side = radius * 0.9
    turned = f' transform="rotate(45 {x:.1f} {y:.1f})"' if tone == "lost" else ""
    square = f'x="{x - side:.1f}" y="{y - side:.1f}" width="{2 * side:.1f}" height="{2 * side:.1f}"'
    return f'<g class="{tone}"><rect class="spot" {square}{turned}/></g>'


def _told(told: Iterable[Told], top: float) -> Iterator[str]:
    y = top
    for one in told:
        yield _spot(32, y, 10, one.tone)
        yield f'<text class="label" x="32" y="{y + 3.5:g}">{one.number}</text>'
        yield f'<text class="name" x="50" y="{y + 4:g}">{escape(one.title)}</text>'
        for line in one.lines:
            y += LINE
            yield f'<text class="legend" x="50" y="{y + 4:g}">{escape(line)}</text>'
        y += LINE + 8
