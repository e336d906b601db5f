"""CopyVolumes: a volume of the same zone from what another volume holds now (ebs.md 1.1).

That its KMS calls are those of CreateVolume from an own snapshot is inferred: under the source's key ReEncrypt alone,
under another key a new data key. A copy of an encrypted volume is always encrypted, under the same key unless another
is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.authority import AUTHORIZE, CALLER, Resource, tag_context
from app.kernel.clock import whole_second
from app.kernel.operation import operation
from app.services.ebs import errors, feature_errors, requests, tags, volume_errors
from app.services.ebs.records import Snapshot, Volume
from app.services.ebs.requests import CLIENT_TOKEN, DRY_RUN, required
from app.services.ebs.resource_ids import VOLUME_ID_ANSWERS, volume_id
from app.services.ebs.rules import named_volume, own_volume, requested_tags, volume_arn
from app.services.ebs.volume_limits import LIMITS, may_multi_attach, within_limits
from app.services.ebs.volume_listing import shown
from app.services.ebs.volume_making import Wanted, key_for, put_volume
from app.services.ebs.volumes import SETTLES_AFTER_MS, may_tag_volume, type_of

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer


def _source(draft: Draft, call: Call) -> Volume:
    found = own_volume(draft, call, call["SourceVolumeId"])
    assert found is not None
    return found


def _moment_of(volume: Volume, at_ms: int) -> Snapshot:
    """What the volume holds now, in the form in which a volume is made from it; it is never kept."""
    return Snapshot(
        account=volume.account,
        region=volume.region,
        id=volume.id,
        origin="CreateSnapshot",
        volume_id=volume.id,
        size_gib=volume.size_gib,
        state="completed",
        started_ms=at_ms,
        encrypted=volume.encrypted,
        key_arn=volume.key_arn,
        data_key=volume.data_key,
        blocks=volume.blocks,
        family=volume.family,
    )


def _source_is_there(draft: Draft, call: Call) -> None:
    if own_volume(draft, call, call["SourceVolumeId"]) is None:
        volume_errors.VOLUME_NOT_FOUND.refuse(id=call["SourceVolumeId"])


def _it_fits(draft: Draft, call: Call) -> None:
    source = _source(draft, call)
    if source.state not in ("available", "in-use"):
        volume_errors.VOLUME_STATE.refuse(id=source.id)
    size = call["Size"] or source.size_gib
    if size < source.size_gib:
        feature_errors.COPY_TOO_SMALL.refuse(size=size, id=source.id, low=source.size_gib)
    within_limits(type_of(call), size, call["Iops"], call["Throughput"])
    may_multi_attach(type_of(call), call["MultiAttachEnabled"])
    if call["KmsKeyId"] and not (call["Encrypted"] or source.encrypted):
        volume_errors.KEY_WITHOUT_ENCRYPTED.refuse()


def _new_volume(draft: Draft, call: Call) -> Resource:
    source = own_volume(draft, call, call["SourceVolumeId"])
    context = {"ec2:VolumeType": type_of(call), **tag_context(requested_tags(call, "volume"))}
    if source:
        context |= {"ec2:AvailabilityZone": source.zone, "ec2:VolumeSize": str(call["Size"] or source.size_gib)}
    return Resource(volume_arn(call.region, call.account, "*"), call.account, context=context)


@operation(
    "ec2",
    "CopyVolumes",
    honours={
        "SourceVolumeId",
        "Iops",
        "Size",
        "VolumeType",
        "TagSpecifications",
        "MultiAttachEnabled",
        "Throughput",
        "ClientToken",
        "Encrypted",
        "KmsKeyId",
        "DryRun",
    },
    checks=(
        required("SourceVolumeId"),
        volume_id("SourceVolumeId"),
        tags.specified("volume"),
        AUTHORIZE(
            ("ec2:CopyVolumes", named_volume("SourceVolumeId"), CALLER), ("ec2:CopyVolumes", _new_volume, CALLER)
        ),
        may_tag_volume,
        DRY_RUN,
        CLIENT_TOKEN,
        _source_is_there,
        _it_fits,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        *VOLUME_ID_ANSWERS,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.TOKEN_REUSED,
        volume_errors.VOLUME_NOT_FOUND,
        volume_errors.VOLUME_STATE,
        feature_errors.COPY_TOO_SMALL,
        *LIMITS,
        volume_errors.NO_MULTI_ATTACH,
        volume_errors.KEY_WITHOUT_ENCRYPTED,
        *tags.ANSWERS,
    ),
    settles=(errors.VOLUME_VANISHED,),
)
def copy_volumes(draft: Draft, call: Call) -> Answer:
    """Begin a copy in the source's zone; it is `creating`, and settles, or vanishes, as a volume from a snapshot."""
    source = _source(draft, call)
    held = _moment_of(source, call.at_ms)
    key = key_for(draft, call, held, call["Encrypted"], call["KmsKeyId"])
    wanted = Wanted(
        source.zone,
        call["Size"] or source.size_gib,
        type_of(call),
        call["Iops"],
        call["Throughput"],
        held,
        key,
        bool(call["MultiAttachEnabled"]),
    )
    copy = draft.change(put_volume(draft, call, wanted), snapshot_id="", source_volume_id=source.id)
    draft.later(
        "settle_volume",
        after_ms=SETTLES_AFTER_MS,
        about=(copy.id, source.id),
        volume_id=copy.id,
        key=key,
        is_of_own=True,
    )
    answer = shown(draft, copy) | {"CreateTime": whole_second(call.at_ms)}
    return requests.remember_token(draft, call, {"Volumes": [answer]})
