"""Volumes: CreateVolume and DeleteVolume. A launch makes its volumes here too (launching.py).

CreateVolume answers `creating` whatever its key is worth. The KMS calls (ebs.md 1.2) are made when the volume settles
(volume_settling.py), with the request id of CreateVolume.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.kernel import audit
from app.kernel.authority import AUTHORIZE, CALLER, Resource, tag_context
from app.kernel.clock import whole_second
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import operation
from app.policy.causes import Cause
from app.services.ebs import errors, feature_errors, notices, places, requests, tags
from app.services.ebs.compute_errors import STILL_ATTACHED
from app.services.ebs.compute_rules import attachments_of_volume
from app.services.ebs.defaults import default_key, defaults
from app.services.ebs.records import EMPTY_MAP, Snapshot, Volume
from app.services.ebs.requests import CLIENT_TOKEN, DRY_RUN, required, volume_id
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
from app.services.ebs.volume_listing import shown
from app.services.ebs.volume_settling import remove_volume

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

SETTLES_AFTER_MS = 2_000  # lifelike; presentation only (ebs.md 8)


@dataclass(frozen=True, slots=True)
class VolumeType:
    """Limits of a volume type. Source: EBS user guide, volume types, 2026 [D]."""

    size_gib_min: int
    size_gib_max: int
    iops_min: int = 0
    iops_max: int = 0  # 0: Iops may not be given
    iops_default: int | None = None
    throughput_max: int = 0  # MiB/s; 0: Throughput may not be given
    throughput_default: int | None = None


VOLUME_TYPES = {
    "gp2": VolumeType(1, 16_384),
    "gp3": VolumeType(1, 65_536, 3_000, 80_000, 3_000, 2_000, 125),
    "io1": VolumeType(4, 16_384, 100, 64_000),
    "io2": VolumeType(4, 65_536, 100, 256_000),
    "st1": VolumeType(125, 16_384),
    "sc1": VolumeType(125, 16_384),
    "standard": VolumeType(1, 1_024),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A volume that a request asks for, all defaults filled in."""

    zone: str
    size_gib: int
    type: str
    iops: int | None
    throughput: int | None
    source: Snapshot | None
    key: str  # as it was named, `alias/aws/ebs` or an ARN; "": unencrypted
    multi_attach: bool = False


def baseline_iops(type: str, size_gib: int) -> int | None:
    """gp2: three a GiB, 100 to 16,000 [D]."""
    return min(max(3 * size_gib, 100), 16_000) if type == "gp2" else VOLUME_TYPES[type].iops_default


# checks, in AWS's order (ebs.md 1.2)


def _zone_is_known(draft: Draft, call: Call) -> None:
    if not call["AvailabilityZone"] and not call["AvailabilityZoneId"]:
        errors.MISSING_PARAMETER.refuse(name="zone")
    if call["AvailabilityZone"] and call["AvailabilityZoneId"]:
        errors.ZONE_TWICE.refuse()
    if _zone(call) not in places.zones(call.region):
        errors.BAD_ZONE.refuse(zone=call["AvailabilityZone"] or call["AvailabilityZoneId"])


def _zone(call: Call) -> str:
    return call["AvailabilityZone"] or places.zone_of_id(call.region, call["AvailabilityZoneId"])


def _snapshot_is_visible(draft: Draft, call: Call) -> None:
    id = call["SnapshotId"]
    requests.well_formed_snapshot(id or None)
    if id:
        found = find_snapshot(draft, call.region, id)
        if found and found.account != call.account:
            draft.frame.copies[found.account] = True  # the owner's trail gets a copy, of a refused call too [V]
        if found is None or not found.is_visible_to(call.account):
            draft.frame.copies.clear()
            raise Refused(errors.SNAPSHOT_GONE, Refusal(_why_invisible(found)))


def _why_invisible(found: Snapshot | None) -> Cause:
    return Cause.SNAPSHOT_NOT_SHARED if found else Cause.SNAPSHOT_NOT_FOUND


def _size_fits(draft: Draft, call: Call) -> None:
    if call["Size"] is None and not call["SnapshotId"]:
        errors.MISSING_PARAMETER.refuse(name="size/snapshot")
    within_limits(type_of(call), _size(draft, call), call["Iops"], call["Throughput"])


