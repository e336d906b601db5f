"""A workflow's rows as pictures: Mermaid and DOT for other people's tools, SVG drawn by us.

All show the same rows that the runner follows. `unforeseen` is drawn only in the SVG of a run that came to it, since no
row leads there. The SVG has the classes and the arrow heads of the key graph's (`app.graph.svg`), so a page that embeds
both gives both its colours; it follows the reader's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from app.graph.labels import LETTER_WIDTH, LINE_HEIGHT, Rect
from app.graph.svg import furniture, geometry, rounded
from workflows.machine import OK, UNFORESEEN, End, Outcome, Row, State, Step, Workflow
from workflows.places import LEFT, WIDTH, Pair, Places, pairs, places
from workflows.view import sentence

Passed = Sequence[tuple[str, Outcome]]  # (state, outcome) of each step that a run took, in order
_LEGEND: Final = (("data", "OK"), ("may", "an error, at once or later"))
_TAKEN: Final = ("gained", "taken by this run")


def mermaid(workflow: Workflow) -> str:
    """A Mermaid state diagram, for Markdown pages."""
    lines = ["stateDiagram-v2", f"    [*] --> {workflow.start}"]
    lines += [f"    {step.name}: {step.name}<br/>{step.as_} {step.call.replace(':', '.')}" for step in workflow.steps]
    lines += [f"    {state} --> {target}: {outcome}" for state, outcome, target in workflow.next]
    lines += [f"    {state.name} --> [*]" for state in workflow.states if isinstance(state, End)]
    return "\n".join(lines) + "\n"


def dot(workflow: Workflow) -> str:
    """For Graphviz: steps as boxes, ends as double circles' kin."""
    lines = ["digraph workflow {", '  node [shape=box fontname="sans-serif"];', '  start [shape=point label=""];']
    for state in workflow.states:
        label = f"{state.name}\\n{state.as_} {state.call}" if isinstance(state, Step) else state.name
        lines.append(f'  "{state.name}" [label="{label}"{"" if isinstance(state, Step) else " peripheries=2"}];')
    lines.append(f'  start -> "{workflow.start}";')
    lines += [f'  "{state}" -> "{target}" [label="{outcome}"];' for state, outcome, target in workflow.next]
    return "\n".join([*lines, "}"]) + "\n"


def svg(workflow: Workflow, passed: Passed = ()) -> str:
    """A standalone SVG 1,200 pixels wide. `passed` marks the rows that a run took, and the state at which it stands.

    Outcomes may be values or their words (`later KEY_NOT_ACCESSIBLE`), as reports hold them.
    """
    return "\n".join(_Drawing.of(workflow, passed).parts()) + "\n"


