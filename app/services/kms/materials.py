"""The material of keys: the only code of this service that makes or reveals what encrypts.

A key's materials are kept for ever; the current one encrypts, and a ciphertext names the one that opens it. A material
that was imported may go away (its secret becomes None): then the whole key waits for its import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.crypto import envelope
from app.crypto.material import Secret, material_id
from app.kernel.draft import Draft
from app.services.kms.errors import INVALID_CIPHERTEXT
from app.services.kms.records import Key, Material, MaterialState
from app.services.kms.specs import SPECS


def materials_of(draft: Draft, key: Key) -> Iterator[Material]:
    """All of them, first to last."""
    return draft.scan_index(Material, "key", key.account, key.region, key.id)


def find_material(draft: Draft, key: Key, id: str) -> Material | None:
    return draft.find(Material, "material", key.account, key.region, key.id, id)


def current_material(draft: Draft, key: Key) -> Material:
    """Of a key that is not pending import."""
    found = find_material(draft, key, key.material_id)
    assert found is not None
    return found


def is_complete(draft: Draft, key: Key) -> bool:
    """Has the key all material that anything was ever encrypted under? Else it is pending import (kms.md 2.4)."""
    permanent = [one for one in materials_of(draft, key) if one.state != "PENDING_ROTATION"]
    return bool(permanent) and all(one.secret is not None for one in permanent)


def add_material(draft: Draft, key: Key, secret: Secret, state: MaterialState = "CURRENT") -> tuple[Key, Material]:
    """A further material of the key; the current one, unless it waits for its rotation."""
    number = key.materials + 1
    material = draft.put(
        Material(
            account=key.account,
            region=key.region,
            id=f"{key.id}/{number:06d}",
            key_id=key.id,
            material_id=material_id(key.id, secret),
            secret=secret,
            state=state,
        )
    )
    current = material.material_id if state == "CURRENT" else key.material_id
    return draft.change(key, materials=number, material_id=current), material


def first_material(draft: Draft, key: Key) -> Key:
    """Material of the key's spec, made by KMS."""
    make = SPECS[key.spec].make
    assert make is not None
    return add_material(draft, key, make(draft.entropy.draw("kms material")))[0]


def secret_of(draft: Draft, key: Key) -> Secret:
    """What the key signs, agrees or decrypts with, for app.crypto only; of an enabled key it is there."""
    secret = current_material(draft, key).secret
    assert secret is not None
    return secret


def seal(draft: Draft, key: Key, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """A ciphertext under the key's current material."""
    entropy = draft.entropy.draw("kms seal")
    return envelope.seal(secret_of(draft, key), key.arn, key.material_id, plaintext, context, entropy)


def open_sealed(draft: Draft, key: Key, blob: bytes, context: Mapping[str, str]) -> bytes:
    """The plaintext, under whichever material of the key the ciphertext names; InvalidCiphertextException."""
    try:
        material = find_material(draft, key, envelope.header(blob).material_id)
        if material is None or material.secret is None:
            INVALID_CIPHERTEXT.refuse()
        return envelope.open(material.secret, blob, context)
    except envelope.CiphertextError:
        INVALID_CIPHERTEXT.refuse()
