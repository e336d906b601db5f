"""What an import is going to ask of the services, as it is put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.outside.reading import Unreadable

Part = tuple[str, dict[str, Any], str]


@dataclass(slots=True)
class Plan:
    parts: list[Part] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # what the capture was not allowed to read, and what that means
    mistakes: list[Unreadable] = field(default_factory=list)
    principals: list[tuple[str, str, str]] = field(default_factory=list)  # (account, User or Role, name)


def with_tags(entry: dict[str, Any]) -> dict[str, Any]:
    """Without the tags of which only the key is told."""
    return entry | {"Tags": [tag for tag in entry["Tags"] if "Value" in tag]} if "Tags" in entry else entry
