"""What a run keeps of each step: a value that is journaled, shown, and compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

Json = dict[str, Any]


class Contracted(msgspec.Struct, frozen=True):
    """A contract as it was found before (`requires`) or after (`ensures`) the call."""

    when: str
    name: str
    sentence: str
    holds: bool | None  # None: this port can not tell


class Intent(msgspec.Struct, frozen=True):
    """What is known before a step is done. It is journaled, since afterwards it can not be known any more."""

    requires: tuple[Contracted, ...] = ()  # of what a step changes: a snapshot to be unshared is shared only before it
    until_ms: int | None = None  # where the clock is to stand, of a step that moves it


class Wrong(msgspec.Struct, frozen=True):
    """An expectation that is not met, and where it is written."""

    at: str  # file:line:column
    text: str


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    section: str  # "given" or "steps"
    name: str = ""
    principal: str = ""  # account/principal
    account: str = ""  # its account id
    call: str = ""  # "" where the clock was moved instead
    region: str = ""
    parameters: Json = {}  # as JSON, without secrets
    request_id: str = ""
    answer: Json = {}  # as JSON, without secrets
    hides: bool = False  # something was left out of the answer
    error: Json | None = None  # {code, message}, and {cause} where the door itself refused
    later: Json = {}  # the resource after it settled
    outcome: str = "OK"  # OK, an error code, or "later NAME"
    saved: Json = {}
    thing: str = ""  # id of the main thing it made
    state: str = ""  # of the workflow, before
    next: str = ""  # of the workflow, after
    calls: tuple[Json, ...] = ()
    decisions: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()
    change: tuple[str, ...] = ()  # of the key graph, a line each
    graph: Json | None = None  # node-link, after the step
    contracts: tuple[Contracted, ...] = ()
    wrong: tuple[Wrong, ...] = ()
    unchecked: tuple[str, ...] = ()  # expectations that this port has no evidence for
    repairs: tuple[Json, ...] = ()  # of a refused step, where they were tried: the smallest first, in JSON form


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a whole."""

    run: str
    scenario: str
    file: str
    workflow: str = ""
    state: str = ""  # where the workflow ended
    transitions: tuple[Transition, ...] = ()
    wrong: tuple[Wrong, ...] = ()  # of the run as a whole: `finally`, and contracts unmet in an end that is ok
    stopped: str = ""  # why the run could not go on: not an expectation, but the cloud or the port
    unsure: bool = False  # a step may or may not have happened
    data: str = ""  # how the volumes compared
    files: dict[str, str] = {}  # text of a policy as sent -> the file it came from

    @property
    def ok(self) -> bool:
        return not (self.stopped or self.wrong or any(each.wrong for each in self.transitions))


def to_json(value: Any) -> Any:
    return msgspec.to_builtins(value)


def report_from(entries: Iterable[Json]) -> Report | None:
    """The report of a run, from its journal's entries; None while it has neither ended nor stopped."""
    known = list(entries)
    if not known or known[-1]["kind"] not in ("end", "stop"):
        return None
    report = msgspec.convert(known[-1]["report"], Report)
    return msgspec.structs.replace(report, transitions=transitions_from(known))


def transitions_from(entries: Iterable[Json]) -> tuple[Transition, ...]:
    """The steps that a journal has a record of."""
    return tuple(transition_from(entry["transition"]) for entry in entries if entry["kind"] == "record")


def intent_from(entry: Json) -> Intent:
    return msgspec.convert(entry, Intent)


def transition_from(entry: Json) -> Transition:
    return msgspec.convert(entry, Transition)
