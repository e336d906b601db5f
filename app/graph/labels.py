"""Where labels stand: on their lines, off everything else.

A label takes the first place on its line that touches no box and no other label; among those it hides as few other
lines as it can, and neither its own arrow nor its own bends. Short edges choose first: they have the fewest places. One
that finds no room is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from app.graph.difference import EdgeKey, edge_key
from app.graph.names import WORDS, actions
from app.kernel.edge import Edge

LINE_HEIGHT: Final = 12
LETTER_WIDTH: Final = 5.7  # of a label's font, on the wide side
_FRACTIONS: Final = (0.5, 0.35, 0.65, 0.2, 0.8, 0.42, 0.58, 0.27, 0.73, 0.12, 0.88)  # along a stretch

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


def label_lines(edge: Edge, form: Form = "stack") -> tuple[str, ...]:
    stack = (WORDS[edge.kind], *actions(edge))
    if form == "brief" and len(edge.allows) > 1:
        return (WORDS[edge.kind], f"{len(edge.allows)} actions")
    return (" ".join(stack),) if form == "line" else stack


def labels_of(
    edges: Iterable[Edge],
    lines: Mapping[EdgeKey, tuple[Point, ...]],
    boxes: Iterable[Rect],
    sides: tuple[float, float],
) -> dict[EdgeKey, Label]:
    """Labels by edge; `boxes` is what they must not touch, `sides` the left and right that they stay between."""
    taken = list(boxes)
    stretches = {key: tuple(map(_thin, pairwise(line))) for key, line in lines.items()}
    labels: dict[EdgeKey, Label] = {}
    for edge in sorted(edges, key=lambda each: (_length(lines[edge_key(each)]), each)):
        key = edge_key(edge)
        others = [each for other in stretches if other != key for each in stretches[other]]
        own = [*map(_thin, pairwise(lines[key][-2:])), *(Rect(*bend, 1, 1) for bend in lines[key][1:-1])]
        free = (each for each in _candidates(edge, lines[key]) if _fits(each.rect, taken, sides))
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


def _fits(rect: Rect, taken: list[Rect], sides: tuple[float, float]) -> bool:
    inside = rect.left > sides[0] and rect.left + rect.width < sides[1]
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
