"""Grants as they are listed: those of a key, and those that a principal may retire (kms.md 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.clock import moment
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.kernel.tree import Key as Position
from app.policy.principals import account_named
from app.services.kms.checks import KEY_STATE, allowed_on_key
from app.services.kms.errors import HIDDEN, INVALID_GRANT_ID, INVALID_PRINCIPAL_ARN, VALIDATION, null
from app.services.kms.keyref import KEY, key_of
from app.services.kms.paging import page
from app.services.kms.records import GRANT_ID, Grant, Key


def shown(draft: Draft, grant: Grant) -> dict[str, Any]:
    """An entry of ListGrants."""
    retiring = {"RetiringPrincipal": _principal(draft, grant.retiring, grant.retiring_id)} if grant.retiring else {}
    constraints = {"Constraints": {grant.constraint: dict(grant.pairs)}} if grant.constraint else {}
    return {
        "KeyId": grant.key_arn,
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": moment(grant.created_ms),
        "GranteePrincipal": _principal(draft, grant.grantee, grant.grantee_id),
        **retiring,
        "IssuingAccount": f"arn:aws:iam::{grant.issuer}:root",
        "Operations": list(grant.operations),
        **constraints,
    }


def _principal(draft: Draft, arn: str, unique_id: str) -> str:
    """The ARN; of a user or role that is gone its unique id."""
    arn_of = draft.services.provider("principal_arn")
    gone = unique_id and arn_of is not None and arn_of(draft.world, unique_id) is None
    return unique_id if gone else arn


@operation(
    "kms", "ListGrants",
    honours=("Limit", "Marker", "KeyId", "GrantId", "GranteePrincipal"),
    checks=(KEY(across=True), allowed_on_key("kms:ListGrants"), KEY_STATE()),
    answers=(HIDDEN, INVALID_GRANT_ID),
    across_accounts="yes, by key ARN",
    reads=True,
)  # fmt: skip
def list_grants(draft: Draft, call: Call) -> dict[str, Any]:
    """The grants of a key, all or those of one id or grantee."""
    key, wanted, grantee = key_of(draft), call["GrantId"] or "", call["GranteePrincipal"] or ""
    if wanted and not GRANT_ID.fullmatch(wanted):
        INVALID_GRANT_ID.refuse()
    return page(
        draft, call, "Grants", (key.arn, wanted, grantee),
        lambda after: _matching(draft, key, wanted, grantee, after),
        position=lambda grant: grant.order,
        shown=lambda grant: shown(draft, grant),
        default=50, most=100,
    )  # fmt: skip


def _matching(draft: Draft, key: Key, wanted: str, grantee: str, after: Position) -> Iterator[Grant]:
    """Each filter by its own index."""
    at = (key.account, key.region, key.id)
    if wanted:
        grant = draft.get(Grant, key.account, key.region, wanted)
        fits = grant is not None and grant.key_id == key.id and grantee in ("", grant.grantee) and not after
        return iter((grant,) if grant is not None and fits else ())
    if grantee:
        at = (*at, grantee)
        return draft.scan_index(Grant, "held", *at, after=(*at, *after) if after else ())
    return draft.scan_index(Grant, "key", *at, after=(*at, *after) if after else ())


@operation(
    "kms", "ListRetirableGrants",
    honours=("Limit", "Marker", "RetiringPrincipal"),
    checks=(AUTHORIZE(("kms:ListRetirableGrants", anything)),),
    answers=(VALIDATION, INVALID_PRINCIPAL_ARN),
    across_accounts="the principal is of the own account, the keys may be anybody's",
    reads=True,
)  # fmt: skip
def list_retirable_grants(draft: Draft, call: Call) -> dict[str, Any]:
    """The grants of this Region, on whosever keys, that a principal of the caller's account may retire."""
    retiring = call["RetiringPrincipal"]
    if retiring is None:
        VALIDATION.refuse(text=null("retiringPrincipal"))
    if _account_of(retiring) != call.account:
        INVALID_PRINCIPAL_ARN.refuse(arn=retiring)
    at = (call.region, retiring)
    return page(
        draft, call, "Grants", at,
        lambda after: draft.scan_index(Grant, "retiring", *at, after=(*at, *after) if after else ()),
        position=lambda grant: grant.order,
        shown=lambda grant: shown(draft, grant),
        default=50, most=100,
    )  # fmt: skip


def _account_of(principal: str) -> str:
    return principal.split(":")[4] if principal.count(":") >= 5 else account_named(principal)
