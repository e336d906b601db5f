"""Grants: made, revoked by the key's administrators, retired by those who hold them (kms.md 6).

A grant gives its grantee the listed operations on one key, and can take nothing away. Under a grant that gives
CreateGrant only narrower grants can be made. When grants take effect is told in `consistency.py`.
"""

from __future__ import annotations

from typing import Any, Final

from app.kernel.authority import AUTHORIZE, Resource, authorize
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import operation
from app.policy.causes import Cause, Word
from app.policy.principals import account_named, is_service
from app.policy.question import LayerKind
from app.services.kms.checks import DRY_RUN, GRANT_TOKENS, KEY_STATE, allowed_on_key, new_token, read_token
from app.services.kms.conditions import constraint_sent
from app.services.kms.consistency import end, visible_from
from app.services.kms.errors import (
    CONSTRAINT,
    DRY_RUN_OK,
    GRANT_NOT_FOUND,
    HIDDEN,
    INVALID_GRANT_ID,
    INVALID_GRANT_TOKEN,
    INVALID_PRINCIPAL_ARN,
    KEY_NOT_FOUND,
    TOO_MANY_GRANTS,
    VALIDATION,
    null,
)
from app.services.kms.keyref import KEY, key_of, key_resource, note_key
from app.services.kms.principals import resolved
from app.services.kms.records import GRANT_ID, Grant, Key
from app.services.kms.rules import parent_grants
from app.services.kms.specs import grantable, is_symmetric
from app.services.kms.states import CREATING, DISABLED, IMPORT, PENDING

GRANTS_MAX: Final = 50_000  # of a customer managed key
CONSTRAINT_PAIRS_MAX: Final = 8
CONSTRAINT_VALUE_MAX: Final = 384  # characters
_BY_ARN: Final = "yes, by key ARN"


# --- CreateGrant ------------------------------------------------------------------------------------------------------


def OPERATIONS(draft: Draft, call: Call) -> None:
    """A check: at least one operation."""
    if not call["Operations"]:
        rule = "Member must have length greater than or equal to 1"
        CONSTRAINT.refuse(value="'[]' ", member="operations", rule=rule)


def SUITABLE(draft: Draft, call: Call) -> None:
    """A check: only what the key can do is granted, and only with a constraint where there is a context to compare."""
    key = key_of(draft)
    unfit = [name for name in call["Operations"] if name not in grantable(key)]
    if unfit:
        kind = f"KeySpec {key.spec} and KeyUsage {key.usage}"
        VALIDATION.refuse(text=f"Operations {', '.join(unfit)} are not valid for a key of {kind}")
    if constraint_sent(call)[0] and not is_symmetric(key):
        VALIDATION.refuse(text=f"Constraints are not valid for a key of KeySpec {key.spec}")


def CONSTRAINTS(draft: Draft, call: Call) -> None:
    """A check: one constraint at most, of at most 8 pairs, with values of at most 384 characters."""
    constraints = call["Constraints"] or {}
    if constraints.get("EncryptionContextEquals") and constraints.get("EncryptionContextSubset"):
        VALIDATION.refuse(text="Constraints: EncryptionContextEquals and EncryptionContextSubset exclude each other")
    pairs = constraint_sent(call)[1]
    if len(pairs) > CONSTRAINT_PAIRS_MAX or any(len(value) > CONSTRAINT_VALUE_MAX for value in pairs.values()):
        limits = f"{CONSTRAINT_PAIRS_MAX} pairs, with values of at most {CONSTRAINT_VALUE_MAX} characters"
        VALIDATION.refuse(text=f"Constraints: at most {limits}")


def PRINCIPALS(draft: Draft, call: Call) -> None:
    """A check: grantee and retiring principal exist. Their unique ids are remembered, as they are in key policies."""
    draft.frame.memo["grantee_id"] = _principal_id(draft, call, call["GranteePrincipal"])
    draft.frame.memo["retiring_id"] = _principal_id(draft, call, call["RetiringPrincipal"])


