"""DescribeImages: whose images one sees, and what of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from typing import TYPE_CHECKING, Any

from app.kernel.authority import anything
from app.kernel.clock import whole_second
from app.kernel.operation import operation
from app.services.ebs import compute_errors, errors, requests, tags
from app.services.ebs.compute_records import BlockDevice, Image
from app.services.ebs.compute_rules import find_image, names_of, well_formed_image
from app.services.ebs.requests import DRY_RUN, page, start_after
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

PAGE_MIN = 5


def _created(image: Image) -> str:
    return whole_second(image.created_ms).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _of_devices(value: Callable[[BlockDevice], str]) -> Callable[[Image], tuple[str, ...]]:
    return lambda image: tuple(value(each) for each in image.devices)


_FILTERS: requests.FilterTable = {
    "architecture": lambda image: image.architecture,
    "block-device-mapping.delete-on-termination": _of_devices(lambda each: str(each.delete_on_termination).lower()),
    "block-device-mapping.device-name": _of_devices(lambda each: each.device),
    "block-device-mapping.encrypted": _of_devices(lambda each: str(each.encrypted).lower()),
    "block-device-mapping.snapshot-id": _of_devices(lambda each: each.snapshot_id),
    "block-device-mapping.volume-size": _of_devices(lambda each: str(each.size_gib)),
    "block-device-mapping.volume-type": _of_devices(lambda each: each.type),
    "creation-date": _created,
    "description": lambda image: image.description,
    "ena-support": lambda image: str(image.ena).lower(),
    "hypervisor": lambda image: "xen",
    "image-id": lambda image: image.id,
    "image-type": lambda image: "machine",
    "is-public": lambda image: str(image.is_public).lower(),
    "name": lambda image: image.name,
    "owner-alias": lambda image: (),
    "owner-id": lambda image: image.account,
    "platform": lambda image: (),
    "root-device-name": lambda image: image.root_device,
    "root-device-type": lambda image: "ebs",
    "source-image-id": lambda image: image.source_image_id,
    "source-image-region": lambda image: image.source_region,
    "source-instance-id": lambda image: image.source_instance_id,
    "state": lambda image: image.state,
    "virtualization-type": lambda image: image.virtualization,
}


def _request_is_well_formed(draft: Draft, call: Call) -> None:
    for id in call["ImageIds"] or ():
        well_formed_image(id)
    if call["MaxResults"] is not None and call["MaxResults"] < PAGE_MIN:
        compute_errors.IMAGE_PAGE_SIZE.refuse(value=call["MaxResults"])
    if call["MaxResults"] is not None and call["ImageIds"]:
        compute_errors.IMAGE_PAGE_AND_IDS.refuse()


@operation(
    "ec2",
    "DescribeImages",
    honours={"ImageIds", "Owners", "ExecutableUsers", "Filters", "MaxResults", "NextToken", "DryRun"},
    inert={
        "IncludeDeprecated": "no image of a world is ever deprecated",
        "IncludeDisabled": "no image of a world is ever disabled",
    },
    checks=(on("ec2:DescribeImages", anything), DRY_RUN, _request_is_well_formed),
    answers=(
        errors.UNAUTHORIZED,
        errors.MISSING_PARAMETER,
        compute_errors.IMAGE_MALFORMED,
        compute_errors.IMAGE_NO_PREFIX,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.IMAGE_PAGE_SIZE,
        compute_errors.IMAGE_PAGE_AND_IDS,
        errors.BAD_FILTER,
        errors.BAD_PAGE_TOKEN,
    ),
    reads=True,
    across_accounts="shared and public images are seen",
)
def describe_images(draft: Draft, call: Call) -> Answer:
    """Images of the Region that the caller may launch. One that is not shared, or deregistered, is left out; only an
    id that never was is an error (ST:images_sharing [V])."""
    names = names_of(draft, call)
    test = requests.matches(call, _FILTERS, lambda image: tags.tags_of(draft, call.account, call.region, image.id))
    wanted = (
        image
        for image in _candidates(draft, call, names)
        if image.is_there and image.is_launchable_by(names) and _is_wanted(call, image, names) and test(image)
    )
    found, more = page(call, wanted, lambda image: image.id)
    return {"Images": [shown(draft, call, image) for image in found], **more}


def _candidates(draft: Draft, call: Call, names: frozenset[str]) -> Iterator[Image]:
    """Named ones; else a merge of own, shared and public ones by id, each from its index."""
    if call["ImageIds"]:
        yield from _named(draft, call)
        return
    account, region, cursor = call.account, call.region, start_after(draft, call)

    def behind(*prefix: str) -> tuple[str, ...]:
        return (*prefix, cursor) if cursor else ()

    own = draft.scan(Image, account, region, after=behind(account, region))
    shared = [draft.scan_index(Image, "shared", name, region, after=behind(name, region)) for name in sorted(names)]
    public = draft.scan_index(Image, "public", region, after=behind(region))
    last = ""
    for image in merge(own, *shared, public, key=lambda each: each.id):
        if image.id != last:
            last = image.id
            yield image


def _named(draft: Draft, call: Call) -> Iterator[Image]:
    for id in sorted(set(call["ImageIds"])):
        image = find_image(draft, call.region, id)
        if image is None:
            compute_errors.IMAGE_NOT_FOUND.refuse(id=id)
        yield image


def _is_wanted(call: Call, image: Image, names: frozenset[str]) -> bool:
    """Owners and ExecutableUsers narrow what is visible; each is a list of which one must fit."""
    owners, users = call["Owners"], call["ExecutableUsers"]
    if owners and image.account not in (call.account if owner == "self" else owner for owner in owners):
        return False
    return not users or any(
        _is_given_to(image, call.account if user == "self" else user, call, names) for user in users
    )


def _is_given_to(image: Image, user: str, call: Call, names: frozenset[str]) -> bool:
    """By an explicit permission; the caller's own account also by one of its organization or units [D]."""
    if user == "all":
        return image.is_public
    meant = names if user == call.account else {user}
    return any(each.holder in meant for each in image.permissions)


