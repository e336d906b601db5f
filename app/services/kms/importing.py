"""Imported key material: keys of Origin EXTERNAL (kms.md 2.4).

A key waits (PendingImport) until all material that anything was ever encrypted under is there. A symmetric encryption
key takes further material, which first waits for its rotation; any other kind of key only ever the same again. When
material is deleted, or its date comes, the whole key waits again until the same bytes are imported anew. A replica of
a multi-Region key takes what was imported into its primary, and nothing else.
"""

from __future__ import annotations

from typing import Any, Final

from app.crypto.asymmetric import CURVES, UnfitKey, read_private_key
from app.crypto.material import Secret, material_id
from app.crypto.wrapping import DIRECT, KEY_BITS, UNDER_AES, UnwrapFailed, new_wrapping_key, unwrap
from app.kernel.call import Call
from app.kernel.clock import DAY_MS, milliseconds, moment
from app.kernel.draft import Draft
from app.kernel.operation import job, operation
from app.services.kms.checks import KEY_STATE, ORIGIN, allowed_on_key
from app.services.kms.errors import (
    EXPIRED_TOKEN,
    ID_OF_NEW,
    INVALID_CIPHERTEXT,
    INVALID_TOKEN,
    MATERIAL_NOT_FOUND,
    ONLY_SYMMETRIC,
    OTHER_MATERIAL,
    SECOND_PENDING,
    VALID_TO_MISSING,
    VALIDATION,
    WRAPPING_UNFIT,
    WRONG_ORIGIN,
    not_simulated,
)
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import add_material, find_material, is_complete, materials_of
from app.services.kms.records import Key, Material, Wrapping
from app.services.kms.related import primary, related
from app.services.kms.rotating import pending_material, service_event
from app.services.kms.specs import SPECS, is_symmetric
from app.services.kms.states import CREATING, PENDING, UNAVAILABLE, UPDATING

TOKEN_VALID_MS: Final = DAY_MS
VALID_DAYS_MAX: Final = 365
EXPIRE_JOB: Final = "kms.ExpireMaterial"
EXPIRES: Final = "KEY_MATERIAL_EXPIRES"
NEW: Final = "NEW_KEY_MATERIAL"
_TOKEN_MAGIC: Final = b"rsI\x01"
_TAG_BYTES: Final = 32
_STATES: Final = (WRONG_ORIGIN, PENDING, UNAVAILABLE, CREATING, UPDATING)


# --- the wrapping key -------------------------------------------------------------------------------------------------


def WRAPPING(draft: Draft, call: Call) -> None:
    """A check: the wrapping suits the key's material, and is no longer, or not only in China, to be had."""
    algorithm, wrapping, spec = call["WrappingAlgorithm"], call["WrappingKeySpec"], key_of(draft).spec
    if "SM2" in algorithm or wrapping not in KEY_BITS:
        not_simulated(f"WrappingAlgorithm {algorithm} with WrappingKeySpec {wrapping}").refuse()
    if algorithm not in _wrappings(spec) or (algorithm in DIRECT and (spec, wrapping) in _TOO_LONG):
        WRAPPING_UNFIT.refuse(algorithm=algorithm, wrapping=wrapping, spec=spec)


_TOO_LONG: Final = {("ECC_NIST_P521", "RSA_2048")}  # its PKCS #8 has more bytes than OAEP takes


def _wrappings(spec: str) -> tuple[str, ...]:
    """The algorithms for material of a spec. RSAES_PKCS1_V1_5 is none: AWS ended it on 2023-10-10 (kms.md 2.4 [D])."""
    if spec in CURVES:
        return (*DIRECT, *UNDER_AES)
    return tuple(DIRECT if SPECS[spec].material_bytes else UNDER_AES)


@operation(
    "kms", "GetParametersForImport",
    honours=("KeyId", "WrappingAlgorithm", "WrappingKeySpec"),
    checks=(KEY(), allowed_on_key("kms:GetParametersForImport"), ORIGIN("EXTERNAL"), KEY_STATE(), WRAPPING),
    answers=(*_STATES, WRAPPING_UNFIT),
    reads=True,
)  # fmt: skip
def get_parameters_for_import(draft: Draft, call: Call) -> dict[str, Any]:
    """A public key to wrap material under, and the token that goes with it; both good for 24 hours."""
    key = key_of(draft)
    _forget_old(draft, key)
    private, public = new_wrapping_key(call["WrappingKeySpec"])
    wrapping = draft.put(
        Wrapping(
            account=key.account,
            region=key.region,
            id=draft.new_hash("kms.wrapping", key.account, key.region).hex(),
            key_id=key.id,
            algorithm=call["WrappingAlgorithm"],
            private=private,
            valid_to_ms=call.at_ms + TOKEN_VALID_MS,
        )
    )
    return {
        "KeyId": key.arn,
        "ImportToken": _token(draft, wrapping),
        "PublicKey": public,
        "ParametersValidTo": moment(wrapping.valid_to_ms),
    }


