"""Runs of scenarios that a server carries out.

A run has its world (a fresh one of the run's own name, or one that is named), its journal in the store beside that
world, and while it runs a thread, whose calls happen on the server's loop (`workflows.on_loop`). All that is told of a
run is read from its journal, so any process of the store can tell it; a server that is started again takes up the runs
that it finds unfinished, and each step has its effect once.

    start   the order itself: files, world, and a hash that tells a repeated order from another under the same key
    begin, intent, record, stop, end      the runner's own lines (`workflows.runner`)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.host import WORLD_NAME, WorldExists, Worlds
from app.kernel.clock import Clock, iso
from app.kernel.cloud import Cloud, machine_ms
from app.kernel.store import KeptJournal
from workflows.transition import Report, report_from

if TYPE_CHECKING:
    from workflows.on_loop import Leash
    from workflows.scenario import Scenario

log = logging.getLogger("reseal.runs")

RUNNING_MAX: Final = 4  # threads; what is started beyond waits its turn
WAITING_MAX: Final = 50  # started and not ended, in this server
WORLD_RUNNING_MAX: Final = 2  # at once in one world that is not a run's own
WORLD_RUNS_MAX: Final = 200  # kept in one world that is not a run's own
RUNS_MAX: Final = 1000  # kept in all
RUN_S_MAX: Final = 600.0
STEPS_MAX: Final = 500
BLOCKS_MAX: Final = 256  # of all `data:` of a scenario: 128 MiB
REPAIRS_S_MAX: Final = 2.0  # of one step
LOOK_S: Final = 1.0  # how often a follower looks for lines that another process wrote


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be run: the entry of a bundle of files, all of them by name."""

    entry: str
    files: dict[str, str]
    world: str = ""  # "": a fresh one
    repairs: bool = True


class TooMany(Exception):
    """A limit is reached; the text says which."""


class KeyReused(Exception):
    """The idempotency key has been used with another order."""


