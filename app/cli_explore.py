"""`reseal explore`. Data on stdout, progress on stderr; imports stay in the command."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli_options import JsonLines, single
from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.explore.cases import Explorable
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
            "revoke-grant, retire-grant, unshare, unshare-image, delete, delete-volume, deregister, each also "
            "NAME=STEP; week; the id of a step under `explore:`. `all`: each that finds an occasion; `none`: nothing. "
            "Left out: what the scenario declares."
        ),
    ] = None,
    at_most: Annotated[int | None, typer.Option(min=0, help="So many disturbances in one order; 0: all.")] = None,
    in_order: Annotated[
        bool | None,
        typer.Option("--in-order/--any-order", help="The calls come as in the file; only disturbances vary."),
    ] = None,
    max_states: Annotated[int, typer.Option(min=1, help="Stop at so many states.")] = 100_000,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so many seconds; 0: never.")] = 0,
    write: Annotated[str, typer.Option(help="Write each surprise here, as a scenario that `reseal run` plays.")] = "",
    svg: Annotated[str, typer.Option(help="Draw the states into this file, and a shortest path to each end.")] = "",
    junit: Annotated[str, typer.Option(help="Write JUnit XML to this file, a case an end.")] = "",
    github: Annotated[
        bool | None,
        typer.Option(help="Annotations for GitHub.", show_default="where GitHub Actions listens"),
    ] = None,
    dot: Annotated[bool, typer.Option("--dot", help="The states and calls between them, for Graphviz.")] = False,
    json: JsonLines = False,
) -> None:
    """Every order of the principals' calls, with disturbances: which ends can happen, and which nobody declared.

    Exit code 1: an end that is not declared can happen. 3: a limit ended the search, and none was found before.
    """
    from app.cli_runs import check_writable
    from workflows.explore.search import Limits

    form = _form(dot=dot, json=json, github=github)
    found = single(files)
    if svg and len(found) > 1:
        fail(Exit.USAGE, f"--svg is for one scenario, not for {len(found)}")
    check_writable({name: path for name, path in (("svg", svg), ("junit", junit)) if path})
    asked = _Asked(_names(disturb), at_most, in_order, Limits(max_states, seconds))
    ended = [_explored(file, asked, form) for file in found]
    for one in ended:
        _afterwards(one, svg, write)
    _report(ended, form, junit)
    codes = [_code(one) for one in ended]
    raise typer.Exit(next((code for code in _WORST_FIRST if code in codes), Exit.AS_EXPECTED))


_WORST_FIRST = (Exit.USAGE, Exit.EXPECTATION_FAILED, Exit.COULD_NOT_RUN)


@dataclass(frozen=True, slots=True)
class _Asked:
    names: tuple[str, ...] | None  # of disturbances; None, here and below: as the scenario says
    at_most: int | None
    in_order: bool | None
    limits: Limits


def _form(*, dot: bool, json: bool, github: bool | None) -> str:
    """What stdout is to hold; GitHub's commands where nothing is said and GitHub listens."""
    told = [name for name, is_told in (("dot", dot), ("json", json), ("github", bool(github))) if is_told]
    if len(told) > 1:
        fail(Exit.USAGE, f"--{told[0]} and --{told[1]} each say what stdout is to hold: give one of them")
    listens = os.environ.get("GITHUB_ACTIONS") == "true" and github is not False
    return told[0] if told else "github" if listens else "text"


def _names(disturb: list[str] | None) -> tuple[str, ...] | None:
    if disturb is None:
        return None
    names = [name.strip() for each in disturb for name in each.split(",")]
    return tuple(name for name in names if name and name != "none")


def _explored(file: str, asked: _Asked, form: str) -> Explorable:
    """Explore one file and, but for GitHub, say what came of it at once."""
    from app.services import all_services
    from workflows.explore import report
    from workflows.explore.cases import Explorable
    from workflows.explore.session import explore_file
    from workflows.explore.tracks import CannotExplore
    from workflows.yaml_marks import InvalidFile

    started = time.monotonic()
    try:
        explored = explore_file(
            file, all_services(), asked.names, asked.limits, _Progress(), in_order=asked.in_order, at_most=asked.at_most
        )
    except (InvalidFile, CannotExplore) as error:
        typer.echo(str(error), err=True)
        return Explorable(file, error, time.monotonic() - started)
    forms = {"text": report.as_text, "json": report.as_json, "dot": report.as_dot}
    if form in forms:
        typer.echo(forms[form](explored).rstrip("\n"))
    one = Explorable(file, explored, time.monotonic() - started)
    typer.echo(report.summary(explored, one.seconds), err=True)
    return one


def _code(one: Explorable) -> Exit:
    from workflows.explore.session import Explored

    if not isinstance(one.came, Explored):
        return Exit.USAGE
    if not one.came.ok:
        return Exit.EXPECTATION_FAILED
    return Exit.COULD_NOT_RUN if one.came.found.cut else Exit.AS_EXPECTED


def _report(ended: list[Explorable], form: str, junit: str) -> None:
    from app.cli_runs import root_of, write
    from workflows.explore.cases import as_github, as_junit

    root = root_of(os.environ)
    if form == "github":
        typer.echo(as_github(ended, root), nl=False)
    if junit:
        write(junit, as_junit(ended, root))


def _afterwards(one: Explorable, svg: str, folder: str) -> None:
    from app.cli_runs import write
    from workflows.explore.picture import as_svg
    from workflows.explore.session import Explored

    if not isinstance(one.came, Explored):
        return
    if svg:
        write(svg, as_svg(one.came))
    if folder:
        _write(one.came, Path(folder))


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
