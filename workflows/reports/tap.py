"""TAP 14: a test point a run or a cell of a sweep, and a YAML block under each.

The YAML is written so that readers of TAP 13 (Perl's `prove`), which know a part of YAML, take it as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from workflows.reports.cases import Case, Outcome, case
from workflows.reports.ended import Ended
from workflows.reports.places import relative
from workflows.reports.text import clean


def render(ended: Sequence[Ended], root: str = "") -> str:
    return of_cases([case(one) for one in ended], root)


def of_cases(cases: Sequence[Case], root: str = "") -> str:
    lines = ["TAP version 14", f"1..{len(cases)}"]
    for number, one in enumerate(cases, 1):
        lines += _point(number, one, root)
    return "\n".join(lines) + "\n"


def _point(number: int, one: Case, root: str) -> Iterator[str]:
    passed = one.outcome in (Outcome.PASSED, Outcome.SKIPPED)
    directive = f" # SKIP {_escaped(one.message)}" if one.outcome is Outcome.SKIPPED else ""
    yield f"{'ok' if passed else 'not ok'} {number} - {_escaped(one.name)}{directive}"
    told: dict[str, object] = {"duration_ms": round(one.seconds * 1000, 3), **one.properties}
    if not passed:
        told = {"message": one.message, "severity": "fail" if one.outcome is Outcome.FAILED else "error"} | told
    yield "  ---"
    yield from (f"  {key}: {_scalar(value)}" for key, value in told.items())
    yield from ("  at:", f"    file: {_scalar(relative(one.file, root))}", f"    line: {one.line}")
    if one.detail:
        yield f"  detail: |{'2' if one.detail[:1].isspace() else ''}"
        yield from (f"    {line}" for line in clean(one.detail).splitlines())
    yield "  ..."


def _escaped(name: str) -> str:
    r"""On one line; `\` and `#`, which would begin a directive, escaped."""
    return " ".join(clean(name).split()).replace("\\", "\\\\").replace("#", "\\#")


def _scalar(value: object) -> str:
    """JSON is YAML."""
    return json.dumps(clean(value) if isinstance(value, str) else value, ensure_ascii=False)
