"""How EC2's and the EBS direct APIs' calls look in CloudTrail (ebs.md 3).

Parameter names are EC2's internal ones in lower camel case, lists as `{"items": [...]}`; EC2 records carry no
`resources`, and their error codes the prefix `Client.` or `Server.`.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.kernel.audit import HIDDEN, TrailStyle, camel
from app.kernel.shapes import lower_camel
from app.services.ebs import compute_trail, feature_trail

if TYPE_CHECKING:
    from app.kernel.draft import Frame
    from app.kernel.errors import AwsError

_NAMES = {
    "AvailabilityZone": "zone",
    "BlockDeviceMappings": "blockDeviceMapping",
    "ExecutableUsers": "executableBySet",
    "ImageIds": "imagesSet",
    "InstanceIds": "instancesSet",
    "KmsKeyId": "masterEncryptionKeyId",
    "State": "status",
    "TagSpecifications": "tagSpecificationSet",
    "Tags": "tagSet",
    "SnapshotIds": "snapshotSet",
    "VolumeIds": "volumeSet",
    "OwnerIds": "ownersSet",
    "Owners": "ownersSet",
    "RestorableByUserIds": "sharedUsersSet",
    "Filters": "filterSet",
    "Resources": "resourcesSet",
    "ZoneNames": "availabilityZoneSet",
    "RegionNames": "regionSet",
}
_ITEMS = {
    "SnapshotIds": "snapshotId",
    "VolumeIds": "volumeId",
    "ExecutableUsers": "user",
    "ImageIds": "imageId",
    "InstanceIds": "instanceId",
    "OwnerIds": "owner",
    "Owners": "owner",
    "RestorableByUserIds": "user",
    "Resources": "resourceId",
    "ZoneNames": "zoneName",
    "RegionNames": "regionName",
    "Values": "value",
}
_NOT_KEPT = {"PresignedUrl", "DryRun", "BlockData"}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_NAMES.get(key, lower_camel(key)): _value(key, item) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return {"items": [_item(name, item) for item in value]} if value else {}
    if isinstance(value, datetime.datetime):
        return int(value.timestamp() * 1000)
    return value


def _item(name: str, item: Any) -> Any:
    if isinstance(item, Mapping):
        return {lower_camel(key): _tags(value) if key == "Tags" else _value(key, value) for key, value in item.items()}
    return {_ITEMS.get(name, lower_camel(name)): item}


def _tags(tags: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [{lower_camel(key): value for key, value in tag.items()} for tag in tags]


def _ec2_parameters(frame: Frame, error: AwsError | None) -> Any:
    sent = {name: value for name, value in frame.call.parameters.items() if value is not None and name not in _NOT_KEPT}
    if frame.call.name == "ModifySnapshotAttribute":
        return _permission(sent)
    if frame.call.name in _ON_AN_ATTRIBUTE:
        return _attribute(sent)
    is_dry = {"DryRun": True} if frame.call.parameters.get("DryRun") else {}
    if frame.call.name in feature_trail.WRAPPED:
        return feature_trail.request(frame.call.name, sent | is_dry)
    shown = {_NAMES.get(name, lower_camel(name)): _value(name, value) for name, value in sent.items()}
    if frame.call.name in compute_trail.PARAMETERS:
        shown = compute_trail.PARAMETERS[frame.call.name](sent, shown)
    return shown | _unsaid(frame, shown) | {lower_camel(name): value for name, value in is_dry.items()}


def _unsaid(frame: Frame, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What a record holds though nobody sent it (ebs.md 3.1)."""
    if frame.call.name == "CopySnapshot" and "destinationRegion" not in shown:
        return {"destinationRegion": frame.call.region}
    return {"reportVolumeFailure": False} if frame.call.name == "DeleteVolume" else {}


_ON_AN_ATTRIBUTE = {"ResetSnapshotAttribute", "DescribeSnapshotAttribute"}
_ATTRIBUTES = {"createVolumePermission": "CREATE_VOLUME_PERMISSION", "productCodes": "PRODUCT_CODES"}


