"""Volumes: CreateVolume and DeleteVolume. A launch makes its volumes here too (launching.py).

CreateVolume answers `creating` whatever its key is worth. The KMS calls (ebs.md 1.2) are made when the volume settles
(volume_settling.py), with the request id of CreateVolume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.authority import AUTHORIZE, CALLER, Resource, tag_context
from app.kernel.clock import whole_second
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import operation
from app.policy.causes import Cause
from app.services.ebs import errors, feature_errors, notices, places, requests, tags, volume_errors
from app.services.ebs.compute_errors import STILL_ATTACHED
from app.services.ebs.compute_rules import attachments_of_volume
from app.services.ebs.records import Snapshot, Volume
from app.services.ebs.requests import DRY_RUN
from app.services.ebs.resource_ids import volume_id_or, well_formed_snapshot
from app.services.ebs.rules import (
    authorize_tags,
    find_snapshot,
    named_volume,
    on,
    own_volume,
    requested_tags,
    snapshot_arn,
    snapshot_resource,
    visible_snapshot,
    volume_arn,
)
from app.services.ebs.volume_limits import (
    LIMITS,
    VOLUME_TYPES,
    initialization_rate_is_valid,
    iops_of,
    may_multi_attach,
    named_type,
    within_limits,
)
from app.services.ebs.volume_listing import shown
from app.services.ebs.volume_making import Wanted, key_for, put_volume
from app.services.ebs.volume_settling import remove_volume

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

SETTLES_AFTER_MS = 2_000  # lifelike; presentation only (ebs.md 8)


# checks, in AWS's order (ebs.md 1.2)


def _zone_is_known(draft: Draft, call: Call) -> None:
    if not call["AvailabilityZone"] and not call["AvailabilityZoneId"]:
        errors.MISSING_PARAMETER.refuse(name="zone")
    if call["AvailabilityZone"] and call["AvailabilityZoneId"]:
        volume_errors.ZONE_TWICE.refuse()
    if _zone(call) not in places.zones(call.region):
        volume_errors.BAD_ZONE.refuse(zone=call["AvailabilityZone"] or call["AvailabilityZoneId"])


def _zone(call: Call) -> str:
    return call["AvailabilityZone"] or places.zone_of_id(call.region, call["AvailabilityZoneId"])


def _snapshot_is_visible(draft: Draft, call: Call) -> None:
    id = call["SnapshotId"]
    well_formed_snapshot(id or None)
    if id:
        found = find_snapshot(draft, call.region, id)
        if found and found.account != call.account:
            draft.frame.copies[found.account] = True  # the owner's trail gets a copy, of a refused call too [V]
        if found is None or not found.is_visible_to(call.account):
            draft.frame.copies.clear()
            raise Refused(volume_errors.SNAPSHOT_GONE, Refusal(_why_invisible(found)))


def _why_invisible(found: Snapshot | None) -> Cause:
    return Cause.SNAPSHOT_NOT_SHARED if found else Cause.SNAPSHOT_NOT_FOUND


def _size_fits(draft: Draft, call: Call) -> None:
    if call["Size"] is None and not call["SnapshotId"]:
        errors.MISSING_PARAMETER.refuse(name="size/snapshot")
    size = call["Size"] if (call["Size"] or 0) < 0 else _size(draft, call)
    within_limits(type_of(call), size, call["Iops"], call["Throughput"])
    initialization_rate_is_valid(call["VolumeInitializationRate"], bool(call["SnapshotId"]))


def type_of(call: Call) -> str:
    return named_type(call["VolumeType"])


def _size(draft: Draft, call: Call) -> int:
    """A size below the snapshot's is raised to it (ebs.md 1.2 [V])."""
    source = _source(draft, call)
    return max(call["Size"] or 0, source.size_gib if source else 0)


def _source(draft: Draft, call: Call) -> Snapshot | None:
    return visible_snapshot(draft, call, call["SnapshotId"]) if call["SnapshotId"] else None


