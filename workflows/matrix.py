"""`${{ matrix.axis }}`: what a sweep puts into a file before anything else is done with it.

A cell of a sweep is a plain scenario: in every file that it reads, references to the matrix are replaced by the cell's
values, and every part keeps its place. A value may be a mapping or a list, and `${{ matrix.axis.key[0]."other:key" }}`
a part of it, as JMESPath writes that. Alone, such a reference becomes the value itself, with the places where the
matrix has it; inside a longer text it is written out as JSON. In JSON a text is written as JSON writes text, and a
text that is one reference to a mapping or a list becomes that. `if:` is not filled but decided (`scenario_steps`),
since there the values are compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Final

from workflows.verify import suggest
from workflows.yaml_marks import InvalidFile, Mark, Mistake, Node, plain

NAME: Final = "matrix"
IF: Final = "if"
_PATH: Final = r"""(?:\.(?:[A-Za-z_][\w-]*|\\?"[^"{}\\]+\\?")|\[\d+\])*"""
_REFERENCE: Final = rf"\$\{{\{{\s*matrix\.([A-Za-z_][\w-]*)({_PATH})\s*\}}\}}"
PATTERN: Final = re.compile(_REFERENCE)
_IN_JSON: Final = re.compile(f'"{_REFERENCE}"|{_REFERENCE}')
_STEP: Final = re.compile(r"""\.([A-Za-z_][\w-]*)|\.\\?"([^"]+?)\\?"|\[(\d+)\]""")

Value = str | Node  # a text, or a mapping or list with its places
Values = Mapping[str, Value]  # axis -> value, of one cell


def still(node: Node) -> set[int]:
    """The nodes of a tree (by `id`) in which nothing can be replaced, so that nobody looks into them a second time."""
    inner = list(node.value.values() if isinstance(node.value, dict) else node)
    found = {id for each in inner for id in still(each)}
    texts = node.value if isinstance(node.value, dict) else [node.value] if isinstance(node.value, str) else ()
    if all(id(each) in found for each in inner) and not any(PATTERN.search(text) for text in texts):
        found.add(id(node))
    return found


def _part(value: Value, path: str) -> Value | None:
    """What a path finds in a value; None where it finds nothing."""
    found: Value | None = value
    for step in _STEP.finditer(path):
        inner = found.value if isinstance(found, Node) else None
        key, place = step[1] or step[2], int(step[3] or 0)
        if key:
            found = inner.get(key) if isinstance(inner, dict) else None
        else:
            found = inner[place] if isinstance(inner, list) and place < len(inner) else None
    if isinstance(found, Node) and not isinstance(found.value, dict | list):
        return found.value
    return found


def _written(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


class Filler:
    """Puts one cell's values into trees and texts; `values` None is a file that is no sweep. Knows what it has used."""

    def __init__(self, values: Values | None) -> None:
        self.values = values
        self.used: set[str] = set()
        self._still: Collection[int] = ()

    def tree(self, node: Node, still: Collection[int] = ()) -> Node:
        """The tree with every reference replaced; InvalidFile with all that name nothing. `still` as the function."""
        mistakes: list[Mistake] = []
        self._still = still
        filled = self._node(node, mistakes)
        if mistakes:
            raise InvalidFile(*mistakes)
        return filled

    def json(self, text: str, path: str) -> str:
        """A JSON text with every reference replaced; InvalidFile at the place of those that name nothing."""
        mistakes: list[Mistake] = []

        def value(found: re.Match[str]) -> str:
            line = text.count("\n", 0, found.start())
            mark = Mark(path, line + 1, found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1)
            alone = found[1] is not None
            axis, part = (found[1], found[2]) if alone else (found[3], found[4])
            put = self._value(axis, part, mark, mistakes)
            if alone and isinstance(put, Node):
                return json.dumps(plain(put))
            written = json.dumps(_written(put))
            return written if alone else written[1:-1]

        filled = _IN_JSON.sub(value, text)
        if mistakes:
            raise InvalidFile(*mistakes)
        return filled

    def _node(self, node: Node, mistakes: list[Mistake]) -> Node:
        """The same node where nothing in it is replaced, so that cells share what they have in common."""
        value = node.value
        if id(node) in self._still:
            return node
        if isinstance(value, str):
            whole = PATTERN.fullmatch(value)
            if whole and isinstance(filled := self._value(whole[1], whole[2], node.mark, mistakes), Node):
                return filled
            filled = self._text(value, node.mark, mistakes)
            return node if filled == value else Node(filled, node.mark, {})
        if isinstance(value, list):
            elements = [self._node(inner, mistakes) for inner in value]
            same = all(one is other for one, other in zip(elements, value, strict=True))
            return node if same else Node(elements, node.mark, {})
        return self._mapping(node, value, mistakes) if value is not None else node

    def _mapping(self, node: Node, value: dict[str, Node], mistakes: list[Mistake]) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for key, inner in value.items():
            name = self._text(key, node.keys[key], mistakes)
            if name in entries:
                mistakes.append(Mistake(node.keys[key], f"{name!r} stands here twice; first at {keys[name]}"))
            entries[name] = inner if key == IF else self._node(inner, mistakes)
            keys[name] = node.keys[key]
        same = entries.keys() == value.keys() and all(entries[key] is value[key] for key in value)
        return node if same else Node(entries, node.mark, keys)

    def _text(self, text: str, mark: Mark, mistakes: list[Mistake]) -> str:
        if "${{" not in text:
            return text
        return PATTERN.sub(lambda found: _written(self._value(found[1], found[2], mark, mistakes)), text)

    def _value(self, axis: str, path: str, mark: Mark, mistakes: list[Mistake]) -> Value:
        if self.values is None or axis not in self.values:
            mistakes.append(Mistake(mark, self.unknown(axis)))
            return ""
        self.used.add(axis)
        found = _part(self.values[axis], path)
        if found is None:
            mistakes.append(Mistake(mark, f"`matrix.{axis}{path}` finds nothing in {axis}"))
        return "" if found is None else found

    def unknown(self, axis: str) -> str:
        """What is said of a reference that names nothing."""
        if self.values is None:
            return f"`{NAME}.{axis}` is of a sweep, and this file has no `strategy:`"
        return f"the matrix has no {axis!r}" + suggest(axis, self.values)
