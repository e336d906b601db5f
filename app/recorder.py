"""Recordings of a server's worlds: the calls that come through the wire door, as `workflows.record` keeps them.

A recording is in this process's memory: a server that ends forgets it. Of a principal the policies are read before its
first call; of what was there before, a still of the world from the beginning tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.kernel.cloud import Cloud, Still

if TYPE_CHECKING:
    from app.kernel.call import Caller, Reply, Request
    from workflows.in_process import InProcess
    from workflows.record.recording import Done, Person, Thing, Told

# What may name something that was there before: volumes, snapshots, keys and their aliases.
_NAMES: Final = re.compile(
    r"\b(?:snap|vol)-[0-9a-f]{8,17}\b|arn:aws[\w-]*:kms:[\w-]+:\d{12}:(?:key|alias)/[\w/-]+|\balias/[\w/-]+"
    r"|\b(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"
)
_ACTORS: Final = ("root", "user", "session")


@dataclass(slots=True)
class Recording:
    """Of one world, from now on."""

    before: Still
    calls: list[Done] = field(default_factory=list)
    people: dict[str, Person | None] = field(default_factory=dict)
    dropped: int = 0

    def meet(self, cloud: Cloud, caller: Caller) -> None:
        """Before a call: the caller as it is, if it calls for the first time."""
        from workflows.record.recording import person

        arn = actor(caller)
        if caller.kind == "root" or caller.kind not in _ACTORS or arn in self.people:
            return
        port = _aside(cloud.still(), caller.account)
        self.people[arn] = person(port, f"{caller.account}/root", arn, caller.session_policies or ())

    def note(self, cloud: Cloud, request: Request, reply: Reply) -> None:
        """After a call."""
        from workflows.in_process import as_answer
        from workflows.record.recording import CALLS_MAX, done

        if request.caller.kind not in _ACTORS or len(self.calls) == CALLS_MAX or not _is_known(cloud, request):
            self.dropped += 1
            return
        by, answer = actor(request.caller), as_answer(request.operation, reply)
        account, at_ms = request.caller.account, cloud.now_ms()
        self.calls.append(done(request.operation, request.region, account, by, request.parameters, answer, at_ms))

    def told(self, cloud: Cloud) -> Told:
        """All of it, with what became of each call since."""
        from workflows.record.recording import Told, later

        def settled(call: Done) -> Done:
            port = _aside(cloud.still(), call.account)
            return msgspec.structs.replace(call, later=later(port, call, f"{call.account}/root"))

        clock = cloud.world.clock
        return Told(
            clock=clock.mode, settle=clock.settle,
            calls=tuple(map(settled, self.calls)), people=tuple(one for one in self.people.values() if one),
            things=tuple(self._things()), dropped=self.dropped,
        )  # fmt: skip

    def _things(self) -> Iterator[Thing]:
        """What calls name and no call before them made, and what that rests on in turn."""
        made: set[str] = set()
        found: dict[str, Thing | None] = {}
        accounts = list(dict.fromkeys(call.account for call in self.calls))
        for call in self.calls:
            for name in _named(call.parameters):
                if name not in made:
                    self._look(name, accounts, call.region, found)
            made |= set(_named(call.answer))
        seen: dict[str, Thing] = {one.id: one for one in found.values() if one}
        yield from seen.values()

    def _look(self, name: str, accounts: list[str], region: str, found: dict[str, Thing | None]) -> None:
        from workflows.record.recording import thing

        if name in found:
            return
        found[name] = None
        where = name.split(":")[3] if name.startswith("arn:") else region
        for account in accounts:
            port = _aside(self.before, account)
            if one := thing(port, f"{account}/root", account, where, name):
                found[name] = one
                for other in _named(one.described):
                    self._look(other, accounts, where, found)
                return


def actor(caller: Caller) -> str:
    """The ARN that a scenario's principal stands for: of a session its role."""
    return caller.role_arn if caller.kind == "session" else caller.arn


def _aside(still: Still, account: str) -> InProcess:
    """A fork of the world in which the account's root may look around."""
    from workflows.in_process import InProcess

    return InProcess(still.aside(), {account: account})


def _is_known(cloud: Cloud, request: Request) -> bool:
    return request.operation in cloud.services.operations


def _named(value: Any) -> Iterator[str]:
    """Names of volumes, snapshots, keys and aliases anywhere in a value."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named(inner)
    elif isinstance(value, str):
        yield from (found[0] for found in _NAMES.finditer(value))
