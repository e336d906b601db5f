"""What `reseal run` does with each file: run it, say so as it happens, and keep what came of it for the reports.

stdout belongs to one form: text, JSON, JSON lines, TAP, or GitHub's commands. stderr is for people: a line a step where
somebody watches (a terminal, or several files), none of it in CI; then a line a file. A file that can not be run is
reported like one that failed, and the others still run.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.reports import Ended, Finished, NotRun
    from workflows.session import Options
    from workflows.transition import Transition

ERASE: Final = "\r\x1b[K"
_SUMMARY: Final = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class Show:
    """What of the runs is shown, and where."""

    form: str = "text"  # text, json, tap, github; or lines: JSON lines as it happens
    given: bool = False
    brief: bool = False
    repairs: bool = True
    files: Mapping[str, str] = field(default_factory=dict[str, str])  # form -> file that it is written to


def in_ci(environment: Mapping[str, str]) -> bool:
    return environment.get("CI", "").lower() not in ("", "0", "false") or "GITHUB_ACTIONS" in environment


def root_of(environment: Mapping[str, str]) -> str:
    """The folder that reports tell paths from: the checkout in CI, else where the command was given."""
    return environment.get("GITHUB_WORKSPACE") or str(Path.cwd())


def run_all(
    files: Sequence[str], options: Options, show: Show, *, fail_fast: bool = False, sweeps: Sequence[str] = ()
) -> list[Ended]:
    """Run each file and show it; writes the reports. `fail_fast`: none behind the first that is not as expected.

    `sweeps` are not run, which every report says: whoever reads one is not to take them for run.
    """
    check_writable(show.files)
    if options.is_aws:
        typer.echo("in AWS itself: what the runs make there is real, may cost, and is not removed", err=True)
    shown, ended = _Shown(show, several=len(files) > 1), list["Ended"]()
    for number, file in enumerate(files, 1):
        one = _ended(file, options, show, shown)
        ended.append(one)
        shown.file(one)
        was_interrupted = code_of(one) == Exit.INTERRUPTED
        if (fail_fast and not one.ok) or was_interrupted:
            left = len(files) - number
            if left:
                typer.echo(f"{left} more file{'' if left == 1 else 's'} not run", err=True)
            break
    ended += [_left_out(sweep) for sweep in sweeps]
    shown.end(ended)
    return ended


def _left_out(sweep: str) -> NotRun:
    from workflows.reports import NotRun, Reason

    return NotRun(sweep, Reason.LEFT_OUT, f"a sweep: `reseal sweep {sweep}` runs it")


def code_of(one: Ended) -> Exit:
    from workflows.reports import Finished, Reason

    if isinstance(one, Finished):
        if one.report.stopped:
            return Exit.COULD_NOT_RUN
        return Exit.AS_EXPECTED if one.ok else Exit.EXPECTATION_FAILED
    return {
        Reason.INVALID: Exit.USAGE,
        Reason.UNREACHABLE: Exit.COULD_NOT_RUN,
        Reason.BUG: Exit.BUG,
        Reason.INTERRUPTED: Exit.INTERRUPTED,
        Reason.LEFT_OUT: Exit.AS_EXPECTED,
    }[one.reason]


# One file.


def _ended(file: str, options: Options, show: Show, shown: _Shown) -> Ended:
    from workflows.port import PortFailed
    from workflows.reports import NotRun, Reason
    from workflows.session import CannotPlay
    from workflows.yaml_marks import InvalidFile

    began = time.monotonic()

    def not_run(reason: Reason, message: str, invalid: InvalidFile | None = None) -> NotRun:
        return NotRun(file, reason, message, invalid.mistakes if invalid else (), time.monotonic() - began)

    try:
        return _run(file, options, show, shown)
    except InvalidFile as invalid:
        return not_run(Reason.INVALID, "the file is not valid", invalid)
    except CannotPlay as error:
        return not_run(Reason.INVALID, str(error))
    except PortFailed as failed:
        return not_run(Reason.UNREACHABLE, str(failed))
    except KeyboardInterrupt:
        return not_run(Reason.INTERRUPTED, f"interrupted; {again(options, shown.run)}")
    except Exception as error:
        if os.environ.get("RESEAL_TRACEBACK"):
            raise
        return not_run(Reason.BUG, f"a bug of ours: {type(error).__name__}: {error} (RESEAL_TRACEBACK=1 shows where)")


def _run(file: str, options: Options, show: Show, shown: _Shown) -> Finished:
    from app.repair.run import finish
    from app.services import all_services
    from workflows.scenario import load
    from workflows.session import new_run_id

    services = all_services()
    shown.begin(file)
    scenario = load(file, services.operations)
    shown.run = options.run or new_run_id(scenario, options)
    known = replace(options, run=shown.run)
    return finish(scenario, services, known, tries=show.repairs, heard=shown.step)


def again(options: Options, run: str) -> str:
    """How a run that was broken off is taken up again."""
    if options.is_in_memory:
        return "its world was in memory and is gone: begin it anew"
    if not options.journal:
        return "it had no --journal, so it can not be taken up again"
    return f"take it up again with --journal {options.journal} --run {run}"


# What is shown.


class _Shown:
    """Shows runs as they go on: a form on stdout, and progress on stderr."""

    def __init__(self, show: Show, *, several: bool) -> None:
        self.run = ""  # id of the run that goes on
        self._show, self._file, self._count = show, "", 0
        environment = os.environ
        self._root = root_of(environment)
        self._is_terminal = sys.stderr.isatty() and environment.get("TERM") not in (None, "", "dumb")
        self._watched = (self._is_terminal or several) and not in_ci(environment) and show.form != "lines"

    def begin(self, file: str) -> None:
        from workflows.reports import json_lines

        self._file, self._count = file, 0
        if self._show.form == "lines":
            typer.echo(json_lines.begin(file))

    def step(self, transition: Transition, from_journal: bool) -> None:
        from workflows.reports import json_lines, text

        self._count += 1
        if self._show.form == "lines":
            typer.echo(json_lines.step(self._file, transition, from_journal=from_journal))
        if self._watched:
            line = text.progress(self._file, self._count, transition, from_journal=from_journal)
            self._tell(line)

    def _tell(self, line: str) -> None:
        """On a terminal each line takes the place of the one before."""
        if self._is_terminal:
            sys.stderr.write(f"{ERASE}{line[:78]}")
            sys.stderr.flush()
        else:
            typer.echo(line, err=True)

    def file(self, one: Ended) -> None:
        """A run has ended."""
        from workflows.reports import Finished, github, json_lines, text

        if self._watched and self._is_terminal:
            sys.stderr.write(ERASE)
            sys.stderr.flush()
        if self._show.form == "text" and isinstance(one, Finished):
            typer.echo(self._text(one))
        elif self._show.form == "github":
            told = self._text(one) if isinstance(one, Finished) else text.not_run(one)
            typer.echo(github.group(one, told, self._root), nl=False)
        elif self._show.form == "lines":
            typer.echo(json_lines.end(one) if isinstance(one, Finished) else json_lines.not_run(one))
        typer.echo(_summary(one), err=True)

    def _text(self, one: Finished) -> str:
        from workflows.reports import text

        return text.as_text(one.report, given=self._show.given, brief=self._show.brief, repairs=one.repairs)

    def end(self, ended: Sequence[Ended]) -> None:
        """All have ended: what can only be told together, the reports' files, and one line of counts."""
        from workflows.reports import NotRun, findings, github, json_lines, render

        if self._show.form == "lines":
            for one in ended:
                if isinstance(one, NotRun) and one.ok:
                    typer.echo(json_lines.not_run(one))
        if self._show.form in ("json", "tap"):
            typer.echo(render(self._show.form, ended, self._root), nl=False)
        if self._show.form == "github":
            typer.echo(github.annotated(findings(ended), self._root), nl=False)
            append_summary(lambda room: github.summary(ended, self._root, room))
        for form, file in self._show.files.items():
            write(file, render(form, ended, self._root))
        say_count([one.ok for one in ended if not isinstance(one, NotRun) or not one.ok])


