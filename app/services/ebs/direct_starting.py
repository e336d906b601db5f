"""StartSnapshot: a snapshot opened for writing, under a new data key or its parent's; and closed when abandoned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.blocks import map as maps
from app.blocks.ref import BLOCK_SIZE_BYTES
from app.crypto.material import Secret
from app.kernel.authority import CALLER, Resource, authorize, tag_context
from app.kernel.clock import moment
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import job, operation
from app.policy.causes import Cause
from app.services.ebs import envelope, errors, feature_errors, plane, requests, tags
from app.services.ebs.defaults import default_key, defaults
from app.services.ebs.direct import (
    KEY_PROBLEMS,
    decrypt,
    dependency_refused,
    needs_key,
)
from app.services.ebs.direct_writing import close_open
from app.services.ebs.records import DataKey, Snapshot, Writing
from app.services.ebs.requests import CLIENT_TOKEN
from app.services.ebs.rules import find_snapshot, own_snapshot, snapshot_arn, snapshot_resource
from app.services.ebs.snapshots import failed

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

MINUTE_MS = 60_000
VOLUME_SIZE_MAX = 65_536  # GiB


def _size_is_possible(draft: Draft, call: Call) -> None:
    if call["VolumeSize"] > VOLUME_SIZE_MAX:
        errors.BAD_DIRECT_SIZE.refuse(size=call["VolumeSize"])


def _parent_is_alone(draft: Draft, call: Call) -> None:
    """With a parent neither Encrypted nor a key is named; AWS mentions the key first (plain-parent-false-key of
    ST:encryption_authorization [V])."""
    if call["ParentSnapshotId"] and call["KmsKeyArn"]:
        errors.PARENT_AND_KEY.refuse()
    if call["ParentSnapshotId"] and call["Encrypted"] is not None:
        errors.PARENT_AND_ENCRYPTED.refuse()


def _parent_is_usable(draft: Draft, call: Call) -> None:
    """A parent must be one's own, even where a shared one could be read [V], and complete."""
    id = call["ParentSnapshotId"]
    if not id:
        return
    parent = own_snapshot(draft, call, id)
    if parent is None:
        cause = Cause.SNAPSHOT_NOT_OWNED if find_snapshot(draft, call.region, id) else Cause.SNAPSHOT_NOT_FOUND
        raise Refused(errors.DIRECT_NOT_FOUND(id=id), Refusal(cause))
    if parent.state != "completed":
        errors.PARENT_NOT_COMPLETE.refuse(id=id)
    if not parent.is_at_hand:
        feature_errors.DIRECT_ARCHIVED.refuse()
    if call["VolumeSize"] < parent.size_gib:
        errors.PARENT_LARGER.refuse()
    if defaults(draft, call.account, call.region).encrypts and not parent.encrypted:
        errors.PLAIN_PARENT.refuse()


def _flags_agree(draft: Draft, call: Call) -> None:
    if call["Encrypted"] is False and call["KmsKeyArn"]:
        errors.FALSE_AND_KEY.refuse()


def _may_start(draft: Draft, call: Call) -> None:
    """On the parent's ARN, or on `snapshot/null`: so the denials of AWS name it [V]."""
    context: dict[str, Any] = tag_context(_tags(call)) | {"ebs:VolumeSize": str(call["VolumeSize"])}
    context |= {"ebs:Description": call["Description"]} if call["Description"] else {}
    parent = call["ParentSnapshotId"]
    if parent:
        resource = snapshot_resource(draft, call, parent)
        context |= {"ebs:ParentSnapshot": resource.arn, **resource.context}
    else:
        resource = Resource(snapshot_arn(call.region, "null"), call.account)
    authorize(draft, call, "ebs:StartSnapshot", Resource(resource.arn, resource.account, context=context), CALLER)
    if _tags(call):  # neither StartSnapshot nor CreateSnapshot is its ec2:CreateAction [V]
        new = Resource(snapshot_arn(call.region, "*"), call.account, context=tag_context(_tags(call)))
        authorize(draft, call, "ec2:CreateTags", new, CALLER)


def _tags(call: Call) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in call["Tags"] or ()}


def _tags_are_well_formed(draft: Draft, call: Call) -> None:
    try:
        tags.well_formed(call["Tags"] or ())
    except Refused as refused:
        errors.BAD_DIRECT_TAG.refuse(text=refused.error.message)


