"""The smallest question that still shows a disagreement: parts are left out, one at a time, while it stays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from .plain import Question

Path = tuple[str | int, ...]
LAYERS = ("identity", "boundary", "session", "scps", "rcps", "endpoint", "resource_policy", "saved_ids", "grants")
STATEMENT = ("Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource")
REQUIRED = frozenset({*STATEMENT, "grantee", "grantee_id", "operations", "constraint", "pairs"})


def smallest(asked: Question, still_shows: Callable[[Question], bool]) -> Question:
    """A question nothing can be left out of. `still_shows` may raise ValueError for one that is no longer valid."""
    for candidate in _smaller(asked):
        if _holds(candidate, still_shows):
            return smallest(candidate, still_shows)
    return asked


def _holds(candidate: Question, still_shows: Callable[[Question], bool]) -> bool:
    try:
        return still_shows(candidate)
    except ValueError:
        return False


def _smaller(asked: Question) -> Iterator[Question]:
    """The question without one layer, list item, statement element, condition or context key."""
    for layer in ("boundary", "session", "endpoint", "resource_policy"):
        if asked[layer] is not None:  # type: ignore[literal-required]
            yield asked | {layer: None}  # type: ignore[misc]
    for path in _parts(asked, ()):
        yield _without(asked, path)


def _parts(node: Any, path: Path) -> Iterator[Path]:
    if isinstance(node, dict):
        for key, value in node.items():
            if len(path) >= 1 and key not in REQUIRED and path[0] in (*LAYERS, "context"):
                yield (*path, key)
            if path or key in (*LAYERS, "context"):
                yield from _parts(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield (*path, index)
            yield from _parts(value, (*path, index))


def _without(asked: Question, path: Path) -> Question:
    smaller: Any = copy.deepcopy(asked)
    node = smaller
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return smaller
