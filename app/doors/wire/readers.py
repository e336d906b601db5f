"""From a parsed body to parameters, by the model: one compiled closure a shape.

JSON bodies arrive as dicts, form bodies as a tree of their dotted names (`Filter.1.Value.1`). Both readers give what
botocore's own serializer was given: member names of the model, bytes for blobs, times, booleans, integers. What the
model does not know is kept under the name it came with, so that validation can refuse it by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from app.doors.wire import values
from app.doors.wire.http import Unreadable
from app.kernel import shapes

Shape = Any  # botocore's
Reader = Callable[[Any], Any]

FORM_FIELDS_MAX = 10_000
FORM_DEPTH_MAX = 64


def _same(value: Any) -> Any:
    return value


# --- JSON -------------------------------------------------------------------------------------------------------------

_JSON_SCALARS: Mapping[str, Reader] = {
    "blob": values.blob,
    "timestamp": values.epoch,
    "integer": values.whole,
    "long": values.whole,
}


def json_reader(shape: Shape, done: dict[str, Reader] | None = None) -> Reader:
    """How a JSON value of this shape is read; a null member counts as not sent, as AWS has it."""
    done = {} if done is None else done
    build = {"structure": _json_structure, "list": _json_list, "map": _json_map}.get(shape.type_name)
    if build is None:
        return _JSON_SCALARS.get(shape.type_name, _same)
    if shape.name not in done:
        done[shape.name] = lambda value: done[shape.name](value)
        done[shape.name] = build(shape, done)
    return done[shape.name]


def _json_structure(shape: Shape, done: dict[str, Reader]) -> Reader:
    members = {
        inner.serialization.get("name", name): (name, json_reader(inner, done)) for name, inner in shape.members.items()
    }

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found = {}
        for key, item in value.items():
            if item is not None:
                name, reader = members.get(key, (key, _same))
                found[name] = reader(item)
        return found

    return read


def _json_list(shape: Shape, done: dict[str, Reader]) -> Reader:
    reader = json_reader(shape.member, done)
    return lambda value: [reader(item) for item in value] if isinstance(value, list) else value


def _json_map(shape: Shape, done: dict[str, Reader]) -> Reader:
    reader = json_reader(shape.value, done)
    return lambda value: {k: reader(v) for k, v in value.items()} if isinstance(value, dict) else value


# --- forms ------------------------------------------------------------------------------------------------------------

LEAF = ""  # the key under which a node of the tree keeps its own text
Tree = dict[str, Any]


def form_fields(text: str) -> list[tuple[str, str]]:
    """The decoded pairs of a form body or query string, in order; `Unreadable` where it is none."""
    pairs = [pair for pair in text.split("&") if pair]
    if len(pairs) > FORM_FIELDS_MAX:
        raise Unreadable("MalformedQueryString", f"A request can hold at most {FORM_FIELDS_MAX} parameters.")
    try:
        return [_decoded(pair) for pair in pairs]
    except UnicodeDecodeError as wrong:
        raise Unreadable("MalformedQueryString", "The query string contains a syntax error.") from wrong


def _decoded(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    if "%" in pair or "+" in pair:
        return unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
    return name, value


def form_tree(fields: list[tuple[str, str]]) -> Tree:
    """The dotted names as a tree; of a name sent twice the last text counts."""
    root: Tree = {}
    for name, value in fields:
        steps = name.split(".")
        if len(steps) > FORM_DEPTH_MAX:
            raise Unreadable("MalformedQueryString", f"A parameter name can have at most {FORM_DEPTH_MAX} parts.")
        node = root
        for step in steps:
            node = node.setdefault(step or ".", {})  # "." can't be a step, so an empty step is never taken for LEAF
        node[LEAF] = value
    return root


def form_reader(service: str, shape: Shape) -> Reader:
    """How the tree of a form is read as this input shape."""
    return _form_node(_Names(shapes.protocol_family(service) == "ec2"), shape, {})


class _Names:
    """The two dialects of form names: `Filter.1.Value.1` of EC2, `Tags.member.1.Key` of the query protocol."""

    def __init__(self, ec2: bool) -> None:
        self.ec2 = ec2

    def member(self, name: str, shape: Shape) -> str:
        if self.ec2:
            return shapes.ec2_name(name, shape)
        if shape.serialization.get("flattened") and shape.type_name == "list":
            return shape.member.serialization.get("name", shape.serialization.get("name", name))
        return shape.serialization.get("name", name)

    def elements(self, shape: Shape, node: Tree) -> Tree | None:
        """The numbered children of a list or map; None where there are none."""
        if self.ec2 or shape.serialization.get("flattened"):
            return node
        kind = "entry" if shape.type_name == "map" else shape.member.serialization.get("name", "member")
        return node.get(kind)


def _form_node(names: _Names, shape: Shape, done: dict[str, Reader]) -> Reader:
    build = {"structure": _form_structure, "list": _form_list, "map": _form_map}.get(shape.type_name)
    if build is None:
        return _form_scalar(shape.type_name)
    if shape.name not in done:
        done[shape.name] = lambda node: done[shape.name](node)
        done[shape.name] = build(names, shape, done)
    return done[shape.name]


def _form_structure(names: _Names, shape: Shape, done: dict[str, Reader]) -> Reader:
    members = {
        names.member(name, inner): (name, _form_node(names, inner, done)) for name, inner in shape.members.items()
    }

    def read(node: Tree) -> Any:
        if LEAF in node and (node[LEAF] or len(node) > 1):
            return plain(node)
        found = {}
        for key, child in node.items():
            if key != LEAF:
                name, reader = members.get(key, (key, plain))
                found[name] = reader(child)
        return found

    return read


def _form_list(names: _Names, shape: Shape, done: dict[str, Reader]) -> Reader:
    reader = _form_node(names, shape.member, done)

    def read(node: Tree) -> Any:
        if node == {LEAF: ""}:
            return []
        elements = names.elements(shape, node)
        numbers = _numbers(elements)
        return plain(node) if numbers is None else [reader(elements[number]) for number in numbers]  # type: ignore[index]

    return read


def _form_map(names: _Names, shape: Shape, done: dict[str, Reader]) -> Reader:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    reader = _form_node(names, shape.value, done)

    def read(node: Tree) -> Any:
        elements = names.elements(shape, node)
        numbers = _numbers(elements)
        if numbers is None or elements is None or any(set(elements[n]) != {key_name, value_name} for n in numbers):
            return plain(node)
        return {plain(elements[n][key_name]): reader(elements[n][value_name]) for n in numbers}

    return read


def _numbers(elements: Tree | None) -> list[str] | None:
    """The element numbers in order; None where a child is not numbered. AWS does not ask that they be contiguous."""
    if not elements or not all(key.isascii() and key.isdigit() and len(key) < 10 for key in elements):
        return None
    return sorted(elements, key=int)


@cache
def _form_scalar(type_name: str) -> Reader:
    convert = values.FROM_TEXT.get(type_name, _same)

    def read(node: Tree) -> Any:
        return convert(node[LEAF]) if len(node) == 1 and LEAF in node else plain(node)

    return read


def plain(node: Tree) -> Any:
    """A node that the model has no place for: its text, or a dict of its children."""
    if len(node) == 1 and LEAF in node:
        return node[LEAF]
    return {key: value if key == LEAF else plain(value) for key, value in node.items()}
