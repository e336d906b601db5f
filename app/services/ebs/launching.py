"""RunInstances: an instance and its volumes (ebs.md 1.7).

The answer is `pending` whatever the keys are worth. Then the launch does for each volume what CreateVolume does, with
the launcher's rights and the request id of RunInstances, and opens it as AttachVolume does. Where KMS refuses, the
instance ends, with a StateReason that does not say that it was a permission. An image gives its launcher access to its
snapshots without sharing them (ebs.md 1.9); the keys are asked all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.kernel import audit
from app.kernel.authority import CALLER, Resource, authorize, tag_context
from app.kernel.draft import Result
from app.kernel.errors import AwsError, Refusal, Refused
from app.kernel.operation import job, operation
from app.policy.causes import Cause
from app.services.ebs import attachments, compute_errors, devices, envelope, errors, places, plane, requests, tags
from app.services.ebs.compute_records import BlockDevice, Image, Instance
from app.services.ebs.compute_rules import (
    attachments_of,
    image_id,
    image_resource,
    instance_arn,
    instance_context,
    launchable_image,
)
from app.services.ebs.instances import ENDS_AFTER_MS, shown
from app.services.ebs.records import Volume
from app.services.ebs.requests import CLIENT_TOKEN, DRY_RUN, required
from app.services.ebs.rules import (
    authorize_tags,
    find_snapshot,
    requested_tags,
    snapshot_arn,
    snapshot_resource,
    volume_arn,
)
from app.services.ebs.volumes import Wanted, baseline_iops, hydrate, key_for, put_volume, remove_volume, within_limits

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer
    from app.policy.question import ContextValue

LAUNCHES_AFTER_MS = 3_000  # lifelike; presentation only (ebs.md 8)
ATTACHES_AFTER_MS = 2_000
COUNT_MAX = 1_000
DEFAULT_TYPE = "m1.small"  # of AWS's model, where none is named [D]
_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+\Z")
NO_NETWORK = "no network is simulated: it is asked about in policies, and nothing else comes of it"


@dataclass(frozen=True, slots=True)
class Planned:
    """A volume of the launch."""

    device: BlockDevice
    wanted: Wanted


# checks; their order is AWS's as far as ST:instances_lifecycle shows it: parameters, ids, IAM, DryRun


def _counts_are_valid(draft: Draft, call: Call) -> None:
    low, high = call["MinCount"], call["MaxCount"]
    for name, value in (("minCount", low), ("maxCount", high)):
        if value < 1:
            compute_errors.BAD_COUNT.refuse(name=name, value=value, why="It must be at least 1.")
    if low > high:
        compute_errors.BAD_COUNT.refuse(name="maxCount", value=high, why=f"It must not be less than minCount ({low}).")
    if high > COUNT_MAX:
        compute_errors.BAD_COUNT.refuse(name="maxCount", value=high, why=f"It must be at most {COUNT_MAX}.")


def _type_is_valid(draft: Draft, call: Call) -> None:
    """Any name of the form of an instance type: reseal has no list of them."""
    if not _TYPE.match(_type(call)):
        compute_errors.BAD_INSTANCE_TYPE.refuse(type=call["InstanceType"])


def _type(call: Call) -> str:
    return call["InstanceType"] or DEFAULT_TYPE


def _zone_is_known(draft: Draft, call: Call) -> None:
    if _zone(call) not in places.zones(call.region):
        compute_errors.BAD_LAUNCH_ZONE.refuse(zone=_zone(call))


def _zone(call: Call) -> str:
    """Where none is asked for, the Region's first (inferred: AWS takes one that has room)."""
    placement = call["Placement"] or {}
    by_id = placement.get("AvailabilityZoneId")
    named = placement.get("AvailabilityZone") or (places.zone_of_id(call.region, by_id) or by_id if by_id else "")
    return named or places.zones(call.region)[0]


def _mappings_are_well_formed(draft: Draft, call: Call) -> None:
    devices.mappings_are_well_formed(call["BlockDeviceMappings"])


def _image_is_launchable(draft: Draft, call: Call) -> None:
    draft.frame.memo["image"] = launchable_image(draft, call, call["ImageId"])


