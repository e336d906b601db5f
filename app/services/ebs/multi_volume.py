"""CreateSnapshots: one moment of all volumes of an instance (ebs.md 1.3 [D]). As CreateSnapshot, no KMS call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.authority import AUTHORIZE, CALLER, Resource
from app.kernel.operation import job, operation
from app.services.ebs import compute_errors, errors, feature_errors, notices, tags
from app.services.ebs.compute_records import Attachment
from app.services.ebs.compute_rules import attachments_of, instance_resource, own_instance, well_formed_instance
from app.services.ebs.records import Volume
from app.services.ebs.requests import DRY_RUN, ascii_description, required
from app.services.ebs.resource_ids import VOLUME_ID_ANSWERS, well_formed_volume
from app.services.ebs.rules import new_snapshot, own_snapshot, own_volume, volume_resource
from app.services.ebs.snapshots import COMPLETES_AFTER_MS, may_tag_snapshot, shown_when_asked_for, taken

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

EXCLUDED_MAX = 127


def _instance_id(call: Call) -> str:
    return call["InstanceSpecification"].get("InstanceId") or ""


def _excluded(call: Call) -> list[str]:
    return call["InstanceSpecification"].get("ExcludeDataVolumeIds") or []


def _chosen(draft: Draft, call: Call) -> list[Attachment]:
    """Attachments of the instance in the order of their devices, without those that are left out."""
    instance = own_instance(draft, call, _instance_id(call))
    without_root = bool(call["InstanceSpecification"].get("ExcludeBootVolume"))
    left_out = set(_excluded(call))
    return [
        each
        for each in attachments_of(draft, instance)
        if each.volume_id not in left_out and not (without_root and each.device == instance.root_device)
    ]


def _request_is_well_formed(draft: Draft, call: Call) -> None:
    if not _instance_id(call):
        errors.MISSING_PARAMETER.refuse(name="InstanceId")
    well_formed_instance(_instance_id(call))
    for id in _excluded(call):
        well_formed_volume(id)
    if len(_excluded(call)) > EXCLUDED_MAX:
        feature_errors.TOO_MANY_EXCLUDED.refuse()
    if call["CopyTagsFromSource"] not in (None, "volume"):
        feature_errors.BAD_TAG_SOURCE.refuse(value=call["CopyTagsFromSource"])


def _instance(draft: Draft, call: Call) -> Resource:
    return instance_resource(draft, call, _instance_id(call))


def _volumes(draft: Draft, call: Call) -> tuple[Resource, ...]:
    return tuple(volume_resource(draft, call, each.volume_id) for each in _chosen(draft, call))


def _instance_is_there(draft: Draft, call: Call) -> None:
    own_instance(draft, call, _instance_id(call))


def _something_is_left(draft: Draft, call: Call) -> None:
    """The root volume is left out by its own parameter, not by its id."""
    instance = own_instance(draft, call, _instance_id(call))
    for each in attachments_of(draft, instance):
        if each.device == instance.root_device and each.volume_id in _excluded(call):
            feature_errors.ROOT_EXCLUDED.refuse(id=each.volume_id)
    if not _chosen(draft, call):
        feature_errors.NOTHING_LEFT.refuse(id=instance.id)


@operation(
    "ec2",
    "CreateSnapshots",
    honours={"InstanceSpecification", "Description", "TagSpecifications", "CopyTagsFromSource", "DryRun"},
    checks=(
        required("InstanceSpecification"),
        _request_is_well_formed,
        ascii_description,
        tags.specified("snapshot"),
        _instance_is_there,
        AUTHORIZE(
            ("ec2:CreateSnapshots", _instance, CALLER),
            ("ec2:CreateSnapshots", _volumes, CALLER),
            ("ec2:CreateSnapshots", new_snapshot, CALLER),
        ),
        may_tag_snapshot,
        DRY_RUN,
        _something_is_left,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        compute_errors.INSTANCE_MALFORMED,
        *VOLUME_ID_ANSWERS,
        feature_errors.TOO_MANY_EXCLUDED,
        feature_errors.BAD_TAG_SOURCE,
        errors.NOT_ASCII,
        compute_errors.INSTANCE_NOT_FOUND,
        errors.UNAUTHORIZED,
        feature_errors.ROOT_EXCLUDED,
        feature_errors.NOTHING_LEFT,
        *tags.ANSWERS,
    ),
)
def create_snapshots(draft: Draft, call: Call) -> Answer:
    """One snapshot a volume, all of the same moment. Excludes the root, or up to 127 other volumes, where asked to."""
    volumes = (own_volume(draft, call, each.volume_id) for each in _chosen(draft, call))
    shown = [_snapshot(draft, call, volume) for volume in volumes if volume]
    ids = [each["SnapshotId"] for each in shown]
    draft.later(
        "several_snapshots_complete",
        after_ms=COMPLETES_AFTER_MS,
        about=ids,
        snapshot_ids=ids,
        started_ms=call.at_ms,
    )
    return {"Snapshots": shown}


def _snapshot(draft: Draft, call: Call, volume: Volume) -> dict[str, Any]:
    """With the volume's tags, if they are asked for, beneath those of the request."""
    snapshot = taken(draft, call, volume, call["Description"] or "")
    if call["CopyTagsFromSource"]:
        place = (call.account, call.region)
        of_volume = tags.tags_of(draft, *place, volume.id)
        tags.put_tags(draft, call, snapshot.id, "snapshot", of_volume | tags.tags_of(draft, *place, snapshot.id))
    return shown_when_asked_for(draft, snapshot)


@job("several_snapshots_complete")
def several_snapshots_complete(draft: Draft, call: Call) -> None:
    """Tell what came of all of them; those that were deleted meanwhile are left out."""
    found = [own_snapshot(draft, call, id) for id in call["snapshot_ids"]]
    there = [snapshot for snapshot in found if snapshot]
    if there:
        notices.several_were_created(draft, call.account, there, call["started_ms"])
