"""Asks a door in process: one ASGI request, its answer whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.doors.wire.door import WireDoor
from tests.doors.wire.fakes import FakeHost, not_for_aws


@dataclass(frozen=True)
class Seen:
    status: int
    headers: Mapping[str, str]
    body: bytes
    chunks_taken: int

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    host: FakeHost,
    headers: Mapping[str, str] | list[tuple[bytes, bytes]] | None = None,
    body: bytes | list[bytes] = b"",
    method: str = "POST",
    path: bytes = b"/",
    query: bytes = b"",
) -> Seen:
    """`body` as a list is sent in chunks, and counted as they are taken."""
    chunks = body if isinstance(body, list) else [body]
    pairs = headers if isinstance(headers, list) else [(k.encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "http", "method": method, "path": "/", "raw_path": path, "query_string": query, "headers": pairs,
        "client": ("127.0.0.1", 1),
    }  # fmt: skip
    return asyncio.run(_ask(WireDoor(host, not_for_aws), scope, chunks))


async def _ask(door: WireDoor, scope: dict[str, Any], chunks: list[bytes]) -> Seen:
    sent: list[Any] = []
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        if taken > len(chunks):
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunks[taken - 1], "more_body": taken < len(chunks)}

    async def send(message: Any) -> None:
        sent.append(message)

    await door(scope, receive, send)
    if not sent:
        return Seen(0, {}, b"", taken)
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return Seen(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]), taken)


def scoped(service: str, key: str = "111111111111", region: str = "eu-west-1") -> dict[str, str]:
    """Headers of a request signed for a service by a key whose signature is not looked at."""
    credential = f"Credential={key}/20260101/{region}/{service}/aws4_request"
    return {
        "host": "h",
        "x-amz-date": "20260101T000000Z",
        "authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host;x-amz-date, Signature=0",
    }


def kms(operation: str) -> dict[str, str]:
    return {**scoped("kms"), "x-amz-target": f"TrentService.{operation}", "content-type": "application/x-amz-json-1.1"}


def form(service: str) -> dict[str, str]:
    return {**scoped(service), "content-type": "application/x-www-form-urlencoded"}
