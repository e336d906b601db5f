"""Parameters of a call, from a scenario's text to what AWS's shapes say they are, and back to JSON.

Files hold text; the shape of the parameter says whether `8` is a number and `true` a boolean. A structure or list
where the shape wants text is a document, and is written as JSON (policies are such). Blobs are base64, as for `aws`
version 2.
"""

# pyright: basic

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.kernel import shapes
from workflows.expressions import PATTERN
from workflows.verify import suggest
from workflows.yaml_marks import Mistake, Node, plain

if TYPE_CHECKING:
    from botocore.model import Shape

_BOOLEANS = {"true": True, "false": False}


def input_shape(operation: str) -> Any:
    """The input's shape, or None where the operation takes nothing; KeyError for an unknown one."""
    service, _, name = operation.partition(":")
    return shapes.operation_model(service, name).input_shape


def output_members(operation: str) -> frozenset[str]:
    """The names at the top of the operation's answer."""
    service, _, name = operation.partition(":")
    shape: Any = shapes.operation_model(service, name).output_shape
    return frozenset(shape.members) if shape is not None else frozenset()


def typed(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as botocore takes them, without those that are null; ValueError where one does not fit its shape."""
    shape = input_shape(operation)
    given = {name: value for name, value in parameters.items() if value is not None}
    return {name: _typed(shape.members[name], value) for name, value in given.items()} if shape else {}


def shaped(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """As `typed`, for what a person wrote: ValueError, in words, for an unknown operation or member too."""
    try:
        model = input_shape(operation)
        members = model.members if model else {}
    except KeyError:
        raise ValueError(f"there is no operation {operation!r}: it is written like kms:DisableKey") from None
    for name in sorted(parameters.keys() - members.keys()):
        raise ValueError(f"{operation} has no parameter {name!r}{suggest(name, members)}")
    try:
        return typed(operation, parameters)
    except KeyError as error:
        raise ValueError(f"{operation}: a member {error} is not of its shape") from None


def _typed(shape: Shape, value: Any) -> Any:
    if value is None:
        return None
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return {name: _typed(shape.members[name], inner) for name, inner in value.items()}  # type: ignore[attr-defined]
    if kind == "map" and isinstance(value, Mapping):
        return {key: _typed(shape.value, inner) for key, inner in value.items()}  # type: ignore[attr-defined]
    if kind == "list" and isinstance(value, (list, tuple)):
        return [_typed(shape.member, inner) for inner in value]  # type: ignore[attr-defined]
    if kind in ("structure", "map", "list"):
        raise ValueError(f"a {kind} is expected, not {value!r}")
    return scalar(kind, value)


def scalar(kind: str, value: Any) -> Any:
    """One value as a shape of that kind holds it; ValueError where it is none."""
    if kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if not isinstance(value, str):  # came out of an answer: typed already
        return value
    try:
        return _SCALARS[kind](value)
    except (KeyError, ValueError, binascii.Error):
        raise ValueError(f"a {kind} is expected, not {value!r}") from None


_SCALARS: Mapping[str, Any] = {
    "boolean": lambda text: _BOOLEANS[text.lower()],
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "blob": lambda text: base64.b64decode(text, validate=True),
    "timestamp": datetime.fromisoformat,
    "character": str,
}


def mistakes(
    operation: str, given: Node, *, complete: bool, supplied: frozenset[str] = frozenset()
) -> Iterator[Mistake]:
    """What does not fit the operation's shape. `complete`: required parameters must be there, but for `supplied`."""
    shape = input_shape(operation)
    if shape is None:
        for name, _ in given.items():
            yield given.mistake(f"{operation} takes no parameters", name)
        return
    if complete:
        for name in shape.required_members:
            if given.get(name) is None and name not in supplied:
                yield given.mistake(f"{operation} needs the parameter {name}")
    yield from _structure(operation, shape, given)


def _structure(operation: str, shape: Any, given: Node) -> Iterator[Mistake]:
    for name, node in given.items():
        if name in shape.members:
            yield from _any(f"{operation} {name}", shape.members[name], node)
        else:
            known = suggest(name, shape.members)
            yield given.mistake(f"{operation} has no parameter {name!r}{known}", name)


def _any(what: str, shape: Any, node: Node) -> Iterator[Mistake]:
    kind, value = shape.type_name, node.value
    if isinstance(value, str) and PATTERN.search(value):
        return
    if kind == "structure" and isinstance(value, dict):
        yield from _structure(what, shape, node)
    elif kind == "list" and isinstance(value, list):
        for inner in node:
            yield from _any(what, shape.member, inner)
    elif kind == "map" and isinstance(value, dict):
        for _, inner in node.items():
            yield from _any(what, shape.value, inner)
    else:
        yield from _scalar(what, kind, node)


def _scalar(what: str, kind: str, node: Node) -> Iterator[Mistake]:
    try:
        if kind in ("structure", "list", "map"):
            raise ValueError(f"a {kind} is expected, not {node.value!r}")
        if node.value is not None:
            scalar(kind, plain(node))
    except ValueError as error:
        yield node.mistake(f"{what}: {error}")


def to_json(value: Any) -> Any:
    """An answer or parameters as plain JSON: bytes as base64, moments as ISO 8601."""
    if isinstance(value, Mapping):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(inner) for inner in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    return value


# Parameters that hold a document as text: policies, for the most part.
DOCUMENTS = frozenset({"Policy", "PolicyDocument", "AssumeRolePolicyDocument", "Content"})


def secret_parameters(operation: str) -> frozenset[str]:
    """The parameters that botocore marks sensitive, whole or in part. The operation must be one."""
    service, _, name = operation.partition(":")
    return frozenset(re.split(r"[.\[{]", path)[0] for path in shapes.sensitive_members(service, name)) - DOCUMENTS


HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # AWS's own words for what its trail leaves out
_NEVER_KEPT = frozenset({"SecretAccessKey", "SessionToken", "Plaintext", "PrivateKeyPlaintext", "BlockData"})


def without_secrets(operation: str, value: Any, side: shapes.Side = "output") -> tuple[Any, bool]:
    """An answer (or parameters) as JSON without what botocore marks sensitive, and whether something was left out."""
    service, _, name = operation.partition(":")
    marked = shapes.sensitive_members(service, name, side) if shapes.exists(service, name) else frozenset[str]()
    return _left_out(to_json(value), "", marked)


def _left_out(value: Any, path: str, marked: frozenset[str]) -> tuple[Any, bool]:
    """`path`: of the value within the whole, as the model's paths are written (`Accounts[].Email`)."""
    if path in marked or f"{path}{{}}" in marked or path.rpartition(".")[2] in _NEVER_KEPT:  # {}: values of a map
        return (HIDDEN, True) if value else (value, False)
    if isinstance(value, list):
        pairs = [_left_out(inner, f"{path}[]", marked) for inner in value]
        return [inner for inner, _ in pairs], any(left for _, left in pairs)
    if not isinstance(value, dict):
        return value, False
    found = {key: _left_out(inner, f"{path}.{key}" if path else key, marked) for key, inner in value.items()}
    return {key: kept for key, (kept, _) in found.items()}, any(left for _, left in found.values())
