"""Keys and their lives: made, described, listed, disabled and enabled, scheduled for deletion, deleted by the clock."""

from __future__ import annotations

from typing import Any, Final

from app.kernel import ids
from app.kernel.authority import AUTHORIZE, Resource, anything
from app.kernel.call import Call
from app.kernel.clock import DAY_MS, moment
from app.kernel.draft import Draft
from app.kernel.operation import job, operation
from app.kernel.shapes import operation_model
from app.services.kms.checks import GRANT_TOKENS, KEY_STATE, allowed_on_key, between
from app.services.kms.errors import (
    KEY_NOT_FOUND,
    NO_KEY_STORE,
    TAGS_REPEAT,
    TOO_MANY_KEYS,
    TWO_SPECS,
    USAGE_CLASH,
    USAGE_REQUIRED,
    not_simulated,
)
from app.services.kms.keyref import KEY, key_of, note_key
from app.services.kms.materials import find_material, first_material, is_complete
from app.services.kms.paging import page
from app.services.kms.policies import SAVE_ERRORS, default_policy, saved_policy
from app.services.kms.records import Alias, Grant, Key, Material, Wrapping
from app.services.kms.related import configuration, elsewhere, primary, replicas, synchronize
from app.services.kms.rotating import rotate_if_due, service_event
from app.services.kms.specs import ENCRYPT, SPECS, SYMMETRIC, algorithms_shown, material_id_of
from app.services.kms.states import CREATING, IMPORT, NOT_PENDING, PENDING, UPDATING
from app.services.kms.tags import TAGS, merged
from app.services.kms.trail import camel

DELETE_JOB: Final = "kms.DeleteKey"
WINDOW_DAYS: Final = (7, 30)
KEYS_MAX: Final = 100_000  # customer managed, of an account in a Region


def metadata(draft: Draft, key: Key) -> dict[str, Any]:
    """KeyMetadata, in AWS's order; what does not apply is absent (kms.md 2.2 [V])."""
    current = find_material(draft, key, key.material_id) if key.material_id else None
    return {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": moment(key.created_ms),
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        **({"DeletionDate": moment(key.deletion_ms)} if key.deletion_ms else {}),
        **({"PendingDeletionWindowInDays": key.window_days} if key.state == "PendingReplicaDeletion" else {}),
        **_expiry(key, current),
        "Origin": key.origin,
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        **algorithms_shown(key),
        "MultiRegion": key.multi_region,
        **({"MultiRegionConfiguration": configuration(draft, key)} if key.multi_region else {}),
        **({"CurrentKeyMaterialId": material_id_of(key)} if material_id_of(key) else {}),
    }


def _expiry(key: Key, current: Material | None) -> dict[str, Any]:
    """Of imported material that is there."""
    if key.origin != "EXTERNAL" or current is None or current.secret is None:
        return {}
    if not current.expires_ms:
        return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return {"ValidTo": moment(current.expires_ms), "ExpirationModel": "KEY_MATERIAL_EXPIRES"}


# --- CreateKey --------------------------------------------------------------------------------------------------------


def KIND(draft: Draft, call: Call) -> None:
    """A check: usage must fit spec, and reseal must simulate them."""
    spec, usage = _spec(call), call["KeyUsage"]
    if usage is None and spec != SYMMETRIC:
        USAGE_REQUIRED.refuse()
    if (usage or ENCRYPT) not in SPECS[spec].algorithms:
        USAGE_CLASH.refuse(usage=usage, spec=spec)
    if call["CustomKeyStoreId"] or call["Origin"] in ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"):
        NO_KEY_STORE.refuse()
    if SPECS[spec].make is None:
        not_simulated(f"KeySpec {spec}").refuse()
    if call["Origin"] == "EXTERNAL" and not SPECS[spec].is_importable:
        not_simulated(f"Origin EXTERNAL for KeySpec {spec}").refuse()


def _spec(call: Call) -> str:
    """KeySpec, or the same under its older name."""
    if call["KeySpec"] and call["CustomerMasterKeySpec"]:
        TWO_SPECS.refuse()
    return call["KeySpec"] or call["CustomerMasterKeySpec"] or SYMMETRIC


def _if_tagged(draft: Draft, call: Call) -> Resource | None:
    return anything(draft, call) if call["Tags"] else None