@operation(
    "ebs",
    "StartSnapshot",
    honours={
        "VolumeSize",
        "ParentSnapshotId",
        "Tags",
        "Description",
        "ClientToken",
        "Encrypted",
        "KmsKeyArn",
        "Timeout",
    },
    checks=(
        _size_is_possible,
        _parent_is_alone,
        _flags_agree,
        _parent_is_usable,
        _tags_are_well_formed,
        _may_start,
        CLIENT_TOKEN,
    ),
    answers=(
        errors.BAD_DIRECT_SIZE,
        errors.BAD_DIRECT_TAG,
        errors.FALSE_AND_KEY,
        errors.PARENT_AND_KEY,
        errors.PARENT_AND_ENCRYPTED,
        errors.DIRECT_NOT_FOUND,
        errors.PARENT_NOT_COMPLETE,
        feature_errors.DIRECT_ARCHIVED,
        errors.PARENT_LARGER,
        errors.PLAIN_PARENT,
        errors.DIRECT_DENIED,
        errors.DIRECT_CONFLICT,
        *KEY_PROBLEMS,
    ),
)
def start_snapshot(draft: Draft, call: Call) -> Answer:
    """Open a snapshot for writing; VolumeSize in GiB, Timeout in minutes from the last write (60)."""
    id = draft.new_id("snap", call.account, call.region)
    parent = own_snapshot(draft, call, call["ParentSnapshotId"]) if call["ParentSnapshotId"] else None
    data_key, plaintext = _key_of_child(draft, parent, id) if parent else _key_of_root(draft, call, id)
    snapshot = draft.put(
        Snapshot(
            account=call.account,
            region=call.region,
            id=id,
            origin="StartSnapshot",
            volume_id="vol-ffffffff",
            size_gib=call["VolumeSize"],
            description=call["Description"] or "",
            started_ms=call.at_ms,
            encrypted=data_key is not None,
            key_arn=data_key.key_arn if data_key else "",
            data_key=data_key,
            blocks=parent.blocks if parent else maps.EMPTY_MAP,
            family=parent.family if parent else id,
            source_id=parent.id if parent else "",
        )
    )
    timeout = call["Timeout"] or 60
    draft.put(
        Writing(
            account=call.account,
            region=call.region,
            id=id,
            data_key=Secret(plaintext),
            timeout_minutes=timeout,
            last_write_ms=call.at_ms,
        )
    )
    draft.frame.about.append(id)
    _watch(draft, snapshot, timeout)
    tags.put_tags(draft, call, id, "snapshot", _tags(call))
    return requests.remember_token(draft, call, _started(call, snapshot, parent))


def _key_of_root(draft: Draft, call: Call, id: str) -> tuple[DataKey | None, bytes]:
    """GenerateDataKey as the caller, its plaintext to EBS; or the platform's key for an unencrypted snapshot."""
    if not (call["Encrypted"] or call["KmsKeyArn"] or defaults(draft, call.account, call.region).encrypts):
        return None, plane.platform_key(draft.world)
    key = call["KmsKeyArn"] or default_key(draft, call.account, call.region)
    asked = {"KeyId": key, "NumberOfBytes": envelope.DATA_KEY_SIZE_BYTES, "EncryptionContext": {"aws:ebs:id": id}}
    made = draft.on_behalf("kms:GenerateDataKey", asked, via=envelope.Via("ec2", envelope.DIRECT))
    if made.error:
        raise dependency_refused(draft, made)
    return DataKey(made["CiphertextBlob"], made["KeyId"], id), made["Plaintext"]


def _key_of_child(draft: Draft, parent: Snapshot, id: str) -> tuple[DataKey | None, bytes]:
    """The parent's data key, re-wrapped for the child and then decrypted, both as the caller."""
    if parent.data_key is None:
        return None, plane.platform_key(draft.world)
    asked = {
        "CiphertextBlob": parent.data_key.ciphertext,
        "SourceEncryptionContext": parent.data_key.context,
        "SourceKeyId": parent.key_arn,
        "DestinationKeyId": parent.key_arn,
        "DestinationEncryptionContext": {"aws:ebs:id": id},
    }
    made = draft.on_behalf("kms:ReEncrypt", asked, via=envelope.Via("ec2", envelope.DIRECT))
    if made.error:
        raise dependency_refused(draft, made)
    data_key = DataKey(made["CiphertextBlob"], made["KeyId"], id)
    return data_key, needs_key(draft, decrypt(draft, data_key))["Plaintext"]


def _started(call: Call, snapshot: Snapshot, parent: Snapshot | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "OwnerId": snapshot.account,
        "Status": "pending",
        "StartTime": moment(call.at_ms),
        "VolumeSize": snapshot.size_gib,
        "BlockSize": BLOCK_SIZE_BYTES,
    }
    optional = {
        "Description": snapshot.description,
        "Tags": tags.tag_list(_tags(call)),
        "ParentSnapshotId": parent.id if parent else "",
        "KmsKeyArn": snapshot.key_arn,
    }
    return answer | {name: value for name, value in optional.items() if value}


def _watch(draft: Draft, snapshot: Snapshot, minutes: int) -> None:
    """A timeout is real time whatever settles instantly: book it after that time in both settings."""
    draft.later(
        "close_abandoned_snapshot",
        due_ms=draft.frame.call.at_ms + minutes * MINUTE_MS,
        about=(snapshot.id,),
        snapshot_id=snapshot.id,
    )


@job("close_abandoned_snapshot")
def close_abandoned_snapshot(draft: Draft, call: Call) -> None:
    """Cancel an open snapshot to which nothing was written for its Timeout."""
    snapshot, writing = (
        own_snapshot(draft, call, call["snapshot_id"]),
        draft.get(Writing, call.account, call.region, call["snapshot_id"]),
    )
    if snapshot is None or writing is None or snapshot.state != "pending":
        return
    due = writing.last_write_ms + writing.timeout_minutes * MINUTE_MS
    if due > call.at_ms:
        draft.later("close_abandoned_snapshot", due_ms=due, about=(snapshot.id,), snapshot_id=snapshot.id)
    else:
        close_open(draft, snapshot, writing, failed(snapshot, errors.TIMED_OUT.message))
