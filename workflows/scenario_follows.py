"""Whether the steps of a scenario, as they expect to go, can follow the machine that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workflows.machine import OK, UNFORESEEN, End, Outcome, Settled, Step
from workflows.settle import settlement_named_by
from workflows.verify import BrokenWorkflow, Operations, suggest
from workflows.yaml_marks import Mistake

if TYPE_CHECKING:
    from workflows.format import StepSpec
    from workflows.scenario import Scenario


def mistakes(scenario: Scenario, operations: Operations | None) -> Iterator[Mistake]:
    """What is wrong with the workflow that is named, and with the steps as its rows."""
    from workflows.catalogue import NAMES, load

    spec = scenario.spec
    if spec.workflow is None:
        return
    if spec.workflow not in NAMES:
        what = f"there is no workflow {spec.workflow!r}" + suggest(spec.workflow, NAMES)
        yield Mistake(scenario.mark("workflow"), what)
        return
    if operations is None:
        return
    try:
        workflow = load(spec.workflow, operations)
    except BrokenWorkflow as broken:
        for finding in broken.findings:
            yield Mistake(scenario.mark("workflow"), f"{spec.workflow} {finding}")
        return
    yield from _follows(scenario, workflow)


def _follows(scenario: Scenario, workflow: Any) -> Iterator[Mistake]:
    """Walk the machine along the outcomes that the steps expect."""
    state = workflow.state(workflow.start)
    for step in scenario.spec.steps:
        if step.aside or step.advance:
            continue
        if isinstance(state, End):
            yield Mistake(scenario.step_mark(step), f"the workflow has ended ({state.name}) before this step")
            return
        assert isinstance(state, Step)
        if step.call != state.call:
            what = f"the workflow is at {state.name!r}, which calls {state.call}; other calls need `aside: true`"
            yield Mistake(scenario.step_mark(step, "call"), what)
            return
        expected = expected_outcome(step)
        state, before = workflow.after(state.name, expected), state
        if state is UNFORESEEN:
            what = f"no row of {workflow.name} foresees {expected} at {before.name!r}"
            yield Mistake(scenario.step_mark(step, "expect"), what)
            return
    wanted = scenario.spec.finally_.expect.state if scenario.spec.finally_ else None
    names = {each.name for each in workflow.states}
    if wanted and wanted not in names:
        yield Mistake(
            scenario.mark("finally", "expect", "state"),
            f"the workflow has no state {wanted!r}" + suggest(wanted, names),
        )
    elif wanted and wanted != state.name:
        what = f"the steps as expected lead to {state.name!r}, not to {wanted!r}"
        yield Mistake(scenario.mark("finally", "expect", "state"), what)


def expected_outcome(step: StepSpec) -> Outcome:
    """What a step says it will come to: its expected error, its expected later failure, or OK."""
    if step.expect and step.expect.error:
        return step.expect.error.code
    later = step.expect.later if step.expect else None
    named = settlement_named_by(later) if later else None
    return Settled(named) if named else OK