def within_limits(type: str, size: int, iops: int | None, throughput: int | None) -> None:
    limits = VOLUME_TYPES.get(type)
    if limits is None:
        errors.BAD_VOLUME_TYPE.refuse(type=type)
    if size < limits.size_gib_min:
        errors.VOLUME_TOO_SMALL.refuse(size=size, low=limits.size_gib_min)
    if size > limits.size_gib_max:
        errors.VOLUME_TOO_LARGE.refuse(size=size, type=type, high=limits.size_gib_max)
    if type in ("io1", "io2") and iops is None:
        errors.IOPS_REQUIRED.refuse()
    _within("iops", iops, type, limits.iops_min, limits.iops_max)
    _within("throughput", throughput, type, 125, limits.throughput_max)


def _within(name: str, value: int | None, type: str, low: int, high: int) -> None:
    if value is None:
        return
    if not high:
        errors.IOPS_NOT_SUPPORTED.refuse(name=name, type=type)
    if not low <= value <= high:
        errors.IOPS_RANGE.refuse(value=value, name=name, low=low, high=high)


def type_of(call: Call) -> str:
    return call["VolumeType"] or "gp2"  # EC2's default where none is named [D]


def _size(draft: Draft, call: Call) -> int:
    """A size below the snapshot's is raised to it (ebs.md 1.2 [V])."""
    source = _source(draft, call)
    return max(call["Size"] or 0, source.size_gib if source else 0)


def _source(draft: Draft, call: Call) -> Snapshot | None:
    return visible_snapshot(draft, call, call["SnapshotId"]) if call["SnapshotId"] else None


def _new_volume(draft: Draft, call: Call) -> Resource:
    context: dict[str, Any] = {
        "ec2:AvailabilityZone": _zone(call),
        "ec2:VolumeSize": str(_size(draft, call)),
        "ec2:VolumeType": type_of(call),
        "ec2:Encrypted": "true" if chosen_key(draft, call) else "false",
    }
    iops = call["Iops"] or baseline_iops(type_of(call), _size(draft, call))
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
        errors.SNAPSHOT_PENDING.refuse(state=source.state)
    if source and not source.is_at_hand:
        feature_errors.ARCHIVED.refuse()


def _encryption_is_consistent(draft: Draft, call: Call) -> None:
    if call["KmsKeyId"] and not call["Encrypted"]:
        errors.KEY_WITHOUT_ENCRYPTED.refuse()
    source = _source(draft, call)
    if call["Encrypted"] is False and source and source.encrypted:
        errors.FALSE_OF_ENCRYPTED.refuse()


def chosen_key(draft: Draft, call: Call) -> str:
    return key_for(draft, call, _source(draft, call), call["Encrypted"], call["KmsKeyId"])


def key_for(draft: Draft, call: Call, source: Snapshot | None, encrypted: bool | None, key_id: str | None) -> str:
    """The key of the new volume as it was named, `alias/aws/ebs` or an ARN; "" for none (table of ebs.md 5.1)."""
    is_encrypted = bool(encrypted) or bool(source and source.encrypted)
    if not (is_encrypted or defaults(draft, call.account, call.region).encrypts):
        return ""
    if key_id:
        return key_id
    if source and source.encrypted and source.account == call.account:
        return source.key_arn
    return default_key(draft, call.account, call.region)


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
        "ClientToken",
        "DryRun",
    },
    inert={"VolumeInitializationRate": "blocks are not loaded lazily, so there is no rate to set"},
    checks=(
        _zone_is_known,
        tags.specified("volume"),
        _snapshot_is_visible,
        _size_fits,
        AUTHORIZE(("ec2:CreateVolume", _new_volume, CALLER), ("ec2:CreateVolume", _from_snapshot, CALLER)),
        may_tag_volume,
        DRY_RUN,
        CLIENT_TOKEN,
        _snapshot_is_complete,
        _encryption_is_consistent,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.ZONE_TWICE,
        errors.BAD_ZONE,
        errors.SNAPSHOT_GONE,
        errors.SNAPSHOT_MALFORMED,
        errors.SNAPSHOT_PENDING,
        feature_errors.ARCHIVED,
        errors.FALSE_OF_ENCRYPTED,
        errors.KEY_WITHOUT_ENCRYPTED,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.TOKEN_REUSED,
        errors.BAD_VOLUME_TYPE,
        errors.VOLUME_TOO_SMALL,
        errors.VOLUME_TOO_LARGE,
        errors.IOPS_REQUIRED,
        errors.IOPS_NOT_SUPPORTED,
        errors.IOPS_RANGE,
        errors.BAD_TAG_TYPE,
        errors.TAG_RESERVED,
        errors.TAG_LIMIT,
    ),
    settles=(errors.VOLUME_VANISHED,),
    across_accounts="from a snapshot that is shared or public",
)
def create_volume(draft: Draft, call: Call) -> Answer:
    """Begin a volume, empty or from a snapshot; sizes in GiB, Iops a second, Throughput in MiB/s.

    The answer is `creating` even where the key is disabled, unknown or refused: then the volume vanishes.
    """
    source, key, size, type = _source(draft, call), chosen_key(draft, call), _size(draft, call), type_of(call)
    iops, throughput = call["Iops"], call["Throughput"]
    wanted = Wanted(_zone(call), size, type, iops, throughput, source, key, bool(call["MultiAttachEnabled"]))
    volume = put_volume(draft, call, wanted)
    draft.later(
        "settle_volume",
        after_ms=SETTLES_AFTER_MS,
        about=(volume.id, source.id) if source else (volume.id,),
        volume_id=volume.id,
        key=key,
        is_of_own=bool(source and source.account == call.account),
    )
    answer = shown(draft, volume) | {"CreateTime": whole_second(call.at_ms)}
    answer.pop("Attachments")
    if key and not (call["KmsKeyId"] or (source and source.encrypted and source.account == call.account)):
        answer.pop("KmsKeyId", None)  # the default key is not named in the answer (ebs.md 1.2 [V])
    elif call["KmsKeyId"]:
        answer["KmsKeyId"] = call["KmsKeyId"]
    return requests.remember_token(draft, call, answer)


