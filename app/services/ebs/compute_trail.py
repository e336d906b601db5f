"""How calls about instances and images look in CloudTrail, where EC2's internal names are not those of the API.

Forms: CloudTrail user guide and public records of RunInstances, StopInstances, ModifyImageAttribute [V]; members that
reseal has no value for are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.kernel.shapes import lower_camel

Sent = Mapping[str, Any]
Shown = dict[str, Any]


def _items(values: Sequence[Any]) -> Shown:
    return {"items": list(values)} if values else {}


def _run(sent: Sent, shown: Shown) -> Shown:
    """Image and counts stand in a set, the zone by itself."""
    asked = {name: shown.pop(name) for name in ("imageId", "minCount", "maxCount", "keyName") if name in shown}
    placement, groups = sent.get("Placement") or {}, shown.pop("securityGroupIds", None)
    shown.pop("placement", None)
    zone = {"availabilityZone": placement["AvailabilityZone"]} if placement.get("AvailabilityZone") else {}
    return {
        "instancesSet": _items([asked]),
        **shown,
        "blockDeviceMapping": shown.get("blockDeviceMapping", {}),
        "groupSet": _items([{"groupId": each} for each in sent.get("SecurityGroupIds") or ()]) if groups else {},
        "monitoring": {"enabled": False},
        "disableApiTermination": False,
        **zone,
    }


def _stop(sent: Sent, shown: Shown) -> Shown:
    return {"force": False, **shown}


def _modify(sent: Sent, shown: Shown) -> Shown:
    """Both wire forms are recorded alike, as with snapshots; other attributes as they are."""
    change = sent.get("LaunchPermission") or {}
    side = "add" if change.get("Add") or sent.get("OperationType") == "add" else "remove"
    items = [_lower(item) for item in change.get("Add") or change.get("Remove") or ()] or _legacy(sent)
    if not items:
        return shown
    return {
        "imageId": sent.get("ImageId"),
        "attributeType": "launchPermission",
        "launchPermission": {side: _items(items)},
    }


def _lower(item: Sent) -> Shown:
    return {lower_camel(name): value for name, value in item.items()}


def _legacy(sent: Sent) -> list[Shown]:
    members = {
        "UserIds": "userId",
        "UserGroups": "group",
        "OrganizationArns": "organizationArn",
        "OrganizationalUnitArns": "organizationalUnitArn",
    }
    return [{member: value} for name, member in members.items() for value in sent.get(name) or ()]


def _ran(answer: Sent) -> Shown:
    """The reservation and what is known of its instances at once."""
    return {
        "reservationId": answer["ReservationId"],
        "ownerId": answer["OwnerId"],
        "groupSet": {},
        "instancesSet": _items([_instance(each) for each in answer["Instances"]]),
    }


def _instance(instance: Sent) -> Shown:
    tags = [_lower(tag) for tag in instance["Tags"]]
    return {
        "instanceId": instance["InstanceId"],
        "imageId": instance["ImageId"],
        "instanceState": _lower(instance["State"]),
        "amiLaunchIndex": instance["AmiLaunchIndex"],
        "instanceType": instance["InstanceType"],
        "launchTime": int(instance["LaunchTime"].timestamp() * 1000),
        "placement": {"availabilityZone": instance["Placement"]["AvailabilityZone"], "tenancy": "default"},
        "monitoring": {"state": "disabled"},
        "architecture": instance["Architecture"],
        "rootDeviceType": "ebs",
        "rootDeviceName": instance["RootDeviceName"],
        "blockDeviceMapping": {},
        "virtualizationType": instance["VirtualizationType"],
        "hypervisor": instance["Hypervisor"],
        "clientToken": instance["ClientToken"],
        **({"tagSet": _items(tags)} if tags else {}),
    }


def _moved(member: str) -> Callable[[Sent], Shown]:
    def shown(answer: Sent) -> Shown:
        return {"instancesSet": _items([_state_change(each) for each in answer[member]])}

    return shown


def _state_change(change: Sent) -> Shown:
    return {
        "instanceId": change["InstanceId"],
        "currentState": _lower(change["CurrentState"]),
        "previousState": _lower(change["PreviousState"]),
    }


PARAMETERS: Mapping[str, Callable[[Sent, Shown], Shown]] = {
    "RunInstances": _run,
    "StopInstances": _stop,
    "ModifyImageAttribute": _modify,
}
RESPONSES: Mapping[str, Callable[[Sent], Shown]] = {
    "RunInstances": _ran,
    "StartInstances": _moved("StartingInstances"),
    "StopInstances": _moved("StoppingInstances"),
    "TerminateInstances": _moved("TerminatingInstances"),
    "DeregisterImage": lambda answer: {"_return": True},
}