@operation(
    "kms", "CreateKey",
    honours=(
        "Policy", "Description", "KeyUsage", "CustomerMasterKeySpec", "KeySpec", "Origin", "CustomKeyStoreId",
        "BypassPolicyLockoutSafetyCheck", "Tags", "MultiRegion",
    ),
    checks=(KIND, TAGS, AUTHORIZE(("kms:CreateKey", anything), ("kms:TagResource", _if_tagged))),
    answers=(
        USAGE_REQUIRED, TWO_SPECS, USAGE_CLASH, NO_KEY_STORE, *SAVE_ERRORS, TAGS_REPEAT, TOO_MANY_KEYS,
    ),
)  # fmt: skip
def create_key(draft: Draft, call: Call) -> dict[str, Any]:
    """Makes a key of any kind, a symmetric encryption key by default; with MultiRegion the primary of several.

    The policy, by default the one that delegates to the account, must let the caller change it again.
    """
    refuse_too_many(draft, call)
    external = call["Origin"] == "EXTERNAL"
    unsaved = Key(
        account=call.account,
        region=call.region,
        id=_new_key_id(draft, call),
        created_ms=call.at_ms,
        state="PendingImport" if external else "Enabled",
        description=call["Description"] or "",
        origin="EXTERNAL" if external else "AWS_KMS",
        spec=_spec(call),
        usage=call["KeyUsage"] or ENCRYPT,
        multi_region=bool(call["MultiRegion"]),
        primary_region=call.region if call["MultiRegion"] else "",
        policy="",
        tags=merged((), draft.frame.memo["tags"]),
    )
    key = saved_policy(draft, call, unsaved, call["Policy"] or default_policy(call.account))
    key = key if external else first_material(draft, key)
    note_key(draft, call, "KeyId", key)
    answer = {"KeyMetadata": metadata(draft, key)}
    draft.frame.response = camel(operation_model("kms", "CreateKey").output_shape, answer)
    return answer


def refuse_too_many(draft: Draft, call: Call) -> None:
    """The quota of keys; they are counted only in a world that has as many."""
    if draft.world.records.count(Key) < KEYS_MAX:
        return
    if sum(key.manager == "CUSTOMER" for key in draft.scan(Key, call.account, call.region)) >= KEYS_MAX:
        TOO_MANY_KEYS.refuse(most=f"{KEYS_MAX:,}", region=call.region)


def _new_key_id(draft: Draft, call: Call) -> str:
    hashed = draft.new_hash("kms.key", call.account, call.region)
    return f"mrk-{hashed[:16].hex()}" if call["MultiRegion"] else ids.uuid_id(hashed)


# --- reading ----------------------------------------------------------------------------------------------------------


