"""The result of a sweep does not depend on who runs it: how many workers, of what kind, and which of them die.

200 cells in a normal run; RESEAL_SOAK=1 takes all of the large sweep that ships.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from app.services import all_services
from tests.sweep import hostile, small
from tests.sweep.conftest import result_bytes
from workflows.port import PortFailed
from workflows.sweep import work
from workflows.sweep.load import Sweep, load
from workflows.sweep.run import Options, SweepEnded, run

SOAK = bool(os.environ.get("RESEAL_SOAK"))
LARGE = "every-guard.reseal.yaml"


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """The large sweep that ships; outside of a soak 200 of its cells."""
    path = small.SWEEPS / LARGE if SOAK else small.sampled(LARGE, 200, tmp_path_factory.mktemp("sweep"))
    return load(path, all_services().operations)


@pytest.fixture(scope="session")
def undisturbed(large: Sweep) -> bytes:
    return result_bytes(large, workers=0)


def test_the_large_sweep_comes_to_what_its_verdicts_say(undisturbed: bytes) -> None:
    whole = json.loads(undisturbed.splitlines()[-1])
    assert (whole["ok"], whole["finished"]) == (True, 9720 if SOAK else 200)


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_any_number_of_workers_gives_the_same_bytes(large: Sweep, undisturbed: bytes, workers: int) -> None:
    assert result_bytes(large, workers=workers) == undisturbed


def test_a_killed_workers_cells_are_run_again(large: Sweep, undisturbed: bytes) -> None:
    """Method: SIGKILL to a worker as soon as the first batch is done, and once more when half of the cells are."""
    killer = Killer(after=(1, len(large.cells) // 2), victims=_children)
    assert result_bytes(large, workers=2, finished=killer) == undisturbed
    assert killer.killed == 2


class Killer:
    """Kills a worker each time that so many cells are done."""

    def __init__(self, after: tuple[int, ...], victims: Callable[[], list[int]]) -> None:
        self._after, self._victims = list(after), victims
        self._done = self.killed = 0

    def __call__(self, count: int) -> None:
        self._done += count
        if self._after and self._done >= self._after[0]:
            self._after.pop(0)
            os.kill(self._victims()[0], signal.SIGKILL)
            self.killed += 1


def _children() -> list[int]:
    """The workers that this test began."""
    return [process.pid for process in multiprocessing.active_children() if process.pid]


# --- what one cell can do to others ---


def spoilt(sweep: Callable[..., Sweep], what: str) -> Sweep:
    """Forty cells, in four of which a key is described so."""
    return sweep(small.many(40).replace("salt: [s0,", f"salt: [{what},"))


def outcomes(sweep: Sweep, **options: Any) -> dict[str, set[str]]:
    """What happened to the cells with each salt."""
    found: dict[str, set[str]] = {}
    for each in run(sweep, hostile.services, Options(**options)):
        found.setdefault(each.cell["salt"], set()).add(each.happened.stopped or each.happened.bug or "well")
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_a_cell_that_meets_a_bug_says_so_and_the_others_go_on(sweep: Callable[..., Sweep], workers: int) -> None:
    found = outcomes(spoilt(sweep, hostile.BUG), workers=workers)
    assert found.pop(hostile.BUG) == {"RuntimeError: a handler that breaks"}
    assert set.union(*found.values()) == {"well"}


def test_a_cell_with_which_every_worker_dies_is_found_out(sweep: Callable[..., Sweep]) -> None:
    """Neither does it take others with it, nor is it tried for ever. Method: it shares its batch with another."""
    text = small.FILE.partition("verdicts:")[0]
    text = text.replace("[Enabled, Disabled]", "[Enabled]").replace("[full, none]", "[full]")
    found = outcomes(sweep(text.replace("[a, b]", f"[{hostile.DEADLY}, b, c, d]")), workers=1)
    assert found.pop(hostile.DEADLY) == {"the worker process died, each time that it was run"}
    assert set.union(*found.values()) == {"well"}


def test_a_cell_that_never_ends_is_ended(sweep: Callable[..., Sweep], monkeypatch: pytest.MonkeyPatch) -> None:
    """S10: RLIMIT_CPU for each cell. Method: this process as a worker, with a limit of one second."""
    monkeypatch.setattr(work, "CELL_SECONDS_MAX", 0)
    monkeypatch.setattr(work._here, "limited", True)
    before = signal.signal(signal.SIGXCPU, work._too_long)
    try:
        found = outcomes(sweep(small.FILE.replace("salt: [a, b]", f"salt: [{hostile.ENDLESS}]")), workers=0)
    finally:
        signal.signal(signal.SIGXCPU, before)
    assert found == {hostile.ENDLESS: {"it took more than 0 s of processor time"}}


def test_workers_are_limited_in_memory_and_deaf_to_an_interrupt() -> None:
    """S10: RLIMIT_AS. Method: ask a worker."""
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, work.begin, (context.Event(),)) as pool:
        assert pool.submit(limits).result() == (work.MEMORY_BYTES_MAX, True)


def limits() -> tuple[int, bool]:
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0], signal.getsignal(signal.SIGINT) is signal.SIG_IGN


# --- ending early ---


@pytest.mark.parametrize("workers", [0, 2])
def test_a_cancelled_sweep_ends_with_what_it_has(sweep: Callable[..., Sweep], workers: int) -> None:
    """The door for REST. Method: cancelled after the first result."""
    results: list[Any] = []
    options = Options(workers=workers, cancelled=lambda: bool(results))
    with pytest.raises(SweepEnded, match="cancelled"):
        deque(map(results.append, run(sweep(small.many(400)), all_services, options)), maxlen=0)
    assert 0 < len(results) < 400
    assert _children() == []


def test_a_sweep_that_takes_too_long_is_ended(sweep: Callable[..., Sweep]) -> None:
    with pytest.raises(SweepEnded, match=r"more than 0\.01 s"):
        list(run(sweep(small.many(400)), all_services, Options(workers=0, seconds=0.01)))


def test_leaving_a_sweep_ends_its_workers(sweep: Callable[..., Sweep]) -> None:
    with closing(run(sweep(small.many(400)), all_services, Options(workers=2))) as results:
        assert next(results).number == 1
    assert _children() == []


def test_fail_fast_ends_at_the_first_cell_in_order_that_is_not_as_expected(sweep: Callable[..., Sweep]) -> None:
    """So the result is the same for any number of workers."""
    text = small.many(40).replace("strategy:\n", 'strategy:\n  fail-fast: "true"\n')
    wrong = sweep(text.replace("cause: D501", "cause: D502"))
    found = [[each.number for each in run(wrong, all_services, Options(workers=workers))] for workers in (0, 2)]
    assert found[0] == found[1] == list(range(1, 22))


# --- Dask ---


def test_a_dask_cluster_gives_the_same_bytes_with_a_worker_killed(large: Sweep, undisturbed: bytes) -> None:
    """Method: a local cluster of two processes; one is killed when the first batch is done."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster:
        killer = Killer(after=(1,), victims=lambda: [nanny.process.pid for nanny in cluster.workers.values()])
        assert result_bytes(large, cluster=cluster.scheduler_address, finished=killer) == undisturbed
        assert killer.killed == 1


def test_an_address_where_no_scheduler_is_can_not_be_used(
    sweep: Callable[..., Sweep], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.sweep.pool.CONNECT_S", 1)
    with pytest.raises(PortFailed, match="no Dask scheduler"):
        next(run(sweep(), all_services, Options(cluster="tcp://127.0.0.1:9")))
