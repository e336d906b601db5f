"""Running a sweep: the door for the command line, REST and tests.

    sweep = load(path, services.operations)
    for result in run(sweep, all_services, Options(workers=2)):
        ...                                  # cells in their order, each as soon as all before it are there
    print(text(sweep, summary(sweep, results)))

What must outlive its process keeps what `batches_done` gives, and hands it in as `known` when it goes on; `Ordered`
makes results of it, then or later.

Results are the same for any number of workers, of whatever kind, and whatever becomes of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Final

from workflows.sweep.load import Sweep
from workflows.sweep.pool import Cluster, Inline, Pool, Processes, Workers
from workflows.sweep.result import Result, judged
from workflows.sweep.verdict import Happened
from workflows.sweep.work import Batch, Done, ServicesOf

BATCH_CELLS: Final = 50  # a task costs a scheduler about 2 ms, a cell the same or more
BATCHES_A_WORKER: Final = 3  # at least, so that none waits long for the last


class SweepEnded(Exception):
    """A sweep was ended before its last cell: it took too long, or somebody cancelled it."""


def never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Options:
    """How a sweep is run."""

    workers: int = 1  # processes; 0: this process, without limits of memory and time
    cluster: str = ""  # address of a Dask scheduler, instead of processes
    seconds: float = 0  # that the whole may take; 0: as long as it takes
    cancelled: Callable[[], bool] = never  # asked several times a second
    finished: Callable[[int], None] = lambda count: None  # told how many more cells are done, in any order
    share: bool = True  # run what cells have in common once; without, each by itself (to the same result)


def run(sweep: Sweep, services: ServicesOf, options: Options = Options()) -> Generator[Result, None, None]:
    """The results of a sweep's cells, in order; with `fail-fast: true` up to the first that is not as expected.

    Raises SweepEnded, and PortFailed where the cluster can not be used. Closing the iterator ends the workers.
    `services` makes the services of a cloud, and is importable by name: workers do so.
    """
    ordered = Ordered(sweep)
    with closing(batches_done(sweep, services, options)) as found:
        for batch in found:
            options.finished(len(batch))
            yield from ordered.take(batch)
            if ordered.is_whole:
                return
    assert ordered.is_whole, "every cell has a result"


def batches_done(
    sweep: Sweep, services: ServicesOf, options: Options, known: Container[int] = ()
) -> Generator[list[Done], None, None]:
    """What became of the cells that are not `known`, as batches are done, in any order. Raises as `run` does."""
    workers = _workers(sweep, options)
    left = batches(sweep, services, workers.count, share=options.share, known=known)
    yield from Pool(workers, _going_on(options)).run(left)


class Ordered:
    """The results in order, each as soon as all before it are there; with `fail-fast: true` to the first that fails."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._done: dict[int, Happened] = {}
        self.results: list[Result] = []
        self.failed = 0

    @property
    def is_whole(self) -> bool:
        return len(self.results) == len(self._sweep.cells) or bool(self._sweep.fail_fast and self.failed)

    def take(self, batch: Iterable[Done]) -> list[Result]:
        """Those that follow what was there, with this batch."""
        self._done |= dict(batch)
        before = len(self.results)
        while not self.is_whole and (following := len(self.results)) in self._done:
            result = judged(self._sweep, following, self._done.pop(following))
            self.results.append(result)
            self.failed += not result.ok
        return self.results[before:]


def _workers(sweep: Sweep, options: Options) -> Workers:
    if options.cluster:
        return Cluster(options.cluster)
    return Processes(min(options.workers, len(sweep.cells))) if options.workers else Inline()


def _going_on(options: Options) -> Callable[[], None]:
    ends_at = time.monotonic() + options.seconds

    def going_on() -> None:
        if options.cancelled():
            raise SweepEnded("cancelled")
        if options.seconds and time.monotonic() > ends_at:
            raise SweepEnded(f"it took more than {options.seconds:g} s")

    return going_on


def batches(
    sweep: Sweep, services: ServicesOf, workers: int, *, share: bool = True, known: Container[int] = ()
) -> list[Batch]:
    """The cells in the order in which they share most, cut into what a worker is given at once."""
    size = max(1, min(BATCH_CELLS, -(-len(sweep.order) // (workers * BATCHES_A_WORKER))))
    order = (number for number in sweep.order if number not in known)
    cut: list[Batch] = []
    while numbers := list(islice(order, size)):
        cells = {number: sweep.values(number) for number in numbers}
        cut.append(Batch(sweep.path, sweep.texts, cells, services, share))
    return cut