class NoSuchWorld(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Summary:
    run: str
    world: str
    scenario: str
    state: str  # waiting, running, passed, failed, stopped
    started_at: str
    steps: int  # that were taken, set-up included
    stopped: str = ""  # why it could not go on


@dataclass(slots=True)
class _Active:
    leash: Leash
    world: str
    running: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Runs:
    """The runs of a server. Used on its loop only, but for the threads that carry runs out."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._threads = ThreadPoolExecutor(RUNNING_MAX, thread_name_prefix="run")
        self._active: dict[str, _Active] = {}
        self._world_of: dict[str, str] = {}

    # starting

    def start(self, order: Order, key: str = "") -> tuple[Summary, bool]:
        """Begin a run; answers it, and whether it is new. With a `key` the same order again is the same run.

        InvalidFile where the scenario is not valid; TooMany, KeyReused, NoSuchWorld.
        """
        asked = hashlib.sha256(msgspec.json.encode(order)).hexdigest()
        run = _run_id(order.entry, key)
        if (known := self._line(run)) is not None:
            if known["asked"] != asked:
                raise KeyReused
            return self.summary(run), False
        scenario = self._scenario(order)
        self._within_limits(order, scenario)
        world = self._world(order, run, scenario)
        line = {"kind": "start", "asked": asked, "at": iso(machine_ms()), "order": msgspec.to_builtins(order)}
        self._world_of[run] = world
        self._journal(run).append(run, line | {"scenario": scenario.spec.name})
        self._submit(run, order, scenario)
        return self.summary(run), True

    def take_up(self) -> list[str]:
        """Go on with every run that was broken off; answers their ids."""
        found = [run for run in self.ids() if run not in self._active and self._state(run) == "waiting"]
        return [run for run in found if self._resumed(run)]

    def resume(self, run: str) -> Summary:
        """Go on with a run that stopped; nothing happens where it runs, or has ended."""
        if run not in self._active and self._state(run) in ("waiting", "stopped"):
            self._resumed(run)
        return self.summary(run)

    def cancel(self, run: str) -> None:
        """Stop it after the call that it is at; nothing happens where it does not run."""
        if run in self._active:
            self._active[run].leash.stop("it was cancelled")

    def drop(self, run: str) -> None:
        """Forget a run, with its world if that is its own. ValueError while it runs."""
        if run in self._active:
            raise ValueError
        world = self._world_of.pop(run)
        if world == run:
            self._worlds.drop(world)
        else:
            self._worlds.store.journal(world).drop(run)

    def close(self) -> None:
        """Stop every run where it is; each is taken up when the server is started again."""
        for active in self._active.values():
            active.leash.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # telling

    def ids(self) -> list[str]:
        found = {run: world for world in self._worlds.names() for run in self._worlds.store.journal(world).runs()}
        self._world_of = found
        return sorted(found)

    def running_in(self, world: str) -> list[str]:
        return [run for run, active in self._active.items() if active.world == world]

    def knows(self, run: str) -> bool:
        return self._line(run) is not None

    def summary(self, run: str) -> Summary:
        """KeyError for a run that is not known."""
        entries = self._journal(run).entries(run)
        report, start = report_from(entries), entries[0]
        steps = sum(entry["kind"] == "record" for entry in entries)
        stopped = report.stopped if report else ""
        return Summary(run, self._world_of[run], start["scenario"], self._state(run), start["at"], steps, stopped)

    def report(self, run: str) -> Report | None:
        """None while it runs."""
        return None if run in self._active else report_from(self._journal(run).entries(run))

    def scenario(self, run: str) -> Scenario:
        return self._scenario(self._order(run))

    async def follow(self, run: str, after: int = 0) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        """The lines of a run's journal as they are written, each with its number, to its end."""
        journal = self._journal(run)
        while True:
            active = self._active.get(run)
            news = active.news if active else None
            for entry in journal.entries(run, after):
                after += 1
                yield after, entry
            if active is None and self._state(run) != "waiting":
                return
            try:
                await asyncio.wait_for(news.wait() if news else asyncio.sleep(LOOK_S), LOOK_S)
            except TimeoutError:
                continue

    # inside

    def _scenario(self, order: Order) -> Scenario:
        from workflows.scenario import load
        from workflows.sources import Bundle

        return load(order.entry, self._worlds.services.operations, source=Bundle(order.files))

    def _within_limits(self, order: Order, scenario: Scenario) -> None:
        steps = (*scenario.spec.given, *scenario.spec.steps)
        blocks = sum(step.data.blocks for step in steps if step.data)
        runs = self.ids()
        here = [run for run in runs if self._world_of[run] == order.world]
        running = [active for active in self._active.values() if active.world == order.world]
        for number, limit, what in (
            (len(steps), STEPS_MAX, "steps in a scenario"),
            (blocks, BLOCKS_MAX, "blocks of data in a scenario"),
            (len(self._active) + 1, WAITING_MAX, "runs at once"),
            (len(runs) + 1, RUNS_MAX, "runs, old ones included; delete some"),
            (len(running) + 1 if order.world else 0, WORLD_RUNNING_MAX, "runs at once in one world"),
            (len(here) + 1 if order.world else 0, WORLD_RUNS_MAX, "runs in one world, old ones included; delete some"),
        ):
            if number > limit:
                raise TooMany(f"this server has at most {limit} {what}")

    def _world(self, order: Order, run: str, scenario: Scenario) -> str:
        from workflows.format import CLOCKS

        if order.world:
            if not WORLD_NAME.match(order.world) or self._worlds.get(order.world) is None:
                raise NoSuchWorld(order.world)
            return order.world
        mode, settle = CLOCKS[scenario.spec.clock]
        clock = Clock(mode=mode, settle=settle)  # type: ignore[arg-type]
        try:
            self._worlds.create(run, seed=scenario.spec.seed, clock=clock)
        except WorldExists:  # of a run whose server was killed before its first line
            if self._worlds.store.journal(run).runs():
                raise
        return run

    def _resumed(self, run: str) -> bool:
        from workflows.yaml_marks import InvalidFile

        order = self._order(run)
        try:
            scenario = self._scenario(order)
        except InvalidFile as invalid:  # another version of reseal reads it differently
            self._journal(run).append(run, _stop_line(run, order.entry, order, f"it can not be read: {invalid}"))
            return False
        self._submit(run, order, scenario)
        return True

    def _submit(self, run: str, order: Order, scenario: Scenario) -> None:
        from workflows.on_loop import Leash

        active = self._active[run] = _Active(Leash(RUN_S_MAX), self._world_of[run])
        cloud = self._worlds.get(active.world)
        assert cloud is not None
        loop = asyncio.get_running_loop()
        future = self._threads.submit(self._carry_out, run, order, scenario, cloud, loop)
        future.add_done_callback(lambda done: _on(loop, lambda: self._left(run)))

    def _carry_out(
        self, run: str, order: Order, scenario: Scenario, cloud: Cloud, loop: asyncio.AbstractEventLoop
    ) -> None:
        """In a thread: the run, from its journal's end to its own."""
        from app.repair.run import Mender
        from workflows.course import account_ids
        from workflows.in_process import InProcess
        from workflows.on_loop import OnLoop
        from workflows.session import runner

        active = self._active[run]
        active.running = True
        active.leash.begin()
        port = OnLoop(InProcess(cloud, account_ids(scenario)), loop, active.leash)
        journal = _Told(self._journal(run), lambda: _on(loop, lambda: self._tell(active)), active.leash)
        mender = Mender(scenario, port, order.repairs, REPAIRS_S_MAX)
        try:
            runner(scenario, self._worlds.services, port, run=run, journal=journal, mend=mender).run()
        except Exception as error:  # a bug of ours, or a store that is gone: the run says so, and can be taken up
            log.exception("run %s", run)
            journal.append(run, _stop_line(run, scenario.spec.name, order, f"{type(error).__name__}: {error}"))

    def _tell(self, active: _Active) -> None:
        active.news.set()
        active.news = asyncio.Event()

    def _left(self, run: str) -> None:
        active = self._active.pop(run, None)
        if active:
            active.news.set()

    def _state(self, run: str) -> str:
        if run in self._active:
            return "running" if self._active[run].running else "waiting"
        last = self._journal(run).last(run) or {}
        if last.get("kind") == "end":
            return "passed" if last["ok"] else "failed"
        return "stopped" if last.get("kind") == "stop" else "waiting"

    def _line(self, run: str) -> dict[str, Any] | None:
        """The first line of a run; None where it is not known."""
        if run not in self._world_of:
            self.ids()
        return self._journal(run).entries(run)[0] if run in self._world_of else None

    def _order(self, run: str) -> Order:
        line = self._line(run)
        assert line is not None
        return msgspec.convert(line["order"], Order)

    def _journal(self, run: str) -> KeptJournal:
        return self._worlds.store.journal(self._world_of[run])


class _Told:
    """A journal whose followers hear of each line. What a server's end cuts off is no stop of the run."""

    def __init__(self, inner: KeptJournal, tell: Any, leash: Leash) -> None:
        self._inner, self._tell, self._leash = inner, tell, leash

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        if entry["kind"] == "stop" and self._leash.is_closing:
            return
        self._inner.append(run_id, entry)
        self._tell()

    def entries(self, run_id: str, after: int = 0) -> list[dict[str, Any]]:
        return self._inner.entries(run_id, after)

    def last(self, run_id: str) -> dict[str, Any] | None:
        return self._inner.last(run_id)

    def runs(self) -> list[str]:
        return self._inner.runs()


def _stop_line(run: str, name: str, order: Order, why: str) -> dict[str, Any]:
    report = Report(run=run, scenario=name, file=order.entry, stopped=why)
    return {"kind": "stop", "ok": False, "files": {}, "report": msgspec.to_builtins(report)}


def _on(loop: asyncio.AbstractEventLoop, act: Any) -> None:
    """Do it on the loop; nothing where that has been closed."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(act)


def _run_id(entry: str, key: str) -> str:
    """A name that a world can have: of the file, and drawn, or hashed from the idempotency key."""
    stem = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(entry).name.removesuffix(".reseal.yaml").lower()).strip("-")
    tail = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16] if key else secrets.token_hex(8)
    return f"{stem[:40] or 'run'}-{tail}"
