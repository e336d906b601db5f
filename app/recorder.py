"""Recordings of a server's worlds: the calls that come through the wire door, as lines of `workflows.record.recording`.

A recording stands in its world's journal, beside the journals of runs, and so outlives the server: started again, the
server goes on with it. It is not derived from the world's log, because the log keeps parameters of refused calls only
and answers of none. A line is added before a call (what the call names and nobody made since the beginning, as it is
then) and after it (the call itself), so what was there before is told although the world has moved on.

An observer: whatever goes wrong here is counted as lost and named, and the call is answered all the same. Only the
process that began a recording, or found it when it started, adds to it.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app import recorder_looks as looks
from app.kernel.store import Unavailable
from app.policy.explain_log import story
from workflows import params
from workflows.in_process import InProcess, as_answer
from workflows.record.recording import (
    CALLS_MAX,
    READING,
    Actor,
    Begin,
    Done,
    Line,
    Lost,
    Moved,
    Settled,
    Thing,
    Told,
    done,
    line_from,
    told,
)  # fmt: skip
from workflows.settle import FAILED, RESOURCES, settled, state_of

if TYPE_CHECKING:
    from app.kernel.call import Caller, Reply, Request
    from app.kernel.cloud import Cloud
    from app.kernel.store import KeptJournal

log = logging.getLogger("reseal.recorder")

PREFIX: Final = "recording/"  # of its place in the journal; no run's id holds a slash (`app.host` tells them apart)


def place(world: str) -> str:
    """The name under which a world's recording stands in its journal."""
    return PREFIX + world


