"""Fast snapshot restore: Enable, Disable and DescribeFastSnapshotRestores (ebs.md 1.8 [D]).

It belongs to the account that enables it, for a snapshot of its own or one that is shared with it, in a zone. It ends
with the snapshot and with the share. That its key can not be used any more does not end it. Both calls answer item by
item: what can not be done stands in `Unsuccessful`, and the rest is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import CALLER, Resource, anything, authorize
from app.kernel.clock import moment
from app.kernel.errors import AwsError, Refused
from app.kernel.operation import job, operation
from app.services.ebs import envelope, errors, feature_errors, notices, places, requests, volume_errors
from app.services.ebs.feature_records import FastRestore, FastRestoreState
from app.services.ebs.records import Snapshot
from app.services.ebs.requests import DRY_RUN, page, required, start_after
from app.services.ebs.resource_ids import well_formed_snapshot
from app.services.ebs.rules import find_snapshot, on, snapshot_resource, visible_snapshot

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

SNAPSHOTS_MAX = 5  # with fast restore, in a Region
SIZE_GIB_MAX = 16_384
BY_USER, BY_LIFE = "Client.UserInitiated", "Client.UserInitiated - Lifecycle state transition"  # [D]
AFTER_MS = {"optimizing": 60_000, "enabled": 3_600_000, "disabled": 60_000}  # lifelike: to come into this state
NEXT: dict[str, FastRestoreState] = {"enabling": "optimizing", "optimizing": "enabled", "disabling": "disabled"}
ON = ("enabling", "optimizing", "enabled")


# states


def _enter(draft: Draft, found: FastRestore, state: FastRestoreState) -> FastRestore:
    """Into a state, told to its account, and with the next one booked."""
    call = draft.frame.call
    changed = draft.change(found, state=state, times=(*found.times, (state, call.at_ms)))
    notices.fast_restore_changed(
        draft, found.account, found.region, found.snapshot_id, found.zone, state, _reason(state)
    )
    if state in NEXT:
        then = NEXT[state]
        about = (found.snapshot_id,)
        draft.later(
            "go_on_with_fast_restore",
            after_ms=AFTER_MS[then],
            about=about,
            account=found.account,
            id=found.id,
            after=len(changed.times),
        )
    return changed


def _reason(state: str) -> str:
    return BY_USER if state in ("enabling", "disabling") else BY_LIFE


@job("go_on_with_fast_restore")
def go_on(draft: Draft, call: Call) -> None:
    """The next state, unless it was turned meanwhile."""
    found = draft.get(FastRestore, call["account"], call.region, call["id"])
    if found and len(found.times) == call["after"]:
        _enter(draft, found, NEXT[found.state])


def end_for_all(draft: Draft, snapshot: Snapshot) -> None:
    """The snapshot is gone or out of reach: fast restore ends, whoever enabled it."""
    for found in list(draft.scan_index(FastRestore, "snapshot", snapshot.region, snapshot.id)):
        if found.state in ON:
            _enter(draft, found, "disabling")


def end_where_unshared(draft: Draft, snapshot: Snapshot) -> None:
    """After a share was taken back: it ends for those accounts that do not see the snapshot any more."""
    for found in list(draft.scan_index(FastRestore, "snapshot", snapshot.region, snapshot.id)):
        if found.state in ON and not snapshot.is_visible_to(found.account):
            _enter(draft, found, "disabling")


# requests


def _zones_are_known(draft: Draft, call: Call) -> None:
    asked = [*(call["AvailabilityZones"] or ()), *(call["AvailabilityZoneIds"] or ())]
    if not asked:
        feature_errors.ZONE_NEEDED.refuse()
    known = {each for zone in places.zones(call.region) for each in (zone, places.zone_id(zone))}
    for zone in asked:
        if zone not in known:
            volume_errors.BAD_ZONE.refuse(zone=zone)


def _zones(call: Call) -> list[str]:
    by_id = (places.zone_of_id(call.region, id) for id in call["AvailabilityZoneIds"] or ())
    return list(dict.fromkeys([*(call["AvailabilityZones"] or ()), *by_id]))


def _ids_are_well_formed(draft: Draft, call: Call) -> None:
    for id in call["SourceSnapshotIds"]:
        well_formed_snapshot(id)


def _may(action: str) -> Any:
    """Each snapshot is asked about with the zones (ec2:AvailabilityZone)."""

    def check(draft: Draft, call: Call) -> None:
        for id in dict.fromkeys(call["SourceSnapshotIds"]):
            found, zones = snapshot_resource(draft, call, id), _zones(call)
            context = {**found.context, "ec2:AvailabilityZone": zones[0] if len(zones) == 1 else tuple(zones)}
            authorize(draft, call, action, Resource(found.arn, found.account, found.record, context), CALLER)

    return check


_PARAMETERS = ("AvailabilityZones", "AvailabilityZoneIds", "SourceSnapshotIds", "DryRun")


def _checks(action: str) -> tuple:
    return (required("SourceSnapshotIds"), _zones_are_known, _ids_are_well_formed, _may(action), DRY_RUN)


_AT_ONCE = (
    errors.MISSING_PARAMETER,
    feature_errors.ZONE_NEEDED,
    volume_errors.BAD_ZONE,
    errors.SNAPSHOT_MALFORMED,
    errors.SNAPSHOT_NO_PREFIX,
    errors.UNAUTHORIZED,
)


@operation(
    "ec2",
    "EnableFastSnapshotRestores",
    honours=_PARAMETERS,
    checks=_checks("ec2:EnableFastSnapshotRestores"),
    answers=_AT_ONCE,
    settles=(
        feature_errors.FAST_NOT_FOUND,
        feature_errors.FAST_WRONG_STATE,
        feature_errors.FAST_TOO_LARGE,
        feature_errors.FAST_KEY,
        feature_errors.FAST_TOO_MANY,
    ),
    across_accounts="of a snapshot that is shared or public",
)
def enable(draft: Draft, call: Call) -> Answer:
    """Enable it for each snapshot in each zone, for the caller's account. A snapshot that can not have it is listed."""
    return _item_by_item(draft, call, _enabled)


