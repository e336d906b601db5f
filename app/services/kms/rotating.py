"""How material is rotated: one way for the calendar, for a request, and for a key that missed its date.

Nothing but the material changes. A key rotates only while it is enabled; one that was not on its date rotates when it
is enabled again (kms.md 2.3 [D]). Of multi-Region keys the primary rotates, for all that are related to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.crypto.material import new_material
from app.kernel import audit
from app.kernel.clock import DAY_MS
from app.kernel.draft import Draft
from app.services.kms.materials import add_material, find_material, materials_of
from app.services.kms.records import Key, Material, RotationType

YEAR_DAYS: Final = 365
ROTATE_JOB: Final = "kms.Rotate"


def schedule_rotation(draft: Draft, key: Key, days: int) -> Key:
    """Rotate every so many days, from now on."""
    key = draft.change(key, rotation_days=days, next_rotation_ms=draft.frame.call.at_ms + days * DAY_MS)
    book_rotation(draft, key)
    return key


def book_rotation(draft: Draft, key: Key) -> None:
    """The next date of the key's calendar, in the Region of the call."""
    due = key.next_rotation_ms
    draft.later(ROTATE_JOB, due_ms=due, about=(key.arn,), account=key.account, key_id=key.id, due=due)


def rotate_if_due(draft: Draft, key: Key) -> Key:
    """Automatic rotation, if its date has come and the key is enabled; then the next date is set."""
    is_due = bool(key.rotation_days) and draft.frame.call.at_ms >= key.next_rotation_ms
    if not is_due or key.is_replica or key.state != "Enabled":
        return key
    return schedule_rotation(draft, rotate(draft, key, "AUTOMATIC"), key.rotation_days)


def pending_material(draft: Draft, key: Key) -> Material | None:
    """Imported material that waits for its rotation."""
    if key.origin != "EXTERNAL":
        return None
    return next((one for one in materials_of(draft, key) if one.state == "PENDING_ROTATION"), None)


def rotate(draft: Draft, key: Key, how: RotationType) -> Key:
    """Make new material, or imported material that waits, the current one."""
    old, new = find_material(draft, key, key.material_id), pending_material(draft, key)
    assert old is not None
    draft.change(old, state="NON_CURRENT")
    if new is None:
        key, new = add_material(draft, key, new_material(draft.entropy.draw("kms rotation")))
    draft.change(new, state="CURRENT", rotated_ms=draft.frame.call.at_ms, rotation_type=how)
    details = {
        "rotationType": how,
        "keyOrigin": key.origin,
        "previousKeyMaterialId": old.material_id,
        "currentKeyMaterialId": new.material_id,
        "keyId": key.id,
    }
    service_event(draft, key, "RotateKey", details)
    return draft.change(key, material_id=new.material_id)


def service_event(draft: Draft, key: Key, name: str, details: Mapping[str, Any] | None = None) -> None:
    """What KMS does by itself, in the trail of the key's owner (kms.md 9)."""
    audit.service_event(
        draft,
        key.account,
        name,
        source="kms.amazonaws.com",
        identity={"accountId": key.account, "invokedBy": audit.INTERNAL},
        details=details,
        resources=[(key.account, "AWS::KMS::Key", key.arn)],
    )
