"""A host that answers what it is told and remembers what it was asked, and the application behind the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.doors.wire.door import Identity
from app.kernel.call import ANONYMOUS, Reply, Request, root_of
from app.kernel.errors import AwsError

REQUEST_ID = "11111111-2222-3333-4444-555555555555"
TOKEN = "token"
SECRETS: Mapping[str, str] = {"AKIAALICE": "alice-secret", "ASIASESSION": "session-secret"}


@dataclass
class FakeHost:
    """Two issued keys, and any 12-digit key whose signature is not looked at."""

    answers: dict[str, Mapping[str, Any] | AwsError] = field(default_factory=dict)
    requests: list[tuple[str, Request]] = field(default_factory=list)
    reply: Mapping[str, Any] = field(default_factory=dict)

    def identify(self, access_key_id: str, session_token: str, world: str | None) -> Identity | AwsError:
        if access_key_id.isdigit():
            return Identity(world or "default", root_of(access_key_id), None)
        if access_key_id not in SECRETS:
            return AwsError("InvalidClientTokenId", "never issued")
        if access_key_id == "ASIASESSION" and session_token != TOKEN:
            return AwsError("ExpiredToken", "too old")
        return Identity(world or "default", root_of("111111111111"), SECRETS[access_key_id])

    def anonymous(self, world: str | None) -> Identity | AwsError:
        return Identity(world or "default", ANONYMOUS, None)

    def call(self, world: str, request: Request) -> Reply:
        self.requests.append((world, request))
        answer = self.answers.get(request.operation, {})
        if isinstance(answer, AwsError):
            return Reply(REQUEST_ID, error=answer, **self.reply)
        return Reply(REQUEST_ID, answer=answer, **self.reply)

    @property
    def last(self) -> Request:
        return self.requests[-1][1]


async def not_for_aws(scope: Any, receive: Any, send: Any) -> None:
    """The fallback: says so, with the body it was given."""
    body, more = b"", scope["type"] == "http"
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 299, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"fallback:" + body})
