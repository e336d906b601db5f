"""Every operation of every service we speak for: botocore writes a request and we read it; we write an answer and
botocore reads it. The values are drawn from the models, so a new operation is covered on the day botocore knows it."""

from __future__ import annotations

import io
import os
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore import parsers, serialize
from botocore.awsrequest import HeadersDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.doors.wire import protocols
from app.doors.wire.http import HttpRequest
from app.doors.wire.route import operation_of, route
from app.kernel import shapes

SERVICES = ("kms", "ebs", "ec2", "iam", "sts", "cloudtrail", "organizations", "rds", "sqs", "rbin")
REQUEST_ID = "11111111-2222-3333-4444-555555555555"
EXAMPLES = 300 if os.environ.get("RESEAL_SOAK") else 25
DEPTH_MAX = 4

ALL = [(service, name) for service in SERVICES for name in shapes.service_model(service).operation_names]
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=8)
LABEL = st.from_regex(re.compile("[A-Za-z0-9 ._~+%:@-]{1,8}", re.ASCII), fullmatch=True).filter(
    lambda t: t not in (".", "..")
)
MOMENT = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))


@cache
def value(shape: Any, depth: int, sending: bool) -> st.SearchStrategy[Any]:
    """Values of a shape. `sending`: what forms and paths can not carry (an empty map) is not drawn."""
    kind = shape.type_name
    if kind == "structure":
        return structure(shape, depth, sending)
    if kind == "list":
        size = 0 if depth > DEPTH_MAX else 2
        return st.lists(value(shape.member, depth + 1, sending), min_size=1 if sending else 0, max_size=max(1, size))
    if kind == "map":
        return st.dictionaries(TEXT, value(shape.value, depth + 1, sending), min_size=1 if sending else 0, max_size=2)
    return {
        "integer": st.integers(-(2**31), 2**31 - 1), "long": st.integers(-(2**53), 2**53),
        "boolean": st.booleans(), "blob": st.binary(max_size=8), "timestamp": MOMENT,
        "float": st.integers(-99, 99).map(float), "double": st.integers(-99, 99).map(float),
    }.get(kind, TEXT)  # fmt: skip


@cache
def structure(shape: Any, depth: int, sending: bool) -> st.SearchStrategy[Any]:
    members = {n: m for n, m in shape.members.items() if depth <= DEPTH_MAX or m.type_name not in ("structure", "list")}
    drawn = {
        n: LABEL if located(m) and m.type_name == "string" else value(m, depth + 1, sending) for n, m in members.items()
    }
    needed = {n: s for n, s in drawn.items() if members[n].serialization.get("location") == "uri"}
    needed |= {n: s for n, s in drawn.items() if n == shape.serialization.get("payload")}
    if not drawn:
        return st.just({})
    some = st.lists(st.sampled_from(sorted(drawn)), max_size=4, unique=True, min_size=1 if sending and depth else 0)
    return some.flatmap(lambda names: st.fixed_dictionaries({**needed, **{name: drawn[name] for name in names}}))


def located(member: Any) -> bool:
    return member.serialization.get("location") in ("uri", "querystring", "header")


def sent(service: str, name: str, parameters: dict[str, Any]) -> HttpRequest:
    """The request that botocore makes, unsigned but with a scope that names the service."""
    model = shapes.operation_model(service, name)
    made = serialize.create_serializer(model.metadata["protocol"], False).serialize_to_request(parameters, model)
    body, query = made["body"], made["query_string"]
    body = urlencode(body, doseq=True).encode() if isinstance(body, dict) else body or b""
    headers = {k.lower(): str(v) for k, v in made["headers"].items()}
    scope = f"AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=00"
    headers |= {"authorization": scope, "x-amz-date": "20260101T000000Z"}
    path, _, in_path = made["url_path"].partition("?")
    text = "&".join(filter(None, (in_path, urlencode(query, doseq=True))))
    return HttpRequest(made["method"], path, text, tuple(headers.items()), body)


@settings(max_examples=EXAMPLES * 8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_botocore_writes_is_read_as_it_was_given(data: st.DataObject) -> None:
    """A request keeps every parameter: names, bytes, times, numbers, lists and maps."""
    service, name = data.draw(st.sampled_from(ALL))
    shape = shapes.operation_model(service, name).input_shape
    parameters = data.draw(structure(shape, 0, True)) if shape is not None else {}
    request = sent(service, name, parameters)
    way = route(request)
    assert (way.service, operation_of(way, request)) == (service, name)
    read = protocols.of(service).parse(service, name, request, way.path)
    if shapes.protocol_family(service) in ("query", "ec2"):
        read, parameters = without_empty(read), without_empty(parameters)
    assert read == parameters


@settings(max_examples=EXAMPLES * 8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_we_answer_botocore_reads_as_it_was_given(data: st.DataObject) -> None:
    """An answer keeps every member, and the request id is found."""
    service, name = data.draw(st.sampled_from(ALL))
    model = shapes.operation_model(service, name)
    answer = data.draw(structure(model.output_shape, 0, False)) if model.output_shape is not None else {}
    http = protocols.of(service).answer(service, name, answer, REQUEST_ID)
    read = parsed(model, http)
    assert read.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
    answer = {"BlockData": b"", **answer} if model.has_streaming_output else answer
    assert read == (as_read(service, model.output_shape, answer) if answer else {})


def without_empty(value: Any) -> Any:
    """A form has no way to say that a structure is empty: what is made of empty ones only was not sent."""
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    if isinstance(value, list):
        return [item for item in map(without_empty, value) if item not in ({}, [])]
    return value


def parsed(model: Any, http: Any) -> dict[str, Any]:
    """What botocore reads; a streaming body is a stream to it, read to its end here."""
    streams = model.has_streaming_output
    body = io.BytesIO(http.body) if streams else http.body
    response = {"status_code": http.status, "headers": HeadersDict(dict(http.headers)), "body": body, "context": {}}
    read = parsers.create_parser(model.metadata["protocol"]).parse(response, model.output_shape)
    payload = model.output_shape.serialization["payload"] if streams else ""
    return {**read, payload: read[payload].read()} if streams else read


def as_read(service: str, shape: Any, value: Any) -> Any:
    """What botocore's bare parser makes of a value: IAM's policy documents stay URL-encoded until its handlers."""
    if isinstance(value, dict) and shape.type_name == "structure":
        return {name: as_read(service, shape.members[name], item) for name, item in value.items()}
    if isinstance(value, dict):
        return {key: as_read(service, shape.value, item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_read(service, shape.member, item) for item in value]
    return quote(value, safe="~") if service == "iam" and shape.name == "policyDocumentType" else value


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_reader_a_writer_and_a_checker(service: str) -> None:
    """No shape of a service is one that these can not be made for."""
    for name in shapes.service_model(service).operation_names:
        shapes.validate(service, name, {})
        assert protocols.of(service).answer(service, name, {}, REQUEST_ID).status < 300
        read_nothing = HttpRequest("POST", "/", "", (), b"")
        assert protocols.of(service).parse(service, name, read_nothing, "/") is not None
