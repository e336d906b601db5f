"""`extends:` and what goes with it: a scenario said as a change of another.

In this order: sections of the extending file laid on the base's, `change`, `insert-before` and `insert-after`,
`remove`, `steps`, `stop-after`. A mapping is laid on a mapping key by key; all else is replaced. Three things are not
inherited, because the claim is another: what a changed step expects, (where steps are cut off) `finally`, and
`portable`. Every part keeps the place it was written at.
"""

# pyright: basic

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workflows.files import Files, beside
from workflows.scenario_steps import SECTIONS, expanded
from workflows.verify import suggest
from workflows.yaml_marks import InvalidFile, Mark, Node, merged

EXTENDS_DEPTH_MAX = 8


def extended(files: Files, path: str, mark: Mark | None = None, depth: int = 0) -> Node:
    """A file's tree laid on that of the file it extends; `mark` is where it is named."""
    tree = files.tree(path, mark)
    if not isinstance(tree.value, dict):
        raise InvalidFile(tree.mistake("a scenario is a mapping that begins with `reseal: 1`"))
    tree = expanded(files, tree)
    extends = tree.get("extends")
    if extends is None:
        for key in ("change", "stop-after", "insert-before", "insert-after", "remove"):
            if key in tree.keys:
                raise InvalidFile(tree.mistake(f"`{key}:` needs `extends:`", key))
        return tree
    if depth == EXTENDS_DEPTH_MAX:
        raise InvalidFile(extends.mistake(f"more than {EXTENDS_DEPTH_MAX} files extend one another"))
    if not isinstance(extends.value, str):
        raise InvalidFile(extends.mistake("`extends:` names one file"))
    return _laid_on(extended(files, beside(path, extends.value), extends.mark, depth + 1), tree)


def _laid_on(base: Node, tree: Node) -> Node:
    """`base` with the changes of a file that extends it, in this order: change, insert, remove, steps, stop-after."""
    value = {key: node for key, node in base.items() if key != "portable"}
    for key, node in tree.items():
        if key not in ("extends", "change", "steps", "stop-after", "insert-before", "insert-after", "remove"):
            value[key] = merged(value[key], node) if key in value and key != "finally" else node
    if "finally" not in dict(tree.items()) and tree.get("stop-after") is not None:
        value.pop("finally", None)
    result = Node(value, tree.mark, base.keys | tree.keys)
    for key, change in tree["change"].items() if tree.get("change") else ():
        result = _changed(result, key, change, tree["change"])
    for where in ("insert-before", "insert-after"):
        for id, steps in tree[where].items() if tree.get(where) else ():
            result = _inserted(result, id, steps, tree[where], after=where == "insert-after")
    for id in tree["remove"] if tree.get("remove") else ():
        result = _edited(result, id.value, id, lambda step: [])
    for step in tree["steps"] if tree.get("steps") else ():
        result = _step_laid_on(result, step)
    return _stopped(result, tree.get("stop-after"))


def _changed(tree: Node, key: str, change: Node, changes: Node) -> Node:
    """One entry of `change:`: a step by its id, else a section."""
    if key in tree.keys and key not in SECTIONS:
        return replace(tree, value=dict(tree.items()) | {key: merged(tree[key], change)})
    place = Node(key, changes.keys[key], {})
    if isinstance(change.value, list):  # the steps of another file stand in its place
        return _edited(tree, key, place, lambda step: _replacing(step, list(change)))
    return _edited(tree, key, place, lambda step: [_merged_step(step, change)])


def _replacing(step: Node, others: list[Node]) -> list[Node]:
    """Other steps in the place of one; a single one without an id takes its id."""
    if len(others) == 1 and others[0].get("id") is None and isinstance(others[0].value, dict):
        only = others[0]
        return [Node({"id": step["id"], **dict(only.items())}, only.mark, {"id": step.keys["id"]} | only.keys)]
    return others


def _merged_step(base: Node, over: Node) -> Node:
    """A step changed; what is expected of it is said anew, since the claim is another."""
    result = merged(base, over)
    expect = over.get("expect")
    return replace(result, value=dict(result.items()) | {"expect": expect}) if expect is not None else result


def _inserted(tree: Node, id: str, steps: Node, inserts: Node, *, after: bool) -> Node:
    fresh = list(steps) if isinstance(steps.value, list) else [steps]
    place = Node(id, inserts.keys[id], {})
    return _edited(tree, id, place, lambda step: [step, *fresh] if after else [*fresh, step])


def _step_laid_on(tree: Node, step: Node) -> Node:
    """A step of the extending file: laid on the one with its id, or put at the end."""
    id = step.get("id")
    if id is not None and id.value in _ids(tree):
        return _edited(tree, id.value, id, lambda base: [_merged_step(base, step)])
    steps = tree.get("steps")
    kept = list(steps) if steps else []
    return replace(tree, value=dict(tree.items()) | {"steps": Node([*kept, step], step.mark, {})})


def _edited(tree: Node, id: Any, place: Node, edit: Any) -> Node:
    """The tree with the step `id` replaced by what `edit` makes of it; `place` is where the id is written."""
    if id not in _ids(tree):
        raise InvalidFile(place.mistake(f"there is no step {id!r}" + suggest(str(id), _ids(tree))))
    value = dict(tree.items())
    for section in SECTIONS:
        if section in value:
            edited = [new for step in value[section] for new in (edit(step) if _id(step) == id else [step])]
            value[section] = replace(value[section], value=edited)
    return replace(tree, value=value)


def _stopped(tree: Node, last: Node | None) -> Node:
    if last is None:
        return tree
    steps = list(tree["steps"]) if tree.get("steps") else []
    ids = [_id(step) for step in steps]
    if last.value not in ids:
        raise InvalidFile(last.mistake(f"there is no step {last.value!r}" + suggest(str(last.value), map(str, ids))))
    kept = replace(tree["steps"], value=steps[: ids.index(last.value) + 1])
    return replace(tree, value=dict(tree.items()) | {"steps": kept})


def _id(step: Node) -> Any:
    id = step.get("id")
    return id.value if id else None


def _ids(tree: Node) -> list[str]:
    sections = (tree.get(section) for section in SECTIONS)
    return [str(_id(step)) for section in sections if section for step in section]
