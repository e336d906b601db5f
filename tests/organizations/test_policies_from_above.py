"""Service control policies and resource control policies: whom they bind, and at which level."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from iam.lab import EVERYTHING, SOURCE, Lab, allow, deny, document, trust

from app.services.organizations import ORGANIZATIONS

MANAGEMENT = SOURCE
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"


class Org:
    """An organization with one member account and SCPs in force."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.id = self.call("CreateOrganization")["Organization"]["Id"]
        self.root = self.call("ListRoots")["Roots"][0]["Id"]
        self.call("EnablePolicyType", RootId=self.root, PolicyType=SCP)
        self.member = self.account("member")

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self.lab.call(MANAGEMENT, f"organizations:{operation}", **parameters)

    def refused(self, operation: str, **parameters: Any) -> str:
        return self.lab.refused(MANAGEMENT, f"organizations:{operation}", **parameters)[0]

    def account(self, name: str) -> str:
        asked = self.call("CreateAccount", AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        made = self.call("DescribeCreateAccountStatus", CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
        assert made["State"] == "SUCCEEDED"
        return made["AccountId"]

    def policy(self, *statements: Mapping[str, Any], type: str = SCP, name: str = "p") -> str:
        made = self.call("CreatePolicy", Name=name, Description="", Type=type, Content=document(*statements))
        return made["Policy"]["PolicySummary"]["Id"]

    def attach(self, policy: str, target: str) -> None:
        self.call("AttachPolicy", PolicyId=policy, TargetId=target)


@pytest.fixture
def org(lab: Lab) -> Org:
    return Org(lab)


def test_an_scp_binds_every_principal_of_the_account_the_root_user_included(lab: Lab, org: Org) -> None:
    """Casebook 54."""
    alice = lab.user(org.member, "alice", EVERYTHING)
    org.attach(org.policy(deny("iam:ListUsers")), org.member)
    for who in (alice, org.member):
        code, message = lab.refused(who, "iam:ListUsers")
        assert code == "AccessDenied"
        _, named = message.split("with an explicit deny in a service control policy: ")
        assert re.fullmatch(r"arn:aws:organizations::\d{12}:policy/o-\w+/service_control_policy/p-\w+", named)
        lab.call(who, "iam:ListRoles")


def test_an_scp_does_not_bind_the_management_account(lab: Lab, org: Org) -> None:
    org.attach(org.policy(deny("iam:*")), org.root)
    lab.call(MANAGEMENT, "iam:ListUsers")
    assert lab.refused(org.member, "iam:ListUsers")[0] == "AccessDenied"


def test_every_level_must_allow(lab: Lab, org: Org) -> None:
    """A unit that keeps only an allow list takes all else away, whatever root and account allow."""
    unit = org.call("CreateOrganizationalUnit", ParentId=org.root, Name="u")["OrganizationalUnit"]["Id"]
    org.attach(org.policy(allow("iam:ListRoles")), unit)
    org.call("DetachPolicy", PolicyId="p-FullAWSAccess", TargetId=unit)
    lab.call(org.member, "iam:ListUsers")
    org.call("MoveAccount", AccountId=org.member, SourceParentId=org.root, DestinationParentId=unit)
    lab.call(org.member, "iam:ListRoles")
    message = lab.refused(org.member, "iam:ListUsers")[1]
    assert message.endswith("because no service control policy allows the iam:ListUsers action")
    org.call("MoveAccount", AccountId=org.member, SourceParentId=unit, DestinationParentId=org.root)
    lab.call(org.member, "iam:ListUsers")


def test_a_node_keeps_one_scp_at_least(org: Org) -> None:
    assert (
        org.refused("DetachPolicy", PolicyId="p-FullAWSAccess", TargetId=org.member) == "ConstraintViolationException"
    )


def test_a_changed_policy_binds_anew_at_once(lab: Lab, org: Org) -> None:
    policy = org.policy(deny("iam:ListUsers"))
    org.attach(policy, org.member)
    org.call("UpdatePolicy", PolicyId=policy, Content=document(deny("iam:ListRoles")))
    lab.call(org.member, "iam:ListUsers")
    assert lab.refused(org.member, "iam:ListRoles")[0] == "AccessDenied"


def test_scps_bind_nobody_while_their_type_is_not_in_force(lab: Lab, org: Org) -> None:
    """And what was attached is lost when it is switched off."""
    org.attach(org.policy(deny("iam:ListUsers")), org.member)
    org.call("DisablePolicyType", RootId=org.root, PolicyType=SCP)
    lab.call(org.member, "iam:ListUsers")
    org.call("EnablePolicyType", RootId=org.root, PolicyType=SCP)
    lab.call(org.member, "iam:ListUsers")
    assert org.refused("EnablePolicyType", RootId=org.root, PolicyType=SCP) == "PolicyTypeAlreadyEnabledException"


def test_an_account_that_left_is_bound_no_more(lab: Lab, org: Org) -> None:
    org.attach(org.policy(deny("iam:ListUsers")), org.root)
    org.call("RemoveAccountFromOrganization", AccountId=org.member)
    lab.call(org.member, "iam:ListUsers")


def test_rcps_are_handed_over_for_the_owners_account(lab: Lab, org: Org) -> None:
    """Of a member's resources, whoever asks; of the management account's none."""
    org.call("EnablePolicyType", RootId=org.root, PolicyType=RCP)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    org.attach(org.policy(statement, type=RCP), org.member)
    layers_of = ORGANIZATIONS.organization_layers
    assert layers_of
    stranger = lab.user("999999999999", "stranger")
    layers = layers_of(lab.cloud.world, stranger, org.member)
    assert [level.target for level in layers.rcps] == [org.root, org.member]
    assert [len(level.policies) for level in layers.rcps] == [1, 2]
    assert layers.scps == ()
    assert layers_of(lab.cloud.world, stranger, MANAGEMENT).rcps == ()


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"},
    ],
)
def test_an_rcp_only_denies_everyone_and_names_services(org: Org, statement: Mapping[str, Any]) -> None:
    made = {"Name": "x", "Description": "", "Type": RCP, "Content": document(statement)}
    assert org.refused("CreatePolicy", **made) == "MalformedPolicyDocumentException"


