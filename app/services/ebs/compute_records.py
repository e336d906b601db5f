"""What EBS keeps of images, instances and attachments: as much of EC2 as decides who can use a volume.

An image names snapshots; whom it is launched by reaches them through it, shared or not. An attachment is where a
plaintext data key lives: from the attach to the detach it is kept beside the volume, as the hypervisor keeps it, so
what becomes of the key meanwhile does not matter to a volume that is attached (ebs.md 1.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from app.crypto.material import Secret
from app.kernel.records import Index, Key, Record

ImageState = Literal["pending", "available", "failed", "deregistered"]
InstanceState = Literal["pending", "running", "shutting-down", "terminated", "stopping", "stopped"]
AttachmentState = Literal["attaching", "attached", "detaching"]

STATE_CODES: dict[str, int] = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}


class BlockDevice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A volume that a launch makes: of an image, or as a request changes it."""

    device: str
    snapshot_id: str = ""  # "": an empty volume
    size_gib: int = 0
    type: str = "gp2"
    iops: int | None = None
    throughput: int | None = None
    encrypted: bool = False
    delete_on_termination: bool = True


class LaunchPermission(msgspec.Struct, frozen=True):
    """One entry of launchPermission other than `all`, with the name that EC2 gives its member."""

    member: Literal["UserId", "OrganizationArn", "OrganizationalUnitArn"]
    value: str

    @property
    def holder(self) -> str:
        """The account, organization or organizational unit, by its id alone."""
        return self.value.rpartition("/")[2]


def _by_id(image: Image) -> Iterator[Key]:
    yield (image.region, image.id)


def _shared(image: Image) -> Iterator[Key]:
    for permission in image.permissions if image.is_there else ():
        yield (permission.holder, image.region, image.id)


def _public(image: Image) -> Iterator[Key]:
    if image.is_public and image.is_there:
        yield (image.region, image.id)


def _by_name(image: Image) -> Iterator[Key]:
    if image.is_there:
        yield (image.account, image.region, image.name, image.id)


def _by_snapshot(image: Image) -> Iterator[Key]:
    for device in image.devices if image.is_there else ():
        if device.snapshot_id:
            yield (image.region, device.snapshot_id, image.id)


class Image(Record, frozen=True, kw_only=True):
    """An AMI. A deregistered one is kept, because AWS still tells it from one that never was."""

    kind = "ebs.image"
    indexes = (
        Index("id", _by_id),
        Index("shared", _shared),
        Index("public", _public),
        Index("name", _by_name),
        Index("snapshot", _by_snapshot),
    )

    name: str
    description: str = ""
    state: ImageState = "available"
    reason: str = ""  # why it failed
    created_ms: int
    architecture: str = "i386"
    virtualization: str = "hvm"
    boot_mode: str = ""
    imds_support: str = ""
    ena: bool = False
    root_device: str
    devices: tuple[BlockDevice, ...]
    permissions: tuple[LaunchPermission, ...] = ()  # in the order in which they were added; the owner may be among them
    is_public: bool = False
    source_instance_id: str = ""
    source_image_id: str = ""
    source_region: str = ""

    @property
    def is_there(self) -> bool:
        return self.state != "deregistered"

    def is_launchable_by(self, names: frozenset[str]) -> bool:
        """By whom goes by one of these names: an account id, and the ids of its organization and units."""
        return self.is_public or self.account in names or any(each.holder in names for each in self.permissions)


class Instance(Record, frozen=True, kw_only=True):
    kind = "ebs.instance"

    image_id: str
    type: str
    state: InstanceState = "pending"
    zone: str
    launched_ms: int
    reservation_id: str
    launch_index: int = 0
    client_token: str = ""
    architecture: str
    virtualization: str
    root_device: str
    reason_code: str = ""  # StateReason
    reason_message: str = ""
    transition_reason: str = ""


def _of_volume(attachment: Attachment) -> Iterator[Key]:
    yield (attachment.account, attachment.region, attachment.volume_id, attachment.instance_id)


def _of_instance(attachment: Attachment) -> Iterator[Key]:
    yield (attachment.account, attachment.region, attachment.instance_id, attachment.device)


class Attachment(Record, frozen=True, kw_only=True):
    """A volume at an instance; id is `<volume id>/<instance id>`.

    INVARIANT: `data_key` and `grant_id` are there while the volume is encrypted and the instance holds it open, that is
    from the attach or the start on, until the detach, the stop or the end.
    """

    kind = "ebs.attachment"
    indexes = (Index("volume", _of_volume), Index("instance", _of_instance))

    volume_id: str
    instance_id: str
    device: str
    state: AttachmentState = "attaching"
    attached_ms: int
    delete_on_termination: bool = False
    key_arn: str = ""  # the key that `grant_id` is a grant of
    grant_id: str = ""
    data_key: Secret | None = None  # plaintext


COMPUTE_KINDS: tuple[type[Record], ...] = (Image, Instance, Attachment)