def _summary(one: Ended) -> str:
    from workflows.reports import Finished, text

    if isinstance(one, Finished):
        return text.summary(one.report, one.seconds)
    return text.not_run(one).rstrip("\n") if one.mistakes else f"reseal: {one.file}: {one.message}"


# Files.


def check_writable(files: Mapping[str, str]) -> None:
    """Before anything is run, so that no result is lost for want of a folder."""
    for form, file in files.items():
        path = Path(file)
        if path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            fail(Exit.USAGE, f"--{form}: can not write {file}")


def write(file: str, text: str) -> None:
    try:
        Path(file).write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        fail(Exit.COULD_NOT_RUN, f"can not write {file}: {error.strerror}")


def say_count(as_expected: Sequence[bool]) -> None:
    """One line for several files."""
    if len(as_expected) > 1:
        good = sum(as_expected)
        told = f"{len(as_expected)} files: {good} as expected, {len(as_expected) - good} NOT as expected"
        typer.echo(told, err=True)


def append_summary(made: Callable[[int], str]) -> None:
    """To the step's summary of GitHub Actions, in the room that is left there, in bytes."""
    from workflows.reports import github

    file = os.environ.get(_SUMMARY)
    if not file:
        return
    try:
        with Path(file).open("ab") as summary:
            room = github.SUMMARY_BYTES_MAX - summary.tell()
            if room > github.SUMMARY_BYTES_MIN:
                summary.write(made(room).encode("utf-8", "replace"))
    except OSError as error:
        typer.echo(f"reseal: no step summary: can not write {file}: {error.strerror}", err=True)
