"""Server-Sent Events, as a client reads them; and requests to a server that is a process of its own."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

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


def sent(endpoint: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> bytes:
    data = json.dumps(body).encode() if body is not None else None
    request = Request(endpoint + path, data=data, headers={"Content-Type": "application/json", **headers})
    with urlopen(request, timeout=60) as got:
        return got.read()