def PARTIES(draft: Draft, call: Call) -> None:
    """A check: one grantee; one retiring principal at most. A service's grant needs a SourceArn and who retires it."""
    grantee, service = call["GranteePrincipal"], call["GranteeServicePrincipal"]
    retiring, retiring_service = call["RetiringPrincipal"], call["RetiringServicePrincipal"]
    if grantee is None and service is None:
        VALIDATION.refuse(text=null("granteePrincipal"))
    if grantee and service:
        VALIDATION.refuse(text="Specify either GranteePrincipal or GranteeServicePrincipal, but not both")
    if retiring and retiring_service:
        VALIDATION.refuse(text="Specify either RetiringPrincipal or RetiringServicePrincipal, but not both")
    if service and not (call["Constraints"] or {}).get("SourceArn"):
        VALIDATION.refuse(text="A grant to a GranteeServicePrincipal must have a SourceArn constraint")
    if service and not (retiring or retiring_service):
        VALIDATION.refuse(text="A grant to a GranteeServicePrincipal must have a retiring principal")


def _principal_id(draft: Draft, call: Call, principal: str | None) -> str:
    """The unique id to remember. Services may name services, and sessions that they open themselves."""
    by_service = call.via is not None or call.acting_service
    if principal is None or (by_service and (is_service(principal) or principal.startswith("arn:aws:sts:"))):
        return ""
    unique_id = resolved(draft, principal) if principal.startswith("arn:") or account_named(principal) else None
    if unique_id is None:
        INVALID_PRINCIPAL_ARN.refuse(arn=principal)
    return unique_id


def MAY_GRANT(draft: Draft, call: Call) -> None:
    """A check: like AUTHORIZE, but a parent grant that is too narrow is named as the cause."""
    try:
        authorize(draft, call, "kms:CreateGrant", key_resource(draft, call))
    except Refused as refused:
        found = refused.refusal
        if not _is_silence(found) or not any(parent_grants(draft.world, call, key_of(draft))):
            raise
        because = Refusal(Cause.GRANT_TOO_WIDE, found and found.decision, found and found.question)
        raise Refused(refused.error, because) from None


def _is_silence(refusal: Refusal | None) -> bool:
    """Did nothing on the key's side allow? A denial, and the silence of the caller's own policies, are other causes."""
    if refusal is None or refusal.cause.word is Word.EXPLICIT_DENY:
        return False
    return refusal.cause.layer in (LayerKind.RESOURCE, LayerKind.GRANT)


@operation(
    "kms", "CreateGrant",
    honours=(
        "KeyId", "GranteePrincipal", "GranteeServicePrincipal", "RetiringPrincipal", "RetiringServicePrincipal",
        "Operations", "Constraints", "GrantTokens", "Name", "DryRun",
    ),
    checks=(
        OPERATIONS, PARTIES, CONSTRAINTS, GRANT_TOKENS, KEY(across=True), MAY_GRANT, KEY_STATE(), SUITABLE, PRINCIPALS,
        DRY_RUN,
    ),
    answers=(
        VALIDATION, HIDDEN, KEY_NOT_FOUND, INVALID_GRANT_TOKEN, INVALID_PRINCIPAL_ARN, TOO_MANY_GRANTS, DISABLED,
        PENDING, IMPORT, CREATING, DRY_RUN_OK,
    ),
    across_accounts=_BY_ARN,
)  # fmt: skip
def create_grant(draft: Draft, call: Call) -> dict[str, Any]:
    """Adds a grant to a key. The same name with all the same parameters answers the same grant, with a new token."""
    key = key_of(draft)
    grant = _same_grant(draft, call, key) or _new_grant(draft, call, key)
    draft.frame.about.append(grant.id)
    draft.frame.response = {"grantId": grant.id, "keyId": key.arn}
    return {"GrantToken": new_token(draft, grant), "GrantId": grant.id}


def _asked(draft: Draft, call: Call) -> dict[str, Any]:
    """What a grant says, as fields of its record."""
    kind, pairs = constraint_sent(call)
    return {
        "grantee": call["GranteePrincipal"] or call["GranteeServicePrincipal"],
        "by_service": call["GranteeServicePrincipal"] is not None,
        "grantee_id": draft.frame.memo["grantee_id"],
        "retiring": call["RetiringPrincipal"] or call["RetiringServicePrincipal"] or "",
        "retired_by_service": call["RetiringServicePrincipal"] is not None,
        "retiring_id": draft.frame.memo["retiring_id"],
        "operations": tuple(dict.fromkeys(call["Operations"])),
        "constraint": kind,
        "pairs": tuple(sorted(pairs.items())),
        "source_arn": (call["Constraints"] or {}).get("SourceArn") or "",
        "name": call["Name"] or "",
        "issuer": call.account,
    }


