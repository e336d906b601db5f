"""Reading a sweep: its matrix, its verdicts, and the scenario of every cell, with every mistake before anything runs.

A cell's scenario is assembled from the same files with the cell's values in the place of `${{ matrix.axis }}`; from
there on it is checked as any other. A mistake that many cells share is said once, with the first of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.policy.causes import Cause, Word
from workflows.files import Files, Shelf
from workflows.machine import SETTLEMENTS, UNKNOWN_FAILURE
from workflows.matrix import Value
from workflows.scenario import Scenario, assembled, sweep_tree, typed
from workflows.sources import Source
from workflows.sweep.format import SweepSpec
from workflows.sweep.matrix import CELLS_MAX, Cell, Matrix, matrix, unknown
from workflows.sweep.values import Structured, labelled, resolved
from workflows.sweep.verdict import END, Row, deciding, row
from workflows.verify import Operations, suggest
from workflows.yaml_marks import InvalidFile, Mistake, Node, plain

if TYPE_CHECKING:
    from workflows.format import ScenarioSpec

SEED: Final = "sweep"  # of a file that says none

Look = Callable[["Scenario | None"], None]  # None: a cell whose scenario is not valid


def look_on(scenario: Scenario | None) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A valid sweep. It can be pickled, and holds every text that its cells need: no worker reads a file."""

    path: str
    name: str
    texts: Mapping[str, str]  # path -> text
    axes: Mapping[str, tuple[str, ...]]
    cells: tuple[Cell, ...]  # values of the axes, and what `include` added
    rows: tuple[Row, ...] | None  # None: there are no verdicts, and the sweep only reports
    order: tuple[int, ...]  # the cells so that those that begin alike stand together
    size: int  # of the product of the axes
    excluded: int  # of its cells; -1 where a sample was taken without counting
    sample: str
    fail_fast: bool
    structured: Structured = field(default_factory=dict[str, Mapping[str, Node]])  # what labels in cells stand for
    warnings: tuple[Mistake, ...] = field(default=(), compare=False)

    def scenario(self, shelf: Shelf, number: int, operations: Operations | None = None) -> Scenario:
        """The scenario of a cell; `shelf` may be shared by many."""
        return assembled(Files(shelf, self.values(number)), self.path, operations, seed=SEED)

    def values(self, number: int) -> dict[str, Value]:
        """The cell's values themselves, as its scenario is made of them."""
        return resolved(self.cells[number], self.structured)

    def title(self, number: int) -> str:
        """The cell's values on the axes, in one line."""
        cell = self.cells[number]
        names = self.axes if all(axis in cell for axis in self.axes) and self.axes else cell
        return ", ".join(f"{axis}={cell[axis]}" for axis in names)


def is_sweep(path: str | Path, source: Source | None = None) -> bool:
    """Has the file, or one that it extends, a `strategy:`? Nothing is checked; False for what can not be read."""
    try:
        shelf = Shelf(source)
        text = shelf.text(str(path))
        return ("strategy" in text or "extends" in text) and sweep_tree(shelf, str(path)) is not None
    except InvalidFile:
        return False


def load(
    path: str | Path, operations: Operations | None = None, *, source: Source | None = None,
    cells_max: int = CELLS_MAX, look: Look = look_on,
) -> Sweep:  # fmt: skip
    """The sweep in a file; InvalidFile with every mistake in it and in the scenarios that it stands for.

    TooManyCells, an InvalidFile, beyond `cells_max`. `look` is shown each cell's scenario, and may raise to end it.
    """
    shelf = Shelf(source)
    whole = sweep_tree(shelf, str(path))
    if whole is None:
        raise InvalidFile(shelf.tree(str(path)).mistake("this is one scenario, not a sweep: it has no `strategy:`"))
    tree, structured = labelled(whole)
    own = {key: node for key, node in tree.items() if key in ("strategy", "verdicts")}
    spec = typed(SweepSpec, Node(own, tree.mark, tree.keys))
    seed = tree.get("seed")
    found = matrix(spec.strategy, tree["strategy"], str(plain(seed)) if seed else SEED, cells_max)
    rows = _rows(spec, tree)
    scenarios = _Scenarios(str(path), shelf, operations, found.cells, look, structured)
    mistakes = [*(_verdicts(spec, tree, found, rows) if rows is not None else ()), *scenarios.mistakes]
    mistakes += _claims(spec, tree, scenarios) if not mistakes else []
    if mistakes:
        raise InvalidFile(*sorted(mistakes, key=lambda each: (each.mark.file, each.mark.line, each.mark.column)))
    warnings = [*found.warnings, *_unhit(rows or (), tree, found.cells), *_unused(spec, tree, scenarios.used)]
    return Sweep(
        path=str(path), name=scenarios.name, texts=shelf.texts, axes=dict(spec.strategy.matrix), cells=found.cells,
        rows=rows, order=scenarios.order(), size=found.size, excluded=found.excluded, sample=_sample(spec),
        fail_fast=spec.strategy.fail_fast == "true", structured=structured, warnings=tuple(warnings),
    )  # fmt: skip


