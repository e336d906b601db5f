"""The ways by which somebody can get at the blocks of a snapshot, volume or image: each tried by real calls.

    direct     ListSnapshotBlocks, GetSnapshotBlock
    volume     CreateVolume from it, AttachVolume at a machine of one's own
    copy       CopySnapshot under a key of one's own, then the copy by one of the two above
    copy R     the same into another Region R, and read there
    launch     RunInstances from an image that holds it
    restore    RunInstances from any image, with the snapshot named in the block devices
    attach     AttachVolume, of a volume that is free
    snapshot   CreateSnapshot of a volume, then the snapshot by one of the first four
    assume A   AssumeRole of a role A, of others on the way to it if need be, then as A by the first of these that holds

A try takes place in a fork whose clock stands at the world's time and settles at once, so that what AWS does later is
known at once and nothing else falls due. In it the thing holds its first block alone: what a read costs does not
depend on how much there is to read, and whoever gets one block gets all of them. A way holds if that block came out
decrypted, at the API or as the machine sees its volume; of a snapshot without blocks its empty list is all there is.
Other Regions are those in which the account has a key of its own, and one that stands for all in which it has none.
Not tried: what a principal could allow itself first (a policy that it may write), a machine that it gives a role
(iam:PassRole), CopyImage, and a copy of a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace as with_fields

from app.blocks import map as maps
from app.graph.hand import (
    DEVICE,
    EMPTY_IMAGE,
    Hand,
    attach,
    by_copy,
    by_launch,
    by_snapshot,
    by_volume,
    direct,
    furnished,
)
from app.graph.roles import assumed, leading_roles, let_in
from app.graph.things import Thing, holding_images, one_a_region
from app.graph.trying import Try, tried
from app.graph.who import Who, accounts_open_to, principals
from app.kernel.clock import Clock
from app.services.ebs import places, plane
from app.services.ebs.compute_records import Image
from app.services.ebs.records import EMPTY_MAP, PageRecord, Snapshot, Volume
from app.services.kms.records import Key

if TYPE_CHECKING:
    from app.kernel.cloud import Cloud
    from app.kernel.world import World
    from app.services.iam.records import Role

KEYS_MAX: Final = 20  # of a principal's own keys that are tried, one after the other
REGIONS_MAX: Final = 3  # other ones in which the account has keys
_STAND_INS: Final = sorted(places.OPT_IN_NOT_REQUIRED, reverse=True)  # us-west-2 first


@dataclass(frozen=True, slots=True)
class Ready:
    """A thing, the world in which ways to it are tried, and what is known of who may come by them."""

    world: World
    thing: Thing
    accounts: tuple[str, ...]  # to which it is open
    roles: tuple[Role, ...]  # as which it may be read, or which lead to one


def prepared(cloud: Cloud, thing: Thing) -> Ready:
    """The world as ways are tried in it: at this moment, settling at once, the thing with its first block alone."""
    world = cloud.world
    accounts = accounts_open_to(world, thing, [image for image, _ in holding_images(world, thing)])
    clock = Clock(mode="manual", settle="instant", now_ms=cloud.now_ms())
    apart = replace(world, clock=clock)
    for each in _holding(world, thing):
        apart = _with_one_block(apart, each)
    return Ready(apart, thing, tuple(accounts), leading_roles(world, accounts))


def asked_about(cloud: Cloud, ready: Ready) -> Iterator[Who]:
    """Everybody of the accounts to which it is open, then whoever elsewhere is trusted by a role that may read it."""
    yield from principals(cloud, ready.accounts)
    yield from let_in(cloud, ready.roles, ready.accounts)


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


class Way(NamedTuple):
    name: str
    region: str  # in which it leads
    act: Callable[[Hand], None]


def ways(world: World, thing: Thing, who: Who) -> Iterator[Way]:
    """What there is to try, the plainest first; a way under one key after the other is one way."""
    here, id = thing.region, thing.id
    keys = own_keys(world, who.account, here)
    if isinstance(thing, Volume):
        yield Way("attach", here, partial(attach, volume_id=id))
        yield Way("snapshot", here, partial(by_snapshot, volume_id=id, keys=_keys_by_region(world, who.account, here)))
        return
    if isinstance(thing, Snapshot):
        yield Way("direct", here, partial(direct, snapshot_id=id))
        yield from (Way("volume", here, partial(by_volume, snapshot_id=id, key=key)) for key in keys)
        for region, its_keys in _keys_by_region(world, who.account, here).items():
            name = "copy" if region == here else f"copy {region}"
            copy = partial(by_copy, snapshot_id=id, source_region=here)
            yield from (Way(name, region, partial(copy, key=key)) for key in its_keys)
    for image, device in holding_images(world, thing):
        launch = partial(by_launch, image=image, device=device)
        yield from (Way(f"launch {image.id}", here, partial(launch, key=key)) for key in keys)
    if isinstance(thing, Snapshot):
        plain = world.records.find(Image, "id", here, EMPTY_IMAGE)
        assert plain is not None
        restore = partial(by_launch, image=plain, device=DEVICE, snapshot_id=id)
        yield from (Way("restore", here, partial(restore, key=key)) for key in keys)


def own_keys(world: World, account: str, region: str) -> tuple[str, ...]:
    """What a copy or volume of one's own may be put under: nothing said, then the account's own keys of the Region."""
    found: list[str] = [""]
    for key in world.records.scan(Key, account, region):
        if key.manager == "CUSTOMER" and key.state == "Enabled" and key.spec == "SYMMETRIC_DEFAULT":
            found.append(key.arn)
        if len(found) > KEYS_MAX:
            break
    return tuple(found)


def _keys_by_region(world: World, account: str, here: str) -> dict[str, tuple[str, ...]]:
    """Where a copy may be put, and under what: here first."""
    found = {here: own_keys(world, account, here)}
    others = (one.region for one in one_a_region(world, Key, account) if one.region != here)
    found |= dict(islice(((r, keys) for r in others if len(keys := own_keys(world, account, r)) > 1), REGIONS_MAX))
    return found | {next(region for region in _STAND_INS if region not in found): ("",)}


def tries(cloud: Cloud, ready: Ready, who: Who, *, every: bool = True) -> list[Try]:
    """Each way as it went for this principal, as itself, then by roles; not `every`: up to the first that holds."""
    found = _as_itself(cloud, ready, who, every=every)
    if not every and any(attempt.holds for attempt in found):
        return found
    for opened in assumed(cloud, ready.world, who, ready.roles, ready.thing.region):
        attempt = opened.attempt
        if opened.who:
            then = _as_itself(cloud, ready, opened.who, every=False)
            if not then:
                continue
            last = next((one for one in then if one.holds), then[0])
            calls, entries = attempt.calls + last.calls, attempt.entries + last.entries
            attempt = replace(attempt, calls=calls, entries=entries, refused=last.refused, missing=last.missing)
        found.append(attempt)
        if attempt.holds and not every:
            break
    return found


def _as_itself(cloud: Cloud, ready: Ready, who: Who, *, every: bool) -> list[Try]:
    thing, world = ready.thing, ready.world
    for region in _keys_by_region(world, who.account, thing.region):
        zone = thing.zone if isinstance(thing, Volume) and region == thing.region else places.zones(region)[0]
        world = furnished(world, who, region, zone)
    found: dict[str, Try] = {}
    for way in ways(world, thing, who):
        known = found.get(way.name)
        if known and (known.holds or not _is_of_target(known, thing)):
            continue
        attempt = tried(Hand(cloud.aside(world), who, way.region), way.name, way.act)
        if known is None or attempt.holds:
            found[way.name] = attempt
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
