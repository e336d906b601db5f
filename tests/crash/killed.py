"""Breaking runs off: at which point, by what, and the shipped scenarios that it is done to.

Every workflow of the catalogue is taken by its happy scenario: one that follows it and expects it to end well. They are
found by reading the files, so a workflow that is added comes in by itself.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path

from app.services import all_services
from workflows import catalogue
from workflows.followers import followers
from workflows.machine import End
from workflows.normal import normal
from workflows.runner import POINTS
from workflows.scenario import Scenario, load
from workflows.session import in_memory_port, runner

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SHARE = "snapshot_sharing"  # the five-step share
SOAK = bool(os.environ.get("RESEAL_SOAK"))
Fault = Callable[[str], None]


class BrokenOff(Exception):
    """Stands for the end of the runner's process."""


@cache
def happy(workflow: str) -> Scenario:
    """The scenario that shows how a workflow ends well."""
    ends = {each.name for each in catalogue.load(workflow, all_services().operations).states if _is_ok(each)}
    found = [each for each in followers(SCENARIOS, workflow) if each.end in ends]
    assert found, f"no shipped scenario follows {workflow} to one of {', '.join(sorted(ends))}"
    return load(found[0].path, all_services().operations)


def _is_ok(state: object) -> bool:
    return isinstance(state, End) and state.ok


@cache
def undisturbed(workflow: str, *, evidence: bool = True) -> object:
    """The normal form of the run that nothing disturbs."""
    report = runner(happy(workflow), all_services(), in_memory_port(happy(workflow), all_services())).run()
    assert report.ok, report
    return normal(report, evidence=evidence)


def set_up(workflow: str) -> int:
    """Steps of the happy run before the workflow's own."""
    return len(happy(workflow).spec.given)


def every_point(workflow: str, *, after: int = 0) -> list[tuple[int, str]]:
    """(which step, from 1; which point of it), as an undisturbed run passes them; `after` so many steps."""
    last = set_up(workflow) + len(happy(workflow).spec.steps)
    return [(nth, point) for nth in range(after + 1, last + 1) for point in POINTS]


def nth_time(point: str, nth: int, then: Callable[[], None]) -> Fault:
    """A fault that does something when the run passes `point` for the nth time."""
    passed: list[str] = []

    def fault(here: str) -> None:
        passed.append(here)
        if here == point and passed.count(point) == nth:
            then()

    return fault


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def break_off() -> None:
    raise BrokenOff