def _sample(spec: SweepSpec) -> str:
    sample = spec.strategy.sample
    return sample if isinstance(sample, str) else f"random {sample.random}"


# --- the cells' scenarios ---


class _Scenarios:
    """Assembles every cell once, and remembers what is asked of it later, not the scenarios themselves."""

    def __init__(
        self, path: str, shelf: Shelf, operations: Operations | None, cells: Sequence[Cell], look: Look,
        structured: Structured,
    ) -> None:  # fmt: skip
        self.name = ""
        self.steps: dict[str, None] = {}  # of all cells
        self.states: dict[str, None] = {}
        self.used: set[str] = set()
        self._found: dict[Mistake, tuple[Cell, int]] = {}
        self._beginnings: list[tuple[int, ...]] = []
        self._numbers: dict[tuple[int, str], int] = {}
        self._ends, self._count = _ends(), len(cells)
        for cell in cells:
            files = Files(shelf, resolved(cell, structured))
            scenario: Scenario | None = None
            try:
                scenario = assembled(files, path, operations, seed=SEED)
                self._remember(scenario)
            except InvalidFile as invalid:
                self._note(cell, invalid.mistakes)
            self.used |= files.filler.used
            look(scenario)

    @property
    def mistakes(self) -> list[Mistake]:
        def where(cell: Cell, count: int) -> str:
            if count == self._count:
                return ""
            others = f", and {count - 1:,} others" if count > 1 else ""
            return f" (in the cell {', '.join(f'{axis}={value}' for axis, value in cell.items())}{others})"

        return [Mistake(each.mark, each.text + where(*found)) for each, found in self._found.items()]

    def _note(self, cell: Cell, mistakes: Sequence[Mistake]) -> None:
        for mistake in mistakes:
            first, count = self._found.get(mistake, (cell, 0))
            self._found[mistake] = first, count + 1

    def _remember(self, scenario: Scenario) -> None:
        spec = scenario.spec
        if spec.clock == "real":
            raise InvalidFile(Mistake(scenario.mark("clock"), "a sweep's clock is `instant` or `manual`"))
        self.name = self.name or spec.name
        self.steps |= dict.fromkeys(step.id for step in (*spec.given, *spec.steps))
        self.states |= dict.fromkeys(self._ends(spec))
        at = 0
        path: list[int] = []
        for stage in beginning(scenario):
            at = self._numbers.setdefault((at, stage), len(self._numbers) + 1)
            path.append(at)
        self._beginnings.append(tuple(path))

    def order(self) -> tuple[int, ...]:
        """Numbers of the cells along the tree of their beginnings, branches by their first cell."""
        return tuple(sorted(range(len(self._beginnings)), key=lambda number: self._beginnings[number]))


def beginning(scenario: Scenario) -> Iterator[str]:
    """A scenario as texts, one a stage of its run: two runs are in the same state as long as these are equal.

    The world first, then each principal (with the names of its policies' files, for policies are called by them), then
    each step with its place, since what is wrong with it is shown there.
    """
    spec, tree = scenario.spec, scenario.tree
    world = [spec.name, spec.seed, spec.clock, spec.region, spec.workflow, spec.accounts]
    yield json.dumps(world)
    for name, principal in spec.principals.items():
        policies = [scenario.files.get(each, "") if isinstance(each, str) else "" for each in principal.policies]
        yield json.dumps([name, plain(tree["principals"][name]), policies])
    yield "begin"
    for section in ("given", "steps"):
        for step in tree.get(section) or ():
            yield json.dumps([section, str(step.mark), plain(step)])