def put_volume(draft: Draft, call: Call, wanted: Wanted) -> Volume:
    """The volume in `creating`, with its tags; until it settles it holds its snapshot's blocks and data key."""
    source, key = wanted.source, wanted.key
    id = draft.new_id("vol", call.account, call.region)
    volume = Volume(
        account=call.account,
        region=call.region,
        id=id,
        zone=wanted.zone,
        size_gib=wanted.size_gib,
        type=wanted.type,
        iops=wanted.iops or baseline_iops(wanted.type, wanted.size_gib),
        throughput=wanted.throughput or VOLUME_TYPES[wanted.type].throughput_default,
        multi_attach=wanted.multi_attach,
        created_ms=call.at_ms,
        snapshot_id=source.id if source else "",
        encrypted=bool(key),
        key_arn=key if key.startswith("arn:") else "",
        data_key=source.data_key if source else None,
        blocks=source.blocks if source else EMPTY_MAP,
        family=source.family if source else id,
        creating_request_id=call.request_id,
    )
    tags.put_tags(draft, call, id, "volume", requested_tags(call, "volume"))
    if source and source.account != call.account:
        _tell_owner(draft, source)
    return draft.put(volume)


def _tell_owner(draft: Draft, source: Snapshot) -> None:
    """The owner's service event (ebs.md 3.2; its details beyond the snapshot's id are inferred)."""
    audit.service_event(
        draft,
        source.account,
        "SharedSnapshotVolumeCreated",
        source="ec2.amazonaws.com",
        invoked_by="ec2.amazonaws.com",
        identity={"type": "AWSAccount", "accountId": draft.frame.call.account, "invokedBy": "ec2.amazonaws.com"},
        details={"snapshotId": source.id},
    )


def volume_exists(draft: Draft, call: Call) -> None:
    if own_volume(draft, call, call["VolumeId"]) is None:
        errors.VOLUME_NOT_FOUND.refuse(id=call["VolumeId"])


def _volume_is_free(draft: Draft, call: Call) -> None:
    held = attachments_of_volume(draft, call.account, call.region, call["VolumeId"])
    if held:
        STILL_ATTACHED.refuse(id=call["VolumeId"], instances=", ".join(each.instance_id for each in held))


@operation(
    "ec2",
    "DeleteVolume",
    honours={"VolumeId", "DryRun"},
    checks=(
        required("VolumeId"),
        volume_id(),
        on("ec2:DeleteVolume", named_volume()),
        DRY_RUN,
        volume_exists,
        _volume_is_free,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.VOLUME_MALFORMED,
        errors.UNAUTHORIZED,
        errors.VOLUME_NOT_FOUND,
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
