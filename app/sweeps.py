"""Sweeps that a server carries out.

A sweep needs no world of the server: each cell has one of its own in memory, in worker processes (few cells in a thread
of this one). What became of the cells is kept in this server's memory and is forgotten with it. A cell costs nothing to
run again, and the same order comes to the same bytes; so, unlike a run, a sweep has no journal and is not taken up.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from app.kernel.clock import iso
from app.kernel.cloud import machine_ms
from app.orders import Bell, KeyReused, Order, TooMany, follow, id_of, sizes, soon, within
from app.services import all_services

if TYPE_CHECKING:
    from workflows.scenario import Scenario
    from workflows.sweep.load import Sweep
    from workflows.sweep.result import Result, Summary
    from workflows.sweep.work import ServicesOf

log = logging.getLogger("reseal.sweeps")

RUNNING_MAX: Final = 2  # what is started beyond waits its turn
WAITING_MAX: Final = 10  # started and not ended
SWEEPS_MAX: Final = 100  # kept in all
CELLS_MAX: Final = 10_000  # of one sweep
CELLS_KEPT_MAX: Final = 100_000  # of all that are kept
READING_S_MAX: Final = 60.0  # every cell's scenario is checked before any is run
SWEEP_S_MAX: Final = 600.0
WORKERS_MAX: Final = 8
CELLS_FEW: Final = 20  # take less time than it takes to begin processes


class SweepOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workers: int = 0  # processes; 0: as many as suit it


@dataclass(frozen=True, slots=True)
class Told:
    sweep: str
    scenario: str
    state: str  # waiting, running, passed, failed, stopped
    started_at: str
    cells: int
    finished: int  # cells that have a result
    failed: int  # of these, not as expected
    stopped: str = ""  # why it did not come to its end


@dataclass(slots=True, eq=False)
class Kept:
    """A sweep in this server. Its thread adds results, in the order of the cells, and at last the whole."""

    sweep: Sweep
    asked: str
    workers: int
    started_at: str
    running: bool = False
    results: list[Result] = field(default_factory=list["Result"])
    failed: int = 0
    whole: Summary | None = None  # as soon as it has ended
    cancelled: threading.Event = field(default_factory=threading.Event)
    bell: Bell = field(default_factory=Bell)

    @property
    def state(self) -> str:
        if self.whole is None:
            return "running" if self.running else "waiting"
        return "stopped" if self.whole.ended else "passed" if self.whole.ok else "failed"

    def lines(self, after: int) -> Sequence[Result | Summary]:
        """The results behind the first so many, and after the last one the whole."""
        whole, results = self.whole, self.results[after:]
        return [*results, whole] if whole and after <= len(self.results) else results


class Sweeps:
    """The sweeps of a server. Used on its loop only, but for the threads that carry them out.

    `services` makes the services of each cell's cloud, and is importable by name: workers do so.
    """

    def __init__(self, services: ServicesOf = all_services) -> None:
        self._services, self._operations = services, services().operations
        self._threads = ThreadPoolExecutor(RUNNING_MAX, thread_name_prefix="sweep")
        self._kept: dict[str, Kept] = {}  # in the order in which they were begun
        self._reading = 0
        self._is_closing = threading.Event()

    # starting

    async def start(self, order: SweepOrder, key: str = "") -> tuple[Told, bool]:
        """Begin a sweep; answers it, and whether it is new. With a `key` the same order again is the same sweep.

        InvalidFile where the sweep, or the scenario of a cell, is not valid; TooMany, KeyReused.
        """
        asked, name = order.fingerprint, id_of(order, key)
        if self._began(name, asked):
            return self.told(name), False
        self._within_limits()
        sweep = await self._read(order)
        if self._began(name, asked):  # by another request, meanwhile
            return self.told(name), False
        self._within_limits(len(sweep.cells))
        kept = self._kept[name] = Kept(sweep, asked, order.workers or _workers(sweep), iso(machine_ms()))
        self._threads.submit(self._carry_out, name, kept, asyncio.get_running_loop())
        return self.told(name), True

    def cancel(self, name: str) -> None:
        """End it with the results that it has; nothing happens where it has ended."""
        self._kept[name].cancelled.set()

    def drop(self, name: str) -> None:
        """Forget it. ValueError before it has ended."""
        if self._kept[name].whole is None:
            raise ValueError
        del self._kept[name]

    def close(self) -> None:
        """End every sweep and its workers."""
        self._is_closing.set()
        for kept in self._kept.values():
            kept.cancelled.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # telling

    def names(self) -> list[str]:
        """The newest first."""
        return list(reversed(self._kept))

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def told(self, name: str) -> Told:
        """KeyError for a sweep that is not known."""
        kept = self._kept[name]
        stopped = kept.whole.ended if kept.whole else ""
        return Told(
            name, kept.sweep.name, kept.state, kept.started_at, len(kept.sweep.cells), len(kept.results), kept.failed,
            stopped,
        )  # fmt: skip

    def ended(self, name: str) -> tuple[Sweep, Sequence[Result], Summary] | None:
        """What reports are made of; None before it has ended."""
        kept = self._kept[name]
        return (kept.sweep, kept.results, kept.whole) if kept.whole else None

    def follow(self, name: str, after: int = 0) -> AsyncIterator[tuple[int, Result | Summary]]:
        """Results in the order of the cells, with their numbers, as soon as all before are there; then the whole."""
        kept = self._kept[name]
        return follow(kept.lines, lambda: kept.whole is not None, lambda: kept.bell, after)

    # inside

    def _began(self, name: str, asked: str) -> bool:
        if name in self._kept and self._kept[name].asked != asked:
            raise KeyReused
        return name in self._kept

    def _within_limits(self, cells: int = 0) -> None:
        going_on = sum(kept.whole is None for kept in self._kept.values())
        kept = sum(len(kept.sweep.cells) for kept in self._kept.values())
        within(
            (
                (going_on + self._reading + 1, WAITING_MAX, "sweeps at once"),
                (len(self._kept) + 1, SWEEPS_MAX, "sweeps, old ones included; delete some"),
                (kept + cells, CELLS_KEPT_MAX, "cells of sweeps, old ones included; delete some"),
            )
        )

    async def _read(self, order: SweepOrder) -> Sweep:
        """In a thread, as thousands of cells take seconds."""
        from workflows.sweep.load import load
        from workflows.sweep.matrix import TooManyCells

        def read() -> Sweep:
            from workflows.sources import Bundle

            source, look = Bundle(order.files), self._within_time_and_size(time.monotonic() + READING_S_MAX)
            return load(order.entry, self._operations, source=source, cells_max=CELLS_MAX, look=look)

        self._reading += 1
        try:
            return await asyncio.to_thread(read)
        except TooManyCells as found:
            raise TooMany(
                f"this server has at most {CELLS_MAX:,} cells in a sweep, not {found.cells:,}; exclude more, or take a "
                "sample (`sample: pairwise` or `sample: {random: 200}`)"
            ) from None
        finally:
            self._reading -= 1

    def _within_time_and_size(self, ends_at: float) -> Callable[[Scenario | None], None]:
        def look(scenario: Scenario | None) -> None:
            if self._is_closing.is_set():
                raise TooMany("the server ends")
            if time.monotonic() > ends_at:
                raise TooMany(f"this server takes at most {READING_S_MAX:g} s to check the cells of a sweep")
            if scenario:
                within(sizes(scenario))

        return look

    def _carry_out(self, name: str, kept: Kept, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: all cells, then the whole."""
        from workflows.sweep.result import summary

        kept.running = True
        try:
            ended = self._results(kept, loop)
        except Exception as error:  # a bug of ours: the sweep says so, and has the results that it has
            log.exception("sweep %s", name)
            ended = f"{type(error).__name__}: {error}"
        kept.whole = summary(kept.sweep, kept.results, ended)
        soon(loop, kept.bell.ring)

    def _results(self, kept: Kept, loop: asyncio.AbstractEventLoop) -> str:
        """Answers why it was ended early; "" where it was not."""
        from workflows.sweep.run import Options, SweepEnded, run

        if kept.cancelled.is_set():
            return "cancelled"
        options = Options(kept.workers, seconds=SWEEP_S_MAX, cancelled=kept.cancelled.is_set)
        try:
            with closing(run(kept.sweep, self._services, options)) as results:
                for result in results:
                    kept.results.append(result)
                    kept.failed += not result.ok
                    soon(loop, kept.bell.ring)
        except SweepEnded as early:
            return str(early)
        return ""


def _workers(sweep: Sweep) -> int:
    """0: a thread of this process."""
    return 0 if len(sweep.cells) <= CELLS_FEW else min(os.cpu_count() or 1, WORKERS_MAX)
