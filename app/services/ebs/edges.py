"""What EBS tells the graph: volumes, snapshots, images, their data keys, and whom they are shared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.crypto import envelope
from app.kernel.edge import Edge, Node
from app.services.ebs.compute_records import Image
from app.services.ebs.feature_records import Binned
from app.services.ebs.records import DataKey, Snapshot, Volume

if TYPE_CHECKING:
    from app.kernel.world import World


def edges(world: World) -> Iterator[Node | Edge]:
    for volume in world.records.scan(Volume):
        yield Node("volume", volume.id, volume.account, state=volume.state)
        yield from _of(world, volume, volume.snapshot_id)
    for snapshot in world.records.scan(Snapshot):
        yield Node("snapshot", snapshot.id, snapshot.account, state=snapshot.state)
        yield from _of(world, snapshot, snapshot.source_id)
        for account in snapshot.shared_with:
            yield Edge("shared-with", snapshot.id, account, "createVolumePermission")
        if snapshot.is_public:
            yield Edge("shared-with", snapshot.id, "all", "createVolumePermission")
    for binned in world.records.scan(Binned):  # out of everybody's reach, but it needs its key when it comes back
        yield Node("snapshot", binned.id, binned.account, state="recoverable")
        yield from _of(world, binned.snapshot, binned.snapshot.source_id)
    for image in world.records.scan(Image):
        if image.is_there:
            yield from _of_image(image)


def _of_image(image: Image) -> Iterator[Node | Edge]:
    """An image holds no data: it names snapshots, for those who may launch it."""
    yield Node("image", image.id, image.account, image.name, image.state)
    for device in image.devices:
        if device.snapshot_id:
            yield Edge("derived-from", image.id, device.snapshot_id, device.device)
    for permission in image.permissions:
        if permission.holder != image.account:
            yield Edge("shared-with", image.id, permission.holder, "launchPermission")
    if image.is_public:
        yield Edge("shared-with", image.id, "all", "launchPermission")


def _of(world: World, thing: Volume | Snapshot, source_id: str) -> Iterator[Node | Edge]:
    """What it was made from, and the chain material -> data key -> thing that reading it takes."""
    if source_id:
        yield Edge("derived-from", thing.id, source_id)
    if thing.data_key and thing.state != "creating":  # until then it is the snapshot's
        id = data_key_id(thing.data_key)
        yield Node("data-key", id, _owner(thing.data_key), f"data key of {thing.data_key.context_id}")
        yield Edge("encrypts", id, thing.id)
        yield Edge(
            "wraps",
            envelope.header(thing.data_key.ciphertext).material_id,
            id,
            f"aws:ebs:id={thing.data_key.context_id}",
        )


def data_key_id(data_key: DataKey) -> str:
    """A data key is named by its wrapping: the key that wraps it and the context that it is bound to."""
    return f"{data_key.key_arn}/data-key/{data_key.context_id}"


def _owner(data_key: DataKey) -> str:
    return data_key.key_arn.split(":")[4]
