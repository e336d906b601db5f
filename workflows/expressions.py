"""`${{ step.path }}`: references of a scenario.

The first word names something: a step, `accounts`, `principals` or `region`. What follows is JMESPath (the language of
`aws --query`) on it. The name is split off first, because step ids may hold hyphens, which JMESPath's do not. A text
that is one reference alone becomes the value itself; inside a longer text the value is written out.
"""

# pyright: basic

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

EXPRESSION_LENGTH_MAX = 500
PATTERN = re.compile(r"\$\{\{\s*(?P<body>[^{}]*?)\s*\}\}")
_NAME = re.compile(r"(?P<name>principals\.[\w-]+/[\w.@+=,-]*?(?=\.arn$|$)|[A-Za-z_][\w-]*)(?:\.(?P<path>.+))?$")


class Unresolved(Exception):
    """A reference that names nothing."""


@dataclass(frozen=True, slots=True)
class Reference:
    name: str  # "snapshot", "accounts", "principals.source/operator", "region"
    path: str  # JMESPath on it; "" for the thing itself


def references(text: str) -> Iterator[Reference]:
    """The references in a text; ValueError where one is malformed."""
    for found in PATTERN.finditer(text):
        yield parse(found["body"])


@lru_cache(maxsize=4096)
def parse(body: str) -> Reference:
    match = _NAME.match(body) if len(body) <= EXPRESSION_LENGTH_MAX else None
    if not match:
        raise ValueError(f"${{{{ {body} }}}} does not begin with the name of a step, accounts, principals or region")
    reference = Reference(match["name"], match["path"] or "")
    if reference.path:
        compiled(reference.path)
    return reference


@lru_cache(maxsize=4096)
def compiled(path: str) -> Any:
    """A JMESPath expression; ValueError where it is none."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    if len(path) > EXPRESSION_LENGTH_MAX:
        raise ValueError(f"an expression may have {EXPRESSION_LENGTH_MAX} characters at most")
    try:
        return jmespath.compile(path)
    except JMESPathError as error:
        raise ValueError(f"{path!r} is not JMESPath: {str(error).splitlines()[0]}") from None


def search(path: str, value: Any) -> Any:
    """What `path` finds in `value`; None where it finds nothing or a function meets a type it can not take."""
    from jmespath.exceptions import JMESPathError

    try:
        return compiled(path).search(value)
    except JMESPathError:
        return None


def fill(value: Any, scope: Mapping[str, Any]) -> Any:
    """`value` with every reference replaced, in texts at any depth; raises Unresolved."""
    if isinstance(value, str):
        return _fill_text(value, scope)
    if isinstance(value, Mapping):
        return {key: fill(inner, scope) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, scope) for inner in value]
    return value


def _fill_text(text: str, scope: Mapping[str, Any]) -> Any:
    whole = PATTERN.fullmatch(text)
    if whole:
        return _resolve(whole["body"], scope)
    return PATTERN.sub(lambda found: str(_resolve(found["body"], scope)), text)


def _resolve(body: str, scope: Mapping[str, Any]) -> Any:
    reference = parse(body)
    if reference.name not in scope:
        raise Unresolved(f"nothing is known as {reference.name!r}")
    found = search(reference.path, scope[reference.name]) if reference.path else scope[reference.name]
    if found is None:
        raise Unresolved(f"{body!r} finds nothing")
    return found
