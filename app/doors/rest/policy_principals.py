"""Who asks, from one text: an ARN, an account id, a service's name, or `*` for nobody known.

Forms: policy-evaluation.md 3.1. A text carries no unique ids and, for a session, no path of its role: `INFERRED`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from app.policy.principals import is_service
from app.policy.question import ContextValue, Principal, PrincipalKind, flag

INFERRED: Final = (
    "of a session's ARN the role is known by account and name, and aws:PrincipalArn is its ARN without a path",
    "a session of a role whose name begins with AWSServiceRoleFor is one of a service-linked role",
    "a role's own ARN asks as any session of it",
)

_Match = re.Match[str]
_LINKED: Final = "aws-service-role/"

_USER: Final = re.compile(r"arn:[a-z0-9-]+:iam::(?P<account>\d{12}):user/(?:.*/)?(?P<name>[^/]+)")
_ROLE: Final = re.compile(r"arn:[a-z0-9-]+:iam::(?P<account>\d{12}):role/(?P<path>.*/)?(?P<name>[^/]+)")
_SESSION: Final = re.compile(
    r"arn:(?P<partition>[a-z0-9-]+):sts::(?P<account>\d{12}):assumed-role/(?P<name>[^/]+)/[^/]+"
)
_FEDERATED: Final = re.compile(r"arn:[a-z0-9-]+:sts::(?P<account>\d{12}):federated-user/(?P<name>[^/]+)")
_ROOT: Final = re.compile(r"(?P<arn>arn:[a-z0-9-]+:iam::)?(?P<account>\d{12})(?(arn):root)")
_PROVIDER: Final = re.compile(
    r"arn:[a-z0-9-]+:iam::\d{12}:(?:saml|oidc)-provider/.+|cognito-identity\.amazonaws\.com|accounts\.google\.com"
    r"|graph\.facebook\.com|www\.amazon\.com"
)


def _user(found: _Match) -> Principal:
    return Principal(PrincipalKind.USER, found["account"], found[0], "")


def _role(found: _Match) -> Principal:
    """A role's own ARN stands for any session of it."""
    is_linked = (found["path"] or "").startswith(_LINKED)
    return Principal(PrincipalKind.ROLE_SESSION, found["account"], found[0], "", found[0], is_service_linked=is_linked)


def _session(found: _Match) -> Principal:
    """Service-linked roles are known by the start of their name, which AWS keeps for them."""
    role = f"arn:{found['partition']}:iam::{found['account']}:role/{found['name']}"
    is_linked = found["name"].startswith("AWSServiceRoleFor")
    return Principal(PrincipalKind.ROLE_SESSION, found["account"], found[0], "", role, is_service_linked=is_linked)


def _federated(found: _Match) -> Principal:
    return Principal(PrincipalKind.FEDERATED_USER, found["account"], found[0], f"{found['account']}:{found['name']}")


def _root(found: _Match) -> Principal:
    account = found["account"]
    arn = found[0] if found["arn"] else f"arn:aws:iam::{account}:root"
    return Principal(PrincipalKind.ROOT, account, arn, account)


def _provider(found: _Match) -> Principal:
    """Somebody whom a SAML or OIDC provider vouches for: he has no account before he has assumed a role."""
    return Principal(PrincipalKind.FEDERATED_USER, "", found[0], "")


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[_Match], Principal]], ...]] = (
    (_USER, _user),
    (_ROLE, _role),
    (_SESSION, _session),
    (_FEDERATED, _federated),
    (_ROOT, _root),
    (_PROVIDER, _provider),
)


def principal(text: str) -> Principal:
    """Raises ValueError, in words, for a text that names none."""
    if text == "*":
        return Principal(PrincipalKind.ANONYMOUS, "", "", "")
    for form, made in _FORMS:
        if found := form.fullmatch(text):
            return made(found)
    if is_service(text):
        return Principal(PrincipalKind.SERVICE, "", text, "")
    raise ValueError(
        "a principal is the ARN of a user, role, assumed-role session, federated user, account root or identity "
        "provider, a service such as ec2.amazonaws.com, or *"
    )


_TYPES: Final = {
    PrincipalKind.ROOT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
    PrincipalKind.ANONYMOUS: "Anonymous",
}


def context_of(caller: Principal) -> dict[str, ContextValue]:
    """The condition keys that AWS derives from the caller alone (policy-evaluation.md 2.3)."""
    is_service_itself = caller.kind is PrincipalKind.SERVICE
    rows: tuple[tuple[str, str], ...] = (
        ("aws:PrincipalArn", (caller.issuer_arn or caller.arn) if caller.account else ""),
        ("aws:PrincipalAccount", caller.account),
        ("aws:PrincipalType", _TYPES.get(caller.kind, "")),
        ("aws:PrincipalServiceName", caller.arn if is_service_itself else ""),
        ("aws:username", caller.arn.rpartition("/")[2] if caller.kind is PrincipalKind.USER else ""),
        ("aws:userid", caller.unique_id),
        ("aws:PrincipalIsAWSService", flag(is_service_itself) if caller.arn else ""),
    )
    return {key: value for key, value in rows if value}
