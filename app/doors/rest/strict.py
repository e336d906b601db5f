"""What a REST answer must not do: echo a secret sent in the wrong field, or fail on JSON that is none.

FastAPI alone answers NaN and lone surrogates with a 500, and repeats the input in its 422 (reliability.md 2.5).
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

BODY_BYTES_MAX = 1_048_576


def refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


def install(app: FastAPI) -> None:
    """Handlers for what is invalid, and a limit on bodies."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        places = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        return refusal(422, "Invalid", "; ".join(places)[:2000].encode("utf-8", "replace").decode())

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return refusal(error.status_code, "Refused", str(error.detail))

    @app.middleware("http")
    async def limited(request: Request, call_next: Any) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return refusal(413, "TooLarge", f"a body has at most {BODY_BYTES_MAX} bytes")
        if body and (problem := not_json(body)):
            return refusal(400, "Invalid", problem)
        return await call_next(_with_body(request, body))


def _with_body(request: Request, body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


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
