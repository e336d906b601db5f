"""What ModifyImageAttribute asks for: both wire forms brought to one, one attribute at a time (ST:images_controls)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.services.ebs import compute_errors, errors
from app.services.ebs.compute_records import LaunchPermission
from app.services.ebs.snapshots import ALL

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft

PERMISSION = "launchPermission"
IMDS_V2 = "v2.0"
_MEMBERS = {  # of the structured form -> the list of the legacy form, and what a value looks like
    "UserId": ("UserIds", re.compile(r"\d{12}\Z")),
    "OrganizationArn": ("OrganizationArns", re.compile(r"arn:aws[\w-]*:organizations::\d{12}:organization/o-\w+\Z")),
    "OrganizationalUnitArn": (
        "OrganizationalUnitArns",
        re.compile(r"arn:aws[\w-]*:organizations::\d{12}:ou/o-\w+/ou-[\w-]+\Z"),
    ),
}
_ITEM_NAMES = {"UserId": "userId"}  # of InvalidAMIAttributeItemValue, where it is not the member's own


@dataclass(frozen=True, slots=True)
class Change:
    """What a request asks for, whichever form it came in."""

    adds: bool
    permissions: tuple[LaunchPermission, ...]
    groups: tuple[str, ...]


def _structured(call: Call) -> Mapping[str, Any]:
    return call["LaunchPermission"] or {}


def _items(call: Call) -> Sequence[Mapping[str, str]]:
    """The items of either form, as the structured one writes them."""
    structured = _structured(call).get("Add") or _structured(call).get("Remove")
    if structured:
        return structured
    legacy = [{member: value} for member, (list, _) in _MEMBERS.items() for value in call[list] or ()]
    return legacy + [{"Group": value} for value in call["UserGroups"] or ()]


def change_of(call: Call) -> Change:
    items = _items(call)
    permissions = (
        LaunchPermission(member, item[member])  # type: ignore[arg-type]
        for item in items
        for member in _MEMBERS
        if item.get(member)
    )
    groups = tuple(item["Group"] for item in items if item.get("Group"))
    adds = bool(_structured(call).get("Add")) or call["OperationType"] == "add"
    return Change(adds, tuple(dict.fromkeys(permissions)), groups)


def attribute_of(call: Call) -> str:
    """The one attribute that is to change; "" for none."""
    asked = {
        "description": call["Description"] is not None,
        "imdsSupport": call["ImdsSupport"] is not None,
        PERMISSION: bool(_structured(call).get("Add") or _structured(call).get("Remove")),
    }
    names = [name for name, is_asked in asked.items() if is_asked]
    if len(names) > 1:
        compute_errors.MIXED_ATTRIBUTES.refuse(names=", ".join(names))
    return names[0] if names else _legacy_attribute(call)


def _legacy_attribute(call: Call) -> str:
    if call["Attribute"]:
        return call["Attribute"]
    return PERMISSION if call["OperationType"] and _items(call) else ""


def request_is_well_formed(draft: Draft, call: Call) -> None:
    attribute = attribute_of(call)
    match attribute:
        case "":
            errors.NO_ATTRIBUTES.refuse()
        case "description":
            if not value_of(call, "Description"):
                errors.MISSING_PARAMETER.refuse(name="description")
        case "imdsSupport":
            if value_of(call, "ImdsSupport") != IMDS_V2:
                compute_errors.IMDS_VALUE.refuse()
        case "launchPermission":
            _permissions_are_well_formed(call)
        case _:
            errors.BAD_ATTRIBUTE.refuse()


def value_of(call: Call, member: str) -> str:
    return (call[member] or {}).get("Value") or call["Value"] or ""


def _permissions_are_well_formed(call: Call) -> None:
    if _structured(call).get("Add") and _structured(call).get("Remove"):
        compute_errors.ONE_LAUNCH_OPERATION.refuse()
    if not _structured(call) and call["OperationType"] not in ("add", "remove"):
        compute_errors.NO_LAUNCH_OPERATION.refuse()
    change = change_of(call)
    if not change.permissions and not change.groups:
        errors.NO_ATTRIBUTES.refuse()
    for permission in change.permissions:
        if not _MEMBERS[permission.member][1].match(permission.value):
            _bad_item(permission)
    for group in change.groups:
        if group != ALL:
            compute_errors.BAD_ITEM.refuse(value=group, member="userGroup")


def _bad_item(permission: LaunchPermission) -> None:
    """A wrong account id comes back with a space behind it [V]."""
    blank = " " if permission.member == "UserId" else ""
    member = _ITEM_NAMES.get(permission.member, permission.member)
    compute_errors.BAD_ITEM.refuse(value=permission.value + blank, member=member)
