"""Elastic volumes: ModifyVolume and DescribeVolumesModifications.

A modification is `modifying`, then `optimizing`, when the volume is what was asked for and works at once, and then
`completed`. Its data and its key stay: no call to KMS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import anything
from app.kernel.clock import moment
from app.kernel.operation import job, operation
from app.services.ebs import errors, feature_errors, notices, requests, tags
from app.services.ebs.feature_records import Modification
from app.services.ebs.records import Volume
from app.services.ebs.requests import DRY_RUN, page, required, start_after, volume_id
from app.services.ebs.rules import named_volume, on, own_volume
from app.services.ebs.volume_listing import ids_are_well_formed
from app.services.ebs.volumes import VOLUME_TYPES, baseline_iops, volume_exists, within_limits

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

HOUR_MS = 3_600_000
GAP_MS = 6 * HOUR_MS  # between two modifications of a volume
OPTIMIZING_AFTER_MS = 5_000  # lifelike; presentation only
COMPLETED_AFTER_MS = HOUR_MS
PROVISIONED = ("io1", "io2")


def _volume(draft: Draft, call: Call) -> Volume:
    found = own_volume(draft, call, call["VolumeId"])
    assert found is not None
    return found


def _last(draft: Draft, volume: Volume) -> Modification | None:
    return draft.get(Modification, volume.account, volume.region, volume.id)


def _wanted(draft: Draft, call: Call) -> Modification:
    """The modification that the request asks for; what it does not name stays, as far as the new type has it."""
    volume = _volume(draft, call)
    type, size = call["VolumeType"] or volume.type, call["Size"] or volume.size_gib
    limits, stays = VOLUME_TYPES.get(type), type == volume.type
    kept_iops = volume.iops if limits and limits.iops_max and (stays or volume.iops) else None
    kept_throughput = volume.throughput if stays else None
    default = limits.throughput_default if limits else None
    multi_attach = call["MultiAttachEnabled"]
    return Modification(
        account=volume.account,
        region=volume.region,
        id=volume.id,
        started_ms=call.at_ms,
        size_before=volume.size_gib,
        type_before=volume.type,
        iops_before=volume.iops,
        throughput_before=volume.throughput,
        multi_attach_before=volume.multi_attach,
        size_gib=size,
        type=type,
        iops=call["Iops"] or kept_iops or (baseline_iops(type, size) if limits else None),
        throughput=call["Throughput"] or kept_throughput or default,
        multi_attach=volume.multi_attach if multi_attach is None else multi_attach,
    )


def _it_can_be_modified(draft: Draft, call: Call) -> None:
    volume = _volume(draft, call)
    if volume.state not in ("available", "in-use"):
        feature_errors.NOT_MODIFIABLE.refuse(id=volume.id)
    last = _last(draft, volume)
    if last and last.state in ("modifying", "optimizing"):
        feature_errors.MODIFYING.refuse(id=volume.id, state=last.state.upper())
    if last and draft.world.rules.quotas and call.at_ms - last.started_ms < GAP_MS:
        feature_errors.MODIFIED_TOO_OFTEN.refuse()


def _it_is_a_change(draft: Draft, call: Call) -> None:
    """Within the limits of the type, never smaller, and other than the volume is."""
    asked, volume = _wanted(draft, call), _volume(draft, call)
    if asked.size_gib < volume.size_gib:
        feature_errors.NO_SHRINKING.refuse()
    limits = VOLUME_TYPES.get(asked.type)
    iops = asked.iops if limits and limits.iops_max else call["Iops"]
    within_limits(asked.type, asked.size_gib, iops, call["Throughput"])
    if asked.multi_attach and asked.type not in PROVISIONED:
        feature_errors.MULTI_ATTACH_ONLY_IO.refuse()
    now = (volume.size_gib, volume.type, volume.iops, volume.throughput, volume.multi_attach)
    if now == (asked.size_gib, asked.type, asked.iops, asked.throughput, asked.multi_attach):
        feature_errors.NOTHING_TO_MODIFY.refuse(id=volume.id)


@operation(
    "ec2",
    "ModifyVolume",
    honours={"VolumeId", "Size", "VolumeType", "Iops", "Throughput", "MultiAttachEnabled", "DryRun"},
    checks=(
        required("VolumeId"),
        volume_id(),
        on("ec2:ModifyVolume", named_volume()),
        DRY_RUN,
        volume_exists,
        _it_can_be_modified,
        _it_is_a_change,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.VOLUME_MALFORMED,
        errors.UNAUTHORIZED,
        errors.VOLUME_NOT_FOUND,
        feature_errors.NOT_MODIFIABLE,
        feature_errors.MODIFYING,
        feature_errors.MODIFIED_TOO_OFTEN,
        feature_errors.NO_SHRINKING,
        errors.BAD_VOLUME_TYPE,
        errors.VOLUME_TOO_SMALL,
        errors.VOLUME_TOO_LARGE,
        errors.IOPS_REQUIRED,
        errors.IOPS_NOT_SUPPORTED,
        errors.IOPS_RANGE,
        feature_errors.MULTI_ATTACH_ONLY_IO,
        feature_errors.NOTHING_TO_MODIFY,
    ),
)
def modify_volume(draft: Draft, call: Call) -> Answer:
    """Begin to make a volume larger, faster or of another type, attached or not; Size in GiB, Throughput in MiB/s.

    The gap of six hours between two modifications is a rate: only where the world has quotas.
    """
    modification = draft.put(_wanted(draft, call))
    _go_on_later(draft, modification, OPTIMIZING_AFTER_MS)
    return {"VolumeModification": _shown(modification)}


def _go_on_later(draft: Draft, modification: Modification, after_ms: int) -> None:
    id, started_ms = modification.id, modification.started_ms
    draft.later("go_on_modifying", after_ms=after_ms, about=(id,), volume_id=id, started_ms=started_ms)


@job("go_on_modifying")
def go_on_modifying(draft: Draft, call: Call) -> None:
    """modifying -> optimizing: the volume is what it was to become. optimizing -> completed."""
    volume = own_volume(draft, call, call["volume_id"])
    found = _last(draft, volume) if volume else None
    if volume is None or found is None or found.started_ms != call["started_ms"]:
        return
    if found.state == "modifying":
        _take_effect(draft, volume, found)
        _go_on_later(draft, draft.change(found, state="optimizing"), COMPLETED_AFTER_MS)
        notices.volume(draft, volume, "modifyVolume", "optimizing")
    elif found.state == "optimizing":
        draft.change(found, state="completed", ended_ms=call.at_ms)
        notices.volume(draft, volume, "modifyVolume", "completed")


def _take_effect(draft: Draft, volume: Volume, found: Modification) -> None:
    draft.change(
        volume,
        size_gib=found.size_gib,
        type=found.type,
        iops=found.iops,
        throughput=found.throughput,
        multi_attach=found.multi_attach,
    )


# what was modified

_FILTERS: requests.FilterTable = {
    "modification-state": lambda each: each.state,
    "original-iops": lambda each: str(each.iops_before or 0),
    "original-size": lambda each: str(each.size_before),
    "original-volume-type": lambda each: each.type_before,
    "originalMultiAttachEnabled": lambda each: str(each.multi_attach_before).lower(),
    "start-time": lambda each: moment(each.started_ms).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "target-iops": lambda each: str(each.iops or 0),
    "target-size": lambda each: str(each.size_gib),
    "target-volume-type": lambda each: each.type,
    "targetMultiAttachEnabled": lambda each: str(each.multi_attach).lower(),
    "volume-id": lambda each: each.id,
}


def _modifications(draft: Draft, call: Call, after: str) -> Iterator[Modification]:
    """Of volumes that are there; those named must have been modified."""
    place = (call.account, call.region)
    if call["VolumeIds"]:
        for id in sorted(set(call["VolumeIds"])):
            if own_volume(draft, call, id) is None:
                errors.VOLUME_NOT_FOUND.refuse(id=id)
            found = draft.get(Modification, *place, id)
            if found is None:
                feature_errors.NO_MODIFICATION.refuse(id=id)
            yield found
    else:
        yield from draft.scan(Modification, *place, after=(*place, after) if after else ())


@operation(
    "ec2",
    "DescribeVolumesModifications",
    honours={"VolumeIds", "Filters", "MaxResults", "NextToken", "DryRun"},
    inert={"IncludeManagedResources": "no volume of a world is managed by another service"},
    checks=(on("ec2:DescribeVolumesModifications", anything), DRY_RUN, ids_are_well_formed),
    answers=(
        errors.UNAUTHORIZED,
        errors.VOLUME_MALFORMED,
        errors.VOLUME_NOT_FOUND,
        feature_errors.NO_MODIFICATION,
        errors.BAD_FILTER,
        errors.BAD_PAGE_SIZE,
        errors.BAD_PAGE_TOKEN,
        errors.PAGE_AND_IDS,
    ),
    reads=True,
)
def describe_modifications(draft: Draft, call: Call) -> Answer:
    """The last modification of each of the caller's volumes that had one."""
    test = requests.matches(call, _FILTERS, lambda each: tags.tags_of(draft, call.account, call.region, each.id))
    rows = filter(test, _modifications(draft, call, start_after(draft, call)))
    found, more = page(call, rows, lambda each: each.id, ids="VolumeIds")
    return {"VolumesModifications": [_shown(each) for each in found], **more}


_PROGRESS = {"modifying": 0, "optimizing": 50, "completed": 100, "failed": 0}  # presentation only


def _shown(found: Modification) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "VolumeId": found.id,
        "ModificationState": found.state,
        "TargetSize": found.size_gib,
        "TargetVolumeType": found.type,
        "TargetMultiAttachEnabled": found.multi_attach,
        "OriginalSize": found.size_before,
        "OriginalVolumeType": found.type_before,
        "OriginalMultiAttachEnabled": found.multi_attach_before,
        "Progress": _PROGRESS[found.state],
        "StartTime": moment(found.started_ms),
    }
    optional = {
        "TargetIops": found.iops,
        "TargetThroughput": found.throughput,
        "OriginalIops": found.iops_before,
        "OriginalThroughput": found.throughput_before,
        "EndTime": moment(found.ended_ms) if found.ended_ms else None,
    }
    return shown | {name: value for name, value in optional.items() if value}
