"""The graph in other people's forms: JSON, DOT, Mermaid, GraphML; SVG and the terminal's tree stand in their own files.

`FORMATS` is what a door offers. Every form is a function of the graph alone, and equal graphs give equal text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from html import escape
from types import MappingProxyType
from typing import Final

from app.graph.build import Graph
from app.graph.difference import EdgeKey, edge_key
from app.graph.labels import label_lines
from app.graph.layout import Layout, is_drawn, layout
from app.graph.marks import COLOURS, NOTHING, SIGNS, Mark, Marks
from app.graph.names import facts, ordered, shortened
from app.graph.svg import svg
from app.graph.text import change_text, tree
from app.kernel.edge import Edge, Node, NodeKind

_DOT_SHAPES: Final[Mapping[NodeKind, str]] = {
    "account": "house",
    "key": "hexagon",
    "snapshot": "folder",
    "volume": "cylinder",
}
_MERMAID_SHAPES: Final[Mapping[NodeKind, tuple[str, str]]] = {
    "account": ("([", "])"),
    "key": ("{{", "}}"),
    "snapshot": ("[/", "/]"),
    "volume": ("[(", ")]"),
}


def to_json(graph: Graph, marks: Marks = NOTHING) -> str:
    """Node-link, versioned; `Graph.from_node_link(json.loads(text))` reads it back, without the marks."""
    plain = graph.node_link()
    for node in plain["nodes"]:
        node |= _marked(marks, node["id"])
    for edge, shown in zip(graph.edges, plain["edges"], strict=True):
        shown |= _marked(marks, edge_key(edge))
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def _marked(marks: Marks, key: str | EdgeKey) -> dict[str, str]:
    return {"mark": marks[key]} if key in marks else {}


def to_graphml(graph: Graph, marks: Marks = NOTHING) -> str:
    """Through networkx. GraphML knows no lists: what an edge allows is one text, separated by blanks."""
    from networkx import MultiDiGraph, generate_graphml

    flat = MultiDiGraph()
    for node in graph.nodes.values():
        flat.add_node(
            node.id, kind=node.kind, account=node.account, label=node.label, state=node.state, **_marked(marks, node.id)
        )
    for edge in graph.edges:
        allows = " ".join(edge.allows)
        key = f"{edge.kind} {edge.rests_on}"
        flat.add_edge(
            edge.source,
            edge.target,
            key,
            kind=edge.kind,
            rests_on=edge.rests_on,
            allows=allows,
            **_marked(marks, edge_key(edge)),
        )
    return "\n".join(generate_graphml(flat)) + "\n"


def to_dot(graph: Graph, marks: Marks = NOTHING) -> str:
    """For Graphviz: left to right, an account a cluster."""
    return (
        "\n".join(
            ["digraph reseal {", '  rankdir=LR; node [shape=box fontname="sans-serif"];', *_dot(graph, marks), "}"]
        )
        + "\n"
    )


def to_mermaid(graph: Graph, marks: Marks = NOTHING) -> str:
    """For Markdown pages: a flowchart, left to right, an account a subgraph."""
    return "\n".join(["flowchart LR", *_mermaid(graph, marks)]) + "\n"


FORMATS: Final[Mapping[str, Callable[[Graph], str]]] = MappingProxyType(
    {"json": to_json, "dot": to_dot, "mermaid": to_mermaid, "graphml": to_graphml, "svg": svg, "tree": tree}
)
MARKED: Final[Mapping[str, Callable[[Graph, Marks, str], str]]] = MappingProxyType(
    {
        "graph": lambda graph, marks, title: to_json(graph, marks),
        "dot": lambda graph, marks, title: to_dot(graph, marks),
        "mermaid": lambda graph, marks, title: to_mermaid(graph, marks),
        "graphml": lambda graph, marks, title: to_graphml(graph, marks),
        "svg": lambda graph, marks, title: svg(graph, title=title, marks=marks),
    }
)  # the forms of a part of a graph in which something is pointed out; `graph` is the node-link form

__all__ = [
    "FORMATS",
    "MARKED",
    "Layout",
    "change_text",
    "facts",
    "layout",
    "svg",
    "to_dot",
    "to_graphml",
    "to_json",
    "to_mermaid",
    "tree",
]


def _by_account(graph: Graph) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for node in ordered(graph):
        groups.setdefault(node.account, []).append(node)
    return groups


def _dot(graph: Graph, marks: Marks) -> Iterator[str]:
    for account, nodes in _by_account(graph).items():
        yield f"  subgraph {_quoted('cluster ' + account)} {{ label={_quoted(account or 'outside these accounts')};"
        yield from (f"    {_dot_node(node, marks.get(node.id))}" for node in nodes)
        yield "  }"
    for edge in _drawn(graph):
        mark = marks.get(edge_key(edge))
        label = _signed(mark, ", ".join(label_lines(edge)))
        style = f"{_dot_style(edge)}{_dot_mark(mark)}"
        yield f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [label={_quoted(label)}{style}];"


def _dot_node(node: Node, mark: Mark | None) -> str:
    label = _signed(mark, f"{node.kind}\n{shortened(node)}{chr(10) + node.state if node.state else ''}")
    shape = f"shape={_DOT_SHAPES.get(node.kind, 'box')}{_dot_mark(mark)}"
    return f"{_quoted(node.id)} [label={_quoted(label)} {shape} tooltip={_quoted(node.id)}];"


def _dot_mark(mark: Mark | None) -> str:
    return f' color="{COLOURS[mark]}" penwidth=2' if mark else ""


def _signed(mark: Mark | None, text: str) -> str:
    return f"{SIGNS[mark]} {text}" if mark else text


def _dot_style(edge: Edge) -> str:
    return " style=dotted" if edge.kind == "derived-from" else ""


def _quoted(text: str) -> str:
    """A DOT string: quotes and backslashes escaped, line breaks as Graphviz writes them."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _mermaid(graph: Graph, marks: Marks) -> Iterator[str]:
    names = {id: f"n{number}" for number, id in enumerate(graph.nodes)}
    for number, (account, nodes) in enumerate(_by_account(graph).items()):
        yield f'  subgraph a{number}["{_mermaid_text(account or "outside these accounts")}"]'
        yield from (f"    {names[node.id]}{_mermaid_node(node, marks.get(node.id))}" for node in nodes)
        yield "  end"
    drawn = _drawn(graph)
    for edge in drawn:
        arrow = "-.->" if edge.kind == "derived-from" else "-->"
        label = _signed(marks.get(edge_key(edge)), "<br>".join(map(_mermaid_text, label_lines(edge))))
        yield f'  {names[edge.source]} {arrow}|"{label}"| {names[edge.target]}'
    for mark in dict.fromkeys(marks.values()):
        style = f"stroke:{COLOURS[mark]},stroke-width:3px"
        of_mark = [names[node.id] for node in graph.nodes.values() if marks.get(node.id) == mark]
        links = [str(n) for n, edge in enumerate(drawn) if marks.get(edge_key(edge)) == mark]
        yield from (f"  style {name} {style}" for name in of_mark)
        yield from (f"  linkStyle {','.join(links)} {style}",) if links else ()


def _mermaid_node(node: Node, mark: Mark | None) -> str:
    opens, closes = _MERMAID_SHAPES.get(node.kind, ("[", "]"))
    lines = (_signed(mark, node.kind), shortened(node), *([node.state] if node.state else []))
    return f'{opens}"{"<br>".join(map(_mermaid_text, lines))}"{closes}'


def _mermaid_text(text: str) -> str:
    """Mermaid reads entities with a # in place of the &; a # of our own is one too."""
    return escape(text.replace("#", "&num;")).replace("&amp;num;", "#num;").replace("&", "#")


def _drawn(graph: Graph) -> list[Edge]:
    return [edge for edge in graph.edges if is_drawn(graph, edge)]