def _image(draft: Draft) -> Image:
    return draft.frame.memo["image"]


def _volumes_can_be_made(draft: Draft, call: Call) -> None:
    """Sizes, types and keys of all volumes, planned before anything is asked of IAM: policies see them."""
    asked = devices.encryption_of(call["BlockDeviceMappings"])
    planned = [
        _planned(draft, call, device, *asked.get(device.device, (None, None)))
        for device in devices.changed(_image(draft).devices, call["BlockDeviceMappings"], goes=False)
    ]
    draft.frame.memo["volumes"] = tuple(planned)


def _volumes(draft: Draft) -> tuple[Planned, ...]:
    return draft.frame.memo["volumes"]


def _planned(draft: Draft, call: Call, device: BlockDevice, encrypted: bool | None, key_id: str | None) -> Planned:
    source = _snapshot(draft, call, device.snapshot_id) if device.snapshot_id else None
    size = devices.sized(device, source)
    within_limits(device.type, size, device.iops, device.throughput)
    if key_id and not encrypted:
        errors.KEY_WITHOUT_ENCRYPTED.refuse()
    if encrypted is False and source and source.encrypted:
        errors.FALSE_OF_ENCRYPTED.refuse()
    wants_key = device.encrypted if source is None and encrypted is None else encrypted
    key = key_for(draft, call, source, wants_key, key_id)
    return Planned(device, Wanted(_zone(call), size, device.type, device.iops, device.throughput, source, key))


def _snapshot(draft: Draft, call: Call, id: str) -> Any:
    """A snapshot of the image, or one that the caller may see."""
    found = find_snapshot(draft, call.region, id)
    if found and (_is_of_image(draft, id) or found.is_visible_to(call.account)):
        if found.state != "completed":
            errors.SNAPSHOT_PENDING.refuse(state=found.state)
        return found
    raise Refused(errors.SNAPSHOT_GONE, Refusal(Cause.SNAPSHOT_NOT_SHARED if found else Cause.SNAPSHOT_NOT_FOUND))


def _is_of_image(draft: Draft, snapshot_id: str) -> bool:
    return any(device.snapshot_id == snapshot_id for device in _image(draft).devices)


# what policies are asked (ST:instances_lifecycle, iam_resources [V])


def _may_launch(draft: Draft, call: Call) -> None:
    for resource in (
        image_resource(draft, call, call["ImageId"]),
        _new_instance(call),
        *(_new_volume(call, each.wanted) for each in _volumes(draft)),
        *_named_snapshots(draft, call),
        *_network(call),
    ):
        authorize(draft, call, "ec2:RunInstances", resource, CALLER)
    authorize_tags(draft, call, "instance", instance_arn(call.region, call.account, "*"))
    authorize_tags(draft, call, "volume", volume_arn(call.region, call.account, "*"))


def _new_instance(call: Call) -> Resource:
    context = instance_context(_type(call), _zone(call)) | {"ec2:InstanceID": "*"}
    context |= tag_context(requested_tags(call, "instance"))
    return Resource(instance_arn(call.region, call.account, "*"), call.account, context=context)


def _new_volume(call: Call, wanted: Wanted) -> Resource:
    iops = wanted.iops or baseline_iops(wanted.type, wanted.size_gib)
    context: dict[str, ContextValue] = {
        "ec2:AvailabilityZone": wanted.zone,
        "ec2:AvailabilityZoneId": places.zone_id(wanted.zone),
        "ec2:Encrypted": "true" if wanted.key else "false",
        "ec2:IsLaunchTemplateResource": "false",
        "ec2:VolumeID": "*",
        "ec2:VolumeSize": str(wanted.size_gib),
        "ec2:VolumeType": wanted.type,
    }
    context |= {"ec2:VolumeIops": str(iops)} if iops else {}
    context |= {"ec2:VolumeThroughput": str(wanted.throughput)} if wanted.throughput else {}
    context |= {"ec2:ParentSnapshot": snapshot_arn(call.region, wanted.source.id)} if wanted.source else {}
    context |= {"ec2:KmsKeyId": wanted.key} if wanted.key else {}
    context |= tag_context(requested_tags(call, "volume"))
    return Resource(volume_arn(call.region, call.account, "*"), call.account, context=context)