def _same_grant(draft: Draft, call: Call, key: Key) -> Grant | None:
    if not call["Name"]:
        return None
    asked = _asked(draft, call)
    named = draft.scan_index(Grant, "name", key.account, key.region, key.id, call["Name"])
    return next((one for one in named if not one.is_over and _says(one, asked)), None)


def _says(grant: Grant, asked: dict[str, Any]) -> bool:
    return all(getattr(grant, field) == value for field, value in asked.items())


def _new_grant(draft: Draft, call: Call, key: Key) -> Grant:
    if key.grants >= GRANTS_MAX and key.manager == "CUSTOMER":
        TOO_MANY_GRANTS.refuse(arn=key.arn)
    draft.change(key, grants=key.grants + 1)
    grant_id = draft.new_hash("kms.grant", key.account, key.region).hex()
    return draft.put(
        Grant(
            account=key.account, region=key.region, id=grant_id, key_id=key.id, created_ms=call.at_ms,
            visible_ms=visible_from(draft, call), **_asked(draft, call),
        )
    )  # fmt: skip


# --- the end of a grant -----------------------------------------------------------------------------------------------


def GRANT(draft: Draft, call: Call) -> None:
    """A check: finds the grant that GrantId names on the key."""
    wanted = call["GrantId"]
    if not GRANT_ID.fullmatch(wanted):
        INVALID_GRANT_ID.refuse()
    key = key_of(draft)
    _note_grant(draft, draft.get(Grant, key.account, key.region, wanted), key, wanted)


def _note_grant(draft: Draft, grant: Grant | None, key: Key, wanted: str) -> None:
    if grant is None or grant.key_id != key.id or grant.is_over:
        GRANT_NOT_FOUND.refuse(id=wanted)
    draft.frame.memo["grant"] = grant
    draft.frame.about.append(grant.id)


@operation(
    "kms", "RevokeGrant",
    honours=("KeyId", "GrantId", "DryRun"),
    checks=(KEY(across=True), allowed_on_key("kms:RevokeGrant"), KEY_STATE(), GRANT, DRY_RUN),
    answers=(HIDDEN, INVALID_GRANT_ID, GRANT_NOT_FOUND, DRY_RUN_OK),
    across_accounts=_BY_ARN,
)  # fmt: skip
def revoke_grant(draft: Draft, call: Call) -> None:
    """Ends a grant, by right of the key."""
    end(draft, draft.frame.memo["grant"])


def NAMED(draft: Draft, call: Call) -> None:
    """A check: a grant is named by its token, or by key and id."""
    by_token, by_id = call["GrantToken"] is not None, call["KeyId"] is not None and call["GrantId"] is not None
    if by_token == by_id or (by_token and (call["KeyId"] or call["GrantId"])):
        VALIDATION.refuse(text="Specify either a grant token, or a key ID and a grant ID")
    if not by_token:
        return
    account, region, key_id, grant_id = read_token(draft, call["GrantToken"])
    key = draft.get(Key, account, region, key_id) if region == call.region else None
    if key is None:
        GRANT_NOT_FOUND.refuse(id=grant_id)
    note_key(draft, call, "KeyId", key)
    _note_grant(draft, draft.get(Grant, account, region, grant_id), key, grant_id)


def GRANT_BY_ID(draft: Draft, call: Call) -> None:
    """A check: GRANT, where no token was given."""
    if call["GrantToken"] is None:
        GRANT(draft, call)


def _grant(draft: Draft, call: Call) -> Resource:
    """The grant decides about itself; policies see the key's ARN."""
    grant = draft.frame.memo["grant"]
    return Resource(grant.key_arn, grant.account, grant)


@operation(
    "kms", "RetireGrant",
    honours=("GrantToken", "KeyId", "GrantId", "DryRun"),
    checks=(
        NAMED, KEY(across=True, optional=True), GRANT_BY_ID, AUTHORIZE(("kms:RetireGrant", _grant)), KEY_STATE(),
        DRY_RUN,
    ),
    answers=(VALIDATION, HIDDEN, INVALID_GRANT_TOKEN, INVALID_GRANT_ID, GRANT_NOT_FOUND, DRY_RUN_OK),
    across_accounts="yes, to whom the grant names",
)  # fmt: skip
def retire_grant(draft: Draft, call: Call) -> None:
    """Ends a grant, by right of the grant: its retiring principal, its grantee if it says so, or who made it."""
    draft.frame.additional["grantId"] = draft.frame.memo["grant"].id
    end(draft, draft.frame.memo["grant"])
