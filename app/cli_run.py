"""`reseal run`: its options, and what is said and drawn afterwards. Data on stdout, all else on stderr."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from app.cli_options import Token, parted, say_left_out
from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.reports import Ended
    from workflows.session import Options
    from workflows.transition import Report


class RunFormat(StrEnum):
    """Of `reseal run`; all but GitHub's is told in files as well."""

    text = "text"
    json = "json"
    github = "github"
    tap = "tap"


def mount(app: typer.Typer) -> None:
    app.command()(run)


def run(
    files: Annotated[
        list[str] | None, typer.Argument(help="Scenario files (*.reseal.yaml), or folders of them.")
    ] = None,
    endpoint: Annotated[
        str,
        typer.Option(help="Run at this endpoint: a reseal server (URL or URL/w/WORLD), any other URL, or aws."),
    ] = "",
    profile: Annotated[
        list[str] | None,
        typer.Option(
            help="account/principal=PROFILE: this profile of the AWS configuration plays it (again for each). Needed "
            "for every account's root at --endpoint aws, which is meant where only profiles are given."
        ),
    ] = None,
    format: Annotated[
        RunFormat | None, typer.Option(help="Form of stdout; under GitHub Actions it is github.", show_default="text")
    ] = None,
    junit: Annotated[str, typer.Option(help="Write JUnit XML to this file, a case a run.")] = "",
    sarif: Annotated[str, typer.Option(help="Write SARIF to this file: refusals at their policy, with fixes.")] = "",
    html: Annotated[str, typer.Option(help="Write a page to this file: one for all runs, needs no network.")] = "",
    tap: Annotated[str, typer.Option(help="Write TAP 14 to this file.")] = "",
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop behind the first file that fails.")] = False,
    svg: Annotated[str, typer.Option(help="Write the key graph here; into a folder: one picture a step.")] = "",
    journal: Annotated[str, typer.Option(help="Journal of the run, JSON lines: it can be taken up again.")] = "",
    run_id: Annotated[str, typer.Option("--run", help="Take up the run of this id, with its --journal.")] = "",
    token: Token = "",
    given: Annotated[bool, typer.Option("--given", help="Show the set-up too.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="A line a step, and why it was refused.")] = False,
    repairs: Annotated[bool, typer.Option(help="Try what would make a refused step succeed.")] = True,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout, one as each step ends.")] = False,
    record: Annotated[
        str, typer.Option(help="Write a scenario to this file, of what is done by hand at the --endpoint until Ctrl-C.")
    ] = "",
) -> None:
    """Run scenarios: each step, what it set off, what it changed, and why it was refused."""
    if record:
        from app.cli_record import record as record_by_hand

        if files:
            fail(Exit.USAGE, "--record writes a scenario; it runs none")
        record_by_hand(record, endpoint, token)
    if not files:
        fail(Exit.USAGE, "name a scenario file, or a folder of them")
    from app.cli_runs import Show, code_of, run_all
    from workflows.session import Options

    options = Options(endpoint, journal, run_id, token, _profiles(profile or ()))
    form = _form(format, json)
    if (given or brief) and form not in ("text", "github"):
        fail(Exit.USAGE, "--given and --brief shape the text; other forms tell everything")
    found, sweeps = parted(files)
    if not found:
        say_left_out(sweeps, files)
        fail(Exit.NOTHING_TO_RUN, f"only sweeps in {', '.join(files)}")
    _check_one_run(found, options, svg)
    written = {"junit": junit, "sarif": sarif, "html": html, "tap": tap}
    show = Show(form, given, brief, repairs, {name: file for name, file in written.items() if file})
    ended = run_all(found, options, show, fail_fast=fail_fast, sweeps=sweeps)
    say_left_out(sweeps, files)
    for one in ended:
        _afterwards(one, options, svg)
    raise typer.Exit(max(map(code_of, ended)))


def _profiles(told: Sequence[str]) -> dict[str, str]:
    """principal -> profile, of `account/principal=PROFILE`."""
    pairs = [one.partition("=") for one in told]
    for name, _, profile in pairs:
        if "/" not in name or not profile:
            fail(Exit.USAGE, f"--profile takes account/principal=PROFILE, such as source/root=admin; not {name!r}")
    return {name: profile for name, _, profile in pairs}


def _form(format: RunFormat | None, json: bool) -> str:
    """What stdout is to hold; GitHub's commands where nothing is said and GitHub listens."""
    if json and format:
        fail(Exit.USAGE, "--json and --format each say what stdout is to hold: give one of them")
    if json:
        return "lines"
    if format:
        return format.value
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def _check_one_run(files: list[str], options: Options, svg: str) -> None:
    """What concerns a single run is given for a single file."""
    if options.run and not options.journal:
        fail(Exit.USAGE, "--run needs the --journal of that run")
    if options.run and options.is_in_memory:
        fail(Exit.USAGE, "--run needs the --endpoint of that run: a world in memory ends with its process")
    if (options.run or svg) and len(files) > 1:
        fail(Exit.USAGE, f"{'--run' if options.run else '--svg'} is for one scenario, not for {len(files)}")


def _afterwards(one: Ended, options: Options, svg: str) -> None:
    """Where a run can be looked into, how it is taken up again, and its pictures."""
    from app.cli_runs import again
    from workflows.reports import Finished

    if not isinstance(one, Finished):
        return
    _say_where(options.endpoint, one.report)
    if one.report.stopped and options.journal:
        typer.echo(again(options, one.report.run), err=True)
    if svg:
        _draw(one.report, Path(svg))


def _say_where(endpoint: str, found: Report) -> None:
    """Where a run at a reseal server can be looked into: it was given a world of its own."""
    has_graph = any(each.graph for each in found.transitions)
    if endpoint and has_graph and not urlsplit(endpoint).path.strip("/"):
        typer.echo(f"look into its world with --endpoint {endpoint.rstrip('/')}/w/{found.run}", err=True)


def _draw(found: Report, path: Path) -> None:
    """The graph after the last step, with what it changed; into a folder: one picture a step."""
    from workflows.pictures import pictures

    drawn = pictures(found)
    if not drawn:
        typer.echo("reseal: this endpoint tells no graph; nothing was drawn", err=True)
        return
    if path.is_dir():
        for name, picture in drawn.items():
            (path / f"{name}.svg").write_text(picture, encoding="utf-8")
    else:
        path.write_text(list(drawn.values())[-1], encoding="utf-8")
