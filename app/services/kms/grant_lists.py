"""Grants as they are listed: those of a key, and those that a principal may retire (kms.md 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.kernel.authority import AUTHORIZE, Resource, anything
from app.kernel.call import Call
from app.kernel.clock import moment
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.kernel.tree import Key as Position
from app.policy.principals import account_named
from app.services.kms.checks import KEY_STATE, allowed_on_key
from app.services.kms.errors import HIDDEN, INVALID_GRANT_ID, INVALID_PRINCIPAL_ARN, KEY_NOT_FOUND, VALIDATION, null
from app.services.kms.keyref import KEY, key_of
from app.services.kms.paging import page
from app.services.kms.records import GRANT_ID, Grant, Key


def shown(draft: Draft, grant: Grant) -> dict[str, Any]:
    """An entry of ListGrants."""
    constraints: dict[str, Any] = {grant.constraint: dict(grant.pairs)} if grant.constraint else {}
    constraints |= {"SourceArn": grant.source_arn} if grant.source_arn else {}
    return {
        "KeyId": grant.key_arn,
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": moment(grant.created_ms),
        **_parties(draft, grant),
        "IssuingAccount": f"arn:aws:iam::{grant.issuer}:root",
        "Operations": list(grant.operations),
        **({"Constraints": constraints} if constraints else {}),
    }


def _parties(draft: Draft, grant: Grant) -> dict[str, str]:
    """Who may use and who may retire it. A service stands where it was named: older grants have it as a principal."""
    grantee = "GranteeServicePrincipal" if grant.by_service else "GranteePrincipal"
    found = {grantee: _principal(draft, grant.grantee, grant.grantee_id)}
    if grant.retiring:
        retiring = "RetiringServicePrincipal" if grant.retired_by_service else "RetiringPrincipal"
        found[retiring] = _principal(draft, grant.retiring, grant.retiring_id)
    return found


def _principal(draft: Draft, arn: str, unique_id: str) -> str:
    """The ARN; of a user or role that is gone its unique id."""
    arn_of = draft.services.provider("principal_arn")
    gone = unique_id and arn_of is not None and arn_of(draft.world, unique_id) is None
    return unique_id if gone else arn


@operation(
    "kms", "ListGrants",
    honours=("Limit", "Marker", "KeyId", "GrantId", "GranteePrincipal", "GranteeServicePrincipal"),
    checks=(KEY(across=True), allowed_on_key("kms:ListGrants"), KEY_STATE()),
    answers=(HIDDEN, KEY_NOT_FOUND, INVALID_GRANT_ID),
    across_accounts="yes, by key ARN",
    reads=True,
)  # fmt: skip
def list_grants(draft: Draft, call: Call) -> dict[str, Any]:
    """The grants of a key, all or those of one id or grantee."""
    key, wanted = key_of(draft), call["GrantId"] or ""
    grantee = call["GranteePrincipal"] or call["GranteeServicePrincipal"] or ""
    if wanted and not GRANT_ID.fullmatch(wanted):
        INVALID_GRANT_ID.refuse()
    return page(
        draft, call, "Grants", (key.arn, wanted, grantee),
        lambda after: (grant for grant in _matching(draft, key, wanted, grantee, after) if not grant.is_over),
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


def _unless_its_own(draft: Draft, call: Call) -> Resource | None:
    """A service lists what it may retire itself without any policy: inferred, it has none that could allow it."""
    own = call.caller.kind == "service" and call["RetiringServicePrincipal"] == call.caller.arn
    return None if own else anything(draft, call)


@operation(
    "kms", "ListRetirableGrants",
    honours=("Limit", "Marker", "RetiringPrincipal", "RetiringServicePrincipal"),
    checks=(AUTHORIZE(("kms:ListRetirableGrants", _unless_its_own)),),
    answers=(VALIDATION, INVALID_PRINCIPAL_ARN),
    across_accounts="the principal is of the own account, the keys may be anybody's",
    reads=True,
)  # fmt: skip
def list_retirable_grants(draft: Draft, call: Call) -> dict[str, Any]:
    """The grants of this Region, on whosever keys, that a principal of the caller's account may retire."""
    at = (call.region, _retiring(call))
    return page(
        draft, call, "Grants", at,
        lambda after: _retirable(draft, at, after),
        position=lambda grant: grant.order,
        shown=lambda grant: shown(draft, grant),
        default=50, most=100,
    )  # fmt: skip


def _retirable(draft: Draft, at: tuple[str, str], after: Position) -> Iterator[Grant]:
    found = draft.scan_index(Grant, "retiring", *at, after=(*at, *after) if after else ())
    return (grant for grant in found if not grant.is_over)


def _retiring(call: Call) -> str:
    """Whose grants are asked for: a principal of the own account; a service asks for its own."""
    principal, service = call["RetiringPrincipal"], call["RetiringServicePrincipal"]
    if service is not None and (principal is not None or call.caller.kind != "service"):
        VALIDATION.refuse(text="RetiringServicePrincipal is for callers that are service principals, and stands alone")
    if service is not None:
        return service
    if principal is None:
        VALIDATION.refuse(text=null("retiringPrincipal"))
    if _account_of(principal) != call.account:
        INVALID_PRINCIPAL_ARN.refuse(arn=principal)
    return principal


def _account_of(principal: str) -> str:
    return principal.split(":")[4] if principal.count(":") >= 5 else account_named(principal)