def _named_snapshots(draft: Draft, call: Call) -> list[Resource]:
    """Only those that the request names itself (ebs.md 1.1)."""
    named = ((mapping.get("Ebs") or {}).get("SnapshotId") for mapping in call["BlockDeviceMappings"] or ())
    return [snapshot_resource(draft, call, id) for id in named if id]


def _network(call: Call) -> list[Resource]:
    """Network interface, and the subnet and groups that are named."""
    ids = [("network-interface", "*"), ("subnet", call["SubnetId"])]
    ids += [("security-group", id) for id in call["SecurityGroupIds"] or ()]
    arn = f"arn:aws:ec2:{call.region}:{call.account}"
    where = {"ec2:AvailabilityZone": _zone(call), "ec2:IsLaunchTemplateResource": "false"}
    return [Resource(f"{arn}:{kind}/{id}", call.account, context=where) for kind, id in ids if id]


# the operation


@operation(
    "ec2",
    "RunInstances",
    honours={
        "ImageId",
        "InstanceType",
        "MinCount",
        "MaxCount",
        "BlockDeviceMappings",
        "Placement",
        "SubnetId",
        "SecurityGroupIds",
        "TagSpecifications",
        "ClientToken",
        "DryRun",
    },
    inert={
        "SecurityGroups": NO_NETWORK,
        "KeyName": "nobody can log on to a simulated instance",
        "UserData": "no guest runs that could read it",
        "Monitoring": "a simulated instance has no metrics",
        "EbsOptimized": "volumes of a simulated instance have no bandwidth",
        "MetadataOptions": "no guest runs that could ask; conditions on ec2:Metadata* keys see no value",
        "CreditSpecification": "a simulated instance uses no processor",
        "DisableApiTermination": "a simulated instance is never protected",
    },
    checks=(
        required("ImageId", "MinCount", "MaxCount"),
        image_id(),
        _counts_are_valid,
        _type_is_valid,
        _zone_is_known,
        _mappings_are_well_formed,
        tags.specified("instance", "volume", "network-interface"),
        _image_is_launchable,
        _volumes_can_be_made,
        _may_launch,
        DRY_RUN,
        CLIENT_TOKEN,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        compute_errors.IMAGE_MALFORMED,
        compute_errors.IMAGE_NO_PREFIX,
        compute_errors.BAD_COUNT,
        compute_errors.BAD_INSTANCE_TYPE,
        compute_errors.BAD_LAUNCH_ZONE,
        compute_errors.NO_DEVICE_NAME,
        compute_errors.DEVICE_TWICE,
        errors.BAD_TAG_TYPE,
        errors.TAG_RESERVED,
        errors.TAG_LIMIT,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.IMAGE_NOT_SHARED,
        compute_errors.IMAGE_UNAVAILABLE,
        compute_errors.IMAGE_NOT_READY,
        errors.SNAPSHOT_GONE,
        errors.SNAPSHOT_PENDING,
        compute_errors.NO_SIZE,
        compute_errors.SIZE_BELOW_SNAPSHOT,
        errors.BAD_VOLUME_TYPE,
        errors.KEY_WITHOUT_ENCRYPTED,
        errors.FALSE_OF_ENCRYPTED,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.TOKEN_REUSED,
    ),
    settles=(compute_errors.KEY_STATE,),
    across_accounts="from an image that is shared or public",
)
def run_instances(draft: Draft, call: Call) -> Answer:
    """Launch instances from an image; sizes in GiB. They run, or end with a StateReason, on the world's clock."""
    reservation = draft.new_id("r", call.account, call.region)
    launched = [_launched(draft, call, reservation, n) for n in range(call["MaxCount"])]
    answer = {
        "ReservationId": reservation,
        "OwnerId": call.account,
        "Groups": [],
        "Instances": [shown(draft, each) | {"BlockDeviceMappings": []} for each in launched],
    }
    return requests.remember_token(draft, call, answer)


