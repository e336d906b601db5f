"""Images and instances as an account exports them: DescribeImages with launch permissions, DescribeInstances.

An instance that runs holds its encrypted volumes open: each attachment has its data key in the plain, as the hypervisor
keeps it, and the grant that EC2's infrastructure role holds, where the key's grants tell it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from app.crypto.material import Secret
from app.kernel.internal import place
from app.kernel.records import replace
from app.services.ebs.compute_records import Attachment, BlockDevice, Image, Instance, LaunchPermission
from app.services.ebs.opening import infrastructure
from app.services.ebs.placing_desk import Desk, Told, is_zone, place_tags, volume_of, wrapped
from app.services.ebs.records import Volume

_IMAGES: Final = ("available", "failed")  # states that stay as they are
_INSTANCES: Final = ("running", "stopped")
_MEMBERS: Final[tuple[Literal["UserId", "OrganizationArn", "OrganizationalUnitArn"], ...]] = (
    "UserId",
    "OrganizationArn",
    "OrganizationalUnitArn",
)
_MADE: Final = ("data_key", "key_arn", "grant_id")
INFERRED: Final = (
    "`reseal world import`: of images those on EBS are imported, available and failed ones; of instances those that "
    "run or are stopped, with their volumes alone: no network, instance profile or user data.",
    "`reseal world import`: an attached, encrypted volume has the grant of EC2's infrastructure role that the key's "
    "grants tell, or none.",
)


# images


def place_images(desk: Desk, images: Iterable[Told]) -> None:
    for told in images:
        if reason := _image_left_out(told):
            desk.left_out.append(f"{told['ImageId']}: {reason}")
            continue
        image = _image(desk, told)
        desk.note("image", image.id, place(desk.draft, image))
        place_tags(desk, image.id, "image", told)


def _image_left_out(told: Told) -> str:
    if told["State"] not in _IMAGES:
        return f"it was {told['State']}"
    kind = told.get("RootDeviceType") or "ebs"
    return "" if kind == "ebs" else f"reseal does not simulate images whose root device is {kind}"


def _image(desk: Desk, told: Told) -> Image:
    permissions = told.get("LaunchPermissions") or ()
    return Image(
        account=desk.account,
        region=desk.region,
        id=told["ImageId"],
        name=told["Name"],
        state=told["State"],
        created_ms=told.get("CreationDate") or 0,
        architecture=told.get("Architecture") or "x86_64",
        virtualization=told.get("VirtualizationType") or "hvm",
        boot_mode=told.get("BootMode") or "",
        imds_support=told.get("ImdsSupport") or "",
        ena=bool(told.get("EnaSupport")),
        root_device=told.get("RootDeviceName") or "",
        devices=tuple(_device(one) for one in told.get("BlockDeviceMappings") or () if one.get("Ebs")),
        permissions=tuple(_permissions(permissions)),
        is_public=any(one.get("Group") == "all" for one in permissions),
        source_instance_id=told.get("SourceInstanceId") or "",
        source_image_id=told.get("SourceImageId") or "",
        source_region=told.get("SourceImageRegion") or "",
    )


def _device(told: Told) -> BlockDevice:
    ebs = told["Ebs"]
    return BlockDevice(
        device=told.get("DeviceName") or "",
        snapshot_id=ebs.get("SnapshotId") or "",
        size_gib=ebs.get("VolumeSize") or 0,
        type=ebs.get("VolumeType") or "gp2",
        iops=ebs.get("Iops"),
        throughput=ebs.get("Throughput"),
        encrypted=bool(ebs.get("Encrypted")),
        delete_on_termination=bool(ebs.get("DeleteOnTermination")),
    )


def _permissions(told: Iterable[Told]) -> Iterator[LaunchPermission]:
    for one in told:
        yield from (LaunchPermission(member, one[member]) for member in _MEMBERS if one.get(member))


# instances


def _instances(reservations: Iterable[Told]) -> Iterator[tuple[str, Told]]:
    for told in reservations:
        yield from ((told.get("ReservationId") or "", one) for one in told.get("Instances") or ())


def _instance_left_out(told: Told, region: str) -> str:
    state, zone = told["State"].get("Name"), told["Placement"].get("AvailabilityZone") or ""
    if state not in _INSTANCES:
        return f"it was {state}"
    return "" if is_zone(zone, region) else f"reseal does not simulate the zone {zone} in {region}"


def _attached(told: Told) -> Iterator[tuple[str, str, Told]]:
    """(volume id, device, how)."""
    for one in told.get("BlockDeviceMappings") or ():
        ebs: Mapping[str, Any] = one.get("Ebs") or {}
        if ebs.get("VolumeId"):
            yield ebs["VolumeId"], one.get("DeviceName") or "", ebs


def attached_in(reservations: Iterable[Told], region: str) -> frozenset[str]:
    """The volumes of the instances that will be placed."""
    placed = (told for _, told in _instances(reservations) if not _instance_left_out(told, region))
    return frozenset(volume for told in placed for volume, _, _ in _attached(told))


def place_instances(desk: Desk, reservations: Iterable[Told], attached: Collection[str]) -> None:
    for reservation, told in _instances(reservations):
        id = told["InstanceId"]
        if reason := _instance_left_out(told, desk.region):
            desk.left_out.append(f"{id}: {reason}")
            continue
        instance = _instance(desk, reservation, told)
        desk.note("instance", id, place(desk.draft, instance))
        place_tags(desk, id, "instance", told)
        for volume_id, device, how in _attached(told):
            volume = volume_of(desk, volume_id)
            if volume is None:
                desk.left_out.append(f"{id}: its volume {volume_id} is not told")
            else:
                _attach(desk, instance, volume, device, how)


def _instance(desk: Desk, reservation: str, told: Told) -> Instance:
    return Instance(
        account=desk.account,
        region=desk.region,
        id=told["InstanceId"],
        image_id=told.get("ImageId") or "",
        type=told.get("InstanceType") or "m1.small",
        state=told["State"]["Name"],
        zone=told["Placement"]["AvailabilityZone"],
        launched_ms=told.get("LaunchTime") or 0,
        reservation_id=reservation,
        launch_index=told.get("AmiLaunchIndex") or 0,
        architecture=told.get("Architecture") or "x86_64",
        virtualization=told.get("VirtualizationType") or "hvm",
        root_device=told.get("RootDeviceName") or "",
    )


def _attach(desk: Desk, instance: Instance, volume: Volume, device: str, how: Told) -> None:
    attachment = Attachment(
        account=desk.account,
        region=desk.region,
        id=f"{volume.id}/{instance.id}",
        volume_id=volume.id,
        instance_id=instance.id,
        device=device,
        state="attached",
        attached_ms=how.get("AttachTime") or 0,
        delete_on_termination=bool(how.get("DeleteOnTermination")),
    )
    is_new = place(desk.draft, attachment, _MADE)
    if is_new and volume.encrypted and volume.key_arn and instance.state == "running":
        _open(desk, instance, volume, attachment)
    desk.note("attachment", attachment.id, is_new)


def _open(desk: Desk, instance: Instance, volume: Volume, attachment: Attachment) -> None:
    """With one data key for the volume and for who holds it open."""
    data_key, plaintext = wrapped(desk.draft, volume.key_arn, volume.id)
    asked = {"arn": volume.key_arn, "grantee": infrastructure(instance).arn, "context": data_key.context}
    grant_id = desk.draft.internally("HeldGrant", asked)["GrantId"]
    desk.draft.put(replace(volume, data_key=data_key))
    desk.draft.change(attachment, key_arn=volume.key_arn, grant_id=grant_id, data_key=Secret(plaintext))