def _ends() -> Callable[[ScenarioSpec], Sequence[str]]:
    """The states in which a scenario's run may end: its steps may leave off before the workflow does."""
    from workflows.catalogue import WORKFLOWS

    known = {each.name: [state.name for state in each.states] for each in WORKFLOWS}
    return lambda spec: known.get(spec.workflow or "", [END])


# --- verdicts ---


def _rows(spec: SweepSpec, tree: Node) -> tuple[Row, ...] | None:
    if spec.verdicts is None:
        return None
    return tuple(row(each, str(node.mark)) for each, node in zip(spec.verdicts, tree["verdicts"], strict=True))


def _verdicts(spec: SweepSpec, tree: Node, found: Matrix, rows: Sequence[Row]) -> Iterator[Mistake]:
    """Rows that name what is not there, and cells that no row fits."""
    values = {key: tuple(dict.fromkeys(cell[key] for cell in found.cells if key in cell)) for key in _keys(found)}
    for axis, given in spec.strategy.matrix.items():  # a value that a sample left out may be spoken of as well
        values[axis] = tuple(dict.fromkeys((*given, *values.get(axis, ()))))
    named = False
    for each, node in zip(spec.verdicts or (), tree["verdicts"], strict=True):
        for axis, wanted in (each.when or {}).items():
            inner = node["when"][axis]
            places = list(inner) if isinstance(inner.value, list) else [inner]
            for value, place in zip(wanted, places, strict=True):
                for mistake in unknown(values, axis, value, node["when"], place):
                    named = True
                    yield mistake
    left = [cell for cell in found.cells if deciding(rows, cell) is None]
    if left and not named:
        others = f", nor {len(left) - 1:,} others" if len(left) > 1 else ""
        cell = ", ".join(f"{axis}: {value}" for axis, value in left[0].items())
        yield tree.mistake(f"no row fits the cell {{{cell}}}{others}; add one, or `otherwise: true`", "verdicts")


def _keys(found: Matrix) -> list[str]:
    return list(dict.fromkeys(key for cell in found.cells for key in cell))


def _claims(spec: SweepSpec, tree: Node, scenarios: _Scenarios) -> Iterator[Mistake]:
    """What `then:` names and is not there."""
    causes = [*Cause.__members__, *(each.code for each in Cause)]
    later = [*(each.name for each in SETTLEMENTS), UNKNOWN_FAILURE.name]
    tables: Mapping[str, tuple[Sequence[str], str]] = {
        "fails-at": (list(scenarios.steps), "there is no step"),
        "ends": (list(scenarios.states), "no cell can end in"),
        "why": ([str(word) for word in Word], "no cause has the word"),
        "cause": (causes, "there is no cause"),
        "later": (later, "nothing fails later as"),
    }
    for _, node in zip(spec.verdicts or (), tree.get("verdicts") or (), strict=False):
        for key, inner in node["then"].items():
            known, what = tables.get(key, ((), ""))
            if known and inner.value not in known:
                yield inner.mistake(f"{what} {inner.value!r}" + suggest(str(inner.value), known))


# --- warnings ---


def _unhit(rows: Sequence[Row], tree: Node, cells: Sequence[Cell]) -> Iterator[Mistake]:
    hit = {deciding(rows, cell) for cell in cells}
    for number, node in enumerate(tree.get("verdicts") or ()):
        if number not in hit:
            yield node.mistake("no cell comes to this row")


def _unused(spec: SweepSpec, tree: Node, used: set[str]) -> Iterator[Mistake]:
    """Axes that change nothing: no file refers to them, no `if:` asks, and `include` adds nothing by them."""
    for axis in spec.strategy.matrix:
        if axis not in used and not any(axis in row for row in spec.strategy.include):
            yield tree["strategy"]["matrix"].mistake(f"nothing refers to ${{{{ matrix.{axis} }}}}", axis)