def shown(draft: Draft, call: Call, image: Image) -> dict[str, Any]:
    """An image as this account sees it: with its own tags; only the owner sees how it is protected."""
    answer: dict[str, Any] = {
        "ImageId": image.id,
        "ImageLocation": f"{image.account}/{image.name}",
        "ImageType": "machine",
        "Name": image.name,
        "OwnerId": image.account,
        "State": image.state,
        "CreationDate": _created(image),
        "Public": image.is_public,
        "Architecture": image.architecture,
        "VirtualizationType": image.virtualization,
        "Hypervisor": "xen",
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "RootDeviceName": image.root_device,
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": [_device(image, each) for each in image.devices],
    }
    optional = {
        "Tags": tags.tag_list(tags.tags_of(draft, call.account, image.region, image.id)),
        "Description": image.description,
        "EnaSupport": image.ena,
        "BootMode": image.boot_mode,
        "ImdsSupport": image.imds_support,
        "SourceInstanceId": image.source_instance_id,
        "SourceImageId": image.source_image_id,
        "SourceImageRegion": image.source_region,
    }
    answer |= {name: value for name, value in optional.items() if value}
    if image.account == call.account:
        answer["DeregistrationProtection"] = "disabled"
    if image.state == "failed":
        answer["StateReason"] = {"Code": "Client.InternalError", "Message": image.reason}  # the code is inferred
    return answer


def _device(image: Image, device: BlockDevice) -> dict[str, Any]:
    """While an image is pending its snapshots are not named (ST:instances_lifecycle [V])."""
    ebs: dict[str, Any] = {
        "DeleteOnTermination": device.delete_on_termination,
        "VolumeType": device.type,
        "Encrypted": device.encrypted,
    }
    ready = {"SnapshotId": device.snapshot_id, "VolumeSize": device.size_gib} if image.state != "pending" else {}
    optional = {"Iops": device.iops, "Throughput": device.throughput, **ready}
    return {"DeviceName": device.device, "Ebs": ebs | {name: value for name, value in optional.items() if value}}
