"""Sharing: ModifySnapshotAttribute in both wire forms, DescribeSnapshotAttribute, ResetSnapshotAttribute (ebs.md 1.5).

createVolumePermission is all that a share is. It grants nothing in KMS (ebs.md 0.14 [V]): whom a snapshot is shared
with may name it, and whether its key lets them is found out when they use it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.kernel.authority import CALLER, Resource, authorize
from app.kernel.operation import operation
from app.services.ebs import envelope, errors, fast_restore, feature_errors, notices
from app.services.ebs.defaults import AWS_MANAGED_KEY
from app.services.ebs.public_access import refuse_if_blocked
from app.services.ebs.requests import DRY_RUN, required
from app.services.ebs.resource_ids import snapshot_id, snapshot_id_or
from app.services.ebs.rules import named_snapshot, on, own_snapshot, snapshot_resource
from app.services.ebs.snapshots import ALL, snapshot_is_owned

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer
    from app.services.ebs.records import Snapshot

PERMISSION = "createVolumePermission"
PRODUCT_CODES = "productCodes"
CHANGES_MAX = 500
_ACCOUNT = re.compile(r"\d{12}\Z")


@dataclass(frozen=True, slots=True)
class Change:
    """What a request asks for, whichever form it came in."""

    adds: bool
    accounts: tuple[str, ...]
    groups: tuple[str, ...]
    is_legacy: bool


def _structured(call: Call) -> Mapping[str, Any]:
    return call["CreateVolumePermission"] or {}


def _is_structured(call: Call) -> bool:
    """The structured form wins over the legacy one as soon as it has any item."""
    return bool(_structured(call).get("Add") or _structured(call).get("Remove"))


def change_of(call: Call) -> Change:
    if not _is_structured(call):
        groups, accounts = call["GroupNames"] or (), call["UserIds"] or ()
        return Change(call["OperationType"] == "add", tuple(accounts), tuple(groups), is_legacy=True)
    adds = bool(_structured(call).get("Add"))
    items: Sequence[Mapping[str, str]] = _structured(call)["Add" if adds else "Remove"]
    accounts = tuple(item["UserId"] for item in items if item.get("UserId"))
    return Change(adds, accounts, tuple(item["Group"] for item in items if item.get("Group")), is_legacy=False)


def _request_is_well_formed(draft: Draft, call: Call) -> None:
    """The order of these is AWS's as far as it was observed (ebs.md 1.5)."""
    if _is_structured(call):
        _structured_is_well_formed(call)
    else:
        _legacy_is_well_formed(call)
    if _count(call) > CHANGES_MAX:
        errors.TOO_MANY_CHANGES.refuse()
    change = change_of(call)
    if not change.accounts and not change.groups:
        errors.NO_ATTRIBUTES.refuse()
    for account in change.accounts:
        if not _ACCOUNT.match(account):
            (errors.BAD_USER_ID_LEGACY if change.is_legacy else errors.BAD_USER_ID).refuse(value=account)
    for group in change.groups:
        if group != ALL:
            errors.BAD_GROUP.refuse(value=group)


def _structured_is_well_formed(call: Call) -> None:
    if _structured(call).get("Add") and _structured(call).get("Remove"):
        errors.ONE_OPERATION.refuse()


def _legacy_is_well_formed(call: Call) -> None:
    if call["Attribute"] is None and not (call["UserIds"] or call["GroupNames"] or call["OperationType"]):
        errors.NO_ATTRIBUTES.refuse()
    if not call["Attribute"]:
        errors.NO_ATTRIBUTE.refuse()
    if call["Attribute"] != PERMISSION:
        errors.BAD_ATTRIBUTE.refuse()
    if call["OperationType"] not in ("add", "remove"):
        errors.NO_OPERATION.refuse()


def _count(call: Call) -> int:
    """Items as they were sent, before any is found to be a duplicate [V]."""
    if _is_structured(call):
        return len(_structured(call).get("Add") or _structured(call).get("Remove") or ())
    return len(call["UserIds"] or ()) + len(call["GroupNames"] or ())


def _may_share(draft: Draft, call: Call) -> None:
    """ec2:Add/userId and the like are many-valued only when they name several: StringEquals rejects a batch [V]."""
    change, side = change_of(call), "Add" if change_of(call).adds else "Remove"
    context = {f"ec2:{side}/userId": _one_or_many(change.accounts), f"ec2:{side}/group": _one_or_many(change.groups)}
    resource = snapshot_resource(draft, call, call["SnapshotId"])
    context = {name: value for name, value in context.items() if value} | dict(resource.context)
    asked = Resource(resource.arn, resource.account, resource.record, context)
    authorize(draft, call, "ec2:ModifySnapshotAttribute", asked, CALLER)