@operation(
    "kms", "DescribeKey",
    honours=("KeyId", "GrantTokens"),
    checks=(GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:DescribeKey"), KEY_STATE()),
    across_accounts="yes, by key ARN or alias ARN",
    reads=True,
)  # fmt: skip
def describe_key(draft: Draft, call: Call) -> dict[str, Any]:
    """What a key is and in which state, never its material."""
    return {"KeyMetadata": metadata(draft, key_of(draft))}


@operation(
    "kms", "ListKeys",
    honours=("Limit", "Marker"),
    checks=(AUTHORIZE(("kms:ListKeys", anything)),),
    reads=True,
)  # fmt: skip
def list_keys(draft: Draft, call: Call) -> dict[str, Any]:
    """The keys of the caller's account and Region, AWS managed ones too."""
    return page(
        draft, call, "Keys", (call.account, call.region),
        lambda after: draft.scan(Key, call.account, call.region, after=after),
        position=lambda key: key.key,
        shown=lambda key: {"KeyId": key.id, "KeyArn": key.arn},
        default=100, most=1000,
    )  # fmt: skip


# --- changing ---------------------------------------------------------------------------------------------------------


@operation(
    "kms", "UpdateKeyDescription",
    honours=("KeyId", "Description"),
    checks=(KEY(), allowed_on_key("kms:UpdateKeyDescription"), KEY_STATE()),
    answers=(PENDING,),
)  # fmt: skip
def update_key_description(draft: Draft, call: Call) -> None:
    """Replaces a key's description."""
    draft.change(key_of(draft), description=call["Description"])


@operation(
    "kms", "EnableKey",
    honours=("KeyId",),
    checks=(KEY(), allowed_on_key("kms:EnableKey"), KEY_STATE()),
    answers=(PENDING, IMPORT, CREATING, UPDATING),
)  # fmt: skip
def enable_key(draft: Draft, call: Call) -> None:
    """Lets a key be used; a rotation that it missed happens now."""
    key = draft.change(key_of(draft), state="Enabled")
    rotated = rotate_if_due(draft, key)
    if rotated != key:
        synchronize(draft, rotated)


@operation(
    "kms", "DisableKey",
    honours=("KeyId",),
    checks=(KEY(), allowed_on_key("kms:DisableKey"), KEY_STATE()),
    answers=(KEY_NOT_FOUND, PENDING, IMPORT, CREATING, UPDATING),
)  # fmt: skip
def disable_key(draft: Draft, call: Call) -> None:
    """Stops all use of a key until it is enabled again."""
    draft.change(key_of(draft), state="Disabled")


def WINDOW(draft: Draft, call: Call) -> None:
    """A check: 7 to 30 days."""
    between(call, "PendingWindowInDays", *WINDOW_DAYS)


@operation(
    "kms", "ScheduleKeyDeletion",
    honours=("KeyId", "PendingWindowInDays"),
    checks=(WINDOW, KEY(), allowed_on_key("kms:ScheduleKeyDeletion"), KEY_STATE()),
    answers=(KEY_NOT_FOUND, PENDING, UPDATING),
)  # fmt: skip
def schedule_key_deletion(draft: Draft, call: Call) -> dict[str, Any]:
    """Starts a key's last days; at their end the clock deletes it with all that belongs to it.

    The primary of a multi-Region key waits for the end of its replicas first, however long that takes.
    """
    key, days = key_of(draft), call["PendingWindowInDays"] or WINDOW_DAYS[1]
    key = draft.change(key, window_days=days, scheduled_ms=call.at_ms, rotating_since_ms=0)
    waits = bool(key.primary_region) and not key.is_replica and bool(replicas(draft, key))
    key = draft.change(key, state="PendingReplicaDeletion") if waits else _count_down(draft, key)
    return {
        "KeyId": key.arn,
        **({} if waits else {"DeletionDate": moment(key.deletion_ms)}),
        "KeyState": key.state,
        "PendingWindowInDays": days,
    }


def _count_down(draft: Draft, key: Key) -> Key:
    """The waiting period begins now."""
    due = draft.frame.call.at_ms + key.window_days * DAY_MS
    draft.later(DELETE_JOB, due_ms=due, about=(key.arn,), account=key.account, key_id=key.id, due=due)
    return draft.change(key, state="PendingDeletion", deletion_ms=due)


@operation(
    "kms", "CancelKeyDeletion",
    honours=("KeyId",),
    checks=(KEY(), allowed_on_key("kms:CancelKeyDeletion"), KEY_STATE()),
    answers=(NOT_PENDING,),
)  # fmt: skip
def cancel_key_deletion(draft: Draft, call: Call) -> dict[str, Any]:
    """Takes a key back: it is disabled then, or pending import where its material is gone [I]."""
    key = key_of(draft)
    state = "Disabled" if is_complete(draft, key) else "PendingImport"
    draft.change(key, state=state, deletion_ms=0, scheduled_ms=0, window_days=0)
    return {"KeyId": key.arn}


@job(DELETE_JOB)
def delete_key(draft: Draft, call: Call) -> None:
    """The end of the window. A deletion that was cancelled, or scheduled anew, has left this job behind."""
    key = draft.get(Key, call["account"], call.region, call["key_id"])
    if key is None or key.state != "PendingDeletion" or key.deletion_ms != call["due"]:
        return
    service_event(draft, key, "DeleteKey")
    at = (key.account, key.region, key.id)
    for kind in (Material, Alias, Grant, Wrapping):
        for record in list(draft.scan_index(kind, "key", *at)):
            draft.delete(record)
    draft.delete(key)
    if key.is_replica:
        _free_primary(draft, key)


def _free_primary(draft: Draft, replica: Key) -> None:
    """The last replica is gone: the waiting period of a primary that waits for that begins."""
    key = primary(draft, replica)
    if key.state == "PendingReplicaDeletion" and not replicas(draft, key):
        with elsewhere(draft, key.region):
            _count_down(draft, key)
