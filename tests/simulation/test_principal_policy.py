"""SimulatePrincipalPolicy: the policies of a user, group or role as they stand, with its boundary and SCPs.

Ids, exclusions and texts as public captures of the real API show them (2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.iam.lab import EVERYTHING, SOURCE, TARGET, Lab

from .asking import HERE, A, B, allow, deny, policy, sources

Answers = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def ada(lab: Lab) -> str:
    """A user with an inline policy, a managed one, and a group with one of each; her ARN."""
    user = lab.call(SOURCE, "iam:CreateUser", UserName="ada", Path="/dev/")["User"]["Arn"]
    lab.call(SOURCE, "iam:CreateGroup", GroupName="crew")
    lab.call(SOURCE, "iam:AddUserToGroup", GroupName="crew", UserName="ada")
    shared = lab.policy(SOURCE, "shared", deny("s3:DeleteObject"))
    lab.call(SOURCE, "iam:AttachUserPolicy", UserName="ada", PolicyArn=shared)
    lab.call(SOURCE, "iam:AttachGroupPolicy", GroupName="crew", PolicyArn=shared)
    mine, ours = policy(allow("s3:GetObject", A)), policy(allow("s3:PutObject", B))
    lab.call(SOURCE, "iam:PutUserPolicy", UserName="ada", PolicyName="mine", PolicyDocument=mine)
    lab.call(SOURCE, "iam:PutGroupPolicy", GroupName="crew", PolicyName="ours", PolicyDocument=ours)
    return user


def ask(lab: Lab, arn: str, *actions: str, account: str = SOURCE, **more: Any) -> Answers:
    """Results by action."""
    parameters = {"PolicySourceArn": arn, "ActionNames": list(actions)} | more
    results = lab.call(account, "iam:SimulatePrincipalPolicy", **parameters)["EvaluationResults"]
    return {one["EvalActionName"]: one for one in results}


def test_policies_of_a_user_and_of_his_groups_count_and_are_named_with_their_holder(lab: Lab, ada: str) -> None:
    """Inline: kind, holder and name; managed: the name. One that comes twice counts once."""
    found = ask(lab, ada, "s3:GetObject", "s3:PutObject", "s3:DeleteObject", ResourceArns=[A, B])
    by_resource = {
        name: [one["EvalResourceDecision"] for one in found[name]["ResourceSpecificResults"]] for name in found
    }
    assert by_resource == {
        "s3:GetObject": ["allowed", "implicitDeny"],
        "s3:PutObject": ["implicitDeny", "allowed"],
        "s3:DeleteObject": ["explicitDeny", "explicitDeny"],
    }
    assert [sources(found[name]) for name in found] == [["user_ada_mine"], ["group_crew_ours"], ["shared"]]


def test_an_entity_is_found_by_its_name_whatever_the_path(lab: Lab, ada: str) -> None:
    assert (
        ask(lab, ada.replace("/dev/", "/"), "s3:GetObject", ResourceArns=[A])["s3:GetObject"]["EvalDecision"]
        == "allowed"
    )


def test_a_group_and_a_role_have_policies_to_simulate(lab: Lab, ada: str) -> None:
    role = lab.role(SOURCE, "reader")
    lab.call(SOURCE, "iam:PutRolePolicy", RoleName="reader", PolicyName="r", PolicyDocument=policy(allow()))
    group = f"arn:aws:iam::{HERE}:group/crew"
    assert sources(ask(lab, role, "s3:GetObject")["s3:GetObject"]) == ["role_reader_r"]
    assert sources(ask(lab, group, "s3:PutObject", ResourceArns=[B])["s3:PutObject"]) == ["group_crew_ours"]


def test_policies_of_the_request_are_added(lab: Lab, ada: str) -> None:
    found = ask(lab, ada, "ec2:RunInstances", PolicyInputList=[policy(allow("ec2:*"))])
    assert sources(found["ec2:RunInstances"]) == ["PolicyInputList.1"]


def test_the_boundary_counts_unless_the_request_brings_another(lab: Lab, ada: str) -> None:
    bound = lab.policy(SOURCE, "bound", allow("ec2:*"))
    lab.call(SOURCE, "iam:PutUserPermissionsBoundary", UserName="ada", PermissionsBoundary=bound)
    result = ask(lab, ada, "s3:GetObject", ResourceArns=[A])["s3:GetObject"]
    assert (result["EvalDecision"], result["PermissionsBoundaryDecisionDetail"]) == (
        "implicitDeny", {"AllowedByPermissionsBoundary": False},
    )  # fmt: skip
    other = {"PermissionsBoundaryPolicyInputList": [policy(allow("s3:*"))]}
    assert ask(lab, ada, "s3:GetObject", ResourceArns=[A], **other)["s3:GetObject"]["EvalDecision"] == "allowed"


def inline(kind: str, holder: str) -> dict[str, Any]:
    return {"InlinePolicyIdentifier": {"PolicyName": "mine", "AttachmentType": kind, "AttachmentName": holder}}


@pytest.mark.parametrize(
    ("exclusion", "expected"),
    [
        ({"PolicyType": "inline"}, "implicitDeny"),
        ({"PolicyType": "user-managed"}, "allowed"),
        ({"PolicyType": "rcp"}, "allowed"),
        (inline("user", "a?a"), "implicitDeny"),
        (inline("user", "*"), "implicitDeny"),
        (inline("group", "ada"), "allowed"),
    ],
)
def test_a_policy_can_be_left_out(lab: Lab, ada: str, exclusion: dict[str, Any], expected: str) -> None:
    found = ask(lab, ada, "s3:GetObject", ResourceArns=[A], PolicyExclusionList=[exclusion])
    assert found["s3:GetObject"]["EvalDecision"] == expected


def test_a_managed_policy_is_left_out_by_the_arn_of_its_name(lab: Lab, ada: str) -> None:
    """With at most one star. Method: without the Deny of `shared` nothing speaks about DeleteObject."""
    for name, expected in (("sha*", "implicitDeny"), ("other", "explicitDeny")):
        exclusion = {"PolicyArn": f"arn:aws:iam::{HERE}:policy/{name}"}
        found = ask(lab, ada, "s3:DeleteObject", PolicyExclusionList=[exclusion])
        assert found["s3:DeleteObject"]["EvalDecision"] == expected


def test_the_boundary_is_left_out_by_its_type_alone(lab: Lab, ada: str) -> None:
    bound = lab.policy(SOURCE, "bound", allow("ec2:*"))
    lab.call(SOURCE, "iam:PutUserPermissionsBoundary", UserName="ada", PermissionsBoundary=bound)
    for exclusion, expected in (
        ({"PolicyArn": bound}, "implicitDeny"),
        ({"PolicyType": "permission-boundary"}, "allowed"),
    ):
        found = ask(lab, ada, "s3:GetObject", ResourceArns=[A], PolicyExclusionList=[exclusion])
        assert found["s3:GetObject"]["EvalDecision"] == expected


def test_another_caller_acts_with_the_policies_of_the_source(lab: Lab, ada: str) -> None:
    """ "You simulate calling the API operations as Bob, as if Bob had David's policies." [V: botocore]"""
    asks = policy(allow("ec2:*", Condition={"StringEquals": {"aws:username": "bob"}}))
    bob = f"arn:aws:iam::{HERE}:user/bob"
    found = ask(lab, ada, "ec2:RunInstances", PolicyInputList=[asks], CallerArn=bob)
    assert found["ec2:RunInstances"]["EvalDecision"] == "allowed"


# organizations


def member_with_scp(lab: Lab, *statements: Mapping[str, Any]) -> str:
    """A member account under an SCP; its id."""
    lab.call(SOURCE, "organizations:CreateOrganization", FeatureSet="ALL")
    root = lab.call(SOURCE, "organizations:ListRoots")["Roots"][0]["Id"]
    kind = "SERVICE_CONTROL_POLICY"
    types = lab.call(SOURCE, "organizations:ListRoots")["Roots"][0]["PolicyTypes"]
    if {"Type": kind, "Status": "ENABLED"} not in types:
        lab.call(SOURCE, "organizations:EnablePolicyType", RootId=root, PolicyType=kind)
    made = lab.call(SOURCE, "organizations:CreateAccount", Email="a@b.example", AccountName="a")
    lab.cloud.advance(60_000)
    id = made["CreateAccountStatus"]["Id"]
    state = lab.call(SOURCE, "organizations:DescribeCreateAccountStatus", CreateAccountRequestId=id)
    member = state["CreateAccountStatus"]["AccountId"]
    scp = lab.call(
        SOURCE, "organizations:CreatePolicy", Name="no", Description="-", Type=kind, Content=policy(*statements)
    )["Policy"]["PolicySummary"]["Id"]
    lab.call(SOURCE, "organizations:AttachPolicy", PolicyId=scp, TargetId=member)
    return member


def test_the_scps_of_the_account_bind_its_users(lab: Lab) -> None:
    """And can be left out; statements of SCPs are not shown."""
    member = member_with_scp(lab, deny("s3:*"))
    lab.user(member, "eve", EVERYTHING)
    eve = f"arn:aws:iam::{member}:user/eve"
    refused = ask(lab, eve, "s3:GetObject", "ec2:RunInstances", account=member)
    assert [one["EvalDecision"] for one in refused.values()] == ["explicitDeny", "allowed"]
    details = [one["OrganizationsDecisionDetail"]["AllowedByOrganizations"] for one in refused.values()]
    assert (details, refused["s3:GetObject"]["MatchedStatements"]) == ([False, True], [])
    without = ask(lab, eve, "s3:GetObject", account=member, PolicyExclusionList=[{"PolicyType": "scp"}])
    assert without["s3:GetObject"]["EvalDecision"] == "allowed"


def test_an_account_outside_of_all_has_no_organization_detail(lab: Lab, ada: str) -> None:
    assert "OrganizationsDecisionDetail" not in ask(lab, ada, "s3:GetObject")["s3:GetObject"]


# refusals


@pytest.mark.parametrize(
    ("arn", "code", "message"),
    [
        (f"arn:aws:iam::{HERE}:user/nobody", "NoSuchEntity", "The user with name nobody cannot be found."),
        (f"arn:aws:iam::{HERE}:role/x/nobody", "NoSuchEntity", "The role with name nobody cannot be found."),
        (
            f"arn:aws:sts::{HERE}:assumed-role/r/s", "InvalidInput",
            f"Invalid Entity Arn: arn:aws:sts::{HERE}:assumed-role/r/s does not clearly define entity type and name.",
        ),
        (
            f"arn:aws:iam::{TARGET}:user/ada", "InvalidInput",
            f"Invalid Policy Source Arn: caller's account {HERE} does not have access to policies in account {TARGET}",
        ),
    ],
)  # fmt: skip
def test_a_source_must_be_there_and_of_the_own_account(lab: Lab, arn: str, code: str, message: str) -> None:
    sent = {"PolicySourceArn": arn, "ActionNames": ["s3:GetObject"]}
    assert lab.refused(SOURCE, "iam:SimulatePrincipalPolicy", **sent) == (code, message)
    assert lab.refused(SOURCE, "iam:GetContextKeysForPrincipalPolicy", PolicySourceArn=arn) == (code, message)


def test_an_exclusion_names_one_thing(lab: Lab, ada: str) -> None:
    for exclusion in (
        {},
        {"PolicyArn": f"arn:aws:iam::{HERE}:user/ada"},
        {"PolicyArn": f"arn:aws:iam::{HERE}:policy/*a*"},
    ):
        sent = {"PolicySourceArn": ada, "ActionNames": ["s3:GetObject"], "PolicyExclusionList": [exclusion]}
        assert lab.refused(SOURCE, "iam:SimulatePrincipalPolicy", **sent)[0] == "InvalidInput"


def test_the_permission_is_asked_on_the_source(lab: Lab, ada: str) -> None:
    bob = lab.user(SOURCE, "bob", allow("iam:SimulatePrincipalPolicy", ada))
    sent = {"ActionNames": ["s3:GetObject"]}
    assert lab.call(bob, "iam:SimulatePrincipalPolicy", PolicySourceArn=ada, **sent)
    other = f"arn:aws:iam::{HERE}:user/bob"
    assert lab.refused(bob, "iam:SimulatePrincipalPolicy", PolicySourceArn=other, **sent)[0] == "AccessDenied"


def test_the_keys_of_an_entitys_policies_are_listed_with_those_of_the_request(lab: Lab, ada: str) -> None:
    mine = policy(allow("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    lab.call(SOURCE, "iam:PutUserPolicy", UserName="ada", PolicyName="mine", PolicyDocument=mine)
    more = policy(allow("ec2:*", Condition={"StringEquals": {"ec2:Region": "us-east-1"}}))
    found = lab.call(SOURCE, "iam:GetContextKeysForPrincipalPolicy", PolicySourceArn=ada, PolicyInputList=[more])
    assert found == {"ContextKeyNames": ["aws:SecureTransport", "ec2:Region"]}
