"""Putting an exploration together: the scenario and its workflow, a world after the set-up, the search, the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.explore import disturb
from workflows.explore.judge import Verdict, judged
from workflows.explore.search import Found, Limits, Search, forking
from workflows.explore.tracks import CannotExplore, Plan, plan
from workflows.runner import Runner
from workflows.scenario import Scenario, load
from workflows.session import in_memory_port, workflow_of

if TYPE_CHECKING:
    from app.kernel.operation import Services
    from workflows.course import Course
    from workflows.port import Forking

Watch = Callable[[Found, int], None]


@dataclass(frozen=True, slots=True)
class Explored:
    """`port` and `course` stand where the search began, so that a path can be played again."""

    plan: Plan
    found: Found
    verdict: Verdict
    port: Forking
    course: Course

    @property
    def ok(self) -> bool:
        return not (self.verdict.surprises or self.verdict.not_reached)


def explore_file(
    path: str, services: Services, disturbances: tuple[str, ...] | None = None, limits: Limits | None = None,
    watch: Watch | None = None, *, in_order: bool | None = None, at_most: int | None = None,
) -> Explored:  # fmt: skip
    """Explore one scenario file. InvalidFile where it is not valid; CannotExplore where it can not be explored."""
    return explore(
        load(path, services.operations), services, disturbances, limits, watch, in_order=in_order, at_most=at_most
    )


def explore(
    scenario: Scenario, services: Services, disturbances: tuple[str, ...] | None = None,
    limits: Limits | None = None, watch: Watch | None = None, *, merge: bool = True,
    in_order: bool | None = None, at_most: int | None = None,
) -> Explored:  # fmt: skip
    """`disturbances`: their names; None: those that the scenario declares, and so for `in_order` and `at_most`.

    `merge=False`: every order by itself.
    """
    spec = scenario.spec.explore
    declared = (spec.in_order, spec.at_most) if spec else (False, 0)
    asked = (declared[0] if in_order is None else in_order, declared[1] if at_most is None else at_most)
    chosen = disturb.chosen(scenario, disturbances)
    what = plan(scenario, workflow_of(scenario, services), chosen, in_order=asked[0], at_most=asked[1])
    port, course = set_up(what, services)
    found = Search(what, port, course, limits=limits, merge=merge, watch=watch).run()
    complete = disturbances is None and asked == declared
    return Explored(what, found, judged(found, complete=complete), port, course)


def set_up(plan: Plan, services: Services) -> tuple[Forking, Course]:
    """A world with the scenario's principals and what is given. CannotExplore where that does not go as expected."""
    port = forking(in_memory_port(plan.scenario, services))
    assert port is not None
    report, course = Runner(plan.scenario, port, plan.workflow).set_up()
    wrong = [f"{each.at}: {each.text}" for transition in report.transitions for each in transition.wrong]
    if report.stopped or wrong:
        raise CannotExplore("the set-up fails: " + "; ".join([report.stopped] * bool(report.stopped) + wrong))
    return port, course
