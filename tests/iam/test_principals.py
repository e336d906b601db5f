"""Users, roles, groups and access keys: what is made, found, changed and refused."""

from __future__ import annotations

import pytest

from app.kernel.call import Request, root_of
from app.kernel.world import Rules
from app.services.iam import IAM
from iam.lab import EVERYTHING, SOURCE, TARGET, Lab, allow, document, trust


def test_a_user_is_found_under_the_name_it_was_made_with(lab: Lab) -> None:
    made = lab.call(SOURCE, "iam:CreateUser", UserName="Alice", Path="/ops/")["User"]
    assert made["Arn"] == f"arn:aws:iam::{SOURCE}:user/ops/Alice"
    assert made["UserId"].startswith("AIDA")
    assert lab.call(SOURCE, "iam:GetUser", UserName="Alice")["User"] == made


def test_names_are_unique_whatever_their_case(lab: Lab) -> None:
    lab.call(SOURCE, "iam:CreateUser", UserName="Alice")
    assert lab.refused(SOURCE, "iam:CreateUser", UserName="alice") == (
        "EntityAlreadyExists",
        "User with name alice already exists.",
    )
    lab.call(TARGET, "iam:CreateUser", UserName="alice")


@pytest.mark.parametrize(
    ("noun", "operation"),
    [("user", "iam:GetUser"), ("role", "iam:GetRole"), ("group", "iam:GetGroup")],
)
def test_what_is_not_there_is_named_in_awss_words(lab: Lab, noun: str, operation: str) -> None:
    reply = lab.reply(SOURCE, operation, **{f"{noun.title()}Name": "nobody"})
    assert reply.error is not None
    assert (reply.error.code, reply.error.status) == ("NoSuchEntity", 404)
    assert reply.error.message == f"The {noun} with name nobody cannot be found."


