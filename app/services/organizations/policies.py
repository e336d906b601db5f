"""Service control policies and resource control policies, and what they are attached to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.kernel.authority import anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.policy.document import DocumentKind, PolicySyntaxError, parse
from app.services.organizations import errors, shapes
from app.services.organizations.paging import PAGING, Listed, after_in, page
from app.services.organizations.records import Node, PolicyRecord
from app.services.organizations.tree import (
    AWS_POLICIES,
    DEFAULT,
    RCP,
    SCP,
    TYPES,
    AnyPolicy,
    AwsPolicy,
    managed,
    node,
    policy_of,
    the_organization,
    the_policy,
)
from app.services.organizations.whole import short_id

SIZE_MAX: Final = 5120  # characters without white space [D: QUO]
ATTACHED_MAX: Final = 5  # of one type on one node [D]
_POLICY_LETTERS: Final = 10
_SPACE: Final = re.compile(r"\s+")
_DOCUMENTS: Final = {SCP: DocumentKind.SCP, RCP: DocumentKind.RCP}
_MANAGEMENT = (errors.NOT_IN_USE, errors.NOT_MANAGEMENT)


def _check_type(type: str) -> None:
    if type not in TYPES:
        errors.TYPE_NOT_SIMULATED.refuse(type=type)


def _checked(content: str, type: str) -> str:
    try:
        parse(content, _DOCUMENTS[type])
    except PolicySyntaxError:
        errors.MALFORMED.refuse()
    if len(_SPACE.sub("", content)) > SIZE_MAX:
        errors.POLICY_TOO_LARGE.refuse()
    return content


def _check_name(draft: Draft, call: Call, type: str, name: str, but: str = "") -> None:
    same = draft.find(PolicyRecord, "name", call.account, type, name)
    if (same and same.id != but) or DEFAULT[type].name == name:
        errors.POLICY_EXISTS.refuse()


@operation(
    "organizations",
    "CreatePolicy",
    honours={"Content", "Description", "Name", "Type", "Tags"},
    checks=managed("organizations:CreatePolicy", anything),
    answers=(
        *_MANAGEMENT,
        errors.TYPE_NOT_SIMULATED,
        errors.POLICY_EXISTS,
        errors.MALFORMED,
        errors.POLICY_TOO_LARGE,
        errors.DUPLICATE_TAGS,
    ),
)
def create_policy(draft: Draft, call: Call) -> Answer:
    """Keep a policy; it binds nobody until it is attached."""
    type = call["Type"]
    _check_type(type)
    _check_name(draft, call, type, call["Name"])
    policy = PolicyRecord(
        account=call.account,
        id=f"p-{short_id(draft.new_hash('organizations-policy', call.account), _POLICY_LETTERS)}",
        organization=the_organization(draft, call).id,
        type=type,
        name=call["Name"],
        description=call["Description"],
        content=_checked(call["Content"], type),
        tags=shapes.tags_of(call["Tags"]),
    )
    return {"Policy": shapes.policy(draft.put(policy))}


@operation(
    "organizations",
    "DescribePolicy",
    honours={"PolicyId"},
    checks=managed("organizations:DescribePolicy", shapes.on("PolicyId")),
    answers=(*_MANAGEMENT, errors.POLICY_MISSING),
    reads=True,
)
def describe_policy(draft: Draft, call: Call) -> Answer:
    return {"Policy": shapes.policy(the_policy(draft, call))}


def _own_policy(draft: Draft, call: Call) -> PolicyRecord:
    policy = the_policy(draft, call)
    return errors.POLICY_IS_AWS.refuse() if isinstance(policy, AwsPolicy) else policy


@operation(
    "organizations",
    "UpdatePolicy",
    honours={"PolicyId", "Name", "Description", "Content"},
    checks=managed("organizations:UpdatePolicy", shapes.on("PolicyId")),
    answers=(
        *_MANAGEMENT,
        errors.POLICY_MISSING,
        errors.POLICY_IS_AWS,
        errors.POLICY_EXISTS,
        errors.MALFORMED,
        errors.POLICY_TOO_LARGE,
    ),
)
def update_policy(draft: Draft, call: Call) -> Answer:
    """Change a policy where it stands: what it is attached to is bound anew at once."""
    policy = _own_policy(draft, call)
    name = call["Name"] or policy.name
    _check_name(draft, call, policy.type, name, but=policy.id)
    content = _checked(call["Content"], policy.type) if call["Content"] else policy.content
    description = policy.description if call["Description"] is None else call["Description"]
    return {"Policy": shapes.policy(draft.change(policy, name=name, description=description, content=content))}


@operation(
    "organizations",
    "DeletePolicy",
    honours={"PolicyId"},
    checks=managed("organizations:DeletePolicy", shapes.on("PolicyId")),
    answers=(*_MANAGEMENT, errors.POLICY_MISSING, errors.POLICY_IS_AWS, errors.POLICY_IN_USE),
)
def delete_policy(draft: Draft, call: Call) -> None:
    policy = _own_policy(draft, call)
    if next(draft.scan_index(Node, "policy", policy.id, call.account), None):
        errors.POLICY_IN_USE.refuse()
    draft.delete(policy)


@operation(
    "organizations",
    "ListPolicies",
    honours={"Filter", *PAGING},
    checks=managed("organizations:ListPolicies", anything),
    answers=(*_MANAGEMENT, errors.TYPE_NOT_SIMULATED, errors.BAD_TOKEN),
    reads=True,
)
def list_policies(draft: Draft, call: Call) -> Answer:
    """Own policies of a type, then AWS's."""
    type = call["Filter"]
    _check_type(type)
    aws = DEFAULT[type]

    def items(after: str) -> Iterator[Listed]:
        if after != aws.id:
            begin = (call.account, "", after) if after else ()
            own = draft.scan(PolicyRecord, call.account, after=begin)
            yield from ((one.id, shapes.summary(one)) for one in own if one.type == type)
            yield aws.id, shapes.summary(aws)

    return page(call, "Policies", items)


