"""What EBS keeps: volumes, snapshots, their tags, what is being written, and the pages of their block maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from app.blocks.map import EMPTY_MAP, BlockMap
from app.crypto.material import Secret
from app.kernel.call import Pairs
from app.kernel.records import Index, Key, Record

GIB_BLOCKS = 2048  # blocks of 512 KiB in a GiB
NO_VOLUME = "vol-ffffffff"  # VolumeId of every copy (ebs.md 1.4 [V])

SnapshotState = Literal["pending", "completed", "error", "recovering"]
SnapshotTier = Literal["standard", "archive"]
VolumeState = Literal["creating", "available", "in-use"]
Origin = Literal["CreateSnapshot", "CopySnapshot", "StartSnapshot"]


class DataKey(msgspec.Struct, frozen=True):
    """A volume's data key as EBS keeps it: wrapped by KMS, with the context that unwraps it (ebs.md 2)."""

    ciphertext: bytes
    key_arn: str
    context_id: str  # the value of aws:ebs:id: the volume's id, or the snapshot's where a copy or StartSnapshot made it

    @property
    def context(self) -> dict[str, str]:
        return {"aws:ebs:id": self.context_id}


class Volume(Record, frozen=True, kw_only=True):
    kind = "ebs.volume"
    zone: str
    size_gib: int
    type: str
    iops: int | None = None
    throughput: int | None = None
    multi_attach: bool = False
    state: VolumeState = "creating"
    created_ms: int
    snapshot_id: str = ""
    encrypted: bool = False
    key_arn: str = ""
    data_key: DataKey | None = None  # while it is creating, the snapshot's: so are the blocks
    blocks: BlockMap = EMPTY_MAP
    family: str  # volumes and snapshots of one family descend from one another: their blocks can be compared
    creating_request_id: str = ""
    source_volume_id: str = ""  # of a copy that CopyVolumes made
    auto_enable_io: bool = False
    initialization_rate: int = 0  # MiB/s, as CreateVolume was asked for; 0: not


def _by_id(snapshot: Snapshot) -> Iterator[Key]:
    yield (snapshot.region, snapshot.id)


def _shared(snapshot: Snapshot) -> Iterator[Key]:
    for account in snapshot.shared_with:
        yield (account, snapshot.region, snapshot.id)


def _public(snapshot: Snapshot) -> Iterator[Key]:
    if snapshot.is_public and not snapshot.is_withheld:
        yield (snapshot.region, snapshot.id)


def _public_of(snapshot: Snapshot) -> Iterator[Key]:
    if snapshot.is_public:
        yield (snapshot.account, snapshot.region, snapshot.id)


def _copies(snapshot: Snapshot) -> Iterator[Key]:
    """Completed copies of a family under a key, oldest first: what a later copy can build on."""
    is_copy = snapshot.origin == "CopySnapshot" and snapshot.state == "completed"
    if is_copy and snapshot.encrypted and snapshot.tier == "standard":
        started = f"{snapshot.started_ms:015d}"
        yield (snapshot.account, snapshot.region, snapshot.family, snapshot.key_arn, started, snapshot.id)


class Snapshot(Record, frozen=True, kw_only=True):
    kind = "ebs.snapshot"
    indexes = (
        Index("id", _by_id),
        Index("shared", _shared),
        Index("public", _public),
        Index("public-of", _public_of),
        Index("copies", _copies),
    )

    origin: Origin
    volume_id: str
    size_gib: int
    state: SnapshotState = "pending"
    state_message: str = ""
    progress: str = "0%"
    description: str = ""
    started_ms: int
    completed_ms: int = 0
    encrypted: bool = False
    key_arn: str = ""
    data_key: DataKey | None = None
    blocks: BlockMap = EMPTY_MAP
    family: str = ""
    shared_with: tuple[str, ...] = ()  # createVolumePermission, in the order in which the accounts were added
    is_public: bool = False
    is_withheld: bool = False  # the account blocks all public sharing: `all` still stands there, and lets nobody in
    tier: SnapshotTier = "standard"
    restored_until_ms: int = 0  # of an archived snapshot that is restored for some days: usable until then
    source_id: str = ""  # of a copy: the snapshot it was made from; of a child: its parent
    source_blocks: BlockMap = EMPTY_MAP  # of a copy: the source's map as it was then, for the next incremental copy
    duration_minutes: int = 0  # CompletionDurationMinutes
    is_incremental: bool = False  # of a copy: only what changed was moved

    def is_visible_to(self, account: str) -> bool:
        is_open = self.is_public and not self.is_withheld
        return account == self.account or is_open or account in self.shared_with

    @property
    def is_at_hand(self) -> bool:
        """In the standard tier, or restored to it for some days: its blocks can be used."""
        return self.tier == "standard" or self.restored_until_ms > 0


class Tags(Record, frozen=True, kw_only=True):
    """The tags that one account has put on one resource (its id): a shared snapshot has a private set an account."""

    kind = "ebs.tags"
    resource_type: str
    pairs: Pairs


class Defaults(Record, frozen=True, kw_only=True):
    """EBS settings of an account in a Region (id "defaults")."""

    kind = "ebs.defaults"
    encrypts: bool = False  # encryption by default
    key_id: str = ""  # the default key that was set; "": alias/aws/ebs


class PageRecord(Record, frozen=True, kw_only=True):
    """A page of block references, found by its hash; belongs to nobody, because maps share pages."""

    kind = "ebs.page"
    packed: bytes


class Writing(Record, frozen=True, kw_only=True):
    """A snapshot (its id) that StartSnapshot opened and CompleteSnapshot has not closed."""

    kind = "ebs.writing"
    data_key: Secret  # what EBS holds in memory meanwhile; sealed like every secret wherever it is stored
    generation: int = 0
    timeout_minutes: int = 60
    last_write_ms: int


class Written(Record, frozen=True, kw_only=True):
    """One block of an open snapshot: id is `<snapshot id>/<index, 9 digits>`."""

    kind = "ebs.written"
    ref: bytes  # encoded reference
    digest: bytes  # SHA-256 of the plaintext


class Move(Record, frozen=True, kw_only=True):
    """Blocks on their way from one data key to another, for a copy or a volume (its id).

    The settling job made the KMS calls, once, and left this plan; it is worked off in batches, each one a commit, so
    that it shows progress and goes on after a crash without asking KMS again.
    """

    kind = "ebs.move"
    source_blocks: BlockMap
    source_key: Secret
    target_key: Secret
    lineage: bytes
    cursor: int = 0  # the first index that is not moved yet
    moved: int = 0
    total: int


class Token(Record, frozen=True, kw_only=True):
    """A ClientToken (id `<operation>/<token>`) and what came of it."""

    kind = "ebs.token"
    asked: str  # hash of the parameters
    answer: str  # JSON


KINDS: tuple[type[Record], ...] = (Volume, Snapshot, Tags, Defaults, PageRecord, Writing, Written, Move, Token)
