"""Policies that are written in a scenario itself: where in its YAML a statement stands that was sent as JSON.

A policy in a file is sent as the file has it, so a place in the one is a place in the other. A policy inside of YAML is
sent as JSON made of it, with its references filled in: it is found by being the same but for those, and an element of
it by its pointer. YAML keeps where a value begins, not where it ends, so such a place has a line and a column alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from app.policy.explain_values import Explanation, Pointed, Position, Where
from workflows.expressions import PATTERN
from workflows.yaml_marks import Mark, Node, at, plain

if TYPE_CHECKING:
    from workflows.scenario import Scenario


def documents(scenario: Scenario) -> tuple[Node, ...]:
    """Every policy that is written in the scenario's own YAML, or in that of a file it extends."""
    return tuple(_documents(scenario.tree))


def _documents(node: Node) -> Iterator[Node]:
    if isinstance(node.value, dict) and "Statement" in node.value:
        yield node
        return
    for inner in node.value.values() if isinstance(node.value, dict) else node:
        yield from _documents(inner)


@dataclass(frozen=True, slots=True)
class Locator:
    """Texts of policies to their files, as explanations ask for them; a policy in YAML has a name until `moved`."""

    files: Mapping[str, str]
    documents: tuple[Node, ...]
    _named: dict[str, Node] = field(default_factory=dict[str, Node])

    def get(self, text: str) -> str | None:
        if text in self.files or not self.documents:
            return self.files.get(text)
        try:
            sent = json.loads(text)
        except ValueError:
            return None
        found = next((node for node in self.documents if _same(plain(node), sent)), None)
        if found is None:
            return None
        name = f"yaml:{found.mark}"
        self._named[name] = found
        return name

    def moved(self, why: Explanation) -> Explanation:
        """The explanation with every place in a policy of the scenario's as a place in its YAML."""
        return self._moved(why) if self._named else why

    def _moved(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._moved, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if not is_dataclass(value) or isinstance(value, type):
            return value
        if isinstance(value, Where):
            return self._where(value)
        if isinstance(value, Pointed) and value.where.file in self._named:
            value = self._pointed(value)
        kept = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        changed = {
            name: self._moved(inner) for name, inner in kept.items() if isinstance(inner, tuple | Where | Pointed)
        }
        return replace(value, **changed) if changed else value

    def _where(self, where: Where) -> Where:
        document = self._named.get(where.file or "")
        if document is None:
            return where
        mark = _mark(document, where.pointer)
        return replace(where, file=mark.file, start=Position(mark.line, mark.column, 0), end=None)

    def _pointed(self, place: Pointed) -> Pointed:
        """The lines shown are those of the JSON, which nobody has: they go without numbers."""
        mark = _mark(self._named[place.where.file or ""], place.where.pointer)
        rows = tuple(replace(row, line=None) for row in place.rows)
        return replace(place, rows=rows, begins=Position(mark.line, mark.column, 0))


def _mark(document: Node, pointer: str) -> Mark:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    path = [int(step) if step.isdecimal() else step for step in steps]
    return at(document, path)


def _same(written: Any, sent: Any) -> bool:
    """Is it what was written, with its references filled in?"""
    if isinstance(written, dict) and isinstance(sent, dict):
        known: dict[str, Any] = written  # pyright: ignore[reportUnknownVariableType]
        return known.keys() == sent.keys() and all(_same(known[key], sent[key]) for key in known)  # pyright: ignore
    if isinstance(written, list) and isinstance(sent, list):
        return len(written) == len(sent) and all(map(_same, written, sent))  # pyright: ignore
    if not isinstance(written, str) or "${{" not in written:
        return written == sent
    if not isinstance(sent, str):
        return PATTERN.fullmatch(written) is not None
    pattern = ".*".join(re.escape(part) for part in PATTERN.sub("\0", written).split("\0"))
    return re.fullmatch(pattern, sent, re.DOTALL) is not None
