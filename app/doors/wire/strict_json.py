"""A JSON reader that accepts JSON and nothing else.

Python's own takes NaN, lone surrogates, duplicate keys and any depth; each of them has made a server answer 500 or read
a request otherwise than the signer meant it (reliability.md 2.5). Here they are a SerializationException.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, NoReturn

from app.doors.wire.http import Unreadable

DEPTH_MAX = 64

_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_json(body: bytes) -> Any:
    """The value of a JSON text; `Unreadable` (SerializationException) where it is not strictly one."""
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and _depth(body) > DEPTH_MAX:
        raise _refusal(f"deeper than {DEPTH_MAX} levels")
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as wrong:
        raise _refusal("not valid JSON") from wrong
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def _depth(body: bytes) -> int:
    """How deep the brackets outside strings go; up to the point where the limit is passed."""
    depth = deepest = 0
    for token in _STRUCTURE.finditer(body):
        first = token[0][:1]
        if first in (b"{", b"["):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > DEPTH_MAX:
                break
        elif first in (b"}", b"]"):
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refusal("a key occurs twice")
    return found


def _constant(name: str) -> NoReturn:
    raise _refusal(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _refusal("a number is out of range")
    return number


def _refuse_surrogates(value: Any) -> None:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
            raise _refusal("a lone surrogate is no character")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_surrogates(key)
            _refuse_surrogates(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_surrogates(item)


def _refusal(why: str) -> Unreadable:
    return Unreadable("SerializationException", f"The request body could not be read: {why}.")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
