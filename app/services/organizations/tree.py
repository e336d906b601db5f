"""The organization's tree: look-ups, parents, and the policies that AWS attaches by itself.

FullAWSAccess is attached to every node as soon as a type of policy is in force, and to every node made later; of SCPs
it may be detached where another one stays, of RCPs never.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.kernel.authority import AUTHORIZE, ResourceOf
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.errors import AwsError
from app.kernel.operation import Check
from app.kernel.world import World
from app.services.organizations import errors
from app.services.organizations.records import Node, Organization, PolicyRecord

SCP: Final = "SERVICE_CONTROL_POLICY"
RCP: Final = "RESOURCE_CONTROL_POLICY"
TYPES: Final = (SCP, RCP)


@dataclass(frozen=True, slots=True)
class AwsPolicy:
    """A policy that AWS manages."""

    id: str
    type: str
    name: str
    description: str
    content: str

    @property
    def arn(self) -> str:
        return f"arn:aws:organizations::aws:policy/{self.type.lower()}/{self.id}"


FULL_ACCESS: Final = AwsPolicy(
    "p-FullAWSAccess",
    SCP,
    "FullAWSAccess",
    "Allows access to every operation",
    '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n      "Effect": "Allow",\n      "Action": "*",\n'
    '      "Resource": "*"\n    }\n  ]\n}',
)
RCP_FULL_ACCESS: Final = AwsPolicy(
    "p-RCPFullAWSAccess",
    RCP,
    "RCPFullAWSAccess",
    "Allows access to every resource",
    '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n      "Effect": "Allow",\n      "Principal": "*",\n'
    '      "Action": "*",\n      "Resource": "*"\n    }\n  ]\n}',
)
AWS_POLICIES: Final[Mapping[str, AwsPolicy]] = {one.id: one for one in (FULL_ACCESS, RCP_FULL_ACCESS)}
DEFAULT: Final[Mapping[str, AwsPolicy]] = {one.type: one for one in AWS_POLICIES.values()}

AnyPolicy = AwsPolicy | PolicyRecord


def member_of(world: World, account: str) -> Node | None:
    """The account as a node of its organization; None outside of all organizations."""
    return world.records.find(Node, "member", account)


def organization_of(world: World, account: str) -> Organization | None:
    node = member_of(world, account)
    return world.records.get(Organization, node.account, "", node.organization) if node else None


def the_organization(draft: Draft, call: Call) -> Organization:
    """The caller's own; refuses an account without one."""
    return organization_of(draft.world, call.account) or errors.NOT_IN_USE.refuse()


def as_management(draft: Draft, call: Call) -> None:
    """A check: the caller's account manages an organization. Delegated administrators are not simulated."""
    organization = the_organization(draft, call)
    if organization.account != call.account:
        errors.NOT_MANAGEMENT.refuse()


def managed(action: str, resource: ResourceOf) -> tuple[Check, ...]:
    """What most operations begin with: the caller may do it, and his account manages an organization."""
    return (AUTHORIZE((action, resource)), as_management)


def as_member(draft: Draft, call: Call) -> None:
    the_organization(draft, call)


def node(draft: Draft, call: Call, id: str, error: AwsError, *types: str) -> Node:
    """The node of that id (and type), or `error`."""
    found = draft.get(Node, call.account, "", id)
    if found is None or (types and found.type not in types):
        error.refuse()
    return found


def children(draft: Draft, parent: str, type: str, after: str = "") -> Iterator[Node]:
    begin = (parent, type, after) if after else ()
    return draft.scan_index(Node, "parent", parent, type, after=begin)


def nodes(draft: Draft, account: str) -> Iterator[Node]:
    return draft.scan(Node, account)


def path_of(world: World, one: Node) -> tuple[Node, ...]:
    """From the root down to the node."""
    path = [one]
    while path[-1].parent:
        above = world.records.get(Node, one.account, "", path[-1].parent)
        assert above is not None, f"{path[-1].id} hangs in the air"
        path.append(above)
    return tuple(reversed(path))


def policy_of(world: World, account: str, id: str) -> AnyPolicy | None:
    return AWS_POLICIES.get(id) or world.records.get(PolicyRecord, account, "", id)


def the_policy(draft: Draft, call: Call) -> AnyPolicy:
    """The policy that the request names by PolicyId."""
    return policy_of(draft.world, call.account, call["PolicyId"]) or errors.POLICY_MISSING.refuse()


def type_of(world: World, account: str, policy_id: str) -> str:
    found = policy_of(world, account, policy_id)
    return found.type if found else ""


def defaults(organization: Organization) -> tuple[str, ...]:
    """The policies that a new node begins with."""
    return tuple(DEFAULT[type].id for type in organization.enabled)
