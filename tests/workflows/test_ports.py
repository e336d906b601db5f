"""The same scenario in memory, against a reseal server, and through boto3: one normal form."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from scenario_runs import HAPPY, SCENARIOS, run_in_memory

from app.kernel.operation import Services
from workflows import reports as shown
from workflows.course import account_ids
from workflows.journal import MemoryJournal
from workflows.normal import normal
from workflows.over_boto3 import OverBoto3
from workflows.over_http import OverHttp
from workflows.scenario import load
from workflows.session import is_reseal, runner

# Starting clients takes seconds, so only a long run tries every scenario here.
REFUSED = SCENARIOS / "causes/D101-identity-silent.reseal.yaml"  # with an opaque part in its message
PATHS = sorted(SCENARIOS.rglob("*.reseal.yaml")) if os.environ.get("RESEAL_SOAK") else [HAPPY, REFUSED]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_run_over_http_is_the_same_with_all_its_evidence(
    path: object, services: Services, serve: Callable[[], str]
) -> None:
    """Calls, decisions, events and graph of every step. Method: ids by first appearance, moments left out."""
    scenario = load(str(path), services.operations)
    over_http = runner(scenario, services, OverHttp(serve(), account_ids(scenario))).run()
    assert over_http.ok, shown.as_text(over_http)
    assert normal(over_http) == normal(run_in_memory(scenario, services))


def test_a_run_over_boto3_shows_its_callers_the_same(services: Services, serve: Callable[[], str]) -> None:
    """Without evidence only what callers see is compared, and the report says what was not checked."""
    scenario = load(HAPPY, services.operations)
    over_boto3 = runner(scenario, services, OverBoto3(serve(), account_ids(scenario))).run()
    assert over_boto3.ok, shown.as_text(over_boto3)
    assert normal(over_boto3, evidence=False) == normal(run_in_memory(scenario, services), evidence=False)
    assert "not checked here: expect.events" in shown.as_text(over_boto3)


def test_a_run_over_http_that_is_broken_off_does_no_step_twice(services: Services, serve: Callable[[], str]) -> None:
    """Every call carries its idempotency key, so the server answers again what it did already."""
    scenario, url, journal = load(HAPPY, services.operations), serve(), MemoryJournal()

    class Killed(Exception):
        pass

    passed = []

    def fault(point: str) -> None:
        passed.append(point)
        if passed.count("after-effect") == 7:  # the copy
            raise Killed

    with pytest.raises(Killed):
        runner(scenario, services, OverHttp(url, account_ids(scenario)), journal=journal, fault=fault).run()
    port = OverHttp(url, account_ids(scenario))
    report = runner(scenario, services, port, journal=journal).run()
    assert report.ok, shown.as_text(report)
    assert normal(report) == normal(run_in_memory(scenario, services))
    copies = port.call("target/root", "ec2:DescribeSnapshots", {"OwnerIds": ["self"]}, "eu-west-1").value["Snapshots"]
    assert len(copies) == 1


def test_a_reseal_server_is_recognized(serve: Callable[[], str]) -> None:
    assert is_reseal(serve())
