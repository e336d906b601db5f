"""AWS names the managed policy that denies, by its ARN, to those who may know it [V: PA, policy-evaluation.md 5.1]."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.policy.decide import decide
from app.policy.messages import reason
from app.policy.question import LayerKind, Layers, Level, Place, Policy, Question
from tests.policy.build import HERE, THERE, policy, question

SCP = "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd"
MANAGED = f"arn:aws:iam::{HERE}:policy/no-kms"
DENY = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
ALLOWED = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def named(kind: LayerKind, name: str) -> Policy:
    statement = DENY | ({"Principal": "*"} if kind in (LayerKind.RCP, LayerKind.RESOURCE) else {})
    found = policy(kind, [statement])
    return Policy(Place(kind, HERE, name, "x"), found.document)


def asked(layers: Layers, **more: str) -> Question:
    return replace(question({"identity": ALLOWED, **more}), layers=layers)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (Layers(scps=(Level("r", (named(LayerKind.SCP, SCP),)),)), f"a service control policy: {SCP}"),
        (Layers(identity=(named(LayerKind.IDENTITY, MANAGED),)), f"an identity-based policy: {MANAGED}"),
        (Layers(boundary=named(LayerKind.BOUNDARY, MANAGED)), f"a permissions boundary: {MANAGED}"),
        (Layers(identity=(named(LayerKind.IDENTITY, "inline"),)), "an identity-based policy"),
        (Layers(resource=named(LayerKind.RESOURCE, MANAGED)), "a resource-based policy"),
    ],
)
def test_an_explicit_deny_names_its_managed_policy(layers: Layers, words: str) -> None:
    one = asked(layers)
    assert reason(decide(one), one.action) == f"with an explicit deny in {words}"


@pytest.mark.parametrize(("owner", "tail"), [(HERE, f": {SCP}"), (THERE, "")])
def test_a_caller_of_another_account_is_not_told(owner: str, tail: str) -> None:
    """Method: the same RCP denies at home, and on a resource of another account."""
    one = asked(Layers(rcps=(Level("r", (named(LayerKind.RCP, SCP),)),)), owner=owner)
    assert reason(decide(one), one.action) == f"with an explicit deny in a resource control policy{tail}"
