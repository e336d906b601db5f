"""Policies: how they are saved, what they are worth, and how they are taken away again."""

from __future__ import annotations

import json

import pytest

from app.services.iam import IAM
from app.services.iam.inline import SIZE_MAX
from app.services.iam.managed import AWS_MANAGED
from iam.lab import EVERYTHING, SOURCE, TARGET, Lab, allow, deny, document, trust

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ('{"Version": "2012-10-17"}', "Syntax errors in policy."),
        (document({**EVERYTHING, "Effect": "Perhaps"}), "Syntax errors in policy."),
        (document({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
        (document(allow("s3:*", [])), "Policy statement must contain resources."),
        (document({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (document(allow([])), "Policy statement must contain actions."),
        (document(allow("GetObject")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (document(allow("s3:*", "bucket/*")), 'Resource bucket/* must be in ARN format or "*".'),
        (
            document({**EVERYTHING, "Sid": "a"}, {**EVERYTHING, "Sid": "a"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            document({**EVERYTHING, "Sid": "a b"}),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*",
        ),
        (document({**EVERYTHING, "Principal": "*"}), "Policy document should not specify a principal."),
    ],
)
def test_a_malformed_policy_is_refused_when_it_is_saved(lab: Lab, text: str, message: str) -> None:
    lab.call(SOURCE, "iam:CreateUser", UserName="alice")
    saved = {"UserName": "alice", "PolicyName": "p", "PolicyDocument": text}
    assert lab.refused(SOURCE, "iam:PutUserPolicy", **saved) == ("MalformedPolicyDocument", message)
    assert lab.refused(SOURCE, "iam:CreatePolicy", PolicyName="p", PolicyDocument=text)[1] == message


@pytest.mark.parametrize("noun", ["User", "Role", "Group"])
def test_inline_policies_of_one_holder_have_a_size_together(lab: Lab, noun: str) -> None:
    """White space does not count."""
    if noun == "Role":
        lab.role(SOURCE, "one")
    else:
        lab.call(SOURCE, f"iam:Create{noun}", **{f"{noun}Name": "one"})
    fitting = document(allow(f"s3:{'x' * (SIZE_MAX[noun] - 90)}")).replace(" ", " " * 50)
    put = {f"{noun}Name": "one", "PolicyName": "a", "PolicyDocument": fitting}
    lab.call(SOURCE, f"iam:Put{noun}Policy", **put)
    code, message = lab.refused(SOURCE, f"iam:Put{noun}Policy", **put | {"PolicyName": "b"})
    assert code == "LimitExceeded"
    assert message == f"Maximum policy size of {SIZE_MAX[noun]} bytes exceeded for {noun.lower()} one"
    lab.call(SOURCE, f"iam:Put{noun}Policy", **put)


def test_an_inline_policy_reads_as_it_was_written(lab: Lab) -> None:
    lab.user(SOURCE, "alice", EVERYTHING)
    read = lab.call(SOURCE, "iam:GetUserPolicy", UserName="alice", PolicyName="own")
    assert read == {"UserName": "alice", "PolicyName": "own", "PolicyDocument": document(EVERYTHING)}
    assert lab.call(SOURCE, "iam:ListUserPolicies", UserName="alice")["PolicyNames"] == ["own"]
    assert lab.refused(SOURCE, "iam:GetUserPolicy", UserName="alice", PolicyName="x") == (
        "NoSuchEntity",
        "The user policy with name x cannot be found.",
    )


def test_a_refusal_names_caller_action_resource_and_the_silent_policies(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", allow("iam:GetUser"))
    assert lab.refused(alice, "iam:DeleteUser", UserName="bob") == (
        "AccessDenied",
        f"User: arn:aws:iam::{SOURCE}:user/alice is not authorized to perform: iam:DeleteUser on resource: "
        f"arn:aws:iam::{SOURCE}:user/bob because no identity-based policy allows the iam:DeleteUser action",
    )


def test_a_users_own_deny_beats_what_his_group_allows(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", deny("iam:ListUsers"))
    lab.call(SOURCE, "iam:CreateGroup", GroupName="admins")
    lab.call(SOURCE, "iam:AttachGroupPolicy", GroupName="admins", PolicyArn=ADMIN)
    lab.call(SOURCE, "iam:AddUserToGroup", GroupName="admins", UserName="alice")
    lab.call(alice, "iam:ListRoles")
    assert lab.refused(alice, "iam:ListUsers")[1].endswith("with an explicit deny in an identity-based policy")


def test_a_boundary_bounds_and_gives_nothing(lab: Lab) -> None:
    bound = lab.policy(SOURCE, "bound", allow("iam:ListUsers"), allow("iam:ListRoles"))
    alice = lab.user(SOURCE, "alice", allow("iam:ListUsers"), allow("iam:ListGroups"), PermissionsBoundary=bound)
    lab.call(alice, "iam:ListUsers")
    assert lab.refused(alice, "iam:ListGroups")[1].endswith(
        "because no permissions boundary allows the iam:ListGroups action"
    )
    assert lab.refused(alice, "iam:ListRoles")[1].endswith(
        "because no identity-based policy allows the iam:ListRoles action"
    )
    lab.call(SOURCE, "iam:DeleteUserPermissionsBoundary", UserName="alice")
    lab.call(alice, "iam:ListGroups")


def test_only_aws_and_own_policies_can_be_attached(lab: Lab) -> None:
    foreign = lab.policy(TARGET, "theirs", EVERYTHING)
    lab.call(SOURCE, "iam:CreateUser", UserName="alice")
    for arn in (foreign, f"arn:aws:iam::{SOURCE}:policy/none"):
        assert lab.refused(SOURCE, "iam:AttachUserPolicy", UserName="alice", PolicyArn=arn) == (
            "NoSuchEntity",
            f"Policy {arn} does not exist or is not attachable.",
        )


def test_an_aws_policy_that_is_not_held_is_refused_in_our_words(lab: Lab) -> None:
    lab.call(SOURCE, "iam:CreateUser", UserName="alice")
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    code, message = lab.refused(SOURCE, "iam:AttachUserPolicy", UserName="alice", PolicyArn=arn)
    assert code == "NoSuchEntity"
    assert message.endswith("reseal does not simulate this AWS managed policy.")


@pytest.mark.parametrize("arn", sorted(AWS_MANAGED))
def test_aws_policies_are_read_by_everybody_and_changed_by_nobody(lab: Lab, arn: str) -> None:
    policy = lab.call(SOURCE, "iam:GetPolicy", PolicyArn=arn)["Policy"]
    read = lab.call(SOURCE, "iam:GetPolicyVersion", PolicyArn=arn, VersionId=policy["DefaultVersionId"])
    assert json.loads(read["PolicyVersion"]["Document"])["Version"] == "2012-10-17"
    assert lab.refused(SOURCE, "iam:DeletePolicy", PolicyArn=arn)[0] == "NoSuchEntity"


def test_the_default_version_counts_at_once(lab: Lab) -> None:
    arn = lab.policy(SOURCE, "p", allow("iam:ListUsers"))
    alice = lab.user(SOURCE, "alice")
    lab.call(SOURCE, "iam:AttachUserPolicy", UserName="alice", PolicyArn=arn)
    lab.call(alice, "iam:ListUsers")
    new = {"PolicyArn": arn, "PolicyDocument": document(allow("iam:ListRoles"))}
    assert lab.call(SOURCE, "iam:CreatePolicyVersion", **new)["PolicyVersion"]["VersionId"] == "v2"
    lab.call(alice, "iam:ListUsers")
    lab.call(SOURCE, "iam:SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    assert lab.refused(alice, "iam:ListUsers")[0] == "AccessDenied"
    lab.call(alice, "iam:ListRoles")


def test_a_policy_has_five_versions_at_most_and_never_an_old_number_again(lab: Lab) -> None:
    arn = lab.policy(SOURCE, "p", EVERYTHING)
    new = {"PolicyArn": arn, "PolicyDocument": document(EVERYTHING)}
    for _ in range(4):
        lab.call(SOURCE, "iam:CreatePolicyVersion", **new)
    assert lab.refused(SOURCE, "iam:CreatePolicyVersion", **new)[0] == "LimitExceeded"
    lab.call(SOURCE, "iam:DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
    assert lab.call(SOURCE, "iam:CreatePolicyVersion", **new)["PolicyVersion"]["VersionId"] == "v6"
    assert lab.refused(SOURCE, "iam:DeletePolicyVersion", PolicyArn=arn, VersionId="v1") == (
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    )
    listed = lab.call(SOURCE, "iam:ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [version["VersionId"] for version in listed] == ["v6", "v4", "v3", "v2", "v1"]


def test_a_policy_is_deleted_when_nobody_has_it_and_one_version_is_left(lab: Lab) -> None:
    arn = lab.policy(SOURCE, "p", EVERYTHING)
    lab.user(SOURCE, "alice", PermissionsBoundary=arn)
    assert lab.refused(SOURCE, "iam:DeletePolicy", PolicyArn=arn)[1] == "Cannot delete a policy attached to entities."
    lab.call(SOURCE, "iam:DeleteUserPermissionsBoundary", UserName="alice")
    lab.call(SOURCE, "iam:CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document(EVERYTHING))
    assert lab.refused(SOURCE, "iam:DeletePolicy", PolicyArn=arn)[1].startswith("This policy has more than one version")
    lab.call(SOURCE, "iam:DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    lab.call(SOURCE, "iam:DeletePolicy", PolicyArn=arn)
    assert lab.refused(SOURCE, "iam:GetPolicy", PolicyArn=arn)[1] == f"Policy {arn} was not found."


def test_who_has_a_policy_can_be_asked(lab: Lab) -> None:
    arn = lab.policy(SOURCE, "p", EVERYTHING)
    lab.user(SOURCE, "alice", PermissionsBoundary=arn)
    lab.role(SOURCE, "reader")
    lab.call(SOURCE, "iam:AttachRolePolicy", RoleName="reader", PolicyArn=arn)
    found = lab.call(SOURCE, "iam:ListEntitiesForPolicy", PolicyArn=arn)
    assert [one["UserName"] for one in found["PolicyUsers"]] == ["alice"]
    assert [one["RoleName"] for one in found["PolicyRoles"]] == ["reader"]
    attached = lab.call(SOURCE, "iam:ListEntitiesForPolicy", PolicyArn=arn, PolicyUsageFilter="PermissionsPolicy")
    assert attached["PolicyUsers"] == []
    shown = lab.call(SOURCE, "iam:GetPolicy", PolicyArn=arn)["Policy"]
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (1, 1)


def test_policies_are_listed_by_scope_and_use(lab: Lab) -> None:
    arn = lab.policy(SOURCE, "p", EVERYTHING)
    lab.role(SOURCE, "reader")
    lab.call(SOURCE, "iam:AttachRolePolicy", RoleName="reader", PolicyArn=ADMIN)

    def listed(**asked: object) -> list[str]:
        arns: list[str] = []
        answer = lab.call(SOURCE, "iam:ListPolicies", MaxItems=4, **asked)
        while True:
            arns += [policy["Arn"] for policy in answer["Policies"]]
            if not answer["IsTruncated"]:
                return arns
            answer = lab.call(SOURCE, "iam:ListPolicies", MaxItems=4, Marker=answer["Marker"], **asked)

    assert listed() == [arn, *sorted(AWS_MANAGED)]
    assert listed(Scope="Local") == [arn]
    assert listed(OnlyAttached=True) == [ADMIN]
    assert listed(Scope="AWS") == sorted(AWS_MANAGED)


def test_a_deleted_user_has_no_permissions_left_and_a_new_one_of_the_name_inherits_none(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", EVERYTHING)
    lab.call(SOURCE, "iam:DeleteAccessKey", UserName="alice", AccessKeyId=alice.access_key_id)
    lab.call(SOURCE, "iam:DeleteUserPolicy", UserName="alice", PolicyName="own")
    lab.call(SOURCE, "iam:DeleteUser", UserName="alice")
    lab.user(SOURCE, "alice", EVERYTHING)
    assert IAM.identity_layers
    assert IAM.identity_layers(lab.cloud.world, alice).identity == ()


def test_the_boundary_that_a_request_sets_can_be_a_condition(lab: Lab) -> None:
    """The usual delegation: whoever makes users must bound them."""
    bound = lab.policy(SOURCE, "bound", EVERYTHING)
    condition = {"StringEquals": {"iam:PermissionsBoundary": bound}}
    admin = lab.user(SOURCE, "admin", allow(["iam:CreateUser", "iam:AttachUserPolicy"], Condition=condition))
    assert lab.refused(admin, "iam:CreateUser", UserName="free")[0] == "AccessDenied"
    lab.call(admin, "iam:CreateUser", UserName="bound", PermissionsBoundary=bound)
    lab.call(admin, "iam:AttachUserPolicy", UserName="bound", PolicyArn=ADMIN)
    lab.call(SOURCE, "iam:CreateUser", UserName="free")
    assert lab.refused(admin, "iam:AttachUserPolicy", UserName="free", PolicyArn=ADMIN)[0] == "AccessDenied"


def test_the_whole_account_in_one_answer(lab: Lab) -> None:
    arn = lab.policy(SOURCE, "p", EVERYTHING)
    lab.user(SOURCE, "alice", EVERYTHING)
    lab.role(SOURCE, "reader", trust(TARGET))
    lab.call(SOURCE, "iam:AttachRolePolicy", RoleName="reader", PolicyArn=arn)
    whole = lab.call(SOURCE, "iam:GetAccountAuthorizationDetails")
    assert [one["UserName"] for one in whole["UserDetailList"]] == ["alice"]
    assert whole["RoleDetailList"][0]["AttachedManagedPolicies"] == [{"PolicyName": "p", "PolicyArn": arn}]
    assert whole["Policies"][0]["PolicyVersionList"][0]["Document"] == document(EVERYTHING)
    first = lab.call(SOURCE, "iam:GetAccountAuthorizationDetails", MaxItems=1)
    rest = lab.call(SOURCE, "iam:GetAccountAuthorizationDetails", Marker=first["Marker"])
    assert (len(first["UserDetailList"]), len(rest["UserDetailList"]), len(rest["RoleDetailList"])) == (1, 0, 1)
    summary = lab.call(SOURCE, "iam:GetAccountSummary")["SummaryMap"]
    assert (summary["Users"], summary["Roles"], summary["Policies"]) == (1, 1, 1)
