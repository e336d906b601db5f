"""Ids of volumes, snapshots and images: what has the form of one, and how each operation says that something has not.

AWS looks at the digits of long ids, by a rule that is not published (ST:volume_controls_snapshot_ids [V]): all that
were issued begin with 0, and some of those that were never issued are malformed as well. The ones that people write by
hand and that are known to be refused are listed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.services.ebs import errors, volume_errors

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.errors import AwsError
    from app.kernel.operation import Check

_DIGITS = re.compile(r"[0-9a-f]{8}\Z|0[0-9a-f]{16}\Z")
_ANY_SNAPSHOT = re.compile(r"snap-(?:[0-9a-f]{8}|[0-9a-f]{17})\Z")
_REFUSED = frozenset(("0" * 17, "0" + "1" * 16, "0123456789abcdef0"))  # [V]


def _is_id(prefix: str, text: str) -> bool:
    found, _, digits = text.partition("-")
    return found == prefix and bool(_DIGITS.match(digits)) and digits not in _REFUSED


def is_snapshot_id(text: str) -> bool:
    return _is_id("snap", text)


def is_volume_id(text: str) -> bool:
    return _is_id("vol", text)


def is_image_id(text: str) -> bool:
    return _is_id("ami", text)


def _begins_well(prefix: str, text: str) -> bool:
    """So far as to be called malformed and not something else: an id with capitals is something else [V]."""
    return text.startswith(f"{prefix}-") and text == text.lower()


# snapshots


def snapshot_id(parameter: str = "SnapshotId") -> Check:
    def check(draft: Draft, call: Call) -> None:
        well_formed_snapshot(call[parameter])

    return check


def snapshot_id_or(parameter: str, malformed: AwsError) -> Check:
    """A check that says the same of anything that is no id."""

    def check(draft: Draft, call: Call) -> None:
        if not is_snapshot_id(call[parameter] or ""):
            malformed.refuse(id=call[parameter] or "")

    return check


def well_formed_snapshot(id: str | None, *, any_digits: bool = False) -> None:
    """`any_digits`: to a block device mapping a snapshot of such digits is not found (ST:images_controls [V])."""
    if id is None or is_snapshot_id(id) or (any_digits and _ANY_SNAPSHOT.match(id)):
        return
    (errors.SNAPSHOT_MALFORMED if _begins_well("snap", id) else errors.SNAPSHOT_NO_PREFIX).refuse(id=id)


def snapshot_ids(draft: Draft, call: Call) -> None:
    """Every one of the SnapshotIds has the form of an id."""
    for id in call["SnapshotIds"] or ():
        well_formed_snapshot(id)


# volumes


def volume_id(parameter: str = "VolumeId") -> Check:
    def check(draft: Draft, call: Call) -> None:
        well_formed_volume(call[parameter])

    return check


def well_formed_volume(id: str | None) -> None:
    if id is None or not id:
        volume_errors.VOLUME_ID_EMPTY.refuse(id="null" if id is None else "")
    if not is_volume_id(id):
        _malformed_volume(id)


def _malformed_volume(id: str) -> None:
    if _begins_well("vol", id):
        volume_errors.VOLUME_MALFORMED.refuse(id=id)
    volume_errors.VOLUME_NO_PREFIX.refuse(id=id, name="volumeId")


def listed_volumes(draft: Draft, call: Call) -> None:
    """The VolumeIds of DescribeVolumes, which calls every id that is none the same."""
    for id in call["VolumeIds"] or ():
        if not id:
            errors.MISSING_PARAMETER.refuse(name="volumes")
        if not is_volume_id(id):
            volume_errors.VOLUME_NO_PREFIX.refuse(id=id, name="volumes")


def modified_volumes(draft: Draft, call: Call) -> None:
    """The VolumeIds of DescribeVolumesModifications."""
    for id in call["VolumeIds"] or ():
        well_formed_volume(id)


def watched_volumes(draft: Draft, call: Call) -> None:
    """The VolumeIds of DescribeVolumeStatus; an empty one stands for none [V]."""
    for id in call["VolumeIds"] or ():
        if id and not is_volume_id(id):
            (volume_errors.STATUS_MALFORMED if _begins_well("vol", id) else volume_errors.STATUS_NO_PREFIX).refuse(
                id=id
            )


VOLUME_ID_ANSWERS = (volume_errors.VOLUME_ID_EMPTY, volume_errors.VOLUME_NO_PREFIX, volume_errors.VOLUME_MALFORMED)


def volume_id_or(missing: AwsError, malformed: AwsError) -> Check:
    """A check of VolumeId with words of its own."""

    def check(draft: Draft, call: Call) -> None:
        id = call["VolumeId"]
        if id is None:
            missing.refuse()
        if not is_volume_id(id):
            malformed.refuse(id=id)

    return check
