"""The desk of a server: where what takes a while is ordered, followed, cancelled and forgotten.

A run, a sweep and an exploration are kinds of order. A kind says how its files are read, how it is carried out, and
what the lines of its journal tell. All else is the same for each of them, and stands here:

- The id follows from the idempotency key, and the journal's first line holds the order's fingerprint; so the same order
  is the same one again, after a restart too.
- All that is told is read from the journal in the store, never from memory. A journal begins with `start` and closes
  with `end`, or with `stop` and why. Each line carries its time and what was counted up to it, so that the first and
  the last line are enough to tell of it in a list.
- It is carried out in a thread, of which a kind has so many; what comes beyond waits its turn.
- What has neither ended nor stopped when a server starts is taken up, from what its journal knows.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic

import msgspec

from app.kernel.clock import iso
from app.kernel.cloud import machine_ms
from app.kernel.store import Head, Store
from app.kind import Event, Json, Kind, Lines, O, T, Told, Work
from app.orders import KeyReused, Limit, TooMany, id_of, within
from workflows.on_loop import Leash
from workflows.port import PortFailed
from workflows.yaml_marks import InvalidFile

log = logging.getLogger("reseal.desk")

READERS: Final = 2  # threads that read orders of a kind: thousands of cells take seconds
READING_S_MAX: Final = 60.0  # of the files of one order
LOOK_S: Final = 1.0  # how often a follower looks for what another process wrote


class Bell:
    """Rung on the loop when there is something new to tell."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def ring(self) -> None:
        self.next.set()
        self.next = asyncio.Event()


@dataclass(slots=True)
class _Active:
    leash: Leash
    head: Head
    running: bool = False
    bell: Bell = field(default_factory=Bell)
    future: Future[None] = field(default_factory=Future)


