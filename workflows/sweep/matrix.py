"""From a strategy to its cells, in GitHub's order: the product of the axes, less `exclude`, sampled, plus `include`.

The order is that of the axes as they stand in the file, the last one varying fastest. A product beyond the limits is
refused before it is built. `include` adds keys to each cell of the matrix that it does not contradict (a value of an
axis is never overwritten, an added one may be); where there is none, it is a cell of its own.

A sample is the same on every machine and Python: `pairwise` is allpairspy's, which has no chance in it; `random` takes
the first of the product's places in an order that follows from the file's seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product
from math import prod
from typing import TYPE_CHECKING, Any, Final

from workflows.verify import suggest
from workflows.yaml_marks import InvalidFile, Mistake, Node

if TYPE_CHECKING:
    from workflows.sweep.format import StrategySpec

CELLS_MAX: Final = 10_000
PRODUCT_FACTOR_MAX: Final = 10  # so many times more cells may be looked at than there are in the end

Cell = dict[str, str]


class TooManyCells(InvalidFile):
    """A strategy of more cells than a sweep may have."""

    def __init__(self, node: Node, cells: int, cells_max: int) -> None:
        hint = "exclude more, take a sample (`sample: pairwise` or `sample: {random: 200}`), or raise the limit"
        super().__init__(node.mistake(f"{cells:,} cells, and a sweep may have {cells_max:,}: {hint}"))
        self.cells = cells


@dataclass(frozen=True, slots=True)
class Matrix:
    cells: tuple[Cell, ...]
    size: int  # of the product of the axes
    excluded: int  # of its cells; -1 where nobody counted, because a sample was taken without it
    warnings: tuple[Mistake, ...]


def matrix(spec: StrategySpec, node: Node, seed: str, cells_max: int = CELLS_MAX) -> Matrix:
    """The cells of a strategy; `node` is where it stands. InvalidFile with all that is wrong with it."""
    mistakes = [*_axes(spec, node), *_excludes(spec, node)]
    if mistakes:
        raise InvalidFile(*mistakes)
    size = prod(len(values) for values in spec.matrix.values()) if spec.matrix else 0
    sampled = _sampled(spec, node, seed, size, cells_max)
    warnings = list(_idle_excludes(spec, node, size, cells_max))
    cells = _included(spec, node, sampled, warnings)
    if len(cells) > cells_max:
        raise TooManyCells(node, len(cells), cells_max)
    if not cells:
        raise InvalidFile(node.mistake("the strategy leaves no cell"))
    whole = spec.sample == "all"
    excluded = size - len(sampled) if whole else -1 if spec.exclude else 0
    return Matrix(tuple(cells), size, excluded, tuple(warnings))


# --- what can be wrong ---


def _axes(spec: StrategySpec, node: Node) -> Iterator[Mistake]:
    axes = node.get("matrix") or Node({}, node.mark, {})
    for axis, values in spec.matrix.items():
        if axis in ("include", "exclude"):
            yield axes.mistake(f"`{axis}:` stands beside `matrix:`, not in it", axis)
        elif not values:
            yield axes.mistake(f"the axis {axis!r} has no value", axis)
        for index, value in enumerate(values):
            if value in values[:index]:
                yield list(axes[axis])[index].mistake(f"{axis} has the value {value!r} twice")
    if not spec.matrix and not spec.include:
        yield node.mistake("a strategy needs a `matrix:` with axes, or cells in `include:`")


def _excludes(spec: StrategySpec, node: Node) -> Iterator[Mistake]:
    for index, row in enumerate(spec.exclude):
        where = list(node["exclude"])[index]
        if not row:
            yield where.mistake("an empty row would leave out every cell")
        for axis, value in row.items():
            yield from unknown(spec.matrix, axis, value, where, where[axis])


def unknown(axes: Mapping[str, Sequence[str]], axis: str, value: str, row: Node, node: Node) -> Iterator[Mistake]:
    """What is wrong with a row that names an axis and a value of it."""
    if axis not in axes:
        yield row.mistake(f"there is no axis {axis!r}" + suggest(axis, axes), axis)
    elif value not in axes[axis]:
        known = suggest(value, axes[axis]) or f"; it has {', '.join(axes[axis])}"
        yield node.mistake(f"{axis} has no value {value!r}{known}")


def _idle_excludes(spec: StrategySpec, node: Node, size: int, cells_max: int) -> Iterator[Mistake]:
    """Rows that leave out nothing that an earlier one did not."""
    if size > cells_max * PRODUCT_FACTOR_MAX:
        return
    for index, row in enumerate(spec.exclude):
        inside = {axis: (row[axis],) if axis in row else values for axis, values in spec.matrix.items()}
        if all(_is_excluded(cell, spec.exclude[:index]) for cell in _product(inside)):
            yield list(node["exclude"])[index].mistake("this row leaves out nothing that is not left out already")


# --- the cells ---


def _product(axes: Mapping[str, Sequence[str]]) -> Iterator[Cell]:
    return (dict(zip(axes, values, strict=True)) for values in product(*axes.values())) if axes else iter(())


def _is_excluded(cell: Cell, rows: Sequence[Mapping[str, str]]) -> bool:
    return any(all(cell.get(axis) == value for axis, value in row.items()) for row in rows)


def _sampled(spec: StrategySpec, node: Node, seed: str, size: int, cells_max: int) -> list[Cell]:
    if spec.sample == "pairwise":
        return _pairwise(spec)
    if spec.sample == "all":
        if size > cells_max * PRODUCT_FACTOR_MAX:
            raise TooManyCells(node, size, cells_max)
        left = (cell for cell in _product(spec.matrix) if not _is_excluded(cell, spec.exclude))
        cells = list(islice(left, cells_max + 1))
        if len(cells) > cells_max:
            raise TooManyCells(node, size, cells_max)
        return cells
    if spec.sample.random > cells_max:
        raise TooManyCells(node, spec.sample.random, cells_max)
    drawn = islice(shuffled(size, seed), cells_max * PRODUCT_FACTOR_MAX)
    found = ((place, _at(spec.matrix, place)) for place in drawn)
    chosen = islice((each for each in found if not _is_excluded(each[1], spec.exclude)), spec.sample.random)
    return [cell for _, cell in sorted(chosen, key=lambda each: each[0])]


def _at(axes: Mapping[str, Sequence[str]], place: int) -> Cell:
    """The cell at a place of the product, without building the product."""
    cell: Cell = {}
    for axis in reversed(list(axes)):
        place, index = divmod(place, len(axes[axis]))
        cell[axis] = axes[axis][index]
    return {axis: cell[axis] for axis in axes}


def shuffled(size: int, seed: str) -> Iterator[int]:
    """The numbers below `size` each once, in an order that follows from `seed`: a Feistel network keeps no list."""
    half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
    for start in range(1 << 2 * half):
        left, right = start >> half, start & ((1 << half) - 1)
        for turn in range(4):
            drawn = hashlib.sha256(f"{seed}/{turn}/{right}".encode()).digest()[:8]
            left, right = right, left ^ (int.from_bytes(drawn, "big") & ((1 << half) - 1))
        if (place := left << half | right) < size:
            yield place


def _pairwise(spec: StrategySpec) -> list[Cell]:
    """Cells in which every two values of two axes meet, unless every such cell is excluded."""
    cells = list(_all_pairs(spec)) if len(spec.matrix) > 1 else list(_product(spec.matrix))
    cells = [cell for cell in cells if not _is_excluded(cell, spec.exclude)]
    met = {pair for cell in cells for pair in _pairs(cell)}
    for one, other in combinations(spec.matrix, 2):  # a filter may lead allpairspy to where it gives up some
        for pair in product(*([(axis, value) for value in spec.matrix[axis]] for axis in (one, other))):
            if pair not in met and (cell := _with(spec, dict(pair))):
                cells.append(cell)
                met.update(_pairs(cell))
    places = {axis: {value: place for place, value in enumerate(values)} for axis, values in spec.matrix.items()}
    return sorted(cells, key=lambda cell: [places[axis][value] for axis, value in cell.items()])


def _all_pairs(spec: StrategySpec) -> Iterator[Cell]:
    from allpairspy import AllPairs  # type: ignore[import-untyped]

    axes = list(spec.matrix)

    def fits(row: Sequence[str]) -> bool:
        """A row may be a beginning of one, with the later axes still open."""
        return not _is_excluded(dict(zip(axes, row, strict=False)), spec.exclude)

    made: Any = AllPairs  # it has no types
    for row in made([list(values) for values in spec.matrix.values()], filter_func=fits):
        yield dict(zip(axes, row, strict=True))


def _pairs(cell: Cell) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    return combinations(cell.items(), 2)


def _with(spec: StrategySpec, values: Cell) -> Cell | None:
    """The first cell with these values that is not excluded."""
    inside = {axis: [values[axis]] if axis in values else each for axis, each in spec.matrix.items()}
    cells = islice(_product(inside), CELLS_MAX * PRODUCT_FACTOR_MAX)
    return next((cell for cell in cells if not _is_excluded(cell, spec.exclude)), None)


def _included(spec: StrategySpec, node: Node, cells: Sequence[Cell], warnings: list[Mistake]) -> list[Cell]:
    """The cells with the keys that `include` adds, and the cells that it makes."""
    added: list[Cell] = [dict(cell) for cell in cells]
    own: list[Cell] = []
    for index, row in enumerate(spec.include):
        fitting = [place for place, cell in enumerate(cells) if _fits(row, cell)]
        for place in fitting:
            added[place].update(row)
        if fitting or _is_of_the_matrix(row, spec):
            continue
        own.append(dict(row))
        missing = [axis for axis in spec.matrix if axis not in row]
        if missing:
            where = list(node["include"])[index]
            warnings.append(where.mistake(f"no cell fits, so this is one of its own, without {', '.join(missing)}"))
    return added + own


def _fits(row: Mapping[str, str], cell: Cell) -> bool:
    """Can the row be added without overwriting a value of the matrix?"""
    return all(cell.get(key, value) == value for key, value in row.items())


def _is_of_the_matrix(row: Mapping[str, str], spec: StrategySpec) -> bool:
    """Does a row belong to cells of the matrix that a sample left out?"""
    if spec.sample == "all" or not spec.matrix:
        return False
    inside = {axis: [each for each in values if row.get(axis, each) == each] for axis, values in spec.matrix.items()}
    return all(inside.values())
