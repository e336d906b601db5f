"""`reseal run`, `check`, `explain`. Data on stdout, all else on stderr; imports stay in the commands."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from app.exits import Exit, fail

if TYPE_CHECKING:
    from workflows.reports import Ended, Repairs
    from workflows.session import Options
    from workflows.transition import Report
    from workflows.yaml_marks import Mistake


Files = Annotated[list[str], typer.Argument(help="Scenario files (*.reseal.yaml), or folders of them.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, one object a line.")]
Token = Annotated[str, typer.Option(help="Bearer token for the server's REST.", envvar="RESEAL_TOKEN")]
Server = Annotated[str, typer.Option(help="The reseal server to ask.", envvar="AWS_ENDPOINT_URL")]


class RunFormat(StrEnum):
    """Of `reseal run`; all but GitHub's is told in files as well."""

    text = "text"
    json = "json"
    github = "github"
    tap = "tap"


def mount(app: typer.Typer) -> None:
    for command in (run, check, explain):
        app.command()(command)


def run(
    files: Annotated[
        list[str] | None, typer.Argument(help="Scenario files (*.reseal.yaml), or folders of them.")
    ] = None,
    endpoint: Annotated[
        str,
        typer.Option(help="Run at this endpoint: a reseal server (URL or URL/w/WORLD), any other URL, or aws."),
    ] = "",
    profile: Annotated[
        list[str] | None,
        typer.Option(
            help="account/principal=PROFILE: this profile of the AWS configuration plays it (again for each). Needed "
            "for every account's root at --endpoint aws, which is meant where only profiles are given."
        ),
    ] = None,
    format: Annotated[
        RunFormat | None, typer.Option(help="Form of stdout; under GitHub Actions it is github.", show_default="text")
    ] = None,
    junit: Annotated[str, typer.Option(help="Write JUnit XML to this file, a case a run.")] = "",
    sarif: Annotated[str, typer.Option(help="Write SARIF to this file: refusals at their policy, with fixes.")] = "",
    html: Annotated[str, typer.Option(help="Write a page to this file: one for all runs, needs no network.")] = "",
    tap: Annotated[str, typer.Option(help="Write TAP 14 to this file.")] = "",
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop behind the first file that fails.")] = False,
    svg: Annotated[str, typer.Option(help="Write the key graph here; into a folder: one picture a step.")] = "",
    journal: Annotated[str, typer.Option(help="Journal of the run, JSON lines: it can be taken up again.")] = "",
    run_id: Annotated[str, typer.Option("--run", help="Take up the run of this id, with its --journal.")] = "",
    token: Token = "",
    given: Annotated[bool, typer.Option("--given", help="Show the set-up too.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="A line a step, and why it was refused.")] = False,
    repairs: Annotated[bool, typer.Option(help="Try what would make a refused step succeed.")] = True,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout, one as each step ends.")] = False,
    record: Annotated[
        str, typer.Option(help="Write a scenario to this file, of what is done by hand at the --endpoint until Ctrl-C.")
    ] = "",
) -> None:
    """Run scenarios: each step, what it set off, what it changed, and why it was refused."""
    if record:
        from app.cli_record import record as record_by_hand

        if files:
            fail(Exit.USAGE, "--record writes a scenario; it runs none")
        record_by_hand(record, endpoint, token)
    if not files:
        fail(Exit.USAGE, "name a scenario file, or a folder of them")
    from app.cli_runs import Show, code_of, run_all
    from workflows.session import Options

    options = Options(endpoint, journal, run_id, token, _profiles(profile or ()))
    form = _form(format, json)
    if (given or brief) and form not in ("text", "github"):
        fail(Exit.USAGE, "--given and --brief shape the text; other forms tell everything")
    found = _scenarios(files)
    _check_one_run(found, options, svg)
    written = {"junit": junit, "sarif": sarif, "html": html, "tap": tap}
    show = Show(form, given, brief, repairs, {name: file for name, file in written.items() if file})
    ended = run_all(found, options, show, fail_fast=fail_fast)
    for one in ended:
        _afterwards(one, options, svg)
    raise typer.Exit(max(map(code_of, ended)))


def _profiles(told: Sequence[str]) -> dict[str, str]:
    """principal -> profile, of `account/principal=PROFILE`."""
    pairs = [one.partition("=") for one in told]
    for name, _, profile in pairs:
        if "/" not in name or not profile:
            fail(Exit.USAGE, f"--profile takes account/principal=PROFILE, such as source/root=admin; not {name!r}")
    return {name: profile for name, _, profile in pairs}


def _form(format: RunFormat | None, json: bool) -> str:
    """What stdout is to hold; GitHub's commands where nothing is said and GitHub listens."""
    if json and format:
        fail(Exit.USAGE, "--json and --format each say what stdout is to hold: give one of them")
    if json:
        return "lines"
    if format:
        return format.value
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def _check_one_run(files: list[str], options: Options, svg: str) -> None:
    """What concerns a single run is given for a single file."""
    if options.run and not options.journal:
        fail(Exit.USAGE, "--run needs the --journal of that run")
    if options.run and options.is_in_memory:
        fail(Exit.USAGE, "--run needs the --endpoint of that run: a world in memory ends with its process")
    if (options.run or svg) and len(files) > 1:
        fail(Exit.USAGE, f"{'--run' if options.run else '--svg'} is for one scenario, not for {len(files)}")


def _afterwards(one: Ended, options: Options, svg: str) -> None:
    """Where a run can be looked into, how it is taken up again, and its pictures."""
    from app.cli_runs import again
    from workflows.reports import Finished

    if not isinstance(one, Finished):
        return
    _say_where(options.endpoint, one.report)
    if one.report.stopped and options.journal:
        typer.echo(again(options, one.report.run), err=True)
    if svg:
        _draw(one.report, Path(svg))


def _say_where(endpoint: str, found: Report) -> None:
    """Where a run at a reseal server can be looked into: it was given a world of its own."""
    has_graph = any(each.graph for each in found.transitions)
    if endpoint and has_graph and not urlsplit(endpoint).path.strip("/"):
        typer.echo(f"look into its world with --endpoint {endpoint.rstrip('/')}/w/{found.run}", err=True)


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
    from workflows.journal import FileJournal
    from workflows.reports import explained
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
    told = list(explained(transitions, files, _repairs_of(scenario)))
    if json:
        plain = [{"step": step} | to_json(found) for step, found in told]
        return msgspec.json.encode({"reseal": 1, "explanations": plain}).decode() + "\n"
    return "\n\n".join(text(found) for _, found in told) + "\n" if told else "nothing was refused in this run\n"


def _repairs_of(scenario: str) -> Repairs:
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
