"""A principal at work in a fork: by which calls it gets at blocks, one function a way.

A way ends where a call is refused, at once or later (`Ended`), or where there is nothing to call (`Missing`). What it
brings is looked at: the first block must open with the data key that the machine holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from app.blocks import map as maps
from app.crypto import cipher
from app.kernel.call import Request
from app.services.ebs import plane
from app.services.ebs.compute_records import Attachment, Image, Instance
from app.services.ebs.records import Snapshot, Volume

if TYPE_CHECKING:
    from app.graph.who import Who
    from app.kernel.cloud import Cloud
    from app.kernel.world import World


MACHINE: Final = "i-0" + "a" * 16  # where a principal has none of its own
EMPTY_IMAGE: Final = "ami-0" + "a" * 16  # stands for those that AWS offers to everybody
DEVICE: Final = "/dev/sdz"


class Ended(Exception):
    """A call was refused, at once or later."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id)
        self.request_id = request_id


class Missing(Exception):
    """There is nothing to try: no image, no machine."""


class Hand:
    def __init__(self, cloud: Cloud, who: Who, region: str) -> None:
        self.cloud, self.who, self.region = cloud, who, region
        self.requests: list[tuple[str, str]] = []  # operation, request id: of what led on

    @property
    def world(self) -> World:
        return self.cloud.world

    def at(self, region: str) -> Hand:
        """The same in another Region, with the same list of requests."""
        hand = Hand(self.cloud, self.who, region)
        hand.requests = self.requests
        return hand

    def do(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make a call and let it settle; Ended where it is refused."""
        reply = self.cloud.call(Request(operation, parameters, self.who.caller, self.region))
        self.requests.append((operation, reply.request_id))
        if reply.error:
            raise Ended(reply.request_id)
        return reply.answer or {}

    def settled(self, is_well: bool) -> None:
        """What the last call made must have become what it was to be."""
        if not is_well:
            raise Ended(self.requests[-1][1])

    def one_of(self, *ways: Callable[[], None]) -> None:
        """The first that leads on; else the end of the first."""
        ends: list[Ended] = []
        made = len(self.requests)
        for way in ways:
            try:
                way()
                return
            except Ended as ended:
                ends.append(ended)
                del self.requests[made:]
        raise ends[0]


def direct(hand: Hand, snapshot_id: str) -> None:
    listed = hand.do("ebs:ListSnapshotBlocks", SnapshotId=snapshot_id)["Blocks"]
    for block in listed[:1]:
        hand.do("ebs:GetSnapshotBlock", SnapshotId=snapshot_id, **block)


def by_volume(hand: Hand, snapshot_id: str, key: str) -> None:
    under = {"Encrypted": True, "KmsKeyId": key} if key else {}
    zone = _machine(hand).zone
    made = hand.do("ec2:CreateVolume", AvailabilityZone=zone, SnapshotId=snapshot_id, **under)["VolumeId"]
    hand.settled(_volume(hand, made) is not None)
    attach(hand, made)


def by_copy(hand: Hand, snapshot_id: str, source_region: str, key: str) -> None:
    """Into the hand's Region."""
    under = {"Encrypted": True, "KmsKeyId": key} if key else {}
    source = {"SourceRegion": source_region, "SourceSnapshotId": snapshot_id}
    copy = hand.do("ec2:CopySnapshot", **source, **under)["SnapshotId"]
    found = hand.world.records.get(Snapshot, hand.who.account, hand.region, copy)
    hand.settled(found is not None and found.state == "completed")
    hand.one_of(lambda: direct(hand, copy), lambda: by_volume(hand, copy, key))


def by_launch(hand: Hand, image: Image, device: str, key: str, snapshot_id: str = "") -> None:
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


def attach(hand: Hand, volume_id: str) -> None:
    """At a machine in its zone; another account's volume is asked for too, and refused."""
    own = _volume(hand, volume_id)
    machine = _machine(hand, own.zone if own else "")
    hand.do("ec2:AttachVolume", VolumeId=volume_id, InstanceId=machine.id, Device=DEVICE)
    held = hand.world.records.get(Attachment, hand.who.account, hand.region, f"{volume_id}/{machine.id}")
    hand.settled(held is not None)
    assert held is not None
    _see(hand, held)


def by_snapshot(hand: Hand, volume_id: str, keys: Mapping[str, tuple[str, ...]]) -> None:
    """`keys`: Region -> those under which a copy may be put there; the volume's own Region first."""
    made = hand.do("ec2:CreateSnapshot", VolumeId=volume_id)["SnapshotId"]
    ways = [lambda: direct(hand, made)]
    ways += [lambda key=key: by_volume(hand, made, key) for key in keys[hand.region]]
    for region in keys:
        away = hand.at(region)
        ways += [lambda key=key, away=away: by_copy(away, made, hand.region, key) for key in keys[region]]
    hand.one_of(*ways)


def _volume(hand: Hand, id: str) -> Volume | None:
    return hand.world.records.get(Volume, hand.who.account, hand.region, id)


def _see(hand: Hand, attachment: Attachment) -> None:
    """What the machine reads of the volume: with the data key that it holds, the first block must open."""
    volume = _volume(hand, attachment.volume_id)
    assert volume is not None
    world = hand.world
    key = attachment.data_key.reveal() if attachment.data_key else plane.platform_key(world)
    for _, ref in list(maps.items(volume.blocks, plane.reader(world)))[:1]:
        cipher.open_block(key, ref, world.blocks(ref))


def _machine(hand: Hand, zone: str = "") -> Instance:
    """A running machine of the account (in that zone); where it has none, a plain one that stands ready for it."""
    account = hand.who.account
    for one in hand.world.records.scan(Instance, account, hand.region):
        if one.state == "running" and zone in ("", one.zone):
            return one
    raise Missing("the account has no machine")  # `furnished` put one there


def furnished(world: World, who: Who, region: str, zone: str) -> World:
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