def _forget_old(draft: Draft, key: Key) -> None:
    """Wrapping keys that ran out a day ago or more: their tokens are unknown from then on."""
    for wrapping in list(draft.scan_index(Wrapping, "key", key.account, key.region, key.id)):
        if wrapping.valid_to_ms + TOKEN_VALID_MS < draft.frame.call.at_ms:
            draft.delete(wrapping)


def _token(draft: Draft, wrapping: Wrapping) -> bytes:
    return _TOKEN_MAGIC + draft.world.digest("import-token", wrapping.key_id, wrapping.id) + bytes.fromhex(wrapping.id)


def _wrapping(draft: Draft, call: Call) -> Wrapping:
    """The wrapping key that a token stands for; refused if it is of another key, unknown, or too old."""
    key, token = key_of(draft), bytes(call["ImportToken"])
    id = token[len(_TOKEN_MAGIC) + _TAG_BYTES :].hex()
    wrapping = draft.get(Wrapping, key.account, key.region, id)
    if wrapping is None or wrapping.key_id != key.id or token != _token(draft, wrapping):
        INVALID_TOKEN.refuse()
    if wrapping.valid_to_ms < call.at_ms:
        EXPIRED_TOKEN.refuse()
    return wrapping


# --- the import -------------------------------------------------------------------------------------------------------


