"""`reseal graph`: the graph of keys, and what can be asked of it, of a scenario's states or of a server's worlds.

    reseal graph [FILE] [--select snap-1+2]                     the graph (the same as `reseal graph show`)
    reseal graph readers OF | depends OF | path FROM TO | independent OF ACCOUNT
    reseal graph impact EDIT OF | edit | diff

A question about a scenario runs it in memory and is asked of its end, or of a step; one about a server is asked through
REST and evaluated there, in a fork without trace. Both give the same JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer
from typer.core import TyperGroup

from app.exits import Exit, fail

if TYPE_CHECKING:
    from app.graph.asking import Answer
    from app.graph.build import Graph
    from app.kernel.cloud import Cloud
    from workflows.over_http import OverHttp
    from workflows.states import States

DEFAULT = "show"


class Format(StrEnum):
    tree = "tree"
    json = "json"
    dot = "dot"
    mermaid = "mermaid"
    graphml = "graphml"
    svg = "svg"


class Form(StrEnum):
    """Of an answer; `graph` is the part of the graph that it is about, as node-link."""

    text = "text"
    json = "json"
    graph = "graph"
    dot = "dot"
    mermaid = "mermaid"
    graphml = "graphml"
    svg = "svg"


class What(StrEnum):
    """The edits of `reseal graph impact`."""

    disable = "disable"
    schedule = "schedule"
    delete = "delete"
    revoke = "revoke"
    remove_statement = "remove-statement"
    unshare = "unshare"
    leave = "leave"


class Expected(StrEnum):
    yes = "yes"
    no = "no"


class _Group(TyperGroup):
    """Without the name of a question it shows the graph."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


