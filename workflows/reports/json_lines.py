"""Runs for machines: one object a run that ended, or one line as each step happens.

Every object is versioned (`"reseal": 1`) and names its `kind`: `run` is a whole run; `begin`, `step` and `end` are what
is told while one goes on. A step's line leaves out what only the whole has: the graph, and decisions with their traces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from app.policy import explain
from workflows.reports.ended import NO_REPAIRS, Ended, Finished, NotRun, Repairs, explained
from workflows.transition import Report, Transition, to_json

FORMAT: Final = 1
_WHOLE_ONLY: Final = ("graph", "decisions")


def render(ended: Sequence[Ended], root: str = "") -> str:
    """One line a file. `root` changes nothing: paths stay as they were given."""
    return "".join(
        (not_run(one) if isinstance(one, NotRun) else as_json(one.report, one.repairs)) + "\n" for one in ended
    )


def as_json(report: Report, repairs: Repairs = NO_REPAIRS) -> str:
    """A whole run as one object."""
    return _line("run", {"ok": report.ok} | to_json(report) | _explanations(report, repairs))


def not_run(ended: NotRun) -> str:
    mistakes = [
        {"file": one.mark.file, "line": one.mark.line, "column": one.mark.column, "message": one.text}
        for one in ended.mistakes
    ]
    told = {"ok": ended.ok, "file": ended.file, "reason": ended.reason.value, "message": ended.message}
    return _line("not-run", told | {"mistakes": mistakes})


def begin(file: str) -> str:
    return _line("begin", {"file": file})


def step(file: str, transition: Transition, *, from_journal: bool = False) -> str:
    """A step as it happened; `from_journal`: in an earlier attempt of the run."""
    told = {name: value for name, value in to_json(transition).items() if name not in _WHOLE_ONLY}
    return _line("step", {"file": file, "from_journal": from_journal} | told)


def end(ended: Finished) -> str:
    """All of a run but its steps."""
    whole = {name: value for name, value in to_json(ended.report).items() if name not in ("transitions", "files")}
    told = {"ok": ended.ok, "seconds": round(ended.seconds, 3), "steps": len(ended.report.transitions)}
    return _line("end", told | whole | _explanations(ended.report, ended.repairs))


def _explanations(report: Report, repairs: Repairs) -> dict[str, Any]:
    told = explained(report.transitions, report.files, repairs)
    return {"explanations": [{"step": step} | explain.to_json(one) for step, one in told]}


def _line(kind: str, told: Mapping[str, Any]) -> str:
    return msgspec.json.encode({"reseal": FORMAT, "kind": kind} | dict(told)).decode("utf-8")
