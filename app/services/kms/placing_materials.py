"""The materials of a key that was imported: new bytes under the ids, states and dates that the account tells.

    ListKeyRotations with ALL_KEY_MATERIAL -> each material    |    no such file -> one, under DescribeKey's id

The replica of a key of KMS's own material has its primary's, and so has one of imported material, as somebody imported
the same bytes in both; which of it is there now, each of them tells for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.kernel.draft import Draft
from app.kernel.records import replace
from app.services.kms.importing import book_expiry
from app.services.kms.materials import add_material, first_material, materials_of
from app.services.kms.records import Key, Material
from app.services.kms.related import primary, synchronize

Told = Mapping[str, Any]


def give_material(draft: Draft, placed: Key, told: Told) -> None:
    """`told`: metadata and materials. A key that waits for its first import gets none."""
    key = _now(draft, placed)
    if key.is_replica and key.origin == "AWS_KMS":
        synchronize(draft, primary(draft, key), only=key.region)
        return
    rows = sorted(_rows(told), key=_order)
    if key.state == "PendingImport" and not rows:
        return
    originals = list(materials_of(draft, primary(draft, key))) if key.is_replica else []
    for nth, row in enumerate(rows or [_only(told["metadata"])]):
        original = originals[nth] if nth < len(originals) else None
        _give(draft, _now(draft, placed), row, original)
    current = (one.material_id for one in materials_of(draft, key) if one.state == "CURRENT")
    draft.change(_now(draft, placed), material_id=next(current, ""))


def _now(draft: Draft, placed: Key) -> Key:
    found = draft.get(Key, *placed.key)
    assert found is not None
    return found


def _rows(told: Told) -> Iterator[Told]:
    """As ListKeyRotations tells them. Of rotations alone the material before the first is not told."""
    rows = [one for one in told["materials"] if one.get("KeyMaterialState")]
    if rows and all(one.get("RotationDate") for one in rows):
        yield {"KeyMaterialState": "NON_CURRENT"}
    yield from rows


def _order(row: Told) -> tuple[bool, int]:
    """The first, then as they were rotated, then what waits."""
    return "PENDING" in row["KeyMaterialState"], row.get("RotationDate") or 0


def _only(metadata: Told) -> Told:
    id = metadata.get("CurrentKeyMaterialId")
    row = {"KeyMaterialState": "CURRENT", "ValidTo": metadata.get("ValidTo")}
    return row | ({"KeyMaterialId": id} if id else {})


def _give(draft: Draft, key: Key, row: Told, original: Material | None) -> None:
    waits, is_current = "PENDING" in row["KeyMaterialState"], row["KeyMaterialState"] == "CURRENT"
    if original is None or original.secret is None:
        key, material = _made(draft, key)
    else:
        key, material = add_material(draft, key, original.secret)
    is_gone = row.get("ImportState") == "PENDING_IMPORT"
    material = replace(
        material,
        material_id=row.get("KeyMaterialId") or (original.material_id if original else material.material_id),
        secret=None if is_gone else material.secret,
        state="PENDING_ROTATION" if waits else "CURRENT" if is_current else "NON_CURRENT",
        rotated_ms=row.get("RotationDate") or 0,
        rotation_type=row.get("RotationType") or "",
        expires_ms=0 if is_gone else row.get("ValidTo") or 0,
    )
    draft.put(material)
    if material.expires_ms:
        book_expiry(draft, key, material, material.expires_ms)


def _made(draft: Draft, key: Key) -> tuple[Key, Material]:
    key = first_material(draft, key)
    material = draft.get(Material, key.account, key.region, f"{key.id}/{key.materials:06d}")
    assert material is not None
    return key, material
