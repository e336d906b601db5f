"""A condition key with its value, as the facts of an incident are told."""

from __future__ import annotations

from typing import Any, Final

from app.policy.question import ContextValue, flag

Pair = tuple[str, ContextValue | None]  # None: the key is surely absent
UNTOLD: Final = "\0"  # the key is there, but nothing tells its value


def texted(value: Any) -> str | None:
    return None if value is None else flag(value) if isinstance(value, bool) else str(value)
