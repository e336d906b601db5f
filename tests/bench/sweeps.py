"""How long sweeps take: the 135 cells of a share, and every guard at once, by workers and with and without sharing.

Bars: 135 cells under 3 s, about 10,000 cells of the five-step share in at most 60 s, both on two cores. Processor time
is shown beside the time on the clock: on a machine that does other things as well only that one is fair. The result is
shown by its hash, which is the same whoever has run it. `python tests/bench/sweeps.py [CELLS]` takes so many of them.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from app.services import all_services
from workflows.sweep.load import Sweep, load
from workflows.sweep.result import summary, to_json
from workflows.sweep.run import Options, run

SWEEPS = Path(__file__).parents[2] / "scenarios/sweeps"
ALONE_CELLS = 300  # are run by themselves too, which takes long

T = TypeVar("T")


def main(cells: int) -> None:
    for name in ("sharing-attributes", "keys-and-conditions", "every-guard"):
        clock, cpu, sweep = measured(lambda name=name: load(SWEEPS / f"{name}.reseal.yaml", all_services().operations))
        print(f"{name}: {len(sweep.cells):,} cells, read and checked in {clock:.1f} s ({cpu:.1f} s of processor time)")
        for workers in (1, 2, 8):
            report(first(sweep, cells), f"{workers} worker{'s' * (workers > 1)}", Options(workers=workers))
        for share in (True, False):
            how = f"{'shared' if share else 'each by itself'}, in this process"
            report(first(sweep, ALONE_CELLS), how, Options(workers=0, share=share))


def first(sweep: Sweep, cells: int) -> Sweep:
    return replace(sweep, cells=sweep.cells[:cells], order=tuple(each for each in sweep.order if each < cells))


def report(sweep: Sweep, how: str, options: Options) -> None:
    clock, cpu, results = measured(lambda: list(run(sweep, all_services, options)))
    whole = summary(sweep, results)
    lines = b"\n".join(msgspec.json.encode(to_json(each)) for each in (*results, whole))
    digest = hashlib.sha256(lines.replace(sweep.path.encode(), b"")).hexdigest()[:12]
    print(
        f"  {len(results):>6,} cells, {how:<32} {clock:6.1f} s, {cpu:6.1f} s of processor time, "
        f"{1000 * cpu / len(results):5.1f} ms a cell, result {digest}"
    )
    assert whole.ok, whole


def measured(act: Callable[[], T]) -> tuple[float, float, T]:
    """Seconds on the clock, seconds of processor time of this process and its children, and what came of it."""
    clock, before = time.perf_counter(), used()
    found = act()
    return time.perf_counter() - clock, used() - before, found


def used() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
