"""AssumeRole: both sides, durations, tags, session policies, and what the session then may do."""

from __future__ import annotations

import pytest
from iam.lab import EVERYTHING, SOURCE, TARGET, Lab, allow, deny, document, trust

from app.kernel.audit import HIDDEN
from app.kernel.call import Caller
from app.policy.causes import Cause

VISIT = {"RoleSessionName": "visit"}


@pytest.fixture
def friend(lab: Lab) -> Caller:
    """May assume anything, as far as his own account is concerned."""
    return lab.user(TARGET, "friend", allow("sts:*"))


def test_a_session_is_the_role_and_says_who_it_is(lab: Lab, friend: Caller) -> None:
    role = lab.role(SOURCE, "reader", trust(TARGET), Path="/deep/")
    answer = lab.call(friend, "sts:AssumeRole", RoleArn=role, **VISIT)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{SOURCE}:assumed-role/reader/visit"
    session = lab.caller_of(answer["Credentials"])
    assert session.access_key_id.startswith("ASIA")
    assert lab.call(session, "sts:GetCallerIdentity") == {
        "UserId": answer["AssumedRoleUser"]["AssumedRoleId"],
        "Account": SOURCE,
        "Arn": f"arn:aws:sts::{SOURCE}:assumed-role/reader/visit",
    }


def test_both_accounts_must_allow(lab: Lab) -> None:
    """Casebook 158. Each side alone is not enough."""
    role = lab.role(SOURCE, "reader", trust(TARGET))
    closed = lab.role(SOURCE, "closed", trust(SOURCE))
    stranger, friend = lab.user(TARGET, "stranger"), lab.user(TARGET, "friend", allow("sts:AssumeRole"))
    for who, arn in ((stranger, role), (friend, closed)):
        code, message = lab.refused(who, "sts:AssumeRole", RoleArn=arn, **VISIT)
        assert code == "AccessDenied"
        assert message.startswith(f"User: {who.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}")
    lab.assume(friend, role)


def test_the_owner_of_a_role_does_not_tell_other_accounts_why(lab: Lab, friend: Caller) -> None:
    """An unknown role and a closed one look the same."""
    closed, none = lab.role(SOURCE, "closed"), f"arn:aws:iam::{SOURCE}:role/none"
    for arn in (closed, none):
        assert lab.refused(friend, "sts:AssumeRole", RoleArn=arn, **VISIT) == (
            "AccessDenied",
            f"User: {friend.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
        )


def test_within_an_account_naming_the_user_is_enough_and_naming_the_account_is_not(lab: Lab) -> None:
    """policy-evaluation.md 4.4."""
    alice = lab.user(SOURCE, "alice")
    direct, delegated = lab.role(SOURCE, "direct", trust(alice.arn)), lab.role(SOURCE, "delegated", trust(SOURCE))
    lab.assume(alice, direct)
    reply = lab.reply(alice, "sts:AssumeRole", RoleArn=delegated, **VISIT)
    assert reply.error
    assert reply.error.message.endswith("because no identity-based policy allows the sts:AssumeRole action")
    admin = lab.user(SOURCE, "admin", EVERYTHING)
    other = lab.role(SOURCE, "other", trust(alice.arn))
    message = lab.refused(admin, "sts:AssumeRole", RoleArn=other, **VISIT)[1]
    assert message.endswith("because no role trust policy allows the sts:AssumeRole action")


def test_the_cause_of_a_refusal_is_kept_beside_it(lab: Lab) -> None:
    admin = lab.user(SOURCE, "admin", EVERYTHING)
    closed = lab.role(SOURCE, "closed", trust(TARGET))
    lab.refused(admin, "sts:AssumeRole", RoleArn=closed, **VISIT)
    assert next(lab.cloud.world.log.refusals()).cause == Cause.TRUST_SILENT.name


def test_the_root_user_assumes_no_roles(lab: Lab) -> None:
    role = lab.role(SOURCE, "reader")
    assert lab.refused(SOURCE, "sts:AssumeRole", RoleArn=role, **VISIT) == (
        "AccessDenied",
        "Roles may not be assumed by root accounts.",
    )


