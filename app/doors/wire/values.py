"""Scalars between text and Python, the same in every protocol.

A text that does not fit is handed on as it is: what is wrong with it is said by `shapes.validate`, in the service's own
words, and not here. Times are always UTC; on the wire they carry whole milliseconds at most.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from app.doors.wire.http import Unreadable

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def blob(value: Any) -> Any:
    """Base64 text as bytes; `Unreadable` where it is not base64."""
    if not isinstance(value, str):
        return value
    try:
        return a2b_base64(value, strict_mode=bool(value))
    except (NotBase64, ValueError) as wrong:
        raise Unreadable("SerializationException", "A binary member is not valid base64.") from wrong


def epoch(value: Any) -> Any:
    """Seconds since 1970, or an ISO text, as a time."""
    if isinstance(value, str):
        return iso(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return value


def iso(text: str) -> datetime | str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def http_date(text: str) -> datetime | str:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return iso(text)


def whole(value: Any) -> Any:
    """A JSON number as an integer where it is one (AWS takes 1.0 for 1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def integer(text: str) -> int | str:
    return int(text) if _INTEGER.fullmatch(text) else text


def decimal(text: str) -> float | str:
    return float(text) if _DECIMAL.fullmatch(text) else text


def boolean(text: str) -> bool | str:
    return _BOOLEANS.get(text.lower(), text)


FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "integer": integer,
    "long": integer,
    "float": decimal,
    "double": decimal,
    "boolean": boolean,
    "blob": blob,
    "timestamp": iso,
}


def to_epoch(moment: datetime) -> int | float:
    """Seconds since 1970, whole ones without a fraction."""
    seconds = round(moment.timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def to_iso_seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_iso_milliseconds(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def to_http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def to_base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def to_boolean(value: bool) -> str:
    return "true" if value else "false"
