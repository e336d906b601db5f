"""Invitations: an account that exists already joins an organization, once, and in time."""

from __future__ import annotations

import pytest
from iam.lab import TARGET, Lab, allow, deny

from organizations.test_policies_from_above import MANAGEMENT, Org

INVITED = TARGET


@pytest.fixture
def org(lab: Lab) -> Org:
    return Org(lab)


def invite(org: Org) -> str:
    made = org.call("InviteAccountToOrganization", Target={"Id": INVITED, "Type": "ACCOUNT"}, Notes="welcome")
    assert made["Handshake"]["State"] == "OPEN"
    return made["Handshake"]["Id"]


def accept(lab: Lab, id: str) -> None:
    lab.call(INVITED, "organizations:AcceptHandshake", HandshakeId=id)


def test_an_invited_account_joins_when_it_accepts(lab: Lab, org: Org) -> None:
    """Its organization's policies bind it from then on."""
    org.attach(org.policy(deny("iam:ListUsers")), org.root)
    id = invite(org)
    assert lab.refused(INVITED, "organizations:DescribeOrganization")[0] == "AWSOrganizationsNotInUseException"
    lab.call(INVITED, "iam:ListUsers")
    accept(lab, id)
    assert lab.call(INVITED, "organizations:DescribeOrganization")["Organization"]["Id"] == org.id
    assert lab.refused(INVITED, "iam:ListUsers")[0] == "AccessDenied"
    member = org.call("DescribeAccount", AccountId=INVITED)["Account"]
    assert (member["JoinedMethod"], member["Status"]) == ("INVITED", "ACTIVE")


def test_the_invited_account_finds_its_invitation(lab: Lab, org: Org) -> None:
    id = invite(org)
    (found,) = lab.call(INVITED, "organizations:ListHandshakesForAccount")["Handshakes"]
    assert (found["Id"], found["Action"]) == (id, "INVITE")
    assert {"Id": INVITED, "Type": "ACCOUNT"} in found["Parties"]
    assert found["Arn"] == f"arn:aws:organizations::{MANAGEMENT}:handshake/{org.id}/invite/{id}"
    assert lab.call(org.member, "organizations:ListHandshakesForAccount")["Handshakes"] == []


def test_a_user_of_the_invited_account_needs_permission(lab: Lab, org: Org) -> None:
    id = invite(org)
    asked = {"HandshakeId": id}
    silent = lab.user(INVITED, "silent")
    assert lab.refused(silent, "organizations:AcceptHandshake", **asked)[0] == "AccessDeniedException"
    arn = f"arn:aws:organizations::{MANAGEMENT}:handshake/{org.id}/invite/*"
    lab.call(
        lab.user(INVITED, "allowed", allow("organizations:AcceptHandshake", arn)),
        "organizations:AcceptHandshake",
        **asked,
    )


def test_nobody_accepts_for_another_account(lab: Lab, org: Org) -> None:
    id = invite(org)
    code, _ = lab.refused(org.member, "organizations:AcceptHandshake", HandshakeId=id)
    assert code == "HandshakeNotFoundException"


def test_an_account_is_invited_once_and_joins_once(lab: Lab, org: Org) -> None:
    target = {"Target": {"Id": INVITED, "Type": "ACCOUNT"}}
    id = invite(org)
    assert org.refused("InviteAccountToOrganization", **target) == "DuplicateHandshakeException"
    accept(lab, id)
    assert (
        lab.refused(INVITED, "organizations:AcceptHandshake", HandshakeId=id)[0] == "HandshakeAlreadyInStateException"
    )
    assert org.refused("InviteAccountToOrganization", **target) == "HandshakeConstraintViolationException"


def test_a_member_of_one_organization_can_not_accept_another(lab: Lab, org: Org) -> None:
    id = invite(org)
    lab.call(INVITED, "organizations:CreateOrganization")
    refused = lab.refused(INVITED, "organizations:AcceptHandshake", HandshakeId=id)
    assert refused[0] == "HandshakeConstraintViolationException"


def test_only_account_ids_are_invited(org: Org) -> None:
    by_mail = {"Id": "someone@example.com", "Type": "EMAIL"}
    assert org.refused("InviteAccountToOrganization", Target=by_mail) == "InvalidInputException"


def test_an_invitation_is_open_for_fifteen_days(lab: Lab, org: Org) -> None:
    id = invite(org)
    lab.cloud.advance(15 * 86_400_000)
    (found,) = lab.call(INVITED, "organizations:ListHandshakesForAccount")["Handshakes"]
    assert found["State"] == "EXPIRED"
    refused = lab.refused(INVITED, "organizations:AcceptHandshake", HandshakeId=id)
    assert refused[0] == "InvalidHandshakeTransitionException"
    invite(org)
