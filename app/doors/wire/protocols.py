"""AWS's protocols, each as three functions: parameters out of a request, an answer's body, an error's body.

    json       X-Amz-Target names the operation, a JSON body holds the parameters           kms cloudtrail organizations
    query      a form holds Action, Version and dotted parameters; XML answers              iam sts rds
    ec2        query in EC2's dialect of names, answer and error                            ec2
    rest-json  method and path name the operation, parameters by location                   ebs rbin
    rest-xml   not simulated yet: only its error can be written                             s3

Request ids stand where AWS's clients look for them: a header for JSON and REST, the body for the forms, and for every
protocol also in `x-amzn-requestid`. Sources: wire.md, kms.md introduction [V S2], ebs.md 1.10 and 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from app.doors.wire import rest
from app.doors.wire.http import HttpAnswer, HttpRequest, Unreadable
from app.doors.wire.readers import form_fields, form_reader, form_tree, json_reader
from app.doors.wire.strict_json import read_json
from app.doors.wire.writers import XmlDialect, json_writer, xml_text, xml_writer
from app.kernel import shapes
from app.kernel.errors import AwsError

Answer = Mapping[str, Any]

XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
CAPITAL_MESSAGE = frozenset({"AccessDeniedException", "SerializationException", "InternalFailure"})
NOT_PARAMETERS = frozenset({"Action", "Version", "AWSAccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp"})


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one family of services speaks."""

    parse: Callable[[str, str, HttpRequest, str], dict[str, Any]]  # service, operation, request, path without world
    answer: Callable[[str, str, Answer, str], HttpAnswer]  # service, operation, answer, request id
    error: Callable[[str, AwsError, str], HttpAnswer]  # service, error, request id


def of(service: str) -> Protocol:
    """The protocol of one of `shapes.SERVICES`."""
    return PROTOCOLS[shapes.protocol_family(service)]


# --- json -------------------------------------------------------------------------------------------------------------


def _parse_json(service: str, name: str, request: HttpRequest, path: str) -> dict[str, Any]:
    if not request.body.strip():
        return {}
    value = read_json(request.body)
    if not isinstance(value, dict):
        raise Unreadable("SerializationException", "Unexpected field type")
    reader = _json_input(service, name)
    return reader(value)


@cache
def _json_input(service: str, name: str) -> Callable[[Any], Any]:
    shape = shapes.operation_model(service, name).input_shape
    return json_reader(shape) if shape is not None else dict


@cache
def _json_output(service: str, name: str) -> Callable[[Any], Any] | None:
    shape = shapes.operation_model(service, name).output_shape
    return json_writer(shape) if shape is not None else None


@cache
def _json_type(service: str) -> str:
    version = shapes.service_model(service).metadata.get("jsonVersion", "1.1") if service in shapes.SERVICES else "1.1"
    return f"application/x-amz-json-{version}"


def _answer_json(service: str, name: str, answer: Answer, request_id: str) -> HttpAnswer:
    """A void operation is answered 200 with an empty body."""
    writer = _json_output(service, name)
    body = b"" if writer is None else msgspec.json.encode(writer(answer))
    return HttpAnswer(200, (("content-type", _json_type(service)), ("x-amzn-requestid", request_id)), body)


def _error_json(service: str, error: AwsError, request_id: str) -> HttpAnswer:
    """An error without a text has no text member at all; an AccessDeniedException's is spelt with a capital."""
    key = "Message" if error.code in CAPITAL_MESSAGE else "message"
    text = {key: error.message} if error.message else {}
    body = msgspec.json.encode({"__type": error.code, **text, **dict(error.members)})
    return HttpAnswer(error.status, (("content-type", _json_type(service)), ("x-amzn-requestid", request_id)), body)


# --- query and ec2 ----------------------------------------------------------------------------------------------------


def _parse_form(service: str, name: str, request: HttpRequest, path: str) -> dict[str, Any]:
    return _form_input(service, name)(form_tree([each for each in form(request) if _is_parameter(each[0])]))


def form(request: HttpRequest) -> list[tuple[str, str]]:
    """All fields of a form request: those of the query string, then those of the body."""
    try:
        body = request.body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise Unreadable("MalformedQueryString", "The body is not valid UTF-8.") from wrong
    return form_fields(f"{request.query}&{body}" if request.query else body)


def _is_parameter(name: str) -> bool:
    return name not in NOT_PARAMETERS and not name.lower().startswith("x-amz-")