def _launched(draft: Draft, call: Call, reservation: str, index: int) -> Instance:
    """One pending instance with its volumes, which are `creating` and `attaching`; the rest is booked."""
    image = _image(draft)
    instance = draft.put(
        Instance(
            account=call.account,
            region=call.region,
            id=draft.new_id("i", call.account, call.region),
            image_id=image.id,
            type=_type(call),
            zone=_zone(call),
            launched_ms=call.at_ms,
            reservation_id=reservation,
            launch_index=index,
            client_token=call["ClientToken"] or "",
            architecture=image.architecture,
            virtualization=image.virtualization,
            root_device=image.root_device,
        )
    )
    tags.put_tags(draft, call, instance.id, "instance", requested_tags(call, "instance"))
    made = [_with_volume(draft, call, instance, each) for each in _volumes(draft)]
    about = (instance.id, *(volume["volume_id"] for volume in made))
    draft.later("settle_launch", after_ms=LAUNCHES_AFTER_MS, about=about, instance_id=instance.id, volumes=made)
    return instance


def _with_volume(draft: Draft, call: Call, instance: Instance, planned: Planned) -> dict[str, Any]:
    wanted, device = planned.wanted, planned.device
    volume = put_volume(draft, call, wanted)
    draft.put(attachments.new_attachment(call, volume, instance, device.device, device.delete_on_termination))
    is_of_own = bool(wanted.source and wanted.source.account == call.account)
    return {"volume_id": volume.id, "key": wanted.key, "is_of_own": is_of_own}


# later


@job("settle_launch")
def settle_launch(draft: Draft, call: Call) -> None:
    """Make the KMS calls of every volume and bring its blocks; then it is opened."""
    instance = _pending(draft, call)
    if instance is None:
        return
    saved = draft.world
    try:
        for each in call["volumes"]:
            volume = draft.get(Volume, call.account, call.region, each["volume_id"])
            if volume:
                hydrate(draft, volume, each["key"], each["is_of_own"])
    except envelope.Stopped as stopped:
        draft.world = saved
        _fail(draft, call, instance, compute_errors.KEY_STATE, stopped.result.refusal)
    except plane.BlockLost as lost:
        draft.world = saved
        _fail(draft, call, instance, errors.BLOCK_LOST(index=lost.index), None)
    else:
        _open_later(draft, call, instance)


def _open_later(draft: Draft, call: Call, instance: Instance) -> None:
    draft.later("open_volumes", after_ms=ATTACHES_AFTER_MS, about=call.about, instance_id=instance.id)


def _pending(draft: Draft, call: Call) -> Instance | None:
    instance = draft.get(Instance, call.account, call.region, call["instance_id"])
    return instance if instance and instance.state == "pending" else None


@job("open_volumes")
def open_volumes(draft: Draft, call: Call) -> None:
    """Open every volume of the instance, once all are whole; then it runs."""
    instance = _pending(draft, call)
    if instance is None:
        return
    held = attachments_of(draft, instance)
    volumes = [draft.get(Volume, each.account, each.region, each.volume_id) for each in held]
    if any(volume and volume.state == "creating" for volume in volumes):
        _open_later(draft, call, instance)
        return
    saved = draft.world
    try:
        for each, volume in zip(held, volumes, strict=True):
            if volume:
                attachments.opened(draft, volume, instance, each)
        draft.change(instance, state="running")
    except envelope.Stopped as stopped:
        draft.world = saved
        _fail(draft, call, instance, compute_errors.KEY_STATE, stopped.result.refusal)


def _fail(draft: Draft, call: Call, instance: Instance, reason: AwsError, refusal: Refusal | None) -> None:
    """A launch that fails takes its volumes along and ends. What the reason hides is in the log, under its id."""
    for each in attachments_of(draft, instance):
        volume = draft.get(Volume, each.account, each.region, each.volume_id)
        if volume:
            remove_volume(draft, call, volume)
    draft.change(
        instance,
        state="shutting-down",
        reason_code=reason.code,
        reason_message=reason.message,
        transition_reason="Client.InternalError",
    )
    audit.note_settled(draft, "ec2:RunInstances", instance.id, reason.code, Result(error=reason, refusal=refusal))
    draft.later("settle_termination", after_ms=ENDS_AFTER_MS, about=(instance.id,), instance_id=instance.id)
