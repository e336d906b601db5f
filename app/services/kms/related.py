"""Multi-Region keys: which keys are related, and what they share (kms.md 2.7).

A primary and its replicas are records of their own, one a Region, under one id. Shared are id, material, spec, usage,
origin and rotation; policy, grants, aliases, tags, state and description are each key's own. What is shared is written
at the primary and copied to the replicas (`synchronize`), so that Decrypt finds everything in its own Region.
INVARIANT: `Key.primary_region` is the same in all related keys, and a key of that Region is among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as changed
from typing import Any

from app.kernel import audit
from app.kernel.call import Call
from app.kernel.draft import Draft, Frame
from app.kernel.records import replace
from app.services.kms.errors import NOT_PRIMARY
from app.services.kms.keyref import KEY_TYPE, key_of
from app.services.kms.materials import materials_of
from app.services.kms.records import Key, Material


def related(draft: Draft, key: Key) -> list[Key]:
    """The key and all that are related to it, in the order of their Regions."""
    if not key.primary_region:
        return [key]
    return list(draft.scan_index(Key, "related", key.account, key.id))


def replicas(draft: Draft, key: Key) -> list[Key]:
    return [each for each in related(draft, key) if each.is_replica]


def primary(draft: Draft, key: Key) -> Key:
    found = draft.get(Key, key.account, key.primary_region or key.region, key.id)
    assert found is not None
    return found


def configuration(draft: Draft, key: Key) -> dict[str, Any]:
    """MultiRegionConfiguration: all related keys show the same lists."""
    return {
        "MultiRegionKeyType": "REPLICA" if key.is_replica else "PRIMARY",
        "PrimaryKey": _shown(primary(draft, key)),
        "ReplicaKeys": [_shown(each) for each in replicas(draft, key)],
    }


def _shown(key: Key) -> dict[str, str]:
    return {"Arn": key.arn, "Region": key.region}


def PRIMARY(draft: Draft, call: Call) -> None:
    """A check: not for replicas. For the key that is to be replicated or moved: a multi-Region key at that."""
    key = key_of(draft)
    if key.is_replica or (not key.primary_region and call.name in ("ReplicateKey", "UpdatePrimaryRegion")):
        NOT_PRIMARY.refuse(arn=key.arn)


@contextmanager
def elsewhere(draft: Draft, region: str) -> Iterator[Call]:
    """What KMS does in another Region in the course of a call: jobs and events inside belong to that Region."""
    frame = draft.frame
    draft.frame = Frame(changed(frame.call, region=region))
    try:
        yield draft.frame.call
    finally:
        frame.decision_id = draft.frame.decision_id or frame.decision_id
        draft.frame = frame


def synchronize(draft: Draft, key: Key, only: str = "") -> None:
    """Copy what related keys share from the primary to each replica (or to that of one Region).

    Imported material is not copied: whoever imported it imports it in each Region. There a rotation makes current what
    waits for it.
    """
    for replica in replicas(draft, key):
        if only not in ("", replica.region):
            continue
        if key.origin == "AWS_KMS":
            _copy_materials(draft, key, replica)
        else:
            _turn_materials(draft, key, replica)
        draft.change(
            replica,
            material_id=key.material_id if key.origin == "AWS_KMS" or replica.materials else "",
            materials=key.materials if key.origin == "AWS_KMS" else replica.materials,
            rotation_days=key.rotation_days,
            next_rotation_ms=key.next_rotation_ms,
            rotations_on_demand=key.rotations_on_demand,
            rotating_since_ms=key.rotating_since_ms,
        )
        if not only:
            note_synchronized(draft, key, replica)


def _copy_materials(draft: Draft, key: Key, replica: Key) -> None:
    """From the last one backwards, as far as the replica does not have them yet: a rotation touches two."""
    for number in range(key.materials, 0, -1):
        original = draft.get(Material, key.account, key.region, f"{key.id}/{number:06d}")
        assert original is not None
        copy = replace(original, region=replica.region)
        if draft.get(Material, *copy.key) == copy:
            return
        draft.put(copy)


def _turn_materials(draft: Draft, key: Key, replica: Key) -> None:
    """The replica's own materials take the states of the primary's."""
    states = {each.material_id: each for each in materials_of(draft, key)}
    for own in list(materials_of(draft, replica)):
        told = states.get(own.material_id)
        if told and told.state != own.state:
            draft.change(own, state=told.state, rotated_ms=told.rotated_ms, rotation_type=told.rotation_type)


def note_synchronized(draft: Draft, key: Key, replica: Key) -> None:
    """SynchronizeMultiRegionKey: in the replica's Region, about the primary (kms.md 9 [D])."""
    with elsewhere(draft, replica.region):
        audit.service_event(
            draft,
            key.account,
            "SynchronizeMultiRegionKey",
            source="kms.amazonaws.com",
            identity={"accountId": key.account, "invokedBy": audit.INTERNAL},
            details={"keyId": replica.arn},
            resources=[(key.account, KEY_TYPE, key.arn)],
        )
