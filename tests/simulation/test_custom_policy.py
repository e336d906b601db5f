"""SimulateCustomPolicy as AWS answers it.

Positions, ids, errors and which members stand where are those of public captures of the real API (2026) and of the
CLI's example; the rest follows policy-evaluation.md 5.5.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.iam.lab import SOURCE, Lab

from .asking import ADA, BUCKET, HERE, THERE, A, B, allow, decision, deny, given, policy, scps, simulate, sources, spans

GET = policy(allow())


def test_without_resources_the_answer_is_about_all(lab: Lab) -> None:
    assert simulate(lab, GET) == {
        "EvalActionName": "s3:GetObject",
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": 95},
            }
        ],
        "MissingContextValues": [],
    }


def test_with_resources_each_has_its_own_result_and_the_strictest_counts(lab: Lab) -> None:
    result = simulate(lab, policy(allow(resource=A)), ResourceArns=[A, B])
    assert (result["EvalDecision"], result["EvalDecisionDetails"], sources(result)) == (
        "implicitDeny", {}, ["PolicyInputList.1"],
    )  # fmt: skip
    first, second = result["ResourceSpecificResults"]
    assert (first["EvalResourceName"], first["EvalResourceDecision"], len(first["MatchedStatements"])) == (
        A, "allowed", 1,
    )  # fmt: skip
    assert second == {"EvalResourceName": B, "EvalResourceDecision": "implicitDeny"}


def test_a_single_resource_is_echoed(lab: Lab) -> None:
    assert simulate(lab, GET, ResourceArns=[A])["EvalResourceName"] == A


def test_a_deny_is_shown_alone(lab: Lab) -> None:
    """ "The deny statement is the only entry included in the result." [V: botocore]"""
    result = simulate(lab, GET, policy(deny()))
    assert (result["EvalDecision"], sources(result)) == ("explicitDeny", ["PolicyInputList.2"])


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ('{"Version": "2012-10-17", "Statement": [{"Effect":"Allow","Action":"*","Resource":"*"}]}', (1, 41, 1, 87)),
        (
            '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":'
            '{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}',
            (1, 38, 1, 167),
        ),
        (json.dumps(json.loads(policy(allow("*"))), indent=2), (3, 17, 8, 6)),
        (json.dumps(json.loads(policy(allow("*"))), indent=4), (3, 19, 8, 10)),
    ],
)
def test_a_statement_begins_where_the_token_before_it_ends(lab: Lab, text: str, span: tuple[int, ...]) -> None:
    """Method: texts whose positions AWS has shown: compact and spaced, a single object, AWS's own indented policies."""
    entry = {"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": ["2019-04-25T11:00:00Z"]}
    result = simulate(lab, text, action="dynamodb:CreateBackup", ContextEntries=[entry | {"ContextKeyType": "date"}])
    assert spans(result) == [span]


def test_a_second_statement_begins_at_the_end_of_the_first(lab: Lab) -> None:
    result = simulate(lab, policy(allow(), allow("s3:*")))
    (_, _, _, first_end), (_, second_start, _, _) = spans(result)
    assert first_end == second_start


# layers


def test_an_implicit_deny_shows_no_statement(lab: Lab) -> None:
    assert simulate(lab, policy(allow("s3:PutObject")))["MatchedStatements"] == []


def test_no_policy_at_all_is_an_implicit_deny(lab: Lab) -> None:
    assert decision(lab) == "implicitDeny"


@pytest.mark.parametrize(
    ("boundary", "expected", "is_allowed", "shown"),
    [
        (policy(allow("s3:*")), "allowed", True, ["PolicyInputList.1"]),
        (policy(allow("s3:Put*")), "implicitDeny", False, []),
        (policy(deny()), "explicitDeny", False, ["PermissionsBoundaryPolicyInputList.1"]),
    ],
)
def test_a_boundary_limits_and_says_so(
    lab: Lab, boundary: str, expected: str, is_allowed: bool, shown: list[str]
) -> None:
    result = simulate(lab, GET, PermissionsBoundaryPolicyInputList=[boundary])
    assert (result["EvalDecision"], sources(result)) == (expected, shown)
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": is_allowed}


