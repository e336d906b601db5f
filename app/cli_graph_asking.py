"""A question about the graph is asked here, of a scenario's run, or there, of a server; either answer is told alike.

Here the scenario is run in memory and the question asked of its end, or of a step; there it is asked through REST and
evaluated in a fork without trace. The options that all questions take stand here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from app.cli_options import not_valid
from app.exits import Exit, fail

if TYPE_CHECKING:
    from app.graph.asking import Answer
    from app.graph.build import Graph
    from app.kernel.cloud import Cloud
    from workflows.over_http import OverHttp
    from workflows.states import States


class Form(StrEnum):
    """Of an answer; `graph` is the part of the graph that it is about, as node-link."""

    text = "text"
    json = "json"
    graph = "graph"
    dot = "dot"
    mermaid = "mermaid"
    graphml = "graphml"
    svg = "svg"


class Expected(StrEnum):
    yes = "yes"
    no = "no"


File = Annotated[str, typer.Option("--file", "-f", help="A scenario file: it is run, in memory.")]
At = Annotated[str, typer.Option(help="After this step of the scenario, instead of at its end.")]
AnswerForm = Annotated[Form, typer.Option(help="Form of the answer; a drawing marks what the answer names.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Expect = Annotated[Expected | None, typer.Option(help="Exit with 1 unless the answer is this.")]
Asked = Annotated[
    list[str] | None,
    typer.Option("--as", help="Only this principal: an ARN, account/name, account/root or everyone; repeatable."),
]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many principals, or pairs with things, are tried.")]
OfArgument = Annotated[str, typer.Argument(help="A snapshot, volume or image: id, or a step of the scenario.")]


@dataclass(frozen=True, slots=True)
class Where:
    """Of which world a question is asked, and how its answer is given."""

    file: str
    at: str
    endpoint: str
    token: str
    format: str
    expect: str

    @staticmethod
    def of(file: str, at: str, endpoint: str, token: str, form: Form, json: bool, expect: Expected | None) -> Where:
        return Where(file, at, endpoint, token, "json" if json else form.value, expect.value if expect else "")


@dataclass(frozen=True, slots=True)
class State:
    """A state of a scenario's run."""

    states: States
    cloud: Cloud

    @property
    def graph(self) -> Graph:
        from app.graph.build import build

        return build(self.cloud.services, self.cloud.world)


def answer(
    where: Where, here: Callable[[State], Answer], question: str, query: dict[str, Any], body: Any = None
) -> None:
    """Ask here or there, and end with what was expected."""
    if where.file:
        text, holds = _asked_here(where, here)
    else:
        text, holds = _asked_there(where, question, query, body)
    typer.echo(text, nl=False)
    if where.expect and holds != (where.expect == "yes"):
        typer.echo(f"reseal: the answer is {'yes' if holds else 'no'}, not {where.expect}", err=True)
        raise typer.Exit(Exit.EXPECTATION_FAILED)


def _asked_here(where: Where, here: Callable[[State], Answer]) -> tuple[str, bool]:
    from app.graph.asking import told
    from workflows.expressions import Unresolved

    state = state_of(where.file, where.at)
    try:
        answer = here(state)
    except (KeyError, ValueError, Unresolved) as error:
        fail(Exit.USAGE, str(error.args[0]))
    return told(answer, state.graph, where.format), answer.holds


def state_of(file: str, at: str) -> State:
    from app.services import all_services
    from workflows.states import states_of
    from workflows.yaml_marks import InvalidFile

    try:
        states = states_of(file, all_services())
        return State(states, states.at(at))
    except InvalidFile as invalid:
        not_valid(invalid)
    except KeyError as error:
        fail(Exit.USAGE, str(error.args[0]))


def _asked_there(where: Where, question: str, query: dict[str, Any], body: Any) -> tuple[str, bool]:
    """Through REST; whether it holds is asked for only where somebody expects something."""
    from workflows.port import PortFailed
    from workflows.rest_client import Refused

    server = server_at(where.endpoint, where.token)

    def ask(format: str) -> str:
        named = {name: value for name, value in query.items() if value not in ("", None)}
        return server.graph_question(f"graph/{question}?{urlencode(named | {'format': format}, doseq=True)}", body)

    try:
        text = ask(where.format)
        holds = bool(where.expect) and _holds(text if where.format == "json" else ask("json"))
    except Refused as refused:
        fail(Exit.USAGE if refused.status in (404, 409, 422) else Exit.COULD_NOT_RUN, refused.told)
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    return text, holds


def _holds(text: str) -> bool:
    import json

    return bool(json.loads(text)["holds"])


def server_at(endpoint: str, token: str) -> OverHttp:
    from workflows.over_http import OverHttp

    if not endpoint:
        fail(Exit.USAGE, "name a scenario with --file, or a server with --endpoint")
    return OverHttp(endpoint, {}, token)


def who(state: State, names: Iterable[str] | None) -> list[Any]:
    from app.graph.who import named

    return [named(state.cloud, state.states.who(name)) for name in names or ()]
