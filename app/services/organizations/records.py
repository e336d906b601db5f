"""What Organizations keeps: the organization, its tree, its policies, requests for new accounts, and invitations.

Everything belongs to the management account. The tree is one kind of record: the root, the units and the accounts are
nodes that differ in their type, each with the policies that are attached to it; so climbing from an account to the root
is a look-up a level.
"""

from __future__ import annotations

from typing import Literal

from app.kernel.call import Pairs
from app.kernel.records import Index, Record

NodeType = Literal["ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"]


class Organization(Record, frozen=True, kw_only=True):
    """The organization of a management account; its id is o-...."""

    kind = "organizations.organization"
    indexes = (Index("management", lambda one: [(one.account,)]),)
    root_id: str
    feature_set: str = "ALL"
    email: str
    created_ms: int
    enabled: tuple[str, ...] = ()  # types of policy that are in force

    @property
    def arn(self) -> str:
        return f"arn:aws:organizations::{self.account}:organization/{self.id}"


class Node(Record, frozen=True, kw_only=True):
    """The root (r-...), a unit (ou-...) or an account (12 digits)."""

    kind = "organizations.node"
    indexes = (
        Index("parent", lambda one: [(one.parent, one.type, one.id)] if one.parent else []),
        Index("policy", lambda one: [(policy, one.account, one.type, one.id) for policy in one.policies]),
        Index("member", lambda one: [(one.id,)] if one.type == "ACCOUNT" else []),
        Index("email", lambda one: [(one.email.lower(),)] if one.email else []),
    )
    organization: str
    type: NodeType
    name: str
    parent: str = ""  # id of a node; "" for the root
    policies: tuple[str, ...] = ()  # ids of attached policies, in the order in which they were attached
    tags: Pairs = ()
    email: str = ""  # of an account
    joined_ms: int = 0
    joined: Literal["", "INVITED", "CREATED"] = ""
    is_closed: bool = False

    @property
    def arn(self) -> str:
        word = {"ROOT": "root", "ORGANIZATIONAL_UNIT": "ou", "ACCOUNT": "account"}[self.type]
        return f"arn:aws:organizations::{self.account}:{word}/{self.organization}/{self.id}"


class PolicyRecord(Record, frozen=True, kw_only=True):
    """A customer's policy (p-...)."""

    kind = "organizations.policy"
    indexes = (Index("name", lambda one: [(one.account, one.type, one.name)]),)
    organization: str
    type: str
    name: str
    description: str = ""
    content: str
    tags: Pairs = ()

    @property
    def arn(self) -> str:
        kind = self.type.lower()
        return f"arn:aws:organizations::{self.account}:policy/{self.organization}/{kind}/{self.id}"


class Creation(Record, frozen=True, kw_only=True):
    """A request for a new account (car-...)."""

    kind = "organizations.creation"
    name: str
    email: str
    role_name: str
    tags: Pairs = ()
    state: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"] = "IN_PROGRESS"
    requested_ms: int
    completed_ms: int = 0
    member: str = ""  # the account made
    failure: str = ""


class Handshake(Record, frozen=True, kw_only=True):
    """An invitation (h-...) of an account that exists already."""

    kind = "organizations.handshake"
    indexes = (Index("invited", lambda one: [(one.invited, one.id)]),)
    organization: str
    invited: str  # 12 digits
    notes: str = ""
    tags: Pairs = ()
    is_accepted: bool = False
    requested_ms: int
    expires_ms: int

    @property
    def arn(self) -> str:
        return f"arn:aws:organizations::{self.account}:handshake/{self.organization}/invite/{self.id}"

    def state(self, now_ms: int) -> Literal["OPEN", "ACCEPTED", "EXPIRED"]:
        if self.is_accepted:
            return "ACCEPTED"
        return "OPEN" if now_ms < self.expires_ms else "EXPIRED"


KINDS: tuple[type[Record], ...] = (Organization, Node, PolicyRecord, Creation, Handshake)