@dataclass(frozen=True)
class _Drawing:
    workflow: Workflow
    states: tuple[State, ...]
    outcomes: dict[Pair, list[str]]
    places: Places
    taken: frozenset[tuple[str, str]]  # (state, outcome in words)
    here: str  # the state at which the run stands; "" without a run

    @classmethod
    def of(cls, workflow: Workflow, passed: Passed) -> _Drawing:
        taken = [(state, str(outcome)) for state, outcome in passed]
        known = {(state, str(outcome)): target for state, outcome, target in workflow.next}
        unforeseen: list[Row] = [(*each, UNFORESEEN.name) for each in dict.fromkeys(taken) if each not in known]
        states = (*workflow.states, UNFORESEEN) if unforeseen else workflow.states
        rows = (*workflow.next, *unforeseen)
        outcomes = pairs(rows)
        here = known.get(taken[-1], UNFORESEEN.name) if taken else ""
        return cls(workflow, states, outcomes, places(states, rows, outcomes), frozenset(taken), here)

    def parts(self) -> Iterator[str]:
        yield from self._opening()
        yield from (self._way(pair) for pair in self.outcomes)
        yield from (self._state(state) for state in self.states)
        yield from (self._names(pair) for pair in self.outcomes)
        yield "</svg>"

    def _opening(self) -> Iterator[str]:
        height, title = self.places.height, self.workflow.title or self.workflow.name
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="reseal" role="img" width="{WIDTH}" height="{height:g}"'
            f' viewBox="0 0 {WIDTH} {height:g}" aria-labelledby="reseal-title reseal-about">'
        )
        yield f'<title id="reseal-title">{escape(title)}</title>'
        yield f'<desc id="reseal-about">{escape(self._about())}</desc>'
        yield from furniture()
        yield f'<rect class="page" width="{WIDTH}" height="{height:g}"/>'
        yield f'<text class="heading" x="{LEFT}" y="32">{escape(title)}</text>'
        yield from self._legend()

    def _about(self) -> str:
        """The same facts in words, for who can not see the drawing."""
        facts = [
            f"{source}, {outcome}: {target}{' (taken)' if (source, outcome) in self.taken else ''}"
            for (source, target), outcomes in self.outcomes.items()
            for outcome in outcomes
        ]
        now = [f"Now at {self.here}"] if self.here else []
        return ". ".join([f"Begins at {self.workflow.start}", *facts, *now]) + "."

    def _legend(self) -> Iterator[str]:
        x: float = WIDTH - LEFT
        for tone, words in reversed((*_LEGEND, _TAKEN) if self.here else _LEGEND):
            x -= len(words) * LETTER_WIDTH + 6
            yield f'<text class="legend" x="{x:g}" y="31">{words}</text>'
            yield f'<path class="way {tone}" d="M{x - 32:g} 27H{x - 7:g}" marker-end="url(#head-{tone})"/>'
            x -= 50

    def _way(self, pair: Pair) -> str:
        tone = self._tone(pair)
        words = escape(f"{pair[0]}: {', '.join(self.outcomes[pair])}: {pair[1]}")
        return (
            f'<path class="way {tone}" d="{rounded(self.places.ways[pair])}"'
            f' marker-end="url(#head-{tone.split()[-1]})"><title>{words}</title></path>'
        )

    def _tone(self, pair: Pair) -> str:
        kind = "data" if OK in self.outcomes[pair] else "may"
        return f"{kind} gained" if any((pair[0], outcome) in self.taken for outcome in self.outcomes[pair]) else kind

    def _names(self, pair: Pair) -> str:
        """The outcomes of a way, one below the other; the one that was taken has a mark and its colour."""
        room = self.places.names[pair]
        falls = self.places.ways[pair][0].x == self.places.ways[pair][-1].x and len(self.places.ways[pair]) == 2
        x, anchor = (room.left + room.width / 2, "") if falls else (room.left + 3, " begins")
        texts = "".join(
            f'<text class="label{anchor} {self._tone_of(pair[0], outcome)}" x="{x:g}"'
            f' y="{room.top + 10 + n * LINE_HEIGHT:g}">{escape(outcome)}</text>'
            for n, outcome in enumerate(self.outcomes[pair])
        )
        return f'<rect class="page" {geometry(room)}/>{texts}'

    def _tone_of(self, state: str, outcome: str) -> str:
        if (state, outcome) in self.taken:
            return "gained"
        return "data" if outcome == OK else "may"

    def _state(self, state: State) -> str:
        box = self.places.boxes[state.name]
        was_here = state.name == self.here or any(name == state.name for name, _ in self.taken)
        tone = "gained" if was_here else ""
        return (
            f"<g class={quoteattr(tone)}><title>{escape(_told(state))}</title>"
            f'<rect class="box" rx="{5 if isinstance(state, Step) else 16}" {geometry(box)}/>'
            f"{self._card(state, box)}</g>"
        )

    def _card(self, state: State, box: Rect) -> str:
        """What it is in small type, the name, and of a step its call."""
        kind = state.as_ if isinstance(state, Step) else "ends well" if state.ok else "ends otherwise"
        place = "start" if state.name == self.workflow.start else ""
        call = state.call.replace(":", ".") if isinstance(state, Step) else ""
        if state.name == self.here:
            place, call = ("the run stands here", call) if call else ("", "the run stands here")
        middle = box.top + box.height / 2
        return (
            f'<text class="kind" x="{box.left + 10:g}" y="{middle - 11:g}">{escape(kind)}</text>'
            f'<text class="kind" text-anchor="end" x="{box.left + box.width - 10:g}" y="{middle - 11:g}">{place}</text>'
            f'<text class="name" x="{box.left + 10:g}" y="{middle + 4:g}">{escape(state.name)}</text>'
            f'<text class="kind" x="{box.left + 10:g}" y="{middle + 19:g}">{escape(call)}</text>'
        )


def _told(state: State) -> str:
    """All there is to say of a state."""
    if isinstance(state, End):
        return f"{state.name}: an end that is {'ok' if state.ok else 'not ok'}"
    before, after = sentence(state.requires), sentence(state.ensures)
    return f"{state.name}: {state.call} as {state.as_}. Requires: {before}. Ensures: {after}."
