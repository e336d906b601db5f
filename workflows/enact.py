"""One step of a scenario: the call, what became of it, and how it is judged.

references filled in -> contract before -> (data) -> call -> settle -> contract after -> evidence -> expectations

What a step requires is judged before it is begun, and journaled with the intent: the step may change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflows import data, expect, params
from workflows.changes import changed
from workflows.expressions import Unresolved, fill, search
from workflows.keep import EVERYTHING, Keep
from workflows.keyed import Keyed
from workflows.machine import OK, UNFORESEEN, Outcome, Settled, Step
from workflows.port import Answer, Evidence, Port, PortFailed
from workflows.settle import failure, main_id, outcome, settled
from workflows.signing import sign_in
from workflows.transition import Contracted, Intent, Transition, Wrong
from workflows.view import Judged, View, judge, sentence

if TYPE_CHECKING:
    from app.graph.build import Graph
    from workflows.course import Course
    from workflows.format import StepSpec

Value = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Acted:
    """What a call came to."""

    parameters: Value
    answer: Answer
    later: Value  # the resource once it has settled
    outcome: Outcome
    ensured: tuple[Contracted, ...]


class Enactor:
    """Performs steps through a port. `run` is the run's id, the first part of every idempotency key.

    `in_order`: the workflow's states are passed in its order. Where they are not, a contract that speaks of what a
    state not passed yet would have made can not be told.
    """

    def __init__(self, port: Port, course: Course, run: str, *, in_order: bool = True, keep: Keep = EVERYTHING) -> None:
        self.port, self.course, self.run = port, course, run
        self.in_order, self.keep = in_order, keep

    def intended(self, step: StepSpec, section: str) -> Intent:
        """What has to be known before the step is done: whether what it requires holds, and where the clock will be."""
        if step.advance is not None:
            return Intent(until_ms=self.port.now_ms() + step.advance)
        state = self.course.step_state(step) if section == "steps" else None
        try:
            return Intent(self.required(step, state, self.parameters(step)))
        except (Unresolved, ValueError):
            return Intent()  # `enact` says so

    def enact(
        self, step: StepSpec, section: str, intent: Intent, found: Value | None = None
    ) -> tuple[Transition, Value]:
        """Perform a step; answers what to keep of it, and its full answer. `found`: it has happened, with this answer.

        It may have happened already. PortFailed where the cloud can not be asked.
        """
        if intent.until_ms is not None:
            by_ms = intent.until_ms - self.port.now_ms()
            if by_ms > 0:
                self.port.advance(by_ms)
            return self._moved(step, section), {}
        try:
            parameters = self.parameters(step)
        except (Unresolved, ValueError) as error:
            return self._unusable(step, section, str(error)), {}
        state = self.course.step_state(step) if section == "steps" else None
        before = self._graph_before(step)
        acted = self.act(step, state, parameters, found)
        return self._kept(step, section, state, acted, intent.requires, before), acted.answer.value

    def parameters(self, step: StepSpec) -> dict[str, Any]:
        """The parameters of its call; Unresolved or ValueError where what came before does not give them."""
        return params.typed(str(step.call), fill(step.with_, self.course.scope))

    def required(self, step: StepSpec, state: Step | None, parameters: Value) -> tuple[Contracted, ...]:
        """What `state` requires, judged before the call."""
        return tuple(self._judged("requires", state, step, parameters, {}))

    def act(self, step: StepSpec, state: Step | None, parameters: dict[str, Any], found: Value | None = None) -> Acted:
        """Make the step's call, and judge what `state` ensures. PortFailed as in `enact`."""
        answer, later = self._called(step, parameters, found)
        result = outcome(answer, later)
        ensured = self._judged("ensures", state, step, parameters, answer.value) if result == OK else ()
        return Acted(parameters, answer, later, result, tuple(ensured))

    def passed(self, step: StepSpec, acted: Acted) -> None:
        """Later steps may refer to this one from now on."""
        value = acted.answer.value
        thing = main_id(str(step.call), acted.parameters, value)
        self.course.passed(step, value, dict(acted.later), self._saved(step, value), thing)
        sign_in(self.course, self.port, step, value)

    # the call

    def _called(
        self, step: StepSpec, parameters: dict[str, Any], found: Value | None = None
    ) -> tuple[Answer, dict[str, Any]]:
        """The answer at once, and the resource once it has settled."""
        assert step.call is not None
        assert step.as_ is not None
        region = step.region or self.course.scenario.spec.region
        hand, root = Keyed(self.port, f"{self.run}/{step.id}/1", region), f"{_account(step)}/root"
        if found is not None:
            answer = Answer("", found)
        elif step.data is not None and step.data.blocks is not None:
            answer = self._filled(hand, root, step, parameters, step.data.blocks)
        elif step.data is not None:
            answer = hand.call(step.as_, step.call, data.block(parameters, self.course.scenario.spec.seed or step.id))
        else:
            answer = hand.call(step.as_, step.call, parameters)
        if answer.error:
            return answer, {}
        wait = fill(step.wait, self.course.scope) if step.wait else None
        return answer, settled(self.port, root, step.call, parameters, answer.value, region, wait)

    def _filled(self, hand: Keyed, root: str, step: StepSpec, parameters: dict[str, Any], blocks: int) -> Answer:
        """CreateVolume with data in it: from a snapshot that is written first, and deleted when the volume is there."""
        assert step.as_ is not None
        seed = self.course.scenario.spec.seed or step.id
        id = data.filled_from(hand, step.as_, root, parameters, blocks, seed)
        answer = hand.call(step.as_, "ec2:CreateVolume", parameters | {"SnapshotId": id})
        if not answer.error:
            settled(self.port, root, "ec2:CreateVolume", parameters, answer.value, hand.region)
        hand.must(step.as_, "ec2:DeleteSnapshot", {"SnapshotId": id})
        return answer

    # contracts

    def _judged(
        self, when: str, state: Step | None, step: StepSpec, parameters: Value, answer: Value
    ) -> Iterator[Contracted]:
        if state is None or not self.keep.contracts:
            return
        contract = state.requires if when == "requires" else state.ensures
        try:
            found = judge(contract, self._view(step, state, parameters, answer))
        except KeyError:
            if self.in_order:
                raise
            found = Judged(contract.__name__, sentence(contract), None)
        yield Contracted(when, found.name, found.sentence, found.holds)

    def _view(self, step: StepSpec, state: Step, parameters: Value, answer: Value) -> View:
        course = self.course
        results = course.results | ({state.name: answer} if answer else {})
        return View(
            port=self.port.aside(),
            region=step.region or course.scenario.spec.region,
            accounts=course.roles,
            ids={role: course.accounts[alias] for role, alias in course.roles.items()},
            parameters=parameters, answer=answer, results=results,
            rehearse=lambda wanted: self._rehearse(step, state, answer, wanted),
        )  # fmt: skip

    def _rehearse(self, step: StepSpec, state: Step, answer: Value, wanted: str) -> Outcome | None:
        """The outcome of a later state, by playing the scenario's steps up to it in a fork. None: can not be played."""
        course = self.course
        if not self.port.can.step_aside or course.workflow is None:
            return None
        trial = course.branched()
        trial.passed(step, answer, {}, {name: search(path, answer) for name, path in step.save.items()}, "")
        actor = Enactor(self.port.aside(), trial, "rehearsal")
        at = course.workflow.after(state.name, OK)
        steps = iter(course.scenario.spec.steps)
        _ = next((each for each in steps if each is step), None)
        for each in (each for each in steps if not each.aside and each.advance is None):
            result = actor._tried(each) if each.id not in course.made else OK
            if at.name == wanted or result != OK:
                return result if at.name == wanted and each.id not in course.made else None
            at = course.workflow.after(at.name, OK)
        return None

    def _tried(self, step: StepSpec) -> Outcome | None:
        try:
            answer, later = self._called(step, self.parameters(step))
        except (Unresolved, ValueError, PortFailed):
            return None
        self.course.passed(step, answer.value, later, self._saved(step, answer.value), "")
        return outcome(answer, later)

    # what is kept

    def _graph(self, step: StepSpec) -> Graph | None:
        """The graph now, where it is to be kept or the step's expectation speaks of it."""
        return self.port.graph() if self.keep.graphs or (step.expect and step.expect.graph) else None

    def _graph_before(self, step: StepSpec) -> Graph | None:
        """The graph before the call: known where it is kept, else needed for what the step is to gain."""
        if self.keep.graphs:
            return self.course.graph
        graph = step.expect.graph if step.expect else None
        return self.port.graph() if graph and graph.gained else None

    def _evidence(self, step: StepSpec, request_id: str, result: Outcome) -> Evidence:
        told = step.expect
        expected = told and (told.events or told.no_events or told.decision or told.cause)
        if not request_id or (result == OK and not expected and not self.keep.evidence):
            return Evidence()
        return self.port.evidence(request_id)

    def _kept(
        self, step: StepSpec, section: str, state: Step | None, acted: Acted, required: tuple[Contracted, ...],
        before: Graph | None,
    ) -> Transition:  # fmt: skip
        assert step.call is not None
        course, parameters, answer, later = self.course, acted.parameters, acted.answer, acted.later
        result = acted.outcome
        evidence = self._evidence(step, answer.request_id, result)
        graph = self._graph(step)
        thing = main_id(step.call, parameters, answer.value)
        after = course.workflow.after(state.name, result) if state and course.workflow else None
        kept, hides = params.without_secrets(step.call, answer.value)
        self.passed(step, acted)
        return Transition(
            step=step.id, section=section, name=step.name or "", principal=str(step.as_),
            account=course.accounts[_account(step)], call=step.call,
            region=step.region or course.scenario.spec.region,
            parameters=params.without_secrets(step.call, parameters, "input")[0],
            request_id=answer.request_id, answer=kept, hides=hides,
            error=_error(answer),
            later=params.to_json(later), outcome=str(result),
            saved=self._saved(step, kept), thing=thing,
            state=state.name if state else "", next=after.name if after else "",
            calls=evidence.calls, decisions=evidence.decisions, events=evidence.events,
            change=changed(before, graph) if self.keep.graphs else (),
            graph=graph.node_link() if graph and self.keep.graphs else None,
            contracts=(*required, *acted.ensured),
            wrong=tuple(self._wrong(step, answer, later, evidence, before, graph, state, result)),
            unchecked=() if self.port.can.evidence else tuple(expect.unchecked(step.expect)),
        )  # fmt: skip

    def _saved(self, step: StepSpec, answer: Value) -> dict[str, Any]:
        return {name: search(path, answer) for name, path in step.save.items()}

    def _wrong(
        self, step: StepSpec, answer: Answer, later: Value, evidence: Evidence, before: Graph | None,
        after: Graph | None, state: Step | None, result: Outcome,
    ) -> Iterator[Wrong]:  # fmt: skip
        mark = self.course.scenario.step_mark
        seen = expect.Seen(answer, later, evidence, before, after, self.port.can.evidence)
        for path, text in expect.differences(step.expect, seen, self.course.names):
            place = ".".join(str(part) for part in path if part != "expect")
            yield Wrong(str(mark(step, *path)), f"{place} {text}" if place else text)
        expects_later = bool(step.expect and step.expect.later)
        if isinstance(result, Settled) and not expects_later:
            yield Wrong(str(mark(step)), f"was accepted, and failed later: {failure(later)}")
        if step.wait and result == OK and not expects_later:
            yield from self._waited_in_vain(step, later)
        workflow = self.course.workflow
        if state is not None and workflow is not None and workflow.after(state.name, result) is UNFORESEEN:
            foreseen = ", ".join(map(str, workflow.outcomes(state.name)))
            yield Wrong(str(mark(step)), f"{workflow.name} does not foresee {result} at {state.name} (but {foreseen})")

    def _waited_in_vain(self, step: StepSpec, later: Value) -> Iterator[Wrong]:
        if not expect.fits(fill(step.wait, self.course.scope), params.to_json(later)):
            yield Wrong(str(self.course.scenario.step_mark(step, "wait")), f"did not come to {step.wait}")

    def _moved(self, step: StepSpec, section: str) -> Transition:
        before, graph = self.course.graph, self.port.graph() if self.keep.graphs else None
        self.course.passed(step, {}, {}, {}, "")
        return Transition(
            step=step.id, section=section, name=step.name or "", parameters={"advance_ms": step.advance},
            change=changed(before, graph), graph=graph.node_link() if graph else None,
        )  # fmt: skip

    def _unusable(self, step: StepSpec, section: str, why: str) -> Transition:
        """A step whose parameters can not be filled in from what came before."""
        mark = self.course.scenario.step_mark(step, "with")
        return Transition(
            step=step.id, section=section, principal=str(step.as_), call=str(step.call), outcome="not called",
            wrong=(Wrong(str(mark), why),),
        )  # fmt: skip


def _error(answer: Answer) -> dict[str, Any] | None:
    """{code, message} as the caller saw it; the cause where the door itself refused."""
    if answer.error is None:
        return None
    told = {"code": answer.error.code, "message": answer.error.message}
    return told | ({"cause": answer.cause} if answer.cause else {})


def _account(step: StepSpec) -> str:
    return str(step.as_).partition("/")[0]
