"""Managed policies and their versions. A policy's default version is the one that counts, at once and everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.policy.document import DocumentKind
from app.services.iam import errors, shapes
from app.services.iam.documents import checked, size, tags_of
from app.services.iam.managed import AWS_MANAGED, AwsManaged, instant_ms
from app.services.iam.naming import (
    aws_policy,
    customer_policy,
    judged,
    new_unique_id,
    on_new_policy,
    on_policies,
    on_policy,
    pairs,
)
from app.services.iam.paging import PAGING, Listed, page, texts_after
from app.services.iam.records import Group, Holder, ManagedPolicy, Principal, Role, User, Version

SIZE_MAX = 6144  # characters without white space [D: QUO]
VERSIONS_MAX = 5

_MALFORMED = (*errors.MALFORMED, errors.QUOTA)


def _checked_document(text: str) -> str:
    checked(text, DocumentKind.IDENTITY)
    if size(text) > SIZE_MAX:
        errors.QUOTA.refuse(quota="PolicySize", limit=SIZE_MAX)
    return text


def attached_to(draft: Draft, account: str, arn: str, kind: type[Holder]) -> Iterator[Holder]:
    """The account's users, roles or groups that have the policy."""
    return draft.scan_index(kind, "policy", arn, account)


def bounded_by(draft: Draft, account: str, arn: str, kind: type[Principal]) -> Iterator[Principal]:
    return draft.scan_index(kind, "boundary", arn, account)


def _shown(draft: Draft, call: Call, policy: ManagedPolicy | AwsManaged, *, listed: bool = False) -> shapes.Shape:
    attachments = sum(1 for kind in (User, Role, Group) for _ in attached_to(draft, call.account, policy.arn, kind))
    bounded = sum(1 for kind in (User, Role) for _ in bounded_by(draft, call.account, policy.arn, kind))
    if isinstance(policy, AwsManaged):
        return shapes.aws_policy(policy, attachments, bounded, listed=listed)
    return shapes.policy(policy, attachments, bounded, listed=listed)


@operation(
    "iam",
    "CreatePolicy",
    honours={"PolicyName", "Path", "PolicyDocument", "Description", "Tags"},
    checks=judged("iam:CreatePolicy", on_new_policy),
    answers=(errors.POLICY_EXISTS, errors.DUPLICATE_TAGS, *_MALFORMED),
)
def create_policy(draft: Draft, call: Call) -> Answer:
    name = call["PolicyName"]
    if draft.get(ManagedPolicy, call.account, "", name.lower()):
        errors.POLICY_EXISTS.refuse(name=name)
    document = _checked_document(call["PolicyDocument"])
    policy = ManagedPolicy(
        account=call.account,
        id=name.lower(),
        name=name,
        path=call["Path"] or "/",
        unique_id=new_unique_id(draft, call, "ANPA"),
        created_ms=call.at_ms,
        updated_ms=call.at_ms,
        description=call["Description"] or "",
        tags=pairs(tags_of(call["Tags"])),
        versions=(Version("v1", document, call.at_ms),),
    )
    draft.put(policy)
    draft.frame.touch(call.account, "AWS::IAM::Policy", policy.arn)
    return {"Policy": _shown(draft, call, policy)}


@operation(
    "iam",
    "GetPolicy",
    honours={"PolicyArn"},
    checks=judged("iam:GetPolicy", on_policy),
    answers=(errors.POLICY_MISSING,),
    reads=True,
)
def get_policy(draft: Draft, call: Call) -> Answer:
    known = aws_policy(draft, call["PolicyArn"])
    return {"Policy": _shown(draft, call, known or customer_policy(draft, call, call["PolicyArn"]))}


@operation(
    "iam",
    "ListPolicies",
    honours={"Scope", "OnlyAttached", "PathPrefix", "PolicyUsageFilter", *PAGING},
    checks=judged("iam:ListPolicies", on_policies),
    answers=(errors.BAD_MARKER,),
    reads=True,
)
def list_policies(draft: Draft, call: Call) -> Answer:
    """The account's own policies and AWS's, in the order of ARNs within each."""

    def items(after: str) -> Iterator[Listed]:
        for policy in _in_scope(draft, call, after):
            shown = _shown(draft, call, policy, listed=True)
            if policy.path.startswith(call["PathPrefix"] or "/") and _is_wanted(call, shown):
                yield _mark(policy), shown

    return page(call, "Policies", items)


