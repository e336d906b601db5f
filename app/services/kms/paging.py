"""Pages of a listing: `Limit`, `Marker`, `NextMarker`, `Truncated` (kms.md 1).

A marker holds the index key of the last entry that was shown, so going on costs a seek and not a scan, and what is
deleted in between disturbs nothing. It is bound to its listing: any other one is InvalidMarkerException.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.tree import Key as Position
from app.services.kms.checks import between
from app.services.kms.errors import INVALID_MARKER

T = TypeVar("T")
_TAG_BYTES: Final = 16


def page(
    draft: Draft, call: Call, member: str, scope: tuple[str, ...], entries: Callable[[Position], Iterator[T]],
    position: Callable[[T], Position], shown: Callable[[T], Any], *, default: int, most: int,
) -> dict[str, Any]:  # fmt: skip
    """One page of a listing. `entries(after)` goes on behind a position; `scope` is what a marker must belong to."""
    between(call, "Limit", 1, most)
    limit = call["Limit"] or default
    after = _read(draft, call["Marker"], (call.name, *scope)) if call["Marker"] else ()
    found = list(islice(entries(after), limit + 1))
    answer: dict[str, Any] = {member: [shown(entry) for entry in found[:limit]], "Truncated": len(found) > limit}
    if len(found) > limit:
        answer["NextMarker"] = _write(draft, position(found[limit - 1]), (call.name, *scope))
    return answer


def _write(draft: Draft, position: Position, scope: tuple[str, ...]) -> str:
    body = msgspec.json.encode(position)
    return base64.b64encode(_tag(draft, body, scope) + body).decode()


def _read(draft: Draft, marker: str, scope: tuple[str, ...]) -> Position:
    try:
        raw = base64.b64decode(marker, validate=True)
    except ValueError:
        INVALID_MARKER.refuse()
    if raw[:_TAG_BYTES] != _tag(draft, raw[_TAG_BYTES:], scope):
        INVALID_MARKER.refuse()
    return msgspec.json.decode(raw[_TAG_BYTES:], type=tuple[str, ...])


def _tag(draft: Draft, body: bytes, scope: tuple[str, ...]) -> bytes:
    return draft.world.digest("kms-marker", body.hex(), *scope)[:_TAG_BYTES]
