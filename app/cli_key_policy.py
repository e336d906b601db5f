"""`reseal key-policy`: the key policies to begin with, filled in."""

from __future__ import annotations

from typing import Annotated

import typer

from app.exits import Exit, fail

Values = Annotated[list[str], typer.Option("--set", help="A value to fill in, such as owner=111111111111; repeatable.")]


def mount(app: typer.Typer) -> None:
    app.command("key-policy")(key_policy)


def key_policy(
    name: Annotated[str, typer.Argument(help="A template; without one they are listed with what they take.")] = "",
    values: Values = [],  # noqa: B006 - typer reads the default, nobody writes to it
) -> None:
    """A key policy of good practice as JSON, for CreateKey or PutKeyPolicy."""
    from app.services.kms import templates

    if not name:
        for each in templates.NAMES:
            typer.echo(f"{each}  {' '.join(f'--set {parameter}=...' for parameter in templates.parameters(each))}")
        return
    if name not in templates.NAMES:
        fail(Exit.USAGE, f"there is no template {name!r}; there are {', '.join(templates.NAMES)}")
    given = dict(value.split("=", 1) for value in values if "=" in value)
    missing = [each for each in templates.parameters(name) if each not in given]
    if missing:
        fail(Exit.USAGE, f"{name} needs {', '.join(f'--set {each}=...' for each in missing)}")
    typer.echo(templates.filled(name, **given), nl=False)
