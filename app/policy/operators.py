"""The condition operators, a row each.

A row says how one value of the policy becomes a test of one value of the request. None instead of a test: the policy's
value is not of the operator's type and matches nothing. How the values of a key combine is conditions.py's business.
Source: policy-evaluation.md 2.1.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

from app.policy.match import Pattern, Test, arn_parts, arn_test, glob, plain_text

T = TypeVar("T")
Prepare = Callable[[Pattern], Test | None]


@dataclass(frozen=True, slots=True)
class Operator:
    name: str
    prepare: Prepare
    is_negated: bool = False
    takes_variables: bool = False
    asks_for_presence: bool = False  # Null: the value says whether the key shall be absent


def _exact(pattern: Pattern) -> Test:
    return plain_text(pattern).__eq__


def _ignoring_case(pattern: Pattern) -> Test:
    wanted = plain_text(pattern).casefold()
    return lambda found: found.casefold() == wanted


def _arn(pattern: Pattern) -> Test | None:
    test = (lambda _: True) if plain_text(pattern) == "*" else arn_test(pattern)
    return (lambda found: arn_parts(found) is not None and test(found)) if test else None


def _network(pattern: Pattern) -> Test | None:
    network = _ip_network(plain_text(pattern))
    return None if network is None else lambda found: _contains(network, _ip_network(found))


def _compared(read: Callable[[str], T | None], holds: Callable[[T, T], bool]) -> Prepare:
    """Both sides are read as values of one type first; what can not be read matches nothing."""

    def prepare(pattern: Pattern) -> Test | None:
        wanted = read(plain_text(pattern))
        if wanted is None:
            return None
        return lambda found: (value := read(found)) is not None and holds(value, wanted)

    return prepare


# Reading values of the families that are not text.

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH_SECONDS: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,9})?")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=4096)
def _instant(text: str) -> Decimal | None:
    """Seconds since 1970. Four digits are a year; without a zone UTC (inferred.py, DATE_FORMS)."""
    if found := _DATE.fullmatch(text):
        return _calendar_instant(found)
    return Decimal(text) if _EPOCH_SECONDS.fullmatch(text) else None


def _calendar_instant(found: re.Match[str]) -> Decimal | None:
    fields = {name: int(found[name]) for name in ("year", "month", "day", "hour", "minute", "second") if found[name]}
    try:
        moment = datetime(**({"month": 1, "day": 1} | fields), tzinfo=_zone(found["zone"] or "Z"))
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    return seconds + Decimal(f"0.{found['fraction'] or 0}")


def _zone(text: str) -> timezone:
    if text in "Zz":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


@lru_cache(maxsize=4096)
def _ip_network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _contains(network: Any, found: Any) -> bool:
    """Is the address (a network of one) in the network? v4 and v6 never match one another."""
    return found is not None and found.version == network.version and found.subnet_of(network)


# The table.


def _row(name: str, prepare: Prepare, negated: str = "", *, takes_variables: bool = False) -> tuple[Operator, ...]:
    rows = (Operator(name, prepare, takes_variables=takes_variables),)
    return (*rows, Operator(negated, prepare, True, takes_variables)) if negated else rows


def _ordered(family: str, read: Callable[[str], Any]) -> tuple[Operator, ...]:
    return (
        *_row(f"{family}Equals", _compared(read, operator.eq), f"{family}NotEquals"),
        *_row(f"{family}LessThan", _compared(read, operator.lt)),
        *_row(f"{family}LessThanEquals", _compared(read, operator.le)),
        *_row(f"{family}GreaterThan", _compared(read, operator.gt)),
        *_row(f"{family}GreaterThanEquals", _compared(read, operator.ge)),
    )


_ROWS: Final = (
    *_row("StringEquals", _exact, "StringNotEquals", takes_variables=True),
    *_row("StringEqualsIgnoreCase", _ignoring_case, "StringNotEqualsIgnoreCase", takes_variables=True),
    *_row("StringLike", glob, "StringNotLike", takes_variables=True),
    *_ordered("Numeric", _number),
    *_ordered("Date", _instant),
    *_row("Bool", _compared(_boolean, operator.eq)),
    *_row("BinaryEquals", _compared(_bytes, operator.eq)),
    *_row("IpAddress", _network, "NotIpAddress"),
    *_row("ArnEquals", _arn, "ArnNotEquals", takes_variables=True),
    *_row("ArnLike", _arn, "ArnNotLike", takes_variables=True),
    Operator("Null", _compared(_boolean, operator.eq), asks_for_presence=True),
)
OPERATORS: Final = {row.name.lower(): row for row in _ROWS}  # case: inferred.py, OPERATOR_CASE
assert len(OPERATORS) == len(_ROWS)
