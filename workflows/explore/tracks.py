"""What can be called in an exploration: the tracks of a scenario, and the state of the machine that each step has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from workflows.expressions import references
from workflows.machine import State, Step, Workflow
from workflows.scenario_follows import expected_outcome

if TYPE_CHECKING:
    from workflows.format import StepSpec
    from workflows.scenario import Scenario

CLOCK: Final = "the clock"
IN_TURN: Final = "all, in turn"
MINUTE_MS: Final = 60_000
_READS_THE_LOG: Final = "cloudtrail:"


class CannotExplore(Exception):
    """A scenario that can not be explored, or not with these disturbances."""


@dataclass(frozen=True, slots=True)
class Judge:
    """How the machine judges a step: its state, and where that leads if the step comes to what it expects."""

    state: Step
    leads_to: State


@dataclass(frozen=True, slots=True)
class Plan:
    scenario: Scenario
    workflow: Workflow
    tracks: Mapping[str, tuple[StepSpec, ...]]  # principal -> its calls, in order
    disturbances: tuple[StepSpec, ...]
    judges: Mapping[str, Judge]  # step -> how it is judged; none for what happens aside

    referred: tuple[str, ...]  # steps that some call refers to
    at_most: int = 0  # disturbances in one order; 0: all of them

    @property
    def calls(self) -> Iterator[StepSpec]:
        yield from self.scenario.spec.steps
        yield from self.disturbances

    @property
    def reads_the_log(self) -> str:
        """A step whose answer is the order of what happened; "" where there is none."""
        return next((each.id for each in self.calls if (each.call or "").startswith(_READS_THE_LOG)), "")


def plan(
    scenario: Scenario, workflow: Workflow | None, disturbances: tuple[StepSpec, ...], *, in_order: bool = False,
    at_most: int = 0,
) -> Plan:  # fmt: skip
    """`in_order`: everybody waits for everybody, so that only disturbances come in between; `at_most` so many, 0: all.

    CannotExplore where the scenario follows no workflow, or its clock does more than instants and days.
    """
    if workflow is None:
        raise CannotExplore(f"{scenario.path} follows no workflow: nothing says what its calls may come to")
    if scenario.spec.clock != "instant":
        raise CannotExplore(
            f"{scenario.mark('clock')}: exploration settles every call before the next: it needs `clock: instant`"
        )
    calls = (*scenario.spec.steps, *disturbances)
    for step in calls:
        if step.advance is not None and step.advance % MINUTE_MS:
            mark = scenario.step_mark(step, "advance")
            raise CannotExplore(f"{mark}: exploration tells moments apart by the minute: advance by whole minutes")
    referred = sorted({name for step in calls for value in (step.with_, step.wait) for name in _names(value)})
    judges = dict(_judges(scenario, workflow))
    return Plan(
        scenario, workflow, _tracks(scenario, in_order=in_order), disturbances, judges, tuple(referred), at_most
    )


def _names(value: Any) -> Iterator[str]:
    """The names that references anywhere in a value begin with."""
    if isinstance(value, str):
        yield from (reference.name for reference in references(value))
    elif isinstance(value, Mapping):
        yield from _names(list(cast("Mapping[str, Any]", value).values()))
    elif isinstance(value, (list, tuple)):
        yield from (name for inner in cast("Iterable[Any]", value) for name in _names(inner))


def _tracks(scenario: Scenario, *, in_order: bool) -> dict[str, tuple[StepSpec, ...]]:
    if in_order:
        return {IN_TURN: scenario.spec.steps}
    tracks: dict[str, tuple[StepSpec, ...]] = {}
    for step in scenario.spec.steps:
        whose = step.as_ or CLOCK
        tracks[whose] = (*tracks.get(whose, ()), step)
    return tracks


def _judges(scenario: Scenario, workflow: Workflow) -> Iterator[tuple[str, Judge]]:
    """The walk of `reseal check`, kept."""
    state: State = workflow.state(workflow.start)
    for step in scenario.spec.steps:
        if step.aside or step.advance is not None or not isinstance(state, Step):
            continue
        after = workflow.after(state.name, expected_outcome(step))
        yield step.id, Judge(state, after)
        state = after
