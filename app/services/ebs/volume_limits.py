"""What volumes there can be: the types with their sizes, IOPS and throughputs, and what AWS says beyond them.

AWS checks in this order (ST:volume_controls, ST:volume_controls_bounds [V]): signs, the type, whether the type has IOPS
and a throughput at all, the size, the IOPS, the throughput. A gp3 volume has at least 3,000 IOPS and 125 MiB/s: less is
accepted and raised, but the IOPS that were asked for are held against the size before that.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.services.ebs import volume_errors as errors

THROUGHPUT_PER_IOPS_MAX = 0.25  # MiB/s


@dataclass(frozen=True, slots=True)
class VolumeType:
    """Limits of a volume type. Source: ST:volume_controls [V]; sizes of io1, io2, st1 and sc1: EBS guide, 2026 [D]."""

    size_gib_min: int
    size_gib_max: int
    iops_min: int = 0
    iops_max: int = 0  # 0: Iops may not be given
    iops_per_gib_max: int = 0
    iops_base: int = 0  # what every volume of the type has, where that is a number
    throughput_max: int = 0  # MiB/s; 0: Throughput may not be given
    throughput_base: int = 0

    @property
    def is_provisioned(self) -> bool:
        """Iops has to be given; volumes of these types can be attached to several instances."""
        return bool(self.iops_max and not self.iops_base)


VOLUME_TYPES = {
    "gp2": VolumeType(1, 16_384),
    "gp3": VolumeType(1, 65_536, 100, 80_000, 500, 3_000, 2_000, 125),
    "io1": VolumeType(4, 16_384, 100, 64_000, 50),
    "io2": VolumeType(4, 65_536, 100, 256_000, 1_000),
    "st1": VolumeType(125, 16_384),
    "sc1": VolumeType(125, 16_384),
    "standard": VolumeType(1, 1_024),
}


def named_type(name: str | None) -> str:
    """A type as AWS takes it: in any case, and gp2 where none is named [V]."""
    return (name or "gp2").lower()


def iops_of(type: str, size_gib: int, asked: int | None) -> int | None:
    """The IOPS that a volume has; None for types that have none to tell. gp2: three a GiB, 100 to 16,000 [D]."""
    if type == "gp2":
        return min(max(3 * size_gib, 100), 16_000)
    return max(asked or 0, VOLUME_TYPES[type].iops_base) or None


def throughput_of(type: str, asked: int | None) -> int | None:
    """The throughput that a volume has, in MiB/s; None for types that have none to tell."""
    return max(asked or 0, VOLUME_TYPES[type].throughput_base) or None


def within_limits(type: str, size: int, iops: int | None, throughput: int | None) -> None:
    """Refuse what AWS has no such volume for; sizes in GiB, throughput in MiB/s."""
    for name, value in (("size", size), ("iops", iops), ("throughput", throughput)):
        if value is not None and value < 0:
            errors.NOT_POSITIVE.refuse(value=value, name=name)
    limits = VOLUME_TYPES.get(type)
    if limits is None:
        errors.BAD_VOLUME_TYPE.refuse(type=type)
    if limits.is_provisioned and iops is None:
        errors.IOPS_REQUIRED.refuse(type=type)
    if iops and not limits.iops_max:
        errors.IOPS_NOT_SUPPORTED.refuse(type=type)
    if throughput and not limits.throughput_max:
        errors.THROUGHPUT_NOT_SUPPORTED.refuse(type=type)
    if size < limits.size_gib_min:
        errors.VOLUME_TOO_SMALL.refuse(size=size, type=type, low=limits.size_gib_min)
    if size > limits.size_gib_max:
        errors.VOLUME_TOO_LARGE.refuse(size=size, type=type, high=limits.size_gib_max)
    if iops is not None and limits.iops_max:
        _iops_within(limits, size, iops)
    if throughput is not None and limits.throughput_max:
        _throughput_within(limits, max(iops or 0, limits.iops_base), throughput)


def _iops_within(limits: VolumeType, size: int, iops: int) -> None:
    if iops < limits.iops_min:
        errors.IOPS_TOO_LOW.refuse(value=iops, low=limits.iops_min)
    if iops > limits.iops_max:
        errors.IOPS_TOO_HIGH.refuse(value=iops, high=limits.iops_max)
    if iops != limits.iops_base and iops > size * limits.iops_per_gib_max:
        errors.IOPS_RATIO.refuse(ratio=f"{iops / size:.6f}", high=limits.iops_per_gib_max)


def _throughput_within(limits: VolumeType, iops: int, throughput: int) -> None:
    if throughput > limits.throughput_max:
        errors.THROUGHPUT_TOO_HIGH.refuse(value=throughput, high=limits.throughput_max)
    if max(throughput, limits.throughput_base) > iops * THROUGHPUT_PER_IOPS_MAX:
        errors.THROUGHPUT_RATIO.refuse(ratio=f"{throughput / iops:.6f}")


LIMITS = (  # what `within_limits` answers
    errors.NOT_POSITIVE,
    errors.BAD_VOLUME_TYPE,
    errors.IOPS_REQUIRED,
    errors.IOPS_NOT_SUPPORTED,
    errors.THROUGHPUT_NOT_SUPPORTED,
    errors.VOLUME_TOO_SMALL,
    errors.VOLUME_TOO_LARGE,
    errors.IOPS_TOO_LOW,
    errors.IOPS_TOO_HIGH,
    errors.IOPS_RATIO,
    errors.THROUGHPUT_TOO_HIGH,
    errors.THROUGHPUT_RATIO,
)


def may_multi_attach(type: str, asked: bool | None) -> None:
    """Only provisioned volumes can be attached to several instances; asked after DryRun [V]."""
    if asked and not VOLUME_TYPES[type].is_provisioned:
        errors.NO_MULTI_ATTACH.refuse(type=type)


RATE_MIN, RATE_MAX = 100, 300  # MiB/s


def initialization_rate_is_valid(rate: int | None, has_snapshot: bool) -> None:
    if rate is None:
        return
    if not has_snapshot:
        errors.RATE_WITHOUT_SNAPSHOT.refuse()
    if not RATE_MIN <= rate <= RATE_MAX:
        errors.BAD_RATE.refuse()
