"""Volumes, snapshots and settings as an account exports them, placed with their ids: for `reseal world import`.

Each is told as DescribeVolumes and DescribeSnapshots print it. No command prints blocks, so what is placed is empty;
but an encrypted one has a data key that is really wrapped under its key, with the context that EBS would have used, so
whatever is done with it makes the same calls to KMS and is refused where AWS refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.internal import TAKEN, internal, place
from app.kernel.operation import Answer
from app.kernel.records import replace
from app.services.ebs.defaults import EBS_DEFAULTS
from app.services.ebs.placing_compute import attached_in, place_images, place_instances
from app.services.ebs.placing_desk import MADE, Desk, is_zone, place_tags, sealed
from app.services.ebs.placing_features import place_features
from app.services.ebs.public_access import ALL as BLOCK_ALL
from app.services.ebs.records import NO_VOLUME, Defaults, Snapshot, Volume
from app.services.ebs.rules import find_snapshot

Told = Mapping[str, Any]
SETTLED: Final = ("completed", "error")  # states of a snapshot that stay as they are
INFERRED: Final = (
    "`reseal world import`: volumes and snapshots are empty, for no command exports blocks; data keys are new.",
    "`reseal world import`: of a copy AWS does not tell the source, so a later copy of that source is a full one.",
    "`reseal world import`: what is pending, creating or going is left out; a volume whose instance is not told is "
    "available.",
    "`reseal world import`: a volume keeps its zone, also one beyond the three that a Region has here.",
)


@internal("PlaceStorage")
def place_storage(draft: Draft, call: Call) -> Answer:
    """What an `account` has in the call's Region, a list each; `defaults` and `public_access` None: not told."""
    desk = Desk(draft, call["account"], call.region)
    above = dict(_above(call["snapshots"], call["volumes"]))
    attached = attached_in(call["reservations"], call.region)
    with desk.acting():
        _place_snapshots(desk, call, above)
        _place_volumes(desk, call, above, attached)
        place_images(desk, call["images"])
        place_instances(desk, call["reservations"], attached)
        place_features(desk, call)
        if call["defaults"] is not None:
            desk.note("EBS setting", f"{desk.account} {desk.region}", _place_defaults(draft, desk.account, call))
    return {"placed": desk.placed, "left_out": desk.left_out, "assumed": desk.assumed}


def _place_snapshots(desk: Desk, call: Call, above: Mapping[str, str]) -> None:
    tiers = {one["SnapshotId"]: one for one in call["tiers"]}
    blocks_all = (call["public_access"] or {}).get("State") == BLOCK_ALL
    for told in call["snapshots"]:
        id = told["SnapshotId"]
        if told["State"] not in SETTLED:
            desk.left_out.append(f"{id}: it was {told['State']}")
            continue
        _check_free(desk.draft, desk.account, desk.region, id)
        snapshot = _snapshot(desk.account, desk.region, told, _family(id, above))
        until = (tiers.get(id) or {}).get("RestoreExpiryTime") or told.get("RestoreExpiryTime") or 0
        is_withheld = blocks_all and snapshot.is_public
        snapshot = replace(
            snapshot, restored_until_ms=until if snapshot.tier == "archive" else 0, is_withheld=is_withheld
        )  # fmt: skip
        desk.note("snapshot", id, place(desk.draft, snapshot, MADE, lambda one: sealed(desk.draft, one)))
        place_tags(desk, id, "snapshot", told)


def _place_volumes(desk: Desk, call: Call, above: Mapping[str, str], attached: Collection[str]) -> None:
    for told in call["volumes"]:
        id = told["VolumeId"]
        if reason := _left_out(desk.region, told):
            desk.left_out.append(f"{id}: {reason}")
            continue
        volume = _volume(desk.account, desk.region, told, _family(id, above), is_held=id in attached)
        if told["State"] == "in-use" and id not in attached:
            desk.assumed.append(f"{id}: it was attached to what is not told: it is available")
        desk.note("volume", id, place(desk.draft, volume, MADE, lambda one: sealed(desk.draft, one)))
        place_tags(desk, id, "volume", told)


def _left_out(region: str, volume: Told) -> str:
    if volume["State"] not in ("available", "in-use"):
        return f"it was {volume['State']}"
    zone = volume["AvailabilityZone"]
    return "" if is_zone(zone, region) else f"reseal does not simulate the zone {zone} in {region}"


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


def _volume(account: str, region: str, told: Told, family: str, *, is_held: bool) -> Volume:
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
        state="in-use" if is_held else "available",
        created_ms=told.get("CreateTime") or 0,
        snapshot_id=told.get("SnapshotId") or "",
        encrypted=bool(told.get("Encrypted")),
        key_arn=told.get("KmsKeyId") or "",
        family=family,
    )


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
