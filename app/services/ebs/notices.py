"""What EventBridge is told of volumes and snapshots: one function an event, shapes of ebs.md 4.

A notice goes to the log of the world, in the commit of what it tells of. Snapshot events write ARNs with the Region in
the account's place, as AWS does [V]; volume events write the usual ARN. Results of asynchronous work carry no request
id, but for CreateVolume's, the deletion that follows its failure, and a share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from app.kernel.clock import iso, moment
from app.kernel.log import NoticeEntry
from app.services.ebs.rules import snapshot_arn, volume_arn

if TYPE_CHECKING:
    from app.kernel.draft import Draft
    from app.services.ebs.envelope import Stopped
    from app.services.ebs.records import Snapshot, Volume

VOLUME, SNAPSHOT = "EBS Volume Notification", "EBS Snapshot Notification"
SEVERAL = "EBS Multi-Volume Snapshots Completion Status"
FAST_RESTORE = "EBS Fast Snapshot Restore State-change Notification"
SUCCEEDED, FAILED = "succeeded", "failed"


def odd_arn(region: str, kind: str, id: str) -> str:
    """`arn:aws:ec2::us-east-1:snapshot/snap-..`: as snapshot events name snapshots and volumes [V]."""
    return f"arn:aws:ec2::{region}:{kind}/{id}"


def exactly(at_ms: int) -> str:
    """Milliseconds, Z."""
    return moment(at_ms).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def tell(
    draft: Draft, account: str, detail_type: str, resources: Iterable[str], detail: Mapping[str, Any], *about: str
) -> None:
    """Put an event in the log, for one account in the Region of the call; it is found by the ids in `about`."""
    call, id = draft.frame.call, draft.entropy.uuid("notice")
    arns = tuple(resources)
    body = {
        "version": "0",
        "id": id,
        "detail-type": detail_type,
        "source": "aws.ec2",
        "account": account,
        "time": iso(call.at_ms),
        "region": call.region,
        "resources": list(arns),
        "detail": dict(detail),
    }
    draft.log.append(
        NoticeEntry(
            id=id,
            at_ms=call.at_ms,
            account=account,
            region=call.region,
            name=detail_type,
            root=call.root or call.request_id,
            resources=tuple(dict.fromkeys((*about, *arns))),
            body=msgspec.json.encode(body).decode(),
        )
    )


# volumes


def volume(
    draft: Draft,
    of: Volume,
    event: str,
    result: str,
    *,
    cause: str = "",
    request_id: str = "",
    key_arn: str = "",
    **more: str,
) -> None:
    """`key_arn` is named where the key is what it failed by."""
    arns = [volume_arn(of.region, of.account, of.id)] + ([key_arn] if key_arn.startswith("arn:") else [])
    detail = {"result": result, "cause": cause, "event": event, "request-id": request_id, **more}
    tell(draft, of.account, VOLUME, arns, detail, of.id)


def volume_is_there(draft: Draft, of: Volume) -> None:
    """createVolume; and initializeVolume, where its blocks came out of a snapshot."""
    volume(draft, of, "createVolume", "available", request_id=of.creating_request_id)
    if of.snapshot_id or of.source_volume_id:
        at = exactly(draft.frame.call.at_ms)
        volume(draft, of, "initializeVolume", SUCCEEDED, request_id=of.creating_request_id, completionTime=at)


def volume_vanished(draft: Draft, of: Volume, cause: str, key_arn: str) -> None:
    """It could not have its key: its creation failed, and then it was deleted, both by the request that made it [V]."""
    asked = of.creating_request_id
    volume(draft, of, "createVolume", FAILED, cause=cause, request_id=asked, key_arn=key_arn)
    volume(draft, of, "deleteVolume", "deleted", request_id=asked)


def volume_not_opened(draft: Draft, of: Volume, event: str, stopped: Stopped) -> None:
    """attachVolume or reattachVolume: an instance could not have the data key of a volume [D]."""
    cause = stopped.result.error.message if stopped.result.error else ""
    volume(draft, of, event, FAILED, cause=cause, key_arn=stopped.key_id or of.key_arn)


# snapshots


def _snapshot(draft: Draft, of: Snapshot, event: str, result: str, cause: str, **more: str) -> None:
    named = odd_arn(of.region, "snapshot", of.id)
    detail = {"event": event, "result": result, "cause": cause, "request-id": "", "snapshot_id": named, **more}
    tell(draft, of.account, SNAPSHOT, [named], detail, of.id)


def _times(draft: Draft, started_ms: int) -> dict[str, str]:
    return {"startTime": exactly(started_ms), "endTime": exactly(draft.frame.call.at_ms)}


def snapshot_was_created(draft: Draft, of: Snapshot) -> None:
    source = odd_arn(of.region, "volume", of.volume_id)
    _snapshot(draft, of, "createSnapshot", SUCCEEDED, "", source=source, **_times(draft, of.started_ms))


def copy_ended(draft: Draft, of: Snapshot, source_region: str) -> None:
    """copySnapshot, to the account and Region of the copy; where it failed, the cause is its StateMessage."""
    source = odd_arn(source_region, "snapshot", of.source_id)
    succeeded = of.state == "completed"
    more = {"source": source, **_times(draft, of.started_ms), "incremental": str(of.is_incremental).lower()}
    more["transferType"] = "time-based" if of.duration_minutes else "standard"
    if succeeded:
        more["completionDurationStartTime"] = exactly(of.started_ms)
    if of.duration_minutes:
        in_time = draft.frame.call.at_ms <= of.started_ms + of.duration_minutes * 60_000
        more["metCompletionDuration"] = str(succeeded and in_time).lower()
    _snapshot(draft, of, "copySnapshot", SUCCEEDED if succeeded else FAILED, of.state_message, **more)


def snapshot_was_shared(draft: Draft, of: Snapshot, accounts: Iterable[str]) -> None:
    """shareSnapshot, to each account that it is now shared with; the source is the owner's account id [V]."""
    named = odd_arn(of.region, "snapshot", of.id)
    for account in accounts:
        detail = {
            "event": "shareSnapshot",
            "result": SUCCEEDED,
            "cause": "",
            "request-id": draft.frame.call.request_id,
            "snapshot_id": named,
            "source": of.account,
        }
        tell(draft, account, SNAPSHOT, [named], detail, of.id)


