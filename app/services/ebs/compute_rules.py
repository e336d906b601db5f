"""Images and instances as policies see them: ids, ARNs, condition keys, and who may launch an image.

Images have no account in their ARN, like snapshots; instances do (ebs.md 1.1). Condition keys and their values are
those of decoded authorization messages of RunInstances and RegisterImage (ST:instances_lifecycle, ST:images_sharing
[V]). Who belongs to an organization is known to Organizations; it tells through the kernel, as condition keys of a
caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import Resource, tag_context
from app.services.ebs import compute_errors as errors
from app.services.ebs.compute_records import Attachment, Image, Instance
from app.services.ebs.errors import MISSING_PARAMETER
from app.services.ebs.places import zone_id
from app.services.ebs.resource_ids import is_image_id
from app.services.ebs.rules import requested_tags, resource_tags

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Check
    from app.policy.question import ContextValue

_INSTANCE_ID = re.compile(r"i-[0-9a-fA-F]{1,8}\Z|i-[0-9a-f]{17}\Z")  # a short one need not be whole (ST [V])


# ids


def well_formed_image(id: str | None) -> None:
    """Empty, without its prefix, and with wrong digits are three errors."""
    if not id:
        MISSING_PARAMETER.refuse(name="ImageId")
    if not is_image_id(id):
        (errors.IMAGE_MALFORMED if id.startswith("ami-") else errors.IMAGE_NO_PREFIX).refuse(id=id)


def image_id(parameter: str = "ImageId") -> Check:
    return lambda draft, call: well_formed_image(call[parameter])


def well_formed_instance(id: str) -> None:
    if not _INSTANCE_ID.match(id):
        errors.INSTANCE_MALFORMED.refuse(id=id)


def instance_ids(draft: Draft, call: Call) -> None:
    for id in call["InstanceIds"] or ():
        well_formed_instance(id)


def instance_id(draft: Draft, call: Call) -> None:
    if call["InstanceId"] is not None:
        well_formed_instance(call["InstanceId"])


# what there is


def names_of(draft: Draft, call: Call) -> frozenset[str]:
    """The ids under which an image may be shared with the caller: its account, organization and units."""
    provider = draft.services.provider("organization_layers")
    context = provider(draft.world, call.caller, call.account).context if provider else {}
    paths = context.get("aws:PrincipalOrgPaths", ())
    above = (part for path in paths for part in path.split("/") if part)
    return frozenset({call.account, *above})


def find_image(draft: Draft, region: str, id: str) -> Image | None:
    """An image of the Region, whoever owns it; deregistered ones too."""
    return draft.find(Image, "id", region, id)


def visible_image(draft: Draft, call: Call, id: str, region: str = "") -> Image | None:
    found = find_image(draft, region or call.region, id)
    return found if found and found.is_there and found.is_launchable_by(names_of(draft, call)) else None


def own_image(draft: Draft, call: Call, id: str) -> Image:
    """The caller's image; who does not own it is told so, other than with a snapshot (ST:images_sharing [V])."""
    found = find_image(draft, call.region, id)
    if found is None:
        errors.IMAGE_NOT_FOUND.refuse(id=id)
    if found.account != call.account:
        errors.IMAGE_NOT_YOURS.refuse(id=id)
    if not found.is_there:
        errors.IMAGE_UNAVAILABLE.refuse(id=id)
    return found


def image_is_own(draft: Draft, call: Call) -> None:
    own_image(draft, call, call["ImageId"])


def launchable_image(draft: Draft, call: Call, id: str, region: str = "") -> Image:
    """The image, where the caller may launch and copy it; refused with why not."""
    found = find_image(draft, region or call.region, id)
    if found is None:
        errors.IMAGE_NOT_FOUND.refuse(id=id)
    if not found.is_launchable_by(names_of(draft, call)):
        errors.IMAGE_NOT_SHARED.refuse(id=id)
    if not found.is_there:
        errors.IMAGE_UNAVAILABLE.refuse(id=id)
    if found.state != "available":
        errors.IMAGE_NOT_READY.refuse(id=id, state=found.state)
    return found


