"""The search: breadth first over states, so that the first path found to anything is a shortest one.

Every edge is one call, so states with as many calls behind them stand on one level, and only those of one level can be
equal. A level is kept whole; of the levels before it only the way back. Nothing is cut in silence: where a limit ends
the search, `Found.cut` says which.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

from workflows.enact import Enactor
from workflows.explore.ends import End, Readers, readers
from workflows.explore.tracks import CLOCK, Judge, Plan
from workflows.expressions import Unresolved, fill
from workflows.machine import OK, UNFORESEEN, Outcome
from workflows.machine import End as MachineEnd
from workflows.port import Forking, Port, PortFailed

if TYPE_CHECKING:
    from workflows.course import Course
    from workflows.format import StepSpec

STATES_MAX: Final = 100_000
UNFINISHED: Final = "unfinished"
NOT_MADE: Final = "not made"  # the outcome of a call for which the port gives no answer: its caller is gone

Unmet = tuple[str, str]  # step, the contract in words


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is, as far as the machine and the calls go; without the world."""

    at: Mapping[str, int]  # track -> calls made
    disturbed: frozenset[str] = frozenset()  # ids
    promised: str = ""  # an end that is ok and was led to, while other tracks went on
    how: str = ""  # the call and outcome that led to the end
    end: str = ""  # "" while under way
    ok: bool = False
    last: str = ""  # the step that led to the end
    unmet: frozenset[Unmet] = frozenset()

    def key(self) -> list[Any]:
        places = [list(pair) for pair in sorted(self.at.items())]
        return [places, sorted(self.disturbed), self.promised, self.how, self.end, sorted(map(list, self.unmet))]


@dataclass(slots=True)
class Node:
    """A state. `port` and `course` are dropped once it was gone on from."""

    number: int
    place: Place
    ways: int  # orders of calls that lead here
    parent: Node | None = None
    step: StepSpec | None = None  # the call by which it was first reached
    outcome: Outcome = ""
    port: Forking | None = None
    course: Course | None = None

    def path(self) -> tuple[Node, ...]:
        """From the first call on; each holds its call and what it came to."""
        nodes: list[Node] = []
        node = self
        while node.parent is not None:
            nodes.append(node)
            node = node.parent
        return tuple(reversed(nodes))


@dataclass(frozen=True, slots=True)
class Limits:
    states: int = STATES_MAX
    seconds: float = 0.0  # 0: none


@dataclass(slots=True)
class Found:
    """What a search found. `ends` are in the order in which they were reached, so the shortest first."""

    plan: Plan
    ends: list[tuple[Node, End]] = field(default_factory=list["tuple[Node, End]"])
    edges: list[tuple[int, int, str]] = field(
        default_factory=list[tuple[int, int, str]]
    )  # state, state, what was called and came of it
    states: int = 0
    merged: int = 0  # transitions that led to a state known already
    orders: int = 0  # whole interleavings: paths on which nothing more can be called or needs to be
    merges: bool = True
    cut: str = ""  # the limit that ended the search; "" where it was exhaustive

    @property
    def transitions(self) -> int:
        return len(self.edges)


def _unwatched(found: Found, waiting: int) -> None:
    """Where nobody looks on."""


