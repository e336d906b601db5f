"""Who a Principal element means, and how closely it means the caller.

A principal is known by names, and each name is worth something: a *direct* name ends the matter, a name *through*
which the caller came (the role of a session, the user of a federated session) still leaves boundary and session policy
to be asked, the *account* leaves everything to its identity policies. Both sides, the entry of a policy and the caller,
become sets of such names, so matching is set intersection. An ARN whose unique id was recorded when the policy was
saved is known by that id only: a principal recreated under its old name is somebody else.
Source: policy-evaluation.md 3.2, 3.3, 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from app.policy.question import Principal, PrincipalKind

EVERYONE: Final = "*"

_ACCOUNT: Final = re.compile(r"(?:arn:[a-z0-9-]+:iam::)?(?P<account>[0-9]{12})(?P<root>:root)?")
_ROLE: Final = re.compile(r"arn:[a-z0-9-]+:iam::(?P<account>[0-9]{12}):role/(?:[^*?]*/)?(?P<name>[^/*?]+)")
_ARN: Final = re.compile(
    r"arn:[a-z0-9-]+:(?:iam::[0-9]{12}:user/[^*?]*[^/*?]"
    r"|sts::[0-9]{12}:assumed-role/[^/*?]+/[^/*?]+|sts::[0-9]{12}:federated-user/[^/*?]+)"
)
_UNIQUE_ID: Final = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{5,}")
_CANONICAL_ID: Final = re.compile(r"[0-9a-f]{64}")
_PREFIXES: Final = {"Service": "service", "CanonicalUser": "canonical"}
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.(?:amazonaws\.com|amazonaws\.com\.cn|amazon\.com|internal)")


class Match(IntEnum):
    """How closely an Allow in a resource's policy means the caller; more is closer."""

    NONE = 0
    ACCOUNT = 1
    THROUGH = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The names a caller answers to; one for each caller, hence cheap to look up by. `shown`: what a trace tells."""

    direct: frozenset[str]
    through: frozenset[str]
    account: frozenset[str]
    shown: tuple[str, ...]

    def match(self, entries: frozenset[str]) -> Match:
        if not self.direct.isdisjoint(entries):
            return Match.DIRECT
        if not self.through.isdisjoint(entries):
            return Match.THROUGH
        return Match.NONE if self.account.isdisjoint(entries) else Match.ACCOUNT


@lru_cache(maxsize=4096)
def names_of(principal: Principal) -> Names:
    """Every name under which policies may mean this caller."""
    direct = {EVERYONE, principal.arn, *_id_names(principal.unique_id)} - {""}
    account = {f"account:{principal.account}"} if principal.account else set[str]()
    account |= {f"canonical:{principal.canonical_id}"} if principal.canonical_id else set()
    shown = tuple(name for name in (principal.arn, principal.issuer_arn, principal.account) if name)
    match principal.kind:
        case PrincipalKind.SERVICE:
            return Names(frozenset({EVERYONE, f"service:{principal.arn}"}), frozenset(), frozenset(), shown)
        case PrincipalKind.ANONYMOUS:
            return Names(frozenset({EVERYONE}), frozenset(), frozenset(), shown)
        case PrincipalKind.ROOT:
            direct = {EVERYONE}
        case _:
            pass
    through = {entry_name(principal.issuer_arn), *_id_names(principal.issuer_id)} - {""}
    return Names(frozenset(direct), frozenset(through), frozenset(account), shown)


def _id_names(unique_id: str) -> tuple[str, ...]:
    return (f"id:{unique_id}",) if unique_id else ()


def listed_name(kind: str, text: str, ids: Mapping[str, str] | None = None) -> str:
    """The one name that an entry of a Principal element stands for; `kind`: AWS, Service, Federated, CanonicalUser."""
    if kind in _PREFIXES:
        return f"{_PREFIXES[kind]}:{text}"
    return entry_name(text, ids) if kind == "AWS" else text


def entry_name(text: str, ids: Mapping[str, str] | None = None) -> str:
    """The one name that an entry under "AWS", or a grantee, stands for; `ids`: the unique ids recorded for ARNs.

    Users and roles only have ids (inferred.py, SESSION_ARNS_HAVE_NO_IDS); a role without one goes by account and name
    (inferred.py, ROLE_BY_NAME).
    """
    if ids and text in ids:
        return f"id:{ids[text]}"
    if account := account_named(text):
        return f"account:{account}"
    if role := _ROLE.fullmatch(text):
        return f"role:{role['account']}:{role['name']}"
    if _UNIQUE_ID.fullmatch(text):
        return f"id:{text}"
    return f"service:{text}" if _SERVICE.fullmatch(text) else text


def account_named(text: str) -> str:
    """The account that an account id or root ARN names; "" for any other text."""
    found = _ACCOUNT.fullmatch(text)
    if found is None or text.startswith("arn:") != bool(found["root"]):
        return ""
    return found["account"]


def is_aws_principal(text: str) -> bool:
    """May the text stand under "AWS"? Not: groups, wildcards inside an ARN, free text."""
    forms = (_ARN, _ROLE, _UNIQUE_ID)
    return text == EVERYONE or bool(account_named(text)) or any(form.fullmatch(text) for form in forms)


def is_canonical_id(text: str) -> bool:
    return _CANONICAL_ID.fullmatch(text) is not None


def is_service(text: str) -> bool:
    return _SERVICE.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def grantee_match(principal: Principal, grantee: str, grantee_id: str) -> Match:
    """How closely a grant's grantee means the caller."""
    entry = entry_name(grantee, {grantee: grantee_id} if grantee_id else None)
    return names_of(principal).match(frozenset((entry,)))
