"""Block device mappings: what a request says about volumes to be made, and what of it an image keeps.

RunInstances and CreateImage change the devices of an image or instance by name: a mapping of the same device overrides
what it names, `NoDevice` takes the device away, any other adds one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.kernel.errors import Refused, not_simulated
from app.services.ebs import compute_errors as errors
from app.services.ebs.compute_records import BlockDevice
from app.services.ebs.resource_ids import well_formed_snapshot

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.services.ebs.records import Snapshot

_KNOWN = {
    "DeleteOnTermination", "Iops", "SnapshotId", "VolumeSize", "VolumeType", "KmsKeyId", "Throughput", "Encrypted",
}  # fmt: skip
_WITHOUT_EFFECT = {"VolumeInitializationRate", "EbsCardIndex"}  # blocks are not loaded lazily; every card is card 0


def mappings_are_well_formed(draft: Draft, call: Call) -> None:
    """Each names its device, once; only EBS volumes are simulated."""
    seen: set[str] = set()
    for mapping in call["BlockDeviceMappings"] or ():
        device, ebs = mapping.get("DeviceName"), mapping.get("Ebs") or {}
        if not device:
            errors.NO_DEVICE_NAME.refuse()
        if device in seen:
            errors.DEVICE_TWICE.refuse(device=device)
        seen.add(device)
        strange = sorted(ebs.keys() - _KNOWN - _WITHOUT_EFFECT)
        if mapping.get("VirtualName"):
            raise Refused(not_simulated("VirtualName of a block device mapping: instances have no instance store"))
        if strange:
            raise Refused(not_simulated(f"{', '.join(strange)} of a block device mapping"))
        well_formed_snapshot(ebs.get("SnapshotId") or None, any_digits=True)


def changed(
    devices: Iterable[BlockDevice], mappings: Sequence[Mapping[str, Any]] | None, *, goes: bool
) -> tuple[BlockDevice, ...]:
    """The devices as the mappings change them, in the order of the devices and then of the new ones.

    `goes`: DeleteOnTermination of a new one that does not say: an image's goes [V], one that a launch adds stays [D].
    """
    found = {device.device: device for device in devices}
    for mapping in mappings or ():
        name = mapping["DeviceName"]
        if mapping.get("NoDevice") is not None:
            found.pop(name, None)
        else:
            found[name] = _merged(
                found.get(name) or BlockDevice(name, delete_on_termination=goes), mapping.get("Ebs") or {}
            )
    return tuple(found.values())


def _merged(device: BlockDevice, ebs: Mapping[str, Any]) -> BlockDevice:
    """A type other than the device's takes none of its Iops and Throughput along."""
    type = ebs.get("VolumeType") or device.type
    same = type == device.type
    given = ebs.get("DeleteOnTermination")
    return BlockDevice(
        device=device.device,
        snapshot_id=ebs.get("SnapshotId") or device.snapshot_id,
        size_gib=ebs.get("VolumeSize") or device.size_gib,
        type=type,
        iops=ebs.get("Iops") or (device.iops if same else None),
        throughput=ebs.get("Throughput") or (device.throughput if same else None),
        encrypted=bool(ebs.get("Encrypted")) or device.encrypted,
        delete_on_termination=device.delete_on_termination if given is None else given,
    )


def sized(device: BlockDevice, snapshot: Snapshot | None) -> int:
    """GiB of its volume: as asked, else the snapshot's; a launch does not raise it to the snapshot's (ebs.md 1.2)."""
    if snapshot is None and not device.size_gib:
        errors.NO_SIZE.refuse(device=device.device)
    if snapshot and device.size_gib and device.size_gib < snapshot.size_gib:
        errors.SIZE_BELOW_SNAPSHOT.refuse(size=device.size_gib, id=snapshot.id, low=snapshot.size_gib)
    return device.size_gib or (snapshot.size_gib if snapshot else 0)


def encryption_of(
    mappings: Sequence[Mapping[str, Any]] | None,
) -> dict[str, tuple[bool | None, str | None]]:
    """What the mappings say of encryption, by device: Encrypted and KmsKeyId."""
    found: dict[str, tuple[bool | None, str | None]] = {}
    for mapping in mappings or ():
        ebs = mapping.get("Ebs") or {}
        found[mapping["DeviceName"]] = (ebs.get("Encrypted"), ebs.get("KmsKeyId"))
    return found
