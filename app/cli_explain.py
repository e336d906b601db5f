"""`reseal explain`: why something was refused, at a server, in a journaled run, of an event, or of an error text."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from app.cli_options import JsonLines, Server, Token, journaled
from app.exits import Exit, fail


def mount(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    about: Annotated[
        str,
        typer.Argument(
            help="A request id, a resource id or a code such as D201; a run's id with --journal; a CloudTrail event's "
            "file with --policies; an error text."
        ),
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="The last refusal, or the last run of the journal.")] = False,
    endpoint: Server = "",
    journal: Annotated[str, typer.Option(help="Explain the failed steps of a run in this journal.")] = "",
    policies: Annotated[str, typer.Option(help="Folder of the accounts' policies that an event met.")] = "",
    event_id: Annotated[str, typer.Option(help="Which event of the file; else its last refusal.")] = "",
    words: Annotated[str, typer.Option("--text", help="An error text alone: what may stand behind it.")] = "",
    token: Token = "",
    json: JsonLines = False,
) -> None:
    """Why something was refused: the policy that decided, both accounts' answers, what the caller saw."""
    from app import cli_outside

    if policies or cli_outside.is_event_file(about):
        cli_outside.explain_event(about, policies, event_id, json)
        return
    if words or cli_outside.is_error_text(about):
        cli_outside.explain_text(words or about, json)
        return
    if not about and not last:
        fail(Exit.USAGE, "say what to explain: a request id, a resource id, a run's id, an event's file, or --last")
    if re.fullmatch(r"[Dd]\d{3}", about):
        typer.echo(_about_code(about))
        return
    if journal:
        typer.echo(_explained_run(journal, about, json), nl=False)
        return
    if not endpoint:
        fail(Exit.USAGE, "name a server with --endpoint, or a --journal")
    typer.echo(_explained_by_server(endpoint, about, token, json), nl=False)


def _about_code(code: str) -> str:
    """What a cause's code stands for."""
    from app.policy.explain import about_code

    return about_code(code) or fail(Exit.USAGE, f"there is no cause {code.upper()}")


def _explained_run(journal: str, run: str, json: bool) -> str:
    """The failed steps of a journaled run, with the repairs that were found then."""
    import msgspec

    from app.policy.explain import text, to_json
    from workflows.reports import Finished
    from workflows.transition import Report, report_from, transitions_from

    entries = journaled(journal, run)
    report = report_from(entries) or Report(run=run, scenario="", file="", transitions=transitions_from(entries))
    told = Finished(report).explanations()
    if json:
        plain = [{"step": step} | to_json(found) for step, found in told]
        return msgspec.json.encode({"reseal": 1, "explanations": plain}).decode() + "\n"
    return "\n\n".join(text(found) for _, found in told) + "\n" if told else "nothing was refused in this run\n"


def _explained_by_server(endpoint: str, about: str, token: str, json: bool) -> str:
    from workflows.over_http import OverHttp
    from workflows.port import PortFailed

    try:
        return OverHttp(endpoint, {}, token).explanation(about, "json" if json else "text")
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
