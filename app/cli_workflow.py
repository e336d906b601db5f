"""`reseal workflow`: what the shipped workflows are, as text, JSON or a picture of their rows."""

from __future__ import annotations

import json as jsonlib
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli_options import Json
from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.machine import Workflow

COLUMNS = 80


class View(StrEnum):
    text = "text"
    mermaid = "mermaid"
    svg = "svg"
    dot = "dot"


def mount(app: typer.Typer) -> None:
    app.command()(workflow)


def workflow(
    name: Annotated[str, typer.Argument(help="The workflow; all of them are listed without one.")] = "",
    format: Annotated[View, typer.Option(help="text, or a picture of the rows.")] = View.text,
    json: Json = False,
) -> None:
    """The checked workflows: states with their contracts, and where each outcome leads."""
    from workflows import catalogue

    if not name:
        typer.echo(_listed(catalogue.WORKFLOWS, json))
        return
    if name not in catalogue.NAMES:
        from workflows.verify import suggest

        fail(Exit.USAGE, f"there is no workflow {name!r}{suggest(name, catalogue.NAMES)}")
    typer.echo(_shown(name, format, json).rstrip("\n"))


def _listed(workflows: tuple[Workflow, ...], json: bool) -> str:
    if json:
        plain = [{"name": each.name, "title": each.title, "steps": [s.name for s in each.steps]} for each in workflows]
        return jsonlib.dumps({"reseal": 1, "workflows": plain})
    return "\n".join(
        f"{each.name}\n  {each.title}\n"
        + textwrap.fill(" -> ".join(s.name for s in each.steps), COLUMNS, initial_indent="  ", subsequent_indent="  ")
        for each in workflows
    )


def _shown(name: str, format: View, json: bool) -> str:
    from app.services import all_services
    from workflows import catalogue, drawing
    from workflows.about import about

    operations = all_services().operations
    found = catalogue.load(name, operations)
    if json:
        return jsonlib.dumps(about(found, operations), ensure_ascii=False)
    pictures = {View.mermaid: drawing.mermaid, View.svg: drawing.svg, View.dot: drawing.dot}
    return pictures[format](found) if format in pictures else "\n".join(_told(about(found, operations)))


def _told(told: dict[str, Any]) -> Iterator[str]:
    yield told["title"] or told["name"]
    yield f"workflow {told['name']}, roles {', '.join(told['roles'])}"
    yield ""
    yield told["theory"]
    for state in told["states"]:
        yield ""
        if state.get("end"):
            yield f"{state['name']}  an end that is {'ok' if state['ok'] else 'not ok'}"
            continue
        yield f"{state['name']}  {state['as']}  {state['call']}"
        yield from _wrapped("  requires  ", state["requires"])
        yield from _wrapped("  ensures   ", state["ensures"])
        for row in (row for row in told["rows"] if row["state"] == state["name"]):
            yield f"  {row['outcome']} -> {row['next']}"
            if row["outcome"] != "OK":
                yield from _wrapped("      ", row["means"])


def _wrapped(head: str, words: str) -> list[str]:
    return textwrap.wrap(words, COLUMNS, initial_indent=head, subsequent_indent=" " * len(head)) or [head.rstrip()]