def test_the_external_id_must_be_the_agreed_one(lab: Lab, friend: Caller) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "agreed"}}
    role = lab.role(SOURCE, "reader", trust(TARGET, Condition=condition))
    assert lab.refused(friend, "sts:AssumeRole", RoleArn=role, **VISIT)[0] == "AccessDenied"
    assert lab.refused(friend, "sts:AssumeRole", RoleArn=role, ExternalId="other", **VISIT)[0] == "AccessDenied"
    lab.assume(friend, role, ExternalId="agreed")


def test_a_session_lasts_as_long_as_its_role_allows(lab: Lab, friend: Caller) -> None:
    role = lab.role(SOURCE, "reader", trust(TARGET), MaxSessionDuration=7200)
    session = lab.assume(friend, role, DurationSeconds=7200)
    assert session.expires_at_ms - session.issued_at_ms == 7_200_000
    assert lab.refused(friend, "sts:AssumeRole", RoleArn=role, DurationSeconds=7201, **VISIT) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    code, message = lab.refused(friend, "sts:AssumeRole", RoleArn=role, DurationSeconds=60, **VISIT)
    assert code == "ValidationError"
    assert "'durationSeconds'" in message


def test_a_chain_of_roles_lasts_an_hour(lab: Lab, friend: Caller) -> None:
    first = lab.role(SOURCE, "first", trust(TARGET))
    second = lab.role(SOURCE, "second", trust(first), MaxSessionDuration=7200)
    session = lab.assume(friend, first)
    lab.assume(session, second)
    assert lab.refused(session, "sts:AssumeRole", RoleArn=second, DurationSeconds=7200, **VISIT) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
    )


def test_a_session_policy_bounds_the_session(lab: Lab, friend: Caller) -> None:
    role = lab.role(SOURCE, "reader", trust(TARGET))
    text = document(EVERYTHING)
    lab.call(SOURCE, "iam:PutRolePolicy", RoleName="reader", PolicyName="p", PolicyDocument=text)
    session = lab.assume(friend, role, Policy=document(allow("iam:ListUsers")))
    lab.call(session, "iam:ListUsers")
    message = lab.refused(session, "iam:ListRoles")[1]
    assert message.endswith("because no session policy allows the iam:ListRoles action")
    session = lab.assume(friend, role, Policy=document(EVERYTHING, deny("iam:ListUsers")))
    assert lab.refused(session, "iam:ListUsers")[1].endswith("with an explicit deny in a session policy")


def test_managed_session_policies_are_read_by_arn(lab: Lab, friend: Caller) -> None:
    role = lab.role(SOURCE, "reader", trust(TARGET))
    text = document(EVERYTHING)
    lab.call(SOURCE, "iam:PutRolePolicy", RoleName="reader", PolicyName="p", PolicyDocument=text)
    arn = lab.policy(SOURCE, "users", allow("iam:ListUsers"))
    session = lab.assume(friend, role, PolicyArns=[{"arn": arn}])
    lab.call(session, "iam:ListUsers")
    assert lab.refused(session, "iam:ListRoles")[0] == "AccessDenied"
    none = [{"arn": f"arn:aws:iam::{SOURCE}:policy/none"}]
    assert lab.refused(friend, "sts:AssumeRole", RoleArn=role, PolicyArns=none, **VISIT)[0] == "NoSuchEntity"


def test_session_policies_must_be_policies_and_fit(lab: Lab, friend: Caller) -> None:
    role = lab.role(SOURCE, "reader", trust(TARGET))
    assert lab.refused(friend, "sts:AssumeRole", RoleArn=role, Policy="{}", **VISIT)[0] == "MalformedPolicyDocument"
    large = document(allow([f"s3:Get{n:0100d}" for n in range(30)]))
    code, message = lab.refused(friend, "sts:AssumeRole", RoleArn=role, Policy=large, **VISIT)
    assert code == "PackedPolicyTooLarge"
    assert message.startswith("Packed policy consumes ")


TEAM = [{"Key": "team", "Value": "blue"}]


