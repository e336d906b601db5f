"""A policy as an auditor sees it: its elements with their places, whatever else is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.outside.reading import member
from app.policy.document import DocumentKind
from app.policy.scan import Array, Mark, Member, Node, Object, Scalar

ERROR, SECURITY, WARNING, SUGGESTION = "ERROR", "SECURITY_WARNING", "WARNING", "SUGGESTION"
GRAVE: Final = frozenset({ERROR, SECURITY})
FILLED: Final = "111122223333"  # stands for what a scenario fills in: ${{ accounts.source }}
_TEMPLATE: Final = re.compile(r"\$\{\{.*?\}\}")
WITH_PRINCIPALS: Final = frozenset({DocumentKind.RESOURCE, DocumentKind.TRUST, DocumentKind.RCP, DocumentKind.ENDPOINT})


@dataclass(frozen=True, slots=True)
class Issue:
    """`is_ours`: Access Analyzer has no such check."""

    type: str
    code: str
    details: str
    mark: Mark
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text value and its place."""

    value: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Asks:
    """One condition: operator, key and values, each with its place."""

    operator: Text
    key: Text
    values: tuple[Text, ...]

    @property
    def base(self) -> str:
        """The operator without its set and IfExists, in lower case."""
        return self.operator.value.rpartition(":")[2].removesuffix("IfExists").lower()

    @property
    def set(self) -> str:
        return self.operator.value.rpartition(":")[0].lower()


@dataclass(frozen=True, slots=True)
class Part:
    """One statement."""

    node: Object
    index: int

    def texts(self, *names: str) -> tuple[Text, ...]:
        """The text values of these elements, with or without brackets."""
        found = (one for name in names if (one := member(self.node, name)) is not None)
        return tuple(text for node in found for text in texts_of(node))

    def mark(self, *names: str) -> Mark:
        """Of the first of these elements that is there, else of the statement."""
        named = (one.name_mark for name in names for one in self.node.members if one.name == name)
        return next(named, self.node.mark)

    def has(self, name: str) -> bool:
        return member(self.node, name) is not None

    @property
    def effect(self) -> str:
        return next((one.value for one in self.texts("Effect")), "")

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    @property
    def actions(self) -> tuple[Text, ...]:
        return self.texts("Action")

    @property
    def principals(self) -> tuple[tuple[str, Text], ...]:
        """(AWS, Service, ...; text) of Principal; "*" alone goes under AWS."""
        node = member(self.node, "Principal")
        if isinstance(node, Object):
            return tuple((one.name, text) for one in node.members for text in texts_of(one.value))
        return tuple(("AWS", text) for text in texts_of(node)) if node is not None else ()

    @property
    def conditions(self) -> tuple[Asks, ...]:
        node = member(self.node, "Condition")
        return tuple(_asks(node)) if isinstance(node, Object) else ()

    def asks_for(self, *starts: str) -> bool:
        return any(one.key.value.lower().startswith(starts) for one in self.conditions)

    def names(self, action: str) -> bool:
        """Does Action cover it, by name or by a wildcard?"""
        from app.policy.match import action_test

        return any(action_test(one.value)(action.lower()) for one in self.actions)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole document."""

    text: str
    kind: DocumentKind
    root: Object

    @property
    def parts(self) -> tuple[Part, ...]:
        node = member(self.root, "Statement")
        nodes = node.items if isinstance(node, Array) else (node,)
        return tuple(Part(one, index) for index, one in enumerate(nodes) if isinstance(one, Object))

    @property
    def version(self) -> Text | None:
        node = member(self.root, "Version")
        return next(iter(texts_of(node)), None) if node is not None else None

    @property
    def is_key_policy(self) -> bool:
        return self.kind is DocumentKind.RESOURCE and all(
            one.value == "*" or one.value.lower().startswith("kms:") for part in self.parts for one in part.actions
        )


def texts_of(node: Node) -> tuple[Text, ...]:
    nodes = node.items if isinstance(node, Array) else (node,)
    return tuple(
        Text(_TEMPLATE.sub(FILLED, one.text), one.mark)
        for one in nodes
        if isinstance(one, Scalar) and one.value is not None
    )


def _asks(condition: Object) -> Iterator[Asks]:
    for operator in condition.members:
        for key in operator.value.members if isinstance(operator.value, Object) else ():
            yield Asks(_named(operator), _named(key), texts_of(key.value))


def _named(one: Member) -> Text:
    return Text(one.name, one.name_mark)
