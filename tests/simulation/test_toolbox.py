"""IAM Toolbox: AWS's own shape of a refusal, made of ours (policy-evaluation.md 5.4 [V])."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.validate import ParamValidator

from app.kernel import shapes
from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.cloud import Cloud, new_world
from app.kernel.operation import Services
from app.kernel.store import MemoryStore
from app.services.iam import IAM
from app.services.kms import KMS
from app.services.organizations import ORGANIZATIONS
from app.services.sts import STS
from app.services.toolbox import TOOLBOX
from tests.iam.lab import SOURCE, TARGET, Lab
from tests.simulation.test_principal_policy import member_with_scp

from .asking import allow, deny, policy


class Office(Lab):
    """The lab of identities, with keys and the toolbox."""

    def __init__(self) -> None:
        services = Services((IAM, STS, ORGANIZATIONS, KMS, TOOLBOX))
        self.cloud = Cloud.create(services, MemoryStore(), new_world("t", seed="7"))

    def refusal(self, who: Caller | str, operation: str, **parameters: Any) -> Reply:
        reply = self.reply(who, operation, **parameters)
        assert reply.error is not None
        return reply

    def details(self, refused: Reply, who: Caller | str = SOURCE) -> Mapping[str, Any]:
        id = refused.decision_id.replace("-", "")
        answer = self.call(who, "iam-toolbox:GetRequestAuthorizationDetails", authorizationId=id)
        shape = shapes.operation_model("iam-toolbox", "GetRequestAuthorizationDetails").output_shape
        report = ParamValidator().validate(dict(answer), shape)
        assert not report.has_errors(), report.generate_report()
        return answer

    def key(self, *statements: Mapping[str, Any], account: str = SOURCE) -> str:
        """A key with this policy, or the default one; its ARN."""
        text = {"Policy": json.dumps({"Statement": list(statements)})} if statements else {}
        return self.call(account, "kms:CreateKey", BypassPolicyLockoutSafetyCheck=True, **text)["KeyMetadata"]["Arn"]


@pytest.fixture
def office() -> Office:
    return Office()


def checks(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["checkType"], one["evaluatedEffect"]) for one in details["evaluations"][-1]["checks"]]


def matched(details: Mapping[str, Any], check: str) -> list[str]:
    """Sids of the statements that matched in a check."""
    (found,) = [one for one in details["evaluations"][-1]["checks"] if one["checkType"] == check]
    return [row["sid"] for one in found["matchedPolicies"] for row in one["matchedStatements"]]


def test_a_key_is_asked_separately_and_the_principal_lacks_an_allow(office: Office) -> None:
    key = office.key()
    bob = office.user(SOURCE, "bob", allow("s3:*"))
    details = office.details(office.refusal(bob, "kms:DescribeKey", KeyId=key))
    (evaluation,) = details["evaluations"]
    assert (evaluation["action"], evaluation["resource"], evaluation["evaluatedEffect"]) == (
        "kms:DescribeKey", key, "IMPLICIT_DENY",
    )  # fmt: skip
    assert checks(details) == [("RESOURCE", "ALLOW"), ("PRINCIPAL", "IMPLICIT_DENY")]
    assert matched(details, "RESOURCE") == ["Enable IAM User Permissions"]
    assert details["requestContext"]["aws:username"] == "bob"
    assert [one["type"] for one in details["policies"]] == ["RESOURCE_BASED_POLICY", "IDENTITY_BASED_POLICY"]
    assert details["policies"][0]["policySource"]["type"] == "KMS_KEY_POLICY"
    assert details["policies"][0]["attachedTo"] == [{"arn": key}]


def test_an_explicit_deny_is_a_check_and_statements_without_sid_get_one(office: Office) -> None:
    bob = office.user(SOURCE, "bob", allow("iam:*"), deny("iam:GetUser"))
    details = office.details(office.refusal(bob, "iam:GetUser", UserName="bob"))
    assert checks(details) == [("PRINCIPAL", "EXPLICIT_DENY")]
    assert matched(details, "PRINCIPAL") == ["Statement1", "Statement2"]
    assert details["evaluations"][0]["evaluatedEffect"] == "EXPLICIT_DENY"


def test_what_a_direct_allow_spares_has_no_impact(office: Office) -> None:
    """A role named by the key's policy needs no identity policy; its boundary must still allow."""
    bound = office.policy(SOURCE, "bound", allow("s3:*"))
    role = office.role(SOURCE, "reader", PermissionsBoundary=bound)
    office.call(SOURCE, "iam:PutRolePolicy", RoleName="reader", PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    key = office.key({"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:*", "Resource": "*"})
    ada = office.user(SOURCE, "ada", allow("sts:AssumeRole"))
    details = office.details(office.refusal(office.assume(ada, role), "kms:DescribeKey", KeyId=key))
    assert checks(details) == [
        ("RESOURCE", "ALLOW"), ("PRINCIPAL", "NO_IMPACT"), ("PERMISSIONS_BOUNDARY", "IMPLICIT_DENY"),
    ]  # fmt: skip


def test_every_level_of_scps_is_a_check_with_its_node(office: Office) -> None:
    member = member_with_scp(office, deny("iam:GetUser", Sid="NoLook"))
    eve = office.user(member, "eve", allow("*"))
    details = office.details(office.refusal(eve, "iam:GetUser", UserName="eve"), member)
    assert checks(details)[-3:] == [
        ("SERVICE_CONTROL_POLICY", "ALLOW"), ("SERVICE_CONTROL_POLICY", "EXPLICIT_DENY"), ("PRINCIPAL", "ALLOW"),
    ]  # fmt: skip
    targets = [one["targetArn"] for one in details["evaluations"][0]["checks"] if "targetArn" in one]
    assert [target.split(":")[5].partition("/")[0] for target in targets[-2:]] == ["root", "account"]
    assert targets[-1].endswith(f"/{member}")
    assert office.details(office.refusal(eve, "iam:GetUser", UserName="eve"), SOURCE), "the organization may see it"


def test_a_policy_is_shown_as_it_was_at_the_time(office: Office) -> None:
    bob = office.user(SOURCE, "bob", allow("s3:*"))
    refused = office.refusal(bob, "iam:GetUser", UserName="bob")
    (shown,) = office.details(refused)["policies"]
    office.call(SOURCE, "iam:PutUserPolicy", UserName="bob", PolicyName="own", PolicyDocument=policy(allow("*")))
    id = refused.decision_id.replace("-", "")
    ask = {"authorizationId": id, "policyUri": shown["uri"]}
    answer = office.call(SOURCE, "iam-toolbox:GetRequestAuthorizationPolicy", **ask)
    assert answer["policyDocument"] == json.loads(policy(allow("s3:*")))
    code, _ = office.refused(SOURCE, "iam-toolbox:GetRequestAuthorizationPolicy", **(ask | {"policyUri": "other"}))
    assert code == "ResourceNotFoundException"


def test_the_other_accounts_policies_stay_hidden(office: Office) -> None:
    """The effect of the owner's side is told, not what it says."""
    key = office.key({"Effect": "Deny", "Principal": "*", "Action": "kms:DescribeKey", "Resource": "*"})
    bob = office.user(TARGET, "bob", allow("kms:*"))
    details = office.details(office.refusal(bob, "kms:DescribeKey", KeyId=key), TARGET)
    assert checks(details) == [("RESOURCE", "EXPLICIT_DENY"), ("PRINCIPAL", "ALLOW")]
    assert matched(details, "RESOURCE") == []
    assert [one["type"] for one in details["policies"]] == ["IDENTITY_BASED_POLICY"]


def test_only_the_principals_account_or_organization_and_region_see_a_refusal(office: Office) -> None:
    bob = office.user(SOURCE, "bob")
    id = office.refusal(bob, "iam:GetUser", UserName="bob").decision_id.replace("-", "")
    ask = {"authorizationId": id}
    details = "iam-toolbox:GetRequestAuthorizationDetails"
    assert office.refused(TARGET, details, **ask)[0] == "ResourceNotFoundException"
    elsewhere = office.cloud.call(Request(details, ask, root_of(SOURCE), "eu-west-1"))
    assert elsewhere.error is not None
    assert (elsewhere.error.code, elsewhere.error.status) == ("ResourceNotFoundException", 404)
    assert office.refused(SOURCE, details, authorizationId="0" * 32)[0] == "ResourceNotFoundException"
    assert office.refused(SOURCE, details, nextToken="x", **ask)[0] == "ValidationException"
    assert office.refused(bob, details, **ask)[0] == "AccessDeniedException"


EXPECTED = {"Allowed": "ALLOW", "ExplicitlyDenied": "EXPLICIT_DENY", "ImplicitlyDenied": "IMPLICIT_DENY"}


def test_every_check_of_awss_shape_follows_from_the_trace(office: Office) -> None:
    """botocore's promises: an EXPLICIT_DENY has such a check; an IMPLICIT_DENY has one and no explicit one.

    Method: every refusal of a handful of worlds' callers, by each kind of layer.
    """
    key = office.key()
    callers = [
        office.user(SOURCE, "none"),
        office.user(SOURCE, "some", allow("kms:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})),
        office.user(SOURCE, "denied", allow("*"), deny("*")),
        office.user(TARGET, "foreign", allow("*")),
    ]
    for who in callers:
        for operation, parameters in (("kms:DescribeKey", {"KeyId": key}), ("iam:ListUsers", {})):
            reply = office.reply(who, operation, **parameters)
            if reply.error is None:
                continue
            details = office.details(reply, who.account)
            evaluation = details["evaluations"][-1]
            effects = [effect for _, effect in checks(details)]
            assert evaluation["evaluatedEffect"] in effects
            assert evaluation["evaluatedEffect"] == "EXPLICIT_DENY" or "EXPLICIT_DENY" not in effects
            assert {one["uri"] for one in evaluation["matchedPolicies"]} <= {one["uri"] for one in details["policies"]}
