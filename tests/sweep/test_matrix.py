"""From a strategy to its cells: GitHub's rules, samples that are the same everywhere, limits before it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.sweep.format import StrategySpec
from workflows.sweep.matrix import Matrix, matrix, shuffled
from workflows.yaml_marks import InvalidFile, plain, read


def of(text: str, *, seed: str = "7", **limits: Any) -> Matrix:
    node = read(text, "f.yaml")
    return matrix(StrategySpec.model_validate(plain(node)), node, seed, **limits)


def refused(text: str, **limits: Any) -> str:
    with pytest.raises(InvalidFile) as caught:
        of(text, **limits)
    return str(caught.value)


def test_cells_are_the_product_with_the_last_axis_fastest() -> None:
    cells = of("matrix: {a: [1, 2], b: [x, y]}").cells
    assert [tuple(cell.values()) for cell in cells] == [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y")]


def test_include_follows_the_example_in_githubs_documentation() -> None:
    """Expanding or adding matrix configurations: the fruits and animals of GitHub's page."""
    cells = of(
        "matrix: {fruit: [apple, pear], animal: [cat, dog]}\n"
        "include:\n"
        "  - {color: green}\n"
        "  - {color: pink, animal: cat}\n"
        "  - {fruit: apple, shape: circle}\n"
        "  - {fruit: banana}\n"
        "  - {fruit: banana, animal: cat}\n"
    ).cells
    assert list(cells) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_exclude_leaves_out_every_cell_that_has_its_values() -> None:
    found = of("matrix: {a: [1, 2, 3], b: [x, y]}\nexclude: [{a: 1}, {a: 2, b: y}]")
    assert [tuple(cell.values()) for cell in found.cells] == [("2", "x"), ("3", "x"), ("3", "y")]
    assert (found.size, found.excluded) == (6, 3)


def test_include_comes_after_exclude_and_may_bring_a_cell_back() -> None:
    cells = of("matrix: {a: [1, 2]}\nexclude: [{a: 1}]\ninclude: [{a: 1, note: again}]").cells
    assert list(cells) == [{"a": "2"}, {"a": "1", "note": "again"}]


def test_a_strategy_may_consist_of_include_alone() -> None:
    assert of("include: [{a: 1}, {a: 2}]").cells == ({"a": "1"}, {"a": "2"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("matrix: {a: []}", "f.yaml:1:10: the axis 'a' has no value"),
        ("matrix: {a: [1, 1]}", "f.yaml:1:17: a has the value '1' twice"),
        ("matrix: {alpha: [1]}\nexclude: [{alhpa: 1}]", "f.yaml:2:12: there is no axis 'alhpa'; did you mean 'alpha'?"),
        ("matrix: {a: [one]}\nexclude: [{a: oen}]", "f.yaml:2:15: a has no value 'oen'; did you mean 'one'?"),
        ("matrix: {a: [1]}\nexclude: [{}]", "f.yaml:2:11: an empty row would leave out every cell"),
        ("matrix: {a: [1]}\nexclude: [{a: 1}]", "f.yaml:1:1: the strategy leaves no cell"),
        ("matrix: {include: [1]}", "`include:` stands beside `matrix:`, not in it"),
        ("sample: all", "a strategy needs a `matrix:` with axes, or cells in `include:`"),
    ],
)
def test_what_can_not_be_meant_is_refused_at_its_place(text: str, says: str) -> None:
    assert says in refused(text)


def test_rows_without_effect_are_warned_about() -> None:
    """An exclude row behind another that is wider, and an include row that fits no cell and lacks an axis."""
    found = of("matrix: {a: [1, 2], b: [x]}\nexclude: [{a: 1}, {a: 1, b: x}]\ninclude: [{a: 3}]")
    assert [str(each) for each in found.warnings] == [
        "f.yaml:2:19: this row leaves out nothing that is not left out already",
        "f.yaml:3:11: no cell fits, so this is one of its own, without b",
    ]


# --- limits ---


