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

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace as with_fields

from app.blocks import map as maps
from app.crypto import cipher
from app.graph.things import Thing, holding_images
from app.kernel.call import Request
from app.kernel.clock import Clock
from app.policy.explain_log import Story, story
from app.services.ebs import places, plane
from app.services.ebs.compute_records import Attachment, Image, Instance
from app.services.ebs.records import EMPTY_MAP, PageRecord, Snapshot, Volume
from app.services.kms.records import Key

if TYPE_CHECKING:
    from app.graph.who import Who
    from app.kernel.cloud import Cloud
    from app.kernel.log import Entry
    from app.kernel.world import World

KEYS_MAX: Final = 20  # of a principal's own keys that are tried, one after the other
MACHINE: Final = "i-0" + "a" * 16  # where a principal has none of its own
EMPTY_IMAGE: Final = "ami-0" + "a" * 16  # stands for those that AWS offers to everybody
_DEVICE: Final = "/dev/sdz"


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


class _Ended(Exception):
    """A call was refused, at once or later."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id)
        self.request_id = request_id


class _Nothing(Exception):
    """There is nothing to try: no image, no machine."""


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


# A principal at work in a fork.


class _Hand:
    def __init__(self, cloud: Cloud, who: Who, region: str) -> None:
        self.cloud, self.who, self.region = cloud, who, region
        self.requests: list[tuple[str, str]] = []  # operation, request id: of what led on

    @property
    def world(self) -> World:
        return self.cloud.world

    def do(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make a call and let it settle; _Ended where it is refused."""
        reply = self.cloud.call(Request(operation, parameters, self.who.caller, self.region))
        self.requests.append((operation, reply.request_id))
        if reply.error:
            raise _Ended(reply.request_id)
        return reply.answer or {}

    def settled(self, is_well: bool) -> None:
        """What the last call made must have become what it was to be."""
        if not is_well:
            raise _Ended(self.requests[-1][1])

    def one_of(self, *ways: Callable[[], None]) -> None:
        """The first that leads on; else the end of the first."""
        ends: list[_Ended] = []
        made = len(self.requests)
        for way in ways:
            try:
                way()
                return
            except _Ended as ended:
                ends.append(ended)
                self.requests = self.requests[:made]
        raise ends[0]


def _direct(hand: _Hand, snapshot_id: str) -> None:
    listed = hand.do("ebs:ListSnapshotBlocks", SnapshotId=snapshot_id)["Blocks"]
    for block in listed[:1]:
        hand.do("ebs:GetSnapshotBlock", SnapshotId=snapshot_id, **block)


def _by_volume(hand: _Hand, snapshot_id: str, key: str) -> None:
    under = {"Encrypted": True, "KmsKeyId": key} if key else {}
    zone = _machine(hand).zone
    made = hand.do("ec2:CreateVolume", AvailabilityZone=zone, SnapshotId=snapshot_id, **under)["VolumeId"]
    hand.settled(_volume(hand, made) is not None)
    _attach(hand, made)


def _by_copy(hand: _Hand, snapshot_id: str, key: str) -> None:
    under = {"Encrypted": True, "KmsKeyId": key} if key else {}
    source = {"SourceRegion": hand.region, "SourceSnapshotId": snapshot_id}
    copy = hand.do("ec2:CopySnapshot", **source, **under)["SnapshotId"]
    found = hand.world.records.get(Snapshot, hand.who.account, hand.region, copy)
    hand.settled(found is not None and found.state == "completed")
    hand.one_of(lambda: _direct(hand, copy), lambda: _by_volume(hand, copy, key))


def _by_launch(hand: _Hand, image: Image, device: str, key: str, snapshot_id: str = "") -> None:
    """The image's device, or one that names the snapshot."""
    ebs: dict[str, Any] = {"Encrypted": True, "KmsKeyId": key} if key else {}
    ebs |= {"SnapshotId": snapshot_id} if snapshot_id else {}
    mapping = {"BlockDeviceMappings": [{"DeviceName": device, "Ebs": ebs}]} if ebs else {}
    made = hand.do("ec2:RunInstances", ImageId=image.id, MinCount=1, MaxCount=1, InstanceType="t3.nano", **mapping)
    id = made["Instances"][0]["InstanceId"]
    instance = hand.world.records.get(Instance, hand.who.account, hand.region, id)
    hand.settled(instance is not None and instance.state == "running")
    assert instance is not None
    attachments = hand.world.records.scan_index(Attachment, "instance", instance.account, instance.region, id, device)
    _see(hand, next(attachments))


def _attach(hand: _Hand, volume_id: str) -> None:
    """At a machine in its zone; another account's volume is asked for too, and refused."""
    own = _volume(hand, volume_id)
    machine = _machine(hand, own.zone if own else "")
    hand.do("ec2:AttachVolume", VolumeId=volume_id, InstanceId=machine.id, Device=_DEVICE)
    held = hand.world.records.get(Attachment, hand.who.account, hand.region, f"{volume_id}/{machine.id}")
    hand.settled(held is not None)
    assert held is not None
    _see(hand, held)