def EXPIRY(draft: Draft, call: Call) -> None:
    """A check: material that expires has a date within a year; other material has none."""
    expires, valid_to = (call["ExpirationModel"] or EXPIRES) == EXPIRES, call["ValidTo"]
    if expires and valid_to is None:
        VALID_TO_MISSING.refuse()
    if not expires and valid_to is not None:
        VALIDATION.refuse(text="A validTo date can not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
    if valid_to is not None and not 0 < milliseconds(valid_to) - call.at_ms <= VALID_DAYS_MAX * DAY_MS:
        VALIDATION.refuse(text=f"The validTo date must be in the future, at most {VALID_DAYS_MAX} days from now")


def KIND(draft: Draft, call: Call) -> None:
    """A check: only symmetric encryption keys have several materials, so only they name and describe them."""
    if call["ImportType"] == NEW and call["KeyMaterialId"] is not None:
        ID_OF_NEW.refuse()
    if is_symmetric(key_of(draft)):
        return
    for parameter in ("ImportType", "KeyMaterialDescription", "KeyMaterialId"):
        if call[parameter] is not None:
            ONLY_SYMMETRIC.refuse(parameter=parameter)


def MATERIAL(draft: Draft, call: Call) -> None:
    """A check: unwraps the material, and leaves it for the handler."""
    wrapping = _wrapping(draft, call)
    try:
        secret = unwrap(wrapping.private, wrapping.algorithm, bytes(call["EncryptedKeyMaterial"]))
    except UnwrapFailed:
        INVALID_CIPHERTEXT.refuse()
    draft.frame.memo["material"] = _fitting(key_of(draft).spec, secret)


def _fitting(spec: str, secret: Secret) -> Secret:
    """Material as a key of the spec keeps it: so many raw bytes, or a private key in PKCS #8."""
    size = SPECS[spec].material_bytes
    try:
        secret = secret if size else read_private_key(spec, secret.reveal())
    except UnfitKey:
        OTHER_MATERIAL.refuse()
    if size and len(secret.reveal()) != size:
        OTHER_MATERIAL.refuse()
    return secret


@operation(
    "kms", "ImportKeyMaterial",
    honours=(
        "KeyId", "ImportToken", "EncryptedKeyMaterial", "ValidTo", "ExpirationModel", "ImportType",
        "KeyMaterialDescription", "KeyMaterialId",
    ),
    checks=(
        EXPIRY, KEY(), allowed_on_key("kms:ImportKeyMaterial"), ORIGIN("EXTERNAL"), KEY_STATE(), KIND, MATERIAL,
    ),
    answers=(
        *_STATES, VALID_TO_MISSING, ID_OF_NEW, ONLY_SYMMETRIC, INVALID_TOKEN, EXPIRED_TOKEN, INVALID_CIPHERTEXT,
        OTHER_MATERIAL, SECOND_PENDING,
    ),
)  # fmt: skip
def import_key_material(draft: Draft, call: Call) -> dict[str, Any]:
    """Gives a key its material: the first, the same again, or further material that waits for a rotation."""
    key, secret = key_of(draft), draft.frame.memo["material"]
    is_new = call["ImportType"] == NEW or (call["ImportType"] is None and not key.materials)
    import_ = _further if is_new and not key.is_replica else _again
    key, material = import_(draft, call, key, secret)
    expires = milliseconds(call["ValidTo"]) if call["ValidTo"] else 0
    description = call["KeyMaterialDescription"] or material.description
    draft.change(material, secret=secret, expires_ms=expires, description=description)
    if expires:
        book_expiry(draft, key, material, expires)
    if key.state == "PendingImport" and _has_all(draft, key):
        draft.change(key, state="Enabled")
    return _named(key, material)


def _named(key: Key, material: Material) -> dict[str, Any]:
    """Only symmetric encryption keys have ids of materials."""
    return {"KeyId": key.arn, **({"KeyMaterialId": material.material_id} if is_symmetric(key) else {})}


def book_expiry(draft: Draft, key: Key, material: Material, due: int) -> None:
    draft.later(
        EXPIRE_JOB, due_ms=due, about=(key.arn,),
        account=key.account, key_id=key.id, material_id=material.material_id, due=due,
    )  # fmt: skip


def _has_all(draft: Draft, key: Key) -> bool:
    """All permanent material of the key, and of its primary if it is a replica."""
    wanted = (each for each in materials_of(draft, primary(draft, key)) if each.state != "PENDING_ROTATION")
    return is_complete(draft, key) and all(find_material(draft, key, each.material_id) for each in wanted)


def _further(draft: Draft, call: Call, key: Key, secret: Secret) -> tuple[Key, Material]:
    """New material: the current one of a key that has none yet; else it waits, and only one may wait."""
    new_id, pending = material_id(key.id, secret), pending_material(draft, key)
    if pending is not None and pending.material_id != new_id:
        SECOND_PENDING.refuse(new=new_id, arn=key.arn, pending=pending.material_id)
    if find_material(draft, key, new_id) is not None:
        OTHER_MATERIAL.refuse()
    return add_material(draft, key, secret, "PENDING_ROTATION" if key.materials else "CURRENT")


def _again(draft: Draft, call: Call, key: Key, secret: Secret) -> tuple[Key, Material]:
    """Material that the key, or its primary, had before: the same bytes."""
    id = material_id(key.id, secret)
    known = find_material(draft, primary(draft, key), id)
    if known is None or call["KeyMaterialId"] not in (None, id):
        OTHER_MATERIAL.refuse()
    material = find_material(draft, key, id)
    if material is not None:
        return key, material
    key, material = add_material(draft, key, secret, known.state)
    return key, draft.change(material, rotated_ms=known.rotated_ms, rotation_type=known.rotation_type)


# --- the end of imported material -------------------------------------------------------------------------------------


@operation(
    "kms", "DeleteImportedKeyMaterial",
    honours=("KeyId", "KeyMaterialId"),
    checks=(KEY(), allowed_on_key("kms:DeleteImportedKeyMaterial"), ORIGIN("EXTERNAL"), KEY_STATE()),
    answers=(*_STATES, MATERIAL_NOT_FOUND),
)  # fmt: skip
def delete_imported_key_material(draft: Draft, call: Call) -> dict[str, Any]:
    """Takes material away, the current one if none is named; the key waits for it, unless it is to be deleted."""
    key = key_of(draft)
    wanted = call["KeyMaterialId"] or key.material_id
    material = find_material(draft, key, wanted) if wanted else None
    if material is None:
        if call["KeyMaterialId"]:
            MATERIAL_NOT_FOUND.refuse(id=wanted, arn=key.arn)
        return {"KeyId": key.arn}
    _forget(draft, key, material)
    return _named(key, material)


def _forget(draft: Draft, key: Key, material: Material) -> None:
    """Material that waits for its rotation goes altogether, with a primary's that of its replicas (botocore [D])."""
    if material.state == "PENDING_ROTATION":
        for each in [key] if key.is_replica else related(draft, key):
            waiting = find_material(draft, each, material.material_id)
            if waiting is not None:
                draft.delete(waiting)
        return
    draft.change(material, secret=None, expires_ms=0)
    if not key.is_pending_deletion:
        draft.change(key, state="PendingImport")


@job(EXPIRE_JOB)
def expire_material(draft: Draft, call: Call) -> None:
    """The date of imported material has come. Imported anew with another date, it left this job behind."""
    key = draft.get(Key, call["account"], call.region, call["key_id"])
    material = find_material(draft, key, call["material_id"]) if key else None
    if key is None or material is None or material.expires_ms != call["due"]:
        return
    _forget(draft, key, material)
    service_event(draft, key, "DeleteExpiredKeyMaterial", {"keyId": key.id, "keyMaterialId": material.material_id})
