"""CreateImage: an image of an instance (ST:instances_lifecycle [V]); and when images that take time are ready.

It asks nothing of KMS: each snapshot keeps the data key of its volume, as CreateSnapshot's does (ebs.md 1.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.kernel.authority import Resource, tag_context
from app.kernel.operation import job, operation
from app.services.ebs import compute_errors, devices, errors, tags
from app.services.ebs.compute_records import Attachment, BlockDevice, Image, Instance
from app.services.ebs.compute_rules import attachments_of, instance_id, instance_resource, new_image, own_instance
from app.services.ebs.images import (
    READY_AFTER_MS,
    may_tag_image,
    name_is_free,
    put_image,
    sized_as,
)
from app.services.ebs.records import Snapshot, Volume
from app.services.ebs.requests import DRY_RUN, ascii_description, required
from app.services.ebs.rules import on, own_snapshot, requested_tags, snapshot_arn
from app.services.ebs.snapshots import taken

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer


def _instance_is_whole(draft: Draft, call: Call) -> None:
    instance = own_instance(draft, call, call["InstanceId"])
    if instance.state not in ("running", "stopped"):
        compute_errors.NOT_IMAGEABLE.refuse(id=instance.id)


def _images_instance(draft: Draft, call: Call) -> tuple[Resource, ...]:
    context = {"ec2:Owner": call.account} | tag_context(requested_tags(call, "snapshot"))
    snapshot = Resource(snapshot_arn(call.region, "*"), call.account, context=context)
    return (instance_resource(draft, call, call["InstanceId"]), new_image(draft, call), snapshot)


@operation(
    "ec2",
    "CreateImage",
    honours={"InstanceId", "Name", "Description", "BlockDeviceMappings", "TagSpecifications", "DryRun"},
    inert={"NoReboot": "no guest runs that a reboot would bring to rest"},
    checks=(
        required("InstanceId", "Name"),
        instance_id,
        ascii_description,
        devices.mappings_are_well_formed,
        tags.specified("image", "snapshot"),
        on("ec2:CreateImage", _images_instance),
        may_tag_image,
        DRY_RUN,
        _instance_is_whole,
        name_is_free,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        compute_errors.INSTANCE_MALFORMED,
        errors.NOT_ASCII,
        compute_errors.NO_DEVICE_NAME,
        compute_errors.DEVICE_TWICE,
        *tags.ANSWERS,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        compute_errors.INSTANCE_NOT_FOUND,
        compute_errors.NOT_IMAGEABLE,
        compute_errors.IMAGE_NAME_MALFORMED,
        compute_errors.IMAGE_NAME_TAKEN,
        compute_errors.NO_SIZE,
        compute_errors.SIZE_BELOW_SNAPSHOT,
    ),
)
def create_image(draft: Draft, call: Call) -> Answer:
    """Make an image of an instance: a snapshot of each of its volumes, without a call to KMS, and its empty devices."""
    instance = own_instance(draft, call, call["InstanceId"])
    image = put_image(
        draft,
        call,
        state="pending",
        root_device=instance.root_device,
        devices=(),
        architecture=instance.architecture,
        virtualization=instance.virtualization,
        source_instance_id=instance.id,
    )
    found = tuple(_imaged(draft, call, image, instance))
    draft.change(image, devices=devices.changed(found, call["BlockDeviceMappings"], goes=True))
    draft.later("settle_image", after_ms=READY_AFTER_MS, about=(image.id,), image_id=image.id)
    return {"ImageId": image.id}


def _imaged(draft: Draft, call: Call, image: Image, instance: Instance) -> Iterator[BlockDevice]:
    """A device for each volume that no mapping takes away, with its snapshot."""
    without = {each["DeviceName"] for each in call["BlockDeviceMappings"] or () if each.get("NoDevice") is not None}
    for attachment in attachments_of(draft, instance):
        volume = draft.get(Volume, attachment.account, attachment.region, attachment.volume_id)
        if volume and attachment.device not in without:
            description = f"Created by CreateImage({instance.id}) for {image.id}"
            yield _device_of(attachment, volume, taken(draft, call, volume, description))


def _device_of(attachment: Attachment, volume: Volume, snapshot: Snapshot) -> BlockDevice:
    return BlockDevice(
        device=attachment.device,
        snapshot_id=snapshot.id,
        size_gib=volume.size_gib,
        type=volume.type,
        iops=volume.iops if volume.type != "gp2" else None,
        throughput=volume.throughput,
        encrypted=volume.encrypted,
        delete_on_termination=attachment.delete_on_termination,
    )


@job("settle_image")
def settle_image(draft: Draft, call: Call) -> None:
    """Available once its snapshots are complete; failed, with their reason, if one of them is."""
    image = draft.get(Image, call.account, call.region, call["image_id"])
    if image is None or image.state != "pending":
        return
    ids = [device.snapshot_id for device in image.devices if device.snapshot_id]
    snapshots = [own_snapshot(draft, call, id) for id in ids]
    broken = next((each for each in snapshots if each is None or each.state == "error"), None)
    if broken or None in snapshots:
        draft.change(image, state="failed", reason=broken.state_message if broken else "")
    elif all(each and each.state == "completed" for each in snapshots):
        by_id = {each.id: each for each in snapshots if each}
        found = tuple(sized_as(each, by_id[each.snapshot_id]) if each.snapshot_id else each for each in image.devices)
        draft.change(image, state="available", devices=found)
    else:
        draft.later("settle_image", after_ms=READY_AFTER_MS, about=call.about, image_id=image.id)
