"""Lines of `reseal log`: calls in the order of their requests, what a call set off indented below it.

In the log a nested call ends before the one that made it, so a page is put in order first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from app.policy.causes import Cause

Call = Mapping[str, Any]


def lines(calls: Iterable[Call]) -> Iterator[str]:
    """One line a call; a refusal has one more with its cause."""
    for call, depth in ordered(list(calls)):
        yield from _told(call, depth)


def ordered(calls: list[Call]) -> list[tuple[Call, int]]:
    """(call, depth): each after the call that made it, as far as that is on the page."""
    by_root: dict[str, list[Call]] = {}
    for call in calls:
        by_root.setdefault(call["root"], []).append(call)
    return [pair for family in by_root.values() for pair in _family(family)]


def _family(calls: list[Call]) -> Iterator[tuple[Call, int]]:
    outer = [call for call in calls if not call.get("parent")]
    nested = [call for call in calls if call.get("parent")]
    for call in outer:
        yield call, 0
        own = [one for one in nested if one["parent"] == call["request_id"]]
        yield from ((one, 1) for one in own)
        nested = [one for one in nested if one not in own]
    yield from ((one, 1) for one in nested)


def _told(call: Call, depth: int) -> Iterator[str]:
    at = datetime.fromtimestamp(call["at_ms"] / 1000, UTC).strftime("%H:%M:%S")
    indent = "    " * depth
    outcome = call.get("code") or "ok"
    about = next((one for one in call.get("resources", ()) if one), "")
    yield f"{at}  {indent}{call['operation']}  {_short(call['caller'])}  {about}  {outcome}".rstrip()
    if cause := call.get("cause"):
        row = Cause[cause]
        yield f"          {indent}  {row.code} {row.sentence}"


def _short(arn: str) -> str:
    """`444455556666/user/importer`."""
    parts = arn.split(":", 5)
    return f"{parts[4]}/{parts[5]}" if len(parts) == 6 else arn
