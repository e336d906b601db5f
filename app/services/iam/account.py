"""The account as a whole: its numbers, and everything it has in one list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.kernel.authority import anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.kernel.records import Record
from app.services.iam import errors, shapes
from app.services.iam.managed import AWS_MANAGED, AwsManaged
from app.services.iam.naming import PLACED_AWS, judged
from app.services.iam.paging import PAGING, Listed, page
from app.services.iam.policies import attached_to, bounded_by
from app.services.iam.records import AccessKey, Group, Holder, ManagedPolicy, Role, User

_QUOTAS: Final = {  # defaults of a fresh account [D: QUO]
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "AccessKeysPerUserQuota": 2,
    "GroupsPerUserQuota": 10,
    "AttachedPoliciesPerUserQuota": 10,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "AssumeRolePolicySizeQuota": 2048,
    "PolicySizeQuota": 6144,
    "VersionsPerPolicyQuota": 5,
}


@operation(
    "iam",
    "GetAccountSummary",
    checks=judged("iam:GetAccountSummary", anything),
    reads=True,
)
def get_account_summary(draft: Draft, call: Call) -> Answer:
    def count(kind: type[Record]) -> int:
        return sum(1 for _ in draft.scan(kind, call.account))

    root_keys = next(draft.scan_index(AccessKey, "user", call.account), None)
    counts = {
        "Users": count(User),
        "Groups": count(Group),
        "Roles": count(Role),
        "Policies": count(ManagedPolicy),
        "AccountAccessKeysPresent": int(root_keys is not None),
        "AccountMFAEnabled": 0,
        "MFADevices": 0,
        "MFADevicesInUse": 0,
        "InstanceProfiles": 0,
        "Providers": 0,
        "ServerCertificates": 0,
    }
    return {"SummaryMap": counts | _QUOTAS}


_LISTS: Final = {"User": "UserDetailList", "Group": "GroupDetailList", "Role": "RoleDetailList", "Policy": "Policies"}


@operation(
    "iam",
    "GetAccountAuthorizationDetails",
    honours={"Filter", *PAGING},
    checks=judged("iam:GetAccountAuthorizationDetails", anything),
    answers=(errors.BAD_MARKER,),
    reads=True,
)
def get_account_authorization_details(draft: Draft, call: Call) -> Answer:
    """Users, groups, roles and policies with all their documents; of AWS's policies those that are in use."""
    listed = page(call, "all", lambda after: (item for item in _details(draft, call) if item[0] > after))
    answer: dict[str, Any] = {name: [] for name in _LISTS.values()}
    for kind, shown in listed["all"]:
        answer[_LISTS[kind]].append(shown)
    return answer | {name: value for name, value in listed.items() if name != "all"}


def _details(draft: Draft, call: Call) -> Iterator[Listed]:
    """In the order of their marks: digit of the kind, then id."""
    wanted = set(call["Filter"] or ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"))
    if "User" in wanted:
        yield from ((f"0{one.id}", ("User", _user(draft, one))) for one in draft.scan(User, call.account))
    if "Group" in wanted:
        yield from ((f"1{one.id}", ("Group", _group(one))) for one in draft.scan(Group, call.account))
    if "Role" in wanted:
        yield from ((f"2{one.id}", ("Role", _role(draft, one))) for one in draft.scan(Role, call.account))
    if "LocalManagedPolicy" in wanted:
        own = draft.scan(ManagedPolicy, call.account)
        yield from ((f"3{one.id}", ("Policy", _policy(draft, call, one))) for one in own)
    if "AWSManagedPolicy" in wanted:
        placed = {one.arn: one for one in draft.scan(ManagedPolicy, PLACED_AWS)}
        known: dict[str, ManagedPolicy | AwsManaged] = {**AWS_MANAGED, **placed}
        shown = ((arn, _policy(draft, call, known[arn])) for arn in sorted(known))
        in_use = (pair for pair in shown if pair[1]["AttachmentCount"] or pair[1]["PermissionsBoundaryUsageCount"])
        yield from ((f"4{arn}", ("Policy", one)) for arn, one in in_use)


def _inline(one: Holder, name: str) -> dict[str, Any]:
    return {name: [{"PolicyName": policy, "PolicyDocument": document} for policy, document in one.inline]}


def _attached(one: Holder) -> dict[str, Any]:
    return {"AttachedManagedPolicies": [shapes.attached(arn) for arn in one.attached]}


def _user(draft: Draft, one: User) -> dict[str, Any]:
    groups = (draft.get(Group, one.account, "", id) for id in one.groups)
    names = {"GroupList": [group.name for group in groups if group], "Tags": shapes.tag_list(one.tags)}
    return {**shapes.user(one), **names, **_inline(one, "UserPolicyList"), **_attached(one)}


def _group(one: Group) -> dict[str, Any]:
    return {**shapes.group(one), **_inline(one, "GroupPolicyList"), **_attached(one)}


def _role(draft: Draft, one: Role) -> dict[str, Any]:
    shape = {**shapes.role(draft.world, one), **_inline(one, "RolePolicyList"), **_attached(one)}
    extra = {"Tags": shapes.tag_list(one.tags), "InstanceProfileList": []}
    return {name: value for name, value in shape.items() if name not in ("MaxSessionDuration", "Description")} | extra


def _policy(draft: Draft, call: Call, one: ManagedPolicy | AwsManaged) -> dict[str, Any]:
    attachments = sum(1 for kind in (User, Role, Group) for _ in attached_to(draft, call.account, one.arn, kind))
    bounded = sum(1 for kind in (User, Role) for _ in bounded_by(draft, call.account, one.arn, kind))
    if isinstance(one, AwsManaged):
        document = {"VersionId": one.version, "IsDefaultVersion": True, "Document": one.document}
        return {**shapes.aws_policy(one, attachments, bounded, listed=True), "PolicyVersionList": [document]}
    versions = [dict(shapes.version(version, one.default)) for version in reversed(one.versions)]
    return {**shapes.policy(one, attachments, bounded, listed=True), "PolicyVersionList": versions}
