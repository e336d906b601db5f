"""What really happens: reads and edits made by calls in forks, and every block compared with what was written.

Nothing of app/graph/reading.py is used, nor its short-cuts: the thing keeps all its blocks, each way is taken with
every key of the principal, and what a machine sees of a volume is opened block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from app.blocks import map as maps
from app.crypto import cipher
from app.kernel.cloud import Cloud
from app.kernel.world import World
from app.services.ebs import plane
from app.services.ebs.compute_records import Attachment, Image, Instance
from app.services.ebs.records import Snapshot, Volume
from app.services.iam.records import Role
from app.services.kms.records import Key
from app.services.sts.records import Session
from tests.sharing.accounts import REGION, Hand, block

DEVICE = "/dev/sdf"
Blocks = Mapping[int, int]  # index -> the number of the block that was written there


class Refused(Exception):
    """A step on the way was refused, at once or later."""


Leading = Callable[["Reader"], None]


@dataclass(frozen=True)
class Reader:
    """Somebody who reads, in forks of a cloud; `plain` is an image without anything of anybody's in it.

    `elsewhere`: a Region in which nobody has a key; a copy is tried there and wherever the account has one.
    """

    hand: Hand
    plain: str
    elsewhere: str

    def ways(self, id: str, blocks: Blocks) -> set[str]:
        """The ways by which the blocks are really had, but for those that lead through roles."""
        held: set[str] = set()
        for name, way in self._tried(id, blocks):
            if name not in held and self._leads(way):
                held.add(name)
        return held

    def reads(self, id: str, blocks: Blocks) -> bool:
        """By any way."""
        return any(self._leads(way) for _, way in self._tried(id, blocks))

    def _tried(self, id: str, blocks: Blocks) -> Iterator[tuple[str, Leading]]:
        kinds = {"snap": self._of_snapshot, "vol": self._of_volume, "ami": self._of_image}
        return kinds[id.partition("-")[0]](id, blocks)

    def _leads(self, way: Leading) -> bool:
        try:
            way(replace(self, hand=replace(self.hand, cloud=self.hand.cloud.aside())))
        except Refused:
            return False
        return True

    def _of_snapshot(self, id: str, blocks: Blocks) -> Iterator[tuple[str, Leading]]:
        yield "direct", lambda me: me.direct(id, blocks)
        for key in self.keys():
            yield "volume", lambda me, key=key: me.volume(id, key, blocks)
            yield "restore", lambda me, key=key: me.launch(self.plain, "/dev/sdz", key, blocks, id)
            for image in self.world.records.scan_index(Image, "snapshot", REGION, id):
                device = next(one.device for one in image.devices if one.snapshot_id == id)
                yield f"launch {image.id}", lambda me, k=key, i=image.id, d=device: me.launch(i, d, k, blocks)
        for region, key in self.places():
            name = "copy" if region == REGION else f"copy {region}"
            yield name, lambda me, r=region, k=key: me.at(r).copy(id, k, blocks, ("direct", "volume"))

    def _of_volume(self, id: str, blocks: Blocks) -> Iterator[tuple[str, Leading]]:
        yield "attach", lambda me: me.attach(id, blocks)
        for region, key in self.places():
            for then in ("direct", "volume", "copy") if region == REGION else ("copy",):
                yield "snapshot", lambda me, r=region, k=key, then=then: me.snapshot(id, r, k, blocks, then)

    def _of_image(self, id: str, blocks: Blocks) -> Iterator[tuple[str, Leading]]:
        image = self.world.records.find(Image, "id", REGION, id)
        assert image is not None
        for key in self.keys():
            yield f"launch {id}", lambda me, key=key: me.launch(id, image.root_device, key, blocks)

    @property
    def world(self) -> World:
        return self.hand.cloud.world

    def keys(self, region: str = REGION) -> list[str]:
        own = self.world.records.scan(Key, self.hand.caller.account, region)
        return ["", *(key.arn for key in own if key.manager == "CUSTOMER" and key.state == "Enabled")]

    def places(self) -> Iterator[tuple[str, str]]:
        """Where a copy may be put, and under what: here, where the account has a key, and where nobody has one."""
        used = {key.region for key in self.world.records.scan(Key, self.hand.caller.account)}
        keyed = sorted(region for region in used - {REGION} if len(self.keys(region)) > 1)
        return ((region, key) for region in (REGION, *keyed, self.elsewhere) for key in self.keys(region))

    def at(self, region: str) -> Reader:
        return replace(self, hand=replace(self.hand, region=region))

    def roles(self) -> dict[str, Reader]:
        """Every role of the world that can be assumed, by way of whichever others: each as whom it is then."""
        every = [role.arn for role in self.world.records.scan(Role) if not role.service]
        found: dict[str, Reader] = {}
        ahead = [self]
        while ahead:
            here = ahead.pop()
            for arn in every:
                if arn not in found and (session := here.as_role(arn)):
                    found[arn] = session
                    ahead.append(session)
        return found

    def as_role(self, arn: str) -> Reader | None:
        """In the cloud as it is; the session is kept by value, as every caller is."""
        aside = replace(self.hand, cloud=self.hand.cloud.aside())
        answer = aside.ask("sts:AssumeRole", RoleArn=arn, RoleSessionName="truth").answer
        if answer is None:
            return None
        session = aside.cloud.world.records.find(Session, "id", answer["Credentials"]["AccessKeyId"])
        assert session is not None
        return replace(self, hand=replace(self.hand, caller=session.caller))

    # the ways

    def do(self, operation: str, **parameters: object) -> Mapping[str, object]:
        reply = self.hand.ask(operation, **parameters)
        if reply.error:
            raise Refused(reply.error.code)
        return reply.answer or {}

    def direct(self, id: str, blocks: Blocks) -> None:
        listed = self.do("ebs:ListSnapshotBlocks", SnapshotId=id)["Blocks"]
        found = {
            one["BlockIndex"]: self.do("ebs:GetSnapshotBlock", SnapshotId=id, **one)["BlockData"] for one in listed
        }  # type: ignore[attr-defined]
        assert found == {index: block(seed) for index, seed in blocks.items()}

    def volume(self, id: str, key: str, blocks: Blocks) -> None:
        account, region = self.hand.caller.account, self.hand.region
        made = self.do("ec2:CreateVolume", AvailabilityZone=f"{region}a", SnapshotId=id, **_under(key))["VolumeId"]
        if self.world.records.get(Volume, account, region, str(made)) is None:
            raise Refused("it vanished")
        self.attach(str(made), blocks)

    def copy(self, id: str, key: str, blocks: Blocks, then: tuple[str, ...]) -> None:
        made = str(self.do("ec2:CopySnapshot", SourceRegion=REGION, SourceSnapshotId=id, **_under(key))["SnapshotId"])
        copy = self.world.records.get(Snapshot, self.hand.caller.account, self.hand.region, made)
        if copy is None or copy.state != "completed":
            raise Refused("the copy failed")
        self.either(made, key, blocks, then)

    def snapshot(self, id: str, region: str, key: str, blocks: Blocks, then: str) -> None:
        made = str(self.do("ec2:CreateSnapshot", VolumeId=id)["SnapshotId"])
        if then == "copy":
            self.at(region).copy(made, key, blocks, ("direct", "volume"))
        else:
            self.either(made, key, blocks, (then,))

    def either(self, id: str, key: str, blocks: Blocks, then: tuple[str, ...]) -> None:
        every = {"direct": lambda: self.direct(id, blocks), "volume": lambda: self.volume(id, key, blocks)}
        for name in then:
            try:
                every[name]()
                return
            except Refused as refused:
                last = refused
        raise last

    def attach(self, id: str, blocks: Blocks) -> None:
        account, region = self.hand.caller.account, self.hand.region
        machine = next(one for one in self.world.records.scan(Instance, account, region) if one.state == "running")
        self.do("ec2:AttachVolume", VolumeId=id, InstanceId=machine.id, Device=DEVICE)
        held = self.world.records.get(Attachment, account, region, f"{id}/{machine.id}")
        assert held is not None
        assert seen(self.world, held) == {index: block(seed) for index, seed in blocks.items()}

    def launch(self, image: str, device: str, key: str, blocks: Blocks, snapshot: str = "") -> None:
        ebs = _under(key) | ({"SnapshotId": snapshot} if snapshot else {})
        mapping = {"BlockDeviceMappings": [{"DeviceName": device, "Ebs": ebs}]} if ebs else {}
        made = self.do("ec2:RunInstances", ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1, **mapping)
        id, account = made["Instances"][0]["InstanceId"], self.hand.caller.account  # type: ignore[index]
        machine = self.world.records.get(Instance, account, REGION, id)
        if machine is None or machine.state != "running":
            raise Refused("the launch failed")
        held = next(self.world.records.scan_index(Attachment, "instance", account, REGION, id, device))
        assert seen(self.world, held) == {index: block(seed) for index, seed in blocks.items()}


def _under(key: str) -> dict[str, object]:
    return {"Encrypted": True, "KmsKeyId": key} if key else {}


def seen(world: World, held: Attachment) -> dict[int, bytes]:
    """Every block of an attached volume, as its machine opens it."""
    volume = world.records.get(Volume, held.account, held.region, held.volume_id)
    assert volume is not None
    key = held.data_key.reveal() if held.data_key else plane.platform_key(world)
    found = maps.items(volume.blocks, plane.reader(world))
    return {index: cipher.open_block(key, ref, world.blocks(ref)) for index, ref in found}


def without_account(cloud: Cloud, account: str) -> Cloud:
    """A fork in which nothing of an account is left."""
    records = cloud.world.records
    for kind in cloud.services.kinds.values():
        for record in list(records.scan(kind, account)):
            records = records.delete(record)
    return cloud.aside(cloud.world.with_records(records))
