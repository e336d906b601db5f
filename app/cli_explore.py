"""`reseal explore`. Data on stdout, progress on stderr; imports stay in the command."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli_options import JsonLines, single
from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.explore.search import Found, Limits
    from workflows.explore.session import Explored


def mount(app: typer.Typer) -> None:
    app.command()(explore)


def explore(
    files: Annotated[list[str], typer.Argument(help="Scenarios that follow a workflow, or folders of them.")],
    disturb: Annotated[
        list[str] | None,
        typer.Option(
            help="What may happen at any point, comma-separated: disable-key, delete-key, rotate, old-policy, "
            "revoke-grant, unshare, unshare-image, delete, each also NAME=STEP; or the id of a step under `explore:`. "
            "`none`: nothing. Left out: what the scenario declares."
        ),
    ] = None,
    max_states: Annotated[int, typer.Option(min=1, help="Stop at so many states.")] = 100_000,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so many seconds; 0: never.")] = 0,
    write: Annotated[str, typer.Option(help="Write each surprise here, as a scenario that `reseal run` plays.")] = "",
    dot: Annotated[bool, typer.Option("--dot", help="The states and calls between them, for Graphviz.")] = False,
    json: JsonLines = False,
) -> None:
    """Every order of the principals' calls, with disturbances: which ends can happen, and which nobody declared.

    Exit code 1: an end that is not declared can happen. 3: a limit ended the search, and none was found before.
    """
    from workflows.explore.search import Limits

    limits = Limits(max_states, seconds)
    codes = [_explore_one(file, _names(disturb), limits, "dot" if dot else "json" if json else "text", write)
             for file in single(files)]  # fmt: skip
    raise typer.Exit(next((code for code in _WORST_FIRST if code in codes), Exit.AS_EXPECTED))


_WORST_FIRST = (Exit.USAGE, Exit.EXPECTATION_FAILED, Exit.COULD_NOT_RUN)


def _names(disturb: list[str] | None) -> tuple[str, ...] | None:
    if disturb is None:
        return None
    names = [name.strip() for each in disturb for name in each.split(",")]
    return tuple(name for name in names if name and name != "none")


def _explore_one(file: str, names: tuple[str, ...] | None, limits: Limits, form: str, folder: str) -> Exit:
    from app.services import all_services
    from workflows.explore import report
    from workflows.explore.session import explore_file
    from workflows.explore.tracks import CannotExplore
    from workflows.yaml_marks import InvalidFile

    started = time.monotonic()
    try:
        explored = explore_file(file, all_services(), names, limits, _Progress())
    except (InvalidFile, CannotExplore) as error:
        typer.echo(str(error), err=True)
        return Exit.USAGE
    forms = {"text": report.as_text, "json": report.as_json, "dot": report.as_dot}
    typer.echo(forms[form](explored).rstrip("\n"))
    typer.echo(report.summary(explored, time.monotonic() - started), err=True)
    if folder:
        _write(explored, Path(folder))
    if not explored.ok:
        return Exit.EXPECTATION_FAILED
    return Exit.COULD_NOT_RUN if explored.found.cut else Exit.AS_EXPECTED


class _Progress:
    """A line a second on a terminal's stderr; nothing elsewhere."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, found: Found, waiting: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - self._said > 1:
            self._said = time.monotonic()
            typer.echo(f"{found.states:,} states, {waiting:,} to go on from", err=True)


def _write(explored: Explored, folder: Path) -> None:
    """A file a surprise, numbered as they are shown."""
    from workflows.explore.search import NOT_MADE
    from workflows.explore.write import as_scenario, write

    stem = Path(explored.plan.scenario.path).name.removesuffix(".reseal.yaml")
    for number, one in enumerate(explored.verdict.surprises, 1):
        path = one.shortest.path()
        if any(node.outcome == NOT_MADE for node in path):
            typer.echo(f"not written: surprise {number} holds a call whose caller is gone", err=True)
            continue
        text = as_scenario(explored.plan, path, one.what, f"A shortest path to it, found by exploring {stem}.")
        name = re.sub(r"[^a-z0-9]+", "-", one.what.lower()).strip("-")[:50].strip("-")
        try:
            typer.echo(f"wrote {write(folder, f'{stem}-{number}-{name}', text)}", err=True)
        except OSError as error:
            fail(Exit.COULD_NOT_RUN, f"can not write into {folder}: {error.strerror}")
