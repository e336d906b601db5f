"""`reseal graph impact`, `edit`, `diff`: what one edit would change, and what differs between two states."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli_graph_asking import (
    AnswerForm,
    AsJson,
    Asked,
    At,
    Expect,
    File,
    Form,
    Limit,
    State,
    Where,
    answer,
    who,
)
from app.cli_options import Server, Token
from app.exits import Exit, fail

if TYPE_CHECKING:
    from app.graph.asking import Answer
    from app.graph.build import Graph


class What(StrEnum):
    """The edits of `reseal graph impact`."""

    disable = "disable"
    schedule = "schedule"
    delete = "delete"
    revoke = "revoke"
    remove_statement = "remove-statement"
    unshare = "unshare"
    leave = "leave"


Only = Annotated[list[str] | None, typer.Option("--of", help="Only what this thing loses; repeatable.")]


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
        return asking.impact(state.cloud, graph, made, of=things, asked=who(state, asked), limit=limit)

    query = {"edit": what.value, "of": of, "account": account, "statement": statement, "days": days, "only": only}
    answer(where, here, "impact", query | {"as": asked, "limit": limit})


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
        return asking.edited(state.cloud, graph, made, of=things, asked=who(state, asked), limit=limit)

    narrowed = {"of": only or [], "readers": asked or [], "limit": limit}
    answer(where, here, "edit", {}, body | narrowed)


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
    answer(where, here, "diff", {} if saved else {"other": before}, {"graph": kept} if saved else None)