@operation(
    "ec2",
    "DisableFastSnapshotRestores",
    honours=_PARAMETERS,
    checks=_checks("ec2:DisableFastSnapshotRestores"),
    answers=_AT_ONCE,
    settles=(feature_errors.FAST_NOT_FOUND, feature_errors.FAST_WRONG_STATE),
    across_accounts="what the caller's account enabled",
)
def disable(draft: Draft, call: Call) -> Answer:
    """Disable it for each snapshot in each zone; what is not enabled there is listed."""
    return _item_by_item(draft, call, _disabled)


def _item_by_item(draft: Draft, call: Call, act: Any) -> Answer:
    done: list[FastRestore] = []
    refused: list[dict[str, Any]] = []
    for id in dict.fromkeys(call["SourceSnapshotIds"]):
        failed = []
        for zone in _zones(call):
            try:
                done.append(act(draft, call, id, zone))
            except Refused as why:
                failed.append(_failure(zone, why.error))
        if failed:
            refused.append({"SnapshotId": id, "FastSnapshotRestoreStateErrors": failed})
    return {"Successful": [_shown(each) for each in done], "Unsuccessful": refused}


def _failure(zone: str, error: AwsError) -> dict[str, Any]:
    return {
        "AvailabilityZone": zone,
        "AvailabilityZoneId": places.zone_id(zone),
        "Error": {"Code": error.code, "Message": error.message},
    }


def _enabled(draft: Draft, call: Call, id: str, zone: str) -> FastRestore:
    snapshot = _usable(draft, call, id)
    found = draft.get(FastRestore, call.account, call.region, f"{id}/{zone}")
    if found and found.state != "disabled":
        feature_errors.FAST_WRONG_STATE.refuse(id=id, done="enabled")
    if found is None and draft.world.rules.quotas and len(_snapshots(draft, call) - {id}) >= SNAPSHOTS_MAX:
        feature_errors.FAST_TOO_MANY.refuse()
    new = FastRestore(
        account=call.account,
        region=call.region,
        id=f"{id}/{zone}",
        snapshot_id=id,
        owner=snapshot.account,
        zone=zone,
        state="enabling",
        times=(),
    )
    return _enter(draft, new, "enabling")


