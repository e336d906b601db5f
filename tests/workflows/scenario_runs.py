"""The scenarios that come with reseal, and how tests run one."""

from __future__ import annotations

from pathlib import Path

from app.kernel.operation import Services
from workflows.port import Port
from workflows.scenario import Scenario, load
from workflows.session import in_memory_port, runner
from workflows.transition import Report, Transition

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
BROKEN = SCENARIOS / "broken"
HAPPY = SCENARIOS / "sharing/happy-path.reseal.yaml"


def run_in_memory(scenario: Scenario, services: Services, port: Port | None = None) -> Report:
    return runner(scenario, services, port or in_memory_port(scenario, services)).run()


def run(path: Path, services: Services) -> Report:
    return run_in_memory(load(path, services.operations), services)


def step(report: Report, id: str) -> Transition:
    return next(each for each in report.transitions if each.step == id)
