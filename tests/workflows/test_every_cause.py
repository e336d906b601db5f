"""Each cause of the closed table can be met: a shipped scenario expects it, and says what would repair it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario_runs import SCENARIOS

from app.policy.causes import BY_CODE, Cause
from workflows.format import StepSpec
from workflows.scenario import Scenario, load
from workflows.sweep.load import is_sweep

# No public call comes to these. Each reason says what would have to be simulated first.
UNREACHED = {
    "reseal has no service yet whose resources have policies of the plain kind (S3, SQS)": (
        Cause.RESOURCE_POLICY_SILENT,
        Cause.RESOURCE_POLICY_DENIES,
        Cause.RESOURCE_POLICY_CONDITION,
    ),
    "reseal does not simulate custom key stores, so no key's store is out of reach": (Cause.KEY_UNAVAILABLE,),
}
ONES = sorted((SCENARIOS / "causes").glob("D*.reseal.yaml"))


def steps(scenario: Scenario) -> tuple[StepSpec, ...]:
    return (*scenario.spec.given, *scenario.spec.steps)


def expected(step: StepSpec) -> Iterator[Cause]:
    """The causes that a step is expected to be refused for."""
    if step.expect:
        named = (step.expect.cause, step.expect.decision and step.expect.decision.cause)
        yield from (BY_CODE.get(name) or Cause[name] for name in named if name)


def test_every_cause_is_expected_by_a_scenario_or_declared_out_of_reach_and_not_both() -> None:
    scenarios = [load(path) for path in SCENARIOS.rglob("*.reseal.yaml") if not is_sweep(path)]
    reached = {cause for scenario in scenarios for step in steps(scenario) for cause in expected(step)}
    unreached = {cause for causes in UNREACHED.values() for cause in causes}
    assert reached & unreached == set()
    assert reached | unreached == set(Cause)


@pytest.mark.parametrize("path", ONES, ids=lambda path: path.name)
def test_a_scenario_is_named_after_its_cause_and_says_what_repairs_it(path: Path) -> None:
    code, _, name = path.name.removesuffix(".reseal.yaml").partition("-")
    cause = BY_CODE[code]
    assert name == cause.name.lower().replace("_", "-")
    [*claims] = (step.expect.repair for step in steps(load(path)) if step.expect and cause in expected(step))
    assert claims
    assert all(claims)


def test_there_is_one_scenario_for_each_cause() -> None:
    unreached = sum(map(len, UNREACHED.values()))
    assert len(ONES) == len(Cause) - unreached
