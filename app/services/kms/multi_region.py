"""ReplicateKey and UpdatePrimaryRegion: what makes multi-Region keys, and which of them is the primary (kms.md 2.7).

Both are called in the primary's Region and reach into another one, where KMS asks for permission again: CreateKey for a
replica, UpdatePrimaryRegion on the replica that becomes the primary. How related keys share is told in `related.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.kernel import audit
from app.kernel.authority import Resource, authorize
from app.kernel.call import Call
from app.kernel.draft import Draft, Frame, Result
from app.kernel.operation import job, operation
from app.kernel.records import replace
from app.kernel.regions import regions
from app.kernel.shapes import operation_model
from app.services.kms.checks import KEY_STATE, allowed_on_key
from app.services.kms.errors import (
    KEY_NOT_FOUND,
    NO_SUCH_REGION,
    NOT_PRIMARY,
    REPLICA_EXISTS,
    TAGS_REPEAT,
    TOO_MANY_KEYS,
)
from app.services.kms.keyref import KEY, KEY_TYPE, key_of, resource_of
from app.services.kms.keys import metadata, refuse_too_many
from app.services.kms.materials import is_complete
from app.services.kms.policies import SAVE_ERRORS, default_policy, saved_policy
from app.services.kms.records import Key, key_arn
from app.services.kms.related import PRIMARY, elsewhere, note_synchronized, primary, related, synchronize
from app.services.kms.rotating import book_rotation
from app.services.kms.states import ANSWERS, CREATING, DISABLED, IMPORT, PENDING, UPDATING
from app.services.kms.tags import TAGS, merged
from app.services.kms.trail import camel

CREATED_JOB: Final = "kms.ReplicaCreated"
UPDATED_JOB: Final = "kms.PrimaryUpdated"
CREATING_MS: Final = 10_000  # "a few seconds": inferred
UPDATING_MS: Final = 10_000  # likewise
_STATES: Final = (NOT_PRIMARY, DISABLED, PENDING, IMPORT, CREATING)


# --- ReplicateKey -----------------------------------------------------------------------------------------------------


def FREE_REGION(draft: Draft, call: Call) -> None:
    """A check: a Region of KMS, without a key that is related. One that is pending deletion still is (kms.md 2.7)."""
    key, region = key_of(draft), call["ReplicaRegion"]
    if region not in regions():
        NO_SUCH_REGION.refuse(region=region)
    if draft.get(Key, key.account, region, key.id):
        REPLICA_EXISTS.refuse(arn=key_arn(region, key.account, key.id))


@operation(
    "kms", "ReplicateKey",
    honours=("KeyId", "ReplicaRegion", "Policy", "BypassPolicyLockoutSafetyCheck", "Description", "Tags"),
    checks=(KEY(), TAGS, allowed_on_key("kms:ReplicateKey"), KEY_STATE(), PRIMARY, FREE_REGION),
    answers=(
        *_STATES, UPDATING, NO_SUCH_REGION, REPLICA_EXISTS, *SAVE_ERRORS, TAGS_REPEAT,
        TOO_MANY_KEYS,
    ),
)  # fmt: skip
def replicate_key(draft: Draft, call: Call) -> dict[str, Any]:
    """Makes a replica in another Region: the same key there, with a policy, description and tags of its own.

    It is Creating for some seconds. Of imported material nothing is copied: the replica then waits for its import.
    """
    key = key_of(draft)
    with elsewhere(draft, call["ReplicaRegion"]) as there:
        replica = _made(draft, there, key)
        draft.later(CREATED_JOB, after_ms=CREATING_MS, about=(replica.arn,), account=key.account, key_id=key.id)
    answer = {
        "ReplicaKeyMetadata": metadata(draft, replica),
        "ReplicaPolicy": replica.policy,
        "ReplicaTags": [{"TagKey": name, "TagValue": value} for name, value in replica.tags],
    }
    draft.frame.response = camel(operation_model("kms", "ReplicateKey").output_shape, answer)
    return answer


def _made(draft: Draft, call: Call, key: Key) -> Key:
    """The replica, by a CreateKey that KMS makes in the replica's Region: asked for there, and in the trail there."""
    refuse_too_many(draft, call)
    tags = merged((), {tag["TagKey"]: tag["TagValue"] for tag in call["Tags"] or ()})
    creating = call.nested(operation="kms:CreateKey", parameters=_as_created(call, key), declared=None)
    draft.frame = frame = Frame(creating, draft.services.operations["kms:CreateKey"])
    anything = Resource("*", call.account, context={"kms:MultiRegionKeyType": "REPLICA"})
    for action in ("kms:CreateKey", "kms:TagResource")[: 2 if tags else 1]:
        authorize(draft, creating, action, anything)
    unsaved = replace(
        key,
        region=call.region, created_ms=call.at_ms, state="Creating", description=call["Description"] or "",
        policy="", policy_ids=(), tags=tags, grants=0, material_id="", materials=0,
    )  # fmt: skip
    replica = saved_policy(draft, call, unsaved, call["Policy"] or default_policy(call.account))
    synchronize(draft, key, only=call.region)
    replica = draft.get(Key, *replica.key) or replica
    answer = {"KeyMetadata": metadata(draft, replica)}
    frame.touch(key.account, KEY_TYPE, replica.arn)
    frame.response = camel(operation_model("kms", "CreateKey").output_shape, answer)
    audit.record(draft, frame, Result(answer=answer))
    return replica