def _mark(policy: ManagedPolicy | AwsManaged) -> str:
    """Orders own policies (by name) before AWS's (by ARN)."""
    return f"0{policy.id}" if isinstance(policy, ManagedPolicy) else f"1{policy.arn}"


def _in_scope(draft: Draft, call: Call, after: str) -> Iterator[ManagedPolicy | AwsManaged]:
    scope = call["Scope"] or "All"
    if scope != "AWS" and not after.startswith("1"):
        begin = (call.account, "", after[1:]) if after else ()
        yield from draft.scan(ManagedPolicy, call.account, "", after=begin)
    if scope != "Local":
        yield from (AWS_MANAGED[arn] for arn in sorted(AWS_MANAGED) if f"1{arn}" > after)


def _is_wanted(call: Call, shown: shapes.Shape) -> bool:
    attached, bounding = shown["AttachmentCount"] > 0, shown["PermissionsBoundaryUsageCount"] > 0
    usage = call["PolicyUsageFilter"]
    if usage:
        return attached if usage == "PermissionsPolicy" else bounding
    return attached or bounding or not call["OnlyAttached"]


@operation(
    "iam",
    "DeletePolicy",
    honours={"PolicyArn"},
    checks=judged("iam:DeletePolicy", on_policy),
    answers=(errors.POLICY_MISSING, errors.POLICY_ATTACHED, errors.POLICY_HAS_VERSIONS),
)
def delete_policy(draft: Draft, call: Call) -> None:
    """Delete a policy that nobody has and nobody is bounded by, and that has its default version only."""
    policy = customer_policy(draft, call, call["PolicyArn"])
    shown = _shown(draft, call, policy)
    if shown["AttachmentCount"] or shown["PermissionsBoundaryUsageCount"]:
        errors.POLICY_ATTACHED.refuse()
    if len(policy.versions) > 1:
        errors.POLICY_HAS_VERSIONS.refuse()
    draft.delete(policy)


# versions


def _version(policy: ManagedPolicy, version_id: str) -> Version:
    found = next((version for version in policy.versions if version.id == version_id), None)
    return found or errors.VERSION_MISSING.refuse(arn=policy.arn, version=version_id)


@operation(
    "iam",
    "CreatePolicyVersion",
    honours={"PolicyArn", "PolicyDocument", "SetAsDefault"},
    checks=judged("iam:CreatePolicyVersion", on_policy),
    answers=(errors.POLICY_MISSING, errors.TOO_MANY_VERSIONS, *_MALFORMED),
)
def create_policy_version(draft: Draft, call: Call) -> Answer:
    policy = customer_policy(draft, call, call["PolicyArn"])
    if len(policy.versions) >= VERSIONS_MAX:
        errors.TOO_MANY_VERSIONS.refuse()
    made = policy.made + 1
    version = Version(f"v{made}", _checked_document(call["PolicyDocument"]), call.at_ms)
    default = version.id if call["SetAsDefault"] else policy.default
    draft.change(policy, versions=(*policy.versions, version), made=made, default=default, updated_ms=call.at_ms)
    shown = shapes.version(version, default, listed=True)
    return {"PolicyVersion": shown}


def _as_version(policy: AwsManaged) -> Version:
    return Version(policy.version, policy.document, instant_ms(policy.updated))


@operation(
    "iam",
    "GetPolicyVersion",
    honours={"PolicyArn", "VersionId"},
    checks=judged("iam:GetPolicyVersion", on_policy),
    answers=(errors.POLICY_MISSING, errors.VERSION_MISSING),
    reads=True,
)
def get_policy_version(draft: Draft, call: Call) -> Answer:
    """One version with its document. Of AWS's policies reseal keeps the default version only."""
    arn, version_id = call["PolicyArn"], call["VersionId"]
    known = aws_policy(draft, arn)
    if known is None:
        policy = customer_policy(draft, call, arn)
        return {"PolicyVersion": shapes.version(_version(policy, version_id), policy.default)}
    if version_id != known.version:
        errors.VERSION_MISSING.refuse(arn=arn, version=version_id)
    return {"PolicyVersion": shapes.version(_as_version(known), known.version)}