def test_an_scp_names_no_principal(org: Org) -> None:
    made = {"Name": "x", "Description": "", "Type": SCP, "Content": document({**deny("s3:*"), "Principal": "*"})}
    assert org.refused("CreatePolicy", **made) == "MalformedPolicyDocumentException"


def test_conditions_see_organization_and_path(lab: Lab, org: Org) -> None:
    layers_of = ORGANIZATIONS.organization_layers
    assert layers_of
    alice = lab.user(org.member, "alice")
    unit = org.call("CreateOrganizationalUnit", ParentId=org.root, Name="u")["OrganizationalUnit"]["Id"]
    org.call("MoveAccount", AccountId=org.member, SourceParentId=org.root, DestinationParentId=unit)
    context = layers_of(lab.cloud.world, alice, MANAGEMENT).context
    assert context == {
        "aws:PrincipalOrgID": org.id,
        "aws:PrincipalOrgPaths": (f"{org.id}/{org.root}/{unit}/",),
        "aws:ResourceOrgID": org.id,
        "aws:ResourceOrgPaths": (f"{org.id}/{org.root}/",),
    }
    outside = lab.user("999999999999", "stranger")
    assert layers_of(lab.cloud.world, outside, "888888888888").context == {}


def test_an_rcp_keeps_outsiders_from_a_members_roles_whatever_these_trust(lab: Lab, org: Org) -> None:
    """The identity perimeter: only principals of the organization may assume its roles."""
    stranger = lab.user("999999999999", "stranger", EVERYTHING)
    insider = lab.user(MANAGEMENT, "insider", EVERYTHING)
    role = lab.role(org.member, "open", trust("999999999999", MANAGEMENT))
    lab.assume(stranger, role)
    org.call("EnablePolicyType", RootId=org.root, PolicyType=RCP)
    condition = {"StringNotEquals": {"aws:PrincipalOrgID": org.id}}
    statement = {**deny("sts:AssumeRole"), "Principal": "*", "Condition": condition}
    org.attach(org.policy(statement, type=RCP), org.root)
    lab.assume(insider, role)
    code, message = lab.refused(stranger, "sts:AssumeRole", RoleArn=role, RoleSessionName="visit")
    assert code == "AccessDenied"
    assert message == f"User: {stranger.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
