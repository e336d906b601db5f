"""What a port can not do is said, and a run over HTTP is taken up again. Equal results: test_shipped_scenarios."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scenario_runs import HAPPY, run_in_memory

from app.kernel.operation import Services
from workflows import reports as shown
from workflows.course import account_ids
from workflows.journal import MemoryJournal
from workflows.normal import normal
from workflows.over_boto3 import OverBoto3
from workflows.over_http import OverHttp
from workflows.scenario import load
from workflows.session import is_reseal, runner


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
