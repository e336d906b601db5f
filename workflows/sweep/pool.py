"""Running batches by workers, each exactly once in the result, whatever becomes of the workers.

The port is `concurrent.futures.Executor`: this process, a pool of processes, or a Dask cluster. When a worker dies,
the batches in its hands are run again. A batch that was lost twice is suspected: it is set apart and run with nothing
beside it, so that its next loss is its own doing; then its cells are run one by one, and the one with which a worker
dies again comes to that. Nothing is lost, and nothing stands twice in the result.
"""

# pyright: basic

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from workflows.port import PortFailed
from workflows.sweep import work
from workflows.sweep.verdict import Happened
from workflows.sweep.work import Batch, Done

LOSSES_MAX: Final = 2  # of a batch, until it is set apart
TICK_S: Final = 0.2  # how often somebody who wants to end it is listened to
CONNECT_S: Final = 10


class Workers(Protocol):
    count: int

    def open(self) -> Executor:
        """The executor to hand batches to; another one after it broke."""
        ...

    def lost(self, error: BaseException) -> bool:
        """Does the error say that a worker died, and not what became of a batch? Then `open` makes good for it."""
        ...

    def close(self) -> None:
        """End the workers; what they are at is not waited for."""
        ...


class Inline(Executor):
    """This process, one batch after another."""

    count = 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future

    def open(self) -> Executor:
        return self

    def lost(self, error: BaseException) -> bool:
        return False

    def close(self) -> None: ...


class Processes:
    """A pool of processes on this machine; spawned, so that no thread of the parent is forked."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._pool: ProcessPoolExecutor | None = None

    def open(self) -> Executor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.count, self._context, work.begin, (self._stop,))
        return self._pool

    def lost(self, error: BaseException) -> bool:
        if isinstance(error, BrokenExecutor):
            self._end()
            return True
        return False

    def close(self) -> None:
        self._stop.set()
        self._end()

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


class Cluster:
    """The workers of a Dask scheduler, which runs again by itself what a dead one had."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise PortFailed("a cluster needs dask.distributed: pip install 'reseal[dask]'") from None
        try:
            self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise PortFailed(f"{address} is no Dask scheduler: {error}") from None
        threads: Any = self._client.nthreads()
        self.count = max(1, sum(threads.values()))

    def open(self) -> Executor:
        return self._client.get_executor(pure=False)

    def lost(self, error: BaseException) -> bool:
        from distributed import CancelledError, KilledWorker

        return isinstance(error, (KilledWorker, CancelledError))

    def close(self) -> None:
        self._client.close(timeout=CONNECT_S)


@dataclass(eq=False, slots=True)
class _Task:
    batch: Batch
    lost: int = 0


@dataclass
class Pool:
    """Batches by workers. `going_on` is asked every now and then, and raises to end it all."""

    workers: Workers
    going_on: Callable[[], None]
    _apart: list[_Task] = field(default_factory=list)

    def run(self, batches: Sequence[Batch]) -> Iterator[list[Done]]:
        """What became of the cells, batch by batch as they are finished."""
        with self._ended():
            yield from self._together([_Task(batch) for batch in batches])
            while self._apart:
                yield from self._alone(self._apart.pop(0))

    @contextmanager
    def _ended(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.callback(self.workers.close)
            yield

    def _together(self, tasks: list[_Task]) -> Iterator[list[Done]]:
        """All tasks side by side, until none is left but those set apart."""
        while tasks:
            waiting = list(reversed(tasks))
            tasks = []
            executor = self.workers.open()
            running: dict[Future[list[Done]], _Task] = {}
            while waiting or running:
                broken = self._fill(executor, running, waiting)
                for future in self._finished(running):
                    task = running.pop(future)
                    error = future.exception()
                    if error is None:
                        yield future.result()
                    else:
                        self._again(task, error, tasks)
                        broken = broken or isinstance(error, BrokenExecutor)
                if broken:
                    tasks += reversed(waiting)
                    waiting = []

    def _fill(self, executor: Executor, running: dict[Future[list[Done]], _Task], waiting: list[_Task]) -> bool:
        """Hand out so many batches that no worker waits for one; answers whether the executor has broken."""
        while waiting and len(running) < self.workers.count + 1:
            try:
                future = executor.submit(work.run, waiting[-1].batch)
            except BrokenExecutor as error:
                return self.workers.lost(error)
            running[future] = waiting.pop()
        return False

    def _finished(self, running: dict[Future[list[Done]], _Task]) -> set[Future[list[Done]]]:
        self.going_on()
        return wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED).done if running else set()

    def _again(self, task: _Task, error: BaseException, tasks: list[_Task]) -> None:
        if not self.workers.lost(error):
            raise error
        task.lost += 1
        (self._apart if task.lost >= LOSSES_MAX else tasks).append(task)

    def _alone(self, task: _Task) -> Iterator[list[Done]]:
        """A suspect, with nothing beside it."""
        future = self.workers.open().submit(work.run, task.batch)
        while not wait([future], timeout=TICK_S).done:
            self.going_on()
        error = future.exception()
        if error is None:
            yield future.result()
        elif not self.workers.lost(error):
            raise error
        elif len(task.batch.cells) > 1:
            self._apart[:0] = [_Task(task.batch.of(number)) for number in task.batch.cells]
        else:
            number = next(iter(task.batch.cells))
            yield [(number, Happened(stopped="the worker process died, each time that it was run"))]
