"""Volumes, snapshots and settings as an account exports them, placed with their ids: for `reseal world import`.

Each is told as DescribeVolumes and DescribeSnapshots print it. No command prints blocks, so what is placed is empty;
but an encrypted one has a data key that is really wrapped under its key, with the context that EBS would have used, so
whatever is done with it makes the same calls to KMS and is refused where AWS refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.internal import TAKEN, internal, place
from app.kernel.operation import Answer
from app.kernel.records import replace
from app.services.ebs.defaults import EBS_DEFAULTS
from app.services.ebs.envelope import DATA_KEY_SIZE_BYTES
from app.services.ebs.records import NO_VOLUME, DataKey, Defaults, Snapshot, Tags, Volume
from app.services.ebs.rules import find_snapshot

Told = Mapping[str, Any]
SETTLED: Final = ("completed", "error")  # states of a snapshot that stay as they are
INFERRED: Final = (
    "`reseal world import`: volumes and snapshots are empty, for no command exports blocks; data keys are new.",
    "`reseal world import`: of a copy AWS does not tell the source, so a later copy of that source is a full one.",
    "`reseal world import`: an attached volume is available, since instances and images are not imported; what is "
    "pending, creating or going is left out.",
    "`reseal world import`: a volume keeps its zone, also one beyond the three that a Region has here.",
    "`reseal world import`: locks, recycle bin, fast restore and the block on public sharing are not imported.",
)
_MADE: Final = ("data_key", "blocks", "source_blocks")
_TAGGED: Final = {"SnapshotId": "snapshot", "VolumeId": "volume"}


@internal("PlaceStorage")
def place_storage(draft: Draft, call: Call) -> Answer:
    """`account`, its `snapshots`, `volumes` and `defaults` (None: not told) in the call's Region."""
    account, placed, left_out = call["account"], list[tuple[str, str, bool]](), list[str]()
    above = dict(_above(call["snapshots"], call["volumes"]))
    for told in call["snapshots"]:
        if told["State"] not in SETTLED:
            left_out.append(f"{told['SnapshotId']}: it was {told['State']}")
            continue
        _check_free(draft, account, call.region, told["SnapshotId"])
        snapshot = _snapshot(account, call.region, told, _family(told["SnapshotId"], above))
        placed.append(("snapshot", snapshot.id, place(draft, snapshot, _MADE, lambda one: _sealed(draft, one))))
        _place_tags(draft, snapshot, told, "SnapshotId")
    for told in call["volumes"]:
        if reason := _left_out(call.region, told):
            left_out.append(f"{told['VolumeId']}: {reason}")
            continue
        volume = _volume(account, call.region, told, _family(told["VolumeId"], above))
        placed.append(("volume", volume.id, place(draft, volume, _MADE, lambda one: _sealed(draft, one))))
        _place_tags(draft, volume, told, "VolumeId")
    if call["defaults"] is not None:
        placed.append(("EBS setting", f"{account} {call.region}", _place_defaults(draft, account, call)))
    return {"placed": placed, "left_out": left_out}


def _left_out(region: str, volume: Told) -> str:
    if volume["State"] not in ("available", "in-use"):
        return f"it was {volume['State']}"
    zone = volume["AvailabilityZone"]
    is_known = zone[:-1] == region and zone[-1] in ascii_lowercase
    return "" if is_known else f"reseal does not simulate the zone {zone} in {region}"


def _above(snapshots: list[Told], volumes: list[Told]) -> Any:
    """What each descends from: a snapshot from its volume, a volume from its snapshot."""
    for told in snapshots:
        if told.get("VolumeId") not in (None, "", NO_VOLUME):
            yield told["SnapshotId"], told["VolumeId"]
    for told in volumes:
        if told.get("SnapshotId"):
            yield told["VolumeId"], told["SnapshotId"]


