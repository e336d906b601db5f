"""Ids of things. They hash the world's secret and a count, and do not come from the call's seed: so calls of different
accounts commute, and a world with a seed gives the same ids in every run.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

from app.kernel.records import Record


class Counter(Record, frozen=True, kw_only=True):
    """How many things of a kind (its id) an account has made in a Region."""

    kind = "counter"
    value: int


def digest(secret: bytes, *parts: str | int) -> bytes:
    """32 bytes that belong to these parts in this world; the parts are length-prefixed, so none runs into the next."""
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return hmac.digest(secret, text.encode(), hashlib.sha256)


def hex_id(prefix: str, hashed: bytes) -> str:
    """`snap-0` and 16 hex digits, as EC2's long ids look."""
    return f"{prefix}-0{hashed[:8].hex()}"


def uuid_id(hashed: bytes) -> str:
    return str(uuid.UUID(bytes=hashed[:16], version=4))


def unique_id(prefix: str, hashed: bytes) -> str:
    """IAM's unique ids and access key ids: AIDA, AROA, AKIA, ... and 16 characters of base32."""
    return prefix + base64.b32encode(hashed)[:16].decode()
