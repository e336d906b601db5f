"""`reseal world`: the worlds of a server, and one built from what real accounts export.

list new fork drop are one call of REST each. `import` reads a folder, refuses every mistake with its place before
anything is sent, and lets the server place all of it or nothing; `capture-script` prints what writes such a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from app.exits import Exit, fail

if TYPE_CHECKING:
    from app.outside.capture_plan import Plan

SHOWN_MAX: Final = 20  # lines of what was assumed; --json has all

world = typer.Typer(no_args_is_help=True, help="Worlds of a server; one built from what real accounts export.")

Name = Annotated[str, typer.Argument(help="Name of the world.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Token = Annotated[str, typer.Option(help="Bearer token for REST.", envvar="RESEAL_TOKEN")]
Endpoint = Annotated[str, typer.Option(envvar="AWS_ENDPOINT_URL", help="A reseal server.")]
DEFAULT_ENDPOINT: Final = "http://127.0.0.1:4566"


def mount(app: typer.Typer) -> None:
    app.add_typer(world, name="world")


def _ask(endpoint: str, token: str, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    """One call of REST; what the server refuses ends the command in its words."""
    from workflows.rest_client import Refused, RestClient, Unreachable

    try:
        return RestClient(endpoint, token).ask(path, body, method)
    except Refused as refused:
        fail(Exit.USAGE, str(refused))
    except Unreachable as unreachable:
        fail(Exit.COULD_NOT_RUN, str(unreachable))


def _print(told: dict[str, Any], json: bool) -> None:
    import msgspec

    if json:
        typer.echo(msgspec.json.encode({"reseal": 1, **told}).decode())
    else:
        clock = told["clock"]
        typer.echo(f"{told['name']:24} {told['records']:6} records {told['calls']:6} calls  {clock['mode']} clock")


@world.command("list")
def list_worlds(endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = "", json: Json = False) -> None:
    """The worlds of a server."""
    import msgspec

    found = _ask(endpoint, token, "worlds")
    if json:
        typer.echo(msgspec.json.encode({"reseal": 1, **found}).decode())
    for told in found["worlds"] if not json else ():
        _print(told, json)


@world.command()
def new(
    name: Name,
    seed: Annotated[str, typer.Option(help="Ids, keys and answers follow from it.")] = "",
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = "",
    json: Json = False,
) -> None:
    """Make an empty world; AWS's tools reach it at ENDPOINT/w/NAME."""
    _print(_ask(endpoint, token, "worlds", {"name": name} | ({"seed": seed} if seed else {})), json)


@world.command()
def fork(
    name: Name,
    new_name: Annotated[str, typer.Argument(help="Name of the new world.")],
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = "",
    json: Json = False,
) -> None:
    """Make a world that begins as another is now."""
    _print(_ask(endpoint, token, f"worlds/{name}/fork", {"name": new_name}), json)


@world.command()
def drop(name: Name, endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = "") -> None:
    """Delete a world with all that is in it."""
    _ask(endpoint, token, f"worlds/{name}", method="DELETE")
    typer.echo(f"dropped {name}", err=True)


@world.command("capture-script")
def capture_script(
    policy: Annotated[bool, typer.Option("--policy", help="Print the IAM policy that it needs instead.")] = False,
) -> None:
    """Print a bash script that writes down real accounts for `import`, by reading calls of `aws` only."""
    from app.outside.capture_policy import policy_of

    script = (Path(__file__).parent / "outside" / "capture.sh").read_text(encoding="utf-8")
    typer.echo(policy_of(script) if policy else script, nl=False)


