"""The ways by which somebody can get at the blocks of a snapshot, volume or image: each tried by real calls.

    direct     ListSnapshotBlocks, GetSnapshotBlock
    volume     CreateVolume from it, AttachVolume at a machine of one's own
    copy       CopySnapshot under a key of one's own, then the copy by one of the two above
    launch     RunInstances from an image that holds it
    restore    RunInstances from any image, with the snapshot named in the block devices
    attach     AttachVolume, of a volume that is free
    snapshot   CreateSnapshot of a volume, then the snapshot by one of the first three

A try takes place in a fork whose clock stands at the world's time and settles at once, so that what AWS does later is
known at once and nothing else falls due. In it the thing holds its first block alone: what a read costs does not
depend on how much there is to read, and whoever gets one block gets all of them. A way holds if that block came out
decrypted, at the API or as the machine sees its volume; of a snapshot without blocks its empty list is all there is.
What a principal could allow itself first (a policy that it may write, a role that it may assume) is not a way; ask
about the role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace as with_fields

from app.blocks import map as maps
from app.graph.hand import (
    DEVICE,
    EMPTY_IMAGE,
    Ended,
    Hand,
    Missing,
    attach,
    by_copy,
    by_launch,
    by_snapshot,
    by_volume,
    direct,
    furnished,
)
from app.graph.things import Thing, holding_images
from app.kernel.clock import Clock
from app.policy.explain_log import Story, story
from app.services.ebs import places, plane
from app.services.ebs.compute_records import Image
from app.services.ebs.records import EMPTY_MAP, PageRecord, Snapshot, Volume
from app.services.kms.records import Key

if TYPE_CHECKING:
    from app.graph.who import Who
    from app.kernel.cloud import Cloud
    from app.kernel.log import Entry
    from app.kernel.world import World

KEYS_MAX: Final = 20  # of a principal's own keys that are tried, one after the other


@dataclass(frozen=True, slots=True)
class Try:
    """One way, tried: the calls that were made, what the log of the fork says of them, and where it ended."""

    way: str
    calls: tuple[str, ...]
    entries: tuple[Entry, ...]
    refused: Story | None = None
    missing: str = ""  # why there was nothing to call

    @property
    def holds(self) -> bool:
        return self.refused is None and not self.missing


def prepared(cloud: Cloud, thing: Thing) -> World:
    """The world as ways are tried in it: at this moment, settling at once, the thing with its first block alone."""
    world = cloud.world
    clock = Clock(mode="manual", settle="instant", now_ms=cloud.now_ms())
    world = replace(world, clock=clock)
    for each in _holding(world, thing):
        world = _with_one_block(world, each)
    return world


def _holding(world: World, thing: Thing) -> Iterator[Snapshot | Volume]:
    """What holds its blocks: an image names snapshots."""
    if not isinstance(thing, Image):
        yield thing
        return
    for device in thing.devices:
        found = world.records.find(Snapshot, "id", thing.region, device.snapshot_id) if device.snapshot_id else None
        if found:
            yield found


def _with_one_block(world: World, thing: Snapshot | Volume) -> World:
    first = next(maps.items(thing.blocks, plane.reader(world)), None)
    if first is None or thing.blocks.count == 1:
        return world
    blocks, pages = maps.write(EMPTY_MAP, plane.reader(world), dict([first]))
    for page_id, page in pages.items():
        world = world.put(PageRecord(account="", id=page_id, packed=page.packed))
    return world.put(with_fields(thing, blocks=blocks))


# All ways of a thing.

Way = tuple[str, str, Callable[[Hand], None]]  # its name, the key that it is under, what is done


def ways(world: World, thing: Thing, who: Who) -> Iterator[Way]:
    """What there is to try, the plainest first; a way under one key after the other is one way."""
    keys = own_keys(world, thing, who.account)
    if isinstance(thing, Volume):
        yield "attach", "", lambda hand: attach(hand, thing.id)
        yield "snapshot", "", lambda hand: by_snapshot(hand, thing.id, keys)
        return
    if isinstance(thing, Snapshot):
        yield "direct", "", lambda hand: direct(hand, thing.id)
        yield from (("volume", key, lambda hand, key=key: by_volume(hand, thing.id, key)) for key in keys)
        yield from (("copy", key, lambda hand, key=key: by_copy(hand, thing.id, key)) for key in keys)
    for image, device in holding_images(world, thing):
        name = f"launch {image.id}"
        yield from ((name, key, lambda hand, i=image, d=device, k=key: by_launch(hand, i, d, k)) for key in keys)
    if isinstance(thing, Snapshot):
        plain = world.records.find(Image, "id", thing.region, EMPTY_IMAGE)
        assert plain is not None
        restore = partial(by_launch, image=plain, device=DEVICE, snapshot_id=thing.id)
        yield from (("restore", key, lambda hand, key=key: restore(hand, key=key)) for key in keys)


def own_keys(world: World, thing: Thing, account: str) -> tuple[str, ...]:
    """What a copy or volume of one's own may be put under: nothing said, then the account's own keys of the Region."""
    found: list[str] = [""]
    for key in world.records.scan(Key, account, thing.region):
        if key.manager == "CUSTOMER" and key.state == "Enabled" and key.spec == "SYMMETRIC_DEFAULT":
            found.append(key.arn)
        if len(found) > KEYS_MAX:
            break
    return tuple(found)


def tries(cloud: Cloud, world: World, thing: Thing, who: Who, *, every: bool = True) -> list[Try]:
    """Each way as it went for this principal (`world`: as `prepared`); not `every`: up to the first that holds."""
    zone = thing.zone if isinstance(thing, Volume) else places.zones(thing.region)[0]
    world = furnished(world, who, thing.region, zone)
    found: dict[str, Try] = {}
    for name, _, act in ways(world, thing, who):
        known = found.get(name)
        if known and (known.holds or not _is_of_target(known, thing)):
            continue
        attempt = _tried(Hand(cloud.aside(world), who, thing.region), name, act)
        if known is None or attempt.holds:
            found[name] = attempt
        if attempt.holds and not every:
            break
    return list(found.values())


def _is_of_target(attempt: Try, thing: Thing) -> bool:
    """Could another key of one's own help? Not where the thing, or its own key, was what refused."""
    if attempt.refused is None:
        return False
    decided = attempt.refused.decided
    where = decided.resource if decided else ""
    source_key = getattr(thing, "key_arn", "")
    named = attempt.refused.refused.resources
    return bool(where or named) and where != source_key and not where.endswith(f"/{thing.id}")


def _tried(hand: Hand, name: str, act: Callable[[Hand], None]) -> Try:
    refused, missing = None, ""
    try:
        act(hand)
    except Ended as ended:
        refused = story(hand.world.log.about(ended.request_id), ended.request_id)
        assert refused is not None, f"{hand.requests[-1:]} ended without a refusal in the log"
    except Missing as nothing:
        missing = str(nothing)
    roots = {request_id for _, request_id in hand.requests}
    entries = tuple(entry for _, entry in hand.world.log.entries() if entry.root in roots)
    return Try(name, tuple(operation for operation, _ in hand.requests), entries, refused, missing)
