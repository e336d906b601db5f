"""POST /api/v1/policy/evaluate: a question to the engine, with every policy that may speak in the body."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.doors.rest import strict
from app.doors.rest.policy import policy_router
from app.doors.rest.policy_principals import context_of, principal
from tests.policy.test_decisions import cases
from tests.policy_oracle.generate import build
from tests.policy_oracle.naive import evaluate as naive

HERE, THERE = "111111111111", "222222222222"
ADA = f"arn:aws:iam::{HERE}:user/dev/ada"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/reader/s1"
KEY = f"arn:aws:kms:us-east-1:{HERE}:key/1234abcd"
OBJECT = "arn:aws:s3:::reports/a"
ORACLE_CASES = 20_000 if os.environ.get("RESEAL_SOAK") else 400

ANY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NO = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


def rest() -> TestClient:
    app = FastAPI()
    strict.install(app)
    app.include_router(policy_router(), prefix="/api/v1")
    return TestClient(app, headers={"content-type": "application/json"})


CLIENT = rest()


def post(body: Mapping[str, Any] | str) -> tuple[int, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = CLIENT.post("/api/v1/policy/evaluate", content=text)
    return answer.status_code, answer.json()


def asked(who: str = ADA, action: str = "s3:GetObject", resource: str = OBJECT, **more: Any) -> dict[str, Any]:
    return {"principal": who, "action": action, "resource": resource, **more}


def decided(request: Mapping[str, Any], **policies: Any) -> str:
    status, answer = post({"request": request, **policies})
    assert status == 200, answer
    return answer["decision"]


def refused(request: Any, **policies: Any) -> tuple[int, str]:
    status, answer = post({"request": request, **policies})
    return status, answer["error"]["message"]


def named(*policies: Any) -> list[dict[str, Any]]:
    return [{"name": f"p{n}", "policy": one} for n, one in enumerate(policies)]


def given(who: Any, effect: str = "Allow", action: str = "*", **more: Any) -> dict[str, Any]:
    """A resource's policy."""
    return {"Statement": [{"Effect": effect, "Principal": who, "Action": action, "Resource": "*", **more}]}


# the contract


def test_the_whole_contract_in_one_question() -> None:
    """Every member of the body at once; the trace shows each layer."""
    body = {
        "request": asked(
            action="kms:Decrypt", resource=KEY, resourceAccount=HERE, context={"aws:SecureTransport": True}
        ),
        "identityPolicies": named(ANY),
        "resourcePolicy": given({"AWS": f"arn:aws:iam::{HERE}:root"}),
        "permissionsBoundaries": [ANY],
        "sessionPolicy": None,
        "serviceControlPolicies": [{"ou": "r-1", "policies": [ANY]}, {"ou": HERE, "policies": [ANY]}],
        "resourceControlPolicies": [given("*", "Deny", "kms:Encrypt")],
        "grants": [{"grantId": "g", "granteePrincipal": ADA, "operations": ["Encrypt"], "constraints": None}],
    }
    status, answer = post(body)
    assert (status, set(answer), answer["decision"]) == (200, {"decision", "trace"}, "Allowed")
    assert [layer["kind"] for layer in answer["trace"]["layers"]] == [
        "rcp", "scp", "scp", "resource", "grant", "identity", "boundary",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "decision"),
    [((), "ImplicitlyDenied"), ((ANY,), "Allowed"), ((ANY, NO), "ExplicitlyDenied")],
)
def test_there_are_three_answers(policies: tuple[Any, ...], decision: str) -> None:
    assert decided(asked(), identityPolicies=named(*policies)) == decision


def test_a_policy_is_an_object_or_its_json_text() -> None:
    for written in (ANY, json.dumps(ANY)):
        assert decided(asked(), identityPolicies=named(written)) == "Allowed"


def test_a_refusal_keeps_the_texts_that_were_judged() -> None:
    _, answer = post({"request": asked(), "identityPolicies": named(NO)})
    (kept,) = answer["trace"]["documents"]
    assert (kept["place"]["policy"], json.loads(kept["text"])) == ("p0", NO)


