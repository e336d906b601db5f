"""Rotation of key material: by the calendar, on demand, and the list of what was (kms.md 2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.clock import moment
from app.kernel.draft import Draft
from app.kernel.operation import job, operation
from app.kernel.tree import Key as Position
from app.services.kms.checks import FAMILY, KEY_STATE, ORIGIN, allowed_on_key
from app.services.kms.errors import (
    HIDDEN,
    KEY_NOT_FOUND,
    NOT_PRIMARY,
    NOTHING_TO_ROTATE,
    ROTATION_CONFLICT,
    ROTATIONS_USED_UP,
    WRONG_KIND,
    WRONG_ORIGIN,
)
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import find_material
from app.services.kms.paging import page
from app.services.kms.records import Key, Material
from app.services.kms.related import PRIMARY, related, synchronize
from app.services.kms.rotating import (
    ROTATE_JOB,
    YEAR_DAYS,
    pending_material,
    rotate,
    rotate_if_due,
    schedule_rotation,
)
from app.services.kms.states import CREATING, DISABLED, IMPORT, PENDING, UNAVAILABLE, UPDATING

ON_DEMAND_MAX: Final = 25
ON_DEMAND_JOB: Final = "kms.RotateOnDemand"
ON_DEMAND_MS: Final = 60_000  # how long AWS takes is not documented: inferred
CONFLICT_MS: Final = 20 * 60_000
_STATES: Final = (DISABLED, PENDING, IMPORT, UNAVAILABLE, CREATING)

SYMMETRIC_KEY: Final = FAMILY("symmetric")  # no other key rotates


@operation(
    "kms", "EnableKeyRotation",
    honours=("KeyId", "RotationPeriodInDays"),
    checks=(KEY(), allowed_on_key("kms:EnableKeyRotation"), SYMMETRIC_KEY, ORIGIN("AWS_KMS"), KEY_STATE(), PRIMARY),
    answers=(WRONG_KIND, WRONG_ORIGIN, NOT_PRIMARY, *_STATES),
)  # fmt: skip
def enable_key_rotation(draft: Draft, call: Call) -> None:
    """Rotates from now on every 90 to 2,560 days, 365 if not said; called again it changes the period."""
    synchronize(draft, schedule_rotation(draft, key_of(draft), call["RotationPeriodInDays"] or YEAR_DAYS))


@operation(
    "kms", "DisableKeyRotation",
    honours=("KeyId",),
    checks=(KEY(), allowed_on_key("kms:DisableKeyRotation"), SYMMETRIC_KEY, ORIGIN("AWS_KMS"), KEY_STATE(), PRIMARY),
    answers=(WRONG_KIND, WRONG_ORIGIN, NOT_PRIMARY, *_STATES),
)  # fmt: skip
def disable_key_rotation(draft: Draft, call: Call) -> None:
    """Ends automatic rotation."""
    synchronize(draft, draft.change(key_of(draft), rotation_days=0, next_rotation_ms=0))


@operation(
    "kms", "GetKeyRotationStatus",
    honours=("KeyId",),
    checks=(
        KEY(across=True), allowed_on_key("kms:GetKeyRotationStatus"), SYMMETRIC_KEY, ORIGIN("AWS_KMS"), KEY_STATE(),
    ),
    answers=(HIDDEN, WRONG_KIND, WRONG_ORIGIN),
    across_accounts="yes, by key ARN",
    reads=True,
)  # fmt: skip
def get_key_rotation_status(draft: Draft, call: Call) -> dict[str, Any]:
    """Whether and when the key rotates by itself. Pending deletion it does not; taken back it does again.

    Imported material never rotates by itself: the table of key states refuses such keys (6 or 7), the answer recorded
    for a key pending import (kms.md 1.1 [V]).
    """
    key = key_of(draft)
    on = bool(key.rotation_days) and not key.is_pending_deletion
    schedule = (
        {"NextRotationDate": moment(key.next_rotation_ms), "RotationPeriodInDays": key.rotation_days} if on else {}
    )
    under_way = {"OnDemandRotationStartDate": moment(key.rotating_since_ms)} if key.rotating_since_ms else {}
    return {"KeyId": key.arn, "KeyRotationEnabled": on, **schedule, **under_way}


def AVAILABLE(draft: Draft, call: Call) -> None:
    """A check: no rotation is under way or near, the key has one left, and imported material to rotate to is there."""
    key = key_of(draft)
    if key.rotating_since_ms or (key.rotation_days and key.next_rotation_ms - call.at_ms < CONFLICT_MS):
        ROTATION_CONFLICT.refuse(arn=key.arn)
    if key.rotations_on_demand >= ON_DEMAND_MAX:
        ROTATIONS_USED_UP.refuse(arn=key.arn)
    if key.origin == "EXTERNAL":
        pending = pending_material(draft, key)
        if pending is None or not _is_everywhere(draft, key, pending):
            NOTHING_TO_ROTATE.refuse(arn=key.arn)


def _is_everywhere(draft: Draft, key: Key, material: Material) -> bool:
    """Was it imported into all related keys?"""
    found = (find_material(draft, each, material.material_id) for each in related(draft, key))
    return all(each is not None and each.secret is not None for each in found)


@operation(
    "kms", "RotateKeyOnDemand",
    honours=("KeyId",),
    checks=(KEY(), allowed_on_key("kms:RotateKeyOnDemand"), KEY_STATE(), PRIMARY, SYMMETRIC_KEY, AVAILABLE),
    answers=(
        KEY_NOT_FOUND, WRONG_KIND, NOT_PRIMARY, ROTATION_CONFLICT, ROTATIONS_USED_UP, NOTHING_TO_ROTATE, *_STATES,
        UPDATING,
    ),
)  # fmt: skip
def rotate_key_on_demand(draft: Draft, call: Call) -> dict[str, Any]:
    """Rotates soon, at most 25 times; the calendar's rotation stays where it is."""
    key = key_of(draft)
    synchronize(draft, draft.change(key, rotating_since_ms=call.at_ms))
    draft.later(ON_DEMAND_JOB, after_ms=ON_DEMAND_MS, about=(key.arn,), account=key.account, key_id=key.id)
    return {"KeyId": key.arn}


