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
from app.graph.labels import label_lines
from app.graph.layout import Layout, is_drawn, layout
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


def to_json(graph: Graph) -> str:
    """Node-link, versioned; `Graph.from_node_link(json.loads(text))` reads it back."""
    return json.dumps(graph.node_link(), indent=2, ensure_ascii=False) + "\n"


def to_graphml(graph: Graph) -> str:
    """Through networkx. GraphML knows no lists: what an edge allows is one text, separated by blanks."""
    from networkx import MultiDiGraph, generate_graphml

    flat = MultiDiGraph()
    for node in graph.nodes.values():
        flat.add_node(node.id, kind=node.kind, account=node.account, label=node.label, state=node.state)
    for edge in graph.edges:
        allows = " ".join(edge.allows)
        key = f"{edge.kind} {edge.rests_on}"
        flat.add_edge(edge.source, edge.target, key, kind=edge.kind, rests_on=edge.rests_on, allows=allows)
    return "\n".join(generate_graphml(flat)) + "\n"


def to_dot(graph: Graph) -> str:
    """For Graphviz: left to right, an account a cluster."""
    return (
        "\n".join(["digraph reseal {", '  rankdir=LR; node [shape=box fontname="sans-serif"];', *_dot(graph), "}"])
        + "\n"
    )


def to_mermaid(graph: Graph) -> str:
    """For Markdown pages: a flowchart, left to right, an account a subgraph."""
    return "\n".join(["flowchart LR", *_mermaid(graph)]) + "\n"


FORMATS: Final[Mapping[str, Callable[[Graph], str]]] = MappingProxyType(
    {"json": to_json, "dot": to_dot, "mermaid": to_mermaid, "graphml": to_graphml, "svg": svg, "tree": tree}
)

__all__ = [
    "FORMATS",
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


def _dot(graph: Graph) -> Iterator[str]:
    for account, nodes in _by_account(graph).items():
        yield f"  subgraph {_quoted('cluster ' + account)} {{ label={_quoted(account or 'outside these accounts')};"
        yield from (f"    {_dot_node(node)}" for node in nodes)
        yield "  }"
    for edge in _drawn(graph):
        label = ", ".join(label_lines(edge))
        yield f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [label={_quoted(label)}{_dot_style(edge)}];"


def _dot_node(node: Node) -> str:
    label = f"{node.kind}\n{shortened(node)}{chr(10) + node.state if node.state else ''}"
    shape = _DOT_SHAPES.get(node.kind, "box")
    return f"{_quoted(node.id)} [label={_quoted(label)} shape={shape} tooltip={_quoted(node.id)}];"


def _dot_style(edge: Edge) -> str:
    return " style=dotted" if edge.kind == "derived-from" else ""


def _quoted(text: str) -> str:
    """A DOT string: quotes and backslashes escaped, line breaks as Graphviz writes them."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _mermaid(graph: Graph) -> Iterator[str]:
    names = {id: f"n{number}" for number, id in enumerate(graph.nodes)}
    for number, (account, nodes) in enumerate(_by_account(graph).items()):
        yield f'  subgraph a{number}["{_mermaid_text(account or "outside these accounts")}"]'
        yield from (f"    {names[node.id]}{_mermaid_node(node)}" for node in nodes)
        yield "  end"
    for edge in _drawn(graph):
        arrow = "-.->" if edge.kind == "derived-from" else "-->"
        label = "<br>".join(map(_mermaid_text, label_lines(edge)))
        yield f'  {names[edge.source]} {arrow}|"{label}"| {names[edge.target]}'


def _mermaid_node(node: Node) -> str:
    opens, closes = _MERMAID_SHAPES.get(node.kind, ("[", "]"))
    lines = (node.kind, shortened(node), *([node.state] if node.state else []))
    return f'{opens}"{"<br>".join(map(_mermaid_text, lines))}"{closes}'


def _mermaid_text(text: str) -> str:
    """Mermaid reads entities with a # in place of the &; a # of our own is one too."""
    return escape(text.replace("#", "&num;")).replace("&amp;num;", "#num;").replace("&", "#")


def _drawn(graph: Graph) -> list[Edge]:
    return [edge for edge in graph.edges if is_drawn(graph, edge)]
