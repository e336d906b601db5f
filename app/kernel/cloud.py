"""The shell around `perform`: the only way to change a world.

    request -> Call -> load the world -> tick -> perform -> commit -> reply

Everything that is not pure stands here: the machine's clock, the system's randomness, and the store. The wire door,
REST, the workflow runner and the tests all go through `Cloud.call`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from app.blocks.store import StoreUnavailable
from app.crypto.material import Secret
from app.kernel import endpoint, ids
from app.kernel.call import Call, Reply, Request
from app.kernel.clock import Clock
from app.kernel.draft import Job
from app.kernel.errors import AwsError
from app.kernel.log import CallEntry, MemoryLog
from app.kernel.operation import Services
from app.kernel.perform import Outcome, abandon_job, perform, run_job
from app.kernel.records import Record
from app.kernel.store import Commit, Conflict, MemoryStore, Store, Unavailable
from app.kernel.world import Rules, World

log = logging.getLogger("reseal.cloud")

T = TypeVar("T")

TRIES_MAX = 8  # of a call that loses the race against another process
IDEMPOTENCY_KEY_CHARACTERS_MAX = 1024
UNAVAILABLE = AwsError(
    "ServiceUnavailable",
    "The request has failed due to a temporary failure of the server.",
    503,
    seen="AWS's common errors [D]",
)
BUSY = AwsError("RequestLimitExceeded", "Request limit exceeded.", 503, seen="ebs.md 1.10 [D]")


class Remembered(Record, frozen=True, kw_only=True):
    """The reply to a call that came with reseal's own idempotency key (its id)."""

    kind = "remembered"
    asked: str  # hash of operation, caller and parameters
    reply: Secret  # msgpack of the reply: answers may hold secrets


KEY_TOO_LONG = AwsError("InvalidParameterValue", "x-reseal-idempotency-key has at most 1024 characters", seen="ours")
REUSED = AwsError(
    "IdempotentParameterMismatch", "The x-reseal-idempotency-key was used before with another request", seen="ours"
)


def machine_ms() -> int:
    return time.time_ns() // 1_000_000


def new_world(name: str, *, seed: str | None = None, clock: Clock | None = None, rules: Rules | None = None) -> World:
    """A fresh world. With a seed its ids, keys and request ids are the same in every run."""
    secret = hashlib.sha256(f"reseal/world/{seed}".encode()).digest() if seed is not None else os.urandom(32)
    clock = clock or Clock()
    if clock.mode == "real" and not clock.machine_ms:
        now = machine_ms()
        clock = msgspec.structs.replace(clock, now_ms=now, machine_ms=now)
    return World(name, Secret(secret), os.urandom(16), clock, rules or Rules(), seeded=seed is not None)


@dataclass(frozen=True, slots=True)
class Still:
    """A world as it was, with its services: what questions and forks need of a `Cloud`."""

    services: Services
    world: World

    def aside(self, world: World | None = None) -> Cloud:
        """A fork (of another world, where one is given) in a store and with a log of its own: nothing of it stays."""
        apart = replace(world or self.world, branch=os.urandom(16), log=MemoryLog())
        return Cloud.create(self.services, MemoryStore(), apart)


def drawn_seed(world: World) -> bytes:
    """The seed of the next call or job: of a seeded world from its secret and the place in its log; else drawn."""
    return world.digest("seed", world.position) if world.seeded else os.urandom(32)