@pytest.mark.parametrize(
    ("levels", "expected", "is_allowed"),
    [
        (scps(policy(allow("*")), policy(allow("*"))), "allowed", True),
        (scps(policy(allow("*")), policy(deny())), "explicitDeny", False),
        (scps(policy(allow("*")), policy(allow("s3:PutObject"))), "implicitDeny", False),
        (scps(policy(allow("*"), deny("ec2:*"))), "allowed", True),
    ],
)
def test_every_level_of_scps_must_allow_and_shows_nothing(
    lab: Lab, levels: Any, expected: str, is_allowed: bool
) -> None:
    """SCPs have a verdict of their own; their statements and keys are not shown, and a refusal by them ends it all."""
    result = simulate(lab, GET, OrderedOrganizationPolicyInputList=levels, ResourceArns=[A])
    assert result["EvalDecision"] == expected
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": is_allowed}
    assert bool(result["MatchedStatements"]) is ("EvalDecisionDetails" in result) is is_allowed


# the resource's policy


@pytest.mark.parametrize(
    ("identity", "resource_policy", "owner", "expected", "details"),
    [
        ([], given(ADA), HERE, "allowed", {}),
        ([], given("*"), HERE, "allowed", {}),
        ([], given(f"arn:aws:iam::{HERE}:root"), HERE, "implicitDeny", {}),
        ([GET], given(f"arn:aws:iam::{HERE}:root"), HERE, "allowed", {}),
        ([GET], given(ADA, "Deny"), HERE, "explicitDeny", {}),
        ([GET], given(ADA), THERE, "allowed", {"IAM Policy": "allowed", "Resource Policy": "allowed"}),
        ([], given(ADA), THERE, "implicitDeny", {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}),
        ([GET], given(THERE), THERE, "implicitDeny", {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}),
        (
            [GET],
            given(ADA, "Deny"),
            THERE,
            "explicitDeny",
            {"IAM Policy": "allowed", "Resource Policy": "explicitDeny"},
        ),
    ],
)
def test_within_an_account_either_side_allows_across_accounts_both(
    lab: Lab, identity: list[str], resource_policy: str, owner: str, expected: str, details: dict[str, str]
) -> None:
    """policy-evaluation.md 4.3 and 4.5. Across accounts EvalDecisionDetails has each kind of policy by itself."""
    result = simulate(
        lab, *identity, CallerArn=ADA, ResourceArns=[A], ResourcePolicy=resource_policy,
        ResourceOwner=f"arn:aws:iam::{owner}:root",
    )  # fmt: skip
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == (expected, details)
    (specific,) = result["ResourceSpecificResults"]
    assert specific.get("EvalDecisionDetails", {}) == details


def test_a_boundary_is_a_detail_of_its_own_across_accounts(lab: Lab) -> None:
    result = simulate(
        lab, GET, CallerArn=ADA, ResourceArns=[A], ResourcePolicy=given(ADA),
        PermissionsBoundaryPolicyInputList=[policy(allow("ec2:*"))], ResourceOwner=f"arn:aws:iam::{THERE}:root",
    )  # fmt: skip
    assert result["EvalDecisionDetails"]["Permissions Boundary Policy"] == "implicitDeny"


def test_a_key_policy_follows_the_rule_of_keys(lab: Lab) -> None:
    """An identity policy counts only where the key policy delegates to the account (4.6)."""
    key = f"arn:aws:kms:us-east-1:{HERE}:key/k"
    ask = {"action": "kms:Decrypt", "CallerArn": ADA, "ResourceArns": [key]}
    silent = given(f"arn:aws:iam::{HERE}:user/eve", action="kms:*", resource="*")
    delegating = given(f"arn:aws:iam::{HERE}:root", action="kms:*", resource="*")
    everything = policy(allow("kms:*"))
    assert decision(lab, everything, ResourcePolicy=silent, **ask) == "implicitDeny"
    assert decision(lab, everything, ResourcePolicy=delegating, **ask) == "allowed"
    assert decision(lab, ResourcePolicy=delegating, **ask) == "implicitDeny"


def test_a_trust_policy_is_read_and_not_asked(lab: Lab) -> None:
    """As AWS's simulator does (aws-cli issue 10314)."""
    role = f"arn:aws:iam::{HERE}:role/r"
    text = policy({"Effect": "Deny", "Principal": {"AWS": ADA}, "Action": "sts:AssumeRole"})
    ask = {"action": "sts:AssumeRole", "CallerArn": ADA, "ResourceArns": [role]}
    assert decision(lab, policy(allow("sts:*")), ResourcePolicy=text, **ask) == "allowed"
    with pytest.raises(Exception, match="InvalidInput"):
        decision(lab, policy(allow("sts:*")), ResourcePolicy=text.replace("Deny", "No"), **ask)


# context


