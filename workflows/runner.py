"""Running a scenario: principals, set-up, steps along the workflow, and what holds in the end.

A run can be stopped anywhere and taken up again. Around each step stand four points, at which tests kill it:

    before-intent   nothing of the step has happened
    after-intent    the journal says that it is about to
    after-effect    the cloud has done it; the journal does not know
    after-record    the journal knows

Taken up again, steps with a record are read from the journal. The one without is done again with the same idempotency
key, so a cloud that remembers keys does it once. At any other endpoint it is done again only if that does no harm: AWS
has a ClientToken for it, or it reads, or twice is the same as once, or the step's `find-again` tells. Where nothing
tells, the run stops as `unsure`, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workflows import data, expect, params
from workflows.again import Unsure, found_again, must_be_there
from workflows.course import Course, begun
from workflows.enact import Enactor
from workflows.expressions import Unresolved, fill, search
from workflows.journal import Journal, MemoryJournal, NoJournal
from workflows.keep import EVERYTHING, Keep
from workflows.keyed import Keyed
from workflows.machine import End, Workflow
from workflows.names import Names
from workflows.port import Port, PortFailed
from workflows.principals import IAM_REGION, Maker
from workflows.signing import sign_in
from workflows.transition import Report, Transition, Wrong, intent_from, to_json, transition_from

if TYPE_CHECKING:
    from workflows.format import StepSpec
    from workflows.scenario import Scenario

POINTS: Final = ("before-intent", "after-intent", "after-effect", "after-record")
Fault = Callable[[str], None]
Mend = Callable[["Transition", "StepSpec", Mapping[str, str]], "Transition"]  # the last: text of a policy -> its file


def _no_fault(point: str) -> None:
    """Where tests break a run off."""


def _unwatched(transition: Transition) -> None:
    """Where nobody is told of steps as they end."""


def _unmended(transition: Transition, step: StepSpec, files: Mapping[str, str]) -> Transition:
    """Where nobody looks for repairs."""
    return transition


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run: a principal to make, the beginning of what is kept, or a step."""

    section: str  # "principals", "begin", "given" or "steps"
    name: str = ""
    step: StepSpec | None = None


