"""Volumes, snapshots, images, instances and the settings of each Region, out of a capture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from app.outside.capture import Capture, Told
from app.outside.capture_fit import KEY_ARN
from app.outside.plan import Plan, with_tags
from app.outside.reading import Unreadable

LISTS: Final = {  # the word of PlaceStorage for what a file of that kind lists
    "snapshots": "snapshots",
    "volumes": "volumes",
    "images": "images",
    "instances": "reservations",
    "locks": "locks",
    "tiers": "tiers",
    "fast restores": "fast_restores",
    "bin": "binned",
}
SINGLE: Final = {"defaults": "defaults", "public access": "public_access"}  # files that tell one thing
_REDACTED: Final = "(left out)"  # what the script writes for the value of a rule's tag


def plan_storage(capture: Capture, plan: Plan) -> None:
    listed = [one for kind in (*LISTS, *SINGLE, "rule") for one in capture.of(kind)]
    for account, region in sorted({(one.account, one.region or _only_region(plan, one)) for one in listed}):
        mine = [one for one in listed if one.account == account and (one.region or region) == region]
        if region:
            told = {
                "account": account,
                **_settings(plan, mine, account, region),
                **_lists(capture, plan, mine, account),
            }
            plan.parts.append(("PlaceStorage", told, region))


def _lists(capture: Capture, plan: Plan, mine: list[Told], account: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {
        word: [entry for one in mine if one.kind == kind for entry in _bodies(one)] for kind, word in LISTS.items()
    }
    found["snapshots"] = [_snapshot(capture, plan, account, one) for one in _own(plan, account, found["snapshots"])]
    found["volumes"] = [with_tags(one) for one in found["volumes"]]
    found["images"] = [_image(capture, plan, account, one) for one in found["images"]]
    for reservation in found["reservations"]:
        reservation["Instances"] = [with_tags(one) for one in reservation.get("Instances") or ()]
    found["rules"] = [one.body for one in mine if one.kind == "rule" and _is_whole_rule(plan, one)]
    return found


def _settings(plan: Plan, mine: list[Told], account: str, region: str) -> dict[str, Any]:
    """None for what no file tells."""
    found = {word: next((one.body for one in mine if one.kind == kind), None) for kind, word in SINGLE.items()}
    if found["defaults"] is None:
        plan.assumed.append(f"{account} in {region}: no ebs-defaults.json: volumes are not encrypted by default")
    return found


def _is_whole_rule(plan: Plan, told: Told) -> bool:
    tags = [*(told.body.get("ResourceTags") or ()), *(told.body.get("ExcludeResourceTags") or ())]
    if any(tag.get("ResourceTagValue") == _REDACTED for tag in tags):
        plan.left_out.append(f"{told.file}: it keeps snapshots by tags, whose values were left out")
        return False
    return True


def _bodies(told: Told) -> list[Any]:
    return told.body if isinstance(told.body, list) else []


def _only_region(plan: Plan, told: Told) -> str:
    """Of a list that stands beside the account's other files: the Region of what it lists."""
    found = {region for entry in _bodies(told) if (region := _region_of(entry))}
    if len(found) == 1:
        return found.pop()
    if told.body:
        where = f"{told.account}/<region>/{told.file.rpartition('/')[2]}"
        plan.mistakes.append(Unreadable(told.file, f"nothing in it tells one Region; move it to {where}", 1, 1))
    return ""


def _region_of(entry: dict[str, Any]) -> str:
    instances = entry.get("Instances") or ({},)
    zone = entry.get("AvailabilityZone") or (instances[0].get("Placement") or {}).get("AvailabilityZone") or ""
    if zone:
        return re.sub(r"[a-z]$", "", zone)
    found = KEY_ARN.fullmatch(entry.get("KmsKeyId") or "")
    return found["region"] if found else ""


def _own(plan: Plan, account: str, snapshots: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Another account's snapshot is told by its own folder; the view of somebody else does not tell enough."""
    for one in snapshots:
        if (one.get("OwnerId") or account) == account:
            yield one
        else:
            plan.left_out.append(f"{one['SnapshotId']} as {account} sees it: it is {one['OwnerId']}'s")


def _snapshot(capture: Capture, plan: Plan, account: str, entry: dict[str, Any]) -> dict[str, Any]:
    id = entry["SnapshotId"]
    beside = _beside(capture, "permissions", account, id)
    if beside is not None:
        entry = entry | {"CreateVolumePermissions": beside.body}
    elif "CreateVolumePermissions" not in entry:
        plan.assumed.append(f"{id}: with whom it is shared is not told: with nobody")
    key = KEY_ARN.fullmatch(entry.get("KmsKeyId") or "")
    if key and not any((one.account, one.id) == (key["account"], key["id"]) for one in capture.of("key")):
        plan.assumed.append(f"{id}: its key {key.group()} is not told: calls find no such key")
    return with_tags(entry)


def _image(capture: Capture, plan: Plan, account: str, entry: dict[str, Any]) -> dict[str, Any]:
    """With its launch permissions, and the moment of its CreationDate, which EC2 prints as a text."""
    beside = _beside(capture, "launch permissions", account, entry["ImageId"])
    if beside is None:
        plan.assumed.append(f"{entry['ImageId']}: who may launch it is not told: nobody else")
    permissions = {"LaunchPermissions": beside.body if beside else []}
    return with_tags(entry) | permissions | {"CreationDate": _moment(entry.get("CreationDate"))}


def _moment(text: str | None) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000) if text else 0
    except (ValueError, OverflowError):
        return 0


def _beside(capture: Capture, kind: str, account: str, id: str) -> Told | None:
    return next((one for one in capture.of(kind) if (one.account, one.id) == (account, id)), None)