def _usable(draft: Draft, call: Call, id: str) -> Snapshot:
    """The snapshot, if it is there for the caller, complete, at hand, small enough, and its key can be seen."""
    snapshot = visible_snapshot(draft, call, id)
    if snapshot is None:
        feature_errors.FAST_NOT_FOUND.refuse(id=id)
    if snapshot.state != "completed" or not snapshot.is_at_hand:
        feature_errors.FAST_WRONG_STATE.refuse(id=id, done="enabled")
    if snapshot.size_gib > SIZE_GIB_MAX:
        feature_errors.FAST_TOO_LARGE.refuse(id=id)
    if snapshot.data_key:
        seen = envelope.describe_key(draft, snapshot.key_arn)
        if seen.error or not seen["KeyMetadata"]["Enabled"]:
            raise requests.refused(feature_errors.FAST_KEY, seen, id=id)
    return snapshot


def _snapshots(draft: Draft, call: Call) -> set[str]:
    """Snapshots for which the account has it in the Region."""
    own = draft.scan(FastRestore, call.account, call.region)
    return {each.snapshot_id for each in own if each.state in ON}


def _disabled(draft: Draft, call: Call, id: str, zone: str) -> FastRestore:
    found = draft.get(FastRestore, call.account, call.region, f"{id}/{zone}")
    if found is None and find_snapshot(draft, call.region, id) is None:
        feature_errors.FAST_NOT_FOUND.refuse(id=id)
    if found is None or found.state not in ON:
        feature_errors.FAST_WRONG_STATE.refuse(id=id, done="disabled")
    return _enter(draft, found, "disabling")


# what there is

_FILTERS: requests.FilterTable = {
    "availability-zone": lambda each: each.zone,
    "availability-zone-id": lambda each: places.zone_id(each.zone),
    "owner-id": lambda each: each.account,
    "snapshot-id": lambda each: each.snapshot_id,
    "state": lambda each: each.state,
}


@operation(
    "ec2",
    "DescribeFastSnapshotRestores",
    honours={"Filters", "MaxResults", "NextToken", "DryRun"},
    checks=(on("ec2:DescribeFastSnapshotRestores", anything), DRY_RUN),
    answers=(errors.UNAUTHORIZED, errors.BAD_FILTER, errors.BAD_PAGE_SIZE, errors.BAD_PAGE_TOKEN),
    reads=True,
)
def describe(draft: Draft, call: Call) -> Answer:
    """What the caller's account has enabled, or had, in the order of snapshots and zones."""
    after, place = start_after(draft, call), (call.account, call.region)
    test = requests.matches(call, _FILTERS, lambda each: {})
    every: Iterator[FastRestore] = draft.scan(FastRestore, *place, after=(*place, after) if after else ())
    found, more = page(call, filter(test, every), lambda each: each.id)
    return {"FastSnapshotRestores": [_shown(each) for each in found], **more}


_TIMES = {
    "enabling": "EnablingTime",
    "optimizing": "OptimizingTime",
    "enabled": "EnabledTime",
    "disabling": "DisablingTime",
    "disabled": "DisabledTime",
}


def _shown(found: FastRestore) -> dict[str, Any]:
    return {
        "SnapshotId": found.snapshot_id,
        "AvailabilityZone": found.zone,
        "AvailabilityZoneId": places.zone_id(found.zone),
        "State": found.state,
        "StateTransitionReason": _reason(found.state),
        "OwnerId": found.account,
        **_moments(found.times),
    }


def _moments(times: Iterable[tuple[str, int]]) -> dict[str, Any]:
    return {_TIMES[state]: moment(at_ms) for state, at_ms in times}
