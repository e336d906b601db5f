"""Whom an image is for: ModifyImageAttribute in both wire forms, DescribeImageAttribute, ResetImageAttribute.

A launch permission lets an account, an organization or a unit of it launch the image, and reach its snapshots through
that launch. It grants nothing in KMS, and no copy (ebs.md 1.9; ST:images_controls, ST:images_sharing [V]).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.operation import operation
from app.services.ebs import compute_errors, envelope, errors
from app.services.ebs.compute_records import Image
from app.services.ebs.compute_rules import image_id, image_is_own, named_image, own_image
from app.services.ebs.defaults import AWS_MANAGED_KEY
from app.services.ebs.image_changes import (
    IMDS_V2,
    PERMISSION,
    Change,
    attribute_of,
    change_of,
    request_is_well_formed,
    value_of,
)
from app.services.ebs.requests import DRY_RUN
from app.services.ebs.rules import find_snapshot, on
from app.services.ebs.snapshots import ALL

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer
    from app.services.ebs.records import Snapshot


def _may_be_shared(draft: Draft, call: Call) -> None:
    """An image with an encrypted snapshot goes to no public, and with one under the AWS managed key to nobody."""
    if attribute_of(call) != PERMISSION or not change_of(call).adds:
        return
    encrypted = _encrypted_snapshots(draft, own_image(draft, call, call["ImageId"]))
    if encrypted and change_of(call).groups:
        compute_errors.ENCRYPTED_NOT_PUBLIC.refuse()
    if encrypted and _managed_key(draft) in {each.key_arn for each in encrypted}:
        compute_errors.MANAGED_KEY_NOT_SHARED.refuse()


def _managed_key(draft: Draft) -> str:
    """How EC2 knows it: inferred from snapshots, where it describes the alias as the caller (ebs.md 1.1 [V])."""
    found = envelope.describe_key(draft, AWS_MANAGED_KEY)
    return found["KeyMetadata"]["Arn"] if found.answer else ""


def _encrypted_snapshots(draft: Draft, image: Image) -> list[Snapshot]:
    found = (find_snapshot(draft, image.region, each.snapshot_id) for each in image.devices if each.snapshot_id)
    return [snapshot for snapshot in found if snapshot and snapshot.encrypted]


@operation(
    "ec2",
    "ModifyImageAttribute",
    honours={
        "ImageId",
        "Attribute",
        "OperationType",
        "UserIds",
        "UserGroups",
        "OrganizationArns",
        "OrganizationalUnitArns",
        "LaunchPermission",
        "Description",
        "Value",
        "ImdsSupport",
        "DryRun",
    },
    checks=(
        request_is_well_formed,
        image_id(),
        image_is_own,
        on("ec2:ModifyImageAttribute", named_image()),
        DRY_RUN,
        _may_be_shared,
    ),
    answers=(
        errors.NO_ATTRIBUTES,
        compute_errors.MIXED_ATTRIBUTES,
        errors.MISSING_PARAMETER,
        compute_errors.IMDS_VALUE,
        errors.BAD_ATTRIBUTE,
        compute_errors.ONE_LAUNCH_OPERATION,
        compute_errors.NO_LAUNCH_OPERATION,
        compute_errors.BAD_ITEM,
        compute_errors.IMAGE_MALFORMED,
        compute_errors.IMAGE_NO_PREFIX,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.IMAGE_NOT_YOURS,
        compute_errors.IMAGE_UNAVAILABLE,
        errors.UNAUTHORIZED,
        compute_errors.ENCRYPTED_NOT_PUBLIC,
        compute_errors.MANAGED_KEY_NOT_SHARED,
    ),
)
def modify_image_attribute(draft: Draft, call: Call) -> Answer:
    """Change the description, ask for IMDSv2, or let others launch it, or no longer; the owner may be among them."""
    image = own_image(draft, call, call["ImageId"])
    match attribute_of(call):
        case "description":
            draft.change(image, description=value_of(call, "Description"))
        case "imdsSupport":
            draft.change(image, imds_support=IMDS_V2)
        case _:
            _share(draft, image, change_of(call))
    return {}


def _share(draft: Draft, image: Image, change: Change) -> None:
    others = tuple(each for each in image.permissions if each not in change.permissions)
    new = tuple(each for each in change.permissions if each not in image.permissions)
    permissions = image.permissions + new if change.adds else others
    draft.change(image, permissions=permissions, is_public=change.adds if change.groups else image.is_public)


_VALUES: dict[str, Any] = {  # attribute -> its member of the answer, and its value for an image
    "description": lambda image: ("Description", _text(image.description)),
    "bootMode": lambda image: ("BootMode", _text(image.boot_mode)),
    "imdsSupport": lambda image: ("ImdsSupport", _text(image.imds_support)),
    "kernel": lambda image: ("KernelId", {}),
    "ramdisk": lambda image: ("RamdiskId", {}),
    "sriovNetSupport": lambda image: ("SriovNetSupport", {}),
    "tpmSupport": lambda image: ("TpmSupport", {}),
    "uefiData": lambda image: ("UefiData", {}),
    "lastLaunchedTime": lambda image: ("LastLaunchedTime", {}),
    "productCodes": lambda image: ("ProductCodes", []),
    "deregistrationProtection": lambda image: ("DeregistrationProtection", _text("disabled")),
    PERMISSION: lambda image: ("LaunchPermissions", _listed(image)),
}


def _text(value: str) -> dict[str, str]:
    return {"Value": value} if value else {}


def _listed(image: Image) -> list[dict[str, str]]:
    public = [{"Group": ALL}] if image.is_public else []
    return public + [{each.member: each.value} for each in image.permissions]


def _attribute_is_known(draft: Draft, call: Call) -> None:
    if not call["Attribute"]:
        errors.MISSING_PARAMETER.refuse(name="Attribute")
    if call["Attribute"] == "blockDeviceMapping":
        compute_errors.RESTRICTED_ATTRIBUTE.refuse()
    if call["Attribute"] not in _VALUES:
        errors.INVALID_REQUEST.refuse()


_ANSWERS = (
    errors.MISSING_PARAMETER,
    errors.INVALID_REQUEST,
    compute_errors.IMAGE_MALFORMED,
    compute_errors.IMAGE_NO_PREFIX,
    errors.UNAUTHORIZED,
    compute_errors.IMAGE_NOT_FOUND,
    compute_errors.IMAGE_NOT_YOURS,
    compute_errors.IMAGE_UNAVAILABLE,
)


@operation(
    "ec2",
    "DescribeImageAttribute",
    honours={"ImageId", "Attribute", "DryRun"},
    checks=(
        _attribute_is_known,
        image_id(),
        on("ec2:DescribeImageAttribute", named_image()),
        DRY_RUN,
        image_is_own,
    ),
    answers=(*_ANSWERS, compute_errors.RESTRICTED_ATTRIBUTE),
    reads=True,
)
def describe_image_attribute(draft: Draft, call: Call) -> Answer:
    """For the owner only. When it was last launched is not kept."""
    image = own_image(draft, call, call["ImageId"])
    name, value = _VALUES[call["Attribute"]](image)
    return {"ImageId": image.id, name: value}


def _permission_is_meant(draft: Draft, call: Call) -> None:
    if call["Attribute"] is None:
        errors.MISSING_PARAMETER.refuse(name="Attribute")
    if call["Attribute"] != PERMISSION:
        errors.INVALID_REQUEST.refuse()


@operation(
    "ec2",
    "ResetImageAttribute",
    honours={"ImageId", "Attribute", "DryRun"},
    checks=(
        _permission_is_meant,
        image_id(),
        on("ec2:ResetImageAttribute", named_image()),
        DRY_RUN,
        image_is_own,
    ),
    answers=_ANSWERS,
)
def reset_image_attribute(draft: Draft, call: Call) -> Answer:
    """Take all launch permissions back."""
    draft.change(own_image(draft, call, call["ImageId"]), permissions=(), is_public=False)
    return {}
