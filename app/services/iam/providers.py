"""What IAM tells the rest of the cloud: who an access key is, what a principal is, which policies speak for a caller.

INVARIANT: everything here reads a world and nothing else, and costs a handful of look-ups: `identity_layers` runs for
every authorization. Documents are parsed once and kept by the policy language itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from app.kernel.authority import Credential, IdentityLayers, PrincipalFacts
from app.kernel.call import Caller, root_of
from app.kernel.world import World
from app.policy.document import DocumentKind, parse
from app.policy.question import LayerKind, Place, Policy
from app.services.iam.managed import AWS_MANAGED
from app.services.iam.records import AccessKey, Account, Group, Holder, ManagedPolicy, Principal, Role, User

_ROOT: Final = re.compile(r"(?:arn:aws:iam::)?([0-9]{12})(?::root)?")
_IAM: Final = re.compile(r"arn:aws:iam::([0-9]{12}):(user|role)/(?:.*/)?([^/]+)", re.DOTALL)
_SESSION: Final = re.compile(r"arn:aws:sts::([0-9]{12}):assumed-role/([^/]+)/[^/]+")

_LAYERS: Final = {
    DocumentKind.IDENTITY: LayerKind.IDENTITY,
    DocumentKind.BOUNDARY: LayerKind.BOUNDARY,
    DocumentKind.SESSION: LayerKind.SESSION,
}


# credentials


def credential_of(world: World, access_key_id: str) -> Credential | None:
    """Whose long-term key this is; None for a key that IAM did not issue, or that was deleted."""
    key = world.records.find(AccessKey, "id", access_key_id)
    caller = _caller(world, key) if key else None
    return Credential(caller, key.secret, is_active=key.is_active) if key and caller else None


def _caller(world: World, key: AccessKey) -> Caller | None:
    if key.user_id == key.account:
        root = root_of(key.account)
        return Caller(root.kind, root.account, root.arn, root.unique_id, key.id)
    user = world.records.find(User, "unique-id", key.user_id)
    return Caller("user", user.account, user.arn, user.unique_id, key.id) if user else None


# principals


def principal_facts(world: World, arn: str) -> PrincipalFacts | None:
    """The account, user or role that `arn` names: an ARN (of a session: its role), 12 digits, or a unique id."""
    if root := _ROOT.fullmatch(arn):
        return _account_facts(world, root[1])
    if session := _SESSION.fullmatch(arn):
        return _facts(world.records.get(Role, session[1], "", session[2].lower()))
    if named := _IAM.fullmatch(arn):
        kind = User if named[2] == "user" else Role
        found: Principal | None = world.records.get(kind, named[1], "", named[3].lower())
        return _facts(found) if found and found.arn == arn else None
    return _facts(world.records.find(User, "unique-id", arn) or world.records.find(Role, "unique-id", arn))


def _account_facts(world: World, account: str) -> PrincipalFacts | None:
    if world.rules.open_accounts or world.records.get(Account, account, "", account):
        return PrincipalFacts(f"arn:aws:iam::{account}:root", account, account, "root")
    return None


def _facts(one: Principal | None) -> PrincipalFacts | None:
    if isinstance(one, Role):
        return PrincipalFacts(
            one.arn,
            one.account,
            one.unique_id,
            "role",
            one.session_seconds_max,
            one.tags,
            bool(one.service),
            one.service,
        )
    return PrincipalFacts(one.arn, one.account, one.unique_id, "user", tags=one.tags) if one else None


def principal_arn(world: World, unique_id: str) -> str | None:
    """The ARN that a unique id goes by now; None when its principal is gone."""
    found = principal_facts(world, unique_id)
    return found.arn if found else None


# layers


def identity_layers(world: World, caller: Caller) -> IdentityLayers:
    """The policies that speak for a caller. A principal that was deleted has none left."""
    if caller.kind not in ("user", "session", "federated"):
        return IdentityLayers()
    holder = _holder(world, caller)
    if holder is None:
        return IdentityLayers(session=_session(world, caller))
    groups = _groups(world, holder) if isinstance(holder, User) else ()
    return IdentityLayers(
        identity=tuple(policy for one in (holder, *groups) for policy in _policies(world, one)),
        boundary=_boundary(world, holder),
        session=_session(world, caller),
        tags=holder.tags,
        is_service_linked=isinstance(holder, Role) and bool(holder.service),
    )


def _holder(world: World, caller: Caller) -> Principal | None:
    """The user, the role of a session, or the user of a federated session."""
    unique_id = caller.unique_id if caller.kind == "user" else caller.role_id
    return world.records.find(Role if caller.kind == "session" else User, "unique-id", unique_id)


def _groups(world: World, user: User) -> tuple[Group, ...]:
    found = (world.records.get(Group, user.account, "", group) for group in user.groups)
    return tuple(group for group in found if group)


def _policies(world: World, holder: Holder) -> Iterator[Policy]:
    for name, document in holder.inline:
        yield _policy(holder.account, name, holder.arn, document, DocumentKind.IDENTITY)
    for arn in holder.attached:
        if document := document_of(world, arn):
            yield _policy(holder.account, arn, holder.arn, document, DocumentKind.IDENTITY)


def _boundary(world: World, holder: Principal) -> Policy | None:
    """A boundary whose document reseal does not know allows nothing, rather than not binding."""
    if not holder.boundary:
        return None
    document = document_of(world, holder.boundary) or _NOTHING
    return _policy(holder.account, holder.boundary, holder.arn, document, DocumentKind.BOUNDARY)


_NOTHING: Final = '{"Version":"2012-10-17","Statement":[]}'


def _session(world: World, caller: Caller) -> tuple[Policy, ...] | None:
    """Session policies: documents as they were sent, and managed policies by ARN, which are read as they are now."""
    if caller.session_policies is None:
        return None
    texts = ((text if text.startswith("arn:") else "session", text) for text in caller.session_policies)
    found = ((name, document_of(world, text) if name == text else text) for name, text in texts)
    return tuple(
        _policy(caller.account, name, caller.arn, document, DocumentKind.SESSION)
        for name, document in found
        if document
    )


@lru_cache(maxsize=8192)
def _policy(account: str, name: str, attached_to: str, document: str, kind: DocumentKind) -> Policy:
    return Policy(Place(_LAYERS[kind], account, name, attached_to), parse(document, kind, lenient=True))


def document_of(world: World, arn: str) -> str | None:
    """The document of a managed policy as it counts now; None where there is none of that ARN."""
    policy = world.records.find(ManagedPolicy, "arn", arn)
    if policy is not None:
        return policy.document
    known = AWS_MANAGED.get(arn)
    return known.document if known else None
