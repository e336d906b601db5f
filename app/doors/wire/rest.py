"""The rest-json protocol: an operation is found by method and path, and a parameter by its place in the request.

`location` of a member says where it stands: in the path (`uri`), the query string, a header; one member may be the
whole body (`payload`, raw bytes where it is a blob); all others stand in a JSON body. Answers are laid out the
same way, with the status that the model gives (201 for PutSnapshotBlock, 202 for CompleteSnapshot).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import msgspec

from app.doors.wire import values
from app.doors.wire.http import HttpAnswer, HttpRequest, Unreadable
from app.doors.wire.readers import Reader, form_fields, json_reader
from app.doors.wire.strict_json import read_json
from app.doors.wire.writers import Writer, json_members, json_writer
from app.kernel import shapes

Shape = Any  # botocore's

_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


# --- which operation --------------------------------------------------------------------------------------------------


def operation_at(service: str, method: str, path: str) -> str | None:
    """The operation that a service has at this method and (raw) path, world prefix taken off."""
    for name, expected, pattern in _paths(service):
        if expected == method and pattern.fullmatch(path):
            return name
    return None


@cache
def _paths(service: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Every operation with its method and path, the longest literal path first."""
    names: Any = shapes.service_model(service).operation_names
    found = [(name, *_method_and_uri(service, name)) for name in names]
    found.sort(key=lambda row: -len(_LABEL.sub("", row[2])))
    return tuple((name, method, _path_pattern(uri)) for name, method, uri in found)


def _method_and_uri(service: str, name: str) -> tuple[str, str]:
    http: Any = shapes.operation_model(service, name).http
    return http["method"], http["requestUri"].partition("?")[0]


