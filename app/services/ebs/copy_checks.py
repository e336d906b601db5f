"""What CopySnapshot looks at before it answers, in AWS's order; the numbers are those of ebs.md 1.4.

Of the keys it is only the destination's. Whether the source is there is not looked at here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from app.kernel.authority import Resource
from app.kernel.errors import Refusal
from app.kernel.regions import regions
from app.policy.causes import Cause
from app.services.ebs import envelope, errors, requests
from app.services.ebs.defaults import default_key, defaults
from app.services.ebs.records import Snapshot
from app.services.ebs.rules import snapshot_resource, visible_snapshot

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft

COPIES_MAX = 20


def source_is_named(draft: Draft, call: Call) -> None:  # 1; an empty id is no id (3), ST:copy_controls [V]
    if call["SourceSnapshotId"] is None:
        errors.MISSING_PARAMETER.refuse(name="SourceSnapshotId")


def source_region_is_there(draft: Draft, call: Call) -> None:  # 2; an empty name is no Region (4) [V]
    if call["SourceRegion"] is None:
        errors.NO_SOURCE_REGION.refuse()


def source_region_is_known(draft: Draft, call: Call) -> None:  # 4
    if call["SourceRegion"] not in regions():
        errors.BAD_REGION.refuse(region=call["SourceRegion"])


def its_duration_is_valid(draft: Draft, call: Call) -> None:  # 5
    duration_is_valid(call["CompletionDurationMinutes"])


def duration_is_valid(minutes: int | None) -> None:
    if minutes is not None and not (15 <= minutes <= 2880 and minutes % 15 == 0):
        errors.BAD_DURATION.refuse(value=minutes)


def source_resource(draft: Draft, call: Call) -> Resource:  # 6
    return snapshot_resource(draft, call, call["SourceSnapshotId"], call["SourceRegion"])


def owner_gets_a_copy(draft: Draft, call: Call) -> None:
    """The trail of a shared snapshot's owner shows who tries to copy it, refused and dry ones too (ebs.md 3.2 [V])."""
    source = visible_snapshot(draft, call, call["SourceSnapshotId"], call["SourceRegion"])
    if source and source.account != call.account:
        draft.frame.copies[source.account] = True


def destination_is_here(draft: Draft, call: Call) -> None:  # 8
    if call["DestinationRegion"] and call["DestinationRegion"] != call.region:
        errors.BAD_DESTINATION.refuse(asked=call["DestinationRegion"], region=call.region)


def url_agrees(draft: Draft, call: Call) -> None:  # 9: its signature is not looked at [V]
    if not call["PresignedUrl"]:
        return
    url = urlsplit(call["PresignedUrl"])
    if url.scheme not in ("http", "https"):
        errors.URL_PROTOCOL.refuse()
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    if query.get("SourceSnapshotId") != call["SourceSnapshotId"]:
        errors.URL_SOURCE.refuse(url=query.get("SourceSnapshotId", ""), asked=call["SourceSnapshotId"])
    if query.get("DestinationRegion", call.region) != call.region:
        errors.URL_REGION.refuse(url=query["DestinationRegion"])


def key_is_usable(draft: Draft, call: Call) -> None:  # 10
    """DescribeKey as the caller, if the copy will be encrypted as far as can be told now."""
    source = visible_snapshot(draft, call, call["SourceSnapshotId"], call["SourceRegion"])
    key = chosen_key(
        draft, call.account, call.region, bool(source and source.encrypted), bool(call["Encrypted"]), call["KmsKeyId"]
    )
    if key:
        draft.frame.memo["key"] = usable_key(draft, key)


def usable_key(draft: Draft, key: str) -> str:
    """The ARN of the destination's key, which the caller must be able to describe and which must be enabled."""
    described = envelope.describe_key(draft, key)
    if described.error:
        is_denied = described.error.code == "AccessDeniedException"
        raise requests.refused(errors.KEY_NOT_AUTHORIZED if is_denied else errors.KEY_INVALID, described, key=key)
    metadata = described["KeyMetadata"]
    if metadata["KeyUsage"] != "ENCRYPT_DECRYPT" or metadata["KeySpec"] != "SYMMETRIC_DEFAULT":
        errors.KEY_INVALID.refuse(Refusal(Cause.KEY_WRONG_KIND), key=key)
    if not metadata["Enabled"]:  # measured for Disabled; the other states answer alike by inference (inferred.py)
        errors.KEY_DISABLED.refuse(
            Refusal(_STATES.get(metadata["KeyState"], Cause.KEY_STATE_INVALID)), key=metadata["Arn"]
        )
    return metadata["Arn"]


_STATES = {
    "Disabled": Cause.KEY_DISABLED,
    "PendingDeletion": Cause.KEY_PENDING_DELETION,
    "PendingImport": Cause.KEY_PENDING_IMPORT,
}


def chosen_key(draft: Draft, account: str, region: str, source_encrypted: bool, asked: bool, key_id: str | None) -> str:
    """The copy's key as it was named; "" for an unencrypted copy (table of ebs.md 5.2)."""
    if key_id:
        return key_id
    if source_encrypted or asked or defaults(draft, account, region).encrypts:
        return default_key(draft, account, region)
    return ""


def not_too_many(draft: Draft, call: Call) -> None:  # 11, a quota: only where the world has them
    if draft.world.rules.quotas:
        copies = (each for each in draft.scan(Snapshot, call.account, call.region) if each.origin == "CopySnapshot")
        if sum(each.state == "pending" for each in copies) >= COPIES_MAX:
            errors.TOO_MANY_COPIES.refuse()
