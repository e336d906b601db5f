"""What EBS keeps for what can be done with volumes and snapshots beside making, sharing and copying them.

Locks and rule locks keep moments, not states: what state they are in follows from the world's time. Everything else
moves by jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from app.kernel.call import Pairs
from app.kernel.records import Index, Key, Record
from app.services.ebs.records import Snapshot

PublicState = Literal["block-all-sharing", "block-new-sharing", "unblocked"]
LockMode = Literal["governance", "compliance"]
Tiering = Literal["archival", "temporary-restore", "permanent-restore"]
Progress = Literal["in-progress", "completed", "failed"]
FastRestoreState = Literal["enabling", "optimizing", "enabled", "disabling", "disabled"]
ModificationState = Literal["modifying", "optimizing", "completed", "failed"]
RuleLock = Literal["locked", "pending_unlock", "unlocked"]


class PublicAccess(Record, frozen=True, kw_only=True):
    """Whether an account lets its snapshots of a Region be public (id "snapshots"). No record: it does."""

    kind = "ebs.public-access"
    state: PublicState


class Lock(Record, frozen=True, kw_only=True):
    """The lock of a snapshot (its id): for `days` from `set_ms` or the completion on, or until `expires_ms`."""

    kind = "ebs.lock"
    mode: LockMode
    created_ms: int
    set_ms: int  # by the last LockSnapshot
    days: int = 0
    expires_ms: int = 0
    cool_off_hours: int = 0
    cool_off_until_ms: int = 0


class Tier(Record, frozen=True, kw_only=True):
    """The last move of a snapshot (its id) to the archive or back. What it may do now stands on the snapshot."""

    kind = "ebs.tier"
    tiering: Tiering
    progress: Progress
    started_ms: int
    archived_ms: int = 0  # when the archival was complete
    days: int = 0  # of a temporary restore

    @property
    def status(self) -> str:
        return f"{self.tiering}-{self.progress}"


class Binned(Record, frozen=True, kw_only=True):
    """A snapshot (its id) in the recycle bin: as it was, and nowhere else, so that nothing but the bin knows of it."""

    kind = "ebs.binned"
    snapshot: Snapshot
    entered_ms: int
    leaves_ms: int


class RetentionRule(Record, frozen=True, kw_only=True):
    """A rule of the recycle bin, of a Region or (with `tags`) of what carries one of some tags."""

    kind = "ebs.retention-rule"
    description: str = ""
    days: int
    tags: tuple[tuple[str, str | None], ...] = ()  # one of them must be on the snapshot; None: whatever its value
    excluded: tuple[tuple[str, str | None], ...] = ()  # none of them may be
    is_available: bool = False
    own_tags: Pairs = ()
    unlock_days: int = 0  # 0: it was never locked
    unlocks_ms: int = 0  # 0: locked for good; else when the unlocking is through


def _of_snapshot(each: FastRestore) -> Iterator[Key]:
    yield (each.region, each.snapshot_id, each.account, each.zone)


class FastRestore(Record, frozen=True, kw_only=True):
    """Fast restore of a snapshot in a zone, of the account that enabled it; id is `<snapshot id>/<zone>`."""

    kind = "ebs.fast-restore"
    indexes = (Index("snapshot", _of_snapshot),)

    snapshot_id: str
    owner: str  # of the snapshot
    zone: str
    state: FastRestoreState
    times: tuple[tuple[FastRestoreState, int], ...]  # when it came into each state


class Modification(Record, frozen=True, kw_only=True):
    """The last modification of a volume (its id): what it was, and what it becomes. Sizes in GiB."""

    kind = "ebs.modification"
    state: ModificationState = "modifying"
    started_ms: int
    ended_ms: int = 0
    size_before: int
    type_before: str
    iops_before: int | None
    throughput_before: int | None
    multi_attach_before: bool
    size_gib: int
    type: str
    iops: int | None
    throughput: int | None
    multi_attach: bool


FEATURE_KINDS: tuple[type[Record], ...] = (
    PublicAccess,
    Lock,
    Tier,
    Binned,
    RetentionRule,
    FastRestore,
    Modification,
)