def _family(id: str, above: Mapping[str, str]) -> str:
    """The first of its line; a line that leads back into itself, as no account exports it, ends there."""
    seen = {id}
    while (up := above.get(id)) and up not in seen:
        id = up
        seen.add(up)
    return id


def _check_free(draft: Draft, account: str, region: str, id: str) -> None:
    """A snapshot's id is its Region's, whoever owns it."""
    found = find_snapshot(draft, region, id)
    if found and found.account != account:
        TAKEN.refuse(what="snapshot", id=id, fields=f"account is {found.account!r}")


def _snapshot(account: str, region: str, told: Told, family: str) -> Snapshot:
    permissions = told.get("CreateVolumePermissions") or ()
    is_completed = told["State"] == "completed"
    volume_id = told.get("VolumeId") or NO_VOLUME
    started = told.get("StartTime") or 0
    return Snapshot(
        account=account,
        region=region,
        id=told["SnapshotId"],
        origin="CopySnapshot" if volume_id == NO_VOLUME else "CreateSnapshot",
        volume_id=volume_id,
        size_gib=told.get("VolumeSize") or 0,
        state=told["State"],
        state_message=told.get("StateMessage") or "",
        progress=told.get("Progress") or ("100%" if is_completed else "0%"),
        description=told.get("Description") or "",
        started_ms=started,
        completed_ms=(told.get("CompletionTime") or started) if is_completed else 0,
        encrypted=bool(told.get("Encrypted")),
        key_arn=told.get("KmsKeyId") or "",
        family=family,
        shared_with=tuple(dict.fromkeys(one["UserId"] for one in permissions if one.get("UserId"))),
        is_public=any(one.get("Group") == "all" for one in permissions),
        tier="archive" if told.get("StorageTier") == "archive" else "standard",
        source_id="" if volume_id == NO_VOLUME else volume_id,
    )


def _volume(account: str, region: str, told: Told, family: str) -> Volume:
    return Volume(
        account=account,
        region=region,
        id=told["VolumeId"],
        zone=told["AvailabilityZone"],
        size_gib=told["Size"],
        type=told.get("VolumeType") or "gp2",
        iops=told.get("Iops"),
        throughput=told.get("Throughput"),
        multi_attach=bool(told.get("MultiAttachEnabled")),
        state="available",
        created_ms=told.get("CreateTime") or 0,
        snapshot_id=told.get("SnapshotId") or "",
        encrypted=bool(told.get("Encrypted")),
        key_arn=told.get("KmsKeyId") or "",
        family=family,
    )


def _sealed(draft: Draft, record: Any) -> Any:
    """With its data key, under the context that EBS uses: a volume's id, also for snapshots of it; a copy's own."""
    if not record.encrypted or not record.key_arn:
        return record
    is_of_volume = isinstance(record, Snapshot) and record.origin == "CreateSnapshot"
    context_id = record.volume_id if is_of_volume else record.id
    asked = {"arn": record.key_arn, "bytes": DATA_KEY_SIZE_BYTES, "context": {"aws:ebs:id": context_id}}
    wrapped = draft.internally("WrapDataKey", asked)["CiphertextBlob"]
    return replace(record, data_key=DataKey(wrapped, record.key_arn, context_id))


def _place_tags(draft: Draft, record: Volume | Snapshot, told: Told, name: str) -> None:
    pairs = tuple(sorted((tag["Key"], tag["Value"]) for tag in told.get("Tags") or ()))
    if pairs:
        kind = _TAGGED[name]
        tags = Tags(account=record.account, region=record.region, id=record.id, resource_type=kind, pairs=pairs)
        place(draft, tags)


def _place_defaults(draft: Draft, account: str, call: Call) -> bool:
    told = call["defaults"]
    key = told.get("KmsKeyId") or ""
    return place(
        draft,
        Defaults(
            account=account,
            region=call.region,
            id=EBS_DEFAULTS,
            encrypts=bool(told.get("EbsEncryptionByDefault")),
            key_id="" if key == "alias/aws/ebs" else key,
        ),
    )