def _one_or_many(values: Sequence[str]) -> str | tuple[str, ...]:
    distinct = tuple(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else distinct


def _may_be_shared(draft: Draft, call: Call) -> None:
    """An encrypted snapshot goes to no public, and under the AWS managed key to nobody; an archived one neither."""
    change, snapshot = change_of(call), own_snapshot(draft, call, call["SnapshotId"])
    assert snapshot is not None
    if snapshot.encrypted:
        _key_lets_it_be_shared(draft, change, snapshot)
    if change.adds and not snapshot.is_at_hand:
        feature_errors.ARCHIVED_NOT_SHARED.refuse()
    if change.adds and change.groups:
        refuse_if_blocked(draft, call)


def _key_lets_it_be_shared(draft: Draft, change: Change, snapshot: Snapshot) -> None:
    managed = envelope.describe_key(draft, AWS_MANAGED_KEY)  # how EC2 recognizes the default key [V]
    if not change.adds:
        return
    if change.groups:
        errors.NOT_PUBLIC.refuse()
    if managed.answer and managed["KeyMetadata"]["Arn"] == snapshot.key_arn:
        errors.NOT_DEFAULT_KEY.refuse()


@operation(
    "ec2",
    "ModifySnapshotAttribute",
    honours={"SnapshotId", "Attribute", "OperationType", "UserIds", "GroupNames", "CreateVolumePermission", "DryRun"},
    checks=(
        required("SnapshotId"),
        _request_is_well_formed,
        snapshot_id(),
        snapshot_is_owned,
        _may_share,
        DRY_RUN,
        _may_be_shared,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.NO_ATTRIBUTES,
        errors.ONE_OPERATION,
        errors.NO_OPERATION,
        errors.NO_ATTRIBUTE,
        errors.BAD_ATTRIBUTE,
        errors.TOO_MANY_CHANGES,
        errors.BAD_USER_ID,
        errors.BAD_USER_ID_LEGACY,
        errors.BAD_GROUP,
        errors.SNAPSHOT_NOT_FOUND,
        errors.SNAPSHOT_MALFORMED,
        errors.UNAUTHORIZED,
        errors.NOT_PUBLIC,
        errors.NOT_DEFAULT_KEY,
        feature_errors.ARCHIVED_NOT_SHARED,
        feature_errors.PUBLIC_BLOCKED,
    ),
)
def modify_snapshot_attribute(draft: Draft, call: Call) -> Answer:
    """Share with accounts or with everybody, or take it back. The owner itself and duplicates change nothing."""
    change, snapshot = change_of(call), own_snapshot(draft, call, call["SnapshotId"])
    assert snapshot is not None
    named = [account for account in dict.fromkeys(change.accounts) if account != snapshot.account]
    kept = [account for account in snapshot.shared_with if account not in named]
    shared = (
        snapshot.shared_with + tuple(each for each in named if each not in snapshot.shared_with)
        if change.adds
        else tuple(kept)
    )
    is_public = change.adds if change.groups else snapshot.is_public
    changed = draft.change(
        snapshot, shared_with=shared, is_public=is_public, is_withheld=snapshot.is_withheld and is_public
    )
    notices.snapshot_was_shared(draft, changed, [each for each in named if change.adds])
    fast_restore.end_where_unshared(draft, changed)
    return {}


def _attribute_is_known(*known: str) -> Any:
    def check(draft: Draft, call: Call) -> None:
        if call["Attribute"] is None:
            errors.MISSING_PARAMETER.refuse(name="Attribute")
        if call["Attribute"] not in known:
            errors.INVALID_REQUEST.refuse()

    return check


@operation(
    "ec2",
    "DescribeSnapshotAttribute",
    honours={"SnapshotId", "Attribute", "DryRun"},
    checks=(
        _attribute_is_known(PERMISSION, PRODUCT_CODES),
        required("SnapshotId"),
        on("ec2:DescribeSnapshotAttribute", named_snapshot()),
        DRY_RUN,
        snapshot_id(),
        snapshot_is_owned,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.INVALID_REQUEST,
        errors.SNAPSHOT_MALFORMED,
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
    ),
    reads=True,
)
def describe_snapshot_attribute(draft: Draft, call: Call) -> Answer:
    """For the owner only; `all` stands first, then the accounts."""
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    assert snapshot is not None
    if call["Attribute"] == PRODUCT_CODES:
        return {"SnapshotId": snapshot.id, "ProductCodes": []}
    groups = [{"Group": ALL}] if snapshot.is_public else []
    return {
        "SnapshotId": snapshot.id,
        "CreateVolumePermissions": groups + [{"UserId": each} for each in snapshot.shared_with],
    }


@operation(
    "ec2",
    "ResetSnapshotAttribute",
    honours={"SnapshotId", "Attribute", "DryRun"},
    checks=(
        _attribute_is_known(PERMISSION),
        required("SnapshotId"),
        on("ec2:ResetSnapshotAttribute", named_snapshot()),
        DRY_RUN,
        snapshot_id_or("SnapshotId", errors.RESET_MALFORMED),
        snapshot_is_owned,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.INVALID_REQUEST,
        errors.RESET_MALFORMED,
        errors.UNAUTHORIZED,
        errors.SNAPSHOT_NOT_FOUND,
    ),
)
def reset_snapshot_attribute(draft: Draft, call: Call) -> Answer:
    """Take all permissions back."""
    snapshot = own_snapshot(draft, call, call["SnapshotId"])
    assert snapshot is not None
    fast_restore.end_where_unshared(draft, draft.change(snapshot, shared_with=(), is_public=False, is_withheld=False))
    return {}
