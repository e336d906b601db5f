"""Images: RegisterImage and DeregisterImage (ebs.md 1.9, ST:images_controls [V]).

An image is a list of devices, each a snapshot or an empty volume. Making one asks nothing of KMS: what its snapshots
are encrypted under matters to whoever launches or copies it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from app.kernel.authority import CALLER, authorize
from app.kernel.call import Via
from app.kernel.errors import Refused, not_simulated
from app.kernel.operation import operation
from app.services.ebs import compute_errors, devices, errors, feature_errors, tags, volume_errors
from app.services.ebs.compute_errors import SNAPSHOT_IN_USE
from app.services.ebs.compute_records import BlockDevice, Image
from app.services.ebs.compute_rules import (
    image_arn,
    image_id,
    image_is_own,
    named_image,
    new_image,
    own_image,
)
from app.services.ebs.records import Snapshot
from app.services.ebs.requests import DRY_RUN, ascii_description, required
from app.services.ebs.rules import (
    authorize_tags,
    find_snapshot,
    on,
    requested_tags,
    snapshot_arn,
    snapshot_resource,
)

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

READY_AFTER_MS = 6_000  # lifelike; presentation only (ebs.md 8)
DEFAULT_ROOT = "/dev/sda1"
_NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}\Z")  # wider than the error's text says (API reference [D])


def name_is_free(draft: Draft, call: Call) -> None:
    """A check: well-formed, and of no other image of the account in this Region."""
    name = call["Name"]
    if not _NAME.match(name):
        compute_errors.IMAGE_NAME_MALFORMED.refuse()
    taken_by = next(draft.scan_index(Image, "name", call.account, call.region, name), None)
    if taken_by:
        compute_errors.IMAGE_NAME_TAKEN.refuse(name=name, id=taken_by.id)


def may_tag_image(draft: Draft, call: Call) -> None:
    authorize_tags(draft, call, "image", image_arn(call.region, "*"))
    authorize_tags(draft, call, "snapshot", snapshot_arn(call.region, "*"))


# RegisterImage


def _root(call: Call) -> str:
    return call["RootDeviceName"] or DEFAULT_ROOT


def _snapshots_are_own(draft: Draft, call: Call) -> None:
    """The root is a snapshot; all are the caller's own, complete, and bring their encryption along."""
    wanted = devices.changed((), call["BlockDeviceMappings"], goes=True)
    if not any(each.device == _root(call) and each.snapshot_id for each in wanted):
        compute_errors.NO_ROOT_SNAPSHOT.refuse()
    asked = devices.encryption_of(call["BlockDeviceMappings"])
    found = [_registered(draft, call, each, *asked[each.device]) for each in wanted]
    draft.frame.memo["devices"] = tuple(found)


def _registered(
    draft: Draft, call: Call, device: BlockDevice, encrypted: bool | None, key_id: str | None
) -> BlockDevice:
    if key_id:
        raise Refused(not_simulated("KmsKeyId in the block device mapping of an image: a launch names it"))
    if not device.snapshot_id:
        devices.sized(device, None)
        return device
    if encrypted is not None:
        compute_errors.ENCRYPTED_WITH_SNAPSHOT.refuse()
    snapshot = _usable_snapshot(draft, call, device.snapshot_id)
    return sized_as(device, snapshot)


def sized_as(device: BlockDevice, snapshot: Snapshot) -> BlockDevice:
    return replace(device, size_gib=devices.sized(device, snapshot), encrypted=snapshot.encrypted)


def _usable_snapshot(draft: Draft, call: Call, id: str) -> Snapshot:
    found = find_snapshot(draft, call.region, id)
    if found is None or not found.is_visible_to(call.account):
        compute_errors.SNAPSHOT_ID_NOT_FOUND.refuse(id=id)
    if found.account != call.account:
        compute_errors.NOT_YOUR_SNAPSHOT.refuse(id=id, account=call.account)
    if found.state != "completed":
        volume_errors.SNAPSHOT_PENDING.refuse(state=found.state)
    if not found.is_at_hand:
        feature_errors.ARCHIVED.refuse()
    return found


def _may_register(draft: Draft, call: Call) -> None:
    """The image, then each snapshot; both are needed (ST:images_controls [V])."""
    authorize(draft, call, "ec2:RegisterImage", new_image(draft, call), CALLER)
    for mapping in call["BlockDeviceMappings"] or ():
        id = (mapping.get("Ebs") or {}).get("SnapshotId")
        if id:
            authorize(draft, call, "ec2:RegisterImage", snapshot_resource(draft, call, id), CALLER)