@job(ON_DEMAND_JOB)
def rotate_on_demand(draft: Draft, call: Call) -> None:
    """What RotateKeyOnDemand asked for. A key that was disabled or is to be deleted meanwhile keeps its material."""
    key = draft.get(Key, call["account"], call.region, call["key_id"])
    if key is None or not key.rotating_since_ms:
        return
    key = draft.change(key, rotating_since_ms=0)
    if key.state == "Enabled":
        key = draft.change(rotate(draft, key, "ON_DEMAND"), rotations_on_demand=key.rotations_on_demand + 1)
    synchronize(draft, key)


@job(ROTATE_JOB)
def rotate_by_calendar(draft: Draft, call: Call) -> None:
    """A date of the calendar has come. A schedule that was changed since has left this job behind."""
    key = draft.get(Key, call["account"], call.region, call["key_id"])
    if key is not None and key.next_rotation_ms == call["due"]:
        rotated = rotate_if_due(draft, key)
        if rotated != key:
            synchronize(draft, rotated)


@operation(
    "kms", "ListKeyRotations",
    honours=("KeyId", "IncludeKeyMaterial", "Limit", "Marker"),
    checks=(KEY(), allowed_on_key("kms:ListKeyRotations"), KEY_STATE(), SYMMETRIC_KEY),
    answers=(WRONG_KIND,),
    reads=True,
)  # fmt: skip
def list_key_rotations(draft: Draft, call: Call) -> dict[str, Any]:
    """The rotations that happened; with ALL_KEY_MATERIAL every material the key has."""
    key, everything = key_of(draft), call["IncludeKeyMaterial"] == "ALL_KEY_MATERIAL"
    return page(
        draft, call, "Rotations", (key.arn, str(everything)),
        lambda after: _materials(draft, key, everything, after),
        position=lambda material: (material.id,),
        shown=lambda material: _shown(draft, key, material),
        default=100, most=1000,
    )  # fmt: skip


def _materials(draft: Draft, key: Key, everything: bool, after: Position) -> Iterator[Material]:
    at = (key.account, key.region, key.id)
    found = draft.scan_index(Material, "key", *at, after=(*at, *after) if after else ())
    return (material for material in found if everything or material.rotated_ms)


def _shown(draft: Draft, key: Key, material: Material) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "KeyId": key.id,
        "KeyMaterialId": material.material_id,
        "KeyMaterialState": _state(draft, key, material),
    }
    if material.rotated_ms:
        entry |= {"RotationDate": moment(material.rotated_ms), "RotationType": material.rotation_type}
    return entry | (_imported(material) if key.origin == "EXTERNAL" else {})


def _state(draft: Draft, key: Key, material: Material) -> str:
    if material.state == "PENDING_ROTATION" and not _is_everywhere(draft, key, material):
        return "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    return material.state


def _imported(material: Material) -> dict[str, Any]:
    """What an imported material has beside that."""
    entry: dict[str, Any] = {"ImportState": "IMPORTED" if material.secret else "PENDING_IMPORT"}
    if material.description:
        entry["KeyMaterialDescription"] = material.description
    if material.secret is None:
        return entry
    if not material.expires_ms:
        return entry | {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return entry | {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": moment(material.expires_ms)}