@pytest.mark.parametrize(
    ("who", "match", "decision"),
    [
        (ADA, {"AWS": ADA}, "Allowed"),
        (f"arn:aws:iam::{HERE}:root", {"AWS": HERE}, "Allowed"),
        (HERE, {"AWS": HERE}, "Allowed"),
        (SESSION, {"AWS": f"arn:aws:iam::{HERE}:role/team/reader"}, "Allowed"),
        (SESSION, {"AWS": SESSION}, "Allowed"),
        (f"arn:aws:iam::{HERE}:role/team/reader", {"AWS": f"arn:aws:iam::{HERE}:role/reader"}, "Allowed"),
        (f"arn:aws:sts::{HERE}:federated-user/eve", {"AWS": f"arn:aws:sts::{HERE}:federated-user/eve"}, "Allowed"),
        ("ec2.amazonaws.com", {"Service": "ec2.amazonaws.com"}, "Allowed"),
        ("ec2.amazonaws.com", {"AWS": HERE}, "ImplicitlyDenied"),
        ("*", "*", "Allowed"),
        ("*", {"AWS": HERE}, "ImplicitlyDenied"),
    ],
)
def test_principals_come_in_every_form(who: str, match: Any, decision: str) -> None:
    request = asked(who, "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{HERE}:q")
    assert decided(request, resourcePolicy=given(match)) == decision


@pytest.mark.parametrize(
    ("operator", "wanted", "sent", "decision"),
    [
        ("Bool", "true", True, "Allowed"),
        ("NumericLessThan", "10", 9.5, "Allowed"),
        ("NumericEquals", "7", 7, "Allowed"),
        ("StringEquals", "a", "a", "Allowed"),
        ("ForAnyValue:StringEquals", "b", ["a", "b"], "Allowed"),
        ("ForAnyValue:NumericEquals", "2", [1, 2], "Allowed"),
        ("StringEquals", "b", ["a", "b"], "ImplicitlyDenied"),
    ],
)
def test_context_values_are_texts_booleans_numbers_or_lists(
    operator: str, wanted: str, sent: Any, decision: str
) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"aws:k": wanted}}}
    policy = {"Version": "2012-10-17", "Statement": statement}
    assert decided(asked(context={"AWS:K": sent}), identityPolicies=named(policy)) == decision


def test_keys_that_follow_from_the_principal_are_there_unless_given() -> None:
    wanted = {"StringEquals": {"aws:username": "ada", "aws:PrincipalAccount": HERE, "aws:PrincipalArn": ADA}}
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": wanted}],
    }
    assert decided(asked(), identityPolicies=named(policy)) == "Allowed"
    assert decided(asked(context={"aws:username": "eve"}), identityPolicies=named(policy)) == "ImplicitlyDenied"


# the rule of the owner's side


@pytest.mark.parametrize(
    ("action", "resource", "trust", "with_identity", "decision"),
    [
        ("s3:GetObject", OBJECT, None, True, "Allowed"),
        ("s3:GetObject", OBJECT, {"AWS": HERE}, False, "ImplicitlyDenied"),
        ("kms:Decrypt", KEY, None, True, "ImplicitlyDenied"),
        ("kms:Decrypt", KEY, {"AWS": f"arn:aws:iam::{HERE}:user/eve"}, True, "ImplicitlyDenied"),
        ("kms:Decrypt", KEY, {"AWS": HERE}, True, "Allowed"),
        ("kms:CreateKey", "*", None, True, "Allowed"),
        ("kms:CreateAlias", f"arn:aws:kms:us-east-1:{HERE}:alias/a", None, True, "Allowed"),
        ("ec2:CreateVolume", f"arn:aws:ec2:us-east-1:{HERE}:volume/*", None, True, "Allowed"),
    ],
)
def test_each_service_has_its_rule(action: str, resource: str, trust: Any, with_identity: bool, decision: str) -> None:
    """A key's policy is sovereign, a bucket's is one way in, EC2's resources have none (section 4)."""
    policies = {"identityPolicies": named(ANY)} if with_identity else {}
    policies |= {"resourcePolicy": given(trust)} if trust else {}
    assert decided(asked(action=action, resource=resource), **policies) == decision


