"""`reseal repair` and `reseal policies`. Data on stdout, all else on stderr; imports stay in the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli_options import Json, Server, Token, journaled, not_valid
from app.exits import Exit, fail

if TYPE_CHECKING:
    from app.policy.explain_values import Mending


def mount(app: typer.Typer) -> None:
    for command in (repair, policies):
        app.command()(command)


# --- repair ---


@dataclass(frozen=True, slots=True)
class Offered:
    """What there is to choose from. `accounts`: alias -> id, where a scenario has them."""

    of: str  # the step or request that was refused
    mendings: Sequence[Mending]
    accounts: Mapping[str, str]


def repair(
    about: Annotated[
        str, typer.Argument(help="A scenario file; with --journal a run's id; at a server a request or resource id.")
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="The last run of the journal, or the last refusal.")] = False,
    step: Annotated[str, typer.Option(help="The refused step of the scenario; the last one if left out.")] = "",
    choose: Annotated[int, typer.Option(min=1, help="Which of the repairs, counted from 1.")] = 1,
    write: Annotated[bool, typer.Option("--write", help="Write it into the scenario's policy files.")] = False,
    journal: Annotated[str, typer.Option(help="Journal of the run that was refused.")] = "",
    endpoint: Server = "",
    token: Token = "",
    json: Json = False,
) -> None:
    """The smallest repairs of a refusal, each tried: as edited lines, `aws` commands and Terraform."""
    offered = _offered(about, last, step, journal, endpoint, token)
    if not offered.mendings:
        fail(Exit.NOTHING_TO_RUN, f"there is no repair for {offered.of}")
    if choose > len(offered.mendings):
        fail(Exit.USAGE, f"there are {len(offered.mendings)} repairs for {offered.of}; choose one of them")
    chosen = offered.mendings[choose - 1]
    typer.echo(_as_json(offered) if json else _as_text(offered, choose), nl=False)
    if write:
        _write(chosen, offered.accounts)


def _offered(about: str, last: bool, step: str, journal: str, endpoint: str, token: str) -> Offered:
    if about and Path(about).is_file():
        return _of_scenario(about, step)
    if journal:
        return _of_scenario(_scenario_of(journal, about), step)
    if endpoint and (about or last):
        return _of_server(endpoint, about, token)
    if about.endswith((".yaml", ".yml")):
        fail(Exit.USAGE, f"there is no file {about}")
    return fail(Exit.USAGE, "name a scenario file; or a run with --journal; or an id, or --last, with --endpoint")


def _of_scenario(file: str, step: str) -> Offered:
    """The scenario is run, in memory, and its refused step repaired."""
    from app.repair.run import run_file
    from app.services import all_services
    from workflows.course import account_ids
    from workflows.port import PortFailed
    from workflows.scenario import load
    from workflows.session import Options
    from workflows.yaml_marks import InvalidFile

    try:
        report, repairs = run_file(file, all_services(), Options())
        accounts = account_ids(load(file))
    except InvalidFile as invalid:
        not_valid(invalid)
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    refused = [each.step for each in report.transitions if each.step in repairs]
    if not refused or (step and step not in refused):
        fail(Exit.NOTHING_TO_RUN, f"{file}: step {step!r} was not refused" if step else f"{file}: nothing was refused")
    name = step or refused[-1]
    return Offered(name, repairs[name], accounts)


def _scenario_of(journal: str, run: str) -> str:
    """The scenario file of a run, or of the journal's last run."""
    begun = next((entry for entry in journaled(journal, run) if entry["kind"] == "begin"), None)
    if begun is None or not Path(begun["scenario"]).is_file():
        fail(Exit.COULD_NOT_RUN, f"the scenario of the run is not there any more: {begun and begun['scenario']}")
    return str(begun["scenario"])


def _of_server(endpoint: str, about: str, token: str) -> Offered:
    from app.repair.run import found_by
    from workflows.over_http import OverHttp
    from workflows.port import PortFailed

    try:
        return Offered(about or "the last refusal", found_by(OverHttp(endpoint, {}, token), about).mendings, {})
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))


def _as_json(offered: Offered) -> str:
    import msgspec

    told = {"reseal": 1, "of": offered.of, "repairs": [one.body for one in offered.mendings]}
    return msgspec.json.encode(told).decode() + "\n"


def _as_text(offered: Offered, choose: int) -> str:
    """The list, then the chosen one whole."""
    from app.policy.repair_words import in_one_line

    chosen: Any = offered.mendings[choose - 1]
    lines = [f"repairs of {offered.of}, the smallest first:", ""]
    for number, one in enumerate(offered.mendings, 1):
        lines.append(f"{'>' if number == choose else ' '} {number}  {in_one_line(one)}")
    lines += ["", chosen.headline]
    for place, changed in chosen.changes:
        lines += ["", f"  --> {place}", *(f"  {line}" for line in changed)]
    lines += [f"  note: {note}" for note in chosen.notes]
    lines += [
        "",
        *_reference_remark(chosen),
        "# as aws commands",
        *chosen.commands,
        "",
        "# as Terraform",
        *chosen.body["terraform"],
    ]
    return "\n".join(lines) + "\n"


def _reference_remark(chosen: Mending) -> list[str]:
    """A scenario's files may hold what only reseal fills in."""
    files: Any = [one["file"] for one in chosen.body["documents"] if one["file"]]  # type: ignore[attr-defined]
    if any("${{" in Path(file).read_text(encoding="utf-8") for file in files if Path(file).is_file()):
        return ["# the files hold references such as ${{ accounts.target }}: fill them in for a real account"]
    return []


def _write(chosen: Mending, accounts: Mapping[str, str]) -> None:
    from app.repair.write import CannotWrite, write

    try:
        files = write(chosen.body, accounts)
    except CannotWrite as error:
        fail(Exit.COULD_NOT_RUN, f"nothing was written: {error}")
    for file in files:
        typer.echo(f"wrote {file}", err=True)


# --- policies ---


def policies(
    source: Annotated[str, typer.Option(help="The account that shares, 12 digits.")],
    target: Annotated[str, typer.Option(help="The account that it is shared with, 12 digits.")],
    source_key: Annotated[str, typer.Option(help="ARN of the snapshot's key; made up if left out.")] = "",
    target_key: Annotated[str, typer.Option(help="ARN of the key of the copy or volume; made up if left out.")] = "",
    principal: Annotated[
        str, typer.Option(help="ARN of the target's role or user, which alone the key policy then lets in.")
    ] = "",
    operations: Annotated[str, typer.Option(help="What the target does: copy, volume, or both.")] = "copy,volume",
    region: Annotated[str, typer.Option(help="The Region, where no key names one.")] = "us-east-1",
    json: Json = False,
) -> None:
    """The narrowest policies of both accounts that a share needs, proved by taking away each permission in turn."""
    from app.repair.narrowest import Asked, InvalidAsk, narrowest

    try:
        asked = Asked.of(source, target, source_key, target_key, principal, operations, region)
    except InvalidAsk as invalid:
        fail(Exit.USAGE, str(invalid))
    found = narrowest(asked)
    typer.echo(found.as_json() if json else found.as_text(), nl=False)
    raise typer.Exit(Exit.AS_EXPECTED if found.is_proved else Exit.EXPECTATION_FAILED)
