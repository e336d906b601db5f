"""The tree of an organization: founded, grown, moved about, read, and ended."""

from __future__ import annotations

import pytest
from iam.lab import EVERYTHING, SOURCE, TARGET, Lab, allow, deny, document

from organizations.test_policies_from_above import MANAGEMENT, SCP, Org


@pytest.fixture
def org(lab: Lab) -> Org:
    return Org(lab)


def test_an_account_is_in_one_organization_at_most(lab: Lab, org: Org) -> None:
    for account in (MANAGEMENT, org.member):
        assert lab.refused(account, "organizations:CreateOrganization")[0] == "AlreadyInOrganizationException"


def test_members_may_describe_the_organization_and_only_its_manager_may_do_more(lab: Lab, org: Org) -> None:
    described = lab.call(org.member, "organizations:DescribeOrganization")["Organization"]
    assert (described["Id"], described["MasterAccountId"]) == (org.id, MANAGEMENT)
    assert lab.refused(org.member, "organizations:ListAccounts")[0] == "AccessDeniedException"
    assert lab.refused(TARGET, "organizations:DescribeOrganization") == (
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    )


def test_a_user_of_the_manager_needs_permission_too(lab: Lab, org: Org) -> None:
    arn = f"arn:aws:organizations::{MANAGEMENT}:account/{org.id}/{org.member}"
    alice = lab.user(MANAGEMENT, "alice", allow("organizations:DescribeAccount", arn))
    lab.call(alice, "organizations:DescribeAccount", AccountId=org.member)
    code, message = lab.refused(alice, "organizations:DescribeAccount", AccountId=MANAGEMENT)
    assert code == "AccessDeniedException"
    assert message.endswith("because no identity-based policy allows the organizations:DescribeAccount action")


