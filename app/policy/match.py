"""Matching text: wildcards, ARNs, actions.

A pattern is a tuple of pieces: text as the policy's author wrote it, where `*` and `?` are wildcards, and `Literal`
text that came in for a variable, where they are not. A naive `.*` for each star takes minutes on a hostile pattern;
here every star but the last becomes an atomic group that takes the first place where the text up to the next star
fits. That is complete (an earlier fit never rules out a later one) and costs at most length of pattern times length of
text. Sources: policy-evaluation.md 1.2; ecosystem.md 8, "IAM wildcards".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

ARN_PARTS: Final = 6
_WILDCARDS: Final = re.compile(r"[*?]")
_STARS: Final = re.compile(r"(\*+)")


class Literal(str):
    """Text in a pattern whose `*` and `?` are plain characters."""

    __slots__ = ()


Pattern = tuple[str, ...]
Test = Callable[[str], bool]


def plain_text(pattern: Pattern) -> str:
    """The pattern read without wildcards."""
    return "".join(pattern)


@lru_cache(maxsize=8192)
def _glob(pieces: tuple[tuple[bool, str], ...]) -> Test:
    if not any(wild for wild, _ in pieces):
        return "".join(text for _, text in pieces).__eq__
    if [piece for piece in pieces if piece[1]] == [(True, "*")]:
        return _anything
    return _expression(pieces)


def glob(pattern: Pattern) -> Test:
    """A test whether a whole text fits the pattern, with regard to case."""
    return _glob(tuple(_tokens(pattern)))


def _anything(_: str) -> bool:
    return True


def _tokens(pattern: Pattern) -> Iterator[tuple[bool, str]]:
    """(is a wildcard, text) in order. `Literal` equals `str` as a key of a cache, so its kind is made explicit here."""
    for piece in pattern:
        if isinstance(piece, Literal):
            yield False, str(piece)
            continue
        for part in _STARS.split(piece):
            if part.startswith("*"):
                yield True, "*"
            else:
                yield from ((char == "?", char) for char in part)


def _expression(pieces: tuple[tuple[bool, str], ...]) -> Test:
    chunks: list[str] = [""]
    for wild, text in pieces:
        if wild and text == "*":
            chunks.append("")
        else:
            chunks[-1] += "." if wild else re.escape(text)
    fits = re.compile(_joined(chunks), re.DOTALL).fullmatch
    return lambda text: fits(text) is not None


def _joined(chunks: list[str]) -> str:
    """The chunks with any text between them; each but the last is held to the first place where it fits."""
    if len(chunks) == 1:
        return chunks[0]
    first, *middle, last = chunks
    return first + "".join(f"(?>.*?{chunk})" for chunk in middle if chunk) + ".*" + last


# ARNs.


def arn_parts(text: str) -> tuple[str, ...] | None:
    """The six parts of an ARN; None for a text that is none."""
    parts = tuple(text.split(":", ARN_PARTS - 1))
    return parts if len(parts) == ARN_PARTS and parts[0] == "arn" else None


def split_pattern(pattern: Pattern) -> tuple[Pattern, ...]:
    """The pattern cut at its first five colons; fewer than six parts where it has fewer colons."""
    parts: list[list[str]] = [[]]
    for piece in pattern:
        kind = Literal if isinstance(piece, Literal) else str
        first, *rest = piece.split(":", ARN_PARTS - len(parts))
        parts[-1].append(kind(first))
        parts.extend([kind(text)] for text in rest)
    return tuple(tuple(part) for part in parts)


def resource_test(pattern: Pattern) -> Test:
    """Does a request's resource fit? Part by part for ARNs, else as a text.

    Source: policy-evaluation.md 1.2; for patterns of fewer parts inferred.py, PATTERN_THAT_IS_NO_ARN.
    """
    whole = glob(pattern)
    if whole is _anything:
        return whole
    by_parts = arn_test(pattern)
    return lambda text: (by_parts if by_parts and arn_parts(text) else whole)(text)


def arn_test(pattern: Pattern) -> Test | None:
    """Does an ARN fit the pattern, each of six parts with wildcards? None for a pattern that is no ARN."""
    parts = split_pattern(pattern)
    if len(parts) != ARN_PARTS:
        return None
    if not any(_WILDCARDS.search(piece) for piece in pattern if not isinstance(piece, Literal)):
        return plain_text(pattern).__eq__
    tests = tuple(glob(part) for part in parts)
    return lambda text: _all_fit(tests, text.split(":", ARN_PARTS - 1))


def _all_fit(tests: tuple[Test, ...], parts: list[str]) -> bool:
    return len(parts) == ARN_PARTS and all(test(part) for test, part in zip(tests, parts, strict=True))


# Actions.

ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+")


@lru_cache(maxsize=8192)
def action_test(pattern: str) -> Test:
    """Does an action, given in lower case, fit? Prefix and name match without regard to case.

    The prefix has no wildcards: inferred.py, ACTION_PREFIX_HAS_NO_WILDCARDS.
    """
    if set(pattern) == {"*"}:
        return _anything
    prefix, _, name = pattern.lower().partition(":")
    return glob((Literal(prefix + ":"), name))
