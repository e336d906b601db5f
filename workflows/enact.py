"""One step of a scenario: the call, what became of it, and how it is judged.

references filled in -> contract before -> (data) -> call -> settle -> contract after -> evidence -> expectations
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workflows import data, expect, params
from workflows.expressions import Unresolved, fill, search
from workflows.keep import EVERYTHING, Keep
from workflows.keyed import Keyed
from workflows.machine import OK, UNFORESEEN, Outcome, Settled, Step
from workflows.port import Answer, Evidence, Port, PortFailed
from workflows.settle import main_id, outcome, settled
from workflows.transition import Contracted, Transition, Wrong
from workflows.view import View, judge

if TYPE_CHECKING:
    from app.graph.build import Graph
    from workflows.course import Course
    from workflows.format import StepSpec

Value = Mapping[str, Any]


class Enactor:
    """Performs steps through a port. `run` is the run's id, the first part of every idempotency key."""

    def __init__(self, port: Port, course: Course, run: str, keep: Keep = EVERYTHING) -> None:
        self.port, self.course, self.run, self.keep = port, course, run, keep

    def enact(
        self, step: StepSpec, section: str, attempt: int = 1, found: Value | None = None
    ) -> tuple[Transition, Value]:
        """Perform a step; answers what to keep of it, and its full answer. `found`: it has happened, with this answer.

        PortFailed where the cloud can not be asked.
        """
        if step.advance is not None:
            self.port.advance(step.advance)
            return self._moved(step, section), {}
        try:
            parameters = params.typed(str(step.call), fill(step.with_, self.course.scope))
        except (Unresolved, ValueError) as error:
            return self._unusable(step, section, str(error)), {}
        state = self.course.step_state(step) if section == "steps" else None
        contracts = list(self._judged("requires", state, step, parameters, {}))
        before = self._graph_before(step)
        answer, later = self._called(step, parameters, attempt, found)
        result = outcome(answer, later)
        if result == OK:
            contracts += self._judged("ensures", state, step, parameters, answer.value)
        kept = self._kept(step, section, state, parameters, answer, later, result, tuple(contracts), before)
        return kept, answer.value

    # the call

    def _called(
        self, step: StepSpec, parameters: dict[str, Any], attempt: int, found: Value | None
    ) -> tuple[Answer, dict[str, Any]]:
        """The answer at once, and the resource once it has settled."""
        assert step.call is not None
        assert step.as_ is not None
        region = step.region or self.course.scenario.spec.region
        hand, root = Keyed(self.port, f"{self.run}/{step.id}/{attempt}", region), f"{_account(step)}/root"
        if found is not None:
            answer = Answer("", found)
        elif step.data is not None:
            answer = self._filled(hand, root, step, parameters)
        else:
            answer = hand.call(step.as_, step.call, parameters)
        if answer.error:
            return answer, {}
        wait = fill(step.wait, self.course.scope) if step.wait else None
        return answer, settled(self.port, root, step.call, parameters, answer.value, region, wait)

    def _filled(self, hand: Keyed, root: str, step: StepSpec, parameters: dict[str, Any]) -> Answer:
        """CreateVolume with data in it: from a snapshot that is written first, and deleted when the volume is there."""
        assert step.data is not None
        assert step.as_ is not None
        seed = self.course.scenario.spec.seed or step.id
        id = data.filled_from(hand, step.as_, root, parameters, step.data.blocks, seed)
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
        found = judge(contract, self._view(step, state, parameters, answer))
        yield Contracted(when, found.name, found.sentence, found.holds)

    def _view(self, step: StepSpec, state: Step, parameters: Value, answer: Value) -> View:
        course = self.course
        results = course.results | ({state.name: answer} if answer else {})
        return View(
            port=self.port.aside(),
            region=step.region or course.scenario.spec.region,
            accounts=course.roles,
            ids={role: course.accounts[alias] for role, alias in course.roles.items()},
            parameters=parameters,
            answer=answer,
            results=results,
            rehearse=lambda wanted: self._rehearse(step, state, answer, wanted),
        )

    def _rehearse(self, step: StepSpec, state: Step, answer: Value, wanted: str) -> Outcome | None:
        """The outcome of a later state, by playing the scenario's steps up to it in a fork. None: can not be played."""
        course = self.course
        if not self.port.can.step_aside or course.workflow is None:
            return None
        trial = copy.copy(course)
        trial.scope = dict(course.scope)
        trial.things, trial.made = dict(course.things), dict(course.made)
        trial.passed(step, answer, {}, {name: search(path, answer) for name, path in step.save.items()}, "")
        actor = Enactor(self.port.aside(), trial, "rehearsal")
        at = course.workflow.after(state.name, OK)
        steps = iter(course.scenario.spec.steps)
        _ = next((each for each in steps if each is step), None)
        for each in (each for each in steps if not each.aside and each.advance is None):
            result = actor._tried(each)
            if at.name == wanted or result != OK:
                return result if at.name == wanted else None
            at = course.workflow.after(at.name, OK)
        return None

    def _tried(self, step: StepSpec) -> Outcome | None:
        try:
            parameters = params.typed(str(step.call), fill(step.with_, self.course.scope))
            answer, later = self._called(step, parameters, 1, None)
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
        expected = step.expect and (step.expect.events or step.expect.decision)
        if not request_id or (result == OK and not expected and not self.keep.evidence):
            return Evidence()
        return self.port.evidence(request_id)

    def _kept(
        self, step: StepSpec, section: str, state: Step | None, parameters: Value, answer: Answer, later: Value,
        result: Outcome, contracts: tuple[Contracted, ...], before: Graph | None,
    ) -> Transition:  # fmt: skip
        assert step.call is not None
        course = self.course
        evidence = self._evidence(step, answer.request_id, result)
        graph = self._graph(step)
        saved = self._saved(step, answer.value)
        thing = main_id(step.call, parameters, answer.value)
        after = course.workflow.after(state.name, result) if state and course.workflow else None
        kept, hides = params.without_secrets(step.call, answer.value)
        course.passed(step, answer.value, dict(later), saved, thing)
        return Transition(
            step=step.id, section=section, name=step.name or "", principal=str(step.as_),
            account=course.accounts[_account(step)], call=step.call,
            region=step.region or course.scenario.spec.region,
            parameters=params.without_secrets(step.call, parameters)[0],
            request_id=answer.request_id, answer=kept, hides=hides,
            error={"code": answer.error.code, "message": answer.error.message} if answer.error else None,
            later=params.to_json(later), outcome=str(result),
            saved=params.without_secrets(step.call, saved)[0], thing=thing,
            state=state.name if state else "", next=after.name if after else "",
            calls=evidence.calls, decisions=evidence.decisions, events=evidence.events,
            change=changed(before, graph) if self.keep.graphs else (),
            graph=graph.node_link() if graph and self.keep.graphs else None, contracts=contracts,
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


def failure(later: Value) -> str:
    """A later failure in words."""
    return str(later.get("StateMessage") or later.get("Error") or later.get("State"))


def changed(before: Graph | None, after: Graph | None) -> tuple[str, ...]:
    """What differs between two graphs, a line each."""
    if before is None or after is None:
        return ()
    from app.graph.build import diff
    from app.graph.draw import change_text

    old, new = _without_idle(before), _without_idle(after)
    return tuple(change_text(diff(old, new), old, new).splitlines())


def _without_idle(graph: Graph) -> Graph:
    """Without AWS managed keys that encrypt nothing: they appear by themselves, and say nothing of a share."""
    materials = {edge.target: edge.source for edge in graph.edges if edge.kind == "material-of"}
    used = {materials.get(edge.source) for edge in graph.edges if edge.kind == "wraps"}
    managed = {e.target: e.source for e in graph.edges if e.kind == "points-to" and "alias/aws/" in e.source}
    idle = {key for key in managed if key not in used}
    hidden = idle | {managed[key] for key in idle} | {material for material, key in materials.items() if key in idle}
    return graph.only(set(graph.nodes) - hidden - ({"everyone"} if idle else set()))


def _account(step: StepSpec) -> str:
    return str(step.as_).partition("/")[0]
