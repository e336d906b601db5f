"""The wire door: a plain ASGI application that serves requests meant for AWS and passes on all others.

    receive (limits) -> route -> identify -> verify the signature -> parse -> host.call -> answer in the protocol

Nothing here knows what an operation does. Every step before the call can only refuse, and always in the form of the
service's own protocol, because clients retry what they can not read. An exception that nobody foresaw is logged with
its traceback and answered as InternalFailure without details: a page or a trace never leaves through this door.

`Host` is what the composition root puts behind it. `Host.call` is called on the event loop: calls are short, and one
world admits one call at a time anyway.
"""

from __future__ import annotations

import base64
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from app.doors.wire import protocols, refusals, sigv4
from app.doors.wire.http import HttpAnswer, HttpRequest, Unreadable
from app.doors.wire.route import Route, is_action_form, is_for_aws, may_be_form, operation_of, route
from app.doors.wire.sigv4 import Signature
from app.kernel import credentials, endpoint, shapes
from app.kernel.call import Caller, Reply, Request
from app.kernel.errors import AwsError

BODY_BYTES_MAX = 1024 * 1024
HEADER_BYTES_MAX = 16 * 1024
NOTE_CHARACTERS_MAX = 2000
ENDPOINT_HEADER = "x-reseal-vpc-endpoint-policy"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("reseal.wire")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose request this is, and in which world. `secret` None: any signature is accepted (open mode)."""

    world: str
    caller: Caller
    secret: str | None


class Host(Protocol):
    """What stands behind the door. Errors of the first two carry neutral codes (`InvalidClientTokenId`,
    `ExpiredToken`); the door says them as the service's protocol does."""

    def identify(self, access_key_id: str, session_token: str, world: str | None) -> Identity | AwsError: ...

    def anonymous(self, world: str | None) -> Identity | AwsError: ...

    def call(self, world: str, request: Request) -> Reply: ...


class _Refused(Exception):
    """Ends a request with an error whose protocol may not be known yet."""

    def __init__(self, error: AwsError) -> None:
        self.error = error


