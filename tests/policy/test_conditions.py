"""Conditions, a row each: every operator, absent keys, set operators, variables."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from app.policy.decide import decide
from app.policy.operators import OPERATORS
from app.policy.trace import Outcome, Why

from .build import question

ROWS = yaml.safe_load((Path(__file__).parent / "cases" / "conditions.yaml").read_text())
Value = str | list[str] | None


def asked(operator: str, values: object, found: Value) -> dict[str, object]:
    context: dict[str, object] = {"aws:u": "ada", "aws:star": "a*"}
    if found is not None:
        context["aws:k"] = found
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"AWS:K": values}}}
    return {"identity": [statement], "context": context}


@pytest.mark.parametrize(("operator", "values", "found", "holds"), ROWS, ids=map(str, ROWS))
def test_a_condition_holds_as_documented(operator: str, values: object, found: Value, holds: bool) -> None:
    assert decide(question(asked(operator, values, found))).allowed is holds


def test_every_operator_has_a_row() -> None:
    """Goal: none of the table is untested."""
    tested = {row[0].rpartition(":")[2].removesuffix("IfExists").lower() for row in ROWS}
    assert tested == set(OPERATORS)


@pytest.mark.parametrize(
    ("operator", "value", "found", "why"),
    [
        ("StringEquals", "a", None, Why.KEY_ABSENT),
        ("StringEquals", "a", ["a"], Why.MANY_VALUES),
        ("StringNotEquals", "${aws:none}", "a", Why.VARIABLE_ABSENT),
        ("NumericEquals", "ten", "10", Why.VALUE_MALFORMED),
        ("StringEquals", "a", "b", Why.COMPARED),
    ],
)
def test_the_trace_says_why_values_alone_do_not_tell(operator: str, value: str, found: Value, why: Why) -> None:
    decision = decide(question(asked(operator, value, found)), trace=True)
    (condition,) = [one for one in decision.layers[0].statements[0].elements if one.element == "Condition"]
    assert condition.why is why
    assert (condition.operator, condition.key) == (operator, "AWS:K")
    assert (condition.outcome is Outcome.MATCHED) is decision.allowed
    assert condition.wanted == (value,)
