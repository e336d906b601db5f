"""Golden cases: how layers combine, and section 6's traps. Each is a reader's sentence with its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.policy.causes import Cause
from app.policy.decide import decide
from app.policy.messages import denial, reason
from app.policy.question import LayerKind

from .build import FIELDS, question

CASES = Path(__file__).parent / "cases"


def cases(*names: str) -> list[Any]:
    written = [case for name in names for case in yaml.safe_load((CASES / f"{name}.yaml").read_text())]
    return [pytest.param(case, id=case["name"].replace(" ", "-")) for case in written]


@pytest.mark.parametrize("case", cases("decisions", "traps"))
def test_a_question_is_decided_as_aws_decides_it(case: dict[str, Any]) -> None:
    """Method: the decision without a trace, then with; both say the same. Only what the case states is compared."""
    asked = question(case)
    decision, traced = decide(asked), decide(asked, trace=True)
    assert set(case) <= FIELDS, "a field that no case has would be ignored"
    assert case["mark"] in "DVOI"
    assert case["source"]
    assert decision.effect.value == case["expect"], decision
    assert decision.cause is (Cause[case["cause"]] if "cause" in case else decision.cause)
    assert decision.layer is (LayerKind(case["layer"]) if "layer" in case else decision.layer)
    assert decision.on_owner_side is case.get("on_owner_side", decision.on_owner_side)
    if "reason" in case:
        assert reason(decision, asked.action) == case["reason"]
    same = ("allowed", "effect", "cause", "layer", "on_owner_side", "decided_by")
    assert [getattr(decision, name) for name in same] == [getattr(traced, name) for name in same]
    assert decision.allowed is (decision.cause is None) is (decision.layer is None)


def test_the_message_is_aws_s_with_or_without_the_resource() -> None:
    asked = question(
        {"rule": "kms-key", "resource": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}
    )
    subject = "User: arn:aws:iam::111111111111:user/dev/ada is not authorized to perform: kms:Decrypt"
    tail = "with an explicit deny in a resource-based policy"
    decision = decide(asked)
    assert denial(decision, asked) == f"{subject} on resource: {asked.resource} {tail}"
    assert denial(decision, asked, "on this resource") == f"{subject} on this resource {tail}"
    assert denial(decision, asked, "") == f"{subject} {tail}"


def test_an_allowed_request_has_no_reason() -> None:
    allowed = question({"identity": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    with pytest.raises(ValueError, match="allowed"):
        reason(decide(allowed), allowed.action)
