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
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.host import WORLD_NAME, WorldExists, Worlds
from app.kernel.clock import iso
from app.kernel.cloud import Cloud, machine_ms
from app.kernel.store import KeptJournal
from app.orders import Bell, KeyReused, Order, follow, id_of, sizes, soon, within
from workflows.transition import Report, report_from

if TYPE_CHECKING:
    from workflows.on_loop import Leash
    from workflows.reports import Finished
    from workflows.scenario import Scenario

log = logging.getLogger("reseal.runs")

Json = dict[str, Any]

RUNNING_MAX: Final = 4  # threads; what is started beyond waits its turn
WAITING_MAX: Final = 50  # started and not ended, in this server
WORLD_RUNNING_MAX: Final = 2  # at once in one world that is not a run's own
WORLD_RUNS_MAX: Final = 200  # kept in one world that is not a run's own
RUNS_MAX: Final = 1000  # kept in all
RUN_S_MAX: Final = 600.0
REPAIRS_S_MAX: Final = 2.0  # of one step


class RunOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    world: str = ""  # "": a fresh one
    repairs: bool = True


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
    bell: Bell = field(default_factory=Bell)


class Runs:
    """The runs of a server. Used on its loop only, but for the threads that carry runs out."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._threads = ThreadPoolExecutor(RUNNING_MAX, thread_name_prefix="run")
        self._active: dict[str, _Active] = {}
        self._world_of: dict[str, str] = {}

    # starting

    def start(self, order: RunOrder, key: str = "") -> tuple[Summary, bool]:
        """Begin a run; answers it, and whether it is new. With a `key` the same order again is the same run.

        InvalidFile where the scenario is not valid; TooMany, KeyReused, NoSuchWorld.
        """
        asked, run = order.fingerprint, id_of(order, key)
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
        found = {run: world for world in self._worlds.names() for run in self._worlds.runs_of(world)}
        self._world_of = found
        return sorted(found)

    def running_in(self, world: str) -> list[str]:
        return [run for run, active in self._active.items() if active.world == world]

    def knows(self, run: str) -> bool:
        """A run whose world was dropped is gone with it."""
        if run not in self._world_of:
            self.ids()
        return run in self._world_of and self._journal(run).last(run) is not None

    def summary(self, run: str) -> Summary:
        """KeyError for a run that is not known."""
        entries = self._journal(run).entries(run)
        report, start = report_from(entries), entries[0]
        steps = sum(entry["kind"] == "record" for entry in entries)
        stopped = report.stopped if report else ""
        return Summary(run, self._world_of[run], start["scenario"], self._state(run), start["at"], steps, stopped)

    async def finished(self, run: str) -> Finished | None:
        """What reports are made of; None while it runs."""
        entries = self._journal(run).entries(run)
        report = None if run in self._active else report_from(entries)
        if report is None:
            return None
        times = [entry["at_ms"] for entry in entries if "at_ms" in entry]
        seconds = (times[-1] - times[0]) / 1000 if times else 0.0
        return await asyncio.to_thread(self._finished, self._order(run), report, seconds)

    def graphs(self, run: str) -> dict[str, Json]:
        """Step -> the key graph after it, as node-link, of the steps taken so far; first "", before them all."""
        found: dict[str, Json] = {}
        for entry in self._journal(run).entries(run):
            if entry["kind"] in ("begin", "record"):
                told = entry.get("transition", entry)
                found[told.get("step", "")] = told["graph"]
        return found

    def follow(self, run: str, after: int = 0) -> AsyncIterator[tuple[int, Json]]:
        """The lines of a run's journal as they are written, each with its number, to its end."""
        journal = self._journal(run)

        def ended() -> bool:
            return run not in self._active and self._state(run) != "waiting"

        def bell() -> Bell | None:
            return self._active[run].bell if run in self._active else None

        return follow(lambda behind: journal.entries(run, behind), ended, bell, after)

    # inside

    def _finished(self, order: RunOrder, report: Report, seconds: float) -> Finished:
        """In a thread. Of a scenario that this version reads no longer, what the report alone tells."""
        from workflows.reports import Finished
        from workflows.session import workflow_of
        from workflows.yaml_marks import InvalidFile

        try:
            scenario = self._scenario(order)
        except InvalidFile:
            return Finished(report, seconds)
        return Finished.of(scenario, report, seconds, workflow_of(scenario, self._worlds.services))

    def _scenario(self, order: RunOrder) -> Scenario:
        from workflows.scenario import load
        from workflows.sources import Bundle

        return load(order.entry, self._worlds.services.operations, source=Bundle(order.files))

    def _within_limits(self, order: RunOrder, scenario: Scenario) -> None:
        runs = self.ids()
        here = [run for run in runs if self._world_of[run] == order.world]
        running = self.running_in(order.world)
        within(
            (
                *sizes(scenario),
                (len(self._active) + 1, WAITING_MAX, "runs at once"),
                (len(runs) + 1, RUNS_MAX, "runs, old ones included; delete some"),
                (len(running) + 1 if order.world else 0, WORLD_RUNNING_MAX, "runs at once in one world"),
                (
                    len(here) + 1 if order.world else 0,
                    WORLD_RUNS_MAX,
                    "runs in one world, old ones included; delete some",
                ),
            )
        )

    def _world(self, order: RunOrder, run: str, scenario: Scenario) -> str:
        from workflows.session import clock_of

        if order.world:
            if not WORLD_NAME.match(order.world) or self._worlds.get(order.world) is None:
                raise NoSuchWorld(order.world)
            return order.world
        try:
            self._worlds.create(run, seed=scenario.spec.seed, clock=clock_of(scenario))
        except WorldExists:  # of a run whose server was killed before its first line
            if self._worlds.runs_of(run):
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

    def _submit(self, run: str, order: RunOrder, scenario: Scenario) -> None:
        from workflows.on_loop import Leash

        active = self._active[run] = _Active(Leash(RUN_S_MAX), self._world_of[run])
        cloud = self._worlds.get(active.world)
        assert cloud is not None
        loop = asyncio.get_running_loop()
        future = self._threads.submit(self._carry_out, run, order, scenario, cloud, loop)
        future.add_done_callback(lambda done: soon(loop, lambda: self._left(run)))

    def _carry_out(
        self, run: str, order: RunOrder, scenario: Scenario, cloud: Cloud, loop: asyncio.AbstractEventLoop
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
        journal = _Told(self._journal(run), lambda: soon(loop, active.bell.ring), active.leash)
        mender = Mender(scenario, port, order.repairs, REPAIRS_S_MAX)
        try:
            runner(scenario, self._worlds.services, port, run=run, journal=journal, mend=mender).run()
        except Exception as error:  # a bug of ours, or a store that is gone: the run says so, and can be taken up
            log.exception("run %s", run)
            journal.append(run, _stop_line(run, scenario.spec.name, order, f"{type(error).__name__}: {error}"))

    def _left(self, run: str) -> None:
        active = self._active.pop(run, None)
        if active:
            active.bell.ring()

    def _state(self, run: str) -> str:
        if run in self._active:
            return "running" if self._active[run].running else "waiting"
        last = self._journal(run).last(run) or {}
        if last.get("kind") == "end":
            return "passed" if last["ok"] else "failed"
        return "stopped" if last.get("kind") == "stop" else "waiting"

    def _line(self, run: str) -> Json | None:
        """The first line of a run; None where it is not known."""
        return self._journal(run).entries(run)[0] if self.knows(run) else None

    def _order(self, run: str) -> RunOrder:
        line = self._line(run)
        assert line is not None
        return msgspec.convert(line["order"], RunOrder)

    def _journal(self, run: str) -> KeptJournal:
        return self._worlds.store.journal(self._world_of[run])


class _Told:
    """A journal of lines with their time, and whose followers hear of each. What a server's end cuts off is no stop."""

    def __init__(self, inner: KeptJournal, tell: Callable[[], None], leash: Leash) -> None:
        self._inner, self._tell, self._leash = inner, tell, leash

    def append(self, run_id: str, entry: Mapping[str, Any]) -> None:
        if entry["kind"] == "stop" and self._leash.is_closing:
            return
        self._inner.append(run_id, {**entry, "at_ms": machine_ms()})
        self._tell()

    def entries(self, run_id: str, after: int = 0) -> list[Json]:
        return self._inner.entries(run_id, after)

    def last(self, run_id: str) -> Json | None:
        return self._inner.last(run_id)

    def runs(self) -> list[str]:
        return self._inner.runs()


def _stop_line(run: str, name: str, order: RunOrder, why: str) -> Json:
    report = Report(run=run, scenario=name, file=order.entry, stopped=why)
    return {"kind": "stop", "ok": False, "files": {}, "report": msgspec.to_builtins(report)}
