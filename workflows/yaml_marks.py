"""YAML with the place of every value kept, and no value guessed.

A YAML library resolves `011111111117` to an octal number and `on` to true, in silence. So nothing is resolved here:
every scalar stays text (a plain empty scalar, `~` and `null` are None), and the schema that a file is checked against
says what it is. Built on PyYAML's `compose`, whose nodes carry line and column; aliases are counted, not copied.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import yaml

BYTES_MAX = 1 << 20
NODES_MAX = 50_000
DEPTH_MAX = 64
ALIASES_MAX = 100
_NULLS = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a file, and where."""

    mark: Mark
    text: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.text}"


class InvalidFile(Exception):
    """A file that can not be used; every mistake that was found in it."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


Tree = Union["dict[str, Node]", "list[Node]", str, None]


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place; `keys` are the places of a mapping's keys."""

    value: Tree
    mark: Mark
    keys: dict[str, Mark]

    def __getitem__(self, key: str) -> Node:
        assert isinstance(self.value, dict)
        return self.value[key]

    def get(self, key: str) -> Node | None:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> Iterator[tuple[str, Node]]:
        """Entries of a mapping; none where it is something else."""
        return iter(self.value.items() if isinstance(self.value, dict) else ())

    def __iter__(self) -> Iterator[Node]:
        """Elements of a list; none where it is something else."""
        return iter(self.value if isinstance(self.value, list) else ())

    def mistake(self, text: str, key: str | None = None) -> Mistake:
        return Mistake(self.keys[key] if key is not None and key in self.keys else self.mark, text)


def plain(node: Node) -> Any:
    """The same without places: dicts, lists, texts and None."""
    if isinstance(node.value, dict):
        return {key: plain(inner) for key, inner in node.value.items()}
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    return node.value


def at(node: Node, path: Sequence[str | int]) -> Mark:
    """The place of what is at `path`, or of the innermost part of it that is there (a key's own place at the end)."""
    mark = node.mark
    for step in path:
        if isinstance(node.value, dict) and step in node.value:
            mark, node = node.keys[str(step)], node.value[str(step)]
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            mark = node.mark
    return mark


def merged(base: Node, over: Node) -> Node:
    """`over` laid on `base`: mappings key by key, all else replaced. Every part keeps the place it was written at."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    value = dict(base.value)
    for key, inner in over.value.items():
        value[key] = merged(value[key], inner) if key in value else inner
    return Node(value, over.mark, base.keys | over.keys)


def read(text: str, file: str) -> Node:
    """The tree of one YAML document; InvalidFile where it is none or breaks a limit."""
    import yaml

    if len(text.encode()) > BYTES_MAX:
        raise InvalidFile(Mistake(Mark(file, 1, 1), f"a file may have {BYTES_MAX} bytes at most"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        mark = Mark(file, where.line + 1, where.column + 1) if where else Mark(file, 1, 1)
        raise InvalidFile(Mistake(mark, f"not YAML: {error.problem or error.context}")) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise InvalidFile(Mistake(Mark(file, 1, 1), f"not YAML: {error}")) from None
    if node is None:
        raise InvalidFile(Mistake(Mark(file, 1, 1), "the file is empty"))
    return _Reader(file).read(node, 0)


class _Reader:
    """Turns composed nodes into ours, and counts what it visits: an alias costs what it stands for."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._visited = 0
        self._aliases = 0
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, depth: int) -> Node:
        import yaml

        mark = self._mark(node)
        self._count(node, mark, depth)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, mark, depth)
        if isinstance(node, yaml.SequenceNode):
            return Node([self.read(inner, depth + 1) for inner in node.value], mark, {})
        empty = isinstance(node, yaml.ScalarNode) and not node.style and node.value in _NULLS  # libyaml: plain is ''
        return Node(None if empty else node.value, mark, {})

    def _mapping(self, node: yaml.MappingNode, mark: Mark, depth: int) -> Node:
        import yaml

        value: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for key, inner in node.value:
            where = self._mark(key)
            if not isinstance(key, yaml.ScalarNode):
                raise InvalidFile(Mistake(where, "a key must be text"))
            if key.value in value:
                raise InvalidFile(Mistake(where, f"{key.value!r} stands here twice; first at {keys[key.value]}"))
            value[key.value], keys[key.value] = self.read(inner, depth + 1), where
        return Node(value, mark, keys)

    def _mark(self, node: yaml.Node) -> Mark:
        return Mark(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _count(self, node: yaml.Node, mark: Mark, depth: int) -> None:
        self._visited += 1
        self._aliases += id(node) in self._seen
        self._seen.add(id(node))
        for count, limit, what in (
            (self._visited, NODES_MAX, "values"),
            (depth, DEPTH_MAX, "levels of nesting"),
            (self._aliases, ALIASES_MAX, "values that stand behind aliases"),
        ):
            if count > limit:
                raise InvalidFile(Mistake(mark, f"a file may have {limit} {what} at most"))