def snapshot_was_tiered(draft: Draft, of: Snapshot, event: str, started_ms: int, **more: str) -> None:
    """archiveSnapshot, permanentRestoreSnapshot, temporaryRestoreSnapshot, restorePeriodExpired [D]."""
    _snapshot(draft, of, event, SUCCEEDED, "", **_times(draft, started_ms), **more)


def several_were_created(draft: Draft, account: str, snapshots: Iterable[Snapshot], started_ms: int) -> None:
    """createSnapshots, when the last of them is complete or one has failed."""
    every = list(snapshots)
    bad = next((each for each in every if each.state == "error"), None)
    rows = [
        {
            "snapshot_id": odd_arn(each.region, "snapshot", each.id),
            "source": odd_arn(each.region, "volume", each.volume_id),
            "status": each.state,
        }
        for each in every
    ]
    detail: dict[str, Any] = {
        "event": "createSnapshots",
        "result": FAILED if bad else SUCCEEDED,
        "cause": f"Snapshot {odd_arn(bad.region, 'snapshot', bad.id)} is in status error" if bad else "",
        "request-id": "",
        **_times(draft, started_ms),
        "snapshots": rows,
    }
    tell(draft, account, SEVERAL, [row["snapshot_id"] for row in rows], detail, *(each.id for each in every))


def fast_restore_changed(draft: Draft, account: str, region: str, id: str, zone: str, state: str, why: str) -> None:
    arn = snapshot_arn(region, id)
    tell(draft, account, FAST_RESTORE, [arn], {"snapshot-id": arn, "state": state, "zone": zone, "message": why}, id)
