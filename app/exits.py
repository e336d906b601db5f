"""How every command ends: its exit code and, where it fails, one message on stderr."""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

import typer


class Exit(IntEnum):
    """Exit codes of every command."""

    AS_EXPECTED = 0
    EXPECTATION_FAILED = 1
    USAGE = 2  # a wrong option or an invalid file
    COULD_NOT_RUN = 3  # no server, no store, no network
    NOTHING_TO_RUN = 5
    BUG = 70
    INTERRUPTED = 130


def fail(code: Exit, message: str) -> NoReturn:
    """End with a message on stderr; never a traceback."""
    typer.echo(f"reseal: {message}", err=True)
    raise typer.Exit(code)
