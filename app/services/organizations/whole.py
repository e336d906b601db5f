"""The organization itself, its root, and the types of policy that are in force."""

from __future__ import annotations

import base64
from typing import Final

from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.organizations import errors, shapes
from app.services.organizations.paging import PAGING, page
from app.services.organizations.records import Node, Organization, PolicyRecord
from app.services.organizations.tree import (
    DEFAULT,
    TYPES,
    as_member,
    managed,
    member_of,
    nodes,
    the_organization,
    type_of,
)

_LETTERS: Final = 10


def short_id(hashed: bytes, length: int) -> str:
    """Lower case letters and digits, as ids of Organizations are written."""
    return base64.b32encode(hashed).decode().lower()[:length]


@operation(
    "organizations",
    "CreateOrganization",
    honours={"FeatureSet"},
    checks=(AUTHORIZE(("organizations:CreateOrganization", anything)),),
    answers=(errors.ALREADY_IN_ONE, errors.CONSOLIDATED),
)
def create_organization(draft: Draft, call: Call) -> Answer:
    """Found an organization that the caller's account manages. No type of policy is in force yet."""
    if member_of(draft.world, call.account):
        errors.ALREADY_IN_ONE.refuse()
    if call["FeatureSet"] == "CONSOLIDATED_BILLING":
        errors.CONSOLIDATED.refuse()
    hashed = draft.new_hash("organization", call.account)
    organization = Organization(
        account=call.account,
        id=f"o-{short_id(hashed, _LETTERS)}",
        root_id=f"r-{short_id(hashed[10:], 4)}",
        email=f"account-{call.account}@example.com",
        created_ms=call.at_ms,
    )
    draft.put(organization)
    root = Node(account=call.account, id=organization.root_id, organization=organization.id, type="ROOT", name="Root")
    draft.put(root)
    draft.put(
        Node(
            account=call.account,
            id=call.account,
            organization=organization.id,
            type="ACCOUNT",
            name=f"account-{call.account}",
            email=organization.email,
            parent=organization.root_id,
            joined="INVITED",
            joined_ms=call.at_ms,
        )
    )
    return {"Organization": shapes.organization(organization)}


@operation(
    "organizations",
    "DescribeOrganization",
    checks=(AUTHORIZE(("organizations:DescribeOrganization", anything)), as_member),
    answers=(errors.NOT_IN_USE,),
    reads=True,
)
def describe_organization(draft: Draft, call: Call) -> Answer:
    """Answered to every account of the organization."""
    return {"Organization": shapes.organization(the_organization(draft, call))}


@operation(
    "organizations",
    "DeleteOrganization",
    checks=managed("organizations:DeleteOrganization", anything),
    answers=(errors.NOT_IN_USE, errors.NOT_MANAGEMENT, errors.NOT_EMPTY),
)
def delete_organization(draft: Draft, call: Call) -> None:
    """End an organization that has no member left but its management account."""
    organization = the_organization(draft, call)
    if any(one.type == "ACCOUNT" and one.id != call.account for one in nodes(draft, call.account)):
        errors.NOT_EMPTY.refuse()
    for kind in (Node, PolicyRecord):
        for record in tuple(draft.scan(kind, call.account)):
            draft.delete(record)
    draft.delete(organization)


@operation(
    "organizations",
    "ListRoots",
    honours=PAGING,
    checks=managed("organizations:ListRoots", anything),
    answers=(errors.NOT_IN_USE, errors.NOT_MANAGEMENT, errors.BAD_TOKEN),
    reads=True,
)
def list_roots(draft: Draft, call: Call) -> Answer:
    organization = the_organization(draft, call)
    root = draft.get(Node, call.account, "", organization.root_id)
    assert root is not None
    shown = shapes.root(root, organization.enabled)
    return page(call, "Roots", lambda after: [] if after else [(root.id, shown)])


def _the_root(draft: Draft, call: Call) -> Node:
    """The root that the request names; refuses a type of policy that is not simulated."""
    if call["PolicyType"] not in TYPES:
        errors.TYPE_NOT_SIMULATED.refuse(type=call["PolicyType"])
    if call["RootId"] != the_organization(draft, call).root_id:
        errors.ROOT_MISSING.refuse()
    root = draft.get(Node, call.account, "", call["RootId"])
    assert root is not None
    return root


@operation(
    "organizations",
    "EnablePolicyType",
    honours={"RootId", "PolicyType"},
    checks=managed("organizations:EnablePolicyType", shapes.on("RootId")),
    answers=(
        errors.NOT_IN_USE,
        errors.NOT_MANAGEMENT,
        errors.ROOT_MISSING,
        errors.TYPE_ENABLED,
        errors.TYPE_NOT_SIMULATED,
    ),
)
def enable_policy_type(draft: Draft, call: Call) -> Answer:
    """Put a type of policy in force; every node begins with AWS's policy that allows everything."""
    root, organization, type = _the_root(draft, call), the_organization(draft, call), call["PolicyType"]
    if type in organization.enabled:
        errors.TYPE_ENABLED.refuse()
    enabled = tuple(one for one in TYPES if one in (*organization.enabled, type))
    draft.change(organization, enabled=enabled)
    for one in tuple(nodes(draft, call.account)):
        draft.change(one, policies=(*one.policies, DEFAULT[type].id))
    return {"Root": shapes.root(root, enabled)}


@operation(
    "organizations",
    "DisablePolicyType",
    honours={"RootId", "PolicyType"},
    checks=managed("organizations:DisablePolicyType", shapes.on("RootId")),
    answers=(
        errors.NOT_IN_USE,
        errors.NOT_MANAGEMENT,
        errors.ROOT_MISSING,
        errors.TYPE_NOT_ENABLED,
        errors.TYPE_NOT_SIMULATED,
    ),
)
def disable_policy_type(draft: Draft, call: Call) -> Answer:
    """Take a type of policy out of force; all its attachments are lost."""
    root, organization, type = _the_root(draft, call), the_organization(draft, call), call["PolicyType"]
    if type not in organization.enabled:
        errors.TYPE_NOT_ENABLED.refuse()
    enabled = tuple(one for one in organization.enabled if one != type)
    draft.change(organization, enabled=enabled)
    for one in tuple(nodes(draft, call.account)):
        kept = tuple(id for id in one.policies if type_of(draft.world, call.account, id) != type)
        draft.change(one, policies=kept)
    return {"Root": shapes.root(root, enabled)}
