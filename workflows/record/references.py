"""Ids that only a run knows, and the references that stand for them in a scenario.

Account ids, names and ARNs of users and roles are said in the file, and so are the same in every run. Ids of snapshots,
volumes and keys, grants and ciphertexts are not: the step that made one is named in its place.
"""

# pyright: basic

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_MADE: Final = re.compile(
    r"(?:snap|vol|ami|i|lock|r|eni)-[0-9a-f]{8,17}|(?:o|r|ou|p|h|car)-[0-9a-z]{4,32}(?:-[0-9a-z]{8,32})?"
    r"|A(?:KIA|SIA|ROA|IDA|GPA|NPA)[A-Z0-9]{12,}|arn:aws[\w-]*:(?:kms|ec2):[\w-]*:\d{12}:[\w/-]+"
    r"|mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}|[A-Za-z0-9+/_=-]{60,}"
)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_]\w*")


class References:
    """Values that steps made, each with the reference to it; the first to make a value is named."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def learn(self, step: str, answer: Any) -> None:
        """What a step answered."""
        for value, path in made_in(answer):
            self.add(value, f"{step}.{path}")

    def add(self, value: str, expression: str) -> None:
        self._known.setdefault(value, f"${{{{ {expression} }}}}")

    def __contains__(self, value: object) -> bool:
        """Does a step make it?"""
        return value in self._known

    def knows(self, text: str) -> bool:
        """Does anything in the text stand for something that a run makes?"""
        return any(value in text for value in self._known)

    def put(self, value: Any) -> Any:
        """The value with references, in texts at any depth; the longest first, since ARNs hold ids."""
        if isinstance(value, Mapping):
            return {key: self.put(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.put(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if value in self._known:
            return self._known[value]
        for known in sorted((each for each in self._known if each in value), key=len, reverse=True):
            value = value.replace(known, self._known[known])
        return value


def made_in(answer: Any) -> Iterator[tuple[str, str]]:
    """(value, JMESPath) of all in an answer that only a run knows."""
    return ((value, path) for path, value in _leaves(answer, "") if _MADE.fullmatch(value))


def names_in(value: Any) -> set[str]:
    """All in some parameters that looks as if only a run knew it."""
    return {found for _, text in _leaves(value, "") for found in (*_MADE.findall(text), text)}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """(JMESPath, text) of every text in an answer."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if _PLAIN_KEY.fullmatch(str(key)):
                yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value
