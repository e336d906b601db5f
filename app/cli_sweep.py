"""`reseal sweep`: a scenario in all its variations, and what makes the difference. Data on stdout, else stderr."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli_options import scenarios
from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.reports import Finished, NotRun, Reason
    from workflows.sweep.ended import Ended, Swept
    from workflows.sweep.load import Sweep
    from workflows.sweep.result import Result
    from workflows.sweep.run import Options

CELLS_MAX = 10_000
CELLS_FEW = 200  # take less time than it takes to begin processes


class SweepFormat(StrEnum):
    """Of `reseal sweep`; all but GitHub's and JSON is told in files as well."""

    text = "text"
    json = "json"
    github = "github"
    tap = "tap"


def mount(app: typer.Typer) -> None:
    app.command()(sweep)


def sweep(
    files: Annotated[list[str], typer.Argument(help="Scenario files with `strategy:`, or folders with such files.")],
    workers: Annotated[
        int | None, typer.Option(min=0, max=64, help="Processes; 0: this one. Without it one a core, for few cells 0.")
    ] = None,
    cluster: Annotated[str, typer.Option(help="A Dask scheduler instead of processes: tcp://HOST:PORT.")] = "",
    cells_max: Annotated[int, typer.Option(min=1, help="Refuse a sweep of more cells.")] = CELLS_MAX,
    seconds: Annotated[float, typer.Option(min=0, help="End each sweep after so long; 0: never.")] = 0,
    format: Annotated[
        SweepFormat | None, typer.Option(help="Form of stdout; under GitHub Actions it is github.", show_default="text")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Every difference and the whole table.")] = False,
    junit: Annotated[str, typer.Option(help="Write JUnit XML to this file, a case a cell.")] = "",
    sarif: Annotated[str, typer.Option(help="Write SARIF to this file: verdicts that do not hold, policies why.")] = "",
    html: Annotated[str, typer.Option(help="Write a page to this file: every cell, needs no network.")] = "",
    tap: Annotated[str, typer.Option(help="Write TAP 14 to this file.")] = "",
    json: Annotated[bool, typer.Option("--json", help="A JSON line a cell, in order, then a summary.")] = False,
) -> None:
    """Run every variation of a scenario, compare each with its verdict, and show what makes the difference."""
    from app.cli_runs import check_writable, say_count

    form = _form(format, json)
    if full and form not in ("text", "github"):
        fail(Exit.USAGE, "--full shapes the text; other forms tell everything")
    written = {"junit": junit, "sarif": sarif, "html": html, "tap": tap}
    told = {name: file for name, file in written.items() if file}
    check_writable(told)
    show = _Show(form, full, told)
    how = _How(workers, cluster, cells_max, seconds)
    ended: list[Ended] = []
    for file in _sweeps(files):
        ended.append(_ended(file, how, show))
        show.sweep(ended[-1])
        if _code(ended[-1]) == Exit.INTERRUPTED:
            break
    show.end(ended)
    say_count([one.ok for one in ended])
    raise typer.Exit(max(map(_code, ended)))


def _form(format: SweepFormat | None, json: bool) -> str:
    if json and format:
        fail(Exit.USAGE, "--json and --format each say what stdout is to hold: give one of them")
    if json or format:
        return "json" if json or format is None else format.value
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def _sweeps(files: Sequence[str]) -> list[str]:
    """The files that are named, and the sweeps in the folders that are named; no other scenario of a folder."""
    from workflows.sweep.load import is_sweep

    found = [path for path in scenarios(files) if path in files or is_sweep(path)]
    return found or fail(Exit.NOTHING_TO_RUN, f"no file with `strategy:` in {', '.join(files)}")


# One sweep.


@dataclass(frozen=True, slots=True)
class _How:
    workers: int | None
    cluster: str
    cells_max: int
    seconds: float


def _ended(file: str, how: _How, show: _Show) -> Ended:
    from app.services import all_services
    from workflows.port import PortFailed
    from workflows.reports import NotRun, Reason
    from workflows.sweep.load import load
    from workflows.yaml_marks import InvalidFile

    began = time.monotonic()

    def not_run(reason: Reason, message: str, invalid: InvalidFile | None = None) -> NotRun:
        return NotRun(file, reason, message, invalid.mistakes if invalid else (), time.monotonic() - began)

    try:
        found = load(file, all_services().operations, cells_max=how.cells_max)
        for warning in found.warnings:
            typer.echo(f"{warning.mark}: warning: {warning.text}", err=True)
        return _run(found, how, show)
    except InvalidFile as invalid:
        return not_run(Reason.INVALID, "the file is not valid", invalid)
    except PortFailed as failed:
        return not_run(Reason.UNREACHABLE, str(failed))


INTERRUPTED = "interrupted"


def _run(found: Sweep, how: _How, show: _Show) -> Swept:
    """The cells that were run, in order, what came of the sweep, and one cell of each failure in full."""
    from workflows.sweep.ended import Swept, to_look_into
    from workflows.sweep.result import summary
    from workflows.sweep.run import Options, SweepEnded

    count = how.workers if how.workers is not None else _workers(len(found.cells))
    options = Options(count, how.cluster, how.seconds, finished=_progress(len(found.cells)))
    began, ended = time.monotonic(), ""
    results: list[Result] = []
    try:
        _collect(found, options, results, show)
    except SweepEnded as early:
        ended = str(early)
    except KeyboardInterrupt:
        ended = INTERRUPTED
    swept = Swept(found, results, summary(found, results, ended), time.monotonic() - began)
    if ended == INTERRUPTED or not show.shows_places:
        return swept
    return replace(swept, again={number: _in_full(found, number) for number in to_look_into(swept)})


def _workers(cells: int) -> int:
    return 0 if cells <= CELLS_FEW else os.cpu_count() or 1


def _collect(found: Sweep, options: Options, results: list[Result], show: _Show) -> None:
    from app.services import all_services
    from workflows.sweep.run import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with closing(run(found, all_services, options)) as running:
        for result in running:
            results.append(result)
            show.cell(result)


def _in_full(found: Sweep, number: int) -> Finished:
    """A cell once more, with all evidence and its repairs; policies as their files have them, references and all."""
    from app.repair.run import finish
    from app.services import all_services
    from workflows.files import Shelf
    from workflows.session import Options

    scenario = found.scenario(Shelf(texts=found.texts), number - 1)
    whole = finish(scenario, all_services(), Options())
    return replace(whole, texts={path: found.texts.get(path, text) for path, text in whole.texts.items()})


def _code(one: Ended) -> Exit:
    from workflows.reports import NotRun, Reason

    if isinstance(one, NotRun):
        return Exit.USAGE if one.reason is Reason.INVALID else Exit.COULD_NOT_RUN
    whole = one.whole
    if whole.ended == INTERRUPTED:
        return Exit.INTERRUPTED
    if whole.bugs:
        return Exit.BUG
    if whole.ended or whole.could_not_run:
        return Exit.COULD_NOT_RUN
    return Exit.EXPECTATION_FAILED if whole.failed else Exit.AS_EXPECTED


# What is shown.


class _Show:
    """One form on stdout, the reports' files, and GitHub's summary."""

    def __init__(self, form: str, full: bool, files: dict[str, str]) -> None:
        from app.cli_runs import root_of

        self._form, self._full, self._files = form, full, files
        self._root = root_of(os.environ)
        self.shows_places = form == "github" or "sarif" in files or "html" in files

    def cell(self, result: Result) -> None:
        from workflows.sweep.forms import line

        if self._form == "json":
            typer.echo(line(result))

    def sweep(self, one: Ended) -> None:
        """A sweep has ended."""
        from workflows.reports import NotRun, json_lines
        from workflows.sweep.forms import group, line, text_of

        if isinstance(one, NotRun):
            said = text_of(one).rstrip("\n")
            typer.echo(said if one.mistakes else f"reseal: {one.file}: {one.message}", err=True)
        if self._form == "json":
            typer.echo(json_lines.not_run(one) if isinstance(one, NotRun) else line(one.whole))
        elif self._form == "github":
            typer.echo(group(one, text_of(one, full=self._full), self._root), nl=False)
        elif self._form == "text" and not isinstance(one, NotRun):
            typer.echo(text_of(one, full=self._full), nl=False)

    def end(self, ended: Sequence[Ended]) -> None:
        """All have ended: what can only be told together."""
        from app.cli_runs import append_summary, write
        from workflows.reports import github
        from workflows.sweep.findings import findings
        from workflows.sweep.forms import FORMS
        from workflows.sweep.markdown import summary

        if self._form == "tap":
            typer.echo(FORMS["tap"](ended, self._root), nl=False)
        if self._form == "github":
            typer.echo(github.annotated(findings(ended), self._root), nl=False)
            append_summary(lambda room: summary(ended, self._root, room))
        for form, file in self._files.items():
            write(file, FORMS[form](ended, self._root))


def _progress(cells: int) -> Callable[[int], None]:
    """Counts on stderr, where that is a terminal."""
    done = 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        if sys.stderr.isatty() and "CI" not in os.environ:
            end = "\n" if done >= cells else ""
            typer.echo(f"\r{done:,} of {cells:,} cells{end}", err=True, nl=False)

    return finished
