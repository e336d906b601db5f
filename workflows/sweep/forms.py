"""Sweeps that ended, in the forms that people and machines read; the same sweeps give the same bytes.

The forms are those of runs (`workflows.reports`), and made by the same code: of cases (JUnit, TAP) and of findings
(SARIF, GitHub). As there, each is a function of what ended and of the folder that paths are told from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from workflows.reports import github, json_lines, junit, sarif, tap
from workflows.reports.ended import NotRun
from workflows.reports.places import relative
from workflows.reports.text import not_run
from workflows.sweep.cases import cases
from workflows.sweep.ended import Ended
from workflows.sweep.findings import findings
from workflows.sweep.html import page
from workflows.sweep.markdown import counted, summary
from workflows.sweep.result import Result, Summary, to_json
from workflows.sweep.text import as_text

Form = Callable[[Sequence[Ended], str], str]


def line(value: Result | Summary) -> str:
    """One line of JSON."""
    return msgspec.json.encode(to_json(value)).decode()


def _lines(ended: Sequence[Ended], root: str = "") -> str:
    """Of each sweep a line a cell, in order, then its summary."""
    told = (_not_run_line(one) if isinstance(one, NotRun) else map(line, (*one.results, one.whole)) for one in ended)
    return "".join(f"{each}\n" for lines in told for each in lines)


def _not_run_line(one: NotRun) -> list[str]:
    return [json_lines.not_run(one)]


def text_of(one: Ended, *, full: bool = False) -> str:
    if isinstance(one, NotRun):
        return not_run(one)
    return as_text(one.sweep, one.results, one.whole, full=full)


def group(one: Ended, text: str, root: str) -> str:
    """What is told of a sweep, folded, in the log of a job of GitHub Actions."""
    mark = "⚠️ not run" if isinstance(one, NotRun) else f"{'✅' if one.ok else '❌'} {counted(one)}"
    return github.folded(f"{relative(one.file, root)}: {mark}", text)


def _github(ended: Sequence[Ended], root: str = "") -> str:
    groups = [group(one, text_of(one), root) for one in ended]
    return "".join([*groups, github.annotated(findings(ended), root)])


FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "text": lambda ended, root: "\n".join(map(text_of, ended)),
        "json": _lines,
        "junit": lambda ended, root: junit.of_cases(cases(ended), root),
        "tap": lambda ended, root: tap.of_cases(cases(ended), root),
        "sarif": lambda ended, root: sarif.of_findings(findings(ended), root),
        "github": _github,
        "summary": summary,
        "html": page,
    }
)  # their media types are those of `workflows.reports`
