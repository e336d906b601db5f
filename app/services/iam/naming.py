"""Who and what an IAM request names: the look-ups and the resources that its authorization is asked on.

AWS authorizes before it looks: a request about a user who is not there is judged on the ARN that the user would have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from app.kernel import ids
from app.kernel.authority import AUTHORIZE, Resource, tag_context
from app.kernel.call import Call, Pairs
from app.kernel.draft import Draft
from app.kernel.operation import Check
from app.policy.question import ContextValue
from app.services.iam import errors
from app.services.iam.managed import AWS_MANAGED, AwsManaged
from app.services.iam.records import Account, Group, Holder, ManagedPolicy, Principal, Role, User

H = TypeVar("H", bound=Holder)
ResourceOf = Callable[[Draft, Call], Resource]

PLACED_AWS: Final = "aws"  # account of AWS's policies that came with an import: it stands so in their ARNs
_AWS_POLICY: Final = re.compile(r"arn:aws:iam::aws:policy/.+")


# look-ups


def parameter_of(kind: type[Holder]) -> str:
    return f"{kind.noun}Name"


def found(draft: Draft, call: Call, kind: type[H]) -> H | None:
    """The user, role or group that the request names; without a UserName the user who calls."""
    name = call[parameter_of(kind)]
    if name is None and issubclass(kind, User):
        return draft.find(kind, "unique-id", call.caller.unique_id)
    return draft.get(kind, call.account, "", (name or "").lower())


def the(draft: Draft, call: Call, kind: type[H]) -> H:
    """As `found`; refuses with NoSuchEntity."""
    holder = found(draft, call, kind)
    if holder is None:
        errors.HOLDER_MISSING.refuse(noun=kind.noun.lower(), name=call[parameter_of(kind)] or "")
    touch(draft, call, holder)
    return holder


def customer_policy(draft: Draft, call: Call, arn: str) -> ManagedPolicy:
    """A customer's managed policy by ARN; refuses with NoSuchEntity."""
    policy = draft.find(ManagedPolicy, "arn", arn)
    reads = draft.frame.operation is not None and draft.frame.operation.reads
    if policy is None or policy.account not in ((call.account, PLACED_AWS) if reads else (call.account,)):
        errors.POLICY_MISSING.refuse(arn=arn)
    draft.frame.touch(call.account, "AWS::IAM::Policy", policy.arn)
    return policy


def aws_policy(draft: Draft, arn: str) -> AwsManaged | None:
    """A policy of AWS's as reseal holds it; None where an import has placed it as the account had it."""
    placed = draft.get(ManagedPolicy, PLACED_AWS, "", arn.rpartition("/")[2].lower())
    return AWS_MANAGED.get(arn) if placed is None else None


def check_attachable(draft: Draft, call: Call, arn: str) -> None:
    """A policy that is attached, or bounds, must be AWS's or of the same account."""
    if arn in AWS_MANAGED or draft.get(ManagedPolicy, PLACED_AWS, "", arn.rpartition("/")[2].lower()):
        return
    if _AWS_POLICY.fullmatch(arn):
        errors.POLICY_UNKNOWN_HERE.refuse(arn=arn)
    policy = draft.find(ManagedPolicy, "arn", arn)
    if policy is None or policy.account != call.account:
        errors.POLICY_NOT_ATTACHABLE.refuse(arn=arn)


def touch(draft: Draft, call: Call, holder: Holder) -> None:
    """Name it as a resource of the event: LookupEvents knows users, roles and groups by name and by ARN."""
    kind = f"AWS::IAM::{holder.noun}"
    draft.frame.touch(call.account, kind, holder.arn)
    draft.frame.touch(call.account, kind, holder.name)


def new_unique_id(draft: Draft, call: Call, prefix: str) -> str:
    """AIDA..., AROA..., ...; whatever gets one is the account's first write, if there was none before."""
    if draft.get(Account, call.account, "", call.account) is None:
        draft.put(Account(account=call.account, id=call.account, created_ms=call.at_ms))
    return ids.unique_id(prefix, draft.new_hash(prefix, call.account))


# resources of authorization


def on(kind: type[Holder]) -> ResourceOf:
    """The user, role or group that the request names."""

    def resource(draft: Draft, call: Call) -> Resource:
        holder = found(draft, call, kind)
        name = call[parameter_of(kind)] or call.caller.arn.rpartition("/")[2]
        arn = holder.arn if holder else f"arn:aws:iam::{call.account}:{kind.noun.lower()}/{name}"
        return Resource(arn, call.account, holder, tag_keys(holder.tags if isinstance(holder, Principal) else ()))

    return resource


