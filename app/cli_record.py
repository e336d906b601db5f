"""`reseal run --record FILE`: what is done by hand at a server becomes a scenario."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.record.recording import Told

PAUSE_S = 0.5


def record(file: str, endpoint: str, token: str) -> None:
    """Record the endpoint's world until Ctrl-C, then write `file` and `policies/` beside it, and play it once."""
    from workflows.over_http import OverHttp
    from workflows.port import PortFailed

    path = Path(file)
    if not path.name.endswith(".reseal.yaml"):
        fail(Exit.USAGE, f"a scenario's file is named something.reseal.yaml, not {path.name}")
    if not endpoint:
        fail(Exit.USAGE, "--record needs the --endpoint of a reseal server, with /w/WORLD for another world")
    server = OverHttp(endpoint, {}, token)
    try:
        server.begin_recording()
        _wait(f"recording the world {server.world!r}: work as you like, then press Ctrl-C")
        told = server.recording()
        server.end_recording()
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    write(told, path)


def _wait(word: str) -> None:
    """Say the word, and return when Ctrl-C is pressed."""
    try:
        typer.echo(word, err=True)
        while True:
            time.sleep(PAUSE_S)
    except KeyboardInterrupt:
        typer.echo("", err=True)


def write(told: Told, path: Path) -> None:
    """The files of a recording, and whether playing them comes to the same. Never over a file that is there."""
    from workflows.record.scenario import written

    try:
        files = written(told, path.name.removesuffix(".reseal.yaml").replace("-", " ").capitalize())
    except ValueError as nothing:
        fail(Exit.NOTHING_TO_RUN, str(nothing))
    targets = {(path if not name else path.parent / name): text for name, text in files.items()}
    taken = [str(target) for target in targets if target.exists()]
    if taken:
        fail(Exit.USAGE, f"{taken[0]} is there already; nothing was written")
    for target, text in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    typer.echo(str(path))
    raise typer.Exit(_played(path))


def _played(path: Path) -> int:
    """Play what was written, in memory, and say how that went."""
    from app.services import all_services
    from workflows.reports import as_text
    from workflows.session import Options, run_file
    from workflows.yaml_marks import InvalidFile

    try:
        found = run_file(str(path), all_services(), Options())
    except InvalidFile as invalid:
        typer.echo(f"it needs a hand before it can be run:\n{invalid}", err=True)
        return Exit.EXPECTATION_FAILED
    if found.ok:
        typer.echo("played in memory, it goes as it went by hand", err=True)
        return Exit.AS_EXPECTED
    typer.echo(f"played in memory, it does not go as it went by hand:\n{as_text(found, brief=True)}", err=True)
    return Exit.EXPECTATION_FAILED
