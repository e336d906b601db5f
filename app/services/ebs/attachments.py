"""AttachVolume and DetachVolume: what is asked before a volume is opened, and let go (opening.py)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.kernel.authority import AUTHORIZE, CALLER
from app.kernel.operation import job, operation
from app.services.ebs import compute_errors, envelope, errors, notices, volume_errors
from app.services.ebs.compute_records import Attachment, Instance
from app.services.ebs.compute_rules import (
    attachments_of,
    attachments_of_volume,
    instance_id,
    instance_resource,
    named_instance,
    own_instance,
)
from app.services.ebs.opening import let_go, new_attachment, opened, shown
from app.services.ebs.records import Volume
from app.services.ebs.requests import DRY_RUN, required
from app.services.ebs.resource_ids import VOLUME_ID_ANSWERS, volume_id
from app.services.ebs.rules import named_volume, own_volume
from app.services.ebs.volumes import volume_exists

if TYPE_CHECKING:
    from app.kernel.authority import Resource
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

ATTACHES_AFTER_MS = 2_000  # lifelike; presentation only (ebs.md 8)
DETACHES_AFTER_MS = 3_000
_DEVICE = re.compile(r"(?:/dev/)?(?:sd|xvd|hd)[a-z]{1,2}[0-9]{0,2}\Z")


# AttachVolume


def _both_are_there(draft: Draft, call: Call) -> None:
    volume_exists(draft, call)
    own_instance(draft, call, call["InstanceId"])


def _they_fit(draft: Draft, call: Call) -> None:
    """The order of these is inferred: the volume's state, the instance's, their zones, the device."""
    volume, instance = _pair(draft, call)
    held = attachments_of_volume(draft, volume.account, volume.region, volume.id)
    if held and not (volume.multi_attach and instance.id not in {each.instance_id for each in held}):
        compute_errors.ALREADY_ATTACHED.refuse(id=volume.id)
    if volume.state not in ("available", "in-use"):
        compute_errors.NOT_AVAILABLE.refuse(id=volume.id)
    if instance.state not in ("running", "stopped"):
        compute_errors.INSTANCE_NOT_RUNNING.refuse(id=instance.id)
    if volume.zone != instance.zone:
        compute_errors.OTHER_ZONE.refuse(volume=volume.id, instance=instance.id)
    device_is_free(draft, instance, call["Device"])


def device_is_free(draft: Draft, instance: Instance, device: str) -> None:
    if not _DEVICE.match(device):
        compute_errors.BAD_DEVICE.refuse(device=device)
    if any(each.device == device for each in attachments_of(draft, instance)):
        compute_errors.DEVICE_TAKEN.refuse(device=device)


def _pair(draft: Draft, call: Call) -> tuple[Volume, Instance]:
    volume = own_volume(draft, call, call["VolumeId"])
    assert volume is not None
    return volume, own_instance(draft, call, call["InstanceId"])


@operation(
    "ec2",
    "AttachVolume",
    honours={"VolumeId", "InstanceId", "Device", "DryRun"},
    checks=(
        required("VolumeId", "InstanceId", "Device"),
        volume_id(),
        instance_id,
        AUTHORIZE(("ec2:AttachVolume", named_instance, CALLER), ("ec2:AttachVolume", named_volume(), CALLER)),
        DRY_RUN,
        _both_are_there,
        _they_fit,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        *VOLUME_ID_ANSWERS,
        compute_errors.INSTANCE_MALFORMED,
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
        compute_errors.INSTANCE_NOT_FOUND,
        compute_errors.ALREADY_ATTACHED,
        compute_errors.NOT_AVAILABLE,
        compute_errors.INSTANCE_NOT_RUNNING,
        compute_errors.OTHER_ZONE,
        compute_errors.BAD_DEVICE,
        compute_errors.DEVICE_TAKEN,
        compute_errors.KEY_REVOKED,
    ),
)
def attach_volume(draft: Draft, call: Call) -> Answer:
    """Give a volume to an instance. One that runs opens it at once; one that is stopped, when it starts (inferred)."""
    volume, instance = _pair(draft, call)
    attachment = draft.put(new_attachment(call, volume, instance, call["Device"]))
    if instance.state == "running":
        try:
            attachment = opened(draft, volume, instance, attachment)
        except envelope.Stopped as stopped:
            notices.volume_not_opened(draft, volume, "attachVolume", stopped)
            compute_errors.KEY_REVOKED.refuse(stopped.result.refusal, id=volume.id)
    attachment = draft.change(attachment, state="attaching")
    draft.change(volume, state="in-use")
    draft.later("settle_attachment", after_ms=ATTACHES_AFTER_MS, about=(volume.id,), attachment_id=attachment.id)
    return shown(attachment)


def _attachment(draft: Draft, call: Call) -> Attachment | None:
    return draft.get(Attachment, call.account, call.region, call["attachment_id"])


@job("settle_attachment")
def settle_attachment(draft: Draft, call: Call) -> None:
    attachment = _attachment(draft, call)
    if attachment and attachment.state == "attaching":
        draft.change(attachment, state="attached")


# DetachVolume


def _named(draft: Draft, call: Call) -> Attachment | None:
    """The attachment that VolumeId, and InstanceId and Device if they are given, name."""
    held = attachments_of_volume(draft, call.account, call.region, call["VolumeId"])
    wanted = {"instance_id": call["InstanceId"], "device": call["Device"]}
    fits = (each for each in held if all(value in (None, "", getattr(each, name)) for name, value in wanted.items()))
    return next(fits, None)


def _instances(draft: Draft, call: Call) -> tuple[Resource, ...]:
    """The instance is asked about where it is named, or where the volume is at one."""
    found = _named(draft, call)
    id = call["InstanceId"] or (found.instance_id if found else "")
    return (instance_resource(draft, call, id),) if id else ()


def _it_is_attached(draft: Draft, call: Call) -> None:
    volume, found = own_volume(draft, call, call["VolumeId"]), _named(draft, call)
    assert volume is not None
    if found is None and volume.state != "in-use":
        compute_errors.NOT_ATTACHED.refuse(id=volume.id, state=volume.state)
    if found is None:
        what = f"instance '{call['InstanceId']}'" if call["InstanceId"] else f"device {call['Device']}"
        compute_errors.NO_SUCH_ATTACHMENT.refuse(id=volume.id, what=what)


def _it_is_not_the_root(draft: Draft, call: Call) -> None:
    """The root volume stays with an instance that is not stopped."""
    found = _named(draft, call)
    assert found is not None
    instance = draft.get(Instance, call.account, call.region, found.instance_id)
    if instance and instance.state != "stopped" and instance.root_device == found.device:
        compute_errors.ROOT_STAYS.refuse(id=found.volume_id, instance=instance.id)


@operation(
    "ec2",
    "DetachVolume",
    honours={"VolumeId", "InstanceId", "Device", "DryRun"},
    inert={"Force": "no guest of a simulated instance holds a volume back"},
    checks=(
        required("VolumeId"),
        volume_id(),
        instance_id,
        AUTHORIZE(("ec2:DetachVolume", _instances, CALLER), ("ec2:DetachVolume", named_volume(), CALLER)),
        DRY_RUN,
        volume_exists,
        _it_is_attached,
        _it_is_not_the_root,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        *VOLUME_ID_ANSWERS,
        compute_errors.INSTANCE_MALFORMED,
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
        compute_errors.NOT_ATTACHED,
        compute_errors.NO_SUCH_ATTACHMENT,
        compute_errors.ROOT_STAYS,
    ),
)
def detach_volume(draft: Draft, call: Call) -> Answer:
    """Take a volume back; when it is free its grant is retired and its data key is gone from the instance."""
    found = _named(draft, call)
    assert found is not None
    attachment = draft.change(found, state="detaching")
    about = (attachment.volume_id,)
    draft.later("settle_detachment", after_ms=DETACHES_AFTER_MS, about=about, attachment_id=attachment.id)
    return shown(attachment)


@job("settle_detachment")
def settle_detachment(draft: Draft, call: Call) -> None:
    attachment = _attachment(draft, call)
    if attachment and attachment.state == "detaching":
        let_go(draft, attachment)
