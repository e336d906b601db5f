"""A volume in `creating`, and the key it is to have: for CreateVolume, CopyVolumes and a launch alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.services.ebs import owner_events, tags
from app.services.ebs.defaults import default_key, defaults
from app.services.ebs.records import EMPTY_MAP, Snapshot, Volume
from app.services.ebs.rules import requested_tags
from app.services.ebs.volume_limits import iops_of, throughput_of

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft


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
    initialization_rate: int = 0  # MiB/s; 0: none was asked for


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
        iops=iops_of(wanted.type, wanted.size_gib, wanted.iops),
        throughput=throughput_of(wanted.type, wanted.throughput),
        multi_attach=wanted.multi_attach,
        initialization_rate=wanted.initialization_rate,
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
        owner_events.tell_owner(draft, source, owner_events.VOLUME_CREATED)
    return draft.put(volume)
