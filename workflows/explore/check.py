"""Mistakes in `explore:` that can be told before anything is explored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from workflows.explore import disturb
from workflows.explore.tracks import CannotExplore
from workflows.machine import End
from workflows.settle import MAIN_IDS
from workflows.verify import suggest
from workflows.yaml_marks import Mistake, Node

if TYPE_CHECKING:
    from workflows.format import ExploreSpec
    from workflows.machine import Workflow
    from workflows.scenario import Scenario

UNFINISHED = "unfinished"
_DATA = ("answer.SnapshotId", "answer.VolumeId")


def mistakes(scenario: Scenario) -> Iterator[Mistake]:
    """Of a scenario that has `explore:`; its own steps are checked like all steps."""
    spec, node = scenario.spec.explore, scenario.tree["explore"]
    assert spec is not None
    if spec.disturb or spec.ends or spec.steps:
        yield from _no_workflow(scenario, node)
    yield from _disturbances(scenario, spec)
    yield from _ends(scenario, spec, node)


def _no_workflow(scenario: Scenario, node: Node) -> Iterator[Mistake]:
    if scenario.spec.workflow is None:
        yield Mistake(node.mark, "`explore:` needs `workflow:`: its rows say what calls may come to")


def _disturbances(scenario: Scenario, spec: ExploreSpec) -> Iterator[Mistake]:
    for index, name in enumerate(spec.disturb):
        try:
            disturb.ready(scenario, name)
        except CannotExplore as error:
            yield Mistake(scenario.mark("explore", "disturb", index), str(error))


def _ends(scenario: Scenario, spec: ExploreSpec, node: Node) -> Iterator[Mistake]:
    names = [*_end_names(scenario), UNFINISHED]
    steps = [step.id for step in scenario.spec.steps]
    made = [step.id for step in scenario.spec.steps if MAIN_IDS.get(step.call or "") in _DATA]
    for name, end in spec.ends.items():
        where = ("explore", "ends", name)
        if (end.end or name) not in names:
            mark = scenario.mark(*where, "end") if end.end else node["ends"].keys[name]
            wanted = end.end or name
            yield Mistake(mark, f"the workflow has no end {wanted!r}" + _known(wanted, names))
        for index, at in enumerate(end.at):
            step, _, outcome = at.partition(": ")
            yield from _one_of(scenario, (*where, "at", index), step, steps, "there is no step")
            if step in steps and outcome:
                known = _outcomes(scenario, step)
                yield from _one_of(scenario, (*where, "at", index), outcome, known, f"no row says that {step} comes to")
        for key, claim in (("can-read", end.can_read), ("can-not-read", end.can_not_read)):
            for step, accounts in claim.items():
                yield from _one_of(scenario, (*where, key, step), step, made, "no snapshot or volume is made by")
                for index, account in enumerate(accounts):
                    known = scenario.spec.accounts
                    yield from _one_of(scenario, (*where, key, step, index), account, known, "there is no account")


def _workflow(scenario: Scenario) -> Workflow | None:
    from workflows.catalogue import WORKFLOWS

    return next((each for each in WORKFLOWS if each.name == scenario.spec.workflow), None)


def _end_names(scenario: Scenario) -> list[str]:
    workflow = _workflow(scenario)
    return [state.name for state in workflow.states if isinstance(state, End)] if workflow else []


def _outcomes(scenario: Scenario, id: str) -> list[str]:
    """What rows name for the calls of a step's operation."""
    workflow = _workflow(scenario)
    calls = {step.call for step in scenario.spec.steps if step.id == id}
    states = [state.name for state in workflow.steps if state.call in calls] if workflow else []
    return [str(outcome) for state in states for outcome in (workflow.outcomes(state) if workflow else ())]


def _one_of(
    scenario: Scenario, path: tuple[str | int, ...], name: str, known: Iterable[str], what: str
) -> Iterator[Mistake]:
    known = list(known)
    if name not in known:
        yield Mistake(scenario.mark(*path), f"{what} {name!r}{_known(name, known)}")


def _known(name: str, known: Iterable[str]) -> str:
    known = list(known)
    return suggest(name, known) or f"; known are {', '.join(known)}"