def on_new(kind: type[Holder]) -> ResourceOf:
    """One that the request is about to make."""

    def resource(draft: Draft, call: Call) -> Resource:
        name, path = call[parameter_of(kind)], call["Path"] or "/"
        return Resource(f"arn:aws:iam::{call.account}:{kind.noun.lower()}{path}{name}", call.account)

    return resource


def on_path(kind: type[Holder]) -> ResourceOf:
    """A list's: `arn:aws:iam::A:user/` and the path prefix."""

    def resource(draft: Draft, call: Call) -> Resource:
        return Resource(f"arn:aws:iam::{call.account}:{kind.noun.lower()}{call['PathPrefix'] or '/'}", call.account)

    return resource


def on_policy(draft: Draft, call: Call) -> Resource:
    policy = draft.find(ManagedPolicy, "arn", call["PolicyArn"])
    return Resource(call["PolicyArn"], call.account, policy, tag_keys(policy.tags if policy else ()))


def on_new_policy(draft: Draft, call: Call) -> Resource:
    return Resource(f"arn:aws:iam::{call.account}:policy{call['Path'] or '/'}{call['PolicyName']}", call.account)


def on_policies(draft: Draft, call: Call) -> Resource:
    """What AWS's own message of a refused ListPolicies names."""
    return Resource(f"policy path {call['PathPrefix'] or '/'}", call.account)


def tag_keys(tags: Pairs) -> dict[str, ContextValue]:
    return {f"{prefix}:ResourceTag/{key}": value for key, value in tags for prefix in ("aws", "iam")}


# checks and condition keys


def modifiable(draft: Draft, call: Call) -> None:
    """Service-linked roles are changed by their service only."""
    role = found(draft, call, Role)
    if role and role.service:
        errors.PROTECTED.refuse(name=role.name)


def guards(kind: type[Holder]) -> tuple[Check, ...]:
    """The checks that stand between authorization and a change of this kind's policies."""
    return (modifiable,) if kind is Role else ()


def protected(kind: type[Holder]) -> tuple[errors.AwsError, ...]:
    """What those checks answer."""
    return (errors.PROTECTED,) if guards(kind) else ()


_FROM_PARAMETERS: Final = (
    ("iam:PolicyARN", "PolicyArn", {"Attach", "Detach"}),
    ("iam:PermissionsBoundary", "PermissionsBoundary", {"Create", "Put"}),
    ("iam:AWSServiceName", "AWSServiceName", {"Create"}),
)


def condition_keys(action: str, parameters: Mapping[str, Any], record: object) -> dict[str, ContextValue]:
    """IAM's own condition keys of a request [D: service authorization reference].

    iam:PermissionsBoundary is the boundary that a request sets, else the one of the user or role that it changes.
    """
    verb = action.partition(":")[2]
    context: dict[str, ContextValue] = {}
    if isinstance(record, Principal) and record.boundary:
        context["iam:PermissionsBoundary"] = record.boundary
    for key, parameter, verbs in _FROM_PARAMETERS:
        if parameters.get(parameter) and any(verb.startswith(one) for one in verbs):
            context[key] = parameters[parameter]
    context |= {"aws:TagKeys": tuple(parameters["TagKeys"])} if parameters.get("TagKeys") else {}
    tags = {tag["Key"]: tag.get("Value", "") for tag in parameters.get("Tags") or ()}
    return context | tag_context(tags)


def pairs(tags: Mapping[str, str] | Iterable[tuple[str, str]]) -> Pairs:
    return tuple(sorted(dict(tags).items()))


HOLDERS: Final[tuple[type[Holder], ...]] = (User, Role, Group)
PRINCIPALS: Final[tuple[type[Principal], ...]] = (User, Role)


def no_session_token(draft: Draft, call: Call) -> None:
    """Keys of GetSessionToken or GetFederationToken, which came without MFA, can not call IAM."""
    if call.caller.kind == "federated" or (call.caller.kind == "user" and call.caller.expires_at_ms):
        errors.SESSION_TOKEN_KEYS.refuse()


def names_a_user(draft: Draft, call: Call) -> None:
    """Without a UserName the request is about the caller, who then must not be a session."""
    if call["UserName"] is None and call.caller.kind not in ("user", "root"):
        errors.NOT_A_USER.refuse()


def judged(action: str, resource: ResourceOf) -> tuple[Check, ...]:
    """What every operation of IAM begins with."""
    return (no_session_token, AUTHORIZE((action, resource)))
