"""Running cells that begin alike: what they have in common is run once.

A world is a value and a seeded run has no chance in it, so two runs are in the same state as long as what they were
told is literally the same. Cells in the order of their beginnings (`Sweep.order`) differ from one to the next as late
as can be: each is taken up from a fork that was made where it leaves the path of those before it. Forks are made only
where a later cell of the same batch branches off. Shared or not, every cell comes to the same (a property test).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from workflows.journal import NoJournal
from workflows.keep import OUTCOMES
from workflows.session import in_memory_port, runner
from workflows.sweep.load import beginning

if TYPE_CHECKING:
    from app.kernel.operation import Services
    from workflows.runner import Runner
    from workflows.scenario import Scenario
    from workflows.transition import Report

Path = tuple[str, ...]


class Alike:
    """Runs scenarios one after another; to be asked for them in their order."""

    def __init__(self, services: Services, scenarios: Sequence[Scenario], *, share: bool = True) -> None:
        self._services, self._scenarios, self._share = services, scenarios, share
        self._paths = [tuple(beginning(scenario)) for scenario in scenarios]
        self._kept: dict[int, Runner] = {}  # length of a beginning of the last path -> a run that has come so far

    def run(self, number: int) -> Report:
        scenario, path = self._scenarios[number], self._paths[number]
        common = _common(self._paths[number - 1], path) if number else 0
        self._kept = {length: run for length, run in self._kept.items() if length <= common}
        passed = max(self._kept, default=1)  # the world itself is the first part of a path
        run = self._kept[passed].fork(scenario) if self._kept else self._fresh(scenario)
        branches = set(self._branches(number)) if self._share else set[int]()

        def keep() -> None:
            nonlocal passed
            passed += 1
            if passed in branches:
                self._kept[passed] = run.fork(scenario)

        return run.go_on(run.stages()[passed - 1 :], keep)

    def _fresh(self, scenario: Scenario) -> Runner:
        port = in_memory_port(scenario, self._services)
        return runner(scenario, self._services, port, journal=NoJournal(), keep=OUTCOMES)

    def _branches(self, number: int) -> Iterator[int]:
        """The lengths of this path at which later ones leave it."""
        common = len(self._paths[number])
        for one, other in zip(self._paths[number:], self._paths[number + 1 :], strict=False):
            common = min(common, _common(one, other))
            yield common


def _common(one: Path, other: Path) -> int:
    """How many parts two paths have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