class Search:
    """`port` stands after the set-up, `course` before the first step."""

    def __init__(
        self, plan: Plan, port: Forking, course: Course, *, limits: Limits | None = None, merge: bool = True,
        watch: Callable[[Found, int], None] | None = None,
    ) -> None:  # fmt: skip
        self._plan, self._port, self._course = plan, port, course
        self._limits, self._watch = limits or Limits(), watch or _unwatched
        self._found = Found(plan, merges=merge and not plan.reads_the_log)
        self._readers: dict[bytes, Readers] = {}

    def run(self) -> Found:
        found, until = self._found, time.monotonic() + (self._limits.seconds or float("inf"))
        level = [Node(0, Place(dict.fromkeys(self._plan.tracks, 0)), 1, port=self._port, course=self._course)]
        found.states = 1
        while level and not found.cut:
            fresh: dict[bytes, Node] = {}
            for node in level:
                found.cut = self._limit(until)
                if found.cut:
                    break
                self._arrived(node)
                for child in self._next(node):
                    self._enter(child, fresh)
                node.port = node.course = None
                self._watch(found, len(fresh))
            level = list(fresh.values())
        return found

    def _limit(self, until: float) -> str:
        if self._found.states >= self._limits.states:
            return f"{self._limits.states:,} states"
        return f"{self._limits.seconds:g} s" if time.monotonic() > until else ""

    # states

    def _enter(self, child: Node, fresh: dict[bytes, Node]) -> None:
        found = self._found
        assert child.parent is not None
        assert child.step is not None
        assert child.port is not None
        assert child.course is not None
        number = found.states.to_bytes(8, "big")
        key = child.port.fingerprint(self._beside_the_world(child)) if found.merges else number
        known = fresh.get(key)
        if known is None:
            fresh[key] = child
            child.number = found.states
            found.states += 1
        else:
            known.ways += child.parent.ways
            found.merged += 1
        found.edges.append((child.parent.number, (known or child).number, f"{child.step.id}: {child.outcome}"))

    def _beside_the_world(self, node: Node) -> list[Any]:
        """What later calls, contracts and ends go by, apart from the world."""
        course = node.course
        assert course is not None
        referred = {name: course.scope[name] for name in self._plan.referred if name in course.scope}
        return [node.place.key(), referred, course.results, sorted(course.things.items())]

    def _arrived(self, node: Node) -> None:
        """A state whose ways are all known: if a run may end here, it is an end."""
        place = node.place
        if not place.end:
            return
        assert node.port is not None
        assert node.course is not None
        world = node.port.fingerprint(sorted(node.course.things.items()))
        if world not in self._readers:
            self._readers[world] = readers(node.port, node.course)
        self._found.ends.append((node, End(place.end, place.how, place.ok, place.last, self._readers[world])))

    # calls

    def _next(self, node: Node) -> Iterator[Node]:
        """Every call that is enabled, made in a fork of its own."""
        moves = list(self.enabled(node))
        if not node.place.end and not any(track for _, track in moves):  # nobody can go on: the state itself is an end
            node.place, moves = replace(node.place, end=UNFINISHED, how="no call can be made"), []
            self._arrived(node)
        if not moves:
            self._found.orders += node.ways
        yield from (self.made(node, step, track) for step, track in moves)

    def enabled(self, node: Node) -> Iterator[tuple[StepSpec, str]]:
        place = node.place
        if place.end and not place.ok:
            return
        assert node.port is not None
        assert node.course is not None
        actor = Enactor(node.port, node.course, "explore")
        for track, steps in self._plan.tracks.items():
            done = place.at[track]
            if done < len(steps) and _can_be_made(actor, steps[done]):
                yield steps[done], track
        if self._plan.at_most and len(place.disturbed) >= self._plan.at_most:
            return
        for step in self._plan.disturbances:
            if step.id not in place.disturbed and _can_be_made(actor, step):
                yield step, ""

    def made(self, node: Node, step: StepSpec, track: str) -> Node:
        assert node.port is not None
        assert node.course is not None
        port, course = node.port.fork(step.id), node.course.branched()
        judge = self._plan.judges.get(step.id) if track else None
        outcome, unmet = _acted(port, course, step, judge)
        place = node.place
        if track:
            place = replace(place, at={**place.at, track: place.at[track] + 1})
        else:
            place = replace(place, disturbed=place.disturbed | {step.id})
        if judge is not None:
            place = self._judged(place, step, judge, outcome, unmet)
        return Node(0, self._through(place), node.ways, node, step, outcome, port, course)

    def _judged(self, place: Place, step: StepSpec, judge: Judge, outcome: Outcome, unmet: frozenset[Unmet]) -> Place:
        """By the rows of the step's own state."""
        after = self._plan.workflow.after(judge.state.name, outcome)
        place, how = replace(place, unmet=place.unmet | unmet), f"{step.id}: {outcome}"
        if after is UNFORESEEN or (isinstance(after, MachineEnd) and not after.ok):
            return replace(place, end=after.name, how=how, last=step.id)
        if isinstance(after, MachineEnd):
            return replace(place, promised=after.name, how=how, last=step.id)
        if after is judge.leads_to:
            return place
        return replace(place, end=UNFINISHED, how=f"{how} leads to {after.name}, and no step follows", last=step.id)

    def _through(self, place: Place) -> Place:
        """Once every track is through, the end that was promised is reached."""
        is_through = all(place.at[track] == len(steps) for track, steps in self._plan.tracks.items())
        if place.end or not is_through:
            return place
        if place.promised:
            return replace(place, end=place.promised, ok=True)
        return replace(place, end=UNFINISHED, how="every call is made, and no end is reached")


def _can_be_made(actor: Enactor, step: StepSpec) -> bool:
    """Whether all that its parameters refer to is there."""
    if step.advance is not None:
        return True
    try:
        actor.parameters(step)
        fill(step.wait, actor.course.scope)
    except (Unresolved, ValueError):
        return False
    return True


def _acted(port: Forking, course: Course, step: StepSpec, judge: Judge | None) -> tuple[Outcome, frozenset[Unmet]]:
    """Make a call; the course goes on with what it answered. Answers its outcome and the contracts found unmet."""
    if step.advance is not None:
        port.advance(step.advance)
        course.passed(step, {}, {}, {}, "")
        return OK, frozenset()
    actor = Enactor(port, course, "explore", in_order=False)
    state = judge.state if judge else None
    parameters = actor.parameters(step)
    try:
        required = actor.required(step, state, parameters)
        acted = actor.act(step, state, parameters)
    except PortFailed:
        return NOT_MADE, frozenset()
    if acted.outcome == OK:
        actor.passed(step, acted)
        if state is not None:
            course.results[state.name] = acted.answer.value
    unmet = (
        f"{state.name} {each.when} what does not hold: {each.sentence}"
        for each in (*required, *acted.ensured)
        if state is not None and each.holds is False
    )
    return acted.outcome, frozenset((step.id, words) for words in unmet)


def whose(step: StepSpec) -> str:
    return step.as_ or CLOCK


def forking(port: Port) -> Forking | None:
    """The port, if it can be forked."""
    return cast("Forking", port) if port.can.fork else None
