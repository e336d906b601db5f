"""Policy variables: `${aws:username}` in a Resource or in a value of a condition (policy-evaluation.md 1.3).

A text becomes a template once, when the policy is parsed, and a pattern for each request. A value put in is `Literal`:
a star inside a tag's value is no wildcard (inferred.py, VARIABLE_IS_LITERAL). What has no value and no default makes
the whole text "effectively null": `render` answers None and the element that holds the text decides what that means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.policy.match import Literal, Pattern

_VARIABLE: Final = re.compile(
    r"\$\{(?:(?P<char>[*?$])|(?P<key>[^\s${},'*?][^${},']*+)(?:,\s*+'(?P<default>[^']*+)'\s*+)?)\}"
)


@dataclass(frozen=True, slots=True)
class Variable:
    key: str  # in lower case
    default: str | None


Template = tuple[str | Variable, ...]
Lookup = Callable[[str], "str | tuple[str, ...] | None"]


def no_value(key: str) -> None:
    """The lookup of a request that carries nothing."""
    del key


def template(text: str, *, variables: bool) -> Template:
    """The text cut at its variables; as it stands where the policy's version or the element has none."""
    if not variables or "${" not in text:
        return (text,)
    parts: list[str | Variable] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts += [text[end : found.start()], _part(found)]
        end = found.end()
    return tuple(part for part in (*parts, text[end:]) if part != "") or ("",)


def _part(found: re.Match[str]) -> str | Variable:
    if char := found["char"]:
        return Literal(char)
    return Variable(found["key"].rstrip().lower(), found["default"])


def is_fixed(parts: Template) -> bool:
    return not any(isinstance(part, Variable) for part in parts)


def render(parts: Template, lookup: Lookup) -> Pattern | None:
    """The pattern with the request's values put in; None where a variable has neither a value nor a default.

    A many-valued key counts as absent (inferred.py, VARIABLE_OF_MANY_VALUES).
    """
    pieces: list[str] = []
    for part in parts:
        piece = _value(part, lookup) if isinstance(part, Variable) else part
        if piece is None:
            return None
        pieces.append(piece)
    return tuple(pieces)


def _value(variable: Variable, lookup: Lookup) -> Literal | None:
    value = lookup(variable.key)
    if isinstance(value, str):
        return Literal(value)
    return None if variable.default is None else Literal(variable.default)