def images_of_snapshot(draft: Draft, region: str, snapshot_id: str) -> Iterator[Image]:
    yield from draft.scan_index(Image, "snapshot", region, snapshot_id)


def own_instance(draft: Draft, call: Call, id: str) -> Instance:
    found = draft.get(Instance, call.account, call.region, id)
    if found is None:
        errors.INSTANCE_NOT_FOUND.refuse(ids=id)
    return found


def own_instances(draft: Draft, call: Call) -> list[Instance]:
    """Those that InstanceIds names, each once; all must be there."""
    asked = list(dict.fromkeys(call["InstanceIds"] or ()))
    found = [draft.get(Instance, call.account, call.region, id) for id in asked]
    gone = [id for id, instance in zip(asked, found, strict=True) if instance is None]
    if gone:
        (errors.INSTANCE_NOT_FOUND if len(gone) == 1 else errors.INSTANCES_NOT_FOUND).refuse(ids=", ".join(gone))
    return [instance for instance in found if instance]


def attachments_of_volume(draft: Draft, account: str, region: str, volume_id: str) -> list[Attachment]:
    return list(draft.scan_index(Attachment, "volume", account, region, volume_id))


def attachments_of(draft: Draft, instance: Instance) -> list[Attachment]:
    """In the order of the devices' names."""
    return list(draft.scan_index(Attachment, "instance", instance.account, instance.region, instance.id))


# resources of questions


def image_arn(region: str, id: str) -> str:
    return f"arn:aws:ec2:{region}::image/{id}"


def instance_arn(region: str, account: str, id: str) -> str:
    return f"arn:aws:ec2:{region}:{account}:instance/{id}"


def image_resource(draft: Draft, call: Call, id: str, region: str = "") -> Resource:
    """An existing image; one that is not there, or not the caller's to see, is asked about as the caller's own."""
    region = region or call.region
    found = find_image(draft, region, id)
    if found is None or not found.is_launchable_by(names_of(draft, call)):
        return Resource(image_arn(region, id), call.account)
    context: dict[str, ContextValue] = {
        "ec2:ImageID": found.id,
        "ec2:ImageType": "machine",
        "ec2:Owner": found.account,
        "ec2:Public": str(found.is_public).lower(),
        "ec2:RootDeviceType": "ebs",
        "ec2:IsLaunchTemplateResource": "false",
    }
    return Resource(image_arn(region, id), found.account, found, context | resource_tags(draft, call, id))


def new_image(draft: Draft, call: Call) -> Resource:
    """`image/*`: the image that the call would make."""
    context = {"ec2:ImageID": "*", "ec2:Owner": call.account} | tag_context(requested_tags(call, "image"))
    return Resource(image_arn(call.region, "*"), call.account, context=context)


def instance_resource(draft: Draft, call: Call, id: str) -> Resource:
    found = draft.get(Instance, call.account, call.region, id)
    context: dict[str, ContextValue] = {}
    if found:
        context = instance_context(found.type, found.zone) | {"ec2:InstanceID": found.id}
    arn = instance_arn(call.region, call.account, id)
    return Resource(arn, call.account, found, context | resource_tags(draft, call, id))


def instance_context(type: str, zone: str) -> dict[str, ContextValue]:
    """Condition keys of an instance of this type in this zone; the rest is the same for all of reseal's."""
    return {
        "ec2:AvailabilityZone": zone,
        "ec2:AvailabilityZoneId": zone_id(zone),
        "ec2:InstanceType": type,
        "ec2:InstanceMarketType": "on-demand",
        "ec2:InstanceBandwidthWeighting": "default",
        "ec2:IsLaunchTemplateResource": "false",
        "ec2:RootDeviceType": "ebs",
        "ec2:Tenancy": "default",
        "ec2:ebsOptimized": "false",
    }


def named_image(parameter: str = "ImageId") -> Any:
    return lambda draft, call: image_resource(draft, call, call[parameter])


def named_instance(draft: Draft, call: Call) -> Resource:
    return instance_resource(draft, call, call["InstanceId"])


def named_instances(draft: Draft, call: Call) -> tuple[Resource, ...]:
    return tuple(instance_resource(draft, call, id) for id in call["InstanceIds"] or ())
