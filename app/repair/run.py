"""A run with its repairs: what would have made each refused step succeed, tried where the run takes place.

In this process the run's own world is forked as soon as a step was refused; a reseal server is asked for what it found
in its world. Any other endpoint has no forks, and so no repairs. The scenario's files name the policies.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.policy.explain_values import Mending
from app.policy.repair_words import relabelled, shown
from app.repair import search
from workflows import expect, session
from workflows.in_process import InProcess
from workflows.journal import FileJournal, Journal, MemoryJournal
from workflows.machine import OK
from workflows.on_loop import OnLoop
from workflows.over_http import OverHttp
from workflows.port import Port, PortFailed
from workflows.reports.ended import Finished, Repairs, repairs_of
from workflows.scenario import Scenario, load
from workflows.transition import Report, Transition, Wrong, transition_from

if TYPE_CHECKING:
    from app.kernel.operation import Services
    from workflows.format import StepSpec
    from workflows.format_expect import RepairSpec

Heard = Callable[[Transition, bool], None]  # a step, and whether it is told from the journal


@dataclass(frozen=True, slots=True)
class Mender:
    """Looks for repairs as soon as a step was refused, and judges what the scenario expects of them.

    `tries` False: only where the scenario expects some.
    """

    scenario: Scenario
    port: Port
    tries: bool = True

    def __call__(self, transition: Transition, step: StepSpec, files: Mapping[str, str]) -> Transition:
        wanted = step.expect.repair if step.expect else None
        refused = transition.outcome != OK and transition.request_id and transition.calls
        found = repairs_at(self.port, transition.request_id) if refused and (self.tries or wanted) else NONE_TRIED
        mendings = (relabelled(one, files.get) for one in found.mendings)
        bodies = tuple(msgspec.to_builtins(one.body) for one in mendings)
        mended = msgspec.structs.replace(transition, repairs=bodies)
        if wanted is None:
            return mended
        if not self.port.can.evidence:
            return msgspec.structs.replace(mended, unchecked=(*mended.unchecked, "repair"))
        wrong = _wrong(mended, step, wanted, self.scenario, complete=found.complete)
        return msgspec.structs.replace(mended, wrong=(*mended.wrong, *wrong))


@dataclass(frozen=True, slots=True)
class Found:
    """Repairs of one refusal, the smallest first. `complete`: where there is none, nothing helps."""

    mendings: tuple[Mending, ...] = ()
    complete: bool = True


NONE_TRIED: Final = Found()


def repairs_at(port: Port, request_id: str) -> Found:
    """The repairs of a refused request, where the port leads; none where it can not try any."""
    if isinstance(port, InProcess | OnLoop):
        tried = search.repairs(port.still(), request_id)
        return Found(tried.mendings(), tried.complete)
    if isinstance(port, OverHttp):
        return found_by(port, request_id)
    return NONE_TRIED


def found_by(server: OverHttp, about: str) -> Found:
    """What a server answers with an explanation; none where it knows of no refusal."""
    try:
        told: dict[str, Any] = json.loads(server.explanation(about, "json"))
    except PortFailed:
        return NONE_TRIED
    return Found(tuple(shown(body) for body in told["repairs"]), told["repairs_complete"])


def run_file(path: str, services: Services, options: session.Options, *, tries: bool = True) -> tuple[Report, Repairs]:
    """`session.run_file` with repairs, and with `expect.repair` judged by them. Raises as that does."""
    report = finish(load(path, services.operations), services, options, tries=tries).report
    return report, repairs_of(report)


def finish(
    scenario: Scenario, services: Services, options: session.Options, *, tries: bool = True, heard: Heard | None = None
) -> Finished:
    """Run a scenario to its end, with repairs, as the reports take it. PortFailed, CannotPlay where it can not begin.

    `heard` is told each step as it ends; first, of a run that is taken up again, those that its journal knows.
    """
    began = time.monotonic()
    journal: Journal = FileJournal(options.journal) if options.journal else MemoryJournal()
    run = options.run or session.new_run_id(scenario, options)
    port = session.open_port(scenario, services, options, run)
    tell = heard or (lambda transition, from_journal: None)
    for entry in journal.entries(run):
        if entry["kind"] == "record":
            tell(transition_from(entry["transition"]), True)
    mender = Mender(scenario, port, tries)
    report = session.runner(
        scenario, services, port, run=run, journal=journal, watch=lambda each: tell(each, False), mend=mender
    ).run()
    return Finished.of(scenario, report, time.monotonic() - began, session.workflow_of(scenario, services))


# expect.repair


def _wrong(
    transition: Transition, step: StepSpec, wanted: RepairSpec, scenario: Scenario, *, complete: bool
) -> Iterator[Wrong]:
    if transition.outcome == OK:
        yield Wrong(str(scenario.step_mark(step, "expect", "repair")), "repair: nothing was refused")
        return
    if not transition.repairs and not complete:
        yield Wrong(str(scenario.step_mark(step, "expect", "repair")), f"repair: {search.NONE_YET}")
        return
    beside = scenario.step_mark(step, "expect", "repair").file  # the file where it is written, which may be extended
    for path, text in expect.repair_differences(wanted, transition.repairs, beside):
        yield Wrong(str(scenario.step_mark(step, *path)), f"{'.'.join(map(str, path[1:]))}: {text}")
