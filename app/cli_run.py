"""`reseal run`, `check`, `graph`, `explain`. Data on stdout, all else on stderr; imports stay in the commands."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from app.exits import Exit, fail

if TYPE_CHECKING:
    from app.graph.build import Graph
    from app.policy.explain_values import Mending
    from workflows.session import Options
    from workflows.transition import Report
    from workflows.yaml_marks import Mistake


Files = Annotated[list[str], typer.Argument(help="Scenario files (*.reseal.yaml), or folders of them.")]
Endpoint = Annotated[str, typer.Option(help="Run at this endpoint: a reseal server (URL or URL/w/WORLD) or any other.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, one object a line.")]
Token = Annotated[str, typer.Option(help="Bearer token for the server's REST.", envvar="RESEAL_TOKEN")]
Server = Annotated[str, typer.Option(help="The reseal server to ask.", envvar="AWS_ENDPOINT_URL")]


class Format(StrEnum):
    tree = "tree"
    json = "json"
    dot = "dot"
    mermaid = "mermaid"
    graphml = "graphml"
    svg = "svg"


@dataclass(frozen=True, slots=True)
class Show:
    """What of a run is shown."""

    given: bool
    brief: bool
    repairs: bool
    json: bool


def mount(app: typer.Typer) -> None:
    for command in (run, check, graph, explain):
        app.command()(command)


def run(
    files: Files,
    endpoint: Endpoint = "",
    svg: Annotated[str, typer.Option(help="Write the key graph here; into a folder: one picture a step.")] = "",
    journal: Annotated[str, typer.Option(help="Journal of the run, JSON lines: it can be taken up again.")] = "",
    run_id: Annotated[str, typer.Option("--run", help="Take up the run of this id, with its --journal.")] = "",
    token: Token = "",
    given: Annotated[bool, typer.Option("--given", help="Show the set-up too.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="A line a step, and why it was refused.")] = False,
    repairs: Annotated[bool, typer.Option(help="Try what would make a refused step succeed.")] = True,
    json: Json = False,
) -> None:
    """Run scenarios: each step, what it set off, what it changed, and why it was refused."""
    from workflows.session import Options

    options = Options(endpoint, journal, run_id, token)
    if run_id and not journal:
        fail(Exit.USAGE, "--run needs the --journal of that run")
    show = Show(given, brief, repairs, json)
    codes = [_run_one(file, options, svg, show) for file in _scenarios(files)]
    raise typer.Exit(max(codes))


def _run_one(file: str, options: Options, svg: str, show: Show) -> int:
    """Run one file and show it; answers the exit code."""
    from app.repair.run import run_file
    from app.services import all_services
    from workflows import report
    from workflows.port import PortFailed
    from workflows.yaml_marks import InvalidFile

    started = time.monotonic()
    try:
        found, repairs = run_file(file, all_services(), options, tries=show.repairs)
    except InvalidFile as invalid:
        typer.echo(str(invalid), err=True)
        return Exit.USAGE
    except PortFailed as failed:
        typer.echo(f"reseal: {failed}", err=True)
        return Exit.COULD_NOT_RUN
    text = report.as_text(found, given=show.given, brief=show.brief, repairs=repairs)
    typer.echo(report.as_json(found, repairs) if show.json else text)
    typer.echo(report.summary(found, time.monotonic() - started), err=True)
    _say_where(options.endpoint, found)
    if options.journal and found.stopped:
        typer.echo(f"take it up again with --journal {options.journal} --run {found.run}", err=True)
    if svg:
        _draw(found, Path(svg))
    return _code(found)


def _say_where(endpoint: str, found: Report) -> None:
    """Where a run at a reseal server can be looked into: it was given a world of its own."""
    has_graph = any(each.graph for each in found.transitions)
    if endpoint and has_graph and not urlsplit(endpoint).path.strip("/"):
        typer.echo(f"look into its world with --endpoint {endpoint.rstrip('/')}/w/{found.run}", err=True)


def _code(found: Report) -> int:
    if found.stopped:
        return Exit.COULD_NOT_RUN
    return Exit.AS_EXPECTED if found.ok else Exit.EXPECTATION_FAILED


def check(files: Files, json: Json = False) -> None:
    """Check scenario and sweep files without running them; every mistake at file:line:column."""
    from workflows.yaml_marks import InvalidFile

    mistakes: list[Mistake] = []
    warnings: list[Mistake] = []
    for file in _scenarios(files):
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


def graph(
    file: Annotated[str, typer.Argument(help="A scenario file; its graph at the end. Without one: a server's.")] = "",
    endpoint: Server = "",
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.tree,
    at: Annotated[str, typer.Option(help="After this step of the scenario, instead of at its end.")] = "",
    select: Annotated[str, typer.Option(help="A part of it: snap-1+2 is snap-1 and all within two hops.")] = "",
    token: Token = "",
) -> None:
    """The graph of keys and what rests on them."""
    from app.graph.draw import FORMATS
    from app.graph.questions import select as selected

    found = _graph_of_run(file, at) if file else _graph_of_server(endpoint, token)
    try:
        typer.echo(FORMATS[format.value](selected(found, select) if select else found), nl=False)
    except (KeyError, ValueError) as error:
        fail(Exit.USAGE, str(error.args[0]))


def _graph_of_run(file: str, at: str) -> Graph:
    from app.graph.build import Graph
    from app.services import all_services
    from workflows.session import Options, run_file
    from workflows.yaml_marks import InvalidFile

    try:
        found = run_file(file, all_services(), Options())
    except InvalidFile as invalid:
        typer.echo(str(invalid), err=True)
        raise typer.Exit(Exit.USAGE) from None
    steps = [each for each in found.transitions if each.graph and (not at or each.step == at)]
    if not steps:
        fail(Exit.USAGE, f"the run has no step {at!r}" if at else "the run made no step")
    return Graph.from_node_link(steps[-1].graph or {})


def _graph_of_server(endpoint: str, token: str) -> Graph:
    from workflows.over_http import OverHttp
    from workflows.port import PortFailed

    if not endpoint:
        fail(Exit.USAGE, "name a scenario file, or a server with --endpoint")
    try:
        found = OverHttp(endpoint, {}, token).graph()
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    assert found is not None
    return found


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
    json: Json = False,
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
    """The failed steps of a journaled run; repairs are tried in a new run of its scenario."""
    import msgspec

    from app.policy.explain import text, to_json
    from workflows import report
    from workflows.journal import FileJournal
    from workflows.transition import transition_from

    known = FileJournal(journal)
    runs = known.runs()
    if run and run not in runs:
        fail(Exit.USAGE, f"{journal} has no run {run!r}")
    if not runs:
        fail(Exit.NOTHING_TO_RUN, f"{journal} has no run")
    entries = list(known.entries(run or runs[-1]))
    transitions = [transition_from(entry["transition"]) for entry in entries if entry["kind"] == "record"]
    files = next((entry["files"] for entry in entries if entry["kind"] == "end"), {})
    scenario = next((entry["scenario"] for entry in entries if entry["kind"] == "begin"), "")
    told = list(report.explained(transitions, files, _repairs_of(scenario)))
    if json:
        plain = [{"step": step} | to_json(found) for step, found in told]
        return msgspec.json.encode({"reseal": 1, "explanations": plain}).decode() + "\n"
    return "\n\n".join(text(found) for _, found in told) + "\n" if told else "nothing was refused in this run\n"


def _repairs_of(scenario: str) -> Mapping[str, Sequence[Mending]]:
    """Step -> repairs, from a run in memory; none, with a word, where the scenario can not be run any more."""
    from app.repair.run import run_file
    from app.services import all_services
    from workflows.session import Options
    from workflows.yaml_marks import InvalidFile

    try:
        return run_file(scenario, all_services(), Options())[1]
    except InvalidFile as invalid:
        typer.echo(f"reseal: no repairs, because the scenario can not be run again: {invalid}", err=True)
        return {}


def _explained_by_server(endpoint: str, about: str, token: str, json: bool) -> str:
    from workflows.over_http import OverHttp
    from workflows.port import PortFailed

    try:
        return OverHttp(endpoint, {}, token).explanation(about, "json" if json else "text")
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))


# --- shared ---


def _scenarios(files: list[str]) -> list[str]:
    from workflows.session import scenarios_in

    found = list(scenarios_in(files))
    if not found:
        fail(Exit.NOTHING_TO_RUN, f"no *.reseal.yaml in {', '.join(files)}")
    return found


def _draw(found: Report, path: Path) -> None:
    """The graph after the last step, with what it changed; into a folder: one picture a step."""
    from workflows.pictures import pictures

    drawn = pictures(found)
    if not drawn:
        typer.echo("reseal: this endpoint tells no graph; nothing was drawn", err=True)
        return
    if path.is_dir():
        for name, picture in drawn.items():
            (path / f"{name}.svg").write_text(picture, encoding="utf-8")
    else:
        path.write_text(list(drawn.values())[-1], encoding="utf-8")
