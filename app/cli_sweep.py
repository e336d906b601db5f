"""`reseal sweep`: a scenario in all its variations, and what makes the difference."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli_options import not_valid
from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.sweep.load import Sweep
    from workflows.sweep.result import Result, Summary
    from workflows.sweep.run import Options

CELLS_MAX = 10_000
CELLS_FEW = 200  # take less time than it takes to begin processes


def mount(app: typer.Typer) -> None:
    app.command()(sweep)


def sweep(
    file: Annotated[str, typer.Argument(help="A scenario file with `strategy:`.")],
    workers: Annotated[
        int | None, typer.Option(min=0, max=64, help="Processes; 0: this one. Without it one a core, for few cells 0.")
    ] = None,
    cluster: Annotated[str, typer.Option(help="A Dask scheduler instead of processes: tcp://HOST:PORT.")] = "",
    cells_max: Annotated[int, typer.Option(min=1, help="Refuse a sweep of more cells.")] = CELLS_MAX,
    seconds: Annotated[float, typer.Option(min=0, help="End it after so long; 0: never.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="Every difference and the whole table.")] = False,
    junit: Annotated[str, typer.Option(help="Write JUnit XML to this file, a case a cell.")] = "",
    tap: Annotated[str, typer.Option(help="Write TAP 14 to this file.")] = "",
    json: Annotated[bool, typer.Option("--json", help="A JSON line a cell, in order, then a summary.")] = False,
) -> None:
    """Run every variation of a scenario, compare each with its verdict, and show what makes the difference."""
    from app.cli_runs import check_writable, write
    from app.services import all_services
    from workflows.sweep.forms import FORMS, line
    from workflows.sweep.load import load
    from workflows.sweep.text import as_text
    from workflows.yaml_marks import InvalidFile

    files = {form: path for form, path in (("junit", junit), ("tap", tap)) if path}
    check_writable(files)
    try:
        found = load(file, all_services().operations, cells_max=cells_max)
    except InvalidFile as invalid:
        not_valid(invalid)
    for warning in found.warnings:
        typer.echo(f"{warning.mark}: warning: {warning.text}", err=True)
    count = workers if workers is not None else _workers(len(found.cells))
    results, whole = _run(found, count, cluster, seconds, json=json)
    typer.echo(line(whole) if json else as_text(found, results, whole, full=full), nl=json)
    for form, path in files.items():
        write(path, FORMS[form](found, results, whole))
    raise typer.Exit(_code(whole))


def _run(found: Sweep, workers: int, cluster: str, seconds: float, *, json: bool) -> tuple[list[Result], Summary]:
    """The cells that were run, in order, and what came of the sweep."""
    from workflows.port import PortFailed
    from workflows.sweep.result import summary
    from workflows.sweep.run import Options, SweepEnded

    options = Options(workers, cluster, seconds, finished=_progress(len(found.cells)))
    results: list[Result] = []
    ended = ""
    try:
        _collect(found, options, results, json)
    except SweepEnded as early:
        ended = str(early)
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    return results, summary(found, results, ended)


def _workers(cells: int) -> int:
    return 0 if cells <= CELLS_FEW else os.cpu_count() or 1


def _collect(found: Sweep, options: Options, results: list[Result], json: bool) -> None:
    from app.services import all_services
    from workflows.sweep.forms import line
    from workflows.sweep.run import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with closing(run(found, all_services, options)) as running:
        for result in running:
            results.append(result)
            if json:
                typer.echo(line(result))


def _code(whole: Summary) -> int:
    if whole.bugs:
        return Exit.BUG
    if whole.ended or whole.could_not_run:
        return Exit.COULD_NOT_RUN
    return Exit.EXPECTATION_FAILED if whole.failed else Exit.AS_EXPECTED


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