class Desk(Generic[O, T]):
    """The orders of one kind. Used on the loop only, but for the threads that carry them out."""

    def __init__(self, store: Store, kind: Kind[O, T]) -> None:
        self.kind, self._store = kind, store
        self._threads = ThreadPoolExecutor(kind.limits.running, thread_name_prefix=kind.name)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix=f"reading a {kind.name}")
        self._active: dict[str, _Active] = {}
        self._reading = 0
        self._is_closing = threading.Event()

    # ordering

    async def start(self, order: O, key: str = "") -> tuple[Told, bool]:
        """Begin; answers what was begun, and whether it is new. With a `key` the same order again is the same one.

        InvalidFile, TooMany, KeyReused, and what else its kind refuses.
        """
        id = id_of(self.kind.name, order, key)
        if begun := self._begun(id, order):
            return begun, False
        within(self._at_once())
        self._reading += 1
        try:
            heads = await asyncio.to_thread(self.heads)
            within(self._limited(order, heads))
            task = await asyncio.get_running_loop().run_in_executor(self._readers, self._read, order)
        finally:
            self._reading -= 1
        if begun := self._begun(id, order):  # by another request, meanwhile
            return begun, False
        within((*self._limited(order, heads), *self.kind.sized(task, heads)))
        head = self._begin(id, order, task)
        self._submit(head, order, task)
        return self.told(head), True

    def take_up(self) -> list[str]:
        """Go on with all that was broken off; answers their ids."""
        found = [head for head in self.heads() if self.state(head) == "waiting" and head.run not in self._active]
        for head in found:
            self._submit(head, self._order(head))
        return [head.run for head in found]

    def resume(self, head: Head) -> None:
        """Go on with what stopped; nothing happens where it runs, or has ended."""
        if head.run not in self._active and self.state(head) in ("waiting", "stopped"):
            self._submit(head, self._order(head))

    def cancel(self, id: str) -> None:
        """Stop it as soon as it can be stopped; nothing happens where it does not run."""
        active = self._active.get(id)
        if active is None:
            return
        active.leash.stop("it was cancelled")
        if active.future.cancel():  # it waits for its turn, and need not wait to be stopped
            self._stop(active, self._order(active.head), active.leash.why)

    def drop(self, head: Head) -> None:
        """Forget it, and what it had to itself. ValueError before it has ended."""
        if head.run in self._active:
            raise ValueError
        self.kind.forgotten(head.run, head.world)
        self._store.journal(head.world).drop(head.run)

    def close(self) -> None:
        """Let go of everything where it is; each is taken up when the server is started again."""
        self._is_closing.set()
        for active in self._active.values():
            active.leash.close()
        for threads in (self._readers, self._threads):
            threads.shutdown(wait=False, cancel_futures=True)

    # telling

    def head(self, id: str) -> Head | None:
        """One statement; None for what is not known, or is of another kind."""
        head = self._store.head(id)
        is_ours = head and (head.world == self.kind.home if self.kind.home else not head.world.startswith("/"))
        return head if head and is_ours and _is_read(head) else None

    def heads(self, world: str = "") -> list[Head]:
        """Of all that is kept, or of what is in one world. One statement, on whichever thread."""
        return [head for head in self._store.heads(world or self.kind.home) if _is_read(head)]

    def lines(self, head: Head) -> list[Json]:
        return self._store.journal(head.world).entries(head.run)

    def told(self, head: Head) -> Told:
        first, last = head.first, head.last
        facts = {**first["facts"], **last.get("counts", {})}
        state = self.state(head)
        why = why_stopped(last) if state == "stopped" else ""
        return Told(head.run, head.world, facts.pop("scenario"), state, first["at"], why, facts)

    def state(self, head: Head) -> str:
        """A head may be older than what became of it; then the state is that of the head."""
        if head.run in self._active:
            return "running" if self._active[head.run].running else "waiting"
        if head.last["kind"] not in ("end", "stop"):
            return "waiting"
        if head.last["kind"] == "stop" or why_stopped(head.last):
            return "stopped"
        return "passed" if head.last["ok"] else "failed"

    def has_ended(self, head: Head) -> bool:
        return self.state(head) not in ("waiting", "running")

    def active_in(self, world: str) -> int:
        return sum(active.head.world == world for active in self._active.values())

    async def follow(self, head: Head, after: int = 0) -> AsyncIterator[Event]:
        """What is told of its lines as they are written, without events up to `after`, to its end."""
        journal, tell, seen = self._store.journal(head.world), self.kind.teller(), 0

        def news() -> list[Event]:
            nonlocal seen
            lines = journal.entries(head.run, seen)
            seen += len(lines)
            return [event for place, line in enumerate(lines, seen - len(lines) + 1) for event in tell(place, line)]

        while True:
            active, now = self._active.get(head.run), self.head(head.run)  # before lines are read: none is missed
            rung = active.bell.next if active else asyncio.Event()
            for event in await asyncio.to_thread(news):
                if event[0] > after:
                    yield event
            if now is None or self.has_ended(now):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), LOOK_S)

    # inside

    def _begun(self, id: str, order: O) -> Told | None:
        head = self.head(id)
        if head and head.first["asked"] != order.fingerprint:
            raise KeyReused
        return self.told(head) if head else None

    def _at_once(self) -> Iterable[Limit]:
        yield len(self._active) + self._reading + 1, self.kind.limits.waiting, f"{self.kind.name}s at once"

    def _limited(self, order: O, heads: list[Head]) -> Iterable[Limit]:
        yield len(heads) + 1, self.kind.limits.kept, f"{self.kind.name}s, old ones included; delete some"
        yield from self.kind.limited(order, heads, self.active_in)

    def _read(self, order: O) -> T:
        """In a thread."""
        return self.kind.read(order, self._going_on())

    def _going_on(self) -> Callable[[], None]:
        ends_at = time.monotonic() + READING_S_MAX

        def going_on() -> None:
            if self._is_closing.is_set():
                raise TooMany("the server ends")
            if time.monotonic() > ends_at:
                raise TooMany(f"this server takes at most {READING_S_MAX:g} s to check the files of one order")

        return going_on

    def _begin(self, id: str, order: O, task: T) -> Head:
        place = self.kind.place(id, order, task)
        ordered = {"asked": order.fingerprint, "at": iso(machine_ms()), "order": msgspec.to_builtins(order)}
        first = {"kind": "start", **ordered, "facts": self.kind.facts(task)}
        lines = (first, *self.kind.opening(task))
        try:
            self._store.journal(place).begin(id, *lines)
        except BaseException:
            self.kind.forgotten(id, place)
            raise
        return Head(id, place, len(lines), first, lines[-1])

    def _order(self, head: Head) -> O:
        return msgspec.convert(head.first["order"], self.kind.order)  # type: ignore[return-value]

    def _submit(self, head: Head, order: O, task: T | None = None) -> None:
        active = self._active[head.run] = _Active(Leash(self.kind.limits.seconds), head)
        loop, opened = asyncio.get_running_loop(), self.kind.opened(head.world)
        active.future = self._threads.submit(self._carry_out, active, order, task, opened, loop)
        active.future.add_done_callback(lambda done: soon(loop, lambda: self._left(head.run)))

    def _carry_out(
        self, active: _Active, order: O, task: T | None, opened: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        """In a thread."""
        id = active.head.run
        journal = self._lines(active, lambda: soon(loop, active.bell.ring))
        active.running = True
        active.leash.begin()
        try:
            task = task or self.kind.again(order, journal.entries(id), self._going_on())
            self.kind.carry_out(Work(id, order, task, journal, active.leash, opened, loop))
        except (PortFailed, TooMany) as failed:
            self._stop(active, order, str(failed))
        except InvalidFile as invalid:  # another version of reseal reads it differently
            self._stop(active, order, f"it can not be read: {invalid}")
        except Exception as error:  # a bug of ours, or a store that is gone: it says so, and has what it has
            log.exception("%s %s", self.kind.name, id)
            self._stop(active, order, f"{type(error).__name__}: {error}")

    def _stop(self, active: _Active, order: O, why: str) -> None:
        head = active.head
        self._lines(active, lambda: None).append(head.run, self.kind.stop(head.run, order, head.first, why))

    def _lines(self, active: _Active, tell: Callable[[], None]) -> Lines:
        journal = self._store.journal(active.head.world)
        counts = (journal.last(active.head.run) or {}).get("counts", {})
        return Lines(journal, counts, self.kind.counted, tell, active.leash)

    def _left(self, id: str) -> None:
        active = self._active.pop(id, None)
        if active:
            active.bell.ring()


def _is_read(head: Head) -> bool:
    """Is it in a form that this version reads?"""
    return "facts" in head.first and "order" in head.first


def why_stopped(last: Json) -> str:
    """Of a last line: of the desk's own, or of a runner's (`workflows.runner`)."""
    return last.get("stopped") or last.get("report", {}).get("stopped", "")


def soon(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    """From a thread: do it on the loop; nothing where that has been closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(act)