def _as_created(call: Call, key: Key) -> Mapping[str, Any]:
    """What CreateKey would have been asked for; the condition keys of kms:CreateKey see it."""
    shared = {"KeySpec": key.spec, "KeyUsage": key.usage, "Origin": key.origin, "MultiRegion": True}
    own = ("Policy", "BypassPolicyLockoutSafetyCheck", "Description", "Tags")
    return shared | {name: call[name] for name in own if call[name] is not None}


@job(CREATED_JOB)
def replica_created(draft: Draft, call: Call) -> None:
    """The replica is there."""
    replica = draft.get(Key, call["account"], call.region, call["key_id"])
    if replica is None:
        return
    if replica.state == "Creating":
        draft.change(replica, state="Enabled" if is_complete(draft, replica) else "PendingImport")
    note_synchronized(draft, primary(draft, replica), replica)


# --- UpdatePrimaryRegion ----------------------------------------------------------------------------------------------


def REPLICA(draft: Draft, call: Call) -> None:
    """A check: the key has a replica in PrimaryRegion, which may be moved too, in a state that permits it."""
    key, region = key_of(draft), call["PrimaryRegion"]
    replica = draft.get(Key, key.account, region, key.id)
    if replica is None or not replica.is_replica:
        KEY_NOT_FOUND.refuse(arn=key_arn(region, key.account, key.id))
    with elsewhere(draft, region) as there:
        authorize(draft, there, "kms:UpdatePrimaryRegion", resource_of(replica))
    error = ANSWERS[call.name][replica.state]
    if error is not None:
        error.refuse(arn=replica.arn)
    draft.frame.memo["replica"] = replica


@operation(
    "kms", "UpdatePrimaryRegion",
    honours=("KeyId", "PrimaryRegion"),
    checks=(KEY(), allowed_on_key("kms:UpdatePrimaryRegion"), KEY_STATE(), PRIMARY, REPLICA),
    answers=(*_STATES, KEY_NOT_FOUND),
)  # fmt: skip
def update_primary_region(draft: Draft, call: Call) -> None:
    """Makes a replica the primary, and the primary a replica. Both are Updating for some seconds."""
    key, replica, region = key_of(draft), draft.frame.memo["replica"], call["PrimaryRegion"]
    for each in related(draft, key):
        draft.change(each, primary_region=region)
    for place in (key.region, region):
        with elsewhere(draft, place):
            _updating(draft, key.account, place, key.id)
            if place == region and key.rotation_days:  # the calendar moves with the primary
                book_rotation(draft, key)
    with elsewhere(draft, region) as there:
        _record_there(draft, there, replica)


def _record_there(draft: Draft, call: Call, replica: Key) -> None:
    """The second entry in the trail: in the Region of the key that becomes the primary (KMS guide, CloudTrail [D])."""
    frame = Frame(call, draft.services.operations[call.operation], memo={"KeyId": replica})
    frame.touch(replica.account, KEY_TYPE, replica.arn)
    audit.record(draft, frame, Result(answer={}))


def _updating(draft: Draft, account: str, region: str, key_id: str) -> None:
    key = draft.get(Key, account, region, key_id)
    assert key is not None
    draft.later(
        UPDATED_JOB, after_ms=UPDATING_MS, about=(key.arn,), account=account, key_id=key_id, state=key.state
    )  # fmt: skip
    draft.change(key, state="Updating")


@job(UPDATED_JOB)
def primary_updated(draft: Draft, call: Call) -> None:
    """The update is complete: the state that the key had is restored."""
    key = draft.get(Key, call["account"], call.region, call["key_id"])
    if key is not None and key.state == "Updating":
        draft.change(key, state=call["state"])
