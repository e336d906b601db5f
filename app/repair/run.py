"""A run with its repairs: what would have made each refused step succeed, tried where the run takes place.

In this process the run's own world is forked as soon as a step was refused; a reseal server is asked for what it found
in its world. Any other endpoint has no forks, and so no repairs. The scenario's files name the policies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from app.policy.explain_values import Mending
from app.policy.repair_words import relabelled, shown
from app.repair import search
from workflows import expect, session
from workflows.in_process import InProcess
from workflows.journal import FileJournal, Journal, MemoryJournal
from workflows.machine import OK
from workflows.over_http import OverHttp
from workflows.port import Port, PortFailed
from workflows.scenario import Scenario, load
from workflows.transition import Report, Transition, Wrong

if TYPE_CHECKING:
    from app.kernel.operation import Services
    from workflows.format import StepSpec

Repairs = dict[str, tuple[Mending, ...]]  # step -> its repairs, the smallest first


@dataclass(slots=True)
class Watch:
    """Looks for repairs after each step that was refused."""

    port: Port
    budget_s: float = search.BUDGET_S
    found: Repairs = field(default_factory=dict)

    def __call__(self, transition: Transition) -> None:
        if transition.outcome != OK and transition.request_id and transition.calls:
            self.found[transition.step] = repairs_at(self.port, transition.request_id, self.budget_s)


def repairs_at(port: Port, request_id: str, budget_s: float = search.BUDGET_S) -> tuple[Mending, ...]:
    """The repairs of a refused request, where the port leads; none where it can not try any."""
    if isinstance(port, InProcess):
        return search.repairs(port.cloud, request_id, budget=search.Budget(budget_s)).mendings()
    if isinstance(port, OverHttp):
        return mendings_of(port, request_id)
    return ()


def mendings_of(server: OverHttp, about: str) -> tuple[Mending, ...]:
    """What a server answers with an explanation; none where it knows of no refusal."""
    try:
        told: dict[str, Any] = json.loads(server.explanation(about, "json"))
    except PortFailed:
        return ()
    return tuple(shown(body) for body in told["repairs"])


def run_file(path: str, services: Services, options: session.Options, *, tries: bool = True) -> tuple[Report, Repairs]:
    """`session.run_file` with repairs, and with `expect.repair` judged by them. Raises as that does."""
    scenario = load(path, services.operations)
    journal: Journal = FileJournal(options.journal) if options.journal else MemoryJournal()
    run = options.run or session.new_run_id(scenario, options)
    port = session.open_port(scenario, services, options, run)
    watch = Watch(port)
    wanted = tries or any(map(_claim, (*scenario.spec.given, *scenario.spec.steps)))
    heard: Callable[[Transition], None] | None = watch if wanted else None
    report = session.runner(scenario, services, port, run=run, journal=journal, watch=heard).run()
    repairs = {step: _named(found, report.files) for step, found in watch.found.items()}
    return _judged(report, scenario, repairs, port.can.evidence), repairs


def _named(found: Sequence[Mending], files: Mapping[str, str]) -> tuple[Mending, ...]:
    return tuple(relabelled(one, files.get) for one in found)


# expect.repair


def _claim(step: StepSpec) -> Any:
    return step.expect.repair if step.expect else None


def _judged(report: Report, scenario: Scenario, repairs: Repairs, has_evidence: bool) -> Report:
    """The report with what is wrong about the repairs, at its line in the scenario."""
    steps = {step.id: step for step in (*scenario.spec.given, *scenario.spec.steps)}
    judged = tuple(
        _step(each, steps[each.step], scenario, repairs, has_evidence) if each.step in steps else each
        for each in report.transitions
    )
    return msgspec.structs.replace(report, transitions=judged)


def _step(
    transition: Transition, step: StepSpec, scenario: Scenario, repairs: Repairs, has_evidence: bool
) -> Transition:
    wanted = _claim(step)
    if wanted is None:
        return transition
    if not has_evidence:
        return msgspec.structs.replace(transition, unchecked=(*transition.unchecked, "repair"))
    wrong = tuple(_wrong(transition, step, scenario, repairs))
    return msgspec.structs.replace(transition, wrong=(*transition.wrong, *wrong))


def _wrong(transition: Transition, step: StepSpec, scenario: Scenario, repairs: Repairs) -> Iterator[Wrong]:
    if transition.outcome == OK:
        yield Wrong(str(scenario.step_mark(step, "expect", "repair")), "repair: nothing was refused")
        return
    offered = [one.body for one in repairs.get(transition.step, ())]
    assert step.expect is not None
    assert step.expect.repair is not None
    for path, text in expect.repair_differences(step.expect.repair, offered, scenario.path):
        yield Wrong(str(scenario.step_mark(step, *path)), f"{'.'.join(map(str, path[1:]))}: {text}")
