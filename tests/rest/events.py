"""Server-Sent Events, as a client reads them."""

from __future__ import annotations

import json
from typing import Any

from starlette.testclient import TestClient

Event = tuple[int, str, dict[str, Any]]  # id, event, data


def events(rest: TestClient, path: str, after: str = "") -> list[Event]:
    """All events of a stream, to its end; `after`: behind the one of this id."""
    headers = {"Last-Event-ID": after} if after else {}
    text = rest.get(path, headers=headers).text.replace("\r\n", "\n")
    found: list[Event] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found