def test_session_tags_need_their_own_permission_and_become_principal_tags(lab: Lab, friend: Caller) -> None:
    plain = lab.role(SOURCE, "plain", trust(TARGET))
    code, message = lab.refused(friend, "sts:AssumeRole", RoleArn=plain, Tags=TEAM, **VISIT)
    assert code == "AccessDenied"
    assert message == f"User: {friend.arn} is not authorized to perform: sts:TagSession on resource: {plain}"
    text = document(trust(TARGET), trust(TARGET, action="sts:TagSession"))
    lab.call(SOURCE, "iam:UpdateAssumeRolePolicy", RoleName="plain", PolicyDocument=text)
    own = document(allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}))
    lab.call(SOURCE, "iam:PutRolePolicy", RoleName="plain", PolicyName="p", PolicyDocument=own)
    lab.call(lab.assume(friend, plain, Tags=TEAM), "iam:ListUsers")
    assert lab.refused(lab.assume(friend, plain), "iam:ListUsers")[0] == "AccessDenied"


def test_transitive_tags_go_down_the_chain_and_cannot_be_replaced(lab: Lab, friend: Caller) -> None:
    both = ["sts:AssumeRole", "sts:TagSession"]
    first = lab.role(SOURCE, "first", {**trust(TARGET), "Action": both})
    second = lab.role(SOURCE, "second", {**trust(first), "Action": both})
    session = lab.assume(friend, first, Tags=TEAM, TransitiveTagKeys=["team"])
    assert lab.assume(session, second).session_tags == (("team", "blue"),)
    plain = lab.assume(friend, first, Tags=TEAM)
    assert lab.assume(plain, second).session_tags == ()
    assert lab.refused(session, "sts:AssumeRole", RoleArn=second, Tags=TEAM, **VISIT)[0] == "InvalidParameterValue"


def test_a_session_loses_everything_with_its_role(lab: Lab, friend: Caller) -> None:
    role = lab.role(SOURCE, "reader", trust(TARGET))
    attach = {"RoleName": "reader", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    lab.call(SOURCE, "iam:AttachRolePolicy", **attach)
    session = lab.assume(friend, role)
    lab.call(session, "iam:ListUsers")
    lab.call(SOURCE, "iam:DetachRolePolicy", **attach)
    lab.call(SOURCE, "iam:DeleteRole", RoleName="reader")
    lab.role(SOURCE, "reader", trust(TARGET))
    lab.call(SOURCE, "iam:AttachRolePolicy", **attach)
    assert lab.refused(session, "iam:ListUsers")[0] == "AccessDenied"


def test_both_accounts_are_told_and_no_secret_is(lab: Lab, friend: Caller) -> None:
    """The owner of the role sees the caller without ARN and key; secret and token are in no event."""
    role = lab.role(SOURCE, "reader", trust(TARGET))
    answer = lab.call(friend, "sts:AssumeRole", RoleArn=role, **VISIT)
    own, copy = lab.event(TARGET, "AssumeRole"), lab.event(SOURCE, "AssumeRole")
    assert own["sharedEventID"] == copy["sharedEventID"]
    assert copy["userIdentity"] == {"type": "AWSAccount", "principalId": friend.unique_id, "accountId": TARGET}
    assert own["resources"] == [{"accountId": SOURCE, "type": "AWS::IAM::Role", "ARN": role}]
    assert own["responseElements"]["credentials"]["sessionToken"] == HIDDEN
    for secret in ("SecretAccessKey", "SessionToken"):
        assert answer["Credentials"][secret] not in repr(list(lab.cloud.world.log.entries()))


def test_a_stranger_is_told_to_his_own_account_only(lab: Lab) -> None:
    role = lab.role(SOURCE, "reader")
    lab.refused(lab.user(TARGET, "stranger"), "sts:AssumeRole", RoleArn=role, **VISIT)
    assert lab.event(TARGET, "AssumeRole")["errorCode"] == "AccessDenied"
    with pytest.raises(StopIteration):
        lab.event(SOURCE, "AssumeRole")


def test_ended_sessions_are_forgotten_a_day_later(lab: Lab, friend: Caller) -> None:
    role = lab.role(SOURCE, "reader", trust(TARGET))
    old = lab.assume(friend, role)
    lab.cloud.advance(2 * 3_600_000)
    lab.assume(friend, role)
    assert lab.cloud.services.credential(lab.cloud.world, old.access_key_id)
    lab.cloud.advance(25 * 3_600_000)
    lab.assume(friend, role)
    assert lab.cloud.services.credential(lab.cloud.world, old.access_key_id) is None
