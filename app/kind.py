"""A kind of order: what the desk has to be told of it (`app.desk`), and what a thread is handed to carry one out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from app.kernel.cloud import machine_ms
from app.kernel.store import Head, KeptJournal
from app.orders import Limit, Order
from workflows.on_loop import Leash

O = TypeVar("O", bound=Order)  # noqa: E741 - what is ordered
T = TypeVar("T")  # what was read of its files

Json = dict[str, Any]
Event = tuple[int, str, Any]  # number, name, what is told as JSON
Teller = Callable[[int, Json], Iterable[Event]]  # a journal's line and its number -> what a follower hears of it


@dataclass(frozen=True, slots=True)
class Limits:
    running: int  # at once; what is ordered beyond waits its turn
    waiting: int  # ordered and not ended, in this server
    kept: int  # in all, old ones included
    seconds: float  # that one may take


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one order."""

    id: str
    world: str  # where its journal is
    scenario: str
    state: str  # waiting, running, passed, failed, stopped
    started_at: str
    stopped: str  # why it did not come to its end
    facts: Mapping[str, Any]  # what its kind tells beside


class Kind(Generic[O, T]):
    """What the desk has to be told of one kind of order. Methods are called on the loop where nothing else is said."""

    name: ClassVar[str]
    order: ClassVar[type[Order]]
    limits: ClassVar[Limits]
    home: ClassVar[str] = ""  # where its journals are, a name that no world can have; "": in worlds

    def read(self, order: O, going_on: Callable[[], None]) -> T:
        """In a thread: its files, checked. InvalidFile, TooMany, CanNotBe; `going_on` raises to end what takes long."""
        raise NotImplementedError

    def limited(self, order: O, heads: list[Head], active_in: Callable[[str], int]) -> Iterable[Limit]:
        """Its limits beside those of every kind."""
        return ()

    def sized(self, task: T, heads: list[Head]) -> Iterable[Limit]:
        """Limits that are known once it is read."""
        return ()

    def place(self, id: str, order: O, task: T) -> str:
        """Where its journal is to be; the world is made."""
        return self.home

    def facts(self, task: T) -> Json:
        """What the first line says of it: `scenario`, its name, and what is told of it as long as it is kept."""
        raise NotImplementedError

    def opening(self, task: T) -> Iterable[Json]:
        """Lines that follow the first one, and are kept together with it."""
        return ()

    def again(self, order: O, lines: list[Json], going_on: Callable[[], None]) -> T:
        """In a thread: what was read, when it is taken up."""
        return self.read(order, going_on)

    def opened(self, place: str) -> Any:
        """What of its place is handed to the thread."""
        return None

    def carry_out(self, work: Work[O, T]) -> None:
        """In a thread, to its `end`, from what the journal knows; PortFailed where it can not go on."""
        raise NotImplementedError

    def counted(self, before: Json, entry: Mapping[str, Any]) -> Json:
        """What was counted up to a line: what the line itself says, unless the kind counts lines."""
        return {**before, **entry.get("counts", {})}

    def stop(self, id: str, order: O, first: Json, why: str) -> Json:
        """The line of one that could not go on."""
        return {"kind": "stop", "ok": False, "stopped": why}

    def teller(self) -> Teller:
        """For one follower, who hears every line from the first on."""
        raise NotImplementedError

    def forgotten(self, id: str, place: str) -> None:
        """Let go of what it has beside its journal."""


class Lines:
    """The journal of one order as it is carried out: lines get their time and counts, and followers hear of each.

    What the end of a server cuts off is no stop.
    """

    def __init__(
        self, inner: KeptJournal, counts: Json, counted: Callable[[Json, Mapping[str, Any]], Json],
        tell: Callable[[], None], leash: Leash,
    ) -> None:  # fmt: skip
        self._inner, self._counts, self._counted, self._tell, self._leash = inner, counts, counted, tell, leash

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        if entry["kind"] == "stop" and self._leash.is_closing:
            return
        self._counts = self._counted(self._counts, entry)
        self._inner.append(run_id, {**entry, "counts": self._counts, "at_ms": machine_ms()})
        self._tell()

    def entries(self, run_id: str, after: int = 0) -> list[Json]:
        return self._inner.entries(run_id, after)

    def last(self, run_id: str) -> Json | None:
        return self._inner.last(run_id)

    def runs(self) -> list[str]:
        return self._inner.runs()


@dataclass(frozen=True, slots=True)
class Work(Generic[O, T]):
    """One order in the hands of its thread."""

    id: str
    order: O
    task: T
    journal: Lines
    leash: Leash
    opened: Any  # what `Kind.opened` gave
    loop: asyncio.AbstractEventLoop
