"""`reseal run --record FILE`: what is done by hand at a server becomes a scenario.

What was done is fetched as it happens, so that little is lost with a server that vanishes. The server forgets its
recording only when the files are written: until then another `--record` goes on with it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NoReturn

import typer

from app.exits import Exit, fail

if TYPE_CHECKING:
    from types import FrameType

    from workflows.over_http import OverHttp
    from workflows.port import PortFailed
    from workflows.record.recording import Line, Told

PAUSE_S = 0.5
LOOKS_MAX = 30  # at a server that does not answer: it may be on its way back


def record(file: str, endpoint: str, token: str) -> NoReturn:
    """Record the endpoint's world until Ctrl-C, then write `file` and `policies/` beside it, and play it once."""
    from workflows.over_http import OverHttp
    from workflows.port import PortFailed

    path = Path(file)
    if not path.name.endswith(".reseal.yaml"):
        fail(Exit.USAGE, f"a scenario's file is named something.reseal.yaml, not {path.name}")
    if not endpoint:
        fail(Exit.USAGE, "--record needs the --endpoint of a reseal server, with /w/WORLD for another world")
    if path.exists():
        fail(Exit.USAGE, f"{path} is there already; name a file that is not")
    server = OverHttp(endpoint, {}, token)
    try:
        earlier = server.begin_recording()
    except PortFailed as failed:
        fail(Exit.COULD_NOT_RUN, str(failed))
    if earlier:
        typer.echo(f"going on with a recording that was broken off after {_calls(earlier)}", err=True)
    fetched = Fetched(server)
    broken = fetched.until_interrupted(
        lambda: typer.echo(f"recording the world {server.world!r}: work as you like, then press Ctrl-C", err=True)
    )
    if broken and not fetched.has_calls:
        fail(Exit.COULD_NOT_RUN, broken)
    code = write(fetched.told, path)
    if broken:
        fail(Exit.COULD_NOT_RUN, f"{broken}; {path} holds what was done until then")
    try:
        server.end_recording()
    except PortFailed as failed:
        typer.echo(f"reseal: the server still records: {failed}", err=True)
    raise typer.Exit(code)


@dataclass
class Fetched:
    """A recording as far as it was fetched."""

    server: OverHttp
    kept: list[Line] = field(default_factory=list["Line"])
    passing: list[Line] = field(default_factory=list["Line"])

    @property
    def told(self) -> Told:
        from workflows.record.recording import told

        return told([*self.kept, *self.passing])

    @property
    def has_calls(self) -> bool:
        return next(self.told.calls, None) is not None

    def until_interrupted(self, began: Callable[[], None]) -> str:
        """Fetch what is new, until Ctrl-C and once more then. Answers why it ended earlier, if it did."""
        from workflows.rest_client import Refused

        with _interrupted() as stop:
            self._fetched()
            looks = 0
            began()
            while not stop.wait(PAUSE_S):
                failed = self._fetched()
                looks = looks + 1 if failed else 0
                if looks == 1:
                    typer.echo(f"{failed}; waiting for it", err=True)
                if isinstance(failed, Refused) or looks == LOOKS_MAX:
                    return str(failed)
            typer.echo("", err=True)
        broken = self._fetched()
        return str(broken) if broken else ""

    def _fetched(self) -> PortFailed | None:
        """Fetch what is new; answers why that failed."""
        from workflows.port import PortFailed

        try:
            new, self.passing = self.server.recording(len(self.kept))
        except PortFailed as failed:
            return failed
        self.kept += new
        return None


@contextmanager
def _interrupted() -> Iterator[Event]:
    """Set by Ctrl-C, or SIGTERM, the first time; a second one ends the command."""
    stop, signals = Event(), (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.getsignal(each) for each in signals}

    def asked(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for each in signals:
        signal.signal(each, asked)
    try:
        yield stop
    finally:
        for each in signals:
            signal.signal(each, before[each])


def write(told: Told, path: Path) -> int:
    """The files of a recording, and whether playing them comes to the same. Never over a file that is there."""
    from workflows.record.scenario import written

    try:
        found = written(told, path.name.removesuffix(".reseal.yaml").replace("-", " ").capitalize())
    except ValueError as nothing:
        typer.echo(f"reseal: {nothing}", err=True)
        return Exit.NOTHING_TO_RUN
    targets = {(path if not name else path.parent / name): text for name, text in found.files.items()}
    taken = [str(target) for target, text in targets.items() if target.exists() and _is_other(target, text)]
    if taken:
        fail(Exit.USAGE, f"{taken[0]} is there already; nothing was written, and the server still records")
    try:
        for target, text in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(Exit.COULD_NOT_RUN, f"{error.filename} can not be written: {error.strerror}; the server still records")
    typer.echo(str(path))
    for one in found.missing:
        typer.echo(f"left out: {one}", err=True)
    return _played(path)


def _is_other(target: Path, text: str) -> bool:
    """Does a file that is there hold something else?"""
    try:
        return target.read_text(encoding="utf-8") != text
    except (OSError, UnicodeDecodeError):
        return True


def _calls(count: int) -> str:
    return f"{count} call{'s' * (count != 1)}"


def _played(path: Path) -> int:
    """Play what was written, in memory, and say how that went."""
    from app.services import all_services
    from workflows.reports import as_text
    from workflows.session import Options, run_file
    from workflows.yaml_marks import InvalidFile

    try:
        found = run_file(str(path), all_services(), Options())
    except InvalidFile as invalid:
        typer.echo(f"it needs a hand before it can be run:\n{invalid}", err=True)
        return Exit.EXPECTATION_FAILED
    if found.ok:
        typer.echo("played in memory, it goes as it went by hand", err=True)
        return Exit.AS_EXPECTED
    typer.echo(f"played in memory, it does not go as it went by hand:\n{as_text(found, brief=True)}", err=True)
    return Exit.EXPECTATION_FAILED
