"""A run, shown: plain text for a terminal of 80 columns, complete without colour."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from app.policy import explain
from app.policy.explain_values import Mending
from app.policy.repair_words import in_one_line
from workflows.explanation import because, named, things
from workflows.reports.ended import NO_REPAIRS, Ended, NotRun, Repairs, explained
from workflows.settle import failure, state_of
from workflows.transition import Report, Transition

COLUMNS: Final = 80
_INDENT: Final = " " * 10
_AWS_SERVICE: Final = ".amazonaws.com"
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render(ended: Sequence[Ended], root: str = "") -> str:
    """Every run in full, a blank line between them. `root` changes nothing: paths stay as they were given."""
    return "\n".join(
        not_run(one) if isinstance(one, NotRun) else as_text(one.report, repairs=one.repairs) for one in ended
    )


def not_run(ended: NotRun) -> str:
    """The mistakes of a file, or why it was not run, a line each."""
    return "\n".join([str(one) for one in ended.mistakes] or [f"{ended.file}: {ended.message}"]) + "\n"


def as_text(report: Report, *, given: bool = False, brief: bool = False, repairs: Repairs = NO_REPAIRS) -> str:
    """Every step with what it set off; the set-up only where asked for or gone wrong. `brief`: what came of each."""
    names = things(report)
    lines = [report.scenario, ""]
    for transition in report.transitions:
        if transition.section == "steps" or given or transition.wrong:
            lines += _step(transition, names, repairs.get(transition.step, ()), brief)
    lines += () if brief else _why(report, repairs)
    lines += ["", *_end(report)]
    return clean("\n".join(line.rstrip() for line in lines)) + "\n"


def clean(text: str) -> str:
    """Without what a terminal would obey, and a file could not hold: control characters and lone surrogates."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def place_of(at: str) -> tuple[str, int, int]:
    """file, line, column of `file:line:column`."""
    file, line, column = at.rsplit(":", 2)
    return file, int(line), int(column)


def _why(report: Report, repairs: Repairs) -> Iterator[str]:
    """The last refusal in full."""
    told = list(explained(report.transitions, report.files, repairs))
    if told:
        yield ""
        yield from explain.text(told[-1][1]).splitlines()


def summary(report: Report, seconds: float) -> str:
    """One line: `happy-path.reseal.yaml  5 steps, restored, 0.3 s`."""
    steps = sum(each.section == "steps" for each in report.transitions)
    plural = "" if steps == 1 else "s"
    verdict = "as expected" if report.ok else "NOT as expected"
    parts = (f"{steps} step{plural}", report.state, verdict, f"{seconds:.1f} s")
    return f"{report.file}: {', '.join(part for part in parts if part)}"


def progress(file: str, number: int, transition: Transition, *, from_journal: bool = False) -> str:
    """A step that has just ended, in one line."""
    mark = "WRONG" if transition.wrong else "known" if from_journal else "ok"
    told = result(transition) if transition.call else "the clock moves on"
    return clean(f"{PurePath(file).name}  {number:>2} {transition.step:<12} {mark:<5}  {told}")


# --- a step ---


def _step(transition: Transition, names: Mapping[str, str], repairs: Sequence[Mending], brief: bool) -> Iterator[str]:
    if transition.name and not brief:
        yield transition.name
    if not transition.call:
        yield f"  {transition.step:<8}  the clock moves on by {transition.parameters.get('advance_ms')} ms"
    else:
        head = f"  {transition.step:<8}  {transition.principal}  {transition.call}  "
        yield from _wrapped(head, result(transition))
    if not brief:
        yield from _caused(transition, names)
    if transition.outcome != "OK":
        for line in because(transition, names):
            yield from _wrapped(f"{_INDENT}because   ", line)
        for one in repairs[:1]:
            yield from _wrapped(f"{_INDENT}repair    ", in_one_line(one))
    for part in transition.unchecked:
        yield f"{_INDENT}not checked here: expect.{part} (this endpoint gives no evidence)"
    for wrong in transition.wrong:
        yield from _wrapped("  WRONG   ", f"{wrong.at}: {wrong.text}")


def _caused(transition: Transition, names: Mapping[str, str]) -> Iterator[str]:
    """The calls below, the change of the graph, and contracts that do not hold."""
    yield from (f"{_INDENT}{line}" for line in _set_off(transition, names))
    yield from _changes(transition)
    for contract in transition.contracts:
        if contract.holds is False:
            yield from _wrapped(f"{_INDENT}unmet     ", f"{contract.when}: {contract.sentence}")


def result(transition: Transition) -> str:
    """`200, completed`; `200, then error: ...`; `403 UnauthorizedOperation: ...`."""
    if transition.error:
        return f"{transition.error['code']}: {transition.error['message']}"
    later = transition.later
    if "Error" in later:
        return f"200, then gone: {later['Error']}"
    state = state_of(later) if "State" in later else ""  # what became of a key is among the changes
    if state in ("error", "terminated"):
        return f"200, then {state}: {failure(later)}"
    return f"200, {state}" if state else "200" if transition.outcome == "OK" else transition.outcome


def _changes(transition: Transition) -> Iterator[str]:
    """The change of the graph; a line that goes on is set in under the one it continues."""
    paragraph = ""
    for line in (*transition.change, "+"):
        if line[:1] in "+-~" and paragraph:
            yield from _wrapped(f"{_INDENT}{paragraph[:2]}", paragraph[2:])
            paragraph = line
        else:
            paragraph = f"{paragraph} {line.strip()}" if paragraph else line


def _set_off(transition: Transition, names: Mapping[str, str]) -> Iterator[str]:
    """The calls that the step's own call caused, as their callers made them."""
    for call in transition.calls:
        if call["operation"] == transition.call and not call.get("parent"):
            continue
        name, owner = f"{call['operation']} {_by(call['caller'])}".strip(), _owner(call, names)
        yield f"denied   {name}  {owner}: {call['code']}" if call.get("code") else f"allowed  {name:<36} {owner}"


def _by(caller: str) -> str:
    """A service as itself is worth saying; the step's own caller is not."""
    return f"by {caller.partition('.')[0]} itself" if caller.endswith(_AWS_SERVICE) else ""


def _owner(call: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What it was about: the name of a key, else the first resource."""
    resources = [each for each in call.get("resources", ()) if each]
    keys = [each for each in resources if ":key/" in each]
    return _short(named((keys or resources or [""])[0], names))


def _short(name: str) -> str:
    """`key 8a64f09d...`: a key that the scenario did not make."""
    return f"key {name[4:12]}…" if name.startswith("key/") else name


# --- the end ---


def _end(report: Report) -> Iterator[str]:
    if report.stopped:
        yield from _wrapped("stopped   ", ("unsure: " if report.unsure else "") + report.stopped)
    if report.state:
        yield f"ended     {report.state} ({report.workflow})"
    if report.data:
        yield f"data      {report.data}"
    for wrong in report.wrong:
        yield from _wrapped("WRONG     ", f"{wrong.at}: {wrong.text}")
    if not report.stopped:
        yield f"result    {'as expected' if report.ok else 'NOT as expected'}"


def _wrapped(head: str, words: str) -> list[str]:
    """Text after a head, going on below itself."""
    indent = " " * min(len(head), 20)
    return textwrap.wrap(
        f"{head}{words}", COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False,
        drop_whitespace=True, initial_indent="",
    ) or [head]  # fmt: skip
