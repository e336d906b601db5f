"""From an answer to a body, by the model: one compiled closure a shape.

An answer is in botocore's shape: member names, bytes, aware times. A member that is None is left out, an empty list is
written; a member that the model does not have is a mistake of ours and raises KeyError. XML is written as text and
never read: everything is escaped, and what XML can not say (control characters) becomes U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from app.doors.wire import values

Shape = Any  # botocore's
Writer = Callable[[Any], Any]
XmlWriter = Callable[[Any], str]  # a value's content, without its own tag


def _same(value: Any) -> Any:
    return value


# --- JSON -------------------------------------------------------------------------------------------------------------

_JSON_SCALARS: Mapping[str, Writer] = {"blob": values.to_base64, "timestamp": values.to_epoch}


def json_writer(shape: Shape, done: dict[str, Writer] | None = None) -> Writer:
    """How a value of this shape becomes what a JSON encoder takes; a document is any JSON and goes out as it is."""
    done = {} if done is None else done
    build = {"structure": _json_structure, "list": _json_list, "map": _json_map}.get(shape.type_name)
    if build is None or shape.metadata.get("document"):
        return _JSON_SCALARS.get(shape.type_name, _same)
    if shape.name not in done:
        done[shape.name] = lambda value: done[shape.name](value)
        done[shape.name] = build(shape, done)
    return done[shape.name]


def _json_structure(shape: Shape, done: dict[str, Writer]) -> Writer:
    return json_members(dict(shape.members), done)


def json_members(members: Mapping[str, Shape], done: dict[str, Writer] | None = None) -> Writer:
    """The writer of a structure that has only these members in its body."""
    done = {} if done is None else done
    writers = {
        name: (inner.serialization.get("name", name), json_writer(inner, done)) for name, inner in members.items()
    }

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, item in value.items():
            if item is not None:
                key, writer = writers[name]
                found[key] = writer(item)
        return found

    return write


def _json_list(shape: Shape, done: dict[str, Writer]) -> Writer:
    writer = json_writer(shape.member, done)
    return list if writer is _same else lambda value: [writer(item) for item in value]


def _json_map(shape: Shape, done: dict[str, Writer]) -> Writer:
    writer = json_writer(shape.value, done)
    return dict if writer is _same else lambda value: {key: writer(item) for key, item in value.items()}


# --- XML --------------------------------------------------------------------------------------------------------------

_UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')


def xml_text(text: str) -> str:
    """Text as XML content. A carriage return is written as a reference, or readers would turn it into a line feed."""
    if not _SPECIAL.search(text):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _UNSAYABLE.sub("\ufffd", text.replace('"', "&quot;").replace("\r", "&#xD;"))


def _policy_document(text: str) -> str:
    """IAM answers policy documents URL-encoded (wire.md)."""
    return quote(text, safe="~")


class XmlDialect:
    """What differs between the query protocol and EC2's: names of list elements and the form of a time."""

    def __init__(self, service: str, ec2: bool) -> None:
        self.is_iam = service == "iam"
        self.element = "item" if ec2 else "member"
        self.time = values.to_iso_milliseconds if ec2 else values.to_iso_seconds

    def scalar(self, shape: Shape) -> XmlWriter:
        if self.is_iam and shape.name == "policyDocumentType":
            return _policy_document
        if shape.type_name in ("string", "character"):
            return xml_text
        return {"timestamp": self.time, "blob": values.to_base64, "boolean": values.to_boolean}.get(
            shape.type_name, str
        )


def xml_writer(dialect: XmlDialect, shape: Shape, done: dict[str, XmlWriter] | None = None) -> XmlWriter:
    """How a value of this shape becomes XML content."""
    done = {} if done is None else done
    build = {"structure": _xml_structure, "list": _xml_list, "map": _xml_map}.get(shape.type_name)
    if build is None:
        return dialect.scalar(shape)
    if shape.name not in done:
        done[shape.name] = lambda value: done[shape.name](value)
        done[shape.name] = build(dialect, shape, done)
    return done[shape.name]


def _xml_structure(dialect: XmlDialect, shape: Shape, done: dict[str, XmlWriter]) -> XmlWriter:
    members = {name: _xml_member(dialect, name, inner, done) for name, inner in shape.members.items()}

    def write(value: Mapping[str, Any]) -> str:
        return "".join([members[name](item) for name, item in value.items() if item is not None])

    return write


def _xml_member(dialect: XmlDialect, name: str, shape: Shape, done: dict[str, XmlWriter]) -> XmlWriter:
    """A member with its tag; a flattened list is its elements, each in the tag."""
    flattened = shape.type_name == "list" and shape.serialization.get("flattened")
    tag = shape.serialization.get("name", name)
    if not flattened:
        return _tagged(tag, xml_writer(dialect, shape, done))
    element = _tagged(shape.member.serialization.get("name", tag), xml_writer(dialect, shape.member, done))
    return lambda value: "".join([element(item) for item in value])


def _tagged(tag: str, content: XmlWriter) -> XmlWriter:
    start, end = f"<{tag}>", f"</{tag}>"
    return lambda value: f"{start}{content(value)}{end}"


def _xml_list(dialect: XmlDialect, shape: Shape, done: dict[str, XmlWriter]) -> XmlWriter:
    tag = shape.member.serialization.get("name", dialect.element)
    element = _tagged(tag, xml_writer(dialect, shape.member, done))
    return lambda value: "".join([element(item) for item in value])


def _xml_map(dialect: XmlDialect, shape: Shape, done: dict[str, XmlWriter]) -> XmlWriter:
    key = _tagged(shape.key.serialization.get("name", "key"), xml_text)
    item = _tagged(shape.value.serialization.get("name", "value"), xml_writer(dialect, shape.value, done))
    return lambda value: "".join([f"<entry>{key(k)}{item(v)}</entry>" for k, v in value.items()])
