"""Block and page tokens: 8 bytes of expiry (or start) and 28 of a MAC, base64url.

Bound to the snapshot and the index, to nobody: a token is no permission (ebs.md 6 [V]).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from app.kernel.clock import DAY_MS
from app.services.ebs import errors

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft

TOKEN_DAYS = 7
PAGE_MAX = 10_000


def block_token(draft: Draft, call: Call, id: str, index: int) -> str:
    expiry_ms = call.at_ms + TOKEN_DAYS * DAY_MS
    return _token(expiry_ms, draft.world.digest("block-token", id, index, expiry_ms))


def is_block_token(draft: Draft, call: Call, id: str, index: int, token: str) -> bool:
    expiry_ms = _number(token)
    return (
        expiry_ms is not None
        and expiry_ms >= call.at_ms
        and hmac.compare_digest(token, _token(expiry_ms, draft.world.digest("block-token", id, index, expiry_ms)))
    )


def _token(number: int, digest: bytes) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(8, "big") + digest[:28]).decode()


def _number(token: str) -> int | None:
    try:
        packed = base64.urlsafe_b64decode(token.encode())
    except ValueError:
        return None
    return int.from_bytes(packed[:8], "big") if len(packed) == 36 else None


def page_start(draft: Draft, call: Call, id: str) -> int:
    """Where a page begins; NextToken overrides StartingBlockIndex [D]."""
    token = call["NextToken"]
    if not token:
        return call["StartingBlockIndex"] or 0
    index = _number(token)
    if index is None or not hmac.compare_digest(
        token, _token(index, draft.world.digest("page-token", call.name, id, index))
    ):
        errors.BAD_DIRECT_PAGE_TOKEN.refuse(token=token)
    return index


def page_of(draft: Draft, call: Call, id: str, indexes: Iterator[int]) -> tuple[list[int], dict[str, str]]:
    size = call["MaxResults"] or PAGE_MAX
    found = list(islice(indexes, size + 1))
    if len(found) <= size:
        return found, {}
    return found[:size], {
        "NextToken": _token(found[size], draft.world.digest("page-token", call.name, id, found[size]))
    }
