"""What holds blocks, or names what does: snapshots, volumes and images, found as records by the names of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.graph.build import Graph
from app.graph.questions import NoSuchNode, resolve
from app.services.ebs.compute_records import Attachment, Image
from app.services.ebs.records import Snapshot, Volume

if TYPE_CHECKING:
    from app.kernel.world import World

Thing = Snapshot | Volume | Image


def thing_of(world: World, graph: Graph, name: str) -> Thing:
    """The snapshot, volume or image of that name. NoSuchNode where it is none, or out of everybody's reach."""
    id = resolve(graph, name)
    node = graph.nodes[id]
    thing = found(world, id, node.account)
    if thing is None:
        raise NoSuchNode(f"{node.kind} {id} holds no blocks that could be read: ask for a snapshot, volume or image")
    return thing


def found(world: World, id: str, account: str) -> Thing | None:
    """In whichever Region of its owner it is."""
    kind = {"snap": Snapshot, "vol": Volume, "ami": Image}.get(id.partition("-")[0])
    if kind is None:
        return None
    regions = dict.fromkeys(one.region for one in one_a_region(world, kind, account))
    return next((one for region in regions if (one := world.records.get(kind, account, region, id))), None)


def one_a_region(world: World, kind: type[Any], account: str) -> Iterator[Any]:
    """The first of its kind in each Region of an account, without reading the others."""
    after: tuple[str, ...] = ()
    while one := next(world.records.scan(kind, account, after=after), None):
        yield one
        after = (account, f"{one.region}\0")


def holding_images(world: World, thing: Thing) -> Iterator[tuple[Image, str]]:
    """Images that hold the snapshot (or the image itself), each with the device in question."""
    found = [thing] if isinstance(thing, Image) else []
    if isinstance(thing, Snapshot):
        found += world.records.scan_index(Image, "snapshot", thing.region, thing.id)
    for image in found:
        for device in image.devices:
            if device.snapshot_id and (image is thing or device.snapshot_id == thing.id):
                yield image, device.device
                break


def held_open(world: World, thing: Thing) -> Iterator[tuple[str, str]]:
    """Machines that hold a volume open now."""
    if isinstance(thing, Volume):
        for one in world.records.scan_index(Attachment, "volume", thing.account, thing.region, thing.id):
            if one.data_key is not None or (not thing.encrypted and one.state == "attached"):
                yield thing.id, one.instance_id
