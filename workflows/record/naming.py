"""What a person would call a step: by what it makes and its owner's label for that, else by what it does."""

# pyright: basic

from __future__ import annotations

from typing import Any, Final

from app.policy.repair_steps import kebab
from workflows.port import Json
from workflows.record.recording import Done, Told
from workflows.record.sheet import Sheet

# Operation -> what it makes, which is called by its account where there are several.
_MAKES: Final = {
    "kms:CreateKey": "key", "ec2:CreateSnapshot": "snapshot", "ebs:StartSnapshot": "snapshot",
    "ec2:RunInstances": "instance", "ec2:CreateImage": "image", "ec2:RegisterImage": "image",
}  # fmt: skip
_DOES: Final = {
    "ec2:CopySnapshot": "copy", "ec2:CopyImage": "copy-image", "kms:PutKeyPolicy": "key-policy",
    "kms:CreateGrant": "grant", "kms:CreateAlias": "alias", "ebs:PutSnapshotBlock": "block",
    "ebs:CompleteSnapshot": "complete",
    "kms:DisableKey": "disable", "kms:EnableKey": "enable", "kms:ScheduleKeyDeletion": "schedule-deletion",
}  # fmt: skip


def stem_of(call: Done, told: Told, sheet: Sheet) -> str:
    """What its id begins with."""
    sent = call.parameters
    if call.operation == "ec2:CreateVolume":
        label = _label(sent)
        return "restore" if sent.get("SnapshotId") and not label else sheet.named("volume", call.account, label)
    if call.operation in ("ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute"):
        return _sharing(sent) + ("-image" if "Image" in call.operation else "")
    if call.operation in _MAKES:
        return sheet.named(_MAKES[call.operation], call.account, _label(sent) or _alias(call, told))
    if call.operation == "kms:CreateGrant" and sent.get("Name"):
        return str(sent["Name"])
    who = sent.get("UserName") or sent.get("RoleName") or sent.get("GroupName")
    if call.operation.startswith("iam:Put") and who:
        return f"policy-of-{who}"
    return _DOES.get(call.operation, kebab(call.operation.partition(":")[2]))


def _label(sent: dict[str, Any]) -> str:
    """The tag Name that a call gives to what it makes."""
    tags = list(sent.get("Tags") or ()) + [
        tag for one in sent.get("TagSpecifications") or () for tag in one.get("Tags") or ()
    ]
    return next((str(tag.get("Value") or tag.get("TagValue")) for tag in tags if "Name" in tag.values()), "")


def _alias(call: Done, told: Told) -> str:
    """The alias that a key got later."""
    key = call.answer.get("KeyMetadata", {})
    for other in told.calls:
        if other.operation == "kms:CreateAlias" and other.parameters.get("TargetKeyId") in (
            key.get("KeyId"),
            key.get("Arn"),
        ):
            return str(other.parameters["AliasName"]).removeprefix("alias/")
    return ""


def _sharing(sent: dict[str, Any]) -> str:
    permission = sent.get("CreateVolumePermission") or sent.get("LaunchPermission") or {}
    takes_away = sent.get("OperationType") == "remove" or (permission.get("Remove") and not permission.get("Add"))
    return "unshare" if takes_away else "share"


# --- of what was there before ---


def data_of(told: Json) -> Json:
    return {"data": {"fill": "pattern", "blocks": told["blocks"]}} if told.get("blocks") else {}


def tags_of(kind: str, told: Json) -> Json:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": told["Tags"]}]} if told.get("Tags") else {}


def label_of(told: Json) -> str:
    """What its owner calls a thing: its Name, else its alias."""
    tags = {
        one.get("Key") or one.get("TagKey"): one.get("Value") or one.get("TagValue") for one in told.get("tags", ())
    }
    tags |= {one["Key"]: one["Value"] for one in told.get("described", {}).get("Tags") or ()}
    return str(tags.get("Name") or next(iter(told.get("aliases", ())), "").removeprefix("alias/"))
