"""Runs as one page: a file that needs no network, reads without JavaScript, and shows what it was given as text.

Templates escape everything; the only markup that is passed through is what reseal draws itself. The page's policy
(Content-Security-Policy) allows its own style and script by their digests, and nothing else: not even a picture from
elsewhere. Light or dark follows the reader's system, or the switch at the top.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workflows.reports.cases import Outcome, case
from workflows.reports.ended import Ended, Finished
from workflows.reports.html_pictures import drawing_style
from workflows.reports.html_run import run_view
from workflows.reports.places import relative
from workflows.reports.text import clean

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER: Final = Path(__file__).parent / "templates"
RESULTS: Final = {
    Outcome.PASSED: ("good", "✓", "as expected"),
    Outcome.FAILED: ("bad", "✗", "not as expected"),
    Outcome.ERROR: ("bad", "!", "could not be run to its end"),
    Outcome.SKIPPED: ("plain", "–", "left out"),
}


def render(ended: Sequence[Ended], root: str = "") -> str:
    """One page for all; with several runs an index stands at its top."""
    runs = [_run(n, one, root) for n, one in enumerate(ended, 1)]
    return framed("page.html.j2", "run.js", runs=runs)


def framed(template: str, *files: str, **told: Any) -> str:
    """A page of a template, with what every page has; `files` are the styles and scripts that it needs beside."""
    style = drawing_style() + "".join(_text(file) for file in ("page.css", *files) if file.endswith(".css"))
    script = "".join(_text(file) for file in ("page.js", *files) if file.endswith(".js"))
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _environment().get_template(template).render(told, policy=policy, style=style, script=script)


def _run(number: int, one: Ended, root: str) -> dict[str, Any]:
    found = case(one)
    tone, mark, words = RESULTS[found.outcome]
    told = {
        "number": number, "name": found.name, "file": relative(one.file, root), "tone": tone, "mark": mark,
        "result": words, "seconds": f"{one.seconds:.1f} s", "end": found.properties.get("end", ""),
    }  # fmt: skip
    if isinstance(one, Finished):
        return told | {"view": run_view(one, f"run-{number}", root)}
    return told | {"name": relative(one.file, root), "view": None, "detail": found.detail or found.message}


@cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip


def _shown(value: object) -> object:
    """Text without control characters; markup of ours as it is."""
    return clean(value) if type(value) is str else value