@world.command("import")
def import_accounts(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="What the capture script wrote.")],
    endpoint: Annotated[
        str, typer.Option(envvar="AWS_ENDPOINT_URL", help="A reseal server; /w/WORLD for another world.")
    ] = DEFAULT_ENDPOINT,
    name: Annotated[str, typer.Option("--world", help="The world to build, made where there is none.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Only read the folder and say what is wrong in it.")] = False,
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="Other account ids, the same everywhere.")] = False,
    out: Annotated[str, typer.Option(metavar="FILE", help="Write what was made and assumed as JSON.")] = "",
    token: Token = "",
    json: Json = False,
) -> None:
    """Build a world from what real accounts export, with the same ARNs and ids.

    Keys get new material and volumes are empty; what can not be told is listed. The same again changes nothing.
    """
    import msgspec

    from workflows.rest_client import world_of

    files = _renamed(_read(folder), pseudonyms)
    plan = _planned(files)
    told: dict[str, Any] = {
        "files": len(files), "unknown": plan.unknown, "assumed": plan.assumed, "left_out": plan.left_out,
    }  # fmt: skip
    if not check:
        target = name or world_of(endpoint)
        told = _ask(endpoint, token, f"worlds/{target}/import", {"files": files, "create": True})
    body = msgspec.json.encode({"reseal": 1, **told}).decode()
    if out:
        _write(Path(out), body)
    if json:
        typer.echo(body)
    else:
        _show(told, plan, endpoint, check)


def _read(folder: str) -> dict[str, str]:
    """The texts of the folder's files, each of which is JSON; the mistakes of those that are not end the command."""
    from app.outside.folder import Folder
    from app.outside.reading import Unreadable

    try:
        found = Folder(Path(folder))
    except Unreadable as unreadable:
        fail(Exit.USAGE, str(unreadable))
    files = {name: source.text for name in found.names if (source := found.source(name, "capture"))}
    broken = [str(found.unreadable(name)) for name in found.names if name not in files]
    if broken:
        _refuse(broken)
    return files


def _renamed(files: dict[str, str], pseudonyms: bool) -> dict[str, str]:
    from app.outside import pseudonyms as names

    if not pseudonyms:
        return files
    found = names.pseudonyms(files)
    for id, other in found.items():
        typer.echo(f"{id} becomes {other}", err=True)
    return names.renamed(files, found)


def _planned(files: dict[str, str]) -> Plan:
    """What would be asked of the server; the mistakes of the files end the command."""
    from app.outside.capture import Mistakes, captured
    from app.outside.capture_plan import planned
    from app.outside.folder import Folder

    try:
        return planned(captured(Folder(files)))
    except Mistakes as wrong:
        _refuse(list(map(str, wrong.mistakes)))


def _refuse(mistakes: list[str]) -> NoReturn:
    for mistake in mistakes:
        typer.echo(mistake, err=True)
    fail(Exit.USAGE, f"{len(mistakes)} mistake{'' if len(mistakes) == 1 else 's'}; nothing was imported")


def _write(path: Path, body: str) -> None:
    try:
        path.write_text(body + "\n", encoding="utf-8")
    except OSError as error:
        fail(Exit.COULD_NOT_RUN, f"can not write {path}: {error.strerror}")


def _show(told: dict[str, Any], plan: Plan, endpoint: str, check: bool) -> None:
    for title, name in (("unknown", "unknown"), ("assumed", "assumed"), ("left out", "left_out")):
        lines = told[name]
        for line in lines[:SHOWN_MAX]:
            typer.echo(f"{title}: {line}")
        if len(lines) > SHOWN_MAX:
            typer.echo(f"{title}: and {len(lines) - SHOWN_MAX} more (--json has all)")
    if check:
        typer.echo(f"{told['files']} files can be imported")
        return
    typer.echo(f"world {told['world']}: made {_listed(told['made'])}; there already {_listed(told['same'])}")
    for line in _sign_in(plan, told["world"], endpoint):
        typer.echo(line)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {noun if count == 1 else _plural(noun)}" for noun, count in counts.items()) or "nothing"


def _plural(noun: str) -> str:
    if noun.endswith("y") and not noun.endswith("ey"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def _sign_in(plan: Plan, name: str, endpoint: str) -> list[str]:
    """How to act as somebody who was imported: one user and one role an account."""
    from workflows.rest_client import base_of

    at = f"--endpoint {base_of(endpoint)}/w/{name}"
    found = {(account, noun): who for account, noun, who in reversed(plan.principals)}
    options = (f"{account} --{noun.lower()} {who}" for (account, noun), who in sorted(found.items()))
    lines = [f'  eval "$(reseal env {option} {at})"' for option in options]
    return ["sign in as one of them, and repeat the call that failed:", *lines] if lines else []
