"""What a launch will make, before it is made: volumes, and the questions that policies are asked (ebs.md 1.1, 1.7).

Everything is planned before IAM is asked, because policies see the sizes, types and keys of the volumes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.kernel.authority import CALLER, Resource, authorize, tag_context
from app.kernel.errors import Refusal, Refused, not_simulated
from app.policy.causes import Cause
from app.services.ebs import compute_errors, devices, feature_errors, places, volume_errors
from app.services.ebs.compute_records import BlockDevice, Image
from app.services.ebs.compute_rules import image_resource, instance_arn, instance_context, launchable_image
from app.services.ebs.rules import (
    authorize_tags,
    find_snapshot,
    requested_tags,
    snapshot_arn,
    snapshot_resource,
    volume_arn,
)
from app.services.ebs.volume_limits import iops_of, within_limits
from app.services.ebs.volume_making import Wanted, key_for

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.policy.question import ContextValue

COUNT_MAX = 1_000
DEFAULT_TYPE = "m1.small"  # of AWS's model, where none is named [D]
_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+\Z")


@dataclass(frozen=True, slots=True)
class Planned:
    """A volume of the launch."""

    device: BlockDevice
    wanted: Wanted


# checks; their order is AWS's as far as ST:instances_lifecycle shows it: parameters, ids, IAM, DryRun


def counts_are_valid(draft: Draft, call: Call) -> None:
    low, high = call["MinCount"], call["MaxCount"]
    for name, value in (("minCount", low), ("maxCount", high)):
        if value < 1:
            compute_errors.BAD_COUNT.refuse(name=name, value=value, why="It must be at least 1.")
    if low > high:
        compute_errors.BAD_COUNT.refuse(name="maxCount", value=high, why=f"It must not be less than minCount ({low}).")
    if high > COUNT_MAX:
        compute_errors.BAD_COUNT.refuse(name="maxCount", value=high, why=f"It must be at most {COUNT_MAX}.")


def type_is_valid(draft: Draft, call: Call) -> None:
    """Any name of the form of an instance type: reseal has no list of them."""
    if not _TYPE.match(type_of(call)):
        compute_errors.BAD_INSTANCE_TYPE.refuse(type=call["InstanceType"])


def type_of(call: Call) -> str:
    return call["InstanceType"] or DEFAULT_TYPE


def zone_is_known(draft: Draft, call: Call) -> None:
    """Of Placement the zone counts, and the tenancy may be said to be the usual one."""
    placement = {name: value for name, value in (call["Placement"] or {}).items() if value not in (None, "")}
    strange = sorted(placement.keys() - {"AvailabilityZone", "AvailabilityZoneId", "Tenancy"})
    if strange or placement.get("Tenancy", "default") != "default":
        raise Refused(not_simulated(f"{', '.join(strange) or 'Tenancy'} of Placement"))
    if len(placement.keys() - {"Tenancy"}) > 1:
        volume_errors.ZONE_TWICE.refuse()
    if zone_of(call) not in places.zones(call.region):
        compute_errors.BAD_LAUNCH_ZONE.refuse(zone=zone_of(call))


def zone_of(call: Call) -> str:
    """Where none is asked for, the Region's first (inferred: AWS takes one that has room)."""
    placement = call["Placement"] or {}
    by_id = placement.get("AvailabilityZoneId")
    named = placement.get("AvailabilityZone") or (places.zone_of_id(call.region, by_id) or by_id if by_id else "")
    return named or places.zones(call.region)[0]


def image_is_launchable(draft: Draft, call: Call) -> None:
    draft.frame.memo["image"] = launchable_image(draft, call, call["ImageId"])


def image_of(draft: Draft) -> Image:
    return draft.frame.memo["image"]


def volumes_can_be_made(draft: Draft, call: Call) -> None:
    """Sizes, types and keys of all volumes, planned before anything is asked of IAM: policies see them."""
    asked = devices.encryption_of(call["BlockDeviceMappings"])
    planned = [
        _planned(draft, call, device, *asked.get(device.device, (None, None)))
        for device in devices.changed(image_of(draft).devices, call["BlockDeviceMappings"], goes=False)
    ]
    draft.frame.memo["volumes"] = tuple(planned)


def volumes_of(draft: Draft) -> tuple[Planned, ...]:
    return draft.frame.memo["volumes"]


def _planned(draft: Draft, call: Call, device: BlockDevice, encrypted: bool | None, key_id: str | None) -> Planned:
    source = _snapshot(draft, call, device.snapshot_id) if device.snapshot_id else None
    size = devices.sized(device, source)
    within_limits(device.type, size, device.iops, device.throughput)
    if key_id and not encrypted:
        volume_errors.KEY_WITHOUT_ENCRYPTED.refuse()
    if encrypted is False and source and source.encrypted:
        volume_errors.FALSE_OF_ENCRYPTED.refuse()
    wants_key = device.encrypted if source is None and encrypted is None else encrypted
    key = key_for(draft, call, source, wants_key, key_id)
    return Planned(device, Wanted(zone_of(call), size, device.type, device.iops, device.throughput, source, key))


def _snapshot(draft: Draft, call: Call, id: str) -> Any:
    """A snapshot of the image, or one that the caller may see."""
    found = find_snapshot(draft, call.region, id)
    if found and (_is_of_image(draft, id) or found.is_visible_to(call.account)):
        if found.state != "completed":
            volume_errors.SNAPSHOT_PENDING.refuse(state=found.state)
        if not found.is_at_hand:
            feature_errors.ARCHIVED.refuse()
        return found
    raise Refused(
        volume_errors.SNAPSHOT_GONE, Refusal(Cause.SNAPSHOT_NOT_SHARED if found else Cause.SNAPSHOT_NOT_FOUND)
    )


def _is_of_image(draft: Draft, snapshot_id: str) -> bool:
    return any(device.snapshot_id == snapshot_id for device in image_of(draft).devices)


# what policies are asked (ST:instances_lifecycle, iam_resources [V])


def may_launch(draft: Draft, call: Call) -> None:
    for resource in (
        image_resource(draft, call, call["ImageId"]),
        _new_instance(call),
        *(_new_volume(call, each.wanted) for each in volumes_of(draft)),
        *_named_snapshots(draft, call),
        *_network(call),
    ):
        authorize(draft, call, "ec2:RunInstances", resource, CALLER)
    authorize_tags(draft, call, "instance", instance_arn(call.region, call.account, "*"))
    authorize_tags(draft, call, "volume", volume_arn(call.region, call.account, "*"))


def _new_instance(call: Call) -> Resource:
    context = instance_context(type_of(call), zone_of(call)) | {"ec2:InstanceID": "*"}
    context |= tag_context(requested_tags(call, "instance"))
    return Resource(instance_arn(call.region, call.account, "*"), call.account, context=context)


def _new_volume(call: Call, wanted: Wanted) -> Resource:
    iops = iops_of(wanted.type, wanted.size_gib, wanted.iops)
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
    where = {"ec2:AvailabilityZone": zone_of(call), "ec2:IsLaunchTemplateResource": "false"}
    return [Resource(f"{arn}:{kind}/{id}", call.account, context=where) for kind, id in ids if id]
