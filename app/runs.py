"""Runs of scenarios: a kind of order (`app.desk`).

A run has its world (a fresh one of the run's own name, or one that is named) and its journal beside that world. Its
thread reads, judges and waits; each call is a turn of the server's loop (`workflows.on_loop`). Taken up again, each
step has its effect once (`workflows.runner`, whose lines are `begin`, `intent`, `record`, `end` and `stop`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.host import WORLD_NAME, WorldExists, Worlds
from app.kernel.cloud import Cloud
from app.kernel.store import Head
from app.kind import Event, Json, Kind, Limits, Teller, Work
from app.orders import Limit, Order, sizes, within
from workflows.transition import Report, report_from

if TYPE_CHECKING:
    from workflows.reports import Finished
    from workflows.scenario import Scenario

WORLD_RUNNING_MAX: Final = 2  # at once in one world that is not a run's own
WORLD_RUNS_MAX: Final = 200  # kept in one world that is not a run's own


class RunOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    world: str = ""  # "": a fresh one
    repairs: bool = True


class NoSuchWorld(Exception):
    pass


class Runs(Kind[RunOrder, "Scenario"]):
    name, order = "run", RunOrder
    limits = Limits(running=4, waiting=50, kept=1000, seconds=600)

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds

    # ordering

    def read(self, order: RunOrder, going_on: Callable[[], None]) -> Scenario:
        from workflows.scenario import load
        from workflows.sources import Bundle

        scenario = load(order.entry, self._worlds.services.operations, source=Bundle(order.files))
        within(sizes(scenario))
        return scenario

    def limited(self, order: RunOrder, heads: list[Head], active_in: Callable[[str], int]) -> Iterable[Limit]:
        if order.world:
            here = sum(head.world == order.world for head in heads)
            yield active_in(order.world) + 1, WORLD_RUNNING_MAX, "runs at once in one world"
            yield here + 1, WORLD_RUNS_MAX, "runs in one world, old ones included; delete some"

    def place(self, id: str, order: RunOrder, task: Scenario) -> str:
        """NoSuchWorld, where one is named."""
        from workflows.session import clock_of

        if order.world:
            if not WORLD_NAME.match(order.world) or self._worlds.get(order.world) is None:
                raise NoSuchWorld(order.world)
            return order.world
        try:
            self._worlds.create(id, seed=task.spec.seed, clock=clock_of(task))
        except WorldExists:  # of a run whose server was killed before its first line
            if self._worlds.store.heads(id):
                raise
        return id

    def facts(self, task: Scenario) -> Json:
        return {"scenario": task.spec.name, "steps": 0}

    def forgotten(self, id: str, place: str) -> None:
        if place == id:
            self._worlds.drop(id)

    # carrying out

    def opened(self, place: str) -> Cloud | None:
        return self._worlds.get(place)

    def carry_out(self, work: Work[RunOrder, Scenario]) -> None:
        from app.repair.run import Mender
        from workflows.course import account_ids
        from workflows.in_process import InProcess
        from workflows.on_loop import OnLoop
        from workflows.session import runner

        scenario, services = work.task, self._worlds.services
        port = OnLoop(InProcess(work.opened, account_ids(scenario)), work.loop, work.leash)
        mender = Mender(scenario, port, work.order.repairs)
        runner(scenario, services, port, run=work.id, journal=work.journal, mend=mender).run()

    def counted(self, before: Json, entry: Mapping[str, Any]) -> Json:
        """The steps that were taken, set-up included."""
        return {"steps": before.get("steps", 0) + (entry["kind"] == "record")}

    def stop(self, id: str, order: RunOrder, first: Json, why: str) -> Json:
        """As the runner writes it."""
        report = Report(run=id, scenario=first["facts"]["scenario"], file=order.entry, stopped=why)
        return {"kind": "stop", "ok": False, "files": {}, "report": msgspec.to_builtins(report)}

    # telling

    def teller(self) -> Teller:
        return _told

    def finished(self, lines: list[Json]) -> Finished | None:
        """What reports are made of, in a thread; None of a run that has not ended.

        Of a scenario that this version reads no longer, what its report alone tells.
        """
        from workflows.reports import Finished
        from workflows.session import workflow_of
        from workflows.yaml_marks import InvalidFile

        report = report_from(lines)
        if report is None:
            return None
        times = [line["at_ms"] for line in lines if "at_ms" in line]
        seconds = (times[-1] - times[0]) / 1000 if times else 0.0
        try:
            scenario = self.read(msgspec.convert(lines[0]["order"], RunOrder), lambda: None)
        except InvalidFile:
            return Finished(report, seconds)
        return Finished.of(scenario, report, seconds, workflow_of(scenario, self._worlds.services))


def graphs(lines: list[Json]) -> dict[str, Json]:
    """Step -> the key graph after it, as node-link, of the steps taken so far; first "", before them all."""
    told = (line.get("transition", line) for line in lines if line["kind"] in ("begin", "record"))
    return {each.get("step", ""): each["graph"] for each in told}


def _told(number: int, line: Json) -> Iterable[Event]:
    """A line, without the files that were sent, and without graphs, which have a route of their own."""
    hidden = ("kind", "order", "asked", "facts", "counts", "files", "graph")
    kept = {name: value for name, value in line.items() if name not in hidden}
    if line["kind"] == "start":
        kept["scenario"] = line["facts"]["scenario"]
    for part in ("transition", "report"):
        if part in kept:
            kept[part] = {name: value for name, value in kept[part].items() if name not in ("graph", "files")}
    yield number, line["kind"], kept
