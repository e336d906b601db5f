"""No policy, pattern or number of grants makes a decision dear. Work is counted here; seconds are `make bench`'s.

RESEAL_SOAK=1 takes 100,000 hostile pairs, and a key with its 50,000 grants.
"""

from __future__ import annotations

import os
from functools import partial

import pytest

from app.policy.across import KMS_ACROSS_ACCOUNTS
from app.policy.causes import Cause
from app.policy.decide import decide
from app.policy.match import glob
from app.services import all_services
from tests.policy_proofs.hostile import fits, pairs
from tests.policy_proofs.large import Grants, about_many_statements, statements_within
from tests.work import steps

SOAK = bool(os.environ.get("RESEAL_SOAK"))
PAIRS = 100_000 if SOAK else 5_000
MANY_GRANTS = 50_000 if SOAK else 4_000


def test_hostile_patterns_are_matched_rightly_and_come_back() -> None:
    """Method: near misses, beside a matcher that takes length times length steps. One pair costs a matcher that tries
    again from every star years, so that to end is the proof."""
    for pattern, text in pairs(PAIRS):
        assert glob((pattern,))(text) is fits(pattern, text), (pattern, text)


@pytest.mark.parametrize("trace", [False, True], ids=["fast", "traced"])
def test_a_decision_costs_in_proportion_to_its_statements(trace: bool) -> None:
    """Method: key policies of n, 2n and 4n statements, none of which applies; each doubling adds twice as much."""
    asked = [about_many_statements(count) for count in (250, 500, 1000)]
    counted = [steps(partial(decide, one, trace=trace)) for one in asked]
    first, second = counted[1] - counted[0], counted[2] - counted[1]
    assert second == pytest.approx(2 * first, rel=0.02)
    assert counted[2] < 1000 * 50


def test_the_policies_measured_are_as_large_as_kms_takes() -> None:
    assert statements_within() > 200
    asked = about_many_statements(statements_within())
    assert asked.layers.resource
    assert len(asked.layers.resource.document.text) < 32 * 1024
    assert decide(asked).cause is Cause.KEY_POLICY_CONDITION


@pytest.mark.parametrize(
    ("action", "allowed"),
    [("kms:Decrypt", True), ("kms:Encrypt", True), ("kms:Sign", False), ("kms:DescribeKey", False)],
)
def test_a_decision_among_many_grants_looks_at_those_that_may_allow(action: str, allowed: bool) -> None:
    """Method: ten times as many grants on the key, and as many calls but for the depth of an index."""
    few, many = Grants(MANY_GRANTS // 10), Grants(MANY_GRANTS)
    assert decide(few.ask(action)).allowed is decide(many.ask(action)).allowed is allowed
    assert steps(lambda: decide(many.ask(action))) < 3 * steps(lambda: decide(few.ask(action)))
    assert len(many.ask(action).layers.grants) <= 100


def test_the_engine_and_kms_agree_on_what_works_across_accounts() -> None:
    """The table of the engine, and what each operation of KMS declares, are written apart."""
    operations = all_services().by_prefix["kms"].operations.values()
    declared = {f"kms:{one.name.lower()}" for one in operations if one.across_accounts.startswith("yes")}
    halves = {"kms:reencryptfrom", "kms:reencryptto"}
    assert declared - {"kms:reencrypt"} | halves == KMS_ACROSS_ACCOUNTS
