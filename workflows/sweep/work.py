"""What a worker does: run a batch of cells, and never be lost with them.

A batch carries all that it needs and leaves nothing behind, so it can be run anywhere and any number of times, with
the same result. A cell that breaks a limit, or meets a bug of reseal, comes to that; the others of its batch go on.
In a process of our own the memory and each cell's processor time are limited; on somebody else's worker (dask) they
are not ours to limit.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from workflows.files import Files, Shelf
from workflows.matrix import Values
from workflows.scenario import Scenario, assembled
from workflows.sweep.load import SEED
from workflows.sweep.shared import Alike
from workflows.sweep.verdict import Happened, happened

if TYPE_CHECKING:
    from app.kernel.operation import Services

MEMORY_BYTES_MAX: Final = 4 << 30
CELL_SECONDS_MAX: Final = 30  # of processor time

_SILENT: Final = logging.NullHandler()  # one, as a process runs many batches

ServicesOf = Callable[[], "Services"]  # importable by name, since it is pickled
Done = tuple[int, Happened]


class TooLong(Exception):
    """A cell used up its processor time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells that are run together: number -> values."""

    path: str
    texts: Mapping[str, str]
    cells: Mapping[int, Values]
    services: ServicesOf
    share: bool = True

    def of(self, number: int) -> Batch:
        """One cell of it, as a batch of its own."""
        return Batch(self.path, self.texts, {number: self.cells[number]}, self.services, self.share)


def run(batch: Batch) -> list[Done]:
    """What became of every cell of a batch, in its order."""
    logging.getLogger("reseal").addHandler(_SILENT)
    shelf = Shelf(texts=batch.texts)
    scenarios = [_scenario(shelf, batch.path, cell) for cell in batch.cells.values()]
    alike = Alike(_services(batch.services), scenarios, share=batch.share)
    return [(number, _became(alike, place)) for place, number in enumerate(batch.cells) if not _here.stop.is_set()]


def _scenario(shelf: Shelf, path: str, cell: Values) -> Scenario:
    return assembled(Files(shelf, cell), path, None, seed=SEED, checked=True)


@cache
def _services(services: ServicesOf) -> Services:
    return services()


def _became(alike: Alike, place: int) -> Happened:
    try:
        with _within_time():
            return happened(alike.run(place))
    except TooLong:
        return Happened(stopped=f"it took more than {CELL_SECONDS_MAX} s of processor time")
    except MemoryError:
        return Happened(stopped=f"it needed more than {MEMORY_BYTES_MAX >> 30} GiB of memory")
    except Exception as error:  # a bug of ours is a result of this cell, and of no other
        return Happened(bug=f"{type(error).__name__}: {error}")


# --- a process of our own ---


@dataclass
class _Here:
    """What this process is."""

    stop: Any  # in a worker: the event of the one that began it
    limited: bool = False  # a worker of ours, within limits


_here = _Here(threading.Event())


def begin(stop: Any = None) -> None:
    """Make this process a worker: within limits, deaf to Ctrl-C (that is the parent's), gone when the parent is."""
    _here.stop, _here.limited = stop or _here.stop, True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGXCPU, _too_long)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, resource.getrlimit(resource.RLIMIT_AS)[1]))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong


@contextmanager
def _within_time() -> Generator[None, None, None]:
    """A limit of processor time for what is done inside, in a process of our own."""
    if not _here.limited:
        yield
        return
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CELL_SECONDS_MAX + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft if most < 0 else min(soft, most), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
