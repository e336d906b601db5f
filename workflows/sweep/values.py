"""Values of a matrix that are more than text: a statement, a Condition block, a list of principals.

As in GitHub Actions a value may be a mapping or a list, and `${{ matrix.axis.path }}` is a part of it. Two values are
the same if they are equal, in whatever order their keys stand. Everything about cells (rows of `include`, `exclude` and
verdicts, samples, neighbours, reports) goes by a label, which is text and of one value of its key alone:

    its `name:` or `Sid:`, else its first words, else `axis[2]`: its place among the values, from 0

The label is laid in the value's place before anything else is read, and the value itself is put into a cell's scenario
with the places at which it was written. A row may say a value or its label.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from workflows.matrix import Value
from workflows.yaml_marks import Node, plain

WORDS_MAX: Final = 40  # characters of a label made of a value's first words
_NAMES: Final = ("name", "Sid")

Structured = Mapping[str, Mapping[str, Node]]  # axis, or key of `include` -> label -> the value


def labelled(tree: Node) -> tuple[Node, Structured]:
    """The tree of a sweep with a label in the place of every value that is no text, and what the labels stand for."""
    strategy, labels = tree["strategy"], _Labels()
    for axis, values in _entries(strategy.get("matrix")):
        labels.learn(axis, list(values))
    for row in strategy.get("include") or ():
        for key, value in row.items():
            labels.learn(key, [value])
    changed: dict[str, Callable[[Node], Node]] = {
        "matrix": lambda node: _mapped(node, lambda axis, values: _each(values, lambda one: labels.of(axis, one))),
        "include": lambda node: _each(node, lambda row: _mapped(row, labels.of)),
        "exclude": lambda node: _each(node, lambda row: _mapped(row, labels.of)),
    }
    strategy = _mapped(strategy, lambda key, node: changed[key](node) if key in changed else node)
    verdicts = tree.get("verdicts")
    value = dict(tree.items()) | {"strategy": strategy}
    if verdicts is not None:
        value["verdicts"] = _each(verdicts, lambda row: _mapped(row, lambda key, node: _asked(key, node, labels)))
    return replace(tree, value=value), labels.values


def resolved(cell: Mapping[str, str], structured: Structured) -> dict[str, Value]:
    """A cell with its values in the place of their labels."""
    return {key: structured.get(key, {}).get(label, label) for key, label in cell.items()}


def _asked(key: str, node: Node, labels: _Labels) -> Node:
    """`when:` of a verdict: a list there is several values, any of which fits."""
    if key != "when":
        return node

    def row(axis: str, wanted: Node) -> Node:
        if isinstance(wanted.value, list):
            return _each(wanted, lambda one: labels.of(axis, one))
        return labels.of(axis, wanted)

    return _mapped(node, row)


class _Labels:
    """Learns the values of a key, then tells their labels."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Node]] = {}
        self._known: dict[tuple[str, str], str] = {}  # (key, value as JSON) -> label
        self._texts: dict[str, set[str]] = {}

    def learn(self, key: str, nodes: Sequence[Node]) -> None:
        self._texts.setdefault(key, set()).update(node.value for node in nodes if isinstance(node.value, str))
        for place, node in enumerate(nodes):
            if _is_structured(node) and (key, canonical(node)) not in self._known:
                kept = self.values.setdefault(key, {})
                label = self._free(key, (_words(node), f"{key}[{place}]", f"{key}[{len(kept)}]′"))
                self._known[key, canonical(node)] = label
                kept[label] = node

    def _free(self, key: str, candidates: Iterable[str]) -> str:
        taken = self._texts[key] | set(self.values[key])
        found = next((each for each in candidates if each not in taken), "")
        return found or f"{key} {len(taken)}"

    def of(self, key: str, node: Node) -> Node:
        """The node with the label; a text as it is, and of a value that nobody learned its first words."""
        if not _is_structured(node):
            return node
        return Node(self._known.get((key, canonical(node))) or _words(node), node.mark, {})


def canonical(node: Node) -> str:
    """Equal values give equal texts."""
    return json.dumps(plain(node), sort_keys=True, ensure_ascii=False)


def _is_structured(node: Node) -> bool:
    return isinstance(node.value, dict | list)


def _words(node: Node) -> str:
    names = (node.get(name) for name in _NAMES)
    name = next((each.value for each in names if each and isinstance(each.value, str) and each.value.strip()), "")
    text = " ".join((name or _flow(plain(node))).split())
    return text if len(text) <= WORDS_MAX else f"{text[: WORDS_MAX - 1].rstrip()}…"


def _flow(value: Any) -> str:
    """As YAML writes it in one line, quotes left away."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"  # pyright: ignore
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"  # pyright: ignore
    return "null" if value is None else str(value)


# --- trees, of whatever form they are: what is wrong with them is said later ---


def _entries(node: Node | None) -> Iterable[tuple[str, Node]]:
    return node.items() if node is not None else ()


def _mapped(node: Node, change: Callable[[str, Node], Node]) -> Node:
    if not isinstance(node.value, dict):
        return node
    return replace(node, value={key: change(key, inner) for key, inner in node.value.items()})


def _each(node: Node, change: Callable[[Node], Node]) -> Node:
    return replace(node, value=[change(inner) for inner in node.value]) if isinstance(node.value, list) else node
