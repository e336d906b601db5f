"""Who may do what: gathers the policies that may speak about a call into one question, and asks the policy engine.

The layers come from providers, one a service: identity layers from iam, organization layers from organizations, the
owner's side (key policy and grants, with the rule that combines them) from the service of the action. This module knows
only their types, and the condition keys that every service shares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from app.kernel import endpoint
from app.kernel.call import Caller, root_of
from app.kernel.clock import iso
from app.kernel.errors import Refusal, Refused
from app.kernel.log import DecisionEntry
from app.policy.decide import Decision, decide
from app.policy.question import (
    ContextValue,
    Grant,
    Layers,
    Level,
    Policy,
    Principal,
    PrincipalKind,
    Question,
    Rule,
    flag,
)
from app.policy.trace import to_json

if TYPE_CHECKING:
    from app.crypto.material import Secret
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.records import Record
    from app.kernel.world import World

Side = Literal["both", "caller"]
BOTH: Side = "both"  # the caller's account and the owner's must allow
CALLER: Side = "caller"  # the service itself judges the owner's side, as EC2 does for shared snapshots


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is asked on."""

    arn: str
    account: str  # the owner's; the caller's own for "*"
    record: Record | None = None
    context: Mapping[str, ContextValue] = field(default_factory=dict)  # condition keys of this resource


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a call, before the layers are gathered: what providers of context and layers see."""

    call: Call
    action: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Denied(Asked):
    """The same once it was answered with no: what a service makes its error of."""

    decision: Decision
    question: Question


@dataclass(frozen=True, slots=True)
class IdentityLayers:
    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    tags: tuple[tuple[str, str], ...] = ()  # of the user or role
    is_service_linked: bool = False


@dataclass(frozen=True, slots=True)
class PrincipalFacts:
    """What other services may know of a user, role or account root, found by its ARN."""

    arn: str
    account: str
    unique_id: str  # AIDA..., AROA..., or the account id
    kind: Literal["root", "user", "role"]
    session_seconds_max: int = 3600
    tags: tuple[tuple[str, str], ...] = ()
    is_service_linked: bool = False
    service: str = ""  # of a service-linked role: the service that may assume it


def caller_of(facts: PrincipalFacts, session: str, at_ms: int = 0) -> Caller:
    """The root or user itself; of a role a session of that name, `at_ms`: opened then, for the longest time allowed."""
    if facts.kind == "root":
        return root_of(facts.account)
    if facts.kind == "user":
        return Caller("user", facts.account, facts.arn, facts.unique_id)
    name = facts.arn.rpartition("/")[2]
    return Caller(
        "session",
        facts.account,
        f"arn:aws:sts::{facts.account}:assumed-role/{name}/{session}",
        f"{facts.unique_id}:{session}",
        role_arn=facts.arn,
        role_id=facts.unique_id,
        issued_at_ms=at_ms,
        expires_at_ms=at_ms + facts.session_seconds_max * 1000 if at_ms else 0,
    )


@dataclass(frozen=True, slots=True)
class Credential:
    """What an access key id stands for."""

    caller: Caller
    secret: Secret
    token: str = ""  # the session token that must come with it; "" for long-term keys
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class OrganizationLayers:
    scps: tuple[Level, ...] = ()
    rcps: tuple[Level, ...] = ()
    context: Mapping[str, ContextValue] = field(default_factory=dict)  # aws:PrincipalOrgID, ...


@dataclass(frozen=True, slots=True)
class ResourceLayers:
    policy: Policy | None = None
    grants: tuple[Grant, ...] = ()
    rule: Rule = Rule.NONE
    encryption_context: Mapping[str, str] | None = None
    is_exempt_from_rcps: bool = False  # AWS managed keys (policy-evaluation.md 4.8)


ResourceOf = Callable[["Draft", "Call"], Resource | tuple[Resource, ...] | None]


class AUTHORIZE:
    """A check: each action must be allowed on each of its resources, in this order. `None` for a resource skips it."""

    def __init__(self, *questions: tuple[str, ResourceOf] | tuple[str, ResourceOf, Side]) -> None:
        self.questions: tuple[tuple[str, ResourceOf, Side], ...] = tuple(
            (question[0], question[1], question[2] if len(question) == 3 else BOTH) for question in questions
        )

    def __call__(self, draft: Draft, call: Call) -> None:
        for action, resource_of, side in self.questions:
            found = resource_of(draft, call)
            for resource in (found,) if isinstance(found, Resource) else found or ():
                authorize(draft, call, action, resource, side)


def anything(draft: Draft, call: Call) -> Resource:
    """`*`: the action has no resource-level permissions."""
    return Resource("*", call.account)


def authorize(draft: Draft, call: Call, action: str, resource: Resource, side: Side = BOTH) -> Decision:
    """Refuses unless the caller may do `action` on `resource`; the decision goes to the log either way."""
    question = ask(draft, call, action, resource, side)
    decision = decide(question)
    if decision.allowed:
        note(draft, call, question, decision)
        return decision
    decision = decide(question, trace=True)
    draft.frame.decision_id = note(draft, call, question, decision)
    error = draft.services.by_prefix[call.service].denied(draft, Denied(call, action, resource, decision, question))
    assert decision.cause is not None
    raise Refused(error, Refusal(decision.cause, decision, question))


def may(draft: Draft, call: Call, action: str, resource: Resource) -> bool:
    """Would it be allowed? Asked without a log entry."""
    return decide(ask(draft, call, action, resource)).allowed


def ask(draft: Draft, call: Call, action: str, resource: Resource, side: Side = BOTH) -> Question:
    """The question with every layer that may speak."""
    services, world, caller = draft.services, draft.world, call.caller
    own = _identity(draft, caller)
    organization = services.provider("organization_layers")
    tree = organization(world, caller, resource.account) if organization else OrganizationLayers()
    owner = services.owner_of(resource.arn) if side == BOTH else None
    layers_of = owner.resource_layers if owner else None
    resource_side = layers_of(world, call, action, resource) if layers_of else ResourceLayers()
    asked = Asked(call, action, resource)
    context = {
        **global_context(call, resource, own),
        **tree.context,
        **services.by_prefix[action.partition(":")[0]].context(draft, asked),
        **resource.context,
    }
    return Question(
        principal=principal_of(caller, own, canonical_id(world, caller.account)),
        action=action,
        resource=resource.arn,
        resource_account=resource.account if side == BOTH else caller.account,
        context=context,
        layers=Layers(
            identity=own.identity,
            boundary=own.boundary,
            session=own.session,
            scps=tree.scps,
            rcps=() if resource_side.is_exempt_from_rcps else tree.rcps,
            resource=resource_side.policy,
            endpoint=endpoint.policy_of(call),
            grants=resource_side.grants,
            rule=resource_side.rule,
        ),
        encryption_context=resource_side.encryption_context,
    )


def _identity(draft: Draft, caller: Caller) -> IdentityLayers:
    provider = draft.services.provider("identity_layers")
    return provider(draft.world, caller) if provider else IdentityLayers()


_KINDS = {
    "root": PrincipalKind.ROOT,
    "user": PrincipalKind.USER,
    "session": PrincipalKind.ROLE_SESSION,
    "federated": PrincipalKind.FEDERATED_USER,
    "service": PrincipalKind.SERVICE,
    "anonymous": PrincipalKind.ANONYMOUS,
}


def canonical_id(world: World, account: str) -> str:
    """An account's canonical user id, 64 hex digits; "" for a service."""
    return world.digest("canonical-user", account).hex() if account else ""


