"""One change of one policy, made in its text: what is not changed keeps its formatting.

An edit names a value by JSON pointer and adds to it, removes from it, or sets it. Policies write a list of one without
brackets; an edit that adds to such a value makes it a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.policy.question import LayerKind, Place
from app.policy.scan import Array, Mark, Member, Node, Object, scan

INDENT: Final = 2  # of values that are written anew
REFERENCE: Final = "${{ accounts."  # to an account of a scenario, as its files write it


class Op(StrEnum):
    ADD = "add"  # to the list at `path`, or as its second value
    REMOVE = "remove"  # the value at `path`; with `value`, that one from the list at `path`
    SET = "set"  # the value at `path`


@dataclass(frozen=True, slots=True)
class Edit:
    """`place` is a policy (without a statement). With path "" and SET the whole document is written, where none was."""

    place: Place
    op: Op
    path: str
    value: Any = None


class CannotEdit(ValueError):
    """The document has no such value: the edit was made for another text."""


def apply(document_text: str, edit: Edit) -> str:
    """The document with the edit made. Raises CannotEdit, and PolicySyntaxError for what is no JSON."""
    if not edit.path:
        return json.dumps(edit.value, indent=INDENT)
    root = scan(document_text)
    match edit.op:
        case Op.SET:
            mark = _node(root, edit.path).mark
            return _spliced(document_text, mark.offset, mark.end, _written(edit.value, document_text, mark))
        case Op.ADD:
            return _added(document_text, _node(root, edit.path), edit.value)
        case Op.REMOVE:
            return _removed(document_text, root, _victim(root, edit))


def _spliced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _steps(path: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _node(root: Node, path: str) -> Node:
    node = root
    for step in _steps(path):
        found = _child(node, step)
        if found is None:
            raise CannotEdit(f"the policy has nothing at {path}")
        node = found
    return node


def _child(node: Node, step: str) -> Node | None:
    if isinstance(node, Object):
        return next((member.value for member in node.members if member.name == step), None)
    if isinstance(node, Array) and step.isdigit() and int(step) < len(node.items):
        return node.items[int(step)]
    return None


def size_at(text: str, path: str) -> int:
    """How many members or items the value at `path` has."""
    node = _node(scan(text), path)
    return len(node.members) if isinstance(node, Object) else len(node.items) if isinstance(node, Array) else 0


def sid_at(text: str, path: str) -> str:
    """The Sid of the statement that `path` leads into; "" where it has none, or leads into none."""
    steps = _steps(path)
    if len(steps) < 2 or steps[0] != "Statement":
        return ""
    inner = 2 if steps[1].isdigit() else 1  # a lone statement may stand without a list
    statement = _node(scan(text), "/" + "/".join(steps[:inner]))
    sid = _child(statement, "Sid")
    return str(getattr(sid, "value", "") or "")


# Adding.


def _added(text: str, node: Node, value: Any) -> str:
    if not isinstance(node, Array):
        old = text[node.mark.offset : node.mark.end]
        return _spliced(text, node.mark.offset, node.mark.end, f"[{old}, {_written(value, text, node.mark)}]")
    if not node.items:
        return _spliced(text, node.mark.offset, node.mark.end, f"[{_written(value, text, node.mark)}]")
    last = node.items[-1].mark
    return _spliced(text, last.end, last.end, f",{_gap(text, node)}{_written(value, text, last)}")


def _gap(text: str, node: Array) -> str:
    """The space before the list's last value: a new line and its indent, or a blank."""
    last = node.items[-1].mark.offset
    before = text[:last].rstrip(" \t\r\n")
    gap = text[len(before) : last]
    return gap if gap or len(node.items) > 1 else " "


def _written(value: Any, text: str, near: Mark) -> str:
    """JSON as its neighbour is written: on one line where that is, else indented like it."""
    if not isinstance(value, dict) or "\n" not in text[near.offset : near.end]:
        return json.dumps(value, ensure_ascii=False)
    line = text[text.rfind("\n", 0, near.offset) + 1 : near.offset]
    indent = line[: len(line) - len(line.lstrip())]
    return json.dumps(value, indent=INDENT, ensure_ascii=False).replace("\n", f"\n{indent}")


# Removing.


def _victim(root: Node, edit: Edit) -> str:
    """The pointer of what goes."""
    if edit.value is None:
        return edit.path
    items = _node(root, edit.path)
    for index, item in enumerate(items.items if isinstance(items, Array) else ()):
        if getattr(item, "value", None) == edit.value:
            return f"{edit.path}/{index}"
    raise CannotEdit(f"{edit.value!r} does not stand in the list at {edit.path}")


def _removed(text: str, root: Node, path: str) -> str:
    """A member or item with the comma that parts it from its neighbour."""
    parent, _, name = path.rpartition("/")
    owner, name = _node(root, parent), _steps(f"/{name}")[0]
    spans = _spans(owner)
    index = next((at for at, (key, _, _) in enumerate(spans) if key == name), None)
    if index is None:
        raise CannotEdit(f"the policy has nothing at {path}")
    _, start, end = spans[index]
    if index + 1 < len(spans):
        return _spliced(text, start, spans[index + 1][1], "")
    return _spliced(text, spans[index - 1][2] if index else start, end, "")


def _spans(owner: Node) -> list[tuple[str, int, int]]:
    if isinstance(owner, Object):
        return [(member.name, *_span(member)) for member in owner.members]
    if isinstance(owner, Array):
        return [(str(index), item.mark.offset, item.mark.end) for index, item in enumerate(owner.items)]
    return []


def _span(member: Member) -> tuple[int, int]:
    return member.name_mark.offset, member.value.mark.end


# A repair's JSON form, in the file as it stands.


def repaired(raw: str, body: Mapping[str, Any], file: str, accounts: Mapping[str, str]) -> str:
    """The text of a file with the edits that a repair makes in it. `accounts`: alias -> id. Raises as `apply`.

    A file may hold references (`${{ accounts.target }}`), filled in before the policy is sent: they stay, and accounts
    in what is added are named by them where the file does so, too.
    """
    known = accounts if REFERENCE in raw else {}
    for one in body["edits"]:
        if one["file"] == file:
            raw = apply(raw, _from_json(one, known))
    return raw


def _from_json(one: Mapping[str, Any], accounts: Mapping[str, str]) -> Edit:
    op = next(op for op in Op if op.value in one)
    value = None if one[op.value] is True else _named(one[op.value], accounts)
    place = Place(LayerKind.IDENTITY, one["account"], one["policy"], one["attached_to"])  # the file is what counts
    return Edit(place, op, one["path"], value)


def _named(value: Any, accounts: Mapping[str, str]) -> Any:
    """With each account id as the file names it."""
    if isinstance(value, dict):
        return {name: _named(inner, accounts) for name, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, accounts) for inner in value]
    if isinstance(value, str):
        for alias, id in accounts.items():
            value = value.replace(id, f"{REFERENCE}{alias} }}}}")
    return value
