"""The EBS direct APIs: write a snapshot block by block, and read blocks of one's own or shared snapshots (ebs.md 6).

Their authorization is on `ebs:` actions alone, by the snapshot's ARN without an account. A problem with the key shows
as 404 when reading and as 400 when writing, never as AccessDenied [V].
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from app.blocks import map as maps
from app.blocks.ref import BLOCK_SIZE_BYTES, BlockRef
from app.crypto.material import Secret
from app.kernel.authority import CALLER, Resource, authorize, tag_context
from app.kernel.clock import DAY_MS, moment, whole_second
from app.kernel.draft import Result
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import job, operation
from app.kernel.records import replace
from app.policy.causes import Cause
from app.services.ebs import envelope, errors, feature_errors, plane, requests, tags
from app.services.ebs.defaults import default_key, defaults
from app.services.ebs.records import GIB_BLOCKS, DataKey, Snapshot, Writing, Written
from app.services.ebs.requests import CLIENT_TOKEN
from app.services.ebs.rules import find_snapshot, own_snapshot, snapshot_arn, snapshot_resource, visible_snapshot
from app.services.ebs.snapshots import blocks_written, completed, failed

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer, Check

SHA256, LINEAR = "SHA256", "LINEAR"
TOKEN_DAYS = 7
PAGE_MIN, PAGE_MAX = 100, 10_000
MINUTE_MS = 60_000
COMPLETES_AFTER_MS = 5_000  # lifelike; presentation only
KEY_PROBLEMS = (errors.DEPENDENCY_GONE, errors.DEPENDENCY_REFUSED)


def digest_text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


# keys


def _needs_key(draft: Draft, result: Result) -> Result:
    """A KMS call on the way to reading: access denied and not found both look like a key that is not there."""
    if result.error is None:
        return result
    if result.error.code in ("AccessDeniedException", "NotFoundException"):
        raise requests.refused(errors.DEPENDENCY_GONE, result)
    raise _dependency_refused(draft, result)


def _dependency_refused(draft: Draft, result: Result) -> Refused:
    assert result.error is not None
    return requests.refused(
        errors.DEPENDENCY_REFUSED,
        result,
        message=result.error.message,
        code=result.error.code,
        request_id=draft.frame.call.request_id,
    )


def _decrypt(draft: Draft, data_key: DataKey) -> Result:
    """Decrypt as the caller, through EBS."""
    asked = {"CiphertextBlob": data_key.ciphertext, "EncryptionContext": data_key.context, "KeyId": data_key.key_arn}
    return draft.on_behalf("kms:Decrypt", asked, via=envelope.Via("ec2", envelope.DIRECT))


# starting


def _parent_is_usable(draft: Draft, call: Call) -> None:
    """A parent must be one's own, even where a shared one could be read [V], and complete."""
    id = call["ParentSnapshotId"]
    if not id:
        return
    if call["KmsKeyArn"]:
        errors.PARENT_AND_KEY.refuse()
    if call["Encrypted"] is not None:
        errors.PARENT_AND_ENCRYPTED.refuse()
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
    tags.well_formed(call["Tags"] or ())


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
    checks=(_flags_agree, _parent_is_usable, _tags_are_well_formed, _may_start, CLIENT_TOKEN),
    answers=(
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
        raise _dependency_refused(draft, made)
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
        raise _dependency_refused(draft, made)
    data_key = DataKey(made["CiphertextBlob"], made["KeyId"], id)
    return data_key, _needs_key(draft, _decrypt(draft, data_key))["Plaintext"]


def _started(call: Call, snapshot: Snapshot, parent: Snapshot | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "OwnerId": snapshot.account,
        "Status": "pending",
        "StartTime": moment(call.at_ms),
        "VolumeSize": snapshot.size_gib,
        "BlockSize": BLOCK_SIZE_BYTES,
        "SseType": "sse-kms" if snapshot.encrypted else "none",
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
        _close(draft, snapshot, writing, failed(snapshot, errors.TIMED_OUT.message))


# writing


def _own_open(draft: Draft, call: Call) -> tuple[Snapshot, Writing]:
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    if snapshot is None:
        raise _invisible(draft, call, call["SnapshotId"])
    writing = draft.get(Writing, call.account, call.region, snapshot.id)
    if writing is None or snapshot.state != "pending":
        errors.ALREADY_COMPLETED.refuse()
    return snapshot, writing


def _block_is_valid(draft: Draft, call: Call) -> None:
    if call["DataLength"] != BLOCK_SIZE_BYTES:
        errors.BAD_BLOCK_LENGTH.refuse(length=call["DataLength"])
    if call["ChecksumAlgorithm"] != SHA256:
        errors.BAD_CHECKSUM_ALGORITHM.refuse(value=call["ChecksumAlgorithm"])


def _in_own_snapshot(action: str) -> Check:
    return lambda draft, call: _may(draft, call, action, call["SnapshotId"])


def _may(draft: Draft, call: Call, action: str, id: str) -> None:
    authorize(draft, call, action, snapshot_resource(draft, call, id), CALLER)


@operation(
    "ebs",
    "PutSnapshotBlock",
    honours={"SnapshotId", "BlockIndex", "BlockData", "DataLength", "Checksum", "ChecksumAlgorithm"},
    inert={"Progress": "progress is shown by the blocks that have arrived"},
    checks=(_in_own_snapshot("ebs:PutSnapshotBlock"), _block_is_valid),
    answers=(
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.ALREADY_COMPLETED,
        errors.BAD_BLOCK_INDEX,
        errors.BAD_BLOCK_LENGTH,
        errors.BAD_CHECKSUM_ALGORITHM,
        errors.CHECKSUM_WRONG,
    ),
    is_data_event=True,
)
def put_snapshot_block(draft: Draft, call: Call) -> Answer:
    """Write one block of 524,288 bytes; Checksum is the base64 SHA-256 of them. No KMS call: EBS holds the data key."""
    snapshot, writing = _own_open(draft, call)
    index, data = call["BlockIndex"], bytes(call["BlockData"] or b"")
    if index >= snapshot.size_gib * GIB_BLOCKS:
        errors.BAD_BLOCK_INDEX.refuse(index=index)
    if len(data) != BLOCK_SIZE_BYTES:
        errors.BAD_BLOCK_LENGTH.refuse(length=len(data))
    digest = hashlib.sha256(data).digest()
    if not hmac.compare_digest(digest_text(digest), call["Checksum"]):
        errors.CHECKSUM_WRONG.refuse(computed=digest_text(digest), expected=call["Checksum"])
    writing = draft.change(writing, generation=writing.generation + 1, last_write_ms=call.at_ms)
    writer = plane.lineage(draft.world, snapshot.id)
    ref = plane.seal(draft, writing.data_key.reveal(), writer, index, writing.generation, data)
    draft.put(
        Written(
            account=call.account, region=call.region, id=f"{snapshot.id}/{index:09d}", ref=ref.encode(), digest=digest
        )
    )
    return {"Checksum": call["Checksum"], "ChecksumAlgorithm": SHA256}


def _sums_are_valid(draft: Draft, call: Call) -> None:
    given = [call["Checksum"], call["ChecksumAlgorithm"], call["ChecksumAggregationMethod"]]
    if any(given) and not all(given):
        errors.CHECKSUM_INCOMPLETE.refuse()
    if call["ChecksumAlgorithm"] not in (None, SHA256):
        errors.BAD_CHECKSUM_ALGORITHM.refuse(value=call["ChecksumAlgorithm"])
    if call["ChecksumAggregationMethod"] not in (None, LINEAR):
        errors.BAD_AGGREGATION.refuse(value=call["ChecksumAggregationMethod"])


@operation(
    "ebs",
    "CompleteSnapshot",
    honours={"SnapshotId", "ChangedBlocksCount", "Checksum", "ChecksumAlgorithm", "ChecksumAggregationMethod"},
    checks=(_in_own_snapshot("ebs:CompleteSnapshot"), _sums_are_valid),
    answers=(
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.NOT_STARTED_HERE,
        errors.CHECKSUM_INCOMPLETE,
        errors.BAD_CHECKSUM_ALGORITHM,
        errors.BAD_AGGREGATION,
    ),
    settles=(errors.COUNT_MISMATCH, errors.CHECKSUM_MISMATCH),
)
def complete_snapshot(draft: Draft, call: Call) -> Answer:
    """Close an open snapshot. A wrong count or checksum is accepted and shows later as `error` (ebs.md 6 [D][O])."""
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    if snapshot is None:
        raise _invisible(draft, call, call["SnapshotId"])
    if snapshot.origin != "StartSnapshot":
        errors.NOT_STARTED_HERE.refuse(id=snapshot.id)
    if snapshot.state != "pending":
        return {"Status": snapshot.state}
    draft.later(
        "close_snapshot",
        after_ms=COMPLETES_AFTER_MS,
        about=(snapshot.id,),
        snapshot_id=snapshot.id,
        count=call["ChangedBlocksCount"],
        checksum=call["Checksum"] or "",
    )
    return {"Status": "pending"}


@job("close_snapshot")
def close_snapshot(draft: Draft, call: Call) -> None:
    """Compare count and checksum with what was written, and make the blocks the snapshot's."""
    snapshot, writing = (
        own_snapshot(draft, call, call["snapshot_id"]),
        draft.get(Writing, call.account, call.region, call["snapshot_id"]),
    )
    if snapshot is None or writing is None:
        return
    blocks = list(blocks_written(draft, snapshot))
    linear = digest_text(hashlib.sha256(b"".join(block.digest for block in blocks)).digest())
    if len(blocks) != call["count"]:
        _close(draft, snapshot, writing, failed(snapshot, errors.COUNT_MISMATCH.message))
    elif call["checksum"] and call["checksum"] != linear:
        _close(draft, snapshot, writing, failed(snapshot, errors.CHECKSUM_MISMATCH.message))
    else:
        refs = (BlockRef.decode(block.ref) for block in blocks)
        written = plane.write(draft, snapshot.blocks, {ref.index: ref for ref in refs})
        _close(draft, snapshot, writing, completed(replace(snapshot, blocks=written), call.at_ms))


def _close(draft: Draft, snapshot: Snapshot, writing: Writing, after: Snapshot) -> None:
    """The data key is forgotten and the single blocks are folded away."""
    for block in list(blocks_written(draft, snapshot)):
        draft.delete(block)
    draft.delete(writing)
    draft.put(after)


# reading


def _invisible(draft: Draft, call: Call, id: str) -> Refused:
    cause = Cause.SNAPSHOT_NOT_SHARED if find_snapshot(draft, call.region, id) else Cause.SNAPSHOT_NOT_FOUND
    return Refused(errors.DIRECT_NOT_FOUND(id=id), Refusal(cause))


def _readable(draft: Draft, call: Call, id: str) -> Snapshot:
    """A complete snapshot that the caller may read here: its own, or one that is shared with it and not public."""
    snapshot = visible_snapshot(draft, call, id)
    if snapshot is None:
        raise _invisible(draft, call, id)
    if snapshot.account != call.account:
        draft.frame.copies[snapshot.account] = True
    if snapshot.is_public and snapshot.account != call.account:
        errors.PUBLIC_NOT_READ.refuse()
    if snapshot.state != "completed":
        raise Refused(errors.DIRECT_NOT_FOUND(id=id), Refusal(Cause.SNAPSHOT_NOT_COMPLETE))
    if not snapshot.is_at_hand:
        feature_errors.DIRECT_ARCHIVED.refuse()
    return snapshot


def _may_list(draft: Draft, snapshot: Snapshot) -> None:
    """DescribeKey on the snapshot's key; on a shared snapshot's also Decrypt (ebs.md 6, table [V])."""
    if snapshot.data_key is None:
        return
    _needs_key(draft, envelope.describe_key(draft, snapshot.key_arn, envelope.DIRECT))
    if snapshot.account != draft.frame.call.account:
        _needs_key(draft, _decrypt(draft, snapshot.data_key))


def _plaintext_key(draft: Draft, snapshot: Snapshot) -> bytes:
    if snapshot.data_key is None:
        return plane.platform_key(draft.world)
    _needs_key(draft, envelope.describe_key(draft, snapshot.key_arn, envelope.DIRECT))
    return _needs_key(draft, _decrypt(draft, snapshot.data_key))["Plaintext"]


def _page_size_is_valid(draft: Draft, call: Call) -> None:
    if call["MaxResults"] is not None and not PAGE_MIN <= call["MaxResults"] <= PAGE_MAX:
        errors.BAD_DIRECT_PAGE_SIZE.refuse()


@operation(
    "ebs",
    "ListSnapshotBlocks",
    honours={"SnapshotId", "NextToken", "MaxResults", "StartingBlockIndex"},
    checks=(_in_own_snapshot("ebs:ListSnapshotBlocks"), _page_size_is_valid),
    answers=(
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.PUBLIC_NOT_READ,
        feature_errors.DIRECT_ARCHIVED,
        errors.BAD_DIRECT_PAGE_SIZE,
        errors.BAD_DIRECT_PAGE_TOKEN,
        *KEY_PROBLEMS,
    ),
    reads=True,
    is_data_event=True,
    across_accounts="of a snapshot that is shared, not of a public one",
)
def list_snapshot_blocks(draft: Draft, call: Call) -> Answer:
    """Indexes and tokens of the blocks that are there, in order; the tokens are good for seven days."""
    snapshot = _readable(draft, call, call["SnapshotId"])
    _may_list(draft, snapshot)
    found = maps.items(snapshot.blocks, plane.reader(draft.world), _start(draft, call, snapshot.id))
    indexes, more = _take(draft, call, snapshot.id, (index for index, _ in found))
    blocks = [{"BlockIndex": index, "BlockToken": block_token(draft, call, snapshot.id, index)} for index in indexes]
    return {"Blocks": blocks, **more, **_about(call, snapshot)}


@operation(
    "ebs",
    "ListChangedBlocks",
    honours={"FirstSnapshotId", "SecondSnapshotId", "NextToken", "MaxResults", "StartingBlockIndex"},
    checks=(_page_size_is_valid,),
    answers=(
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.PUBLIC_NOT_READ,
        feature_errors.DIRECT_ARCHIVED,
        errors.UNRELATED,
        errors.BAD_DIRECT_PAGE_SIZE,
        errors.BAD_DIRECT_PAGE_TOKEN,
        *KEY_PROBLEMS,
    ),
    reads=True,
    is_data_event=True,
    across_accounts="of snapshots that are shared",
)
def list_changed_blocks(draft: Draft, call: Call) -> Answer:
    """What differs between two snapshots of one lineage, by write, not by content; without a first one, all blocks."""
    ids = [id for id in (call["FirstSnapshotId"], call["SecondSnapshotId"]) if id]
    for id in ids:
        _may(draft, call, "ebs:ListChangedBlocks", id)
    snapshots = [_readable(draft, call, id) for id in ids]
    if len({snapshot.family for snapshot in snapshots}) > 1:
        errors.UNRELATED.refuse()
    for snapshot in snapshots:
        _may_list(draft, snapshot)
    second = snapshots[-1]
    before = snapshots[0].blocks if call["FirstSnapshotId"] else maps.EMPTY_MAP
    start = _start(draft, call, second.id)
    changes = (each for each in maps.diff(before, second.blocks, plane.reader(draft.world)) if each[0] >= start)
    found = {index: (was, now) for index, was, now in islice(changes, (call["MaxResults"] or PAGE_MAX) + 1)}
    indexes, more = _take(draft, call, second.id, iter(found))
    changed = [_changed(draft, call, snapshots, index, *found[index]) for index in indexes]
    return {"ChangedBlocks": changed, **more, **_about(call, second)}


def _changed(
    draft: Draft, call: Call, snapshots: list[Snapshot], index: int, was: BlockRef | None, now: BlockRef | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"BlockIndex": index}
    row |= {"FirstBlockToken": block_token(draft, call, snapshots[0].id, index)} if was else {}
    return row | ({"SecondBlockToken": block_token(draft, call, snapshots[-1].id, index)} if now else {})


def _about(call: Call, snapshot: Snapshot) -> dict[str, Any]:
    expiry = whole_second(call.at_ms + TOKEN_DAYS * DAY_MS)
    return {"ExpiryTime": expiry, "VolumeSize": snapshot.size_gib, "BlockSize": BLOCK_SIZE_BYTES}


@operation(
    "ebs",
    "GetSnapshotBlock",
    honours={"SnapshotId", "BlockIndex", "BlockToken"},
    checks=(_in_own_snapshot("ebs:GetSnapshotBlock"),),
    answers=(
        errors.DIRECT_DENIED,
        errors.DIRECT_NOT_FOUND,
        errors.PUBLIC_NOT_READ,
        feature_errors.DIRECT_ARCHIVED,
        errors.BAD_BLOCK_TOKEN,
        errors.NO_SUCH_BLOCK,
        errors.DIRECT_BLOCK_LOST,
        *KEY_PROBLEMS,
    ),
    reads=True,
    is_data_event=True,
    across_accounts="of a snapshot that is shared, not of a public one",
)
def get_snapshot_block(draft: Draft, call: Call) -> Answer:
    """One block, decrypted. The token names snapshot and index; it is no permission: a share withdrawn kills it [V]."""
    snapshot, index = _readable(draft, call, call["SnapshotId"]), call["BlockIndex"]
    if not is_block_token(draft, call, snapshot.id, index, call["BlockToken"]):
        errors.BAD_BLOCK_TOKEN.refuse(token=call["BlockToken"])
    ref = maps.get(snapshot.blocks, plane.reader(draft.world), index)
    if ref is None:
        errors.NO_SUCH_BLOCK.refuse(index=index)
    key = _plaintext_key(draft, snapshot)
    try:
        data = plane.open_ref(draft, key, ref)
    except plane.BlockLost as lost:
        errors.DIRECT_BLOCK_LOST.refuse(index=lost.index)
    checksum = digest_text(hashlib.sha256(data).digest())
    return {"DataLength": len(data), "BlockData": data, "Checksum": checksum, "ChecksumAlgorithm": SHA256}


# tokens: 8 bytes of expiry (or start) and 24 of a MAC, base64url; bound to the snapshot and index, to nobody


def block_token(draft: Draft, call: Call, id: str, index: int) -> str:
    expiry_ms = call.at_ms + TOKEN_DAYS * DAY_MS
    return _token(expiry_ms, draft.world.digest("block-token", id, index, expiry_ms))


def is_block_token(draft: Draft, call: Call, id: str, index: int, token: str) -> bool:
    expiry_ms = _number(token)
    return (
        expiry_ms is not None
        and expiry_ms >= call.at_ms
        and hmac.compare_digest(token, _token(expiry_ms, draft.world.digest("block-token", id, index, expiry_ms)))
    )


def _token(number: int, digest: bytes) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(8, "big") + digest[:28]).decode()


def _number(token: str) -> int | None:
    try:
        packed = base64.urlsafe_b64decode(token.encode())
    except ValueError:
        return None
    return int.from_bytes(packed[:8], "big") if len(packed) == 36 else None


def _start(draft: Draft, call: Call, id: str) -> int:
    """Where a page begins; NextToken overrides StartingBlockIndex [D]."""
    token = call["NextToken"]
    if not token:
        return call["StartingBlockIndex"] or 0
    index = _number(token)
    if index is None or not hmac.compare_digest(
        token, _token(index, draft.world.digest("page-token", call.name, id, index))
    ):
        errors.BAD_DIRECT_PAGE_TOKEN.refuse(token=token)
    return index


def _take(draft: Draft, call: Call, id: str, indexes: Iterator[int]) -> tuple[list[int], dict[str, str]]:
    size = call["MaxResults"] or PAGE_MAX
    found = list(islice(indexes, size + 1))
    if len(found) <= size:
        return found, {}
    return found[:size], {
        "NextToken": _token(found[size], draft.world.digest("page-token", call.name, id, found[size]))
    }
