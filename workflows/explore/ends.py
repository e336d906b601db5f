"""What an end is, and who can read in it what the steps made.

Reading is tried, not deduced: as the root of each account (whose own account never refuses it), in a fork, by listing a
snapshot's blocks and getting the first. A volume is snapshotted first, by its own account, as a backup would be. A
snapshot that has failed can be read by nobody; one without a block says nothing, since nothing has to be decrypted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflows.course import Course
    from workflows.port import Answer, Port

Readers = Mapping[str, tuple[str, ...]]  # step that made a snapshot or volume -> the accounts that can read it
SNAPSHOT, VOLUME = "snap-", "vol-"


@dataclass(frozen=True, slots=True)
class End:
    name: str  # of the machine; or unforeseen, unfinished
    how: str  # the call and outcome that led to it
    ok: bool
    last: str  # the step that led to it
    readers: Readers

    def key(self) -> tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]:
        return self.name, self.how, tuple(sorted(self.readers.items()))


def readers(port: Port, course: Course) -> dict[str, tuple[str, ...]]:
    """Who can read each snapshot and volume that the steps made; those with nothing to read are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for step in course.scenario.spec.steps:
        id = course.things.get(step.id, "")
        if not id.startswith((SNAPSHOT, VOLUME)):
            continue
        region = step.region or course.scenario.spec.region
        seen = {alias: _reads(port.aside(), f"{alias}/root", id, region) for alias in course.accounts}
        if None not in seen.values():
            found[step.id] = tuple(alias for alias, reads in seen.items() if reads)
    return found


def _reads(port: Port, root: str, id: str, region: str) -> bool | None:
    """Whether a root can read it; None where there is no block to read."""
    if id.startswith(VOLUME):
        made = port.call(root, "ec2:CreateSnapshot", {"VolumeId": id}, region)
        if made.error:
            return False
        id = str(made.value["SnapshotId"])
    listed = port.call(root, "ebs:ListSnapshotBlocks", {"SnapshotId": id}, region)
    blocks = listed.value.get("Blocks", ())
    if listed.error or not blocks:
        return False if listed.error else None
    return not _got(port, root, id, blocks[0], region).error


def _got(port: Port, root: str, id: str, block: Mapping[str, Any], region: str) -> Answer:
    wanted = {"SnapshotId": id, "BlockIndex": block["BlockIndex"], "BlockToken": block["BlockToken"]}
    return port.call(root, "ebs:GetSnapshotBlock", wanted, region)
