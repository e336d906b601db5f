"""The simulator has no semantics of its own: it agrees with the engine, whatever the policies are."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.policy.decide import decide
from app.policy.document import DocumentKind, parse
from app.policy.question import LayerKind, Layers, Level, Place, Policy, Principal, PrincipalKind, Question, Rule
from tests.iam.lab import SOURCE, Lab

from .asking import ADA, HERE, THERE, A, B, policy

EXAMPLES = 3000 if os.environ.get("RESEAL_SOAK") else 120
SAYS = {"Allowed": "allowed", "ExplicitlyDenied": "explicitDeny", "ImplicitlyDenied": "implicitDeny"}
LAB = Lab()

ACTIONS = ("s3:GetObject", "s3:PutObject")
CONDITIONS = (
    None, {"StringEquals": {"aws:k": "a"}}, {"StringNotLike": {"aws:k": "b*"}}, {"Null": {"aws:j": "true"}},
    {"ForAnyValue:StringEquals": {"aws:j": ["x", "y"]}}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/dev/*"}},
)  # fmt: skip


def statement(principals: tuple[Any, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "Effect": st.sampled_from(("Allow", "Allow", "Allow", "Deny")),
        "Action": st.sampled_from(("*", "s3:*", "s3:Get*", *ACTIONS)),
        "Resource": st.sampled_from((A, B, "arn:aws:s3:::reports/*", *(() if principals else ("*",)))),
    }
    fields |= {"Principal": st.sampled_from(principals)} if principals else {}
    return st.tuples(st.fixed_dictionaries(fields), st.sampled_from(CONDITIONS)).map(
        lambda pair: pair[0] | ({"Condition": pair[1]} if pair[1] else {})
    )


def texts(one: st.SearchStrategy[dict[str, Any]], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.lists(one, min_size=1, max_size=3).map(lambda found: policy(*found)), max_size=most)


WHOM = ({"AWS": ADA}, {"AWS": HERE}, {"AWS": THERE}, "*", {"Service": "ec2.amazonaws.com"})
CASES = st.fixed_dictionaries(
    {
        "identity": texts(statement(), 3),
        "boundary": texts(statement(), 1),
        "scps": texts(statement(), 2),
        "resource": texts(statement(WHOM), 1),
        "owner": st.sampled_from((HERE, THERE)),
        "context": st.dictionaries(st.sampled_from(("aws:k", "aws:j")), st.sampled_from(("a", "b", "x"))),
    }
)


def question(case: dict[str, Any], action: str, resource: str) -> Question:
    def made(kind: LayerKind, document: DocumentKind, written: list[str]) -> tuple[Policy, ...]:
        return tuple(Policy(Place(kind, "", str(n), ""), parse(text, document)) for n, text in enumerate(written))

    resource_policy = next(iter(made(LayerKind.RESOURCE, DocumentKind.RESOURCE, case["resource"])), None)
    scps = made(LayerKind.SCP, DocumentKind.SCP, case["scps"])
    return Question(
        principal=Principal(PrincipalKind.USER, HERE, ADA, ""),
        action=action,
        resource=resource,
        resource_account=case["owner"] if resource_policy else HERE,
        context={"aws:PrincipalArn": ADA, "aws:PrincipalAccount": HERE, "aws:username": "ada"} | case["context"],
        layers=Layers(
            identity=made(LayerKind.IDENTITY, DocumentKind.IDENTITY, case["identity"]),
            boundary=next(iter(made(LayerKind.BOUNDARY, DocumentKind.BOUNDARY, case["boundary"])), None),
            scps=tuple(Level(str(n), (one,)) for n, one in enumerate(scps)),
            resource=resource_policy,
            rule=Rule.PLAIN if resource_policy else Rule.NONE,
        ),
    )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CASES)
def test_every_simulated_decision_is_the_engines(case: dict[str, Any]) -> None:
    """And the strictest of an action's resources is the action's. Method: both asked the same, over few names."""
    parameters = {
        "PermissionsBoundaryPolicyInputList": case["boundary"],
        "OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": [text]} for text in case["scps"]],
        "ContextEntries": [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in case["context"].items()
        ],
        "ResourcePolicy": next(iter(case["resource"]), None),
    }
    answer = LAB.call(
        SOURCE, "iam:SimulateCustomPolicy", PolicyInputList=case["identity"], ActionNames=list(ACTIONS),
        ResourceArns=[A, B], CallerArn=ADA,
        ResourceOwner=f"arn:aws:iam::{case['owner']}:root", **{key: one for key, one in parameters.items() if one},
    )  # fmt: skip
    for result in answer["EvaluationResults"]:
        decisions = [one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]]
        wanted = [SAYS[decide(question(case, result["EvalActionName"], arn)).effect.value] for arn in (A, B)]
        assert decisions == wanted, json.dumps(case)
        order = ("explicitDeny", "implicitDeny", "allowed")
        assert result["EvalDecision"] == min(decisions, key=order.index)