@operation(
    "iam",
    "ListPolicyVersions",
    honours={"PolicyArn", *PAGING},
    checks=judged("iam:ListPolicyVersions", on_policy),
    answers=(errors.POLICY_MISSING, errors.BAD_MARKER),
    reads=True,
)
def list_policy_versions(draft: Draft, call: Call) -> Answer:
    """Newest first."""
    known = aws_policy(draft, call["PolicyArn"])
    if known:
        versions, default = (_as_version(known),), known.version
    else:
        policy = customer_policy(draft, call, call["PolicyArn"])
        versions, default = policy.versions, policy.default
    found = [(_newest_first(one.id), shapes.version(one, default, listed=True)) for one in versions]
    return page(call, "Versions", texts_after(found))


_NUMBERS: Final = 10**6


def _newest_first(version_id: str) -> str:
    return f"{_NUMBERS - int(version_id[1:]):07d}"


@operation(
    "iam",
    "DeletePolicyVersion",
    honours={"PolicyArn", "VersionId"},
    checks=judged("iam:DeletePolicyVersion", on_policy),
    answers=(errors.POLICY_MISSING, errors.VERSION_MISSING, errors.VERSION_IS_DEFAULT),
)
def delete_policy_version(draft: Draft, call: Call) -> None:
    policy = customer_policy(draft, call, call["PolicyArn"])
    gone = _version(policy, call["VersionId"])
    if gone.id == policy.default:
        errors.VERSION_IS_DEFAULT.refuse()
    versions = tuple(version for version in policy.versions if version.id != gone.id)
    draft.change(policy, versions=versions, updated_ms=call.at_ms)


@operation(
    "iam",
    "SetDefaultPolicyVersion",
    honours={"PolicyArn", "VersionId"},
    checks=judged("iam:SetDefaultPolicyVersion", on_policy),
    answers=(errors.POLICY_MISSING, errors.VERSION_MISSING),
)
def set_default_policy_version(draft: Draft, call: Call) -> None:
    policy = customer_policy(draft, call, call["PolicyArn"])
    draft.change(policy, default=_version(policy, call["VersionId"]).id, updated_ms=call.at_ms)


# who has it


@operation(
    "iam",
    "ListEntitiesForPolicy",
    honours={"PolicyArn", "EntityFilter", "PathPrefix", "PolicyUsageFilter", *PAGING},
    checks=judged("iam:ListEntitiesForPolicy", on_policy),
    answers=(errors.POLICY_MISSING, errors.BAD_MARKER),
    reads=True,
)
def list_entities_for_policy(draft: Draft, call: Call) -> Answer:
    """Who has the policy, and who is bounded by it."""
    arn = call["PolicyArn"]
    if arn not in AWS_MANAGED:
        customer_policy(draft, call, arn)
    listed = page(call, "all", texts_after(_entities(draft, call, arn)))
    answer = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
    for noun, shown in listed["all"]:
        answer[f"Policy{noun}s"].append(shown)
    return answer | {name: value for name, value in listed.items() if name != "all"}


def _entities(draft: Draft, call: Call, arn: str) -> Iterator[Listed]:
    usage, wanted, prefix = call["PolicyUsageFilter"], call["EntityFilter"], call["PathPrefix"] or "/"
    found: dict[tuple[str, str], Holder] = {}
    if usage != "PermissionsBoundary":
        attached = (one for kind in (Group, User, Role) for one in attached_to(draft, call.account, arn, kind))
        found |= {(one.noun, one.id): one for one in attached}
    if usage != "PermissionsPolicy":
        bounded = (one for kind in (User, Role) for one in bounded_by(draft, call.account, arn, kind))
        found |= {(one.noun, one.id): one for one in bounded}
    for (noun, id), one in found.items():
        if wanted in (None, noun) and one.path.startswith(prefix):
            yield f"{noun}/{id}", (noun, {f"{noun}Name": one.name, f"{noun}Id": one.unique_id})
