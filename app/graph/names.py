"""What things are called for a reader: long ids shortened, edges in words. Full ids stand in titles and data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from app.graph.build import Graph
from app.kernel.edge import Edge, EdgeKind, Node

SHORT_MAX: Final = 17  # characters of a name in a drawing
ACTIONS_MAX: Final = 2  # actions an edge names in a drawing; the rest is counted

_LONG_ID: Final = re.compile(r"\b[a-z]{1,5}-[0-9a-f]{17}\b")

# The order in which a reader meets things: from who may, over keys, to what is read.
KIND_ORDER: Final = (
    "account", "principal", "service", "alias", "key", "material", "grant", "data-key", "snapshot", "image", "volume",
)  # fmt: skip
WORDS: Final[Mapping[EdgeKind, str]] = {
    "owns": "owns",
    "wraps": "wraps",
    "encrypts": "encrypts",
    "derived-from": "derived from",
    "shared-with": "shared with",
    "delegates": "delegates",
    "allows": "allows",
    "grants": "grants",
    "grant-of": "grant",
    "points-to": "alias of",
    "material-of": "material",
}
_VERBS: Final[Mapping[EdgeKind, str]] = {
    "delegates": "delegates to",
    "grants": "grants to",
    "grant-of": "has",
    "material-of": "has",
    "points-to": "names",
    "shared-with": "is shared with",
    "derived-from": "is derived from",
}


def label_of(node: Node) -> str:
    """Its label if that says more than the id, without the word for its kind, ids in it shortened; else nothing."""
    words = _LONG_ID.sub(lambda id: abbreviated(id[0]), node.label.removeprefix(node.kind.replace("-", " ")).strip())
    return "" if node.label in node.id else words


def named(graph: Graph, node: Node) -> str:
    """As `shortened`; a key goes by its alias, the first by name."""
    if node.kind != "key":
        return shortened(node)
    alias = next((edge.source for edge in graph.into(node.id) if edge.kind == "points-to"), "")
    return shortened(graph.nodes[alias] if alias else node)


def shortened(node: Node) -> str:
    """A name of at most SHORT_MAX characters: the label, or the telling part of the id."""
    if node.kind == "account":
        return node.id
    if label := label_of(node):
        return clipped(label)
    if node.kind in ("principal", "alias", "service"):
        return clipped(node.id.split(":", 5)[-1].removeprefix("alias/").removesuffix(".amazonaws.com"))
    return abbreviated(node.id.rpartition("/")[2])


def clipped(text: str) -> str:
    """On one line, and no longer than a box is wide."""
    text = " ".join(text.split())
    return text if len(text) <= SHORT_MAX else f"{text[: SHORT_MAX - 1]}…"


def abbreviated(id: str) -> str:
    """`snap-0f3a…`: the prefix and eight characters; what is hardly longer stays whole."""
    prefix, dash, rest = id.partition("-")
    if not dash or not prefix.isalpha() or len(prefix) > 5:
        prefix, dash, rest = "", "", id
    return id if len(rest) <= 12 else f"{prefix}{dash}{rest[:8]}…"


def titled(node: Node) -> str:
    """All there is to say of a node, in one line."""
    facts = (f"{node.kind} {node.id}", node.label if node.label != node.id else "", node.state)
    owner = f"in account {node.account}" if node.account and node.kind != "account" else ""
    return ", ".join(fact for fact in (*facts, owner) if fact)


def sentence(graph: Graph, edge: Edge) -> str:
    """`key 1234abcd… delegates to account 222222222222: CreateGrant, Decrypt (statement AllowTarget)`."""
    target = graph.nodes[edge.target]
    key = f"key {shortened(target)}" if edge.kind == "points-to" else ""
    words = f"{_end(graph, edge.source)} {_verb(edge.kind)} {key or _end(graph, edge.target)}"
    allows = f": {', '.join(edge.allows)}" if edge.allows else ""
    ground = f" ({edge.rests_on})" if edge.rests_on not in ("", edge.source, edge.target) else ""
    return f"{words}{allows}{ground}"


def facts(graph: Graph) -> Iterator[tuple[str, ...]]:
    """The drawing as a table: (id, kind, account, label, state) of nodes, then (from, what, to, allows, rests on)."""
    for node in ordered(graph):
        yield (node.id, node.kind, node.account, node.label, node.state)
    for edge in graph.edges:
        yield (edge.source, edge.kind, edge.target, ", ".join(edge.allows), edge.rests_on)


def ordered(graph: Graph) -> list[Node]:
    """Nodes as a reader meets them: account by account (what has none comes last), then by kind."""
    return sorted(graph.nodes.values(), key=lambda n: (not n.account, n.account, KIND_ORDER.index(n.kind), n.id))


def actions(edge: Edge) -> tuple[str, ...]:
    """The actions without `kms:`, as many as a drawing has room for, and how many more there are."""
    named = tuple(clipped(action if action == "kms:*" else action.removeprefix("kms:")) for action in edge.allows)
    return named if len(named) <= ACTIONS_MAX + 1 else (*named[:ACTIONS_MAX], f"+{len(named) - ACTIONS_MAX} more")


def _verb(kind: EdgeKind) -> str:
    return _VERBS.get(kind, WORDS[kind])


def _end(graph: Graph, id: str) -> str:
    node = graph.nodes[id]
    return f"{node.kind.replace('-', ' ')} {named(graph, node)}"
