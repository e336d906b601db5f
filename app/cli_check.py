"""`reseal check`: every mistake of scenario and sweep files, without running them. Imports stay in the command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from app.cli_options import Files, JsonLines, scenarios
from app.exits import Exit

if TYPE_CHECKING:
    from workflows.yaml_marks import Mistake


def mount(app: typer.Typer) -> None:
    app.command()(check)


def check(files: Files, json: JsonLines = False) -> None:
    """Check scenario and sweep files without running them; every mistake at file:line:column."""
    from workflows.yaml_marks import InvalidFile

    mistakes: list[Mistake] = []
    warnings: list[Mistake] = []
    for file in scenarios(files):
        try:
            warnings += _checked(file)
        except InvalidFile as invalid:
            mistakes += invalid.mistakes
    for level, found in (("error", mistakes), ("warning", warnings)):
        for each in found:
            typer.echo(_mistake_json(each, level) if json else _mistake_text(each, level))
    raise typer.Exit(Exit.USAGE if mistakes else Exit.AS_EXPECTED)


def _checked(file: str) -> Sequence[Mistake]:
    """What is odd about a valid file; InvalidFile for another."""
    from app.services import all_services
    from workflows import scenario
    from workflows.sweep import load as sweeps

    operations = all_services().operations
    if sweeps.is_sweep(file):
        return sweeps.load(file, operations).warnings
    scenario.load(file, operations)
    return ()


def _mistake_text(mistake: Mistake, level: str) -> str:
    return str(mistake) if level == "error" else f"{mistake.mark}: {level}: {mistake.text}"


def _mistake_json(mistake: Mistake, level: str) -> str:
    import msgspec

    mark = mistake.mark
    told = {
        "reseal": 1, "level": level, "file": mark.file, "line": mark.line, "column": mark.column,
        "message": mistake.text,
    }  # fmt: skip
    return msgspec.json.encode(told).decode()