# attachments


def _target(draft: Draft, call: Call) -> Node:
    return node(draft, call, call["TargetId"], errors.TARGET_MISSING)


def _of_type(draft: Draft, one: Node, type: str) -> list[AnyPolicy]:
    found = (policy_of(draft.world, one.account, id) for id in one.policies)
    return [policy for policy in found if policy and policy.type == type]


@operation(
    "organizations",
    "AttachPolicy",
    honours={"PolicyId", "TargetId"},
    checks=managed("organizations:AttachPolicy", shapes.on("PolicyId", "TargetId")),
    answers=(
        *_MANAGEMENT,
        errors.POLICY_MISSING,
        errors.TARGET_MISSING,
        errors.TYPE_NOT_ENABLED,
        errors.ATTACHED,
        errors.TOO_MANY_POLICIES,
    ),
)
def attach_policy(draft: Draft, call: Call) -> None:
    """Bind a root, a unit or an account, and all that hangs under it. At once: AWS takes some seconds."""
    policy, target = the_policy(draft, call), _target(draft, call)
    if policy.type not in the_organization(draft, call).enabled:
        errors.TYPE_NOT_ENABLED.refuse()
    if policy.id in target.policies:
        errors.ATTACHED.refuse()
    if len(_of_type(draft, target, policy.type)) >= ATTACHED_MAX:
        errors.TOO_MANY_POLICIES.refuse()
    draft.change(target, policies=(*target.policies, policy.id))


@operation(
    "organizations",
    "DetachPolicy",
    honours={"PolicyId", "TargetId"},
    checks=managed("organizations:DetachPolicy", shapes.on("PolicyId", "TargetId")),
    answers=(
        *_MANAGEMENT,
        errors.POLICY_MISSING,
        errors.TARGET_MISSING,
        errors.NOT_ATTACHED,
        errors.LAST_POLICY,
        errors.POLICY_IS_AWS,
    ),
)
def detach_policy(draft: Draft, call: Call) -> None:
    """A node keeps one SCP at least; RCPFullAWSAccess can not be detached."""
    policy, target = the_policy(draft, call), _target(draft, call)
    if policy.id not in target.policies:
        errors.NOT_ATTACHED.refuse()
    if policy == AWS_POLICIES["p-RCPFullAWSAccess"]:
        errors.POLICY_IS_AWS.refuse()
    if len(_of_type(draft, target, policy.type)) == 1:
        errors.LAST_POLICY.refuse()
    draft.change(target, policies=tuple(id for id in target.policies if id != policy.id))


@operation(
    "organizations",
    "ListPoliciesForTarget",
    honours={"TargetId", "Filter", *PAGING},
    checks=managed("organizations:ListPoliciesForTarget", shapes.on("TargetId")),
    answers=(*_MANAGEMENT, errors.TARGET_MISSING, errors.TYPE_NOT_SIMULATED, errors.BAD_TOKEN),
    reads=True,
)
def list_policies_for_target(draft: Draft, call: Call) -> Answer:
    """What is attached to the target itself, not to what it hangs under."""
    _check_type(call["Filter"])
    found = _of_type(draft, _target(draft, call), call["Filter"])
    return page(call, "Policies", after_in((one.id, shapes.summary(one)) for one in found))


@operation(
    "organizations",
    "ListTargetsForPolicy",
    honours={"PolicyId", *PAGING},
    checks=managed("organizations:ListTargetsForPolicy", shapes.on("PolicyId")),
    answers=(*_MANAGEMENT, errors.POLICY_MISSING, errors.BAD_TOKEN),
    reads=True,
)
def list_targets_for_policy(draft: Draft, call: Call) -> Answer:
    policy = the_policy(draft, call)
    found = draft.scan_index(Node, "policy", policy.id, call.account)
    return page(call, "Targets", after_in((one.id, shapes.target(one)) for one in found))
