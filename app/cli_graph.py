"""`reseal graph`: the graph of keys, and what can be asked of it, of a scenario's states or of a server's worlds.

    reseal graph [FILE] [--select snap-1+2]                     the graph (the same as `reseal graph show`)
    reseal graph readers OF | depends OF | path FROM TO | independent OF ACCOUNT
    reseal graph impact EDIT OF | edit | diff

A question about a scenario runs it in memory and is asked of its end, or of a step; one about a server is asked through
REST and evaluated there, in a fork without trace. Both give the same JSON.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli_graph_asking import (
    AnswerForm,
    AsJson,
    Asked,
    At,
    Expect,
    File,
    Form,
    Limit,
    OfArgument,
    State,
    Where,
    answer,
    server_at,
    state_of,
    who,
)
from app.cli_graph_edits import diff, edit, impact
from app.cli_options import Server, Token
from app.exits import Exit, fail

if TYPE_CHECKING:
    from app.graph.asking import Answer
    from app.graph.build import Graph

DEFAULT = "show"


class Format(StrEnum):
    tree = "tree"
    json = "json"
    dot = "dot"
    mermaid = "mermaid"
    graphml = "graphml"
    svg = "svg"


class _Group(TyperGroup):
    """Without the name of a question it shows the graph."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


def mount(app: typer.Typer) -> None:
    group = typer.Typer(cls=_Group, rich_markup_mode=None, help="The graph of keys, and what can be asked of it.")
    for name, command in (
        (DEFAULT, show), ("readers", readers), ("depends", depends), ("path", path), ("independent", independent),
        ("impact", impact), ("edit", edit), ("diff", diff),
    ):  # fmt: skip
        group.command(name)(command)
    app.add_typer(group, name="graph")


# --- the graph ---


def show(
    file: Annotated[str, typer.Argument(help="A scenario file; its graph at the end. Without one: a server's.")] = "",
    endpoint: Server = "",
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.tree,
    at: At = "",
    select: Annotated[str, typer.Option(help="A part of it: snap-1+2 is snap-1 and all within two hops.")] = "",
    token: Token = "",
) -> None:
    """The graph of keys and what rests on them."""
    from app.graph.draw import FORMATS
    from app.graph.questions import select as selected

    found = state_of(file, at).graph if file else _graph_of_server(endpoint, token)
    try:
        typer.echo(FORMATS[format.value](selected(found, select) if select else found), nl=False)
    except (KeyError, ValueError) as error:
        fail(Exit.USAGE, str(error.args[0]))


def _graph_of_server(endpoint: str, token: str) -> Graph:
    from workflows.port import PortFailed

    try:
        found = server_at(endpoint, token).graph()
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    assert found is not None
    return found


# --- questions ---


def readers(
    of: OfArgument,
    asked: Asked = None,
    file: File = "",
    at: At = "",
    endpoint: Server = "",
    token: Token = "",
    format: AnswerForm = Form.text,
    json: AsJson = False,
    expect: Expect = None,
    limit: Limit = 100,
) -> None:
    """Who can read a snapshot, volume or image, by which way, resting on what.

    Each principal tries each way by real calls in a fork. direct: ListSnapshotBlocks, GetSnapshotBlock. volume:
    CreateVolume, AttachVolume. copy: CopySnapshot under a key of one's own. copy REGION: the same into another Region,
    each in which the account has a key, and one that stands for the rest. launch IMAGE and restore: RunInstances.
    attach and snapshot: of a volume. assume ROLE: AssumeRole, one role after the other, then as the role by any of
    these. Not tried: a policy that one may write, an instance's role, CopyImage, a copy of a copy, external ids, MFA.
    """
    where = Where.of(file, at, endpoint, token, format, json, expect)

    def here(state: State) -> Answer:
        from app.graph import asking

        return asking.readers(state.cloud, state.graph, state.states.node(of), who(state, asked), limit)

    answer(where, here, "readers", {"of": of, "as": asked, "limit": limit})


def depends(
    of: Annotated[str, typer.Argument(help="Anything in the graph: id, ARN, or a step of the scenario.")],
    file: File = "",
    at: At = "",
    endpoint: Server = "",
    token: Token = "",
    format: AnswerForm = Form.text,
    json: AsJson = False,
    expect: Expect = None,
) -> None:
    """What a thing rests on: data key, key material, key, and the accounts that own them."""
    where = Where.of(file, at, endpoint, token, format, json, expect)

    def here(state: State) -> Answer:
        from app.graph import asking

        return asking.depends(state.graph, state.states.node(of))

    answer(where, here, "depends", {"of": of})


def path(
    source: Annotated[str, typer.Argument(metavar="FROM", help="What may rest on the other.")],
    to: Annotated[str, typer.Argument(help="What it may rest on, such as a key.")],
    file: File = "",
    at: At = "",
    endpoint: Server = "",
    token: Token = "",
    format: AnswerForm = Form.text,
    json: AsJson = False,
    expect: Expect = None,
) -> None:
    """The way by which one thing rests on another."""
    where = Where.of(file, at, endpoint, token, format, json, expect)

    def here(state: State) -> Answer:
        from app.graph import asking

        return asking.path(state.graph, state.states.node(source), state.states.node(to))

    answer(where, here, "path", {"from": source, "to": to})


def independent(
    of: OfArgument,
    account: Annotated[str, typer.Argument(help="12 digits, or the scenario's name of the account.")],
    file: File = "",
    at: At = "",
    endpoint: Server = "",
    token: Token = "",
    format: AnswerForm = Form.text,
    json: AsJson = False,
    expect: Expect = None,
) -> None:
    """Whether a copy can be read without anything of an account; where not, by what it is bound."""
    where = Where.of(file, at, endpoint, token, format, json, expect)

    def here(state: State) -> Answer:
        from app.graph import asking

        return asking.independent(state.graph, state.states.node(of), state.states.node(account))

    answer(where, here, "independent", {"of": of, "account": account})


# --- shared ---
