"""Policies audited: each check on a policy that it is about, none on policies as AWS writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.outside.audit import Finding, audited
from app.outside.reading import source_of

ACCOUNT, OTHER = "111122223333", "444455556666"


def root(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"} | more


def document(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)} | more


def found(body: Any, kind: str = "identity") -> list[Finding]:
    return audited(source_of(body if isinstance(body, str) else json.dumps(body, indent=2), "policy.json"), kind)


def codes(body: Any, kind: str = "identity") -> set[str]:
    return {one.issue.code for one in found(body, kind)}


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


OWN = statement(Sid="Own", Principal=root(ACCOUNT), Action="kms:*")


def key(*more: dict[str, Any]) -> dict[str, Any]:
    return document(OWN, *more)


def without(name: str, **more: Any) -> dict[str, Any]:
    return {one: value for one, value in statement(**more).items() if one != name}


FOREIGN = {"Principal": root(OTHER)}
CASES: tuple[tuple[str, str, Any], ...] = (  # issue code, kind, policy
    ("MISSING_STATEMENT", "identity", {"Version": "2012-10-17"}),
    ("MISSING_VERSION", "identity", {"Statement": [statement()]}),
    ("INVALID_VERSION", "identity", document(statement()) | {"Version": "2012-10-18"}),
    ("VARIABLES_NEED_VERSION_2012", "identity",
     {"Version": "2008-10-17", "Statement": statement(Resource="arn:aws:s3:::b/${aws:username}")}),
    ("POLICY_SIZE_EXCEEDS_QUOTA", "session",
     document(statement(Resource=[f"arn:aws:s3:::{n:040}" for n in range(60)]))),
    ("UNSUPPORTED_ELEMENT", "identity", document(statement(Resources="*"))),
    ("UNSUPPORTED_ELEMENT", "identity", document(statement(Principal="*"))),
    ("UNSUPPORTED_ELEMENT", "trust", document(statement(Principal=root(OTHER), Action="sts:AssumeRole"))),
    ("UNSUPPORTED_ELEMENT_COMBINATION", "identity", document(statement(NotAction="s3:*"))),
    ("MISSING_EFFECT", "identity", document(without("Effect"))),
    ("INVALID_EFFECT", "identity", document(statement(Effect="allow"))),
    ("MISSING_ACTION", "identity", document(without("Action"))),
    ("MISSING_RESOURCE", "identity", document(without("Resource"))),
    ("MISSING_PRINCIPAL", "key", document(statement())),
    ("INVALID_PRINCIPAL_FORMAT", "key", key(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:group/g"}))),
    ("INVALID_PRINCIPAL_FORMAT", "key", key(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:role/*"}))),
    ("INVALID_ACTION", "identity", document(statement(Action="kms:ReEncrypt"))),
    ("INVALID_ACTION", "identity", document(statement(Action="kms:Decript*"))),
    ("INVALID_ACTION", "identity", document(statement(Action="Decrypt"))),
    ("INVALID_SERVICE_IN_ACTION", "identity", document(statement(Action="kmss:Decrypt"))),
    ("INVALID_ARN_PREFIX", "identity", document(statement(Resource="key/1"))),
    ("MISSING_ARN_FIELD", "identity", document(statement(Resource="arn:aws:kms:us-east-1"))),
    ("INVALID_ARN_ACCOUNT", "identity", document(statement(Resource="arn:aws:kms:us-east-1:nobody:key/1"))),
    ("INVALID_CONDITION_OPERATOR", "identity", document(statement(**when("StringEqual", "aws:userid", "x")))),
    ("DATA_TYPE_MISMATCH", "identity", document(statement(**when("IpAddress", "aws:SourceIp", "300.1.1.1")))),
    ("WILDCARD_WITHOUT_LIKE_OPERATOR", "identity", document(statement(**when("StringEquals", "aws:userid", "A*")))),
    ("INVALID_GLOBAL_CONDITION_KEY", "identity", document(statement(**when("StringEquals", "aws:PrincipleArn", "x")))),
    ("INVALID_SERVICE_CONDITION_KEY", "identity", document(statement(**when("StringEquals", "kms:ViaServices", "x")))),
    ("TYPE_MISMATCH", "identity", document(statement(**when("NumericEquals", "aws:SecureTransport", "1")))),
    ("MULTIVALUED_KEY_WITHOUT_SET_OPERATOR", "identity",
     document(statement(**when("StringEquals", "aws:TagKeys", "x")))),
    ("UNIQUE_SIDS_RECOMMENDED", "identity", document(statement(Sid="A"), statement(Sid="A", Action="s3:GetObject"))),
    ("INVALID_SID", "identity", document(statement(Sid="with blank"))),
    ("EMPTY_ARRAY_ACTION", "identity", document(statement(Action=[]))),
    ("EMPTY_OBJECT_CONDITION", "identity", document(statement(Condition={}))),
    ("REDUNDANT_ACTION", "identity", document(statement(Action=["kms:*", "kms:Decrypt"]))),
    ("REDUNDANT_STATEMENT", "identity", document(statement(Sid="A"), statement(Sid="B"))),
    ("PRINCIPAL_STAR_WITHOUT_CONDITION", "key", key(statement(Principal="*"))),
    ("ALLOW_WITH_NOT_PRINCIPAL", "key", key(statement(NotPrincipal=root(OTHER)))),
    ("DENY_WITH_NOT_PRINCIPAL", "key", key(statement(Effect="Deny", NotPrincipal=root(OTHER)))),
    ("ALLOW_WITH_NOT_ACTION", "identity", document(without("Action", NotAction="iam:*"))),
    ("ALLOW_WITH_NOT_RESOURCE", "identity", document(without("Resource", NotResource="arn:aws:s3:::b"))),
    ("PASS_ROLE_WITH_STAR_IN_RESOURCE", "identity", document(statement(Action="iam:PassRole"))),
    ("PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", "identity", document(statement(Action="iam:*"))),
    ("CREATE_SLR_WITH_STAR_IN_RESOURCE", "identity", document(statement(Action="iam:CreateServiceLinkedRole"))),
    ("FORALLVALUES_WITH_SINGLE_VALUED_KEY", "identity",
     document(statement(**when("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-1")))),
    ("FORALLVALUES_HOLDS_WHEN_ABSENT", "identity",
     document(statement(**when("ForAllValues:StringEquals", "aws:TagKeys", "x")))),
    ("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", "key", key(statement(Principal={"Service": "logs.amazonaws.com"}))),
    ("TRUST_OF_WHOLE_ACCOUNT", "trust", document(without("Resource", **FOREIGN, Action="sts:AssumeRole"))),
    ("DENY_HOLDS_WHEN_KEY_IS_ABSENT", "key",
     key(statement(Effect="Deny", Principal="*", **when("StringNotEquals", "aws:PrincipalOrgID", "o-1")))),
    ("MFA_DENY_MISSES_LONG_TERM_KEYS", "identity",
     document(statement(Effect="Deny", **when("Bool", "aws:MultiFactorAuthPresent", "false")))),
    ("KEY_POLICY_LOCKS_OUT", "key", document(statement(Principal=root(ACCOUNT)))),
    ("KEY_POLICY_WITHOUT_ACCOUNT_ROOT", "key",
     document(statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/admin"}, Action="kms:*"))),
    ("CREATE_GRANT_WITHOUT_AWS_RESOURCE", "key", key(statement(**FOREIGN, Action="kms:CreateGrant"))),
    ("KEY_POLICY_RESOURCE_IS_NOT_STAR", "key",
     key(statement(**FOREIGN, Resource=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"))),
    ("ALIAS_IN_KEY_RESOURCE", "identity", document(statement(Resource=f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/app"))),
    ("VIA_SERVICE_OF_EBS_IS_EC2", "key",
     key(statement(**FOREIGN, **when("StringEquals", "kms:ViaService", "ebs.us-east-1.amazonaws.com")))),
    ("VIA_SERVICE_MALFORMED", "key", key(statement(**FOREIGN, **when("StringEquals", "kms:ViaService", "ec2")))),
    ("RETIRE_GRANT_IN_KEY_POLICY", "key", key(statement(**FOREIGN, Action="kms:RetireGrant"))),
    ("NO_EFFECT_ACROSS_ACCOUNTS", "key", key(statement(**FOREIGN, Action="kms:DisableKey"))),
    ("PRINCIPAL_WAS_DELETED", "key", key(statement(Principal={"AWS": "AROAEXAMPLEROLEID1234"}))),
    ("SCP_ALLOWS_NOTHING", "scp", document(statement(Effect="Deny"))),
    ("RCP_CAN_ONLY_DENY", "rcp", document(statement(Principal="*"))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("code", "kind", "policy"), CASES, ids=[f"{code}-{nth}" for nth, (code, _, _) in enumerate(CASES)]
)
def test_a_check_finds_what_it_is_about(code: str, kind: str, policy: Any) -> None:
    assert code in codes(policy, kind)


def test_at_least_twenty_five_checks_are_shown() -> None:
    assert len({code for code, _, _ in CASES}) >= 25


CLEAN = (
    ("key", key(statement(Sid="Use", **FOREIGN, Action=["kms:Decrypt", "kms:ReEncrypt*", "kms:DescribeKey"]),
                statement(Sid="Grants", **FOREIGN, Action=["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
                          **when("Bool", "kms:GrantIsForAWSResource", "true")))),
    ("identity", document(statement(Sid="Read", Action=["ec2:DescribeSnapshots", "ec2:CopySnapshot"]))),
    ("identity", document(statement(Resource=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1",
                                    **when("StringEquals", "kms:EncryptionContext:aws:ebs:id", "vol-1")))),
    ("scp", document(statement(Action="*"))),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "policy"), CLEAN)
def test_a_policy_as_aws_documents_it_has_no_finding(kind: str, policy: Any) -> None:
    assert codes(policy, kind) == set()


def test_a_finding_has_aws_s_members_and_a_span_that_holds_the_value() -> None:
    """Line from 1, column and offset from 0, as Access Analyzer counts; path elements by value and by index."""
    text = json.dumps(document(statement(Action=["kms:Decrypt", "kms:ReEncrypt"])), indent=2)
    one = next(each.as_json() for each in found(text) if each.issue.code == "INVALID_ACTION")
    location = one["locations"][0]
    start, end = location["span"]["start"], location["span"]["end"]
    assert text[start["offset"] : end["offset"]] == '"kms:ReEncrypt"'
    assert text.splitlines()[start["line"] - 1][start["column"] :] == '"kms:ReEncrypt"'
    assert location["path"] == [{"value": "Statement"}, {"index": 0}, {"value": "Action"}, {"index": 1}]
    assert (one["findingType"], one["learnMoreLink"] is not None) == ("ERROR", True)


def test_a_policy_inside_an_answer_of_aws_s_command_is_audited_in_it() -> None:
    answer = {"PolicyName": "p", "PolicyDocument": document(statement(Action="kms:ReEncrypt"))}
    one = next(each for each in found(answer) if each.issue.code == "INVALID_ACTION")
    assert one.path == "/PolicyDocument/Statement/0/Action"
    assert "INVALID_ACTION" in codes({"Policy": json.dumps(document(statement(Action="kms:ReEncrypt")))})


@pytest.mark.parametrize(
    "text",
    ["[]", '{"Statement": 1}', '{"Statement": [1]}', '{"Statement": {"Effect": {}}}',
     '{"Statement": [{"Condition": []}]}',
     '{"Statement": {"Action": {"a": 1}, "Principal": [1, null], "Condition": {"Bool": 3}}}'],
)  # fmt: skip
def test_any_json_has_findings_and_no_traceback(text: str) -> None:
    for kind in ("identity", "key", "trust", "scp", "rcp"):
        assert found(text, kind)


# What some scenarios are about: the policy that locks out, or has no effect.
ON_PURPOSE = {
    "source-key-use-only.json": "KEY_POLICY_LOCKS_OUT",
    "key-locks-out.json": "KEY_POLICY_LOCKS_OUT",
    "key-dead-statement.json": "MISSING_ACTION",
}
NOT_A_KEY_POLICY = {"rcp.json"}  # of the organization: it looks like one


def test_the_scenarios_own_policies_have_no_error_but_those_that_scenarios_are_about() -> None:
    """Those of sweeps are templates, and policies only with a cell's values in them."""
    folder = Path(__file__).parents[2] / "scenarios"
    paths = [path for path in folder.rglob("policies/*.json") if path.parent.parent.name != "sweeps"]
    findings = [
        (path.name, one)
        for path in paths
        if path.name not in NOT_A_KEY_POLICY
        for one in audited(source_of(path.read_text(), path.name))
    ]
    found = {name: one.issue.code for name, one in findings if one.issue.type == "ERROR"}
    assert found == ON_PURPOSE
