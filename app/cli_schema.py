"""`reseal schema`: JSON schemas, for editors and for programs that read what reseal prints."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Of(StrEnum):
    scenario = "scenario"
    report = "report"


def mount(app: typer.Typer) -> None:
    app.command()(schema)


def schema(
    of: Annotated[
        Of, typer.Argument(help="scenario: *.reseal.yaml files; report: what `reseal run --json` prints.")
    ] = Of.scenario,
) -> None:
    """Print a JSON schema: names, calls and their parameters are then completed and checked while one writes.

    reseal schema scenario > scenario.v1.json, and the first line of a file beside it:
    # yaml-language-server: $schema=./scenario.v1.json
    """
    from app.services import all_services
    from workflows import catalogue
    from workflows import schema as schemas

    operations = sorted(all_services().operations)
    found = schemas.scenario(operations, catalogue.NAMES) if of is Of.scenario else schemas.report()
    typer.echo(json.dumps(found, ensure_ascii=False))
