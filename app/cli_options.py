"""Options and arguments that several commands take, each said once, and what a command does with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from app.exits import Exit, fail
from app.settings import PORT

if TYPE_CHECKING:
    from workflows.yaml_marks import InvalidFile

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
JsonLines = Annotated[bool, typer.Option("--json", help="JSON on stdout, one object a line.")]
Server = Annotated[str, typer.Option(help="The reseal server to ask.", envvar="AWS_ENDPOINT_URL")]
World = Annotated[str, typer.Option(help="A reseal server; /w/WORLD for another world.", envvar="AWS_ENDPOINT_URL")]
Token = Annotated[str, typer.Option(help="Bearer token for the server's REST.", envvar="RESEAL_TOKEN")]
Files = Annotated[list[str], typer.Argument(help="Scenario files (*.reseal.yaml), or folders of them.")]

HERE = f"http://127.0.0.1:{PORT}"  # of `World`, where nothing is said


def scenarios(files: Sequence[str]) -> list[str]:
    """The scenario files among these files and folders; ends the command where there is none."""
    from workflows.session import scenarios_in

    found = list(scenarios_in(list(files)))
    return found or fail(Exit.NOTHING_TO_RUN, f"no *.reseal.yaml in {', '.join(files)}")


def parted(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """`scenarios`, and apart from them the sweeps that stand in a folder: nobody asked for those by name."""
    from workflows.sweep.load import is_sweep

    found = scenarios(files)
    sweeps = [path for path in found if path not in files and is_sweep(path)]
    return [path for path in found if path not in sweeps], sweeps


def say_left_out(sweeps: Sequence[str], files: Sequence[str]) -> None:
    """A word on sweeps that were not run, with the command that runs them."""
    if sweeps:
        several = "s" if len(sweeps) > 1 else ""
        command = f"reseal sweep {' '.join(files)}"
        typer.echo(f"left out: {len(sweeps)} sweep{several}, which `{command}` runs", err=True)


def single(files: Sequence[str]) -> list[str]:
    """`scenarios`, without the sweeps that stand in a folder: those are left out with a word, for `reseal sweep`."""
    kept, sweeps = parted(files)
    say_left_out(sweeps, files)
    return kept or fail(Exit.NOTHING_TO_RUN, f"only sweeps in {', '.join(files)}")


def journaled(journal: str, run: str) -> list[dict[str, Any]]:
    """What a journal has of a run, or of its last one where none is named; ends the command where it has none."""
    from workflows.journal import FileJournal

    known = FileJournal(journal)
    runs = known.runs()
    if not runs:
        fail(Exit.NOTHING_TO_RUN, f"{journal} has no run")
    if run and run not in runs:
        fail(Exit.USAGE, f"{journal} has no run {run!r}")
    return list(known.entries(run or runs[-1]))


def not_valid(invalid: InvalidFile) -> NoReturn:
    """Ends the command with the mistakes of a file."""
    typer.echo(str(invalid), err=True)
    raise typer.Exit(Exit.USAGE) from None
