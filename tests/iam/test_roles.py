"""Roles: trust policies by unique id, and service-linked roles that nobody can touch."""

from __future__ import annotations

import json

import pytest

from iam.lab import EVERYTHING, SOURCE, TARGET, Lab, document, trust


def _principals(lab: Lab, role: str) -> object:
    shown = lab.call(SOURCE, "iam:GetRole", RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return json.loads(shown)["Statement"][0]["Principal"]["AWS"]


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{TARGET}:user/nobody",
        "AIDANOBODYATALL00000",
        f"arn:aws:iam::{SOURCE}:role/pattern*",
        f"arn:aws:iam::{SOURCE}:group/admins",
        "123",
    ],
)
def test_a_trust_policy_may_only_name_principals_that_exist(lab: Lab, principal: str) -> None:
    text = document(trust(principal))
    assert lab.refused(SOURCE, "iam:CreateRole", RoleName="reader", AssumeRolePolicyDocument=text) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{principal}"',
    )


def test_a_trust_policy_has_no_resource(lab: Lab) -> None:
    text = document({**trust(TARGET), "Resource": "*"})
    assert lab.refused(SOURCE, "iam:CreateRole", RoleName="reader", AssumeRolePolicyDocument=text) == (
        "MalformedPolicyDocument",
        "Has prohibited field Resource",
    )


def test_a_deleted_principal_shows_by_its_id_and_its_successor_is_not_trusted_until_saved_again(lab: Lab) -> None:
    """policy-evaluation.md 3.2: the ARN of a user stands for the user it was when the policy was saved."""
    friend = lab.user(TARGET, "friend", EVERYTHING)
    role = lab.role(SOURCE, "reader", trust(friend.arn))
    lab.assume(friend, role)
    lab.call(TARGET, "iam:DeleteAccessKey", UserName="friend", AccessKeyId=friend.access_key_id)
    lab.call(TARGET, "iam:DeleteUserPolicy", UserName="friend", PolicyName="own")
    lab.call(TARGET, "iam:DeleteUser", UserName="friend")
    assert _principals(lab, "reader") == [friend.unique_id]
    successor = lab.user(TARGET, "friend", EVERYTHING)
    assert successor.arn == friend.arn
    assert _principals(lab, "reader") == [friend.unique_id]
    assert lab.refused(successor, "sts:AssumeRole", RoleArn=role, RoleSessionName="visit")[0] == "AccessDenied"
    text = document(trust(friend.arn))
    lab.call(SOURCE, "iam:UpdateAssumeRolePolicy", RoleName="reader", PolicyDocument=text)
    lab.assume(successor, role)


def test_a_renamed_principal_stays_trusted_and_shows_under_its_new_name(lab: Lab) -> None:
    friend = lab.user(TARGET, "friend", EVERYTHING)
    role = lab.role(SOURCE, "reader", trust(friend.arn))
    lab.call(TARGET, "iam:UpdateUser", UserName="friend", NewUserName="comrade")
    assert _principals(lab, "reader") == [f"arn:aws:iam::{TARGET}:user/comrade"]
    credential = lab.cloud.services.credential(lab.cloud.world, friend.access_key_id)
    assert credential
    lab.assume(credential.caller, role)


def test_a_role_changes_only_what_is_sent(lab: Lab) -> None:
    lab.role(SOURCE, "reader", Description="reads", MaxSessionDuration=7200)
    lab.call(SOURCE, "iam:UpdateRole", RoleName="reader", Description="")
    role = lab.call(SOURCE, "iam:GetRole", RoleName="reader")["Role"]
    assert "Description" not in role
    assert role["MaxSessionDuration"] == 7200


def test_a_service_linked_role_is_made_once_under_its_path(lab: Lab) -> None:
    role = lab.call(SOURCE, "iam:CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")["Role"]
    assert role["Arn"] == (
        f"arn:aws:iam::{SOURCE}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    )
    assert lab.refused(SOURCE, "iam:CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com") == (
        "InvalidInput",
        "Service role name AWSServiceRoleForAutoScaling has been taken in this account, please try a different suffix.",
    )
    suffixed = {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "x"}
    made = lab.call(SOURCE, "iam:CreateServiceLinkedRole", **suffixed)
    assert made["Role"]["RoleName"] == "AWSServiceRoleForAutoScaling_x"


CHANGES = [
    ("iam:PutRolePolicy", {"PolicyName": "more", "PolicyDocument": document(EVERYTHING)}),
    ("iam:DeleteRolePolicy", {"PolicyName": "more"}),
    ("iam:AttachRolePolicy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("iam:DetachRolePolicy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("iam:PutRolePermissionsBoundary", {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("iam:DeleteRolePermissionsBoundary", {}),
    ("iam:UpdateAssumeRolePolicy", {"PolicyDocument": document(trust(SOURCE))}),
    ("iam:UpdateRole", {"MaxSessionDuration": 7200}),
    ("iam:UpdateRoleDescription", {"Description": "mine"}),
    ("iam:DeleteRole", {}),
]


@pytest.mark.parametrize(("operation", "change"), CHANGES, ids=[operation for operation, _ in CHANGES])
def test_a_service_linked_role_cannot_be_changed(lab: Lab, operation: str, change: dict[str, object]) -> None:
    """Casebook 181: botocore models UnmodifiableEntity on exactly these operations."""
    lab.call(SOURCE, "iam:CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")
    admin = lab.user(SOURCE, "admin", EVERYTHING)
    assert lab.refused(admin, operation, RoleName="AWSServiceRoleForAutoScaling", **change) == (
        "UnmodifiableEntity",
        "Cannot perform the operation on the protected role 'AWSServiceRoleForAutoScaling' - this role is only "
        "modifiable by AWS",
    )


def test_a_service_linked_role_is_closed_to_the_account(lab: Lab) -> None:
    made = lab.call(SOURCE, "iam:CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")
    admin = lab.user(SOURCE, "admin", EVERYTHING)
    code, message = lab.refused(admin, "sts:AssumeRole", RoleArn=made["Role"]["Arn"], RoleSessionName="try")
    assert code == "AccessDenied"
    assert message.endswith("because no role trust policy allows the sts:AssumeRole action")


def test_a_service_linked_role_goes_by_its_own_operation(lab: Lab) -> None:
    lab.call(SOURCE, "iam:CreateServiceLinkedRole", AWSServiceName="spot.amazonaws.com")
    task = lab.call(SOURCE, "iam:DeleteServiceLinkedRole", RoleName="AWSServiceRoleForEC2Spot")["DeletionTaskId"]
    assert task.startswith("task/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot/")
    status = lab.call(SOURCE, "iam:GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    assert status == {"Status": "SUCCEEDED"}
    assert lab.refused(SOURCE, "iam:GetRole", RoleName="AWSServiceRoleForEC2Spot")[0] == "NoSuchEntity"