class Cloud:
    """One world in a store, and all who call it. Not for several threads at once."""

    def __init__(
        self, services: Services, store: Store, name: str = "default", *, machine: Callable[[], int] = machine_ms,
        seeds: Callable[[World], bytes] = drawn_seed,
    ) -> None:  # fmt: skip
        world = store.load(name)
        if world is None:
            raise LookupError(f"there is no world {name!r}")
        self._services, self._store, self._machine, self._seed = services, store, machine, seeds
        self._world = world

    @classmethod
    def create(
        cls, services: Services, store: Store, world: World, seeds: Callable[[World], bytes] = drawn_seed
    ) -> Cloud:
        store.create(world)
        return cls(services, store, world.name, seeds=seeds)

    @property
    def services(self) -> Services:
        return self._services

    @property
    def world(self) -> World:
        """The world now, with everything done that was due."""
        self._unless_lost(self._settle)
        return self._world

    def still(self) -> Still:
        """The world now, for another thread to ask and to try things on."""
        return Still(self._services, self.world)

    def now_ms(self) -> int:
        return self._world.clock.read(self._machine())

    def call(self, request: Request) -> Reply:
        """Perform one request. Durable when it returns; an error leaves the records as they were."""
        try:
            return self._unless_lost(lambda: self._settled_call(request))
        except Conflict:
            return Reply(str(uuid.uuid4()), error=BUSY)
        except (Unavailable, StoreUnavailable):
            log.exception("the store is unavailable")
            return Reply(str(uuid.uuid4()), error=UNAVAILABLE)

    def advance(self, by_ms: int) -> None:
        """Move the world's clock on and do what falls due on the way, each at its own time."""
        target_ms = self.now_ms() + by_ms
        self._unless_lost(lambda: self._advance_to(target_ms))

    def fork(self, name: str) -> Cloud:
        """Another world that begins as this one is now. What is inherited is shared; the branch is drawn anew."""
        return Cloud.create(self._services, self._store, replace(self.world, name=name, branch=os.urandom(16)))

    def aside(self, world: World | None = None) -> Cloud:
        """`Still.aside`, of the world now."""
        return self.still().aside(world)

    # inside

    def _unless_lost(self, act: Callable[[], T]) -> T:
        """Do it; where another process was faster, again on the world as it is then. Conflict if that does not end."""
        tries = 1
        while True:
            try:
                return act()
            except Conflict:
                self._reload()
                if tries == TRIES_MAX:
                    raise
                tries += 1

    def _settled_call(self, request: Request) -> Reply:
        self._settle()
        return self._call(request)

    def _advance_to(self, target_ms: int) -> None:
        while (job := self._next_job()) and job.due_ms <= target_ms:
            self._move_to(max(job.due_ms, self.now_ms()))
            self._settle()
        self._move_to(max(target_ms, self.now_ms()))

    def _call(self, request: Request) -> Reply:
        world, at_ms = self._world, self.now_ms()
        if len(request.idempotency_key) > IDEMPOTENCY_KEY_CHARACTERS_MAX:
            return Reply(str(uuid.uuid4()), error=KEY_TOO_LONG)
        malformed = endpoint.refusal(request.endpoint)
        if malformed:
            return Reply(str(uuid.uuid4()), error=malformed)
        if request.idempotency_key:
            seen = world.records.get(Remembered, request.caller.account, "", request.idempotency_key)
            if seen:
                return _recall(seen, request)
        seed = self._seed(world)
        call = Call(
            operation=request.operation,
            parameters=request.parameters,
            caller=request.caller,
            region=request.region,
            at_ms=at_ms,
            seed=seed,
            request_id=str(uuid.UUID(bytes=hashlib.sha256(b"request" + seed).digest()[:16], version=4)),
            source_ip=request.source_ip,
            user_agent=request.user_agent,
            endpoint=request.endpoint,
        )
        outcome = perform(self._services, world, call)
        reply = Reply(call.request_id, outcome.answer, outcome.error, outcome.decision_id, outcome.notes)
        if request.idempotency_key:
            outcome = _remember(outcome, request, reply)
        self._commit(world, outcome)
        return reply

    def _settle(self) -> None:
        """Run what is due, to quiescence; nothing due, nothing written."""
        if not self._store.is_current(self._world):
            self._reload()
        while (job := self._next_job()) and job.due_ms <= self.now_ms():
            world, seed, now_ms = self._world, self._seed(self._world), self.now_ms()
            try:
                outcome = run_job(self._services, world, job, seed, now_ms)
            except Exception:  # a bug in a job must not shut the world: it is logged, noted and not tried again
                log.exception("job %s failed", job.name)
                outcome = abandon_job(self._services, world, job, seed, now_ms)
            self._commit(world, outcome)

    def _next_job(self) -> Job | None:
        return next(self._world.records.scan(Job), None)

    def _commit(self, before: World, outcome: Outcome) -> None:
        self._world = self._store.commit(Commit(before, outcome.world, outcome.touched, outcome.log, outcome.blocks))

    def _move_to(self, now_ms: int) -> None:
        before = self._world
        clock = msgspec.structs.replace(
            before.clock, now_ms=now_ms, machine_ms=self._machine() if before.clock.mode == "real" else 0
        )
        after = replace(before, clock=clock, position=before.position + 1, revision=before.revision + 1)
        tick = CallEntry("", "", now_ms, "reseal:Tick", "", "", "reseal")
        self._world = self._store.commit(Commit(before, after, (), (tick,), {}))

    def _reload(self) -> None:
        world = self._store.load(self._world.name)
        if world is None:
            raise LookupError(f"the world {self._world.name!r} is gone")
        self._world = world


def _asked(request: Request) -> str:
    what = (
        request.operation,
        request.caller.arn,
        request.region,
        msgspec.to_builtins(dict(request.parameters), enc_hook=str),
    )
    return hashlib.sha256(repr(what).encode()).hexdigest()


def _remember(outcome: Outcome, request: Request, reply: Reply) -> Outcome:
    """Keep the reply in the same commit as the effect, so that a repeated call finds either both or neither."""
    error = reply.error and {
        "code": reply.error.code,
        "message": reply.error.message,
        "status": reply.error.status,
        "members": reply.error.members,
    }
    kept: dict[str, Any] = {
        "request_id": reply.request_id,
        "answer": reply.answer,
        "error": error,
        "decision_id": reply.decision_id,
    }
    record = Remembered(
        account=request.caller.account,
        id=request.idempotency_key,
        asked=_asked(request),
        reply=Secret(msgspec.msgpack.encode(kept)),
    )
    world = outcome.world.put(record)
    if world.revision == outcome.world.revision and not outcome.touched:
        world = replace(world, revision=world.revision + 1)
    return replace(outcome, world=world, touched=(*outcome.touched, (Remembered, record.key)))


def _recall(seen: Remembered, request: Request) -> Reply:
    if seen.asked != _asked(request):
        return Reply(str(uuid.uuid4()), error=REUSED)
    kept = msgspec.msgpack.decode(seen.reply.reveal())
    error = kept["error"] and AwsError(**{**kept["error"], "members": tuple(map(tuple, kept["error"]["members"]))})
    return Reply(kept["request_id"], kept["answer"], error or None, kept["decision_id"])


KERNEL_KINDS: tuple[type[Record], ...] = (ids.Counter, Job, Remembered)
