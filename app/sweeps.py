"""Sweeps: a kind of order (`app.desk`).

A sweep needs no world of the server: each cell has one of its own in memory, always in a worker process, whose memory
and time are limited. Its journal belongs to no world:

    start, sweep    the order, and the sweep as it was read: what its cells need
    cells           what became of a batch of cells, in whatever order batches are done
    end, stop

Results are made of these lines (`workflows.sweep.run.Ordered`), so they are the same whoever tells them, and a sweep
that is taken up runs the cells that have no line yet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from app.kernel.store import Head
from app.kind import Event, Json, Kind, Limits, Teller, Work
from app.orders import Limit, Order, TooMany, sizes, within
from app.services import all_services
from workflows.sweep.ended import Swept
from workflows.sweep.load import Sweep
from workflows.sweep.result import Result, Summary, summary, to_json
from workflows.sweep.run import Options, Ordered, batches_done
from workflows.sweep.verdict import Happened

if TYPE_CHECKING:
    from workflows.scenario import Scenario
    from workflows.sweep.work import Done, ServicesOf

CELLS_MAX: Final = 10_000  # of one sweep
CELLS_KEPT_MAX: Final = 100_000  # of all that are kept
WORKERS_MAX: Final = 8
CELLS_A_WORKER: Final = 20  # take less time than it takes to begin another process


class SweepOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workers: int = 0  # processes; 0: as many as suit it


class Sweeps(Kind[SweepOrder, Sweep]):
    """`services` makes the services of each cell's cloud, and is importable by name: workers do so."""

    name, order, home = "sweep", SweepOrder, "/sweeps"
    limits = Limits(running=2, waiting=10, kept=100, seconds=600)

    def __init__(self, services: ServicesOf = all_services) -> None:
        self._services, self._operations = services, services().operations

    # ordering

    def read(self, order: SweepOrder, going_on: Callable[[], None]) -> Sweep:
        """Every cell's scenario is checked, which takes seconds where cells are thousands."""
        from workflows.sources import Bundle
        from workflows.sweep.load import load
        from workflows.sweep.matrix import TooManyCells

        def look(scenario: Scenario | None) -> None:
            going_on()
            if scenario:
                within(sizes(scenario))

        try:
            return load(order.entry, self._operations, source=Bundle(order.files), cells_max=CELLS_MAX, look=look)
        except TooManyCells as found:
            raise TooMany(
                f"this server has at most {CELLS_MAX:,} cells in a sweep, not {found.cells:,}; exclude more, or take a "
                "sample (`sample: pairwise` or `sample: {random: 200}`)"
            ) from None

    def sized(self, task: Sweep, heads: list[Head]) -> Iterable[Limit]:
        kept = sum(head.first["facts"]["cells"] for head in heads)
        yield kept + len(task.cells), CELLS_KEPT_MAX, "cells of sweeps, old ones included; delete some"

    def facts(self, task: Sweep) -> Json:
        return {"scenario": task.name, "cells": len(task.cells), "finished": 0, "failed": 0}

    def opening(self, task: Sweep) -> Iterable[Json]:
        yield {"kind": "sweep", "sweep": msgspec.to_builtins(task)}

    def again(self, order: SweepOrder, lines: list[Json], going_on: Callable[[], None]) -> Sweep:
        return Heard(lines).sweep

    # carrying out

    def carry_out(self, work: Work[SweepOrder, Sweep]) -> None:
        sweep, heard = work.task, Heard(work.journal.entries(work.id))
        ordered = heard.ordered

        def is_cancelled() -> bool:
            work.leash.check()
            return False

        options = Options(work.order.workers or _workers(sweep), cancelled=is_cancelled)
        with closing(batches_done(sweep, self._services, options, heard.known)) as batches:
            while not ordered.is_whole:
                batch = next(batches)
                ordered.take(batch)
                counts = {"finished": len(ordered.results), "failed": ordered.failed}
                work.journal.append(work.id, {"kind": "cells", "cells": msgspec.to_builtins(batch), "counts": counts})
        work.journal.append(work.id, {"kind": "end", "ok": not ordered.failed})

    # telling

    def teller(self) -> Teller:
        heard = Heard()

        def tell(number: int, line: Json) -> Iterable[Event]:
            """Numbered as the cells are."""
            for result in heard.hear(line):
                yield result.number, "cell", to_json(result)
            if heard.whole:
                yield len(heard.ordered.results) + 1, "end", to_json(heard.whole)

        return tell

    def ended(self, lines: list[Json]) -> Swept | None:
        """What reports are made of, in a thread; None before it has ended."""
        heard = Heard(lines)
        return Swept(heard.sweep, heard.ordered.results, heard.whole) if heard.whole else None


class Heard:
    """What the lines of a sweep's journal tell, one after the other."""

    sweep: Sweep
    ordered: Ordered

    def __init__(self, lines: Iterable[Json] = ()) -> None:
        self.known: set[int] = set()  # cells that are done
        self.whole: Summary | None = None
        for line in lines:
            self.hear(line)

    def hear(self, line: Json) -> Sequence[Result]:
        """The results that a line completes, in order."""
        match line["kind"]:
            case "sweep":
                self.sweep = msgspec.convert(line["sweep"], Sweep)
                self.ordered = Ordered(self.sweep)
            case "cells":
                cells: list[Done] = msgspec.convert(line["cells"], list[tuple[int, Happened]])
                self.known.update(number for number, _ in cells)
                return self.ordered.take(cells)
            case "end" | "stop":
                self.whole = summary(self.sweep, self.ordered.results, line.get("stopped", ""))
            case _:
                pass
        return ()


def _workers(sweep: Sweep) -> int:
    return max(1, min(os.cpu_count() or 1, WORKERS_MAX, len(sweep.cells) // CELLS_A_WORKER))