class WireDoor:
    """AWS's protocols in front of `fallback`. `clock` is the machine's: signatures are judged on it alone."""

    def __init__(
        self, host: Host, fallback: ASGIApp, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._host = host
        self._fallback = fallback
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._fallback(scope, receive, send)
            return
        head = _head(scope)
        if is_for_aws(head):
            await self._serve(scope, head, receive, send)
        elif may_be_form(head):
            await self._serve_or_pass_on(scope, head, receive, send)
        else:
            await self._fallback(scope, receive, send)

    async def _serve_or_pass_on(self, scope: Scope, head: HttpRequest, receive: Receive, send: Send) -> None:
        """An unsigned form to the root path: AWS's only if its body has an Action and a Version."""
        try:
            messages = [message async for message in _until_limit(receive)]
        except ConnectionError:
            return
        replay = _replay(messages, receive)
        body = b"".join(message.get("body", b"") for message in messages)
        if is_action_form(HttpRequest(head.method, head.path, head.query, head.headers, body)):
            await self._serve(scope, head, replay, send)
        else:
            await self._fallback(scope, replay, send)

    async def _serve(self, scope: Scope, head: HttpRequest, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        try:
            request = await _whole(head, receive)
            answer = self.answer(request, request_id, (scope.get("client") or ("127.0.0.1",))[0])
        except _Refused as refused:
            answer = _with_headers(_refuse(route(head), refused.error, request_id), (("connection", "close"),))
        except ConnectionError:
            return
        await _send(answer, head.method, send)

    def answer(self, request: HttpRequest, request_id: str, source_ip: str) -> HttpAnswer:
        """The answer to a whole request; it never raises."""
        way = None
        try:
            way = route(request)
            return self._answer(way, request, request_id, source_ip)
        except Unreadable as unreadable:
            return _refuse(way, unreadable.error, request_id)
        except Exception:
            log.exception("a request ended in an error of ours", extra={"request_id": request_id})
            return _refuse(way, refusals.INTERNAL, request_id)

    def _answer(self, way: Route, request: HttpRequest, request_id: str, source_ip: str) -> HttpAnswer:
        name = operation_of(way, request)
        identity = self._identify(way, request, name)
        for refused in (identity, name):
            if isinstance(refused, AwsError):
                return _refuse(way, refused, request_id)
        assert isinstance(identity, Identity) and isinstance(name, str)  # noqa: PT018
        protocol = protocols.of(way.service)
        parameters = protocol.parse(way.service, name, request, way.path)
        asked = _call(way, name, parameters, identity, request, source_ip)
        if isinstance(asked, AwsError):
            return _refuse(way, asked, request_id)
        reply = self._host.call(identity.world, asked)
        return _reply(way, name, reply, request_id)

    def _identify(self, way: Route, request: HttpRequest, name: str | AwsError) -> Identity | AwsError:
        """Whose request this is: credentials first, then the signature, as AWS does."""
        signature = way.signature
        if isinstance(signature, AwsError):
            unsigned = signature is credentials.MISSING_TOKEN and _takes_unsigned(way, name)
            return self._host.anonymous(way.world) if unsigned else signature
        identity = self._host.identify(signature.access_key_id, signature.session_token, way.world)
        if isinstance(identity, AwsError) or identity.secret is None:
            return identity
        return self._verify(way, request, signature, identity.secret, name) or identity

    def _verify(
        self, way: Route, request: HttpRequest, signature: Signature, secret: str, name: str | AwsError
    ) -> AwsError | None:
        unsigned_payload = isinstance(name, str) and bool(shapes.operation_model(way.service, name).unsigned_payload)
        return sigv4.verify(request, signature, secret, self._clock(), unsigned_payload)


def _takes_unsigned(way: Route, name: str | AwsError) -> bool:
    return isinstance(name, str) and credentials.takes_unsigned(way.service, name)


# --- receiving --------------------------------------------------------------------------------------------------------


def _head(scope: Scope) -> HttpRequest:
    """The request without its body. The raw path: a signature is made over what was sent."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    headers = tuple((_text(name).lower(), _text(value)) for name, value in scope["headers"])
    path = _text(raw.partition(b"?")[0])
    return HttpRequest(scope["method"], path, _text(scope.get("query_string", b"")), headers)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


async def _whole(head: HttpRequest, receive: Receive) -> HttpRequest:
    """The request with its body; refused while streaming, before more than the limit is kept."""
    _refuse_head(head)
    chunks, size = [], 0
    async for message in _until_limit(receive):
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > BODY_BYTES_MAX:
        raise _Refused(refusals.too_large(BODY_BYTES_MAX))
    return HttpRequest(head.method, head.path, head.query, head.headers, b"".join(chunks))


def _refuse_head(head: HttpRequest) -> None:
    """What can be refused before any of the body has come."""
    if sum(len(name) + len(value) for name, value in head.headers) > HEADER_BYTES_MAX:
        raise _Refused(refusals.headers_too_large(HEADER_BYTES_MAX))
    length = head.header("content-length")
    if length.isascii() and length.isdigit() and int(length[:18]) > BODY_BYTES_MAX:
        raise _Refused(refusals.too_large(BODY_BYTES_MAX))
    encoding = head.header("content-encoding").strip().lower()
    if "aws-chunked" in encoding or head.header("x-amz-content-sha256").startswith("STREAMING-"):
        raise _Refused(refusals.AWS_CHUNKED)
    if encoding not in ("", "identity"):
        raise _Refused(refusals.ENCODED)


async def _until_limit(receive: Receive) -> AsyncIterator[Message]:
    """The body's messages, up to the first one that passes the limit."""
    size, more = 0, True
    while more and size <= BODY_BYTES_MAX:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        size += len(message.get("body", b""))
        more = bool(message.get("more_body", False))
        yield message


def _replay(messages: Iterable[Message], receive: Receive) -> Receive:
    """`receive` again from the start: the messages already taken, then the rest."""
    taken = iter(messages)

    async def again() -> Message:
        message = next(taken, None)
        return await receive() if message is None else message

    return again


# --- the call ---------------------------------------------------------------------------------------------------------


def _call(
    way: Route, name: str, parameters: dict[str, Any], identity: Identity, request: HttpRequest, source_ip: str
) -> Request | AwsError:
    through = _endpoint(request)
    if isinstance(through, AwsError):
        return through
    return Request(
        operation=f"{way.service}:{name}",
        parameters=parameters,
        caller=identity.caller,
        region=way.region,
        source_ip=source_ip,
        user_agent=request.header("user-agent")[:1024],
        idempotency_key=request.header("x-reseal-idempotency-key")[:256],
        endpoint=through,
    )


def _endpoint(request: HttpRequest) -> str | AwsError:
    """The policy of the VPC endpoint that the client says it calls through: base64 of the document."""
    try:
        return base64.b64decode(request.header(ENDPOINT_HEADER), validate=True).decode()
    except ValueError:
        return endpoint.MALFORMED(why=f"{ENDPOINT_HEADER} is not base64 of a UTF-8 text")


def _reply(way: Route, name: str, reply: Reply, request_id: str) -> HttpAnswer:
    """What the call came to, in the protocol; the decision and the notes beside it, never in it."""
    request_id = reply.request_id or request_id
    protocol = protocols.of(way.service)
    if reply.error is not None:
        answer = protocol.error(way.service, reply.error, request_id)
    else:
        answer = protocol.answer(way.service, name, reply.answer or {}, request_id)
    return _with_headers(answer, _beside(reply))


def _beside(reply: Reply) -> tuple[tuple[str, str], ...]:
    decision = (("x-reseal-decision", _header_safe(reply.decision_id)),) if reply.decision_id else ()
    notes = (("x-reseal-note", _header_safe("; ".join(reply.notes))),) if reply.notes else ()
    return (*decision, *notes)


def _header_safe(text: str) -> str:
    """Printable ASCII only: a header can neither be split nor hold more."""
    return "".join(each if " " <= each <= "~" else "?" for each in text[:NOTE_CHARACTERS_MAX])


def _refuse(way: Route | None, error: AwsError, request_id: str) -> HttpAnswer:
    """A refusal of the door's own, whose code may be neutral. No log holds it, so its cause goes along."""
    family, service = (way.family, way.service) if way else ("json", "")
    answer = protocols.PROTOCOLS[family].error(service, credentials.in_protocol(family, error), request_id)
    return _with_headers(answer, (("x-reseal-cause", error.cause.name),) if error.cause else ())


def _with_headers(answer: HttpAnswer, headers: tuple[tuple[str, str], ...]) -> HttpAnswer:
    return HttpAnswer(answer.status, (*answer.headers, *headers), answer.body) if headers else answer


# --- answering --------------------------------------------------------------------------------------------------------


async def _send(answer: HttpAnswer, method: str, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
