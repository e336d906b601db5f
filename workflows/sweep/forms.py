"""A sweep that ended, in the forms that people and machines read; the same sweep gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from workflows.reports import junit, tap
from workflows.sweep.cases import cases
from workflows.sweep.load import Sweep
from workflows.sweep.result import Result, Summary, to_json
from workflows.sweep.text import as_text

Form = Callable[[Sweep, Sequence[Result], Summary], str]


def line(value: Result | Summary) -> str:
    """One line of JSON."""
    return msgspec.json.encode(to_json(value)).decode()


def _lines(sweep: Sweep, results: Sequence[Result], whole: Summary) -> str:
    """A line a cell, in order, then the summary."""
    return "".join(f"{line(each)}\n" for each in (*results, whole))


FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "text": as_text,
        "json": _lines,
        "junit": lambda sweep, results, whole: junit.of_cases(cases(sweep, results, whole)),
        "tap": lambda sweep, results, whole: tap.of_cases(cases(sweep, results, whole)),
    }
)  # their media types are those of `workflows.reports`
