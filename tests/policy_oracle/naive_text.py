"""Text against text, word for word from policy-evaluation.md section 1. Slow and obvious on purpose.

Nothing is parsed ahead, indexed, folded or remembered: every question reads the document's JSON anew. Sections in
brackets are those of the reference. Readings that the reference leaves open are marked "inferred".
"""

from __future__ import annotations

import re

from .plain import Document, Question, Statement, Value

STAR, ONE = "\ue000", "\ue001"  # the wildcards an author wrote, once everything else is literal text

# ---------------------------------------------------------------- 1.1 one or a list


def listed(value: object) -> list[str]:
    """[1.1] A single value may stand without brackets; bare numbers and booleans are accepted."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def statements(document: Document) -> list[Statement]:
    """[1.1] Statement: one object or a list."""
    found = document.get("Statement", [])
    return found if isinstance(found, list) else [found]


def has_variables(document: Document) -> bool:
    """[1.3] Only when Version is 2012-10-17; [1.1] absent means 2008-10-17."""
    return document.get("Version", "2008-10-17") == "2012-10-17"


# ---------------------------------------------------------------- 1.2 matching text


def with_wildcards(text: str) -> str:
    return text.replace("*", STAR).replace("?", ONE)


def is_like(pattern: str, text: str) -> bool:
    """[1.2] `*` any run of characters, also none; `?` exactly one."""
    expression = "".join(".*" if c == STAR else "." if c == ONE else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def action_matches(pattern: str, action: str) -> bool:
    """[1.2] Prefix and name match without regard to case; the prefix has no wildcards [I]."""
    if pattern == "*":
        return True
    wanted_service, _, wanted_name = pattern.lower().partition(":")
    service, _, name = action.lower().partition(":")
    return wanted_service == service and is_like(with_wildcards(wanted_name), name)


def six_parts_match(pattern: list[str], resource: list[str]) -> bool:
    """[1.2] The six parts one by one; an empty account or Region is matched by `*` and by empty only."""
    return len(pattern) == len(resource) == 6 and all(map(is_like, pattern, resource))


def resource_matches(pattern: str, question: Question, variables: bool) -> bool | None:
    """[1.2] None where a variable in the pattern can not be resolved [1.3].

    A pattern of fewer than six parts is matched against the whole text (inferred; the guide's page on Resource says
    that a wildcard at the end of a part can reach beyond colons).
    """
    if pattern == "*":
        return True
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return is_like(with_wildcards(pattern), question["resource"])
    last = resolve(parts[5], question["context"]) if variables else with_wildcards(parts[5])
    if last is None:
        return None
    return six_parts_match([*map(with_wildcards, parts[:-1]), last], question["resource"].split(":", 5))


# ---------------------------------------------------------------- 1.3 variables


def key_value(name: str, context: dict[str, Value]) -> Value | None:
    """[2.2] Names of keys ignore case, tag names and encryption-context keys included. None: absent.

    A many-valued key without values is absent (inferred; the reference says so of ForAllValues only).
    """
    found = next((value for key, value in context.items() if key.lower() == name.lower()), None)
    return None if found == [] else found


def resolve(text: str, context: dict[str, Value]) -> str | None:
    """[1.3] The text with its variables put in, the author's wildcards marked; None where one has no value."""
    whole = ""
    for index, piece in enumerate(re.split(r"\$\{([^}]*)\}", text)):  # text and variables by turns
        value = variable_value(piece, context) if index % 2 else with_wildcards(piece)
        if value is None:
            return None
        whole += value
    return whole


def variable_value(inside: str, context: dict[str, Value]) -> str | None:
    """[1.3] `${*}`, `${?}`, `${$}` are those characters; a value is literal.

    A many-valued key can not be used: as if it were absent, so that a default speaks (inferred).
    """
    if inside in ("*", "?", "$"):
        return inside
    name, comma, default = inside.partition(",")
    value = key_value(name, context)
    if isinstance(value, str):
        return value
    return default.strip().strip("'") if comma else None