@operation(
    "ec2",
    "RegisterImage",
    honours={
        "Name",
        "Description",
        "Architecture",
        "RootDeviceName",
        "BlockDeviceMappings",
        "VirtualizationType",
        "EnaSupport",
        "BootMode",
        "ImdsSupport",
        "TagSpecifications",
        "DryRun",
    },
    inert={"SriovNetSupport": "a simulated instance has no network interface"},
    checks=(
        required("Name"),
        ascii_description,
        devices.mappings_are_well_formed,
        tags.specified("image"),
        _may_register,
        may_tag_image,
        DRY_RUN,
        name_is_free,
        _snapshots_are_own,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.NOT_ASCII,
        compute_errors.NO_DEVICE_NAME,
        compute_errors.DEVICE_TWICE,
        *tags.ANSWERS,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        compute_errors.IMAGE_NAME_MALFORMED,
        compute_errors.IMAGE_NAME_TAKEN,
        compute_errors.NO_ROOT_SNAPSHOT,
        compute_errors.ENCRYPTED_WITH_SNAPSHOT,
        compute_errors.SNAPSHOT_ID_NOT_FOUND,
        compute_errors.NOT_YOUR_SNAPSHOT,
        volume_errors.SNAPSHOT_PENDING,
        feature_errors.ARCHIVED,
        compute_errors.NO_SIZE,
        compute_errors.SIZE_BELOW_SNAPSHOT,
    ),
)
def register_image(draft: Draft, call: Call) -> Answer:
    """Make an image of the caller's own snapshots; sizes in GiB. It is available at once."""
    image = put_image(
        draft,
        call,
        root_device=_root(call),
        devices=draft.frame.memo["devices"],
        architecture=call["Architecture"] or "i386",
        virtualization=call["VirtualizationType"] or "paravirtual",
        ena=bool(call["EnaSupport"]),
        boot_mode=call["BootMode"] or "",
        imds_support=call["ImdsSupport"] or "",
    )
    return {"ImageId": image.id}


def put_image(draft: Draft, call: Call, **fields: Any) -> Image:
    """A new image of the caller's, by the call's Name, Description and tags."""
    image = Image(
        account=call.account,
        region=call.region,
        id=draft.new_id("ami", call.account, call.region),
        name=call["Name"],
        description=call["Description"] or "",
        created_ms=call.at_ms,
        **fields,
    )
    tags.put_tags(draft, call, image.id, "image", requested_tags(call, "image"))
    return draft.put(image)


# DeregisterImage


@operation(
    "ec2",
    "DeregisterImage",
    honours={"ImageId", "DeleteAssociatedSnapshots", "DryRun"},
    checks=(
        image_id(),
        on("ec2:DeregisterImage", named_image()),
        DRY_RUN,
        image_is_own,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        compute_errors.IMAGE_MALFORMED,
        compute_errors.IMAGE_NO_PREFIX,
        errors.UNAUTHORIZED,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.IMAGE_NOT_YOURS,
        compute_errors.IMAGE_UNAVAILABLE,
    ),
)
def deregister_image(draft: Draft, call: Call) -> Answer:
    """No launch from it any more. Instances stay; its snapshots stay, unless they are to go and nothing needs them."""
    image = own_image(draft, call, call["ImageId"])
    draft.change(image, state="deregistered")
    tags.drop_tags(draft, call, image.id)
    ids = dict.fromkeys(each.snapshot_id for each in image.devices if each.snapshot_id)
    results = [_deleted(draft, call, id) for id in ids] if call["DeleteAssociatedSnapshots"] else []
    return {"Return": True, "DeleteSnapshotResults": results}


_RETURN_CODES = {"UnauthorizedOperation": "missing-permissions", SNAPSHOT_IN_USE.code: "skipped"}


def _deleted(draft: Draft, call: Call, id: str) -> dict[str, str]:
    """As DeleteSnapshot by the caller: it takes that right, and no other image may have the snapshot [D]."""
    error = draft.on_behalf("ec2:DeleteSnapshot", {"SnapshotId": id}, via=Via("ec2", "ec2.amazonaws.com")).error
    code = _RETURN_CODES.get(error.code, "client-error") if error else "success"
    return {"SnapshotId": id, "ReturnCode": code}