def _new_volume(draft: Draft, call: Call) -> Resource:
    context: dict[str, Any] = {
        "ec2:AvailabilityZone": _zone(call),
        "ec2:AvailabilityZoneId": places.zone_id(_zone(call)),
        "ec2:VolumeID": "*",
        "ec2:VolumeSize": str(_size(draft, call)),
        "ec2:VolumeType": type_of(call),
        "ec2:Encrypted": "true" if chosen_key(draft, call) else "false",
    }
    iops = iops_of(type_of(call), _size(draft, call), call["Iops"])
    context |= {"ec2:VolumeIops": str(iops)} if iops else {}
    context |= {"ec2:VolumeThroughput": str(call["Throughput"])} if call["Throughput"] else {}
    context |= {"ec2:KmsKeyId": call["KmsKeyId"]} if call["KmsKeyId"] else {}
    context |= {"ec2:ParentSnapshot": snapshot_arn(call.region, call["SnapshotId"])} if call["SnapshotId"] else {}
    context |= tag_context(requested_tags(call, "volume"))
    return Resource(volume_arn(call.region, call.account, "*"), call.account, context=context)


def _from_snapshot(draft: Draft, call: Call) -> Resource | None:
    return snapshot_resource(draft, call, call["SnapshotId"]) if call["SnapshotId"] else None


def may_tag_volume(draft: Draft, call: Call) -> None:
    authorize_tags(draft, call, "volume", volume_arn(call.region, call.account, "*"))


def _snapshot_is_complete(draft: Draft, call: Call) -> None:
    source = _source(draft, call)
    if source and source.state != "completed":
        volume_errors.SNAPSHOT_PENDING.refuse(state=source.state)
    if source and not source.is_at_hand:
        feature_errors.ARCHIVED.refuse()


def _encryption_is_consistent(draft: Draft, call: Call) -> None:
    if call["KmsKeyId"] and not call["Encrypted"]:
        volume_errors.KEY_WITHOUT_ENCRYPTED.refuse()
    source = _source(draft, call)
    if call["Encrypted"] is False and source and source.encrypted:
        volume_errors.FALSE_OF_ENCRYPTED.refuse()


def chosen_key(draft: Draft, call: Call) -> str:
    return key_for(draft, call, _source(draft, call), call["Encrypted"], call["KmsKeyId"])


def _may_multi_attach(draft: Draft, call: Call) -> None:
    may_multi_attach(type_of(call), call["MultiAttachEnabled"])


def _token_is_new(draft: Draft, call: Call) -> Answer | None:
    """A token that was used is answered with the volume as it is now, if that is there still [V]."""
    before = requests.answered_before(draft, call, _asked(call))
    if before is None:
        return None
    volume = own_volume(draft, call, before["VolumeId"])
    if volume is None:
        errors.TOKEN_OF_DELETED.refuse()
    return _answer(draft, call, volume, names_key="KmsKeyId" in before)


def _asked(call: Call) -> dict[str, Any]:
    """As AWS compares: a zone by name or id is the same, 125 MiB/s said or not; of no other default is that so [V]."""
    asked = {name: value for name, value in call.parameters.items() if name != "AvailabilityZoneId"}
    if asked.get("Throughput") == VOLUME_TYPES[type_of(call)].throughput_base:
        asked.pop("Throughput")
    return asked | {"AvailabilityZone": _zone(call)}