File = Annotated[str, typer.Option("--file", "-f", help="A scenario file: it is run, in memory.")]
At = Annotated[str, typer.Option(help="After this step of the scenario, instead of at its end.")]
Server = Annotated[str, typer.Option(help="The reseal server to ask.", envvar="AWS_ENDPOINT_URL")]
Token = Annotated[str, typer.Option(help="Bearer token for the server's REST.", envvar="RESEAL_TOKEN")]
AnswerForm = Annotated[Form, typer.Option(help="Form of the answer; a drawing marks what the answer names.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Expect = Annotated[Expected | None, typer.Option(help="Exit with 1 unless the answer is this.")]
Asked = Annotated[
    list[str] | None,
    typer.Option("--as", help="Only this principal: an ARN, account/name, account/root or everyone; repeatable."),
]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many principals, or pairs with things, are tried.")]
Only = Annotated[list[str] | None, typer.Option("--of", help="Only what this thing loses; repeatable.")]
OfArgument = Annotated[str, typer.Argument(help="A snapshot, volume or image: id, or a step of the scenario.")]


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

    found = _state_of(file, at).graph if file else _graph_of_server(endpoint, token)
    try:
        typer.echo(FORMATS[format.value](selected(found, select) if select else found), nl=False)
    except (KeyError, ValueError) as error:
        fail(Exit.USAGE, str(error.args[0]))


def _graph_of_server(endpoint: str, token: str) -> Graph:
    from workflows.port import PortFailed

    try:
        found = _server(endpoint, token).graph()
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    assert found is not None
    return found


# --- questions ---


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
    """Who can read a snapshot, volume or image, by which way, resting on what."""
    where = Where.of(file, at, endpoint, token, format, json, expect)

    def here(state: State) -> Answer:
        from app.graph import asking

        return asking.readers(state.cloud, state.graph, state.states.node(of), _who(state, asked), limit)

    _answer(where, here, "readers", {"of": of, "as": asked, "limit": limit})


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

    _answer(where, here, "depends", {"of": of})


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

    _answer(where, here, "path", {"from": source, "to": to})


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

    _answer(where, here, "independent", {"of": of, "account": account})


def impact(
    what: Annotated[What, typer.Argument(metavar="EDIT", help=", ".join(What))],
    of: Annotated[str, typer.Argument(help="The key, grant, snapshot, image or account that it is done to.")],
    account: Annotated[str, typer.Option(help="unshare: with whom, or everyone.")] = "",
    statement: Annotated[str, typer.Option(help="remove-statement: its Sid, or Statement[n].")] = "",
    days: Annotated[int, typer.Option(min=7, max=30, help="schedule, delete: the waiting period.")] = 30,
    only: Only = None,
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
    """What becomes unreadable, and for whom, if a key is disabled or deleted, a grant revoked, a share withdrawn."""
    where = Where.of(file, at, endpoint, token, format, json, expect)

    def here(state: State) -> Answer:
        from app.graph import asking, edits

        graph, node = state.graph, state.states.node
        wanted = edits.Asked(node(of), node(account), statement, days)
        made = edits.edit_of(graph, state.cloud.world, what.value, wanted)
        things = [node(thing) for thing in only or ()]
        return asking.impact(state.cloud, graph, made, of=things, asked=_who(state, asked), limit=limit)

    query = {"edit": what.value, "of": of, "account": account, "statement": statement, "days": days, "only": only}
    _answer(where, here, "impact", query | {"as": asked, "limit": limit})


def edit(
    call: Annotated[str, typer.Option(help="A call, such as kms:DisableKey.")] = "",
    by: Annotated[str, typer.Option(help="Who makes the call: an ARN, account/name or account/root.")] = "",
    parameters: Annotated[str, typer.Option(help="Its parameters as JSON, or @FILE.")] = "{}",
    region: Annotated[str, typer.Option(help="Region of the call; else the scenario's, or us-east-1.")] = "",
    policy: Annotated[str, typer.Option(help="Instead of a call: a policy's file (JSON), put in place.")] = "",
    on: Annotated[str, typer.Option(help="The key, user or role that the policy is put on.")] = "",
    only: Only = None,
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
    """What one edit would change, a call or a policy: in the graph, and for those who read."""
    if bool(call) == bool(policy) or bool(call) != bool(by) or bool(policy) != bool(on):
        fail(Exit.USAGE, "an edit is --call with --by, or --policy with --on")
    where = Where.of(file, at, endpoint, token, format, json, expect)
    body = _edit_body(call, by, parameters, region, policy, on)

    def here(state: State) -> Answer:
        from app.graph import asking

        graph, things = state.graph, [state.states.node(thing) for thing in only or ()]
        made = _edit_here(state, graph, body)
        return asking.edited(state.cloud, graph, made, of=things, asked=_who(state, asked), limit=limit)

    narrowed = {"of": only or [], "readers": asked or [], "limit": limit}
    _answer(where, here, "edit", {}, body | narrowed)


def _edit_body(call: str, by: str, parameters: str, region: str, policy: str, on: str) -> dict[str, Any]:
    """The edit as REST takes it."""
    if call:
        return {
            "call": {"operation": call, "as": by, "parameters": _json(parameters)}
            | ({"region": region} if region else {})
        }
    return {"policy": {"on": on, "document": _json(f"@{policy}")}}


def _json(text: str) -> Any:
    import json

    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        fail(Exit.USAGE, f"{text[1:]}: {error.strerror}")
    except ValueError as error:
        fail(Exit.USAGE, f"{text[:80]}: no JSON: {error}")
    return found if isinstance(found, dict) else fail(Exit.USAGE, f"{text[:80]}: a JSON object is expected")


def _edit_here(state: State, graph: Graph, body: dict[str, Any]) -> Any:
    import json

    from app.graph.edits import call_edit, policy_edit
    from app.graph.questions import resolve
    from app.graph.who import named
    from workflows.expressions import fill
    from workflows.params import shaped

    if "policy" in body:
        holder = graph.nodes[resolve(graph, state.states.node(body["policy"]["on"]))]
        return policy_edit(graph, holder, json.dumps(fill(body["policy"]["document"], state.states.names.scope)))
    asked = body["call"]
    filled = fill(asked["parameters"], state.states.names.scope)
    caller = named(state.cloud, state.states.who(asked["as"])).caller
    region = asked.get("region") or state.states.names.scope["region"]
    return call_edit(caller, asked["operation"], region, shaped(asked["operation"], filled))


def diff(
    before: Annotated[str, typer.Option("--from", help="A step of the scenario; at a server another world.")] = "",
    after: Annotated[str, typer.Option("--to", help="A later step; the end if left out.")] = "",
    saved: Annotated[str, typer.Option(help="Instead of --from: a graph saved as JSON.")] = "",
    file: File = "",
    endpoint: Server = "",
    token: Token = "",
    format: AnswerForm = Form.text,
    json: AsJson = False,
    expect: Expect = None,
) -> None:
    """What a state has, lacks or has otherwise than another: two steps, two worlds, or a saved graph and now."""
    if bool(before) == bool(saved):
        fail(Exit.USAGE, "name the state to compare with: --from a step or world, or --saved a file")
    where = Where.of(file, after, endpoint, token, format, json, expect)
    kept = _json(f"@{saved}") if saved else {}

    def here(state: State) -> Answer:
        from app.graph import asking
        from app.graph.build import Graph, build

        if saved:
            return asking.difference(Graph.from_node_link(kept), state.graph)
        old = state.states.at(before)
        return asking.difference(build(old.services, old.world), state.graph)

    if not file and endpoint and after:
        where = Where(file, "", f"{endpoint.split('/w/')[0].rstrip('/')}/w/{after}", token, where.format, where.expect)
    _answer(where, here, "diff", {} if saved else {"other": before}, {"graph": kept} if saved else None)


# --- shared ---


def _answer(
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

    state = _state_of(where.file, where.at)
    try:
        answer = here(state)
    except (KeyError, ValueError, Unresolved) as error:
        fail(Exit.USAGE, str(error.args[0]))
    return told(answer, state.graph, where.format), answer.holds


def _state_of(file: str, at: str) -> State:
    from app.services import all_services
    from workflows.states import states_of
    from workflows.yaml_marks import InvalidFile

    try:
        states = states_of(file, all_services())
        return State(states, states.at(at))
    except InvalidFile as invalid:
        typer.echo(str(invalid), err=True)
        raise typer.Exit(Exit.USAGE) from None
    except KeyError as error:
        fail(Exit.USAGE, str(error.args[0]))


def _asked_there(where: Where, question: str, query: dict[str, Any], body: Any) -> tuple[str, bool]:
    """Through REST; whether it holds is asked for only where somebody expects something."""
    from workflows.port import PortFailed
    from workflows.rest_client import Refused

    server = _server(where.endpoint, where.token)

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


def _server(endpoint: str, token: str) -> OverHttp:
    from workflows.over_http import OverHttp

    if not endpoint:
        fail(Exit.USAGE, "name a scenario with --file, or a server with --endpoint")
    return OverHttp(endpoint, {}, token)


def _who(state: State, names: Iterable[str] | None) -> list[Any]:
    from app.graph.who import named

    return [named(state.cloud, state.states.who(name)) for name in names or ()]
