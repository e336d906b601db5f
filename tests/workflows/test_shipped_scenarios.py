"""Every scenario that ships gives equal results in process and over HTTP, and a portable one through boto3 as well.

One server in a worker's own process; each run has a world of its own there, dropped afterwards. Compared is the normal
form: what the callers saw, and with evidence the calls, decisions, events and the graph of each step. Through boto3
the world has another seed, so that nothing portable rests on it. Sweeps (`strategy:`) are not single runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario_runs import ROOT, SCENARIOS

from app.host import Worlds
from app.kernel.operation import Services
from app.repair.run import Repairs, run_file
from workflows import reports as shown
from workflows.course import account_ids
from workflows.normal import normal
from workflows.over_boto3 import OverBoto3
from workflows.scenario import load
from workflows.session import Options, runner, scenarios_in
from workflows.transition import Report
from workflows.yaml_marks import read

Server = tuple[str, Worlds]


def shipped(*keys: str) -> list[Path]:
    """The single scenarios that ship; of those, the ones that have all of these keys."""
    paths = (Path(path) for path in scenarios_in([str(SCENARIOS)]))
    trees = ((path, read(path.read_text(encoding="utf-8"), str(path))) for path in paths)
    return [path for path, tree in trees if tree.get("strategy") is None and all(tree.get(key) for key in keys)]


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(SCENARIOS)))


@pytest.fixture
def server(shared_server: Server) -> Iterator[str]:
    """Its URL; the worlds that a test makes there are dropped."""
    url, worlds = shared_server
    before = set(worlds.names())
    yield url
    for name in set(worlds.names()) - before:
        worlds.drop(name)


def _smallest(repairs: Repairs) -> dict[str, int]:
    return {step: found[0].body["size"] for step, found in repairs.items() if found}


def _must_be_ok(report: Report) -> None:
    assert report.ok, shown.as_text(report)


@each(shipped())
def test_a_scenario_ends_as_it_says_in_process_and_over_http_with_equal_results(
    path: Path, services: Services, server: str
) -> None:
    """Method: repairs and all, as `reseal run FILE` and `reseal run --endpoint URL FILE` do it."""
    name = str(path.relative_to(ROOT))
    here, repairs_here = run_file(name, services, Options())
    _must_be_ok(here)
    there, repairs_there = run_file(name, services, Options(endpoint=server))
    _must_be_ok(there)
    assert normal(there) == normal(here)
    assert _smallest(repairs_there) == _smallest(repairs_here)


@each(shipped("portable"))
def test_a_portable_scenario_shows_its_callers_the_same_through_boto3(
    path: Path, services: Services, server: str, shared_server: Server
) -> None:
    """Method: no REST, no idempotency keys, another seed; what the callers saw is compared with a run in process."""
    scenario = load(str(path), services.operations)
    if not scenario.spec.portable:
        pytest.skip("says `portable: false`")
    world = f"boto3-{secrets.token_hex(4)}"
    shared_server[1].create(world, seed=secrets.token_hex(4))
    port = OverBoto3(f"{server}/w/{world}", account_ids(scenario))
    elsewhere = runner(scenario, services, port).run()
    _must_be_ok(elsewhere)
    here, _ = run_file(str(path), services, Options(), tries=False)
    assert normal(elsewhere, evidence=False) == normal(here, evidence=False)


def test_most_of_what_ships_is_portable() -> None:
    """So that marking is not forgotten."""
    assert len(shipped("portable")) > len(shipped()) / 3
