"""An ordered map that never changes: `put` and `delete` answer a new tree that shares all but one path with the old.

A B+ tree of nodes that are never written after they were made. A fork is therefore one reference, a change copies
`log(n)` short tuples whatever the size of the tree, and walking it is in key order whatever the process's hash seed
(which the persistent hash maps at hand do not give: ecosystem.md 8). Nodes that a delete leaves thin are not merged,
only empty ones go: records of a world come and go at different keys, and a thin node costs a little space, not order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, TypeVar

V = TypeVar("V")
Key = tuple[str, ...]
WIDTH = 32  # entries of a node; measured: 16 to 64 differ by under 10 % in the mix of gets and puts of a share


class Leaf(Generic[V]):
    __slots__ = ("keys", "values")

    def __init__(self, keys: tuple[Key, ...], values: tuple[V, ...]) -> None:
        self.keys = keys
        self.values = values


class Inner(Generic[V]):
    """`keys[i]` is not above any key under `children[i]`, and above every key under `children[i - 1]`."""

    __slots__ = ("children", "keys")

    def __init__(self, keys: tuple[Key, ...], children: tuple[Node[V], ...]) -> None:
        self.keys = keys
        self.children = children


Node = Leaf[V] | Inner[V]


class Tree(Generic[V]):
    __slots__ = ("_root", "_size")

    def __init__(self, root: Node[V] | None = None, size: int = 0) -> None:
        self._root: Node[V] = root or Leaf((), ())
        self._size = size

    def __len__(self) -> int:
        return self._size

    def get(self, key: Key) -> V | None:
        node = self._root
        while isinstance(node, Inner):
            node = node.children[max(bisect_right(node.keys, key) - 1, 0)]
        at = bisect_left(node.keys, key)
        return node.values[at] if at < len(node.keys) and node.keys[at] == key else None

    def put(self, key: Key, value: V) -> Tree[V]:
        nodes, grown = _put(self._root, key, value)
        root = nodes[0] if len(nodes) == 1 else Inner(tuple(_first(node) for node in nodes), nodes)
        return Tree(root, self._size + grown)

    def delete(self, key: Key) -> Tree[V]:
        """The tree without `key`; the same tree where it is not there."""
        root = _delete(self._root, key)
        if root is self._root:
            return self
        while isinstance(root, Inner) and len(root.children) == 1:
            root = root.children[0]
        return Tree(root, self._size - 1)

    def items(self, start: Key = ()) -> Iterator[tuple[Key, V]]:
        """Entries in key order, from the first whose key is not below `start`."""
        return _items(self._root, start)

    def under(self, prefix: Key, after: Key = ()) -> Iterator[tuple[Key, V]]:
        """Entries whose key begins with `prefix`, those above `after` only."""
        size = len(prefix)
        for key, value in _items(self._root, max(prefix, after)):
            if key[:size] != prefix:
                return
            if key != after:
                yield key, value


def _first(node: Node[V]) -> Key:
    return node.keys[0]


def _put(node: Node[V], key: Key, value: V) -> tuple[tuple[Node[V], ...], int]:
    """The one or two nodes that replace `node`, and by how many entries they hold more."""
    if isinstance(node, Leaf):
        at = bisect_left(node.keys, key)
        if at < len(node.keys) and node.keys[at] == key:
            return (Leaf(node.keys, (*node.values[:at], value, *node.values[at + 1 :])),), 0
        keys = (*node.keys[:at], key, *node.keys[at:])
        values = (*node.values[:at], value, *node.values[at:])
        if len(keys) <= WIDTH:
            return (Leaf(keys, values),), 1
        half = _split_at(at, len(keys))
        return (Leaf(keys[:half], values[:half]), Leaf(keys[half:], values[half:])), 1
    at = max(bisect_right(node.keys, key) - 1, 0)
    nodes, grown = _put(node.children[at], key, value)
    keys = (*node.keys[:at], *(_first(part) for part in nodes), *node.keys[at + 1 :])
    children = (*node.children[:at], *nodes, *node.children[at + 1 :])
    if len(keys) <= WIDTH:
        return (Inner(keys, children),), grown
    half = _split_at(at, len(keys))
    return (Inner(keys[:half], children[:half]), Inner(keys[half:], children[half:])), grown


def _split_at(at: int, size: int) -> int:
    """Where a full node parts: in the middle, but at the end for keys that arrive in order, which leaves nodes full."""
    return size - 1 if at == size - 1 else size // 2


def _delete(node: Node[V], key: Key) -> Node[V]:
    if isinstance(node, Leaf):
        at = bisect_left(node.keys, key)
        if at == len(node.keys) or node.keys[at] != key:
            return node
        return Leaf((*node.keys[:at], *node.keys[at + 1 :]), (*node.values[:at], *node.values[at + 1 :]))
    at = max(bisect_right(node.keys, key) - 1, 0)
    child = _delete(node.children[at], key)
    if child is node.children[at]:
        return node
    kept = (child,) if child.keys else ()
    keys = (*node.keys[:at], *((_first(child),) if kept else ()), *node.keys[at + 1 :])
    children = (*node.children[:at], *kept, *node.children[at + 1 :])
    return Inner(keys, children) if keys else Leaf((), ())


def _items(node: Node[V], start: Key) -> Iterator[tuple[Key, V]]:
    if isinstance(node, Leaf):
        for at in range(bisect_left(node.keys, start), len(node.keys)):
            yield node.keys[at], node.values[at]
        return
    for at in range(max(bisect_right(node.keys, start) - 1, 0), len(node.keys)):
        yield from _items(node.children[at], start)
