"""RunInstances: an instance and its volumes (ebs.md 1.7).

The answer is `pending` whatever the keys are worth. Then the launch does for each volume what CreateVolume does, with
the launcher's rights and the request id of RunInstances, and opens it as AttachVolume does. Where KMS refuses, the
instance ends, with a StateReason that does not say that it was a permission. An image gives its launcher access to its
snapshots without sharing them (ebs.md 1.9); the keys are asked all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel import audit
from app.kernel.draft import Result
from app.kernel.errors import AwsError, Refusal
from app.kernel.operation import job, operation
from app.services.ebs import (
    compute_errors,
    devices,
    envelope,
    errors,
    feature_errors,
    launch_plan,
    opening,
    plane,
    requests,
    tags,
    volume_errors,
)
from app.services.ebs.compute_records import Instance
from app.services.ebs.compute_rules import attachments_of, image_id
from app.services.ebs.instance_listing import shown
from app.services.ebs.instances import ENDS_AFTER_MS
from app.services.ebs.launch_plan import Planned, image_of, type_of, volumes_of, zone_of
from app.services.ebs.records import Volume
from app.services.ebs.requests import CLIENT_TOKEN, DRY_RUN, required
from app.services.ebs.rules import requested_tags
from app.services.ebs.volume_limits import LIMITS
from app.services.ebs.volume_making import put_volume
from app.services.ebs.volume_settling import hydrate, remove_volume

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

LAUNCHES_AFTER_MS = 3_000  # lifelike; presentation only (ebs.md 8)
ATTACHES_AFTER_MS = 2_000
NO_NETWORK = "no network is simulated: it is asked about in policies, and nothing else comes of it"


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
        launch_plan.counts_are_valid,
        launch_plan.type_is_valid,
        launch_plan.zone_is_known,
        devices.mappings_are_well_formed,
        tags.specified("instance", "volume", "network-interface"),
        launch_plan.image_is_launchable,
        launch_plan.volumes_can_be_made,
        launch_plan.may_launch,
        DRY_RUN,
        CLIENT_TOKEN,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        compute_errors.IMAGE_MALFORMED,
        compute_errors.IMAGE_NO_PREFIX,
        compute_errors.BAD_COUNT,
        compute_errors.BAD_INSTANCE_TYPE,
        volume_errors.ZONE_TWICE,
        compute_errors.BAD_LAUNCH_ZONE,
        compute_errors.NO_DEVICE_NAME,
        compute_errors.DEVICE_TWICE,
        *tags.ANSWERS,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.IMAGE_NOT_SHARED,
        compute_errors.IMAGE_UNAVAILABLE,
        compute_errors.IMAGE_NOT_READY,
        volume_errors.SNAPSHOT_GONE,
        volume_errors.SNAPSHOT_PENDING,
        feature_errors.ARCHIVED,
        compute_errors.NO_SIZE,
        compute_errors.SIZE_BELOW_SNAPSHOT,
        *LIMITS,
        volume_errors.KEY_WITHOUT_ENCRYPTED,
        volume_errors.FALSE_OF_ENCRYPTED,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.TOKEN_REUSED,
    ),
    settles=(compute_errors.KEY_STATE,),
    across_accounts="from an image that is shared or public",
)
def run_instances(draft: Draft, call: Call) -> Answer:
    """Launch instances from an image; sizes in GiB. They run, or end with a StateReason, on the world's clock.

    Tags for network interfaces are taken and have no effect: there are none.
    """
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
    image = image_of(draft)
    instance = draft.put(
        Instance(
            account=call.account,
            region=call.region,
            id=draft.new_id("i", call.account, call.region),
            image_id=image.id,
            type=type_of(call),
            zone=zone_of(call),
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
    made = [_with_volume(draft, call, instance, each) for each in volumes_of(draft)]
    about = (instance.id, *(volume["volume_id"] for volume in made))
    draft.later("settle_launch", after_ms=LAUNCHES_AFTER_MS, about=about, instance_id=instance.id, volumes=made)
    return instance


def _with_volume(draft: Draft, call: Call, instance: Instance, planned: Planned) -> dict[str, Any]:
    wanted, device = planned.wanted, planned.device
    volume = put_volume(draft, call, wanted)
    draft.put(opening.new_attachment(call, volume, instance, device.device, device.delete_on_termination))
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
                opening.opened(draft, volume, instance, each)
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
