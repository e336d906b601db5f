"""`use:` and `if:` of steps: both are carried out before a scenario is checked, and gone afterwards.

`use: FILE` stands for the step, or the list of steps, in that file (its path is relative to the file that names it).
What is said beside it is laid on the one step that it stands for. In `change:` the step is replaced: what it was is
said by the other file alone, and a single step without an id takes the id of the one it stands for.

`if:` leaves its step out where it is false. It is decided before anything runs, so it may ask what is known then:
`matrix`, `accounts` and `region`. Its language is that of the references, JMESPath, whose `==`, `!=`, `&&`, `||`, `!`
and 'text' are written as GitHub writes them; names with hyphens need no quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from workflows.course import made_up
from workflows.expressions import PATTERN, compiled
from workflows.files import beside
from workflows.matrix import IF, NAME, Values
from workflows.verify import suggest
from workflows.yaml_marks import InvalidFile, Mistake, Node, merged, plain

if TYPE_CHECKING:
    from workflows.files import Files

USE: Final = "use"
USE_DEPTH_MAX: Final = 8
SECTIONS: Final = ("given", "steps")
_PLACES: Final = ("change", "insert-before", "insert-after")  # id -> a step, or steps
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_WRITTEN: Final = re.compile(  # a text, which stays; a name with hyphens after a dot; a truth
    r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\.([A-Za-z_]\w*(?:-\w+)+)|(?<![\w.-])(true|false)(?![\w-])"
)
_ASKED: Final = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)\.\"?([A-Za-z_][\w-]*)")


# --- use ---


def expanded(files: Files, tree: Node) -> Node:
    """A file's tree with the steps of other files in the place of every `use:`."""
    value = dict(tree.items())
    for section in SECTIONS:
        if section in value:
            value[section] = _list(files, value[section])
    for place in _PLACES:
        if place in value and isinstance(value[place].value, dict):
            entries = {id: _list(files, node) if _uses(node) else node for id, node in value[place].items()}
            value[place] = replace(value[place], value=entries)
    return replace(tree, value=value) if isinstance(tree.value, dict) else tree


def _list(files: Files, node: Node) -> Node:
    """A step or list of steps, as a list without `use:`."""
    steps = list(node) if isinstance(node.value, list) else [node]
    if not any(_uses(step) for step in steps):
        return node
    return Node([found for step in steps for found in _steps(files, step, 0)], node.mark, {})


def _uses(node: Node) -> bool:
    if isinstance(node.value, list):
        return any(_uses(each) for each in node)
    return node.get(USE) is not None


def _steps(files: Files, step: Node, depth: int) -> Iterator[Node]:
    use = step.get(USE)
    if use is None:
        yield step
        return
    if depth == USE_DEPTH_MAX or not isinstance(use.value, str):
        what = f"more than {USE_DEPTH_MAX} files use one another" if depth else "`use:` names a file"
        raise InvalidFile(use.mistake(what))
    tree = files.tree(beside(use.mark.file, use.value), use.mark)
    theirs = list(tree) if isinstance(tree.value, list) else [tree]
    found = [each for one in theirs for each in _steps(files, one, depth + 1)]
    rest = {key: node for key, node in step.items() if key != USE}
    if rest and len(found) != 1:
        raise InvalidFile(use.mistake(f"{use.value} has {len(found)} steps, and what is said beside `use:` needs one"))
    over = Node(rest, tree.mark, {key: step.keys[key] for key in rest})
    yield from [replace(merged(found[0], over), mark=found[0].mark)] if rest else found


# --- if ---


def decided(files: Files, tree: Node) -> Node:
    """The tree without the steps whose `if:` is false, and without any `if:`."""
    sections = {section: tree[section] for section in SECTIONS if tree.get(section) is not None}
    if not any(step.get(IF) for section in sections.values() for step in section):
        return tree
    scope = _scope(tree, files.filler.values)
    files.filler.used |= {axis for section in sections.values() for step in section for axis in _axes(step)}
    kept = {
        section: replace(node, value=[_without_if(step) for step in node if _stays(step, scope)])
        for section, node in sections.items()
    }
    return replace(tree, value=dict(tree.items()) | kept)


def _scope(tree: Node, values: Values | None) -> dict[str, Any]:
    said = (tree.get(key) for key in ("name", "accounts", "region"))
    name, accounts, region = (plain(node) if node else None for node in said)
    ids: dict[str, Any] = dict.fromkeys(accounts or ()) | (accounts if isinstance(accounts, dict) else {})
    scope: dict[str, Any] = {
        "accounts": {alias: id or made_up(str(name), str(alias)) for alias, id in ids.items()},
        "region": region or "us-east-1",
    }
    return scope | ({NAME: _plain(values)} if values is not None else {})


def _plain(values: Values) -> dict[str, Any]:
    return {axis: value if isinstance(value, str) else plain(value) for axis, value in values.items()}


def _without_if(step: Node) -> Node:
    if step.get(IF) is None:
        return step
    return Node({key: node for key, node in step.items() if key != IF}, step.mark, step.keys)


def _stays(step: Node, scope: Mapping[str, Any]) -> bool:
    node = step.get(IF)
    if node is None:
        return True
    text = node.value.strip() if isinstance(node.value, str) else ""
    whole = PATTERN.fullmatch(text)
    body = whole["body"] if whole else text
    if not body or (not whole and "${{" in body):
        raise InvalidFile(node.mistake("an `if:` is one expression, such as ${{ matrix.axis == 'value' }}"))
    return _truth(node, body, scope)


def _truth(node: Node, body: str, scope: Mapping[str, Any]) -> bool:
    if body in _TRUTHS:
        return _TRUTHS[body]
    mistakes = list(_unknown(node, body, scope))
    if mistakes:
        raise InvalidFile(*mistakes)
    found = _asked(node, body, scope)
    truth = _TRUTHS.get(found) if isinstance(found, str) else found
    if not isinstance(truth, bool):
        raise InvalidFile(node.mistake(f"`if: {body}` is neither true nor false, but {found!r}"))
    return truth


def _asked(node: Node, body: str, scope: Mapping[str, Any]) -> Any:
    from jmespath.exceptions import JMESPathError

    def as_jmespath(found: re.Match[str]) -> str:
        return f'."{found[1]}"' if found[1] else f"`{found[2]}`" if found[2] else found[0]

    try:
        return compiled(_WRITTEN.sub(as_jmespath, body)).search(scope)
    except (ValueError, JMESPathError) as error:
        raise InvalidFile(node.mistake(str(error).splitlines()[0])) from None


def _axes(step: Node) -> Iterator[str]:
    """The axes that a step's `if:` asks for."""
    node = step.get(IF)
    return (member for name, member in _ASKED.findall(str(node.value) if node else "") if name == NAME)


def _unknown(node: Node, body: str, scope: Mapping[str, Any]) -> Iterator[Mistake]:
    """Names that an `if:` asks for and that are not known before the run."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'", "''", body)
    for name, member in _ASKED.findall(bare):
        if name not in scope:
            yield node.mistake(f"before a run nothing is known as {name!r}" + (suggest(name, scope) or _known(scope)))
        elif isinstance(scope[name], dict) and member not in scope[name]:
            yield node.mistake(f"{name} has no {member!r}" + suggest(member, scope[name]))


def _known(scope: Mapping[str, Any]) -> str:
    return f"; known are {', '.join(scope)}"
