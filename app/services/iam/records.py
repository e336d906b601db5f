"""What IAM keeps: users, roles, groups, managed policies, access keys.

Names are unique in an account whatever their case, so a record's id is its name in lower case and the name as written
stands beside it. What a principal is known by for good is its unique id (AIDA..., AROA...): policies that were saved
with it do not apply to a principal that was made again under the old name. Inline policies live and die with their
holder and therefore stand in its record; managed policies are attached by ARN.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from app.crypto.material import Secret
from app.kernel.call import Pairs
from app.kernel.records import Index, Record


class Account(Record, frozen=True, kw_only=True):
    """An account that somebody has written to: it appears with the first thing that IAM makes in it."""

    kind = "iam.account"
    created_ms: int


class Holder(Record, frozen=True, kw_only=True):
    """What policies are put on or attached to: a user, a role or a group."""

    noun: ClassVar[str] = ""  # as in the names of operations: User
    name: str
    path: str = "/"
    unique_id: str
    created_ms: int
    inline: Pairs = ()  # name of the policy -> document, in the order of names
    attached: tuple[str, ...] = ()  # ARNs of managed policies, in the order in which they were attached

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:{self.noun.lower()}{self.path}{self.name}"


class Principal(Holder, frozen=True, kw_only=True):
    """A holder that may call: a user or a role."""

    boundary: str = ""  # ARN of the managed policy that bounds its permissions
    tags: Pairs = ()


BY_ID = Index("unique-id", lambda one: [(one.unique_id,)])
BY_POLICY = Index("policy", lambda one: [(arn, one.account, one.id) for arn in one.attached])
BY_BOUNDARY = Index("boundary", lambda one: [(one.boundary, one.account, one.id)] if one.boundary else [])


class User(Principal, frozen=True, kw_only=True):
    kind = "iam.user"
    noun = "User"
    indexes = (
        BY_ID,
        BY_POLICY,
        BY_BOUNDARY,
        Index("group", lambda user: [(user.account, group, user.id) for group in user.groups]),
    )
    groups: tuple[str, ...] = ()  # ids of groups, in order


class Role(Principal, frozen=True, kw_only=True):
    kind = "iam.role"
    noun = "Role"
    indexes = (BY_ID, BY_POLICY, BY_BOUNDARY)
    trust: str  # the trust policy as it was sent
    trust_ids: Pairs = ()  # ARN in the trust policy -> the unique id it stood for when the policy was saved
    description: str = ""
    session_seconds_max: int = 3600
    service: str = ""  # of a service-linked role: the service it belongs to


class Group(Holder, frozen=True, kw_only=True):
    kind = "iam.group"
    noun = "Group"
    indexes = (BY_ID, BY_POLICY)


class Version(msgspec.Struct, frozen=True):
    id: str  # v1, v2, ...
    document: str
    created_ms: int


class ManagedPolicy(Record, frozen=True, kw_only=True):
    """A customer's managed policy, with up to five versions of its document."""

    kind = "iam.policy"
    indexes = (Index("arn", lambda policy: [(policy.arn,)]),)
    name: str
    path: str = "/"
    unique_id: str
    created_ms: int
    updated_ms: int
    description: str = ""
    tags: Pairs = ()
    versions: tuple[Version, ...]
    default: str = "v1"
    made: int = 1  # versions so far: their numbers are never given again

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:policy{self.path}{self.name}"

    @property
    def document(self) -> str:
        """The one that counts: the default version's."""
        return next(version.document for version in self.versions if version.id == self.default)


class AccessKey(Record, frozen=True, kw_only=True):
    """A long-term key of a user, or of the account's root user. Its id is the access key id."""

    kind = "iam.access-key"
    indexes = (Index("id", lambda key: [(key.id,)]), Index("user", lambda key: [(key.user_id, key.id)]))
    user_id: str  # unique id of the user; the account's id for the root user
    secret: Secret
    is_active: bool = True
    created_ms: int


class Deletion(Record, frozen=True, kw_only=True):
    """A task that deleted a service-linked role; its id is the DeletionTaskId."""

    kind = "iam.deletion"
    role: str


KINDS: tuple[type[Record], ...] = (Account, User, Role, Group, ManagedPolicy, AccessKey, Deletion)
