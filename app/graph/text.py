"""The graph and its changes in a terminal: plain text for eighty columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Final

from msgspec.structs import replace

from app.graph.build import Graph
from app.graph.difference import Change
from app.graph.names import WORDS, label_of, ordered, sentence, shortened
from app.kernel.edge import Edge, EdgeKind, Node

COLUMNS: Final = 80

# What hangs below what: every other edge is a line of words below its source.
_BRANCHES: Final[frozenset[EdgeKind]] = frozenset({"material-of", "wraps", "encrypts", "grant-of"})
_PREPOSITION: Final[Mapping[EdgeKind, str]] = {"delegates": "delegates to", "grants": "to", "points-to": "names"}


def tree(graph: Graph) -> str:
    """Account by account: each key with who may use it, its material, data keys, and what they encrypt."""
    shape = _Shape(graph)
    groups: defaultdict[str, list[Node]] = defaultdict(list)
    for node in ordered(graph):
        if node.kind == "account" or node.id not in shape.holder:
            groups[node.account].append(node)
    return "".join(_group(shape, account, nodes) for account, nodes in groups.items())


def change_text(change: Change, before: Graph, after: Graph) -> str:
    """What a step changed, a line each: `+` gained, `-` lost, `~` changed. Accounts and `owns` go without saying."""
    return "\n".join(line for sign, words in _changes(change, before, after) for line in _wrapped(f"{sign} ", words))


class _Shape:
    """A graph as a forest: of each node what hangs below it, and what it says of others."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.below: defaultdict[str, list[Edge]] = defaultdict(list)
        self.says: defaultdict[str, list[Edge]] = defaultdict(list)
        self.holder: dict[str, str] = {}
        for edge in graph.edges:
            self._add(edge)

    def _add(self, edge: Edge) -> None:
        if edge.kind in _BRANCHES and self._may_hang(edge):
            self.holder[edge.target] = edge.source
            self.below[edge.source].append(edge)
        elif edge.kind != "owns":
            self.says[edge.source].append(edge)

    def _may_hang(self, edge: Edge) -> bool:
        """Once, below what is no account (accounts are the trunks), and not in a ring."""
        free = edge.target not in self.holder and edge.target not in self._above(edge.source)
        return free and "account" not in (self.graph.nodes[edge.source].kind, self.graph.nodes[edge.target].kind)

    def _above(self, id: str) -> Iterator[str]:
        """The node and all it hangs below: what would close a ring."""
        while id:
            yield id
            id = self.holder.get(id, "")


def _group(shape: _Shape, account: str, nodes: list[Node]) -> str:
    owner = shape.graph.nodes.get(account)
    name = f" ({owner.label})" if owner and owner.label not in ("", account) else ""
    head = f"account {account}{name}" if account else "outside these accounts"
    members = [node for node in nodes if node.kind != "account"]
    lines = [line for n, node in enumerate(members) for line in _branch(shape, node, "", "", n == len(members) - 1)]
    return "\n".join([head, *lines]) + "\n"


def _branch(shape: _Shape, node: Node, indent: str, role: str, is_last: bool) -> Iterator[str]:
    """A node's line, what it says, and what hangs below it."""
    elbow, deeper = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
    below, says = shape.below[node.id], shape.says[node.id]
    yield from _wrapped(indent + elbow, f"{role}{_line(node)}", indent + deeper + ("│  " if below or says else "   "))
    inside = indent + deeper
    for n, edge in enumerate(says):
        ends = n == len(says) - 1 and not below
        elbow = "└─ " if ends else "├─ "
        yield from _wrapped(inside + elbow, _said(shape.graph, edge), inside + ("     " if ends else "│    "))
    for n, edge in enumerate(below):
        child = shape.graph.nodes[edge.target]
        away = f"in {child.account}: " if child.account != node.account else ""
        role = f"{WORDS[edge.kind]} {away}" if edge.kind in ("wraps", "encrypts") else away
        yield from _branch(shape, child, inside, role, n == len(below) - 1)


def _line(node: Node) -> str:
    """`key 1234abcd… volumes  [Enabled]`: in a terminal there is room for the id and the label."""
    label = label_of(node)
    name = label if node.kind == "data-key" and label else f"{_bare(node)} {label}".rstrip()
    return f"{node.kind.replace('-', ' ')} {name}{f'  [{node.state}]' if node.state else ''}"


def _bare(node: Node) -> str:
    return shortened(replace(node, label=""))


def _said(graph: Graph, edge: Edge) -> str:
    target = graph.nodes[edge.target]
    words = f"{_PREPOSITION.get(edge.kind, WORDS[edge.kind])} {_line(replace(target, state=''))}"
    return f"{words}: {', '.join(edge.allows)}" if edge.allows else words


def _changes(change: Change, before: Graph, after: Graph) -> Iterator[tuple[str, str]]:
    yield from (("+", _line(node)) for node in change.gained_nodes if node.kind != "account")
    yield from (("-", _line(node)) for node in change.lost_nodes if node.kind != "account")
    yield from (("~", _altered(old, new)) for old, new in change.changed_nodes)
    yield from (("+", sentence(after, edge)) for edge in change.gained_edges if edge.kind != "owns")
    yield from (("-", sentence(before, edge)) for edge in change.lost_edges if edge.kind != "owns")
    yield from (("~", _allowance(after, old, new)) for old, new in change.changed_edges)


def _altered(old: Node, new: Node) -> str:
    """`key 1234abcd… volumes: Enabled -> Disabled`, and the same for a label."""
    turns = [(old.state, new.state), (old.label, new.label), (old.account, new.account), (old.kind, new.kind)]
    words = ", ".join(f"{was or 'nothing'} -> {now or 'nothing'}" for was, now in turns if was != now)
    return f"{_line(replace(new, label=old.label, state=''))}: {words}"


def _allowance(graph: Graph, old: Edge, new: Edge) -> str:
    more, less = sorted({*new.allows} - {*old.allows}), sorted({*old.allows} - {*new.allows})
    words = [f"{word} {', '.join(actions)}" for word, actions in (("now also", more), ("no longer", less)) if actions]
    return f"{sentence(graph, Edge(new.kind, new.source, new.target, new.rests_on))}: {'; '.join(words)}"


def _wrapped(lead: str, words: str, later: str | None = None) -> list[str]:
    """Lines no wider than COLUMNS; what goes on is set in under the first."""
    later = " " * (len(lead) + 2) if later is None else later
    return wrap(words, COLUMNS, initial_indent=lead, subsequent_indent=later, break_on_hyphens=False)