def _by_snapshot(hand: _Hand, volume_id: str, keys: tuple[str, ...]) -> None:
    made = hand.do("ec2:CreateSnapshot", VolumeId=volume_id)["SnapshotId"]
    ways = [lambda: _direct(hand, made)]
    for key in keys:
        ways += [lambda key=key: _by_volume(hand, made, key), lambda key=key: _by_copy(hand, made, key)]
    hand.one_of(*ways)


def _volume(hand: _Hand, id: str) -> Volume | None:
    return hand.world.records.get(Volume, hand.who.account, hand.region, id)


def _see(hand: _Hand, attachment: Attachment) -> None:
    """What the machine reads of the volume: with the data key that it holds, the first block must open."""
    volume = _volume(hand, attachment.volume_id)
    assert volume is not None
    world = hand.world
    key = attachment.data_key.reveal() if attachment.data_key else plane.platform_key(world)
    for _, ref in list(maps.items(volume.blocks, plane.reader(world)))[:1]:
        cipher.open_block(key, ref, world.blocks(ref))


def _machine(hand: _Hand, zone: str = "") -> Instance:
    """A running machine of the account (in that zone); where it has none, a plain one that stands ready for it."""
    account = hand.who.account
    for one in hand.world.records.scan(Instance, account, hand.region):
        if one.state == "running" and zone in ("", one.zone):
            return one
    raise _Nothing("the account has no machine")  # `_furnished` put one there


def _furnished(world: World, who: Who, region: str, zone: str) -> World:
    """With a machine for the principal, and an image that everybody may launch."""
    account = who.account
    own = world.records.scan(Instance, account, region)
    if not any(one.state == "running" and one.zone == zone for one in own):
        machine = Instance(
            account=account, region=region, id=MACHINE, image_id=EMPTY_IMAGE, type="t3.nano", state="running",
            zone=zone, launched_ms=world.clock.now_ms, reservation_id="r-0" + "a" * 16, architecture="x86_64",
            virtualization="hvm", root_device="/dev/xvda",
        )  # fmt: skip
        world = world.put(machine)
    image = Image(
        account="", region=region, id=EMPTY_IMAGE, name="reseal", created_ms=0, root_device="/dev/xvda", devices=(),
        is_public=True,
    )  # fmt: skip
    return world.put(image)


# All ways of a thing.

Way = tuple[str, str, Callable[[_Hand], None]]  # its name, the key that it is under, what is done


def ways(world: World, thing: Thing, who: Who) -> Iterator[Way]:
    """What there is to try, the plainest first; a way under one key after the other is one way."""
    keys = own_keys(world, thing, who.account)
    if isinstance(thing, Volume):
        yield "attach", "", lambda hand: _attach(hand, thing.id)
        yield "snapshot", "", lambda hand: _by_snapshot(hand, thing.id, keys)
        return
    if isinstance(thing, Snapshot):
        yield "direct", "", lambda hand: _direct(hand, thing.id)
        yield from (("volume", key, lambda hand, key=key: _by_volume(hand, thing.id, key)) for key in keys)
        yield from (("copy", key, lambda hand, key=key: _by_copy(hand, thing.id, key)) for key in keys)
    for image, device in holding_images(world, thing):
        name = f"launch {image.id}"
        yield from ((name, key, lambda hand, i=image, d=device, k=key: _by_launch(hand, i, d, k)) for key in keys)
    if isinstance(thing, Snapshot):
        plain = world.records.find(Image, "id", thing.region, EMPTY_IMAGE)
        assert plain is not None
        restore = partial(_by_launch, image=plain, device=_DEVICE, snapshot_id=thing.id)
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
    furnished = _furnished(world, who, thing.region, zone)
    found: dict[str, Try] = {}
    for name, _, act in ways(furnished, thing, who):
        known = found.get(name)
        if known and (known.holds or not _is_of_target(known, thing)):
            continue
        attempt = _tried(_Hand(cloud.aside(furnished), who, thing.region), name, act)
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


def _tried(hand: _Hand, name: str, act: Callable[[_Hand], None]) -> Try:
    refused, missing = None, ""
    try:
        act(hand)
    except _Ended as ended:
        refused = story(hand.world.log.about(ended.request_id), ended.request_id)
        assert refused is not None, f"{hand.requests[-1:]} ended without a refusal in the log"
    except _Nothing as nothing:
        missing = str(nothing)
    roots = {request_id for _, request_id in hand.requests}
    entries = tuple(entry for _, entry in hand.world.log.entries() if entry.root in roots)
    return Try(name, tuple(operation for operation, _ in hand.requests), entries, refused, missing)
