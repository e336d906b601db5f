"""What a reader should look at, each with its place in a file: refusals that a policy file causes, and what failed.

A refusal is told at the line of the policy that refused; what the scenario expected is told at the scenario's line.
How grave it is goes by the scenario, never by the refusal alone:

    error    an expectation that is not met; a refusal of a step that did not go as expected
    warning  the last refusal of a run whose steps went as expected, but whose end did not
    note     a refusal that the scenario expects
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from app.policy.explain_values import Explanation, Mending, Position
from app.policy.repair_edit import CannotEdit, repaired
from app.policy.repair_words import in_one_line
from app.policy.scan import PolicySyntaxError
from workflows.reports.ended import Ended, Finished, NotRun, Reason
from workflows.reports.text import place_of
from workflows.transition import Transition, Wrong

UNMET: Final = "unmet-expectation"
STOPPED: Final = "stopped"
NOT_RUN: Final = "not-run"
LEFT_OUT: Final = "left-out"
IDLE: Final = "idle"
VERDICT: Final = "unmet-verdict"
OWN_RULES: Final = {
    UNMET: ("UnmetExpectation", "something is not as the scenario expects it"),
    VERDICT: ("UnmetVerdict", "a cell of a sweep does not come to what its verdict says"),
    STOPPED: ("Stopped", "the run could not go on"),
    NOT_RUN: ("NotRun", "the file could not be run"),
    IDLE: ("Idle", "a part of a sweep changes nothing"),
    LEFT_OUT: ("LeftOut", "the file was not run"),
}  # what is no cause of a refusal: name and sentence


class Level(IntEnum):
    """The gravest is the least, so that it sorts first."""

    ERROR = 0
    WARNING = 1
    NOTE = 2


@dataclass(frozen=True, slots=True)
class Region:
    """Lines and columns count from 1, in characters; the end is the first column behind. 0: not known."""

    file: str
    line: int = 1
    column: int = 0
    end_line: int = 0
    end_column: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Replace a region of a file with other text."""

    region: Region
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair that was tried and works, as changes of files; all of them together."""

    words: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str  # the code of a cause, or one of ours
    level: Level
    title: str
    message: str
    region: Region
    scenario: str  # path of the file that was run
    step: str = ""  # "" for what concerns the run as a whole
    anchor: str = ""  # what stays the same when lines move: pointer of the statement, key of the expectation
    expected: bool = False  # the scenario says that it is to be so
    fixes: tuple[Fix, ...] = ()
    lines: tuple[str, ...] = field(default=())  # more to say, a line each

    @property
    def weight(self) -> tuple[int, int]:
        """The most telling first: by level, then what was not run, then policies before what they led to."""
        return self.level, 0 if self.rule == LEFT_OUT else 2 if self.rule in OWN_RULES else 1

    @property
    def sentences(self) -> str:
        """All there is to say, in one paragraph."""
        return " ".join(f"{one.rstrip('.')}." for one in (self.message, *self.lines))


def findings(ended: Iterable[Ended]) -> list[Finding]:
    """Of all that ended, the most telling first; of equal weight in the order of the runs."""
    found = (one for each in ended for one in (not_run(each) if isinstance(each, NotRun) else of_run(each)))
    return sorted(found, key=lambda one: one.weight)


def not_run(ended: NotRun) -> Iterator[Finding]:
    if ended.reason is Reason.LEFT_OUT:
        yield Finding(LEFT_OUT, Level.NOTE, "Not run", ended.message, Region(ended.file), ended.file)
        return
    title = f"{ended.reason.value}: {ended.file}"
    for one in ended.mistakes:
        region = Region(one.mark.file, one.mark.line, one.mark.column)
        yield Finding(NOT_RUN, Level.ERROR, "The file is not valid", one.text, region, ended.file, anchor=one.text)
    if not ended.mistakes:
        yield Finding(NOT_RUN, Level.ERROR, title, ended.message, Region(ended.file), ended.file)


def of_run(ended: Finished) -> Iterator[Finding]:
    report = ended.report
    told = ended.explanations()
    wrong = {each.step for each in report.transitions if each.wrong}
    last = told[-1][0] if told and report.wrong and not wrong else ""
    for step, why, region in refusals(ended):
        level = Level.ERROR if step in wrong else Level.WARNING if step == last else Level.NOTE
        tail = ", as the scenario expects" if level is Level.NOTE else ""
        yield refusal(ended, step, why, region, level, f"Step {step} of {report.scenario!r}{tail}")
    because = {step: _because(why) for step, why in told}
    for each in report.transitions:
        for one in each.wrong:
            yield _unmet(ended, each.step, one, because.get(each.step, ""), *_sent(ended, each))
    for one in report.wrong:
        yield _unmet(ended, "", one, because.get(last, ""))
    if report.stopped:
        title = "The run is unsure" if report.unsure else "The run was stopped"
        yield Finding(STOPPED, Level.ERROR, title, report.stopped, Region(report.file), report.file)


# Refusals.


def refusals(ended: Finished) -> Iterator[tuple[str, Explanation, Region]]:
    """(step, why, where) of every refusal that a file causes."""
    for step, why in ended.explanations():
        region = _cause_in_a_file(why, ended)
        if region:
            yield step, why, region


def refusal(ended: Finished, step: str, why: Explanation, region: Region, level: Level, said: str) -> Finding:
    """`said`: in which run, in one sentence."""
    place = why.pointed.where if why.pointed else None
    repairs = [in_one_line(one) for one in why.repairs[:1]]
    return Finding(
        rule=why.code,
        level=level,
        title=f"{why.action} is denied [{why.code}]",
        message=f"{_because(why)}. {said}.",
        region=region,
        scenario=ended.file,
        step=step,
        anchor=place.pointer if place else "",
        expected=level is Level.NOTE,
        fixes=tuple(fix for one in why.repairs if (fix := _fix(one, ended))),
        lines=(f"The caller saw: {why.saw}", *(f"Repair: {one}" for one in repairs)),
    )


def _because(why: Explanation) -> str:
    sentence = why.cause.sentence
    return f"{why.title}: {sentence}"


def _cause_in_a_file(why: Explanation, ended: Finished) -> Region | None:
    """The element at fault; else where the smallest repair begins; None where no file causes it."""
    where = why.pointed.where if why.pointed else None
    if where and where.file and where.start:
        return _region(ended, where.file, where.start, where.end)
    for one in why.repairs:
        fix = _fix(one, ended)
        if fix:
            return fix.changes[0].region
    return None


def _region(ended: Finished, file: str, start: Position, end: Position | None) -> Region:
    """A place in the policy as sent is one in its file, but for columns behind a reference that was filled in."""
    sent = next((text for text, path in ended.report.files.items() if path == file), "")
    raw = ended.texts.get(file, sent)
    if file not in ended.report.files.values():  # in YAML, which tells where a value begins
        return Region(file, start.line, start.column)
    if not end or any(_before(raw, each) != _before(sent, each) for each in (start, end)):
        return Region(file, start.line)
    return Region(file, start.line, start.column, end.line, end.column)


def _before(text: str, at: Position) -> str:
    """What stands before a place in its line."""
    lines = text.split("\n")
    return lines[at.line - 1][: at.column - 1] if at.line <= len(lines) else ""


# Repairs as changes of text.


def _fix(mending: Mending, ended: Finished) -> Fix | None:
    """None where it takes calls, or a policy that no known file holds: half a repair is none."""
    body: Mapping[str, Any] = mending.body
    files = [str(one["file"] or "") for one in body["documents"]]
    if body["steps"] or not files or any(file not in ended.texts for file in files):
        return None
    try:
        changes = [change(file, ended.texts[file], _repaired(ended, body, file)) for file in dict.fromkeys(files)]
    except (CannotEdit, PolicySyntaxError):  # the edit was made for the policy with its references filled in
        return None
    return Fix(", ".join(body["says"]), tuple(changes))


def _repaired(ended: Finished, body: Mapping[str, Any], file: str) -> str:
    return repaired(ended.texts[file], body, file, ended.accounts)


def change(file: str, before: str, after: str) -> Change:
    """The shortest replacement that makes `after` of `before`."""
    start = _common(before, after)
    tail = _common(before[start:][::-1], after[start:][::-1])
    end = len(before) - tail
    region = Region(file, *_position(before, start), *_position(before, end))
    return Change(region, after[start : len(after) - tail])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many characters both begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _position(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


# Expectations.


def _sent(ended: Finished, transition: Transition) -> list[str]:
    """The policy files that a step sends: where nothing was refused, the mistake may stand in them."""
    known = (ended.report.files.get(value) for value in transition.parameters.values() if isinstance(value, str))
    return [f"The step sends {file}." for file in known if file]


def _unmet(ended: Finished, step: str, wrong: Wrong, *more: str) -> Finding:
    where = f"Step {step}" if step else "The run"
    file, line, column = place_of(wrong.at)
    lines = tuple(line for line in more if line)
    return Finding(
        UNMET, Level.ERROR, f"{where} is not as expected", wrong.text, Region(file, line, column), ended.file, step,
        anchor=wrong.text.partition(" ")[0], lines=lines,
    )  # fmt: skip
