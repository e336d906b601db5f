"""Pairs of pattern and text made to keep a matcher busy, and a slow but steady matcher to compare with.

A matcher that tries again from every star costs the length of the text to the power of the number of stars. These
pairs are near misses: the text repeats what stands between the stars, so that each star has many places to try, and
the last character decides.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

PATTERN_MAX, TEXT_MAX = 512, 2048  # characters; an ARN has at most 2,048
HEAD = "arn:aws:s3:::"


def pairs(count: int, seed: int = 5) -> Iterator[tuple[str, str]]:
    """So many (pattern, text), the same each time; every second one in the last part of an ARN."""
    rnd = random.Random(seed)
    for number in range(count):
        pattern, text = (long_chunk if number % 500 == 498 else near_miss)(rnd)
        yield (HEAD + pattern, HEAD + text) if number % 2 else (pattern, text)


def near_miss(rnd: random.Random) -> tuple[str, str]:
    """Chunks of a small alphabet between stars, and a text that is mostly these chunks again and again."""
    alphabet = rnd.choice(("a", "ab", "ab:/"))
    chunk = "".join(rnd.choice(alphabet) for _ in range(rnd.choice((1, 1, 2, 3, 5, 40))))
    chunks = [chunk if rnd.random() < 0.8 else chunk[::-1] for _ in range(PATTERN_MAX // (len(chunk) + 1))]
    pattern = rnd.choice(("*", "*", "?*", "**")).join(chunks)
    pattern = ("*" if rnd.random() < 0.5 else "") + pattern + rnd.choice(("", "*", "b", "*c"))
    text = (chunk * TEXT_MAX)[: rnd.choice((60, 400, TEXT_MAX))] + rnd.choice(("", "b", "c"))
    return pattern[:PATTERN_MAX], text


def long_chunk(rnd: random.Random) -> tuple[str, str]:
    """One chunk that fits everywhere but for its last character: all its length is compared at every place."""
    before = "".join(rnd.choice("a" * 20 + "?") for _ in range(rnd.randrange(PATTERN_MAX - 2)))
    return f"*{before}b{rnd.choice(('', '*'))}", "a" * TEXT_MAX + rnd.choice(("", "b", "c"))


def fits(pattern: str, text: str) -> bool:
    """By remembering the last star only: at most length times length steps, and no expressions at all."""
    at, place, star, begun = 0, 0, -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, begun, at = at, place, at + 1
        elif at < len(pattern) and pattern[at] in ("?", text[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            at, begun, place = star + 1, begun + 1, begun + 1
        else:
            return False
    return not pattern[at:].strip("*")
