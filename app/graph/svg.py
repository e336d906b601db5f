"""The picture a learner sees: who holds which key, what it encrypts, and what the last step changed.

Colour never says anything alone: kinds, states and changes are words or marks as well (+ gained, − lost and dashed,
≠ changed). Full ids stand in titles. The drawing follows the reader's light or dark theme, and needs nothing from
outside itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from app.graph.build import Graph
from app.graph.difference import Change, edge_key
from app.graph.labels import LETTER_WIDTH, LINE_HEIGHT, Label, Point, Rect, label_lines
from app.graph.layout import BAND_LEFT, WIDTH, Layout, is_drawn, layout
from app.graph.marks import NOTHING, SIGNS, Mark, Marks, marks_of
from app.graph.names import clipped, ordered, sentence, shortened, titled
from app.kernel.edge import Edge, EdgeKind, Node

_TROUBLE: Final = frozenset({"Disabled", "PendingDeletion", "PendingImport", "Unavailable", "error", "deleting"})
_TONES: Final[Mapping[EdgeKind, str]] = {
    "material-of": "data",
    "wraps": "data",
    "encrypts": "data",
    "points-to": "data",
    "owns": "data",
    "derived-from": "past",
}  # what is not named here is a permission
_LEGEND: Final = (("data", "what a read rests on"), ("may", "permission"), ("past", "made from"))
_CORNER: Final = 6
_NAME_EASY: Final = 15  # characters that fit a box in any font; longer names are squeezed into
_CAPITAL_WIDTH: Final = 6.8
_KIND_GAP: Final = 6
_NAME_ROOM: Final = 118  # pixels

_STYLE: Final = """
.reseal{--page:#fff;--band:#f6f8fa;--box:#fff;--line:#d0d7de;--text:#1f2328;--dim:#59636e;--data:#0550ae;--may:#8a4600;
--past:#59636e;--gained:#116329;--lost:#b3111d;--changed:#6639ba;--named:#a1157a;background:var(--page)}
@media (prefers-color-scheme:dark){.reseal{--page:#0d1117;--band:#161b22;--box:#0d1117;--line:#3d444d;--text:#f0f6fc;
--dim:#9da7b3;--data:#79b8ff;--may:#f0a35e;--past:#9da7b3;--gained:#56d364;--lost:#ff7b72;--changed:#d2a8ff;--named:#ff8ad8}}
.reseal text{font-family:system-ui,"Segoe UI","Liberation Sans",Arial,sans-serif;fill:var(--text)}
.reseal .page{fill:var(--page)} .reseal .band{fill:var(--band);stroke:var(--line)}
.reseal .heading{font-size:16px;font-weight:600} .reseal .legend{font-size:11px;fill:var(--dim)}
.reseal .box{fill:var(--box);stroke:var(--line);stroke-width:1.2} .reseal .name{font-size:12px;font-weight:600}
.reseal .kind{font-size:10px;fill:var(--dim)} .reseal .trouble{fill:var(--lost);font-weight:700}
.reseal .way{fill:none;stroke-width:1.4} .reseal .label{font-size:10px;text-anchor:middle}
.reseal .label.begins{text-anchor:start}
.reseal .behind{fill:var(--band)} .reseal .mark{font-size:13px;font-weight:700;text-anchor:middle}
.reseal .mark circle{fill:var(--box);stroke-width:1.5}
.reseal .past{stroke-dasharray:1.5 3} .reseal .lost .box,.reseal .lost.way{stroke-dasharray:6 4}
.reseal .lost .name{text-decoration:line-through} .reseal .gained.way,.reseal .changed.way,
.reseal .named.way{stroke-width:2.4}
"""
_TONE_STYLE: Final = (
    ".reseal .{0}.way,.reseal .{0} circle{{stroke:var(--{0})}}"
    ".reseal .{0}.label,.reseal .{0}.mark text,.reseal .head-{0}{{fill:var(--{0})}}"
    ".reseal .{0}>.box{{stroke:var(--{0});stroke-width:2}}\n"
)
_TONE_NAMES: Final = ("data", "may", "past", "gained", "lost", "changed", "named")


def svg(
    graph: Graph,
    positions: Layout | None = None,
    highlight: Change | None = None,
    title: str = "Keys and what rests on them",
    marks: Marks = NOTHING,
) -> str:
    """The graph as a standalone SVG 1,200 pixels wide; `marks`: what is pointed out beside the change.

    `positions` come from `layout` of a union of graphs that holds this one (and what `highlight` lost): else KeyError.
    """
    change = highlight or Change()
    shown = _with_lost(graph, change)
    places = positions or layout(shown)
    marks = {**marks, **marks_of(change)}
    edges = [edge for edge in shown.edges if is_drawn(shown, edge)]
    parts = (
        *_opening(shown, places, title, change, marks),
        *_bands(shown, places),
        *(_way(shown, edge, places.ways[edge_key(edge)], _tone(edge, marks)) for edge in edges),
        *(_label(edge, label, places, marks) for edge in edges if (label := places.labels.get(edge_key(edge)))),
        *(_node(node, places.boxes[node.id], marks.get(node.id)) for node in ordered(shown)),
        "</svg>",
    )
    return "\n".join(parts) + "\n"


def _with_lost(graph: Graph, change: Change) -> Graph:
    nodes = {node.id: node for node in change.lost_nodes} | dict(graph.nodes)
    return Graph(MappingProxyType(nodes), (*graph.edges, *change.lost_edges))


def _opening(graph: Graph, places: Layout, title: str, change: Change, marks: Marks) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="reseal" role="img" width="{WIDTH}" height="{places.height:g}"'
        f' viewBox="0 0 {WIDTH} {places.height:g}" aria-labelledby="reseal-title reseal-about">'
    )
    yield f'<title id="reseal-title">{escape(title)}</title>'
    yield f'<desc id="reseal-about">{escape(_about(graph, change))}</desc>'
    yield from furniture()
    yield f'<rect class="page" width="{WIDTH}" height="{places.height:g}"/>'
    yield f'<text class="heading" x="{BAND_LEFT}" y="32">{escape(title)}</text>'
    yield from _legend(marks)


def _about(graph: Graph, change: Change) -> str:
    """The same facts in words, for who can not see the drawing."""
    nodes = [titled(node) for node in ordered(graph)]
    edges = [sentence(graph, edge) for edge in graph.edges if is_drawn(graph, edge)]
    lost = {*(titled(node) for node in change.lost_nodes), *(sentence(graph, edge) for edge in change.lost_edges)}
    return ". ".join(f"Lost: {fact}" if fact in lost else fact for fact in (*nodes, *edges)) + "."


def _legend(marks: Marks) -> Iterator[str]:
    x: float = WIDTH - BAND_LEFT
    signs = [(mark, f"{SIGNS[mark]} {mark}") for mark in dict.fromkeys(marks.values())]
    for tone, words in reversed([*_LEGEND, *signs]):
        x -= len(words) * LETTER_WIDTH + 6
        yield f'<text class="legend" x="{x:g}" y="31">{words}</text>'
        yield f'<path class="way {tone}" d="M{x - 32:g} 27H{x - 7:g}" marker-end="url(#head-{tone})"/>'
        x -= 50


def _arrow(tone: str) -> str:
    return (
        f'<marker id="head-{tone}" class="head-{tone}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"'
        ' markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 .5 8 4 0 7.5z"/></marker>'
    )


def furniture() -> Iterator[str]:
    """What a drawing brings along: the style of its classes, and the arrow heads of its tones."""
    yield f"<style>{_STYLE}{''.join(map(_TONE_STYLE.format, _TONE_NAMES))}</style>"
    yield "<defs>" + "".join(map(_arrow, _TONE_NAMES)) + "</defs>"


def _bands(graph: Graph, places: Layout) -> Iterator[str]:
    present = {node.id if node.kind == "account" else node.account for node in graph.nodes.values()}
    for account, rect in places.bands.items():
        if account in present:
            yield f'<rect class="band" rx="10" {geometry(rect)}/>'
        if account in present and not account:
            yield f'<text class="kind" x="30" y="{rect.top + 24:g}">outside these accounts</text>'


def geometry(rect: Rect) -> str:
    return f'x="{rect.left:g}" y="{rect.top:g}" width="{rect.width:g}" height="{rect.height:g}"'


def _node(node: Node, rect: Rect, mark: Mark | None) -> str:
    sign = _sign(Point(rect.left, rect.top), mark) if mark else ""
    return (
        f"<g class={quoteattr(mark or '')}><title>{escape(titled(node))}</title>"
        f'<rect class="box" rx="{16 if node.kind == "account" else 5}" {geometry(rect)}/>{_card(node, rect)}{sign}</g>'
    )


def _card(node: Node, rect: Rect) -> str:
    """Kind and state in small type (of an account its name, which is all the state it has), the name below."""
    trouble = node.state in _TROUBLE
    state = clipped(node.state or (node.label if node.kind == "account" and node.label != node.id else ""))
    state = f"! {state}" if trouble else state
    name = shortened(node)
    squeezed = _squeezed(_NAME_ROOM) if len(name) > _NAME_EASY else ""
    room = _NAME_ROOM - _width(node.kind) - _KIND_GAP
    tight = _squeezed(room) if _width(state) > room else ""
    return (
        f'<text class="kind" x="{rect.left + 9:g}" y="{rect.top + 17:g}">{node.kind.replace("-", " ")}</text>'
        f'<text class="kind{" trouble" if trouble else ""}" text-anchor="end" x="{rect.left + rect.width - 9:g}"'
        f' y="{rect.top + 17:g}"{tight}>{escape(state)}</text>'
        f'<text class="name" x="{rect.left + 9:g}" y="{rect.top + 35:g}"{squeezed}>{escape(name)}</text>'
    )


def _squeezed(room: float) -> str:
    return f' textLength="{room:g}" lengthAdjust="spacingAndGlyphs"'


def _width(text: str) -> float:
    """Of small type, on the wide side: capitals are wider."""
    return sum(_CAPITAL_WIDTH if letter.isupper() or letter == "_" else LETTER_WIDTH for letter in text)


def _sign(at: Point, mark: Mark) -> str:
    return (
        f'<g class="mark {mark}"><circle cx="{at.x + 2:g}" cy="{at.y - 1:g}" r="8"/>'
        f'<text x="{at.x + 2:g}" y="{at.y + 3.5:g}">{SIGNS[mark]}</text></g>'
    )


def _tone(edge: Edge, marks: Marks) -> str:
    """Its classes: what kind of edge it is, and the mark, whose colour wins since it comes later in the style."""
    kind = _TONES.get(edge.kind, "may")
    return f"{kind} {marks[edge_key(edge)]}" if edge_key(edge) in marks else kind


def _way(graph: Graph, edge: Edge, line: tuple[Point, ...], tone: str) -> str:
    return (
        f'<path class="way {tone}" d="{rounded(line)}" marker-end="url(#head-{tone.split()[-1]})">'
        f"<title>{escape(sentence(graph, edge))}</title></path>"
    )


def rounded(line: tuple[Point, ...]) -> str:
    """A path along the points with round corners, as round as the shorter stretch at each corner allows."""
    parts = [f"M{line[0].x:g} {line[0].y:g}"]
    for before, (corner, after) in zip(line, pairwise(line[1:]), strict=False):
        radius = min(_CORNER, _length(before, corner) / 2, _length(corner, after) / 2)
        start, end = _toward(corner, before, radius), _toward(corner, after, radius)
        parts.append(f"L{start.x:.4g} {start.y:.5g}Q{corner.x:.4g} {corner.y:.5g} {end.x:.4g} {end.y:.5g}")
    return "".join([*parts, f"L{line[-1].x:g} {line[-1].y:g}"])


def _length(a: Point, b: Point) -> float:
    return abs(a.x - b.x) + abs(a.y - b.y)  # stretches are upright or level


def _toward(point: Point, other: Point, by: float) -> Point:
    length = _length(point, other)
    share = by / length if length else 0
    return Point(point.x + (other.x - point.x) * share, point.y + (other.y - point.y) * share)


def _label(edge: Edge, label: Label, places: Layout, marks: Marks) -> str:
    """Its text in the room that the layout kept; a step that allows other actions than the union did is clipped."""
    mark = marks.get(edge_key(edge))
    sign = f"{SIGNS[mark]} " if mark else ""
    lines = label_lines(edge, label.form)[: int(label.rect.height / LINE_HEIGHT)]
    room = int((label.rect.width - 4) / LETTER_WIDTH)
    texts = [(sign * (n == 0) + text)[:room] for n, text in enumerate(lines)]
    x = label.rect.left + label.rect.width / 2
    top = label.rect.top + (label.rect.height - len(lines) * LINE_HEIGHT) / 2
    half = max(map(len, texts)) * LETTER_WIDTH / 2 + 2
    ground = "behind" if any(map(label.rect.overlaps, places.bands.values())) else "page"
    behind = Rect(x - half, label.rect.top, 2 * half, label.rect.height)
    spans = "".join(
        f'<tspan x="{x:g}" y="{top + 9.5 + n * LINE_HEIGHT:g}">{escape(text)}</tspan>' for n, text in enumerate(texts)
    )
    return f'<rect class="{ground}" rx="3" {geometry(behind)}/><text class="label {_tone(edge, marks)}">{spans}</text>'
