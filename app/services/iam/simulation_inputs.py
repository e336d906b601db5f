"""What a simulation is asked: its policies, its caller, its context, read from the request and checked.

Nothing here judges. A request becomes an `Asking`: the layers that the policy engine takes, and whom and what to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.errors import AwsError
from app.policy.document import Document, DocumentKind, PolicySyntaxError, parse
from app.policy.match import ARN_PARTS, arn_parts
from app.policy.operators import OPERATORS
from app.policy.question import (
    ContextValue,
    LayerKind,
    Layers,
    Level,
    Place,
    Policy,
    Principal,
    PrincipalKind,
)
from app.policy.statement import ResourceElement
from app.services.iam import simulation_errors as errors

STUB_USER_ID: Final = "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR"  # aws:userid where no caller is named (known: captures)
_ENTITY: Final = re.compile(
    r"arn:[a-z0-9-]+:iam::(?P<account>\d{12}):(?P<kind>user|group|role)/(?:.*/)?(?P<name>[^/]+)"
)
_OWNER: Final = re.compile(r"arn:[a-z0-9-]+:iam::(?P<account>\d{12}):.+")


@dataclass(frozen=True, slots=True)
class Entity:
    """A user, group or role by its ARN; it need not exist."""

    arn: str
    account: str
    kind: str  # user, group, role
    name: str


@dataclass(frozen=True, slots=True)
class Asking:
    """One simulation: every action is asked on every resource."""

    caller: Entity | None
    principal: Principal
    layers: Layers  # without resource policy: who owns the resource decides about that
    resource_policy: Policy | None
    owner: str  # account that owns what names no account; "" : the caller's
    actions: tuple[str, ...]
    resources: tuple[str, ...]  # empty: "*", asked for all resources at once
    given: Mapping[str, ContextValue]
    in_organization: bool = False  # the caller's account is in one, whether or not SCPs bind it
    defaults: Mapping[str, ContextValue] = field(default_factory=dict)


def entity(arn: str) -> Entity | None:
    found = _ENTITY.fullmatch(arn)
    return Entity(arn, found["account"], found["kind"], found["name"]) if found else None


# policies


def document(text: str, kind: DocumentKind, error: AwsError) -> Document:
    """The parsed document; refuses with `error` what can not be a policy of its kind."""
    try:
        return parse(text, kind)
    except PolicySyntaxError:
        error.refuse()


def policies(call: Call) -> tuple[Policy, ...]:
    """PolicyInputList, as identity policies named by their number."""
    return tuple(
        _policy(LayerKind.IDENTITY, f"PolicyInputList.{n}", document(text, DocumentKind.IDENTITY, errors.POLICY(n=n)))
        for n, text in enumerate(call["PolicyInputList"] or (), 1)
    )


def boundary(call: Call) -> Policy | None:
    texts = call["PermissionsBoundaryPolicyInputList"] or ()
    if len(texts) > 1:
        errors.TOO_MANY_BOUNDARIES.refuse()
    for text in texts:
        found = document(text, DocumentKind.BOUNDARY, errors.BOUNDARY(n=1))
        return _policy(LayerKind.BOUNDARY, "PermissionsBoundaryPolicyInputList.1", found)
    return None


def levels(call: Call) -> tuple[Level, ...]:
    """OrderedOrganizationPolicyInputList: root first, the account last; each level must allow."""
    return tuple(_level(n, level) for n, level in enumerate(call["OrderedOrganizationPolicyInputList"] or (), 1))


def _level(level: int, sent: Mapping[str, Any]) -> Level:
    texts = sent.get("ServiceControlPolicyInputList") or errors.EMPTY_LEVEL.refuse(level=level)
    name = f"OrderedOrganizationPolicyInputList.{level}"
    found = (document(text, DocumentKind.SCP, errors.SCP(level=level, n=n)) for n, text in enumerate(texts, 1))
    return Level(name, tuple(_policy(LayerKind.SCP, f"{name}.{n}", one) for n, one in enumerate(found, 1)))


def _policy(kind: LayerKind, name: str, found: Document) -> Policy:
    return Policy(Place(kind, "", name, ""), found)


def resource_policy(call: Call, caller: Entity | None) -> Policy | None:
    """ResourcePolicy: for a user as caller, on resources that have ARNs (policy-evaluation.md 5.5 [V])."""
    text = call["ResourcePolicy"]
    if text is None:
        return None
    if caller is None:
        errors.CALLER_MISSING.refuse()
    if caller.kind != "user":
        errors.CALLER_NOT_USER.refuse()
    if not resources(call):
        errors.ENTITY.refuse(arn="*")
    trusts = all(is_trust(action) for action in call["ActionNames"])
    found = document(text, DocumentKind.TRUST if trusts else DocumentKind.RESOURCE, errors.RESOURCE_POLICY)
    if not trusts and not all(is_kms(action) for action in call["ActionNames"]) and _names_everything(found):
        errors.RESOURCE.refuse(arn="*")
    return _policy(LayerKind.RESOURCE, "ResourcePolicy", found)


def is_kms(action: str) -> bool:
    return action.lower().startswith("kms:")


def is_trust(action: str) -> bool:
    """Asked of a role's trust policy, which AWS's simulator reads and does not ask (aws-cli issue 10314)."""
    return action.lower().startswith("sts:assume")


def _names_everything(found: Document) -> bool:
    elements = (one for statement in found.statements for one in statement.others)
    return any(isinstance(one, ResourceElement) and "*" in one.patterns for one in elements)


# who and what


def principal(caller: Entity | None, account: str, unique_id: str = "") -> Principal:
    """The simulated caller; a role as a session of it, a group as if it could call."""
    if caller is None:
        return Principal(PrincipalKind.USER, account, "", "")
    if caller.kind == "role":
        is_linked = ":role/aws-service-role/" in caller.arn
        kind = PrincipalKind.ROLE_SESSION
        return Principal(kind, caller.account, caller.arn, "", caller.arn, unique_id, is_service_linked=is_linked)
    return Principal(PrincipalKind.USER, caller.account, caller.arn, unique_id)


def default_context(caller: Entity | None, account: str) -> dict[str, ContextValue]:
    """The keys that follow from the caller (known: public captures; errors.INFERRED)."""
    if caller is None:
        return {"aws:PrincipalAccount": account, "aws:userid": STUB_USER_ID}
    context: dict[str, ContextValue] = {
        "aws:PrincipalArn": caller.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:userid": caller.arn,
    }
    return context | ({"aws:username": caller.name} if caller.kind == "user" else {})


def caller_of(call: Call, otherwise: Entity | None) -> Entity | None:
    """CallerArn: a user, group or role; "You cannot specify the ARN of an assumed role ..." (5.5 [V])."""
    arn = call["CallerArn"]
    return otherwise if arn is None else entity(arn) or errors.CALLER.refuse()


def owner_of(call: Call) -> str:
    """The account in ResourceOwner, which is an ARN: a bare account id is refused (known)."""
    owner = call["ResourceOwner"]
    if owner is None:
        return ""
    found = _OWNER.fullmatch(owner) or errors.OWNER.refuse(owner=owner)
    return found["account"]


def actions(call: Call) -> tuple[str, ...]:
    for action in call["ActionNames"]:
        if ":" not in action:
            errors.ACTION.refuse()
    return tuple(call["ActionNames"])


def resources(call: Call) -> tuple[str, ...]:
    """ResourceArns; empty where none is given, or `*` alone."""
    arns = tuple(call["ResourceArns"] or ("*",))
    if arns == ("*",):
        return ()
    for arn in arns:
        parts = arn_parts(arn)
        if parts is None or not all((parts[1], parts[2], parts[ARN_PARTS - 1])):
            errors.RESOURCE.refuse(arn=arn)
    return arns


# context

_FORMS: Final = {  # type -> an operator that can compare it, and AWS's word for the form
    "numeric": ("numericequals", "numeric format"),
    "date": ("dateequals", "DateTime format"),
    "ip": ("ipaddress", "IP address"),
    "binary": ("binaryequals", "base-64 encoded binary format"),
}


def given_context(call: Call) -> dict[str, ContextValue]:
    """ContextEntries by key, each of its type; a list stays a list even with one value."""
    context: dict[str, ContextValue] = {}
    for key, value in map(_entry, call["ContextEntries"] or ()):
        if key.lower() in {one.lower() for one in context}:
            errors.KEY_TWICE.refuse(key=key)
        context[key] = value
    return context


def _entry(sent: Mapping[str, Any]) -> tuple[str, ContextValue]:
    key: str = sent.get("ContextKeyName", "")
    values: list[str] = list(sent.get("ContextKeyValues") or ())
    type = sent.get("ContextKeyType") or errors.KEY_WITHOUT_TYPE.refuse(key=key)
    base, is_list = type.removesuffix("List"), type.endswith("List")
    if not values:
        errors.KEY_WITHOUT_VALUES.refuse(key=key)
    if not is_list and len(values) > 1:
        errors.KEY_WITH_MANY.refuse(type=type, count=len(values))
    read = tuple(_value(key, base, value) for value in values)
    return key, read if is_list else read[0]


def _value(key: str, type: str, value: str) -> str:
    if type == "boolean":
        return "true" if value.lower() == "true" else "false"
    operator, form = _FORMS.get(type, ("", ""))
    if operator and OPERATORS[operator].prepare((value,)) is None:
        errors.VALUE.refuse(key=key, form=form)
    return value


# ResourceHandlingOption: which resources a simulation of ec2:RunInstances must bring along [D: API reference]

_INSTANCE: Final = ("instance", "image", "security-group", "network-interface")
_HANDLING: Final = {
    "EC2-VPC-InstanceStore": _INSTANCE,
    "EC2-VPC-InstanceStore-Subnet": (*_INSTANCE, "subnet"),
    "EC2-VPC-EBS": (*_INSTANCE, "volume"),
    "EC2-VPC-EBS-Subnet": (*_INSTANCE, "subnet", "volume"),
}


def check_handling(call: Call) -> None:
    """Refuses an option whose resources are not all there; without resources there is nothing to hold it against."""
    option, arns = call["ResourceHandlingOption"], resources(call)
    if option is None or not arns:
        return
    for action in call["ActionNames"]:
        if option not in _HANDLING or action.lower() != "ec2:runinstances":
            errors.HANDLING.refuse(option=option, action=action)
    there = set(_types(arns))
    for type in _HANDLING[option]:
        if type not in there:
            errors.HANDLING_LACKS.refuse(option=option, type=type)


def _types(arns: tuple[str, ...]) -> Iterator[str]:
    for arn in arns:
        yield arn.split(":", ARN_PARTS - 1)[-1].partition("/")[0]
