"""Users, groups, roles and policies as an account exports them, placed with their ids: for `reseal world import`.

They are told as GetAccountAuthorizationDetails prints them, documents as text. Of AWS's own policies the documents are
placed too where they are not those that reseal holds: what counts is what the account had. Access keys are never
exported; whoever was placed signs in with keys that are made here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.kernel import ids
from app.kernel.call import Call, Pairs
from app.kernel.draft import Draft
from app.kernel.internal import TAKEN, internal, place
from app.kernel.operation import Answer
from app.policy.document import DocumentKind, parse, principals_named
from app.services.iam.managed import AWS_MANAGED
from app.services.iam.naming import PLACED_AWS, pairs
from app.services.iam.providers import document_of, principal_facts
from app.services.iam.records import Account, Group, Holder, ManagedPolicy, Role, User, Version

Told = Mapping[str, Any]
Placed = tuple[str, str, bool]
_LINKED_PATH: Final = "/aws-service-role/"
INFERRED: Final = (
    "`reseal world import`: access keys, login profiles, MFA devices, identity providers and instance profiles are not "
    "imported.",
    "`reseal world import`: a principal that the folder does not hold, named in a policy, is matched by its ARN.",
)


@internal("PlacePrincipals")
def place_principals(draft: Draft, call: Call) -> Answer:
    """`accounts`: account -> what GetAccountAuthorizationDetails tells of it; all of them, as their roles may trust."""
    placed, assumed = list[Placed](), list[str]()
    for account, told in call["accounts"].items():
        _place_account(draft, account, call.at_ms)
        placed += _place_all(draft, account, told)
    for _, id, is_new in placed:
        role = _role_at(draft, id) if is_new else None
        if role is not None:
            draft.change(role, trust_ids=tuple(sorted(_trusted(draft, role))))
    for account, told in call["accounts"].items():
        assumed += sorted(set(_unknown_documents(draft, account, told)))
    return {"placed": placed, "assumed": assumed}


def _place_account(draft: Draft, account: str, at_ms: int) -> None:
    if draft.get(Account, account, "", account) is None:
        draft.put(Account(account=account, id=account, created_ms=at_ms))


def _place_all(draft: Draft, account: str, told: Told) -> Iterator[Placed]:
    for one in told.get("Policies") or ():
        if (policy := _policy(account, one)) and _is_needed(policy):
            yield "policy", policy.arn, _put(draft, policy)
    for one in told.get("GroupDetailList") or ():
        group = Group(**_holder(draft, account, one, Group))
        yield "group", group.arn, _put(draft, group)
    for one in told.get("UserDetailList") or ():
        groups = tuple(sorted(name.lower() for name in one.get("GroupList") or ()))
        user = User(**_holder(draft, account, one, User), **_principal(one), groups=groups)
        yield "user", user.arn, _put(draft, user)
    for one in told.get("RoleDetailList") or ():
        role = _role(draft, account, one)
        yield "role", role.arn, _put(draft, role, "trust_ids")


def _put(draft: Draft, record: Any, *made: str) -> bool:
    """Placed under its unique id too, which nothing else may have."""
    kinds = (User, Role) if isinstance(record, (User, Role)) else (type(record),) if isinstance(record, Group) else ()
    for kind in kinds:
        found = draft.find(kind, "unique-id", record.unique_id)
        if found and (type(found), found.key) != (type(record), record.key):
            TAKEN.refuse(what="principal", id=record.unique_id, fields=f"arn is {found.arn!r}")
    return place(draft, record, made)


def _holder(draft: Draft, account: str, told: Told, kind: type[Holder]) -> dict[str, Any]:
    """The fields that users, roles and groups share. Without a unique id one is made, once."""
    name = told[f"{kind.noun}Name"]
    found = draft.get(kind, account, "", name.lower())
    return {
        "account": account,
        "id": name.lower(),
        "name": name,
        "path": told.get("Path") or "/",
        "unique_id": told.get(f"{kind.noun}Id") or (found.unique_id if found else _new_id(draft, account, kind)),
        "created_ms": told.get("CreateDate") or 0,
        "inline": tuple(sorted(_inline(told.get(f"{kind.noun}PolicyList")))),
        "attached": tuple(one["PolicyArn"] for one in told.get("AttachedManagedPolicies") or ()),
    }


def _new_id(draft: Draft, account: str, kind: type[Holder]) -> str:
    prefix = {"User": "AIDA", "Role": "AROA", "Group": "AGPA"}[kind.noun]
    return ids.unique_id(prefix, draft.new_hash(prefix, account))


def _inline(listed: Any) -> Pairs:
    return tuple((one["PolicyName"], one["PolicyDocument"]) for one in listed or ())


def _principal(told: Told) -> dict[str, Any]:
    tags = {tag["Key"]: tag["Value"] for tag in told.get("Tags") or ()}
    boundary = (told.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or ""
    return {"boundary": boundary, "tags": pairs(tags)}


def _role(draft: Draft, account: str, told: Told) -> Role:
    path = told.get("Path") or "/"
    return Role(
        **_holder(draft, account, told, Role),
        **_principal(told),
        trust=told["AssumeRolePolicyDocument"],
        description=told.get("Description") or "",
        session_seconds_max=told.get("MaxSessionDuration") or 3600,
        service=path.split("/")[2] if path.startswith(_LINKED_PATH) else "",
    )


def _policy(account: str, told: Told) -> ManagedPolicy:
    """Versions oldest first, as far as their documents are told; the default one is always among them."""
    versions = [
        Version(one["VersionId"], one["Document"], one.get("CreateDate") or 0)
        for one in told["PolicyVersionList"]
        if one.get("Document")
    ]
    versions.sort(key=lambda one: _number(one.id))
    created = told.get("CreateDate") or 0
    name = told["PolicyName"]
    return ManagedPolicy(
        account=PLACED_AWS if told["Arn"].startswith("arn:aws:iam::aws:") else account,
        id=name.lower(),
        name=name,
        path=told["Arn"].partition(":policy")[2].removesuffix(name) or "/",
        unique_id=told.get("PolicyId") or f"of-{name}",
        created_ms=created,
        updated_ms=told.get("UpdateDate") or created,
        description=told.get("Description") or "",
        versions=tuple(versions),
        default=told["DefaultVersionId"],
        made=max(_number(one.id) for one in versions),
    )


def _number(version: str) -> int:
    return int(version.removeprefix("v")) if version.removeprefix("v").isdigit() else 1


def _is_needed(policy: ManagedPolicy) -> bool:
    """Not AWS's as reseal holds it."""
    known = AWS_MANAGED.get(policy.arn)
    return known is None or json.loads(known.document) != json.loads(policy.document)


def _role_at(draft: Draft, arn: str) -> Role | None:
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    return draft.get(Role, account, "", name.lower()) if ":role/" in arn else None


def _trusted(draft: Draft, role: Role) -> Iterator[tuple[str, str]]:
    """The unique ids of the users and roles that a trust policy names, as far as they exist here."""
    for arn in principals_named(parse(role.trust, DocumentKind.TRUST, lenient=True)):
        facts = principal_facts(draft.world, arn)
        if facts and facts.kind != "root" and arn == facts.arn:
            yield arn, facts.unique_id


def _unknown_documents(draft: Draft, account: str, told: Told) -> Iterator[str]:
    """Attached policies whose documents nobody told: they allow nothing here."""
    for kind in (User, Role, Group):
        for one in told.get(f"{kind.noun}DetailList") or ():
            arns = [each["PolicyArn"] for each in one.get("AttachedManagedPolicies") or ()]
            arns += [arn for arn in [_principal(one)["boundary"]] if arn]
            for arn in arns:
                if document_of(draft.world, arn) is None:
                    name = one[f"{kind.noun}Name"]
                    yield f"{account}: {kind.noun.lower()} {name}: the document of {arn} is not told: it allows nothing"