def test_a_role_is_assumed_by_its_trust_policy() -> None:
    request = asked(action="sts:AssumeRole", resource=f"arn:aws:iam::{HERE}:role/x")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ADA}, "Action": "sts:AssumeRole"}]}
    assert decided(request, resourcePolicy=trust) == "Allowed"
    assert decided(request, identityPolicies=named(ANY)) == "ImplicitlyDenied"


def test_across_accounts_a_key_can_give_only_some_operations() -> None:
    """ "If you give a user in a different account permission for other operations ... no effect." [V: KX]"""
    open_key = {"resourcePolicy": given("*"), "identityPolicies": named(ANY)}
    eve = f"arn:aws:iam::{THERE}:user/eve"
    assert decided(asked(eve, "kms:Decrypt", KEY), **open_key) == "Allowed"
    assert decided(asked(eve, "kms:DisableKey", KEY), **open_key) == "ImplicitlyDenied"


def grant(who: str, *operations: str, constraints: Any = None) -> dict[str, Any]:
    return {"grantId": "g", "granteePrincipal": who, "operations": list(operations), "constraints": constraints}


PAIRS = {"kms:EncryptionContext:dept": "IT", "kms:EncryptionContext:x": "y"}


def constraint(one: Mapping[str, Any]) -> dict[str, Any] | None:
    return {one["constraint"]: one["pairs"]} if one.get("constraint") else None


@pytest.mark.parametrize(
    ("context", "constraints", "decision"),
    [
        ({}, None, "Allowed"),
        ({}, {"EncryptionContextSubset": {"Dept": "IT"}}, "ImplicitlyDenied"),
        (PAIRS, {"EncryptionContextSubset": {"Dept": "IT"}}, "Allowed"),
        (PAIRS, {"EncryptionContextEquals": {"Dept": "IT"}}, "ImplicitlyDenied"),
    ],
)
def test_a_grant_allows_within_its_constraint(context: Any, constraints: Any, decision: str) -> None:
    request = asked(action="kms:Decrypt", resource=KEY, context=context)
    assert decided(request, grants=[grant(ADA, "Decrypt", constraints=constraints)]) == decision


def test_a_retirement_is_the_grants() -> None:
    request = asked(action="kms:RetireGrant", resource=KEY)
    assert decided(request, grants=[grant(ADA, "Decrypt", "RetireGrant")]) == "Allowed"
    assert decided(request, grants=[grant(ADA, "Decrypt")], identityPolicies=named(ANY)) == "ImplicitlyDenied"
    denying = named({"Statement": [{"Effect": "Deny", "Action": "kms:RetireGrant", "Resource": "*"}]})
    assert decided(request, grants=[grant(ADA, "RetireGrant")], identityPolicies=denying) == "ExplicitlyDenied"


@pytest.mark.parametrize("written", ["bare", "named", "level"])
def test_rcps_come_bare_named_or_in_levels(written: str) -> None:
    """RCPFullAWSAccess may stand among them, as AWS lists it."""
    full = {"Version": "2012-10-17", **given("*")}
    denying = given("*", "Deny", "s3:*")
    policies: dict[str, list[Any]] = {
        "bare": [full, denying],
        "named": named(full, denying),
        "level": [{"ou": "r-1", "policies": [full, json.dumps(denying)]}],
    }
    answer = decided(asked(), identityPolicies=named(ANY), resourceControlPolicies=policies[written])
    assert answer == "ExplicitlyDenied"
    assert decided(asked(), identityPolicies=named(ANY), resourceControlPolicies=policies[written][:0]) == "Allowed"


def test_an_scp_level_without_policies_allows_nothing() -> None:
    levels = [{"ou": "r-1", "policies": [ANY]}, {"ou": HERE, "policies": []}]
    assert decided(asked(), identityPolicies=named(ANY), serviceControlPolicies=levels) == "ImplicitlyDenied"


# refusals