class Runner:
    """One run of a scenario. `run` is its id; the same id with the same journal takes the run up again."""

    def __init__(
        self, scenario: Scenario, port: Port, workflow: Workflow | None, *, run: str = "run",
        journal: Journal | None = None, fault: Fault = _no_fault, watch: Callable[[Transition], None] | None = None,
        mend: Mend = _unmended, keep: Keep = EVERYTHING,
    ) -> None:  # fmt: skip
        self._scenario, self._port, self._workflow, self._keep = scenario, port, workflow, keep
        self._run, self._journal, self._fault = run, journal or MemoryJournal(), fault
        self._watch, self._mend = watch or _unwatched, mend
        self._course: Course = begun(scenario, workflow)
        self._actor = Enactor(port, self._course, run, keep=keep)
        self._transitions: list[Transition] = []

    @property
    def names(self) -> Names:
        """What the scenario's names mean by now."""
        return self._course.names

    def run(self) -> Report:
        """Run to the end, or to the first step that is not as expected. Never raises for what the cloud does."""
        return self.go_on(self.stages())

    def stages(self) -> tuple[Stage, ...]:
        """What the run does before its end, in order."""
        spec = self._scenario.spec
        return (
            *(Stage("principals", name) for name in spec.principals),
            Stage("begin"),
            *(Stage("given", step.id, step) for step in spec.given),
            *(Stage("steps", step.id, step) for step in spec.steps),
        )

    def go_on(self, stages: Sequence[Stage], passed: Callable[[], None] = lambda: None) -> Report:
        """Pass the stages that are left, then come to the end; `passed` is told of each after which the run goes on."""
        try:
            went_well = all(self._pass(stage, passed) for stage in stages)
            return self._ended(self._report(*self._finally() if went_well else ((), "")))
        except PortFailed as failed:
            return self._ended(self._report(stopped=str(failed)))
        except Unsure as unsure:
            return self._ended(self._report(stopped=str(unsure), unsure=True))

    def set_up(self) -> tuple[Report, Course]:
        """The principals and what is given, without the steps; with the course that they leave."""
        try:
            _ = all(self._pass(stage, lambda: None) for stage in self.stages() if stage.section != "steps")
            return self._report(), self._course
        except PortFailed as failed:
            return self._report(stopped=str(failed)), self._course

    def fork(self, scenario: Scenario) -> Runner:
        """The same run from here on in a fork of its cloud, unwatched and without a journal.

        `scenario` may differ from this run's in what is still to come; what has passed must be the same in both.
        """
        twin = Runner(
            scenario, self._port.aside(), self._workflow, run=self._run, journal=NoJournal(), keep=self._keep
        )  # fmt: skip
        self._course.onto(twin._course)
        twin._transitions = list(self._transitions)
        twin._records, twin._intents = {}, {}
        return twin

    def _pass(self, stage: Stage, passed: Callable[[], None]) -> bool:
        if stage.section == "principals":
            self._make_principal(stage.name)
        elif stage.step is None:
            self._begin()
        elif not self._step(stage.step, stage.section):
            return False
        passed()
        return True

    def _make_principal(self, name: str) -> None:
        if name in self._port.can.played or self._scenario.spec.principals[name].signed_in_by is not None:
            return
        hand = Keyed(self._port, f"{self._run}/{name}/1", IAM_REGION)
        spec = self._scenario.spec.principals[name]
        Maker(hand, name.partition("/")[0], self._course.scope, self._scenario.files).make(name, spec)

    # the journal

    def _begin(self) -> None:
        """Read what the journal knows of this run; a new one begins with the graph as it was found."""
        entries = list(self._journal.entries(self._run))
        self._records = {e["transition"]["step"]: e["transition"] for e in entries if e["kind"] == "record"}
        self._intents = {entry["step"]: entry for entry in entries if entry["kind"] == "intent"}
        first: dict[str, Any] | None = next((entry for entry in entries if entry["kind"] == "begin"), None)
        if first is None:
            graph = self._port.graph() if self._keep.graphs else None
            first = {"kind": "begin", "scenario": self._scenario.path, "graph": graph.node_link() if graph else None}
            self._journal.append(self._run, first)
        self._set_graph(first["graph"])

    def _ended(self, report: Report) -> Report:
        """What tells of a run later: its report without the transitions, which have lines of their own.

        A run that stopped may be taken up again, and then ends, or stops, anew.
        """
        if not any(entry["kind"] == "end" for entry in self._journal.entries(self._run)):
            whole = to_json(msgspec.structs.replace(report, transitions=()))
            kind = "stop" if report.stopped else "end"
            self._journal.append(self._run, {"kind": kind, "ok": report.ok, "files": report.files, "report": whole})
        return report

    def _set_graph(self, node_link: Mapping[str, Any] | None) -> None:
        if node_link is not None:
            from app.graph.build import Graph

            self._course.graph = Graph.from_node_link(node_link)

    # a step

    def _step(self, step: StepSpec, section: str) -> bool:
        """Perform a step, or read it; answers whether the run may go on."""
        record = self._records.get(step.id)
        transition, value = self._replayed(step, record) if record else self._performed(step, section)
        self._transitions.append(transition)
        self._set_graph(transition.graph)
        if transition.state and self._workflow:
            self._course.results[transition.state] = value
            self._course.state = self._workflow.state(transition.next)
        if not record:
            self._watch(transition)
        return not transition.wrong

    def _performed(self, step: StepSpec, section: str) -> tuple[Transition, Mapping[str, Any]]:
        self._fault("before-intent")
        begun = self._intents.get(step.id)
        found = self._found_again(step) if begun else None
        intent = intent_from(begun) if begun else self._actor.intended(step, section)
        if not begun:
            self._journal.append(self._run, {"kind": "intent", "step": step.id, "call": step.call, **to_json(intent)})
        self._fault("after-intent")
        transition, value = self._actor.enact(step, section, intent, found=found)
        if begun and not self._port.can.repeat and step.call:
            must_be_there(step, transition.outcome)
        self._fault("after-effect")
        transition = self._mend(transition, step, self._sent_files())
        self._journal.append(self._run, {"kind": "record", "transition": to_json(transition)})
        self._fault("after-record")
        return transition, value

    def _replayed(self, step: StepSpec, record: dict[str, Any]) -> tuple[Transition, Mapping[str, Any]]:
        """A step as the journal has it. What it hides is asked again, of a cloud that answers the same again."""
        transition = transition_from(record)
        value: Mapping[str, Any] = transition.answer
        saved = dict(transition.saved)
        if transition.hides and self._port.can.repeat and step.data is None:
            hand = Keyed(self._port, f"{self._run}/{step.id}/1", transition.region)
            parameters = params.typed(str(step.call), fill(step.with_, self._course.scope))
            value = hand.call(str(step.as_), str(step.call), parameters).value
            saved = {name: search(path, value) for name, path in step.save.items()}
        self._course.passed(step, value, dict(transition.later), saved, transition.thing)
        sign_in(self._course, self._port, step, value)
        return transition, value

    def _found_again(self, step: StepSpec) -> Mapping[str, Any] | None:
        """The answer of a step that has happened; None where it must or may be done (again). Unsure: nothing tells."""
        if self._port.can.repeat or step.advance is not None:
            return None
        return found_again(step, self._port, self._course)

    # the end

    def _finally(self) -> tuple[tuple[Wrong, ...], str]:
        """What is wrong with the run as a whole, and how the volumes compare."""
        wrong = list(self._broken_promises())
        spec = self._scenario.spec.finally_
        compared = ""
        if spec is not None:
            if spec.expect.state and self._state() != spec.expect.state:
                wrong.append(self._at("state", f"the workflow is at {self._state()}, not at {spec.expect.state}"))
            if spec.expect.data:
                compared = self._compared(*spec.expect.data.same)
                if compared:
                    wrong.append(self._at("data", compared))
                compared = compared or f"{' and '.join(spec.expect.data.same)} are the same, block by block"
            if spec.expect.graph:
                graph = self._course.graph if self._keep.graphs else self._port.graph()
                for path, text in expect.graph_differences(
                    spec.expect.graph, None, graph, self._course.names, ("finally", "expect", "graph")
                ):
                    wrong.append(Wrong(str(self._scenario.mark(*path)), text))
        return tuple(wrong), compared

    def _broken_promises(self) -> Iterator[Wrong]:
        """An end that is ok with a contract unmet: either the contract or the cloud is wrong."""
        state = self._course.state
        if not isinstance(state, End) or not state.ok:
            return
        for transition in self._transitions:
            for contract in transition.contracts:
                if contract.holds is False:
                    step = self._course.made[transition.step]
                    text = f"{transition.state} {contract.when} what does not hold: {contract.sentence}"
                    yield Wrong(str(self._scenario.step_mark(step)), text)

    def _compared(self, one: str, other: str) -> str:
        return data.first_difference(self._port, self._volume(one), self._volume(other))

    def _volume(self, step_id: str) -> data.Volume:
        step = self._course.made[step_id]
        region = step.region or self._scenario.spec.region
        return data.Volume(self._course.things[step_id], str(step.as_).partition("/")[0], region)

    def _at(self, key: str, text: str) -> Wrong:
        return Wrong(str(self._scenario.mark("finally", "expect", key)), text)

    def _state(self) -> str:
        return self._course.state.name if self._course.state else ""

    def _report(
        self, wrong: tuple[Wrong, ...] = (), compared: str = "", *, stopped: str = "", unsure: bool = False
    ) -> Report:
        return Report(
            run=self._run, scenario=self._scenario.spec.name, file=self._scenario.path,
            workflow=self._workflow.name if self._workflow else "", state=self._state(),
            transitions=tuple(self._transitions), wrong=wrong, stopped=stopped, unsure=unsure, data=compared,
            files=self._sent_files(),
        )  # fmt: skip

    def _sent_files(self) -> dict[str, str]:
        """Policy texts as they were sent, and the files they came from, so that a denial can point at a line."""
        known: dict[str, str] = {}
        for text, path in self._scenario.files.items():
            try:
                known[str(fill(text, self._course.scope))] = path
            except Unresolved:  # refers to a step that was not reached: it was not sent
                continue
        return known
