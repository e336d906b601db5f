"""Users, roles, groups and their organization, out of a capture."""

from __future__ import annotations

from typing import Any, Final

from app.outside.capture import Capture, Told
from app.outside.folder import ORGANIZATION
from app.outside.organization import TYPES, Tree, organization
from app.outside.plan import Plan, with_tags
from app.outside.reading import Unreadable

_EMPTY_TRUST: Final = '{"Version":"2012-10-17","Statement":[]}'
_NOUNS: Final = {"user": "User", "role": "Role"}


def plan_principals(capture: Capture, plan: Plan) -> None:
    accounts = {account: _details(capture, plan, account) for account in capture.folder.accounts()}
    plan.parts.append(("PlacePrincipals", {"accounts": accounts}, ""))
    plan.principals += [
        (account, noun, one[f"{noun}Name"])
        for account, details in accounts.items()
        for noun in ("User", "Role")
        for one in details[f"{noun}DetailList"]
    ]


def _details(capture: Capture, plan: Plan, account: str) -> dict[str, Any]:
    """As GetAccountAuthorizationDetails tells it; users and roles that have files of their own are added."""
    files = [one for one in capture.of("details") if one.account == account]
    body: dict[str, Any] = {"UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [], "Policies": []}
    for told in files:
        for name in body:
            body[name] += map(with_tags, (told.body or {}).get(name) or ())
    known = {(noun, one[f"{noun}Name"]) for noun in ("User", "Role") for one in body[f"{noun}DetailList"]}
    for told in capture.of("holder"):
        noun = _NOUNS[told.noun]
        if told.account == account and (noun, told.id) not in known:
            body[f"{noun}DetailList"].append(_holder(capture, plan, told, body["Policies"]))
    if not files and not any(one.account == account for one in capture.of("holder")):
        plan.assumed.append(f"{account}: no file tells of its users and roles: it has none")
    return body


def _holder(capture: Capture, plan: Plan, told: Told, policies: list[Any]) -> dict[str, Any]:
    """A user or role out of files: its policies become inline ones, its boundary a managed policy of its own."""
    noun = _NOUNS[told.noun]
    name = told.id
    listed = [{"PolicyName": policy or f"policy-{n}", "PolicyDocument": text}
              for n, (policy, text) in enumerate(told.documents, 1)]  # fmt: skip
    made: dict[str, Any] = {f"{noun}Name": name, f"{noun}PolicyList": listed}
    plan.assumed.append(f"{told.file}: its unique id, path and tags are not told: a new id, the path /, and none")
    if boundary := _beside(capture, "boundary", told):
        arn = f"arn:aws:iam::{told.account}:policy/boundary-of-{told.noun}-{name}"
        version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": boundary.documents[0][1]}
        policy = {"PolicyName": arn.rpartition("/")[2], "Arn": arn, "DefaultVersionId": "v1"}
        policies.append(policy | {"PolicyVersionList": [version]})
        made["PermissionsBoundary"] = {"PermissionsBoundaryArn": arn}
    if noun == "Role":
        trust = _beside(capture, "trust", told)
        made["AssumeRolePolicyDocument"] = trust.documents[0][1] if trust else _EMPTY_TRUST
        if trust is None:
            plan.assumed.append(f"{told.file}: its trust policy is not told: nobody may assume it")
    return made


def _beside(capture: Capture, kind: str, told: Told) -> Told | None:
    every = (one for one in capture.of(kind) if (one.account, one.id) == (told.account, told.id) and one.documents)
    return next((one for one in every if kind == "trust" or one.noun == told.noun), None)


def plan_organization(capture: Capture, plan: Plan) -> None:
    if ORGANIZATION not in capture.folder.names:
        plan.assumed.append(f"no {ORGANIZATION}: the accounts are in no organization")
        return
    tree = organization(capture.folder)
    if tree is None or not tree.id or not tree.management or sum(not above for above in tree.parents.values()) != 1:
        missing = "tells no organization: Organization with Id and MasterAccountId, and one of Roots"
        plan.mistakes.append(Unreadable(ORGANIZATION, missing, 1, 1))
        return
    plan.assumed += [f"{gap} is not told" for gap in tree.gaps]
    root = next(id for id, above in tree.parents.items() if not above)
    loose = [id for id in tree.parents if tree.path(id)[:1] != (root,)]
    plan.mistakes += [Unreadable(ORGANIZATION, f"{id} does not hang under the root", 1, 1) for id in loose]
    plan.parts.append(("PlaceOrganization", {"organization": _tree(tree, root)}, ""))


def _tree(tree: Tree, root: str) -> dict[str, Any]:
    types = {"r": "ROOT", "ou": "ORGANIZATIONAL_UNIT"}
    nodes = [
        {"id": id, "type": types.get(id.partition("-")[0], "ACCOUNT"), "parent": above, "name": id, "is_closed": False}
        for id, above in tree.parents.items()
    ]
    policies = [
        {
            "id": one.id,
            "type": one.type,
            "name": one.name,
            "content": one.paper.text.strip(),
            "targets": sorted(one.targets),
        }
        for one in tree.policies
    ]
    enabled = [type for type in TYPES.values() if type not in tree.disabled]
    about = {"id": tree.id, "management": tree.management, "root": root, "enabled": enabled}
    return about | {"nodes": nodes, "policies": policies}
