"""CopySnapshot: the re-encrypting copy (ebs.md 1.4).

What is looked at before the answer is in copy_checks.py, and what comes later in copy_settling.py: whether the source
is there, complete, and its key willing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.authority import AUTHORIZE, CALLER
from app.kernel.operation import operation
from app.services.ebs import errors, feature_errors, tags
from app.services.ebs.copy_checks import (
    destination_is_here,
    its_duration_is_valid,
    key_is_usable,
    not_too_many,
    owner_gets_a_copy,
    source_is_named,
    source_region_is_known,
    source_region_is_there,
    source_resource,
    url_agrees,
)
from app.services.ebs.records import NO_VOLUME, Snapshot
from app.services.ebs.requests import DRY_RUN, ascii_description
from app.services.ebs.resource_ids import snapshot_id_or
from app.services.ebs.rules import new_snapshot, requested_tags
from app.services.ebs.snapshots import may_tag_snapshot

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

COMPLETES_AFTER_MS = 10_000  # lifelike; presentation only (ebs.md 8)
NOT_UPDATED = "Metadata not updated"  # until the source's metadata is read [V]


@operation(
    "ec2",
    "CopySnapshot",
    honours={
        "SourceRegion",
        "SourceSnapshotId",
        "DestinationRegion",
        "PresignedUrl",
        "Encrypted",
        "KmsKeyId",
        "Description",
        "TagSpecifications",
        "CompletionDurationMinutes",
        "DryRun",
    },
    checks=(
        source_is_named,
        source_region_is_there,
        snapshot_id_or("SourceSnapshotId", errors.BAD_SOURCE_ID),
        source_region_is_known,
        its_duration_is_valid,
        ascii_description,
        tags.specified("snapshot"),
        owner_gets_a_copy,
        AUTHORIZE(("ec2:CopySnapshot", new_snapshot, CALLER), ("ec2:CopySnapshot", source_resource, CALLER)),
        may_tag_snapshot,
        DRY_RUN,
        destination_is_here,
        url_agrees,
        key_is_usable,
        not_too_many,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.NO_SOURCE_REGION,
        errors.BAD_SOURCE_ID,
        errors.BAD_REGION,
        errors.BAD_DURATION,
        errors.NOT_ASCII,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.BAD_DESTINATION,
        errors.URL_PROTOCOL,
        errors.URL_SOURCE,
        errors.URL_REGION,
        errors.KEY_NOT_AUTHORIZED,
        errors.KEY_INVALID,
        errors.KEY_DISABLED,
        errors.TOO_MANY_COPIES,
        *tags.ANSWERS,
    ),
    settles=(
        errors.SOURCE_NOT_FOUND,
        errors.SOURCE_NOT_COMPLETE,
        feature_errors.SOURCE_ARCHIVED,
        errors.KEY_NOT_ACCESSIBLE,
    ),
    across_accounts="of a snapshot that is shared or public",
)
def copy_snapshot(draft: Draft, call: Call) -> Answer:
    """Begin a copy in this Region, in the caller's account; it completes, or fails, on the world's clock.

    AWS answers 200 even where the source is not there or its key will refuse: that shows on the copy, not here.
    `Encrypted=false` with an encrypted source is ignored [V].
    """
    minutes = call["CompletionDurationMinutes"] or 0
    copy = begin(draft, call, call["SourceSnapshotId"], description=call["Description"] or "", minutes=minutes)
    return {"SnapshotId": copy.id, "Tags": tags.tag_list(requested_tags(call, "snapshot"))}


def begin(draft: Draft, call: Call, source_id: str, *, description: str, minutes: int) -> Snapshot:
    """A copy that the call's SourceRegion, Encrypted, KmsKeyId and tags are for; it settles on the clock."""
    copy = draft.put(
        Snapshot(
            account=call.account,
            region=call.region,
            id=draft.new_id("snap", call.account, call.region),
            origin="CopySnapshot",
            volume_id=NO_VOLUME,
            size_gib=0,
            state_message=NOT_UPDATED,
            description=description,
            started_ms=call.at_ms,
            source_id=source_id,
            duration_minutes=minutes,
        )
    )
    tags.put_tags(draft, call, copy.id, "snapshot", requested_tags(call, "snapshot"))
    draft.later(
        "settle_copy",
        after_ms=COMPLETES_AFTER_MS,
        about=(copy.id, source_id),
        copy_id=copy.id,
        source_region=call["SourceRegion"],
        encrypted=bool(call["Encrypted"]),
        key_id=call["KmsKeyId"] or "",
        key_arn=draft.frame.memo.get("key", ""),
    )
    return copy