def _attribute(sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """Nothing of a call on an attribute that there is not; no word of a dry run (ST:sharing_controls [V] for Reset)."""
    kind = _ATTRIBUTES.get(sent.get("Attribute", ""))
    return {"snapshotId": sent.get("SnapshotId"), "attributeType": kind} if kind else None


def _permission(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Both wire forms are recorded alike [V]."""
    change = sent.get("CreateVolumePermission") or {}
    side = "add" if change.get("Add") or sent.get("OperationType") == "add" else "remove"
    items = [
        {lower_camel(key): value for key, value in item.items()}
        for item in change.get("Add") or change.get("Remove") or ()
    ]
    items = items or [{"userId": each} for each in sent.get("UserIds") or ()] + [
        {"group": each} for each in sent.get("GroupNames") or ()
    ]
    return {
        "snapshotId": sent.get("SnapshotId"),
        "attributeType": "CREATE_VOLUME_PERMISSION",
        "createVolumePermission": {side: {"items": items}},
    }


_NUMBERS_AS_TEXT = {"Size", "VolumeSize"}
_VOID = {"_return": True}


def _ec2_response(frame: Frame, answer: Mapping[str, Any]) -> Any:
    """The answer with its request id; sizes as text, times as milliseconds; reads leave nothing."""
    if frame.operation and frame.operation.reads:
        return None
    if frame.call.name in feature_trail.WRAPPED:
        return feature_trail.response(frame.call.name, frame.call.request_id, answer)
    head = {"requestId": frame.call.request_id}
    if not answer:
        return head | _VOID
    if frame.call.name in compute_trail.RESPONSES:
        return head | compute_trail.RESPONSES[frame.call.name](answer)
    shown = {
        _NAMES.get(name, lower_camel(name)): str(value) if name in _NUMBERS_AS_TEXT else _value(name, value)
        for name, value in answer.items()
    }
    if frame.call.name == "CopySnapshot" and not answer.get("Tags"):
        shown.pop("tagSet", None)
    if answer.get("Tags"):
        shown["tagSet"] = {"items": _tags(answer["Tags"])}
    return head | shown


def _ec2_code(error: AwsError) -> str:
    return f"{'Server' if error.status >= 500 else 'Client'}.{error.code}"


def _hide_tags(body: dict[str, Any]) -> dict[str, Any]:
    """What the other account's copy hides (ebs.md 3.2 [V])."""
    hidden = dict(body)
    for part, name in (("requestParameters", "tagSpecificationSet"), ("responseElements", "tagSet")):
        if name in (body.get(part) or {}):
            hidden[part] = {**body[part], name: HIDDEN}
    return hidden


def _direct_parameters(frame: Frame, error: AwsError | None) -> Any:
    sent = {
        lower_camel(name): value
        for name, value in frame.call.parameters.items()
        if value is not None and name not in _NOT_KEPT
    }
    if "tags" in sent:
        sent["tags"] = _tags(sent["tags"])
    return sent


def _direct_response(frame: Frame, answer: Mapping[str, Any]) -> Any:
    """Only of calls that write; the key is hidden [V]."""
    if frame.operation and frame.operation.reads:
        return None
    shown = {lower_camel(name): _plain(value) for name, value in answer.items()}
    return shown | ({"kmsKeyArn": HIDDEN} if "kmsKeyArn" in shown else {})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.strftime("%b %-d, %Y %-I:%M:%S %p")
    return _tags(value) if isinstance(value, list) else value


EC2_TRAIL = TrailStyle(
    source="ec2.amazonaws.com",
    parameters=_ec2_parameters,
    response=_ec2_response,
    code=_ec2_code,
    names_resources=lambda error: False,
    copy=_hide_tags,
)
RETENTION_TRAIL = TrailStyle(
    source="rbin.amazonaws.com",
    parameters=lambda frame, error: camel(frame.call.parameters) or None,
    response=lambda frame, answer: None if frame.operation and frame.operation.reads else camel(answer) or None,
    code=lambda error: "AccessDenied" if error.code == "AccessDeniedException" else error.code,
    names_resources=lambda error: False,
)
DIRECT_TRAIL = TrailStyle(
    source="ebs.amazonaws.com",
    parameters=_direct_parameters,
    response=_direct_response,
    code=lambda error: error.code,
    names_resources=lambda error: True,
    copy=_hide_tags,
)