class Recording:
    """Of one world, from its beginning on."""

    def __init__(self, journal: KeptJournal, cloud: Cloud, entries: list[dict[str, Any]]) -> None:
        self._journal, self._place = journal, place(cloud.world.name)
        self._salt = cloud.world.digest("recording")  # by the world's secret: nobody else can tell what a digest is of
        self.lines: list[Line] = []
        self._unkept: list[Lost] = []
        self._met: set[str] = set()  # ids of actors
        self._seen: set[str] = set()  # things, names and idempotency keys; what need not be looked at (again)
        self._moving: dict[int, Done] = {}  # accepted calls whose resource still moves
        self.calls = 0
        for entry in entries:
            self._learn(line_from(entry))

    @classmethod
    def begun(cls, journal: KeptJournal, cloud: Cloud) -> Recording:
        """A new one. Unavailable where it can not be kept."""
        clock, world = cloud.world.clock, cloud.world.name
        begin = Begin(clock=clock.mode, settle=clock.settle, at_ms=cloud.now_ms())
        entry = msgspec.to_builtins(begin)
        journal.append(place(world), entry)
        return cls(journal, cloud, [entry])

    @classmethod
    def found(cls, journal: KeptJournal, cloud: Cloud) -> Recording | None:
        """The one that a server before this kept."""
        entries = journal.entries(place(cloud.world.name))
        return cls(journal, cloud, entries) if entries else None

    def forget(self) -> None:
        self._journal.drop(self._place)

    # keeping

    def before(self, cloud: Cloud, request: Request) -> None:
        """What a call is about to name, as it is now."""
        self._observing(request.operation, lambda: self._before(cloud, request))

    def after(self, cloud: Cloud, request: Request, reply: Reply) -> None:
        """The call, and what came of it."""
        self._observing(request.operation, lambda: self._after(cloud, request, reply))

    def moved(self, by_ms: int) -> None:
        """The clock was moved on by hand."""
        self._observing("the clock's move", lambda: self._add(Moved(by_ms=by_ms)))

    def _observing(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Unavailable:
            self._unkept.append(Lost(what=what, why="the server's store could not keep it"))
        except Exception:  # a bug of ours must not cost the caller an answer
            log.exception("a recording could not tell %s", what)
            self._unkept.append(Lost(what=what, why="reseal could not describe it (see the server's log)"))

    def _before(self, cloud: Cloud, request: Request) -> None:
        self._settle(cloud)
        caller, still = request.caller, cloud.still()
        if self.calls >= CALLS_MAX or request.operation not in cloud.services.operations:
            return
        self._meet(caller)
        self._look_around(still, caller.account, request)
        regions = dict.fromkeys((request.region, request.parameters.get("SourceRegion") or request.region))
        for name in (*_people(caller), *looks.names_of(request)):
            for region in regions:
                self._look(still, name, caller.account, region)
        for blob, key, context in looks.ciphertexts_of(request):
            self._look_at_ciphertext(still, blob, key, context)

    def _meet(self, caller: Caller) -> None:
        if actor_id(caller) not in self._met:
            self._add(Actor(
                id=actor_id(caller), account=caller.account, kind=caller.kind, arn=caller.arn, of=caller.role_arn,
                session_policies=caller.session_policies, tags=dict(caller.session_tags),
            ))  # fmt: skip

    def _look_around(self, still: Any, account: str, request: Request) -> None:
        """At what counts in an account although nobody names it: its organization, and EBS's settings."""
        place = f"{account}/{request.region}"
        if request.operation.startswith(("ec2:", "ebs:")) and account and self._is_new(place):
            self._add(looks.at(still, account, request.region).settings())
        if account and self._is_new(f"organization/{account}"):
            manager = (member := looks.member_of(still.world, account)) and member.account
            if manager and manager not in self._seen and (found := looks.at(still, manager, "").organization()):
                self._seen.add(manager)
                if found.id not in self._seen:
                    self._add(found)

    def _look(self, still: Any, name: str, account: str, region: str) -> None:
        """At a thing, and at all that it rests on."""
        if name in self._seen or not self._is_new(f"{account}/{region}/{name}"):
            return
        found = looks.look(still, name, account, region)
        if found is None or found.id in self._seen:
            return
        self._seen.add(found.id)
        if self._is_of_now(found):
            return
        self._add(found)
        for other in looks.names_in(found.told):
            self._look(still, other, found.account, found.region or region)

    def _look_at_ciphertext(self, still: Any, blob: bytes, key: str, context: Any) -> None:
        if self._is_new(base64.b64encode(blob).decode()):
            self._look(still, key, "", "")
            if found := looks.ciphertext(still, blob, key, context):
                self._add(found)

    def _is_new(self, name: str) -> bool:
        is_new = name not in self._seen
        self._seen.add(name)
        return is_new

    def _is_of_now(self, thing: Thing) -> bool:
        """Did something make it since the recording began, without being asked for it by name?"""
        if thing.kind not in ("snapshot", "volume"):
            return False
        made = thing.told["described"].get("StartTime") or thing.told["described"].get("CreateTime")
        begin = next(line for line in self.lines if isinstance(line, Begin))
        return datetime.fromisoformat(made).timestamp() * 1000 > begin.at_ms

    def _after(self, cloud: Cloud, request: Request, reply: Reply) -> None:
        if why := self._unkeepable(cloud, request):
            self._add(Lost(what=request.operation, why=why))
        elif not request.idempotency_key or self._is_new(f"key/{request.idempotency_key}"):
            answer = as_answer(request.operation, reply)
            line = done(
                self.calls + 1, request.operation, request.region, request.caller.account, actor_id(request.caller),
                request.parameters, answer, _cause_of(cloud, reply.request_id) if reply.error else "", cloud.now_ms(),
                self._salt, reply.request_id,
            )  # fmt: skip
            self._add(line)
            if not reply.error and request.operation in RESOURCES:
                self._moving[line.n] = line
                if cloud.world.clock.settle == "instant":
                    self._settle(cloud)

    def _unkeepable(self, cloud: Cloud, request: Request) -> str:
        if self.calls >= CALLS_MAX:
            return f"a recording holds {CALLS_MAX} calls"
        if request.operation not in cloud.services.operations:
            return "reseal does not simulate it"
        return "" if request.caller.kind != "service" else "no scenario has services as callers"

    def _settle(self, cloud: Cloud) -> None:
        """Keep what became of accepted calls, as far as it is decided."""
        for line in list(self._moving.values()):
            if found := _resource(cloud, line, wait=False):
                del self._moving[line.n]
                self._add(found)

    def _add(self, line: Line) -> None:
        """Durably, then here. Unavailable: it is in neither."""
        self._journal.append(self._place, msgspec.to_builtins(line))
        self._learn(line)

    def _learn(self, line: Line) -> None:
        self.lines.append(line)
        if isinstance(line, Actor):
            self._met.add(line.id)
        elif isinstance(line, Thing):
            self._seen.add(line.id)
        elif isinstance(line, Done):
            self.calls += 1
            if line.operation == "organizations:CreateOrganization" and not line.code:
                self._seen.add(line.account)  # its management account: nothing of it was there before
            if not line.operation.partition(":")[2].startswith(READING):  # what is only described was made by others
                self._seen |= set(looks.names_in(line.answer))
            self._seen |= {value for name, value in line.answer.items() if name == "CiphertextBlob"}
        elif isinstance(line, Settled):
            self._moving.pop(line.n, None)

    # telling

    def passing(self, cloud: Cloud) -> list[Line]:
        """Lines that are not kept: what will become of calls that are under way, and what the store did not take."""
        self._observing("what became of a call", lambda: self._settle(cloud))
        pending = (_resource(cloud, line, wait=True) for line in self._moving.values())
        return [*(one for one in pending if one), *self._unkept]

    def told(self, cloud: Cloud) -> Told:
        """All of it."""
        passing = self.passing(cloud)
        return told([*self.lines, *passing])


def actor_id(caller: Caller) -> str:
    """Of temporary credentials their access key id: each is somebody."""
    is_temporary = caller.kind in ("session", "federated") or caller.expires_at_ms
    return caller.access_key_id if is_temporary else caller.arn or caller.kind


def _people(caller: Caller) -> Iterator[str]:
    if caller.kind == "user":
        yield caller.arn
    elif (
        caller.kind in ("session", "federated") and ":iam:" in caller.role_arn and not caller.role_arn.endswith(":root")
    ):
        yield caller.role_arn


def _cause_of(cloud: Cloud, request_id: str) -> str:
    """Of the innermost refusal that a request met, at once or later."""
    evidence = InProcess(cloud, {}).evidence(request_id)
    found = story((*evidence.decisions, *evidence.calls), request_id)
    return found.refused.cause if found else ""


def _resource(cloud: Cloud, line: Done, *, wait: bool) -> Settled | None:
    """What became of what a call made; None while it moves. `wait`: by a clock that is moved on, in a fork."""
    still = cloud.still()
    clock = msgspec.structs.replace(still.world.clock, mode="manual", now_ms=cloud.now_ms(), machine_ms=0)
    aside = still.aside(replace(still.world, clock=clock))
    port = (InProcess if wait else _Unwaiting)(aside, {line.account: line.account})
    root = f"{line.account}/root"
    try:
        found = settled(port, root, line.operation, line.parameters, line.answer, line.region)
    except _StillMoving:
        return None
    cause = _cause_of(cloud, line.request_id) if state_of(found) in FAILED or "Error" in found else ""
    return Settled(n=line.n, later=params.to_json(found), cause=cause)


class _StillMoving(Exception):
    """The resource is not as it will be."""


class _Unwaiting(InProcess):
    """A port that does not wait."""

    def rest(self, seconds: float) -> None:
        raise _StillMoving
