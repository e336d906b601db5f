"""How EC2's newer operations look in CloudTrail: wrapped in `<Operation>Request` and `<Operation>Response`.

Inside, a request has the names of the wire and each value of a list its number (`{"tag": 1, "content": ...}`), a
response is its XML as JSON. Seen of ModifyVolume and DescribeFastSnapshotRestores in public readers of such records
[O]; that the other operations listed here are of this kind is inferred.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from app.kernel import shapes

WRAPPED = frozenset(
    {
        "CopyVolumes",
        "CreateSnapshots",
        "DisableFastSnapshotRestores",
        "DisableSnapshotBlockPublicAccess",
        "EnableFastSnapshotRestores",
        "EnableSnapshotBlockPublicAccess",
        "LockSnapshot",
        "ModifySnapshotTier",
        "ModifyVolume",
        "RestoreSnapshotFromRecycleBin",
        "RestoreSnapshotTier",
        "UnlockSnapshot",
    }
)
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


def request(operation: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """requestParameters; an empty request is an empty text."""
    shape = shapes.operation_model("ec2", operation).input_shape
    return {f"{operation}Request": _sent(shape, sent) or ""}


def response(operation: str, request_id: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """responseElements."""
    shape = shapes.operation_model("ec2", operation).output_shape
    return {f"{operation}Response": {"xmlns": _NAMESPACE, "requestId": request_id, **_answered(shape, answer)}}


def _sent(shape: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        members = shape.members
        return {_wire_name(name, members[name]): _sent(members[name], item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _one_or_many([_numbered(n, _sent(shape.member, item)) for n, item in enumerate(value, 1)])
    return _text(value)


def _wire_name(name: str, member: Any) -> str:
    """As EC2's query protocol names it: `queryName`, or the location's name with a capital."""
    told = member.serialization
    wire = told.get("queryName") or told.get("name") or name
    return wire[:1].upper() + wire[1:]


def _numbered(n: int, item: Any) -> dict[str, Any]:
    return {"tag": n, **item} if isinstance(item, Mapping) else {"tag": n, "content": item}


def _answered(shape: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        members = shape.members
        return {members[name].serialization["name"]: _answered(members[name], item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {"item": _one_or_many([_answered(shape.member, item) for item in value])} if value else ""
    return _text(value)


def _one_or_many(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else items


def _text(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return value
