"""Running a sweep: the door for the command line, REST and tests.

    sweep = load(path, services.operations)
    for result in run(sweep, all_services, Options(workers=2)):
        ...                                  # cells in their order, each as soon as all before it are there
    print(text(sweep, summary(sweep, results)))

Results are the same for any number of workers, of whatever kind, and whatever becomes of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from workflows.sweep.load import Sweep
from workflows.sweep.pool import Cluster, Inline, Pool, Processes, Workers
from workflows.sweep.result import Result, judged
from workflows.sweep.verdict import Happened
from workflows.sweep.work import Batch, ServicesOf

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
    workers = _workers(sweep, options)
    pool = Pool(workers, _going_on(options))
    done: dict[int, Happened] = {}
    following = 0
    for batch in pool.run(batches(sweep, services, workers.count, share=options.share)):
        done |= dict(batch)
        options.finished(len(batch))
        while following in done:
            result = judged(sweep, following, done.pop(following))
            yield result
            following += 1
            if sweep.fail_fast and not result.ok:
                return
    assert following == len(sweep.cells), "every cell has a result"


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


def batches(sweep: Sweep, services: ServicesOf, workers: int, *, share: bool = True) -> list[Batch]:
    """The cells in the order in which they share most, cut into what a worker is given at once."""
    size = max(1, min(BATCH_CELLS, -(-len(sweep.order) // (workers * BATCHES_A_WORKER))))
    order = iter(sweep.order)
    cut: list[Batch] = []
    while numbers := list(islice(order, size)):
        cells = {number: sweep.values(number) for number in numbers}
        cut.append(Batch(sweep.path, sweep.texts, cells, services, share))
    return cut