def test_what_a_policy_asks_and_the_request_does_not_give_is_missing(lab: Lab) -> None:
    """Of every policy but SCPs, also of statements about other actions; only where the answer is an implicit deny."""
    asking = policy(
        allow(Condition={"StringEquals": {"aws:RequestedRegion": "x", "aws:PrincipalTag/Team": "${aws:userid}"}}),
        allow("ec2:*", resource=f"{BUCKET}/${{s3:Prefix}}"),
    )
    hidden = policy(allow("*", Condition={"Null": {"aws:SourceVpc": "true"}}))
    result = simulate(lab, asking, OrderedOrganizationPolicyInputList=scps(hidden))
    assert result["MissingContextValues"] == ["aws:PrincipalTag/Team", "aws:RequestedRegion", "aws:userid", "s3:Prefix"]
    assert simulate(lab, asking, GET)["MissingContextValues"] == []


def entry(key: str, type: str, *values: str) -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyType": type, "ContextKeyValues": list(values)}


@pytest.mark.parametrize(
    ("operator", "wanted", "sent"),
    [
        ("StringEquals", "a", entry("aws:key", "string", "a")),
        ("ForAnyValue:StringEquals", "b", entry("aws:key", "stringList", "a", "b")),
        ("NumericLessThan", "10", entry("aws:key", "numeric", "9.5")),
        ("Bool", "true", entry("AWS:KEY", "boolean", "True")),
        ("IpAddress", "10.0.0.0/8", entry("aws:key", "ip", "10.1.2.3")),
        ("BinaryEquals", "QQ==", entry("aws:key", "binary", "QQ==")),
        ("DateGreaterThan", "2025-01-01T00:00:00Z", entry("aws:key", "date", "2026-01-01T00:00:00Z")),
        ("ForAllValues:NumericGreaterThan", "1", entry("aws:key", "numericList", "2", "3")),
    ],
)
def test_context_entries_have_types(lab: Lab, operator: str, wanted: str, sent: Any) -> None:
    text = policy(allow(Condition={operator: {"aws:key": wanted}}))
    assert decision(lab, text, ContextEntries=[sent]) == "allowed"
    assert decision(lab, text) == ("allowed" if operator.startswith("ForAllValues") else "implicitDeny")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalArn", ADA),
        ("aws:PrincipalAccount", HERE),
        ("aws:username", "ada"),
        ("aws:userid", ADA),
    ],
)
def test_the_caller_implies_his_own_keys_unless_they_are_given(lab: Lab, key: str, value: str) -> None:
    """Known from public captures: aws:userid is the ARN too."""
    text = policy(allow(Condition={"StringEquals": {key: value}}))
    assert decision(lab, text, CallerArn=ADA) == "allowed"
    assert decision(lab, text, CallerArn=ADA, ContextEntries=[entry(key, "string", "other")]) == "implicitDeny"


def test_without_a_caller_the_user_id_is_awss_own_stub(lab: Lab) -> None:
    text = policy(allow(Condition={"StringEquals": {"aws:userid": "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR"}}))
    assert decision(lab, text) == "allowed"


# pages


def test_pages_count_actions_and_a_marker_is_a_place_among_them(lab: Lab) -> None:
    """The second request may ask other things: AWS takes the place all the same."""
    ask: dict[str, Any] = {"PolicyInputList": [GET], "ActionNames": ["s3:PutObject", "iam:GetUser", "s3:GetObject"]}
    first = lab.call(SOURCE, "iam:SimulateCustomPolicy", MaxItems=1, **ask)
    assert ([one["EvalActionName"] for one in first["EvaluationResults"]], first["IsTruncated"]) == (
        ["s3:PutObject"], True,
    )  # fmt: skip
    rest = lab.call(SOURCE, "iam:SimulateCustomPolicy", MaxItems=5, Marker=first["Marker"], **ask)
    assert [one["EvalActionName"] for one in rest["EvaluationResults"]] == ["iam:GetUser", "s3:GetObject"]
    assert (rest["IsTruncated"], "Marker" in rest) == (False, False)


# refusals