def test_a_new_account_is_in_progress_first_and_fails_over_a_used_address(lab: Lab, org: Org) -> None:
    asked = org.call("CreateAccount", AccountName="twin", Email="Member@example.com")["CreateAccountStatus"]
    assert asked["State"] == "IN_PROGRESS"
    made = org.call("DescribeCreateAccountStatus", CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert (made["State"], made["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "AccountId" not in made
    failed = org.call("ListCreateAccountStatus", States=["FAILED"])["CreateAccountStatuses"]
    assert [one["Id"] for one in failed] == [asked["Id"]]


def test_the_manager_enters_a_new_account_by_its_role(lab: Lab, org: Org) -> None:
    admin = lab.user(MANAGEMENT, "admin", EVERYTHING)
    session = lab.assume(admin, f"arn:aws:iam::{org.member}:role/OrganizationAccountAccessRole")
    lab.call(session, "iam:CreateUser", UserName="alice")


def test_accounts_are_listed_in_pages(org: Org) -> None:
    accounts = {MANAGEMENT, org.member, *(org.account(f"a{n}") for n in range(3))}
    first = org.call("ListAccounts", MaxResults=2)
    seen = [one["Id"] for one in first["Accounts"]]
    while token := first.get("NextToken"):
        first = org.call("ListAccounts", MaxResults=2, NextToken=token)
        seen += [one["Id"] for one in first["Accounts"]]
    assert len(seen) == len(accounts)
    assert set(seen) == accounts
    assert org.refused("ListAccounts", NextToken="?") == "InvalidInputException"


def test_the_tree_reads_the_same_from_above_and_from_below(org: Org) -> None:
    unit = org.call("CreateOrganizationalUnit", ParentId=org.root, Name="u")["OrganizationalUnit"]["Id"]
    org.call("MoveAccount", AccountId=org.member, SourceParentId=org.root, DestinationParentId=unit)
    assert org.call("ListParents", ChildId=org.member)["Parents"] == [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
    assert org.call("ListChildren", ParentId=unit, ChildType="ACCOUNT")["Children"] == [
        {"Id": org.member, "Type": "ACCOUNT"}
    ]
    assert [one["Id"] for one in org.call("ListAccountsForParent", ParentId=unit)["Accounts"]] == [org.member]
    units = org.call("ListOrganizationalUnitsForParent", ParentId=org.root)["OrganizationalUnits"]
    assert [one["Id"] for one in units] == [unit]
    moved = {"AccountId": org.member, "SourceParentId": org.root, "DestinationParentId": org.root}
    assert org.refused("MoveAccount", **moved) == "AccountNotFoundException"


def test_names_of_units_are_unique_under_one_parent(org: Org) -> None:
    unit = org.call("CreateOrganizationalUnit", ParentId=org.root, Name="u")["OrganizationalUnit"]["Id"]
    again = {"ParentId": org.root, "Name": "u"}
    assert org.refused("CreateOrganizationalUnit", **again) == "DuplicateOrganizationalUnitException"
    org.call("CreateOrganizationalUnit", ParentId=unit, Name="u")
    assert org.refused("DeleteOrganizationalUnit", OrganizationalUnitId=unit) == "OrganizationalUnitNotEmptyException"


def test_attachments_are_listed_from_both_ends(org: Org) -> None:
    policy = org.policy(deny("s3:*"))
    org.attach(policy, org.member)
    listed = org.call("ListPoliciesForTarget", TargetId=org.member, Filter=SCP)["Policies"]
    assert [one["Id"] for one in listed] == ["p-FullAWSAccess", policy]
    targets = org.call("ListTargetsForPolicy", PolicyId=policy)["Targets"]
    assert [(one["TargetId"], one["Type"]) for one in targets] == [(org.member, "ACCOUNT")]
    assert org.refused("AttachPolicy", PolicyId=policy, TargetId=org.member) == "DuplicatePolicyAttachmentException"
    assert org.refused("DeletePolicy", PolicyId=policy) == "PolicyInUseException"
    org.call("DetachPolicy", PolicyId=policy, TargetId=org.member)
    org.call("DeletePolicy", PolicyId=policy)
    assert org.refused("DescribePolicy", PolicyId=policy) == "PolicyNotFoundException"


def test_policies_have_unique_names_and_awss_cannot_be_changed(org: Org) -> None:
    policy = org.policy(deny("s3:*"))
    same = {"Name": "p", "Description": "", "Type": SCP, "Content": document(EVERYTHING)}
    assert org.refused("CreatePolicy", **same) == "DuplicatePolicyException"
    assert org.refused("UpdatePolicy", PolicyId="p-FullAWSAccess", Name="x") == "InvalidInputException"
    listed = org.call("ListPolicies", Filter=SCP)["Policies"]
    assert [(one["Id"], one["AwsManaged"]) for one in listed] == [(policy, False), ("p-FullAWSAccess", True)]


def test_tags_are_kept_on_accounts_units_and_policies(org: Org) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    for resource in (org.root, org.member, org.policy(deny("s3:*"))):
        org.call("TagResource", ResourceId=resource, Tags=tags)
        assert org.call("ListTagsForResource", ResourceId=resource)["Tags"] == tags
        org.call("UntagResource", ResourceId=resource, TagKeys=["team"])
        assert org.call("ListTagsForResource", ResourceId=resource)["Tags"] == []


def test_an_organization_ends_when_its_members_are_gone(lab: Lab, org: Org) -> None:
    assert org.refused("DeleteOrganization") == "OrganizationNotEmptyException"
    org.call("RemoveAccountFromOrganization", AccountId=org.member)
    org.call("DeleteOrganization")
    assert org.refused("DescribeOrganization") == "AWSOrganizationsNotInUseException"
    lab.call(SOURCE, "organizations:CreateOrganization")


def test_addresses_and_names_of_accounts_are_hidden_in_events(lab: Lab, org: Org) -> None:
    event = lab.event(MANAGEMENT, "CreateAccount")
    assert event["requestParameters"]["email"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert event["responseElements"]["createAccountStatus"]["accountName"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