def test_a_mistake_in_an_object_is_shown_at_its_place_in_the_body() -> None:
    body = json.dumps({"request": asked(), "identityPolicies": named({"Statement": [{"Effect": "Alow"}]})}, indent=1)
    line = next(n for n, text in enumerate(body.splitlines(), 1) if "Alow" in text)
    status, answer = post(body)
    column = body.splitlines()[line - 1].index('"Alow') + 1
    assert (status, answer["error"]["message"]) == (
        400,
        f"identityPolicies[0].policy: Effect is Allow or Deny, not 'Alow' (line {line}, column {column})",
    )


def test_a_mistake_in_a_text_is_shown_at_its_place_in_the_text() -> None:
    text = '{\n  "Version": "2012-10-17",\n  "Statment": []\n}'
    assert refused(asked(), sessionPolicy=text) == (
        400, "sessionPolicy: a policy has no element 'Statment' (line 3, column 3)",
    )  # fmt: skip


def test_a_repeated_key_is_not_passed_over() -> None:
    """Other readers of JSON keep the last one."""
    body = {"request": asked(), "resourcePolicy": "HERE"}
    doubled = '{"Statement":[],"Statement":[]}'
    status, answer = post(json.dumps(body).replace('"HERE"', doubled))
    assert (status, "'Statement' stands here twice" in answer["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("request_", "policies", "status", "words"),
    [
        (asked("bob"), {}, 422, "request.principal"),
        (asked(action="GetObject"), {}, 422, "action"),
        (asked(action="s3:Get*"), {}, 422, "action"),
        (asked(resourceAccount="1"), {}, 422, "resourceAccount"),
        (asked(context={"aws:k": None}), {}, 422, "context"),
        (asked(context={"aws:k": "a", "AWS:K": "b"}), {}, 422, "given twice"),
        (asked(unknown=1), {}, 422, "unknown"),
        (asked(), {"identityPolicies": [ANY]}, 422, "identityPolicies"),
        (asked(), {"permissionsBoundaries": [ANY, ANY]}, 422, "at most one"),
        (asked(), {"grants": [grant(ADA, "Decrypt")]}, 422, "only KMS keys have grants"),
        (asked(action="ec2:CreateVolume"), {"resourcePolicy": given("*")}, 422, "no policy of their own"),
        (asked(), {"resourcePolicy": ANY}, 400, "lacks Principal"),
        (asked(), {"identityPolicies": named(given("*"))}, 400, "has no Principal"),
        (asked(), {"resourceControlPolicies": [given("*")]}, 400, "resourceControlPolicies[0]"),
        (asked(), {"sessionPolicy": "{"}, 400, "sessionPolicy"),
        (asked(), {"sessionPolicy": 7}, 422, "sessionPolicy"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(request_: Any, policies: Any, status: int, words: str) -> None:
    found = refused(request_, **policies)
    assert (found[0], words in found[1]) == (status, True), found


# agreement

SERVICES = {"plain": "sqs", "none": "ebs"}  # rule -> a service that has it
CALLERS = {
    "user": ADA, "role": SESSION, "root": f"arn:aws:iam::{HERE}:root", "service": "ec2.amazonaws.com", "anonymous": "*",
    "foreign-user": f"arn:aws:iam::{THERE}:user/dev/ada", "foreign-root": f"arn:aws:iam::{THERE}:root",
    "foreign-role": f"arn:aws:sts::{THERE}:assumed-role/reader/s1",
    "linked": f"arn:aws:sts::{HERE}:assumed-role/AWSServiceRoleForEBS/s1",
}  # fmt: skip
INEXPRESSIBLE = {"endpoint", "ids", "lenient", "encryption_context"}


def in_body(case: Mapping[str, Any]) -> dict[str, Any]:
    """A golden case as a body: for rules of services without keys its actions are those of such a service."""

    def document(statements: Any) -> dict[str, Any]:
        return {"Version": case.get("version", "2012-10-17"), "Statement": statements}

    def levels(key: str) -> list[dict[str, Any]]:
        return [{"ou": str(n), "policies": [document(one)]} for n, one in enumerate(case.get(key, ()))]

    request = asked(CALLERS[case.get("caller", "user")], case.get("action", "kms:Decrypt"), case.get("asked", KEY))
    request |= {"resourceAccount": case.get("owner", HERE), "context": case.get("context", {})}
    given_grants = [
        grant(one["grantee"], *one["operations"], constraints=constraint(one)) for one in case.get("grants", ())
    ]
    return {
        "request": request,
        "identityPolicies": named(document(case["identity"])) if "identity" in case else [],
        "resourcePolicy": document(case["resource"]) if "resource" in case else None,
        "permissionsBoundaries": [document(case["boundary"])] if "boundary" in case else [],
        "sessionPolicy": document(case["session"]) if "session" in case else None,
        "serviceControlPolicies": levels("scps"),
        "resourceControlPolicies": levels("rcps"),
        "grants": given_grants,
    }


def of_service(body: Mapping[str, Any], service: str) -> dict[str, Any]:
    text = re.sub('(?i)"kms:', f'"{service}:', json.dumps(body))
    return json.loads(text.replace(":kms:", f":{service}:"))


@pytest.mark.parametrize("case", cases("decisions", "traps"))
def test_the_golden_cases_of_the_engine_are_answered_alike(case: dict[str, Any]) -> None:
    """Those that a body can say: without endpoint policies, recorded ids, lenient parsing."""
    rule = case.get("rule", "none")
    if INEXPRESSIBLE & case.keys() or case.get("caller") not in {None, *CALLERS} or rule == "retire":
        pytest.skip("a body can not say this")
    body = in_body(case)
    if rule in ("plain", "none") and case.get("action", "kms:").startswith("kms:") and case.get("asked", KEY) == KEY:
        body = of_service(body, SERVICES[rule])
    elif rule in ("plain", "none"):
        pytest.skip("a body can not say this")
    assert decided(body["request"], **{key: one for key, one in body.items() if key != "request"}) == case["expect"]


def spoken(question: Any) -> Any | None:
    """A random question as a text can say it: without unique ids; None where it still says more."""
    caller = question["caller"]
    text = caller["arn"] or "*"
    if question["endpoint"] or caller["kind"] == "federated-user" or len(question["session"] or "1") != 1:
        return None
    if question["session"] == [] or (question["rule"] == "none" and question["resource_policy"]):
        return None
    who = principal(text)
    derived = context_of(who) | {"aws:ResourceAccount": question["resource_account"]}
    plain = caller | {"unique_id": who.unique_id, "issuer_id": "", "issuer_arn": who.issuer_arn}
    given_keys = {key.lower() for key in question["context"]}
    context = {key: value for key, value in derived.items() if key.lower() not in given_keys} | question["context"]
    grants = [one | {"grantee_id": ""} for one in question["grants"]]
    return question | {"caller": plain, "context": context, "saved_ids": {}, "grants": grants}


def as_body(question: Any) -> dict[str, Any]:
    def levels(found: Any) -> list[dict[str, Any]]:
        return [{"ou": str(n), "policies": level} for n, level in enumerate(found)]

    return {
        "request": asked(question["caller"]["arn"] or "*", question["action"], question["resource"])
        | {"resourceAccount": question["resource_account"], "context": question["context"]},
        "identityPolicies": named(*question["identity"]),
        "resourcePolicy": question["resource_policy"],
        "permissionsBoundaries": [one for one in (question["boundary"],) if one],
        "sessionPolicy": next(iter(question["session"] or ()), None),
        "serviceControlPolicies": levels(question["scps"]),
        "resourceControlPolicies": levels(question["rcps"]),
        "grants": [
            grant(one["grantee"], *one["operations"], constraints=constraint(one)) for one in question["grants"]
        ],
    }


def test_the_naive_judge_of_the_reference_agrees() -> None:
    """By another hand, from policy-evaluation.md alone. Method: random questions that a body can say."""
    made = (spoken(build(random.Random(seed))) for seed in range(ORACLE_CASES))
    questions = [question for question in made if question]
    assert len(questions) > ORACLE_CASES // 2
    for question in questions:
        body = as_body(question)
        assert decided(body.pop("request"), **body) == naive(question), json.dumps(question)
