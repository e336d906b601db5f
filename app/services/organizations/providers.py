"""What Organizations tells every authorization: the SCPs above the caller, the RCPs above the resource, and ids.

SCPs bind the principals of member accounts, never the management account's; RCPs bind whoever reaches for a resource of
a member account. Each level has to allow, so each level is handed over by itself (policy-evaluation.md 4.2, 4.8).
Customers' RCPs name services in their actions, so they do not touch services that have no RCPs.
"""

from __future__ import annotations

from typing import Final

from app.kernel.authority import OrganizationLayers
from app.kernel.call import Caller
from app.kernel.world import World
from app.policy.document import DocumentKind, parse
from app.policy.question import ContextValue, LayerKind, Level, Place, Policy
from app.services.organizations.records import Node, Organization
from app.services.organizations.tree import RCP, SCP, AnyPolicy, member_of, path_of, policy_of

_KINDS: Final = {SCP: (LayerKind.SCP, DocumentKind.SCP), RCP: (LayerKind.RCP, DocumentKind.RCP)}


def organization_layers(world: World, caller: Caller, resource_account: str) -> OrganizationLayers:
    """Of the caller's account and of the account that owns the resource; nothing for accounts outside of all."""
    principal = member_of(world, caller.account) if caller.account else None
    owner = member_of(world, resource_account) if resource_account else None
    if principal is None and owner is None:
        return OrganizationLayers()
    return OrganizationLayers(
        scps=_levels(world, principal, SCP) if principal else (),
        rcps=_levels(world, owner, RCP) if owner else (),
        context=_context(world, principal, owner),
    )


def _levels(world: World, member: Node, type: str) -> tuple[Level, ...]:
    """Root first, the account last; none of the management account, and none while the type is not in force."""
    organization = world.records.get(Organization, member.account, "", member.organization)
    if organization is None or member.id == member.account or type not in organization.enabled:
        return ()
    return tuple(_level(world, one, type) for one in path_of(world, member))


def _level(world: World, one: Node, type: str) -> Level:
    found = (policy_of(world, one.account, id) for id in one.policies)
    return Level(one.id, tuple(_policy(one, policy) for policy in found if policy and policy.type == type))


def _policy(one: Node, policy: AnyPolicy) -> Policy:
    layer, kind = _KINDS[policy.type]
    return Policy(Place(layer, one.account, policy.arn, one.id), parse(policy.content, kind, lenient=True))


def _context(world: World, principal: Node | None, owner: Node | None) -> dict[str, ContextValue]:
    context: dict[str, ContextValue] = {}
    if principal:
        context |= {"aws:PrincipalOrgID": principal.organization, "aws:PrincipalOrgPaths": (_path(world, principal),)}
    if owner:
        context |= {"aws:ResourceOrgID": owner.organization, "aws:ResourceOrgPaths": (_path(world, owner),)}
    return context


def _path(world: World, member: Node) -> str:
    """`o-x/r-x/ou-x/`: without the account itself."""
    above = path_of(world, member)[:-1]
    return "/".join((member.organization, *(one.id for one in above), ""))
