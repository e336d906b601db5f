"""DescribeVolumes, and how a volume shows in answers (ebs.md 1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import anything
from app.kernel.clock import moment
from app.kernel.operation import operation
from app.services.ebs import errors, places, requests, tags, volume_errors
from app.services.ebs.opening import attached, attached_filters
from app.services.ebs.records import Volume
from app.services.ebs.requests import DRY_RUN, page, start_after
from app.services.ebs.resource_ids import listed_volumes
from app.services.ebs.rules import on, own_volume, volume_arn

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

UNMANAGED = {"Managed": False, "HiddenByDefault": False}  # by another service: no volume of a world is

_FILTERS: requests.FilterTable = {
    "availability-zone": lambda volume: volume.zone,
    "availability-zone-id": lambda volume: places.zone_id(volume.zone),
    "create-time": lambda volume: moment(volume.created_ms).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "encrypted": lambda volume: str(volume.encrypted).lower(),
    "multi-attach-enabled": lambda volume: str(volume.multi_attach).lower(),
    "size": lambda volume: str(volume.size_gib),
    "snapshot-id": lambda volume: volume.snapshot_id,
    "status": lambda volume: volume.state,
    "volume-id": lambda volume: volume.id,
    "volume-type": lambda volume: volume.type,
}


@operation(
    "ec2",
    "DescribeVolumes",
    honours={"VolumeIds", "Filters", "MaxResults", "NextToken", "DryRun"},
    inert={"IncludeManagedResources": "no volume of a world is managed by another service"},
    checks=(on("ec2:DescribeVolumes", anything), DRY_RUN, listed_volumes),
    answers=(
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
        errors.MISSING_PARAMETER,
        volume_errors.VOLUME_NO_PREFIX,
        errors.BAD_FILTER,
        errors.BAD_PAGE_SIZE,
        errors.BAD_PAGE_TOKEN,
        errors.PAGE_AND_IDS,
    ),
    reads=True,
)
def describe_volumes(draft: Draft, call: Call) -> Answer:
    """The caller's volumes of the Region, in the order of their ids; those named must all be there."""
    after = start_after(draft, call)
    table = {**_FILTERS, **attached_filters(draft)}
    test = requests.matches(call, table, lambda volume: tags.tags_of(draft, call.account, call.region, volume.id))
    found, more = page(call, filter(test, candidates(draft, call, after)), lambda volume: volume.id, ids="VolumeIds")
    return {"Volumes": [shown(draft, volume) for volume in found], **more}


def candidates(draft: Draft, call: Call, after: str) -> Iterator[Volume]:
    if not any(call["VolumeIds"] or ()):
        yield from draft.scan(
            Volume, call.account, call.region, after=(call.account, call.region, after) if after else ()
        )
        return
    for id in sorted(set(call["VolumeIds"])):
        volume = own_volume(draft, call, id)
        if volume is None:
            volume_errors.VOLUME_NOT_FOUND.refuse(id=id)
        yield volume


def shown(draft: Draft, volume: Volume) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "VolumeId": volume.id,
        "Size": volume.size_gib,
        "SnapshotId": volume.snapshot_id,
        "AvailabilityZone": volume.zone,
        "AvailabilityZoneId": places.zone_id(volume.zone),
        "State": volume.state,
        "CreateTime": moment(volume.created_ms),
        "Attachments": attached(draft, volume),
        "VolumeType": volume.type,
        "Encrypted": volume.encrypted,
        "MultiAttachEnabled": volume.multi_attach,
        "OwnerId": volume.account,
        "VolumeArn": volume_arn(volume.region, volume.account, volume.id),
        "Operator": UNMANAGED,
    }
    optional = {
        "Tags": tags.tag_list(tags.tags_of(draft, volume.account, volume.region, volume.id)),
        "VolumeInitializationRate": volume.initialization_rate,
        "KmsKeyId": volume.key_arn,
        "Iops": volume.iops,
        "Throughput": volume.throughput,
        "SourceVolumeId": volume.source_volume_id,
    }
    return answer | {name: value for name, value in optional.items() if value}
