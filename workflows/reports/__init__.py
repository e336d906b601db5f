"""What came of runs, in the forms that people and machines read.

    what ended (Finished, or NotRun) -> cases    -> JUnit, TAP          one case a run, or a cell of a sweep
                                     -> findings -> SARIF, GitHub       one finding a place to look at
                                     -> text, JSON, HTML                the run itself

`FORMATS` is what a door offers: each form is a function of what ended and of the folder that paths are told from, and
reads nothing else, so that the same runs give the same bytes. Nothing here knows a terminal, a file or an exit code.

When is a refusal an error? A scenario may expect one; then it is a note at most, and only an unmet expectation fails.
Where a step is not as expected and was refused, both places are told: the policy's line, which is where a person mends
it, and the scenario's line, which is what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from workflows.reports import github, html, json_lines, junit, sarif, tap, text
from workflows.reports.cases import Case, case
from workflows.reports.ended import Ended, Finished, NotRun, Reason, Repairs, explained, repairs_of
from workflows.reports.findings import findings
from workflows.reports.json_lines import as_json
from workflows.reports.text import as_text

Form = Callable[[Sequence[Ended], str], str]

FORMATS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "text": text.render,
        "json": json_lines.render,
        "junit": junit.render,
        "sarif": sarif.render,
        "html": html.render,
        "tap": tap.render,
        "github": github.render,
        "summary": github.summary,
    }
)
MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "text": "text/plain; charset=utf-8",
        "json": "application/x-ndjson",
        "junit": "application/xml",
        "sarif": "application/sarif+json",
        "html": "text/html; charset=utf-8",
        "tap": "text/plain; charset=utf-8",
        "github": "text/plain; charset=utf-8",
        "summary": "text/markdown; charset=utf-8",
    }
)


def render(form: str, ended: Sequence[Ended], root: str = "") -> str:
    """One text for all that ended. `root`: the folder that paths are told from; "": as they were given.

    KeyError for a form that FORMATS does not have.
    """
    return FORMATS[form](ended, root)


__all__ = [
    "FORMATS", "MEDIA_TYPES", "Case", "Ended", "Finished", "NotRun", "Reason", "Repairs", "as_json", "as_text", "case",
    "explained", "findings", "render", "repairs_of",
]  # fmt: skip
