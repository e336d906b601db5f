"""What the policy engine is asked, and what it answers.

The engine knows no service and no world. Whoever owns a resource hands it a `Question`: who asks for which action on
which resource, with which condition keys, and every policy that could speak (`Layers`). It answers with a `Decision`.
Nothing here reads a clock, a store or another module of reseal: a question is a value, so the same question may be
asked again with one policy left out (that is what explanations and repairs do).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.policy.document import Document


class PrincipalKind(StrEnum):
    ROOT = "root"
    USER = "user"
    ROLE_SESSION = "role-session"
    FEDERATED_USER = "federated-user"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking (policy-evaluation.md 3.1)."""

    kind: PrincipalKind
    account: str  # 12 digits; "" for a service or nobody
    arn: str  # as AWS names it in messages: user ARN, assumed-role session ARN, root ARN, or the service's name
    unique_id: str  # aws:userid: AIDA..., AROA...:session, the account id for root, A:name for a federated user
    issuer_arn: str = ""  # of a session: its role's ARN, path included; of a federated user: the user's ARN
    issuer_id: str = ""  # of a session: its role's unique id (AROA...); of a federated user: the user's (AIDA...)
    is_service_linked: bool = False  # a session of a role under /aws-service-role/
    canonical_id: str = ""  # 64 hex digits: the account's other name, in policies of S3 and CloudFront


class LayerKind(StrEnum):
    """The kinds of policy that can decide, in the order in which AWS lists its checks."""

    RCP = "rcp"
    SCP = "scp"
    ENDPOINT = "endpoint"
    RESOURCE = "resource"
    GRANT = "grant"
    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a policy stands: enough to point at it, and (with a statement) at the line that decided."""

    layer: LayerKind
    account: str
    policy: str  # its name: an inline policy's name, a managed policy's ARN, "default" for a key policy, a grant's id
    attached_to: str  # ARN of the principal or resource, or the id of the root, OU or account it is attached to
    statement: int | None = None  # index from 0
    sid: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    place: Place
    document: Document


@dataclass(frozen=True, slots=True)
class Level:
    """One level of an organization's tree above an account: the policies attached to this root, OU or account."""

    target: str  # id of the root, the OU or the account
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """A KMS grant as far as a decision needs it (kms.md 6)."""

    grant_id: str
    grantee: str  # principal ARN, account root ARN, or a service principal's name
    operations: tuple[str, ...]  # "Decrypt", "ReEncryptFrom", ...: without the kms: prefix
    constraint: str = ""  # "", "EncryptionContextEquals" or "EncryptionContextSubset"
    pairs: tuple[tuple[str, str], ...] = ()
    grantee_id: str = ""  # the unique id that a user's or role's ARN stood for when the grant was made
    place: Place | None = None


class Rule(StrEnum):
    """How an owner's policy on the resource combines with the caller's own policies."""

    NONE = "none"  # the resource has no policy of its own (EC2, EBS): identity policies decide, in one account
    PLAIN = "plain"  # S3, SQS, ...: within an account either side allows, across accounts both must
    KMS_KEY = "kms-key"  # the key policy is sovereign: identity policies count only where it delegates to the account
    TRUST = "trust"  # a role's trust policy: must allow; delegates to identity policies where it names the account
    RETIRE = "retire"  # kms:RetireGrant: the grant itself decides; policies can only deny


@dataclass(frozen=True, slots=True)
class Layers:
    """Every policy that may speak about a question. None means that the layer does not exist for this caller."""

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None  # session policies: an empty tuple would allow nothing
    scps: tuple[Level, ...] = ()  # root first, the account last; empty: no organization, or one that does not bind
    rcps: tuple[Level, ...] = ()
    endpoint: Policy | None = None
    resource: Policy | None = None  # the resource's own policy
    grants: tuple[Grant, ...] = ()  # of the key, those that may concern this caller
    rule: Rule = Rule.NONE

    def each(self, changed: Callable[[Policy], Policy]) -> Layers:
        """The same layers with every policy changed; grants are no policies."""

        def some(policies: tuple[Policy, ...]) -> tuple[Policy, ...]:
            return tuple(changed(policy) for policy in policies)

        def tree(found: tuple[Level, ...]) -> tuple[Level, ...]:
            return tuple(Level(level.target, some(level.policies)) for level in found)

        return replace(
            self, identity=some(self.identity), boundary=self.boundary and changed(self.boundary),
            resource=self.resource and changed(self.resource), endpoint=self.endpoint and changed(self.endpoint),
            session=None if self.session is None else some(self.session), scps=tree(self.scps), rcps=tree(self.rcps),
        )  # fmt: skip


ContextValue = str | tuple[str, ...]


def flag(value: bool) -> str:
    """A boolean as the value of a condition key."""
    return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Question:
    """May this principal do this on that?

    `context` maps condition keys, in AWS's spelling, to one value (text; booleans as "true" and "false", dates as ISO
    8601, numbers in decimal) or, for a many-valued key, to a tuple of values. A key that is absent is not in it.
    `encryption_context` is the request's, for the constraints of grants; None where the operation has none.
    """

    principal: Principal
    action: str  # "kms:Decrypt"
    resource: str  # an ARN, or "*" for an action without resource-level permissions
    resource_account: str  # the account that owns the resource; the caller's own where there is none
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    layers: Layers = field(default_factory=Layers)
    encryption_context: Mapping[str, str] | None = None
