"""What a REST answer must not do: echo a secret sent in the wrong field, or fail on JSON that is none.

FastAPI alone answers NaN and lone surrogates with a 500, and repeats the input in its 422 (reliability.md 2.5).
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kernel.store import Unavailable

BODY_BYTES_MAX = 1_048_576
LARGER_BYTES_MAX = {"import": 16 * 1_048_576}  # by the last part of the path: what real accounts export


class Said(BaseModel):
    code: str
    message: str


class Refusal(BaseModel):
    """What every route answers that does not do what was asked."""

    error: Said


def refusal(status: int, code: str, message: str, **more: object) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status)


def forms(*media: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the media types of its answer, where they are more than JSON."""
    return {200: {"content": {each: {} for each in media}}}


class Refuses(Exception):
    """Raised in a route to answer with a refusal of a code of its own."""

    def __init__(self, status: int, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.answer = refusal(status, code, message, **more)


def install(app: FastAPI) -> None:
    """Handlers for what is invalid, and a limit on bodies."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        places = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        return refusal(422, "Invalid", "; ".join(places)[:2000].encode("utf-8", "replace").decode())

    @app.exception_handler(Refuses)
    async def refuses(request: Request, error: Refuses) -> Response:
        return error.answer

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        answer = refusal(error.status_code, "Refused", str(error.detail))
        answer.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = allowed(app, request.url.path)
        return answer

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        return refusal(503, "StoreUnavailable", str(error))

    app.add_middleware(BoundedJson)


def allowed(app: FastAPI, path: str) -> str:
    """The methods of a path, of all its routes together (Starlette names those of the first one only)."""
    for template, methods in app.openapi()["paths"].items():
        if compile_path(template)[0].match(path):
            return ", ".join(method.upper() for method in methods)
    return "GET"  # the pages of the description itself


class BoundedJson:
    """Reads a body whole, refuses what is too large or no JSON, and hands it on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = LARGER_BYTES_MAX.get(scope["path"].rpartition("/")[2], BODY_BYTES_MAX)
        body = await _read(receive, most)
        if body is None:
            await refusal(413, "TooLarge", f"a body has at most {most} bytes")(scope, receive, send)
        elif body and (problem := not_json(body)):
            await refusal(400, "Invalid", problem)(scope, receive, send)
        else:
            await self._app(scope, _replayed(body, receive), send)


async def _read(receive: Receive, most: int) -> bytes | None:
    """The body, or None as soon as it is too large."""
    body = b""
    while len(body) <= most:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body if len(body) <= most else None
    return None


def _replayed(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def not_json(body: bytes) -> str:
    """Why a body is refused before anything reads it; "" where it is fit."""
    try:
        value = json.loads(body, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        return "the body is nested too deeply"
    except (ValueError, UnicodeError):
        return "the body is no JSON"
    return ""


def _no_constant(name: str) -> None:
    raise ValueError(name)