RESOURCE = {"CallerArn": ADA, "ResourceArns": [A], "ResourcePolicy": given(ADA)}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"PolicyInputList": [GET, "{"]}, "Policy input list item 2 has invalid content"),
        ({"PolicyInputList": [policy(version="2099-01-01")]}, "Policy input list item 1 has invalid content"),
        (
            {"PermissionsBoundaryPolicyInputList": [GET, GET]},
            "The list of Permissions Boundary policies cannot exceed 1 items.",
        ),
        (
            {"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": []}]},
            "Organization policy at index 1 must contain at least one service control policy",
        ),
        ({"ActionNames": ["GetObject"]}, "The action is invalid since it is missing names"),
        ({"ResourceArns": ["14a050d4"]}, "ResourceNames are not in a valid ARN format: 14a050d4."),
        ({"ResourceArns": [A, "*"]}, "ResourceNames are not in a valid ARN format: *."),
        ({"Marker": "AAAA"}, "Invalid marker for pagination."),
        ({"ResourceOwner": "123456789012"}, "'123456789012' is not a valid as a Resource Owner."),
        (
            {"CallerArn": f"arn:aws:sts::{HERE}:assumed-role/r/s"},
            "Invalid caller - Caller must be an IAM user, role or group in this context.",
        ),
        (
            {"CallerArn": "ec2.amazonaws.com"},
            "Invalid caller - Caller must be an IAM user, role or group in this context.",
        ),
        (RESOURCE | {"CallerArn": None}, "Invalid caller - Caller cannot be null or empty."),
        (
            RESOURCE | {"CallerArn": f"arn:aws:iam::{HERE}:role/r"},
            "Invalid caller - Caller must be an IAM user in this context.",
        ),
        (
            RESOURCE | {"ResourceArns": None},
            "Invalid Entity Arn: * does not clearly define entity type and name.",
        ),
        (RESOURCE | {"ResourcePolicy": given(ADA, resource="*")}, "ResourceNames are not in a valid ARN format: *."),
        (
            {"ContextEntries": [entry("aws:k", "numeric", "ten")]},
            "Invalid context value for key aws:k: expected numeric format.",
        ),
        (
            {"ContextEntries": [entry("aws:k", "string", "a", "b")]},
            "Context key string expected a single value, but received 2.",
        ),
        (
            {"ContextEntries": [entry("aws:k", "string", "a"), entry("AWS:K", "string", "b")]},
            "Duplicate context key: AWS:K.",
        ),
        (
            {"ContextEntries": [{"ContextKeyName": "aws:k", "ContextKeyValues": ["a"]}]},
            "Context key aws:k has invalid type null.",
        ),
        (
            {"ContextEntries": [entry("aws:k", "string")]},
            "Context values for context key aws:k cannot be null or empty.",
        ),
    ],
)
def test_what_can_not_be_simulated_is_refused(lab: Lab, parameters: dict[str, Any], message: str) -> None:
    """All InvalidInput, as AWS answers; texts that are inferred are marked so in simulation_errors.py."""
    sent = {"PolicyInputList": [GET], "ActionNames": ["s3:GetObject"]} | parameters
    assert lab.refused(SOURCE, "iam:SimulateCustomPolicy", **sent) == ("InvalidInput", message)


def test_an_instance_scenario_needs_its_resources(lab: Lab) -> None:
    def arn(type: str) -> str:
        return f"arn:aws:ec2:us-east-1:{HERE}:{type}/x"

    there = [arn(type) for type in ("instance", "image", "security-group", "network-interface")]
    ask = {"PolicyInputList": [policy(allow("ec2:*"))], "ActionNames": ["ec2:RunInstances"]}
    ask["ResourceHandlingOption"] = "EC2-VPC-EBS"
    code, message = lab.refused(SOURCE, "iam:SimulateCustomPolicy", ResourceArns=there, **ask)
    assert (code, "volume" in message) == ("InvalidInput", True)
    assert lab.call(SOURCE, "iam:SimulateCustomPolicy", ResourceArns=[*there, arn("volume")], **ask)


def test_a_simulation_needs_permission(lab: Lab) -> None:
    bob = lab.user(SOURCE, "bob")
    code, message = lab.refused(bob, "iam:SimulateCustomPolicy", PolicyInputList=[GET], ActionNames=["s3:GetObject"])
    assert (code, message.endswith("allows the iam:SimulateCustomPolicy action")) == ("AccessDenied", True)


# context keys


def test_the_keys_of_policies_are_those_of_variables_and_conditions(lab: Lab) -> None:
    """Method: the CLI's example, and a key that is spelled twice and in another case."""
    example = policy(
        allow(
            "dynamodb:*",
            "arn:aws:dynamodb:us-west-2:123456789012:table/${aws:username}",
            Condition={"DateGreaterThan": {"aws:CurrentTime": "2015-08-16T12:00:00Z"}},
        )
    )
    found = lab.call(SOURCE, "iam:GetContextKeysForCustomPolicy", PolicyInputList=[example])
    assert found == {"ContextKeyNames": ["aws:username", "aws:CurrentTime"]}
    again = policy(allow(Condition={"StringLike": {"AWS:UserName": "${aws:PrincipalTag/Team, 'x'}"}}))
    found = lab.call(SOURCE, "iam:GetContextKeysForCustomPolicy", PolicyInputList=[example, again])
    assert found == {"ContextKeyNames": ["aws:username", "aws:CurrentTime", "aws:PrincipalTag/Team"]}
