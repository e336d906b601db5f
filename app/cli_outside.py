"""`reseal explain EVENT.json --policies DIR`, `reseal explain --text`, `reseal audit`, `reseal log`.

What is asked about things outside of any world, and the live view of a server's calls. Imports stay in the commands.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli_options import HERE, Json, Token, World
from app.exits import Exit, fail

POLL_S: Final = 0.5


def mount(app: typer.Typer) -> None:
    app.command()(audit)
    app.command()(log)


# --- explain, from cli_explain ---


def is_event_file(about: str) -> bool:
    return about == "-" or (about.endswith(".json") and Path(about).is_file())


def is_error_text(about: str) -> bool:
    """Words of an error rather than an id: they hold a blank, and an id never does."""
    return " " in about.strip()


def explain_event(event: str, policies: str, event_id: str, json: bool) -> None:
    """Print the answer about a CloudTrail record and a folder of policies."""
    import msgspec

    from app.outside.answer import explained
    from app.outside.folder import Folder
    from app.outside.reading import Unreadable, read, source_of

    if not policies:
        fail(Exit.USAGE, "an event file is explained with the policies it met: --policies DIR")
    try:
        source = source_of(sys.stdin.read(), "stdin") if event == "-" else read(Path(event), event)
        found = explained(source, Folder(Path(policies)), event_id)
    except FileNotFoundError:
        fail(Exit.USAGE, f"there is no file {event}")
    except Unreadable as unreadable:
        fail(Exit.USAGE, str(unreadable))
    typer.echo(msgspec.json.encode(found.body).decode() if json else found.text)


def explain_text(text: str, json: bool) -> None:
    """Print what may stand behind an error text."""
    import msgspec

    from app.outside.texts import as_json, as_text, wording_of

    found = wording_of(text)
    if found is None:
        fail(Exit.USAGE, "reseal does not know this text; give the whole of it, or the event with --policies")
    typer.echo(msgspec.json.encode({"reseal": 1, **as_json(found)}).decode() if json else as_text(found))


# --- audit ---


def audit(
    files: Annotated[list[str], typer.Argument(help="Policy files, or folders of them.")],
    kind: Annotated[
        str, typer.Option(help="identity, key, trust, scp, rcp, boundary, session, endpoint; else by the file's name.")
    ] = "",
    json: Json = False,
) -> None:
    """Check policies as Access Analyzer's ValidatePolicy does. Exit 1 with an ERROR or SECURITY_WARNING."""
    import msgspec

    from app.outside.audit import KINDS, Finding, audited, is_grave
    from app.outside.reading import Unreadable, read

    if kind and kind not in KINDS:
        fail(Exit.USAGE, f"--kind is one of {', '.join(KINDS)}, not {kind!r}")
    found: list[Finding] = []
    for path in _policy_files(files):
        try:
            found += audited(read(path, str(path)), kind)
        except Unreadable as broken:
            found.append(Finding.broken(broken))
        except FileNotFoundError:
            fail(Exit.USAGE, f"there is no file {path}")
    for one in found if not json else ():
        typer.echo(one.as_text())
    if json:
        typer.echo(msgspec.json.encode({"reseal": 1, "findings": [one.as_json() for one in found]}).decode())
    typer.echo(f"{len(found)} finding{'' if len(found) == 1 else 's'}", err=True)
    raise typer.Exit(Exit.EXPECTATION_FAILED if any(map(is_grave, found)) else Exit.AS_EXPECTED)


def _policy_files(files: list[str]) -> Iterator[Path]:
    for name in files:
        path = Path(name)
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*.json") if _may_be_policy(one.name))
        else:
            yield path


def _may_be_policy(name: str) -> bool:
    """Of the files of ecosystem.md 7.2 and of a capture, those that are no policies of one kind are left out."""
    lists = ("aliases.json", "snapshots.json", "volumes.json", "ebs-defaults.json", "authorization-details.json")
    return not name.endswith((".meta.json", ".grants.json", ".tags.json", ".permissions.json")) and name not in lists


# --- log ---


def log(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as calls are made.")] = False,
    endpoint: World = HERE,
    after: Annotated[int, typer.Option(min=0, help="Only calls after this position.")] = 0,
    token: Token = "",
    json: Json = False,
) -> None:
    """A server's calls: who asked for what, refusals with their cause, calls that EBS made indented below."""
    import msgspec

    from app.outside.live import lines

    for calls in _pages(endpoint, after, token, follow):
        told = (msgspec.json.encode(one).decode() for one in calls) if json else lines(calls)
        for line in told:
            typer.echo(line)


def _pages(endpoint: str, after: int, token: str, follow: bool) -> Iterator[list[dict[str, Any]]]:
    """Calls as they come; ends with the last page unless it follows."""
    from workflows.over_http import OverHttp
    from workflows.port import PortFailed

    server = OverHttp(endpoint, {}, token)
    while True:
        try:
            page = server._rest(f"log?after={after}")
        except PortFailed as failed:
            fail(Exit.COULD_NOT_RUN, str(failed))
        if page["calls"]:
            yield page["calls"]
        if page["after"] == after:
            if not follow:
                return
            time.sleep(POLL_S)
        after = page["after"]