def _path_pattern(uri: str) -> re.Pattern[str]:
    """`/snapshots/{snapshotId}` as a pattern; `{key+}` also takes slashes."""
    parts, at = [], 0
    for label in _LABEL.finditer(uri):
        parts += [re.escape(uri[at : label.start()]), f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"]
        at = label.end()
    return re.compile("".join([*parts, re.escape(uri[at:]), "/?"]))


# --- the request ------------------------------------------------------------------------------------------------------

_QUERY_SCALARS = values.FROM_TEXT
_HEADER_SCALARS: Mapping[str, Callable[[str], Any]] = {**values.FROM_TEXT, "timestamp": values.http_date}


@dataclass(frozen=True, slots=True)
class _Input:
    """Where each member of an operation's input stands: wire name -> (member, reader)."""

    path: re.Pattern[str]
    uri: Mapping[str, tuple[str, Callable[[str], Any]]]
    query: Mapping[str, tuple[str, Shape]]
    headers: Mapping[str, tuple[str, Callable[[str], Any]]]
    payload: tuple[str, Shape] | None
    body: Reader


@cache
def _input(service: str, name: str) -> _Input:
    model = shapes.operation_model(service, name)
    shape: Any = model.input_shape
    members: Mapping[str, Shape] = shape.members if shape is not None else {}
    payload = shape.serialization.get("payload") if shape is not None else None

    def at(location: str) -> dict[str, tuple[str, Shape]]:
        return {
            inner.serialization.get("name", member): (member, inner)
            for member, inner in members.items()
            if inner.serialization.get("location") == location
        }

    return _Input(
        path=_path_pattern(_method_and_uri(service, name)[1]),
        uri={key: (member, _text(_QUERY_SCALARS, inner)) for key, (member, inner) in at("uri").items()},
        query=at("querystring"),
        headers={key.lower(): (member, _text(_HEADER_SCALARS, inner)) for key, (member, inner) in at("header").items()},
        payload=(payload, members[payload]) if payload else None,
        body=json_reader(shape) if shape is not None else dict,
    )


def _text(scalars: Mapping[str, Callable[[str], Any]], shape: Shape) -> Callable[[str], Any]:
    return scalars.get(shape.type_name, str)


def parse(service: str, name: str, request: HttpRequest, path: str) -> dict[str, Any]:
    """The parameters of a request whose operation is known; what the model does not know keeps its wire name."""
    layout = _input(service, name)
    return {
        **_from_body(layout, request),
        **_from_headers(layout, request),
        **_from_query(layout, request.query),
        **_from_path(layout, path),
    }


def _from_body(layout: _Input, request: HttpRequest) -> dict[str, Any]:
    if layout.payload and layout.payload[1].type_name == "blob":
        return {layout.payload[0]: request.body}
    if not request.body.strip():
        return {}
    value = read_json(request.body)
    if not isinstance(value, dict):
        raise Unreadable("SerializationException", "Unexpected field type")
    if layout.payload:
        return {layout.payload[0]: json_reader(layout.payload[1])(value)}
    return layout.body(value)


def _from_headers(layout: _Input, request: HttpRequest) -> dict[str, Any]:
    return {member: read(request.first[key]) for key, (member, read) in layout.headers.items() if key in request.first}


def _from_query(layout: _Input, query: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, text in form_fields(query):
        member, shape = layout.query.get(key, (key, None))
        if shape is None:
            if not key.lower().startswith("x-amz-"):
                found[member] = text
        elif shape.type_name == "list":
            found.setdefault(member, []).append(_text(_QUERY_SCALARS, shape.member)(text))
        else:
            found[member] = _text(_QUERY_SCALARS, shape)(text)
    return found


def _from_path(layout: _Input, path: str) -> dict[str, Any]:
    match = layout.path.fullmatch(path)
    labels = match.groupdict() if match else {}
    try:
        return {
            member: read(unquote(labels[key], errors="strict"))
            for key, (member, read) in layout.uri.items()
            if key in labels
        }
    except UnicodeDecodeError as wrong:
        raise Unreadable("SerializationException", "The path is not valid UTF-8.") from wrong


# --- the answer -------------------------------------------------------------------------------------------------------

_HEADER_TEXTS: Mapping[str, Callable[[Any], str]] = {
    "timestamp": values.to_http_date,
    "boolean": values.to_boolean,
    "blob": values.to_base64,
}


@dataclass(frozen=True, slots=True)
class _Output:
    status: int
    headers: Mapping[str, tuple[str, Callable[[Any], str]]]  # member -> (header, text)
    payload: tuple[str, Shape] | None
    body: Writer
    has_body: bool


@cache
def _output(service: str, name: str) -> _Output:
    model = shapes.operation_model(service, name)
    shape: Any = model.output_shape
    http: Any = model.http
    members: Mapping[str, Shape] = shape.members if shape is not None else {}
    payload = shape.serialization.get("payload") if shape is not None else None
    headers = {m: inner for m, inner in members.items() if inner.serialization.get("location") == "header"}
    in_body = {m: inner for m, inner in members.items() if m not in headers and m != payload}
    return _Output(
        status=http.get("responseCode", 200),
        headers={
            m: (inner.serialization.get("name", m), _HEADER_TEXTS.get(inner.type_name, str))
            for m, inner in headers.items()
        },
        payload=(payload, members[payload]) if payload else None,
        body=json_members(in_body),
        has_body=bool(in_body),
    )


def answer(service: str, name: str, result: Mapping[str, Any], request_id: str) -> HttpAnswer:
    """The answer of an operation, each member in its place."""
    layout = _output(service, name)
    headers = [(layout.headers[m][0], layout.headers[m][1](result[m])) for m in layout.headers if _given(result, m)]
    rest = {m: value for m, value in result.items() if m not in layout.headers}
    content_type, body = _body(layout, rest)
    return HttpAnswer(layout.status, (("content-type", content_type), ("x-amzn-requestid", request_id), *headers), body)


def _given(result: Mapping[str, Any], member: str) -> bool:
    return result.get(member) is not None


def _body(layout: _Output, rest: dict[str, Any]) -> tuple[str, bytes]:
    if layout.payload is None:
        return "application/json", msgspec.json.encode(layout.body(rest)) if layout.has_body or rest else b""
    value = rest.get(layout.payload[0])
    if layout.payload[1].type_name == "blob":
        return "application/octet-stream", bytes(value or b"")
    return "application/json", msgspec.json.encode(json_writer(layout.payload[1])(value or {}))
