"""An organization as its management account exports it, placed with its ids: for `reseal world import`.

It is told as `organization.json` has it: the organization, its roots, units and accounts with their ParentId, and each
policy with its content and targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.internal import TAKEN, internal, place
from app.kernel.operation import Answer
from app.services.organizations.records import Node, NodeType, Organization, PolicyRecord
from app.services.organizations.tree import AWS_POLICIES, DEFAULT, TYPES, member_of

Told = Mapping[str, Any]
Placed = tuple[str, str, bool]
INFERRED: Final = (
    "`reseal world import`: of an organization's policies service control policies and resource control policies are "
    "imported; the names and addresses of its accounts are not needed and made up.",
)


@internal("PlaceOrganization")
def place_organization(draft: Draft, call: Call) -> Answer:
    """`organization`: Id, MasterAccountId, root, types in force, nodes (id, type, parent, name), policies."""
    told = call["organization"]
    account = told["management"]
    organization = Organization(
        account=account,
        id=told["id"],
        root_id=told["root"],
        email=f"account-{account}@example.com",
        created_ms=0,
        enabled=tuple(type for type in TYPES if type in told["enabled"]),
    )
    placed = [("organization", organization.id, place(draft, organization))]
    placed += _policies(draft, organization, told["policies"])
    placed += _nodes(draft, organization, told)
    return {"placed": placed}


def _policies(draft: Draft, organization: Organization, policies: list[Told]) -> Iterator[Placed]:
    for told in policies:
        if told["id"] not in AWS_POLICIES:
            policy = PolicyRecord(
                account=organization.account,
                id=told["id"],
                organization=organization.id,
                type=told["type"],
                name=told["name"],
                content=told["content"],
            )
            yield "organization policy", policy.id, place(draft, policy)


def _nodes(draft: Draft, organization: Organization, told: Told) -> Iterator[Placed]:
    for node in told["nodes"]:
        found = member_of(draft.world, node["id"]) if node["type"] == "ACCOUNT" else None
        if found and found.organization != organization.id:
            TAKEN.refuse(what="member account", id=node["id"], fields=f"organization is {found.organization!r}")
        record = Node(
            account=organization.account,
            id=node["id"],
            organization=organization.id,
            type=node["type"],
            name=node["name"],
            parent=node["parent"],
            policies=_attached(organization, node, told["policies"]),
            email=f"account-{node['id']}@example.com" if node["type"] == "ACCOUNT" else "",
            joined="INVITED" if node["type"] == "ACCOUNT" else "",
            is_closed=node["is_closed"],
        )
        yield _noun(record.type), record.id, place(draft, record)


def _noun(type: NodeType) -> str:
    return {"ROOT": "root", "ORGANIZATIONAL_UNIT": "organizational unit", "ACCOUNT": "member account"}[type]


def _attached(organization: Organization, node: Told, policies: list[Told]) -> tuple[str, ...]:
    """As told; a node of which no policy of a type in force is told has AWS's, because AWS keeps one on every node."""
    told = [one for one in policies if node["id"] in one["targets"]]
    defaults = [DEFAULT[type].id for type in organization.enabled if all(one["type"] != type for one in told)]
    return tuple(dict.fromkeys((*defaults, *(one["id"] for one in told))))