@operation(
    "ec2",
    "CreateVolume",
    honours={
        "AvailabilityZone",
        "AvailabilityZoneId",
        "Encrypted",
        "Iops",
        "KmsKeyId",
        "Size",
        "SnapshotId",
        "VolumeType",
        "TagSpecifications",
        "MultiAttachEnabled",
        "Throughput",
        "VolumeInitializationRate",
        "ClientToken",
        "DryRun",
    },
    checks=(
        _zone_is_known,
        tags.specified("volume"),
        _snapshot_is_visible,
        _size_fits,
        AUTHORIZE(("ec2:CreateVolume", _new_volume, CALLER), ("ec2:CreateVolume", _from_snapshot, CALLER)),
        may_tag_volume,
        DRY_RUN,
        _token_is_new,
        _snapshot_is_complete,
        _encryption_is_consistent,
        _may_multi_attach,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        volume_errors.ZONE_TWICE,
        volume_errors.BAD_ZONE,
        volume_errors.SNAPSHOT_GONE,
        errors.SNAPSHOT_MALFORMED,
        volume_errors.SNAPSHOT_PENDING,
        feature_errors.ARCHIVED,
        volume_errors.FALSE_OF_ENCRYPTED,
        volume_errors.KEY_WITHOUT_ENCRYPTED,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.TOKEN_REUSED,
        errors.TOKEN_OF_DELETED,
        errors.TOKEN_TOO_LONG,
        *LIMITS,
        volume_errors.NO_MULTI_ATTACH,
        volume_errors.RATE_WITHOUT_SNAPSHOT,
        volume_errors.BAD_RATE,
        *tags.ANSWERS,
    ),
    settles=(errors.VOLUME_VANISHED,),
    across_accounts="from a snapshot that is shared or public",
)
def create_volume(draft: Draft, call: Call) -> Answer:
    """Begin a volume, empty or from a snapshot; sizes in GiB, Iops a second, Throughput in MiB/s.

    The answer is `creating` even where the key is disabled, unknown or refused: then the volume vanishes.
    """
    source, key, size, type = _source(draft, call), chosen_key(draft, call), _size(draft, call), type_of(call)
    iops, throughput, rate = call["Iops"], call["Throughput"], call["VolumeInitializationRate"] or 0
    wanted = Wanted(_zone(call), size, type, iops, throughput, source, key, bool(call["MultiAttachEnabled"]), rate)
    volume = put_volume(draft, call, wanted)
    draft.later(
        "settle_volume",
        after_ms=SETTLES_AFTER_MS,
        about=(volume.id, source.id) if source else (volume.id,),
        volume_id=volume.id,
        key=key,
        is_of_own=bool(source and source.account == call.account),
    )
    answer = _answer(draft, call, volume, names_key=not key or _is_named(call, source))
    return requests.remember_token(draft, call, answer, _asked(call))


def _is_named(call: Call, source: Snapshot | None) -> bool:
    """The default key is not named in the answer (ebs.md 1.2 [V])."""
    return bool(call["KmsKeyId"] or (source and source.encrypted and source.account == call.account))


def _answer(draft: Draft, call: Call, volume: Volume, *, names_key: bool) -> dict[str, Any]:
    """Less than DescribeVolumes shows, but always with tags and with the key as it was named."""
    answer = shown(draft, volume) | {"CreateTime": whole_second(volume.created_ms)}
    for name in ("Attachments", "OwnerId", "VolumeArn", "Operator"):
        answer.pop(name)
    answer["Tags"] = tags.tag_list(tags.tags_of(draft, volume.account, volume.region, volume.id))
    if not names_key:
        answer.pop("KmsKeyId", None)
    elif call["KmsKeyId"]:
        answer["KmsKeyId"] = call["KmsKeyId"]
    return answer


def volume_exists(draft: Draft, call: Call) -> None:
    if own_volume(draft, call, call["VolumeId"]) is None:
        volume_errors.VOLUME_NOT_FOUND.refuse(id=call["VolumeId"])


def _volume_is_free(draft: Draft, call: Call) -> None:
    held = attachments_of_volume(draft, call.account, call.region, call["VolumeId"])
    if held:
        STILL_ATTACHED.refuse(id=call["VolumeId"], instances=", ".join(each.instance_id for each in held))


@operation(
    "ec2",
    "DeleteVolume",
    honours={"VolumeId", "DryRun"},
    checks=(
        volume_id_or(volume_errors.DELETE_WITHOUT_ID, volume_errors.DELETE_MALFORMED),
        on("ec2:DeleteVolume", named_volume()),
        DRY_RUN,
        volume_exists,
        _volume_is_free,
    ),
    answers=(
        volume_errors.DELETE_WITHOUT_ID,
        volume_errors.DELETE_MALFORMED,
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
        STILL_ATTACHED,
    ),
)
def delete_volume(draft: Draft, call: Call) -> Answer:
    """The volume is gone at once; its snapshots stay as they are, wrapped under its id."""
    volume = own_volume(draft, call, call["VolumeId"])
    assert volume is not None
    remove_volume(draft, call, volume)
    notices.volume(draft, volume, "deleteVolume", "deleted", request_id=call.request_id)
    return {}