def principal_of(caller: Caller, own: IdentityLayers, canonical: str = "") -> Principal:
    return Principal(
        _KINDS[caller.kind],
        caller.account,
        caller.arn,
        caller.unique_id,
        caller.role_arn,
        caller.role_id,
        own.is_service_linked,
        canonical,
    )


def _client_ip(call: Call) -> str | None:
    return None if call.via or call.acting_service else call.source_ip or None


# Global condition keys: name -> its value for a call, None where AWS does not supply it (policy-evaluation.md 2.3).
# Not supplied, because nothing here has them: the VPC of an endpoint, aws:referer, federation and MFA devices.
_TYPES = {
    "root": "Account",
    "user": "User",
    "session": "AssumedRole",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}


GLOBAL_KEYS: tuple[tuple[str, Callable[[Call, Resource, IdentityLayers], ContextValue | None]], ...] = (
    ("aws:CurrentTime", lambda call, resource, own: iso(call.at_ms)),
    ("aws:EpochTime", lambda call, resource, own: str(call.at_ms // 1000)),
    ("aws:PrincipalAccount", lambda call, resource, own: call.caller.account or None),
    (
        "aws:PrincipalArn",
        lambda call, resource, own: call.caller.role_arn or (call.caller.arn if call.caller.account else None),
    ),
    ("aws:PrincipalType", lambda call, resource, own: _TYPES.get(call.caller.kind)),
    ("aws:PrincipalIsAWSService", lambda call, resource, own: flag(call.caller.kind == "service")),
    (
        "aws:PrincipalServiceName",
        lambda call, resource, own: call.caller.arn if call.caller.kind == "service" else None,
    ),
    ("aws:userid", lambda call, resource, own: call.caller.unique_id or None),
    (
        "aws:username",
        lambda call, resource, own: call.caller.arn.rpartition("/")[2] if call.caller.kind == "user" else None,
    ),
    ("aws:RequestedRegion", lambda call, resource, own: call.region),
    ("aws:ResourceAccount", lambda call, resource, own: resource.account or None),
    ("aws:SecureTransport", lambda call, resource, own: "true"),  # AWS's endpoints are TLS; ours counts as such
    ("aws:SourceIp", lambda call, resource, own: None if endpoint.id_of(call) else _client_ip(call)),
    ("aws:VpcSourceIp", lambda call, resource, own: _client_ip(call) if endpoint.id_of(call) else None),
    ("aws:SourceVpce", lambda call, resource, own: endpoint.id_of(call) or None),
    ("aws:SourceArn", lambda call, resource, own: call.source_arn or None),
    ("aws:SourceAccount", lambda call, resource, own: call.source_arn.split(":")[4] if call.source_arn else None),
    ("aws:UserAgent", lambda call, resource, own: call.user_agent or None),
    ("aws:ViaAWSService", lambda call, resource, own: flag(call.via is not None)),
    (
        "aws:TokenIssueTime",
        lambda call, resource, own: iso(call.caller.issued_at_ms) if call.caller.expires_at_ms else None,
    ),
    ("aws:MultiFactorAuthPresent", lambda call, resource, own: "false" if call.caller.expires_at_ms else None),
)


def global_context(call: Call, resource: Resource, own: IdentityLayers) -> dict[str, ContextValue]:
    context = {name: value for name, value_of in GLOBAL_KEYS if (value := value_of(call, resource, own)) is not None}
    for tag, value in (*own.tags, *call.caller.session_tags):
        context[f"aws:PrincipalTag/{tag}"] = value
    return context


def tag_context(tags: Mapping[str, str]) -> dict[str, ContextValue]:
    """aws:RequestTag/... and aws:TagKeys of a request that passes tags."""
    if not tags:
        return {}
    return {f"aws:RequestTag/{key}": value for key, value in tags.items()} | {"aws:TagKeys": tuple(tags)}


def note(draft: Draft, call: Call, question: Question, decision: Decision) -> str:
    """Append the decision to the log: where allowed, what decided; where refused, the whole trace."""
    decision_id = draft.entropy.uuid("decision")
    draft.log.append(
        DecisionEntry(
            id=decision_id,
            request_id=call.request_id,
            root=call.root or call.request_id,
            at_ms=call.at_ms,
            account=call.account,
            region=call.region,
            caller=call.caller.arn,
            action=question.action,
            resource=question.resource,
            allowed=decision.allowed,
            cause=decision.cause.name if decision.cause else "",
            decisive=not decision.allowed,
            resources=tuple(dict.fromkeys((*call.about, *draft.frame.about))),
            body=msgspec.json.encode(to_json(decision, question)).decode(),
        )
    )
    return decision_id
