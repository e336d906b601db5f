"""Every cell of a sweep on one sheet: the last axes side by side, the others one below the other, a letter a cell.

The letter says what became of the cell, the legend what the letter means. So ten thousand cells are a table of a few
hundred rows that weighs some 15 bytes a cell, needs no script, and shows at a glance where the share stops. Cells that
lack an axis, or were made by `include` with other values, stand in a list of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any, Final

from workflows.reports.text import clean
from workflows.sweep.result import Result, label

if TYPE_CHECKING:
    from markupsafe import Markup

COLUMNS_MAX: Final = 36
SPARSE: Final = 3  # of so many places only one is a cell: then each cell has a row
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Values = tuple[str, ...]


def letters(results: Sequence[Result]) -> dict[str, str]:
    """What happened -> its letter, in the order of the cells."""
    return {what: _letter(number) for number, what in enumerate(dict.fromkeys(map(label, results)))}


def _letter(number: int) -> str:
    rest, last = divmod(number, len(_LETTERS))
    return (_letter(rest - 1) if rest else "") + _LETTERS[last]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`below` and `beside`: axes whose values are rows and columns."""

    below: tuple[str, ...]
    beside: tuple[str, ...]
    columns: tuple[Values, ...]
    rows: Mapping[Values, Mapping[Values, Result]]
    others: tuple[Result, ...]


def sheet(axes: Mapping[str, Sequence[str]], results: Sequence[Result]) -> Sheet:
    """Where each cell stands."""
    placed, others = dict[Values, Result](), list[Result]()
    for each in results:
        place = tuple(each.cell.get(axis, "") for axis in axes)
        fits = all(each.cell.get(axis) in values for axis, values in axes.items()) and axes
        if fits and place not in placed:
            placed[place] = each
        else:
            others.append(each)
    count = _beside(axes)
    found = _split(axes, placed, count)
    places = len(found.rows) * len(found.columns)
    if count and places > SPARSE * len(placed):
        found = _split(axes, placed, 0)
    return Sheet(found.below, found.beside, found.columns, found.rows, tuple(others))


def _beside(axes: Mapping[str, Sequence[str]]) -> int:
    """How many of the last axes go side by side; one stays below where there are several."""
    sizes = [len(values) for values in axes.values()]
    counts = (count for count in range(1, len(sizes)) if prod(sizes[-count:]) <= COLUMNS_MAX)
    return max(counts, default=0)


def _split(axes: Mapping[str, Sequence[str]], placed: Mapping[Values, Result], count: int) -> Sheet:
    names, cut = tuple(axes), len(axes) - count
    rows: dict[Values, dict[Values, Result]] = {}
    for place, result in placed.items():
        rows.setdefault(place[:cut], {})[place[cut:]] = result
    order = {axis: {value: n for n, value in enumerate(values)} for axis, values in axes.items()}
    columns = sorted(
        {place[cut:] for place in placed},
        key=lambda values: [order[axis][value] for axis, value in zip(names[cut:], values, strict=True)],
    )
    return Sheet(names[:cut], names[cut:], tuple(columns), rows, ())


# --- as markup ---


def table(it: Sheet, known: Mapping[str, str]) -> Markup:
    """The sheet as a table. `known`: what happened -> its letter."""
    from markupsafe import Markup

    columns = escape(json.dumps(it.columns), quote=True)
    head = "".join(_head(it))
    body = "\n".join(_rows(it, known))
    about = f'data-columns="{columns}" data-below="{escape(json.dumps(it.below))}"'
    return Markup(f'<table class="cells" {about}><thead>{head}</thead><tbody>\n{body}\n</tbody></table>')  # noqa: S704 - drawn by us, every text in it escaped


def _head(it: Sheet) -> Iterator[str]:
    """A row for each axis beside, then one with the names of the axes below."""
    for number, axis in enumerate(it.beside):
        upright = " class=v" if number == len(it.beside) - 1 else ""
        groups = groupby(it.columns, lambda values, end=number + 1: values[:end])
        parts = [(values[-1], len(list(members))) for values, members in groups]
        told = (f"<th scope=col{_span(count)}{upright}><span>{_text(value)}</span>" for value, count in parts)
        yield f"<tr><td{_span(len(it.below))} class=axis>{_text(axis)}{''.join(told)}"
    below = "".join(f"<th scope=col>{_text(axis)}" for axis in it.below)
    yield f"<tr>{below}{f'<td{_span(len(it.columns))}>' if it.beside else '<th scope=col>what happened'}"


def _span(count: int) -> str:
    return f" colspan={count}" if count > 1 else ""


def _rows(it: Sheet, known: Mapping[str, str]) -> Iterator[str]:
    before: Values = ()
    for values, cells in it.rows.items():
        same = next((n for n, pair in enumerate(zip(values, before, strict=False)) if pair[0] != pair[1]), len(before))
        heads = "".join(
            f"<th scope=row{' class=s' if n < same else ''}>{_text(value)}" for n, value in enumerate(values)
        )
        yield f"<tr>{heads}" + "".join(_cell(cells.get(column), known, alone=not it.beside) for column in it.columns)
        before = values


def _cell(result: Result | None, known: Mapping[str, str], *, alone: bool) -> str:
    if result is None:
        return "<td>"
    letter = known[label(result)]
    mark = "" if result.ok else "!"
    told = f" {_text(label(result))}" if alone else ""
    return f"<td class={tone(result)}>{letter}{mark}{told}"


def tone(result: Result) -> str:
    """x: not as expected; g: came to its end; r: refused, as the verdicts say."""
    return "x" if not result.ok else "g" if result.happened.ends else "r"


def _text(words: Any) -> str:
    return escape(clean(str(words)))
