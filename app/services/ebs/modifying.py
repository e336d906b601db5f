"""Elastic volumes: ModifyVolume and DescribeVolumesModifications.

A modification is `modifying`, then `optimizing`, when the volume is what was asked for and works at once, and then
`completed`. Its data and its key stay: no call to KMS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import anything
from app.kernel.clock import moment, whole_second
from app.kernel.operation import job, operation
from app.services.ebs import errors, notices, requests, tags, volume_errors
from app.services.ebs.feature_records import Modification
from app.services.ebs.records import Volume
from app.services.ebs.requests import DRY_RUN, page, start_after
from app.services.ebs.resource_ids import VOLUME_ID_ANSWERS, modified_volumes, volume_id
from app.services.ebs.rules import named_volume, on, own_volume
from app.services.ebs.volume_limits import (
    LIMITS,
    VOLUME_TYPES,
    iops_of,
    may_multi_attach,
    named_type,
    throughput_of,
    within_limits,
)
from app.services.ebs.volume_listing import UNMANAGED
from app.services.ebs.volumes import volume_exists

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

HOUR_MS = 3_600_000
GAP_MS = 6 * HOUR_MS  # between two modifications of a volume
OPTIMIZING_AFTER_MS = 5_000  # lifelike; presentation only
COMPLETED_AFTER_MS = HOUR_MS


def _volume(draft: Draft, call: Call) -> Volume:
    found = own_volume(draft, call, call["VolumeId"])
    assert found is not None
    return found


def _last(draft: Draft, volume: Volume) -> Modification | None:
    return draft.get(Modification, volume.account, volume.region, volume.id)


def _type(draft: Draft, call: Call) -> str:
    return named_type(call["VolumeType"] or _volume(draft, call).type)


def _wanted(draft: Draft, call: Call) -> Modification:
    """The modification that the request asks for; what it does not name stays, as far as the new type has it."""
    volume = _volume(draft, call)
    type, size = _type(draft, call), call["Size"] or volume.size_gib
    stays = type == volume.type
    kept = volume.iops if VOLUME_TYPES[type].iops_max and (stays or volume.iops) else None
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
        iops=iops_of(type, size, call["Iops"] or kept),
        throughput=throughput_of(type, call["Throughput"] or (volume.throughput if stays else None)),
        multi_attach=volume.multi_attach if multi_attach is None else multi_attach,
    )


def _it_can_be_modified(draft: Draft, call: Call) -> None:
    volume = _volume(draft, call)
    if volume.state not in ("available", "in-use"):
        volume_errors.NOT_MODIFIABLE.refuse(id=volume.id)
    last = _last(draft, volume)
    if last and last.state in ("modifying", "optimizing"):
        volume_errors.MODIFYING.refuse(id=volume.id, state=last.state.upper())
    if last and draft.world.rules.quotas and call.at_ms - last.started_ms < GAP_MS:
        volume_errors.MODIFIED_TOO_OFTEN.refuse()


def _it_is_a_change(draft: Draft, call: Call) -> None:
    """Something is asked for, within the limits of the type and never smaller. To be what it is already will do [V]."""
    if all(call[name] is None for name in ("Size", "VolumeType", "Iops", "Throughput", "MultiAttachEnabled")):
        volume_errors.NOTHING_TO_MODIFY.refuse()
    volume, type = _volume(draft, call), _type(draft, call)
    if call["Size"] is not None and call["Size"] < volume.size_gib:
        volume_errors.NO_SHRINKING.refuse()
    limits = VOLUME_TYPES.get(type)
    kept = volume.iops if limits and limits.is_provisioned else None
    iops = kept if call["Iops"] is None else call["Iops"]
    within_limits(type, call["Size"] or volume.size_gib, iops, call["Throughput"])
    may_multi_attach(type, _wanted(draft, call).multi_attach)


@operation(
    "ec2",
    "ModifyVolume",
    honours={"VolumeId", "Size", "VolumeType", "Iops", "Throughput", "MultiAttachEnabled", "DryRun"},
    checks=(
        on("ec2:ModifyVolume", named_volume()),
        DRY_RUN,
        volume_id(),
        volume_exists,
        _it_is_a_change,
        _it_can_be_modified,
    ),
    answers=(
        *VOLUME_ID_ANSWERS,
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
        volume_errors.NOT_MODIFIABLE,
        volume_errors.MODIFYING,
        volume_errors.MODIFIED_TOO_OFTEN,
        volume_errors.NO_SHRINKING,
        *LIMITS,
        volume_errors.NO_MULTI_ATTACH,
        volume_errors.NOTHING_TO_MODIFY,
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
    "original-multi-attach-enabled": lambda each: str(each.multi_attach_before).lower(),
    "start-time": lambda each: moment(each.started_ms).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "target-iops": lambda each: str(each.iops or 0),
    "target-size": lambda each: str(each.size_gib),
    "target-volume-type": lambda each: each.type,
    "target-multi-attach-enabled": lambda each: str(each.multi_attach).lower(),
    "volume-id": lambda each: each.id,
}


def _modifications(draft: Draft, call: Call, after: str) -> Iterator[Modification]:
    """Of volumes that are there; those named must have been modified."""
    place = (call.account, call.region)
    if call["VolumeIds"]:
        for id in sorted(set(call["VolumeIds"])):
            if own_volume(draft, call, id) is None:
                volume_errors.VOLUME_NOT_FOUND.refuse(id=id)
            found = draft.get(Modification, *place, id)
            if found is None:
                volume_errors.NO_MODIFICATION.refuse(id=id)
            yield found
    else:
        yield from draft.scan(Modification, *place, after=(*place, after) if after else ())


@operation(
    "ec2",
    "DescribeVolumesModifications",
    honours={"VolumeIds", "Filters", "MaxResults", "NextToken", "DryRun"},
    inert={"IncludeManagedResources": "no volume of a world is managed by another service"},
    checks=(on("ec2:DescribeVolumesModifications", anything), DRY_RUN, modified_volumes),
    answers=(
        errors.UNAUTHORIZED,
        *VOLUME_ID_ANSWERS,
        volume_errors.VOLUME_NOT_FOUND,
        volume_errors.NO_MODIFICATION,
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
    return {"VolumesModifications": [_shown(each) | {"Operator": UNMANAGED} for each in found], **more}


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
        "StartTime": whole_second(found.started_ms),
    }
    optional = {
        "TargetIops": found.iops,
        "TargetThroughput": found.throughput,
        "OriginalIops": found.iops_before,
        "OriginalThroughput": found.throughput_before,
        "EndTime": whole_second(found.ended_ms) if found.ended_ms else None,
    }
    return shown | {name: value for name, value in optional.items() if value}