def test_a_matrix_of_a_billion_cells_is_refused_before_it_is_built() -> None:
    axes = ", ".join(f"a{axis}: [{', '.join(map(str, range(10)))}]" for axis in range(9))
    assert "1,000,000,000 cells, and a sweep may have 10,000" in refused(f"matrix: {{{axes}}}")
    assert len(of(f"matrix: {{{axes}}}\nsample: {{random: 20}}").cells) == 20


def test_the_limit_can_be_raised_and_is_of_what_is_left() -> None:
    text = "matrix: {a: [1, 2, 3, 4], b: [1, 2, 3, 4]}"
    assert "16 cells, and a sweep may have 10" in refused(text, cells_max=10)
    assert len(of(text + "\nexclude: [{a: 1}, {a: 2}]", cells_max=10).cells) == 8
    assert len(of(text, cells_max=16).cells) == 16


# --- samples ---

AXES = st.lists(st.integers(min_value=1, max_value=4), min_size=2, max_size=5)


def strategy(sizes: list[int], sample: Any, exclude: list[dict[str, str]]) -> str:
    axes = {f"a{number}": [str(value) for value in range(size)] for number, size in enumerate(sizes)}
    return yaml.safe_dump({"matrix": axes, "sample": sample, "exclude": exclude}, default_style='"')


@settings(max_examples=40, deadline=None)
@given(AXES, st.data())
def test_pairwise_meets_every_pair_that_is_not_excluded(sizes: list[int], data: st.DataObject) -> None:
    """Method: a pair is owed if some cell of the whole matrix has it; and no cell of the sample is excluded."""
    value = {f"a{axis}": st.integers(0, size - 1).map(str) for axis, size in enumerate(sizes)}
    row = st.lists(st.sampled_from(list(value)), min_size=1, unique=True).flatmap(
        lambda axes: st.fixed_dictionaries({axis: value[axis] for axis in axes})
    )
    exclude = data.draw(st.lists(row, max_size=4))
    try:
        whole = of(strategy(sizes, "all", exclude)).cells
    except InvalidFile:  # every cell is excluded
        return
    sample = of(strategy(sizes, "pairwise", exclude)).cells
    assert pairs(whole) == pairs(sample)
    assert [cell for cell in whole if cell in sample] == list(sample)


def pairs(cells: Sequence[Mapping[str, str]]) -> set[Any]:
    return {(one, other) for cell in cells for one, other in combinations(cell.items(), 2)}


@given(st.integers(min_value=1, max_value=600), st.text(max_size=5))
def test_a_shuffle_has_every_place_once(size: int, seed: str) -> None:
    assert sorted(shuffled(size, seed)) == list(range(size))


def test_a_random_sample_follows_from_the_seed_alone() -> None:
    """The same on every Python and machine. Method: written down."""
    text = "matrix: {a: [1, 2, 3], b: [1, 2, 3]}\nsample: {random: 4}"
    assert of(text, seed="7") == of(text, seed="7")
    assert ["".join(cell.values()) for cell in of(text, seed="7").cells] == WRITTEN_DOWN
    assert len({tuple(tuple(cell.values()) for cell in of(text, seed=str(seed)).cells) for seed in range(20)}) > 10


WRITTEN_DOWN = ["12", "22", "23", "33"]


def test_a_random_sample_of_more_than_there_is_is_all_that_there_is() -> None:
    text = "matrix: {a: [1, 2, 3], b: [1, 2, 3]}\nexclude: [{a: 2}]"
    assert of(text + "\nsample: {random: 100}").cells == of(text).cells


def test_an_include_row_for_cells_that_a_sample_left_out_makes_no_cell() -> None:
    text = (
        "matrix: {a: [1, 2, 3], b: [1, 2, 3]}\nsample: {random: 2}\ninclude: [{a: 1, x: 1}, {a: 2, x: 2}, {a: 3, x: 3}]"
    )
    cells = of(text).cells
    assert len(cells) == 2
    assert all(cell["x"] == cell["a"] for cell in cells)


def test_cells_stand_in_the_order_of_the_matrix_whatever_the_sample() -> None:
    whole = of("matrix: {a: [1, 2, 3], b: [1, 2, 3]}").cells
    sample = of("matrix: {a: [1, 2, 3], b: [1, 2, 3]}\nsample: {random: 5}").cells
    assert [cell for cell in whole if cell in sample] == list(sample)