@cache
def _form_input(service: str, name: str) -> Callable[[Any], Any]:
    shape = shapes.operation_model(service, name).input_shape
    return form_reader(service, shape) if shape is not None else _no_members


def _no_members(tree: dict[str, Any]) -> dict[str, Any]:
    return dict(tree)


@cache
def _xml_output(service: str, name: str) -> Callable[[Any], str] | None:
    shape = shapes.operation_model(service, name).output_shape
    dialect = XmlDialect(service, shapes.protocol_family(service) == "ec2")
    return xml_writer(dialect, shape) if shape is not None else None


@cache
def _namespace(service: str) -> str:
    """The model's namespace, with the final slash that AWS's answers have and EC2's model lacks."""
    if service not in shapes.SERVICES:
        return f"https://{service}.amazonaws.com/doc/"
    return shapes.service_model(service).metadata.get("xmlNamespace", "").rstrip("/") + "/"


def _xml(status: int, request_id: str, text: str, content_type: str = "text/xml") -> HttpAnswer:
    headers = (("content-type", content_type), ("x-amzn-requestid", request_id))
    return HttpAnswer(status, headers, f"{XML_HEAD}{text}".encode())


def _answer_query(service: str, name: str, answer: Answer, request_id: str) -> HttpAnswer:
    writer = _xml_output(service, name)
    result = "" if writer is None else f"<{name}Result>{writer(answer)}</{name}Result>"
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return _xml(200, request_id, f'<{name}Response xmlns="{_namespace(service)}">{result}{metadata}</{name}Response>')


def _error_query(service: str, error: AwsError, request_id: str) -> HttpAnswer:
    kind = "Sender" if error.status < 500 else "Receiver"
    members = "".join(f"<{key}>{xml_text(value)}</{key}>" for key, value in error.members)
    inner = f"<Type>{kind}</Type>{_code_and_message(error)}{members}"
    body = f"<Error>{inner}</Error><RequestId>{request_id}</RequestId>"
    return _xml(error.status, request_id, f'<ErrorResponse xmlns="{_namespace(service)}">{body}</ErrorResponse>')


def _answer_ec2(service: str, name: str, answer: Answer, request_id: str) -> HttpAnswer:
    """The request id is the first element; an operation without an answer's shape says `return` true."""
    writer = _xml_output(service, name)
    result = "<return>true</return>" if writer is None else writer(answer)
    inner = f"<requestId>{request_id}</requestId>{result}"
    text = f'<{name}Response xmlns="{_namespace(service)}">{inner}</{name}Response>'
    return _xml(200, request_id, text, "text/xml;charset=UTF-8")


def _error_ec2(service: str, error: AwsError, request_id: str) -> HttpAnswer:
    inner = f"<Errors><Error>{_code_and_message(error)}</Error></Errors><RequestID>{request_id}</RequestID>"
    return _xml(error.status, request_id, f"<Response>{inner}</Response>", "text/xml;charset=UTF-8")


def _code_and_message(error: AwsError) -> str:
    return f"<Code>{xml_text(error.code)}</Code><Message>{xml_text(error.message)}</Message>"


# --- rest -------------------------------------------------------------------------------------------------------------


def _error_rest_json(service: str, error: AwsError, request_id: str) -> HttpAnswer:
    text = {"Message": error.message} if error.message else {}
    headers = (
        ("content-type", "application/json"),
        ("x-amzn-requestid", request_id),
        ("x-amzn-errortype", error.code),
    )
    return HttpAnswer(error.status, headers, msgspec.json.encode({**text, **dict(error.members)}))


def _no_rest_xml(service: str, name: str, *_: Any) -> Any:
    raise Unreadable("NotImplemented", f"reseal does not simulate {service}:{name}")


def _error_rest_xml(service: str, error: AwsError, request_id: str) -> HttpAnswer:
    inner = f"{_code_and_message(error)}<RequestId>{request_id}</RequestId>"
    answer = _xml(error.status, request_id, f"<Error>{inner}</Error>", "application/xml")
    return HttpAnswer(answer.status, (*answer.headers, ("x-amz-request-id", request_id)), answer.body)


PROTOCOLS: Mapping[str, Protocol] = {
    "json": Protocol(_parse_json, _answer_json, _error_json),
    "query": Protocol(_parse_form, _answer_query, _error_query),
    "ec2": Protocol(_parse_form, _answer_ec2, _error_ec2),
    "rest-json": Protocol(rest.parse, rest.answer, _error_rest_json),
    "rest-xml": Protocol(_no_rest_xml, _no_rest_xml, _error_rest_xml),
}
