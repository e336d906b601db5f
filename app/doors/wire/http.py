"""An HTTP request and its answer as plain values, and the two exceptions that leave a reader early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.kernel.errors import AwsError


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it was received: nothing decoded, because signatures are made over what was sent."""

    method: str
    path: str  # raw: percent-encoding and world prefix included
    query: str  # raw, without "?"
    headers: tuple[tuple[str, str], ...]  # names in lower case, in the order received, duplicates kept
    body: bytes = b""
    first: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", dict(reversed(self.headers)))

    def header(self, name: str) -> str:
        """The first value under a lower-case name, or ""."""
        return self.first.get(name, "")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


class Unreadable(Exception):
    """A request that can not be read as its protocol says; carries AWS's error for it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.error = AwsError(code, message, status)
