"""What the tests here store: two kinds of records that no service knows, and changes to worlds without any call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from app.blocks.ref import BlockRef
from app.crypto.cipher import BLOCK_FORMAT
from app.crypto.material import Secret
from app.kernel.clock import Clock
from app.kernel.cloud import new_world
from app.kernel.log import CallEntry, DecisionEntry, Entry, EventEntry
from app.kernel.records import Index, Record
from app.kernel.store import Commit, Store
from app.kernel.world import World

OWNER, REGION = "111111111111", "us-east-1"
REAL = Clock("real", now_ms=1, machine_ms=1)


class Note(Record, frozen=True, kw_only=True):
    kind = "note"
    indexes = (Index("text", lambda note: [(note.text,)]),)
    text: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    packed: bytes = b""


class Share(msgspec.Struct, frozen=True):
    of: str
    part: Secret


class Safe(Record, frozen=True, kw_only=True):
    kind = "safe"
    material: Secret
    spare: Secret | None = None
    shares: tuple[Share, ...] = ()


KINDS = (Note, Safe)


def note(id: str, text: str = "", **more: object) -> Note:
    return Note(account=OWNER, region=REGION, id=id, text=text, **more)  # type: ignore[arg-type]


def safe(id: str, material: bytes, **more: object) -> Safe:
    return Safe(account=OWNER, region=REGION, id=id, material=Secret(material), **more)  # type: ignore[arg-type]


def block(world: World, index: int, generation: int = 1) -> BlockRef:
    return BlockRef(BLOCK_FORMAT, world.branch, b"L" * 16, index, generation)


def change(
    store: Store,
    world: World,
    *records: Record,
    gone: Iterable[Record] = (),
    log: Iterable[Entry] = (),
    blocks: Mapping[BlockRef, bytes] | None = None,
) -> World:
    """Commit as a call does: records put and deleted, entries, blocks; the revision moves where records did."""
    after = world.records
    for record in records:
        after = after.put(record)
    for record in gone:
        after = after.delete(record)
    touched = tuple((type(record), record.key) for record in (*records, *gone))
    moved = replace(
        world,
        records=after,
        revision=world.revision + bool(touched),
        position=world.position + 1,
        clock=world.clock.ticked(),
    )
    return store.commit(Commit(world, moved, touched, tuple(log), blocks or {}))


def fresh(name: str = "lab", *, clock: Clock = REAL, seed: str | None = None) -> World:
    return new_world(name, clock=clock, seed=seed)


def entries_of(n: int, resource: str = "snap-1", *, root: str = "", code: str = "") -> tuple[Entry, ...]:
    """A call with its decision and its event. `root` is the call that set it off."""
    request, root = f"request-{n}", root or f"request-{n}"
    return (
        CallEntry(request, root, n, "ec2:CopySnapshot", OWNER, REGION, "arn:caller", code=code, resources=(resource,)),
        DecisionEntry(
            f"decision-{n}",
            request,
            root,
            n,
            OWNER,
            REGION,
            "arn:caller",
            "kms:Decrypt",
            "arn:key",
            not code,
            resources=(resource, "arn:key"),
            body='{"trace": "…"}',
        ),
        EventEntry(
            f"event-{n}", n, OWNER, REGION, "CopySnapshot", "ec2.amazonaws.com", False, request, root, body="{}"
        ),
    )