def test_get_user_without_a_name_is_about_the_caller(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", allow("iam:GetUser", f"arn:aws:iam::{SOURCE}:user/${{aws:username}}"))
    assert lab.call(alice, "iam:GetUser")["User"]["UserName"] == "alice"
    assert lab.call(SOURCE, "iam:GetUser")["User"]["Arn"] == f"arn:aws:iam::{SOURCE}:root"


def test_a_session_has_no_user_of_its_own(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", EVERYTHING)
    session = lab.assume(alice, lab.role(SOURCE, "reader"))
    assert lab.refused(session, "iam:GetUser") == (
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )


def test_a_user_is_deleted_only_when_it_holds_nothing(lab: Lab) -> None:
    """Each obstacle is named; then it is removed, and the next one shows."""
    lab.user(SOURCE, "alice", EVERYTHING)
    key = lab.call(SOURCE, "iam:ListAccessKeys", UserName="alice")["AccessKeyMetadata"][0]["AccessKeyId"]
    assert lab.refused(SOURCE, "iam:DeleteUser", UserName="alice") == (
        "DeleteConflict",
        "Cannot delete entity, must delete access keys first.",
    )
    lab.call(SOURCE, "iam:DeleteAccessKey", UserName="alice", AccessKeyId=key)
    assert lab.refused(SOURCE, "iam:DeleteUser", UserName="alice") == (
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    )
    lab.call(SOURCE, "iam:DeleteUserPolicy", UserName="alice", PolicyName="own")
    lab.call(SOURCE, "iam:DeleteUser", UserName="alice")
    assert lab.refused(SOURCE, "iam:GetUser", UserName="alice")[0] == "NoSuchEntity"


def test_a_renamed_user_keeps_its_id_its_keys_and_its_permissions(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", allow("iam:ListUsers"))
    lab.call(SOURCE, "iam:UpdateUser", UserName="alice", NewUserName="bob", NewPath="/x/")
    credential = lab.cloud.services.credential(lab.cloud.world, alice.access_key_id)
    assert credential is not None
    assert credential.caller.arn == f"arn:aws:iam::{SOURCE}:user/x/bob"
    assert credential.caller.unique_id == alice.unique_id
    assert [user["UserName"] for user in lab.call(credential.caller, "iam:ListUsers")["Users"]] == ["bob"]


def test_a_user_has_two_access_keys_at_most(lab: Lab) -> None:
    lab.user(SOURCE, "alice")
    lab.call(SOURCE, "iam:CreateAccessKey", UserName="alice")
    assert lab.refused(SOURCE, "iam:CreateAccessKey", UserName="alice") == (
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
    )


def test_a_secret_is_shown_once_and_never_in_an_event(lab: Lab) -> None:
    lab.call(SOURCE, "iam:CreateUser", UserName="alice")
    key = lab.call(SOURCE, "iam:CreateAccessKey", UserName="alice")["AccessKey"]
    assert len(key["SecretAccessKey"]) == 40
    event = lab.event(SOURCE, "CreateAccessKey")
    assert event["responseElements"]["accessKey"]["accessKeyId"] == key["AccessKeyId"]
    listed = lab.call(SOURCE, "iam:ListAccessKeys", UserName="alice")
    for shown in (repr(event), repr(listed), repr(list(lab.cloud.world.log.entries()))):
        assert key["SecretAccessKey"] not in shown


def test_an_inactive_key_is_still_known_and_a_deleted_one_is_not(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice")
    key = {"UserName": "alice", "AccessKeyId": alice.access_key_id}
    lab.call(SOURCE, "iam:UpdateAccessKey", Status="Inactive", **key)
    credential = IAM.credential_of and IAM.credential_of(lab.cloud.world, alice.access_key_id)
    assert credential
    assert not credential.is_active
    lab.call(SOURCE, "iam:DeleteAccessKey", **key)
    assert lab.cloud.services.credential(lab.cloud.world, alice.access_key_id) is None


def test_access_keys_repeat_with_the_seed_and_differ_with_the_worlds_name() -> None:
    one, again, other = (Lab(name).user(SOURCE, "alice").access_key_id for name in ("a", "a", "b"))
    assert one == again
    assert one != other


def test_a_root_user_may_have_access_keys(lab: Lab) -> None:
    caller = lab.caller_of(lab.call(SOURCE, "iam:CreateAccessKey")["AccessKey"])
    assert (caller.kind, caller.arn) == ("root", f"arn:aws:iam::{SOURCE}:root")


def test_last_use_of_a_key_is_read_from_the_events(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", EVERYTHING)
    used = lab.call(SOURCE, "iam:GetAccessKeyLastUsed", AccessKeyId=alice.access_key_id)
    assert used["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    lab.call(alice, "sts:GetCallerIdentity")
    used = lab.call(SOURCE, "iam:GetAccessKeyLastUsed", AccessKeyId=alice.access_key_id)
    assert used["UserName"] == "alice"
    assert (used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == ("sts", "us-east-1")


def test_members_of_a_group_have_its_policies(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice")
    lab.call(SOURCE, "iam:CreateGroup", GroupName="readers")
    text = document(allow("iam:ListUsers"))
    lab.call(SOURCE, "iam:PutGroupPolicy", GroupName="readers", PolicyName="p", PolicyDocument=text)
    assert lab.refused(alice, "iam:ListUsers")[0] == "AccessDenied"
    lab.call(SOURCE, "iam:AddUserToGroup", GroupName="readers", UserName="alice")
    lab.call(alice, "iam:ListUsers")
    assert [user["UserName"] for user in lab.call(SOURCE, "iam:GetGroup", GroupName="readers")["Users"]] == ["alice"]
    assert lab.refused(SOURCE, "iam:DeleteGroup", GroupName="readers") == (
        "DeleteConflict",
        "Cannot delete entity, must remove users from group first.",
    )
    lab.call(SOURCE, "iam:RemoveUserFromGroup", GroupName="readers", UserName="alice")
    assert lab.refused(alice, "iam:ListUsers")[0] == "AccessDenied"


def test_a_renamed_group_keeps_its_members_and_their_permissions(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice")
    lab.call(SOURCE, "iam:CreateGroup", GroupName="readers")
    text = document(allow("iam:ListGroupsForUser"))
    lab.call(SOURCE, "iam:PutGroupPolicy", GroupName="readers", PolicyName="p", PolicyDocument=text)
    lab.call(SOURCE, "iam:AddUserToGroup", GroupName="readers", UserName="alice")
    lab.call(SOURCE, "iam:UpdateGroup", GroupName="readers", NewGroupName="Writers", NewPath="/x/")
    groups = lab.call(alice, "iam:ListGroupsForUser", UserName="alice")["Groups"]
    assert [group["Arn"] for group in groups] == [f"arn:aws:iam::{SOURCE}:group/x/Writers"]
    assert lab.refused(SOURCE, "iam:GetGroup", GroupName="readers")[0] == "NoSuchEntity"


def test_lists_come_in_pages_that_neither_repeat_nor_skip(lab: Lab) -> None:
    """Also when something is made and deleted between two pages."""
    for name in "abcdefg":
        lab.call(SOURCE, "iam:CreateUser", UserName=name)
    first = lab.call(SOURCE, "iam:ListUsers", MaxItems=3)
    assert (first["IsTruncated"], [user["UserName"] for user in first["Users"]]) == (True, ["a", "b", "c"])
    lab.call(SOURCE, "iam:DeleteUser", UserName="c")
    second = lab.call(SOURCE, "iam:ListUsers", MaxItems=10, Marker=first["Marker"])
    assert (second["IsTruncated"], [user["UserName"] for user in second["Users"]]) == (False, ["d", "e", "f", "g"])
    assert "Marker" not in second
    assert lab.refused(SOURCE, "iam:ListUsers", Marker="?")[0] == "ValidationError"


def test_lists_keep_to_their_path(lab: Lab) -> None:
    lab.call(SOURCE, "iam:CreateUser", UserName="a", Path="/x/")
    lab.call(SOURCE, "iam:CreateUser", UserName="b", Path="/y/")
    assert [user["UserName"] for user in lab.call(SOURCE, "iam:ListUsers", PathPrefix="/y/")["Users"]] == ["b"]


def test_tags_are_kept_and_seen_by_conditions(lab: Lab) -> None:
    lab.call(SOURCE, "iam:CreateUser", UserName="bob", Tags=[{"Key": "team", "Value": "blue"}])
    condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    tags = [{"Key": "Team", "Value": "blue"}]
    alice = lab.user(SOURCE, "alice", allow("iam:GetUser", Condition=condition), Tags=tags)
    lab.call(alice, "iam:GetUser", UserName="bob")
    lab.call(SOURCE, "iam:TagUser", UserName="bob", Tags=[{"Key": "TEAM", "Value": "red"}])
    assert lab.call(SOURCE, "iam:ListUserTags", UserName="bob")["Tags"] == [{"Key": "TEAM", "Value": "red"}]
    assert lab.refused(alice, "iam:GetUser", UserName="bob")[0] == "AccessDenied"
    lab.call(SOURCE, "iam:UntagUser", UserName="bob", TagKeys=["team"])
    assert lab.call(SOURCE, "iam:ListUserTags", UserName="bob")["Tags"] == []


def test_facts_of_principals_are_found_by_every_name_they_have(lab: Lab) -> None:
    role = lab.role(SOURCE, "reader", Path="/deep/")
    facts = IAM.principal_facts
    assert facts
    world = lab.cloud.world
    found = facts(world, role)
    assert found
    assert (found.kind, found.account) == ("role", SOURCE)
    session = f"arn:aws:sts::{SOURCE}:assumed-role/reader/anybody"
    assert facts(world, session) == facts(world, found.unique_id) == found
    assert facts(world, role.replace("/deep", "")) is None
    assert facts(world, f"arn:aws:iam::{SOURCE}:role/deep/Reader") is None
    assert facts(world, SOURCE) == facts(world, f"arn:aws:iam::{SOURCE}:root")
    assert IAM.principal_arn
    assert IAM.principal_arn(world, found.unique_id) == role
    assert IAM.principal_arn(world, "AROANOBODY") is None


def test_a_strict_world_knows_the_accounts_that_were_written_to() -> None:
    lab = Lab(rules=Rules(open_accounts=False))
    assert IAM.principal_facts
    assert IAM.principal_facts(lab.cloud.world, SOURCE) is None
    lab.call(SOURCE, "iam:CreateUser", UserName="alice")
    assert IAM.principal_facts(lab.cloud.world, SOURCE)
    assert IAM.principal_facts(lab.cloud.world, TARGET) is None
    text = document(trust(f"arn:aws:iam::{TARGET}:root"))
    assert lab.refused(SOURCE, "iam:CreateRole", RoleName="r", AssumeRolePolicyDocument=text) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"arn:aws:iam::{TARGET}:root"',
    )


def test_events_of_a_global_service_stand_in_us_east_1_wherever_the_call_was_signed_for(lab: Lab) -> None:
    request = Request("iam:CreateUser", {"UserName": "alice"}, root_of(SOURCE), "eu-west-1")
    assert lab.cloud.call(request).error is None
    assert lab.event(SOURCE, "CreateUser")["awsRegion"] == "us-east-1"
    assert list(lab.cloud.world.log.events(SOURCE, "eu-west-1")) == []


def test_a_region_condition_sees_a_global_service_in_us_east_1(lab: Lab) -> None:
    """The well-known trap of Region-locking policies: they lock IAM out unless they name us-east-1."""
    condition = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    alice = lab.user(SOURCE, "alice", allow("*", Condition=condition))
    reply = lab.cloud.call(Request("iam:ListUsers", {}, alice, "eu-west-1"))
    assert reply.error
    assert reply.error.code == "AccessDenied"
