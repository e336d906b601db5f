"""Explorations: a kind of order (`app.desk`).

Every order of a scenario's calls is searched (`workflows.explore`) in a worker process of its own, within limits of
memory, states and time, so that the server's loop is never held. Its journal belongs to no world:

    start       the order
    progress    states found so far, once a second
    report      what was found, in the forms that are told
    end, stop

A search keeps no state of its own on disk: taken up, it begins again, and comes to the same.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from app.kind import Event, Json, Kind, Limits, Teller, Work
from app.orders import CanNotBe, Order, sizes, within
from app.services import all_services
from workflows.explore.search import STATES_MAX
from workflows.port import PortFailed
from workflows.sweep.work import MEMORY_BYTES_MAX, begin

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from workflows.explore.search import Found
    from workflows.explore.session import Explored
    from workflows.scenario import Scenario
    from workflows.sweep.work import ServicesOf

SECONDS_MAX: Final = 600  # of a search; then it tells what it has found
REPORT_S_MAX: Final = 60  # more, for the set-up and the report
PROGRESS_S: Final = 1.0
TICK_S: Final = 0.2  # how often somebody who wants to end it is listened to


class ExplorationOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    disturbances: list[str] | None = None  # None: those that the scenario declares
    states: int = STATES_MAX
    seconds: int = SECONDS_MAX


class Explorations(Kind[ExplorationOrder, "Scenario"]):
    """`services` makes the services of the explored cloud, and is importable by name: the worker does so."""

    name, order, home = "exploration", ExplorationOrder, "/explorations"
    limits = Limits(running=1, waiting=10, kept=100, seconds=SECONDS_MAX + REPORT_S_MAX)

    def __init__(self, services: ServicesOf = all_services) -> None:
        self._services_of, self._services = services, services()

    # ordering

    def read(self, order: ExplorationOrder, going_on: Callable[[], None]) -> Scenario:
        """CanNotBe where the scenario can not be explored, or not with these disturbances."""
        from workflows.explore import disturb
        from workflows.explore.tracks import CannotExplore, plan
        from workflows.session import workflow_of

        scenario = _load(order, self._services_of)
        within(sizes(scenario))
        try:
            plan(scenario, workflow_of(scenario, self._services), disturb.chosen(scenario, _names(order)))
        except CannotExplore as error:
            raise CanNotBe(str(error)) from None
        return scenario

    def facts(self, task: Scenario) -> Json:
        return {"scenario": task.spec.name, "states": 0, "ends": 0, "surprises": 0, "cut": ""}

    # carrying out

    def carry_out(self, work: Work[ExplorationOrder, Scenario]) -> None:
        with _worker(work.order, self._services_of) as told:
            while True:
                work.leash.check()
                if not told.poll(TICK_S):
                    continue
                try:
                    line: Json = told.recv()
                except EOFError:
                    raise PortFailed("the worker process died") from None
                work.journal.append(work.id, line)
                if line["kind"] in ("end", "stop"):
                    return

    # telling

    def teller(self) -> Teller:
        return _told


def report(lines: list[Json]) -> Json | None:
    """Form -> text, as `reseal explore` prints it; None of one that has found nothing."""
    return next((line for line in reversed(lines) if line["kind"] == "report"), None)


def _told(number: int, line: Json) -> Iterable[Event]:
    match line["kind"]:
        case "start":
            yield number, "start", {"scenario": line["facts"]["scenario"], "at": line["at"]}
        case "progress" | "end" | "stop" as name:
            said = {key: value for key, value in line.items() if key in ("ok", "stopped", "at_ms")}
            yield number, name, {**line["counts"], **said}
        case _:
            pass


# --- in the worker ---


@contextmanager
def _worker(order: ExplorationOrder, services: ServicesOf) -> Iterator[Connection]:
    """A process that tells lines, killed when it is left; spawned, so that no thread of the server is forked."""
    context = multiprocessing.get_context("spawn")
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=_explore, args=(tell, order, services), daemon=True)
    process.start()
    tell.close()
    try:
        yield told
    finally:
        process.kill()
        process.join()
        told.close()


def _explore(tell: Connection, order: ExplorationOrder, services: ServicesOf) -> None:
    from workflows.explore.tracks import CannotExplore

    begin()
    try:
        for line in _lines(tell, order, services):
            tell.send(line)
    except CannotExplore as error:
        tell.send(_stop(str(error)))
    except MemoryError:
        tell.send(_stop(f"it needed more than {MEMORY_BYTES_MAX >> 30} GiB of memory"))
    except Exception as error:  # a bug of ours: the exploration says so
        tell.send(_stop(f"{type(error).__name__}: {error}"))


def _stop(why: str) -> Json:
    return {"kind": "stop", "ok": False, "stopped": why}


def _lines(tell: Connection, order: ExplorationOrder, services: ServicesOf) -> Iterator[Json]:
    from workflows.explore.report import as_json, as_text
    from workflows.explore.search import Limits as SearchLimits
    from workflows.explore.session import explore

    scenario, limits = _load(order, services), SearchLimits(order.states, order.seconds)
    explored = explore(scenario, services(), _names(order), limits, _watch(tell))
    yield {"kind": "report", "json": as_json(explored), "text": as_text(explored)}
    yield _end(explored)


def _end(explored: Explored) -> Json:
    cut, verdict = explored.found.cut, explored.verdict
    counts = {
        "states": explored.found.states, "ends": len(verdict.rows), "surprises": len(verdict.surprises), "cut": cut
    }  # fmt: skip
    stopped = f"the search was ended by its limit of {cut}" if cut and explored.ok else ""
    return {"kind": "end", "ok": explored.ok, "stopped": stopped, "counts": counts}


def _watch(tell: Connection) -> Callable[[Found, int], None]:
    said = time.monotonic()

    def watch(found: Found, waiting: int) -> None:
        nonlocal said
        if time.monotonic() - said > PROGRESS_S:
            said = time.monotonic()
            tell.send({"kind": "progress", "counts": {"states": found.states}})

    return watch


def _load(order: ExplorationOrder, services: ServicesOf) -> Scenario:
    from workflows.scenario import load
    from workflows.sources import Bundle

    return load(order.entry, services().operations, source=Bundle(order.files))


def _names(order: ExplorationOrder) -> tuple[str, ...] | None:
    return None if order.disturbances is None else tuple(order.disturbances)
