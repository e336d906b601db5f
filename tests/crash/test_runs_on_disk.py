"""A run whose process, or whose server, is killed at any point of any step ends as if undisturbed.

In process: the runner's process (world in SQLite, journal beside it) is killed with SIGKILL; another one takes the run
up. Over HTTP: the runner is broken off and the server is killed with SIGKILL; both start again. What is compared is the
normal form, evidence included.

One run of each workflow is killed at every point, one after the other: each process gets one point further than the
last one. RESEAL_SOAK=1 kills a run of its own at each point as well, and the server at each point of every workflow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.kernel.cloud import Cloud, new_world
from app.persistence.open import open_store
from app.services import all_services
from tests.crash.killed import (
    SHARE,
    SOAK,
    BrokenOff,
    Fault,
    break_off,
    die,
    every_point,
    happy,
    nth_time,
    set_up,
    undisturbed,
)  # fmt: skip
from tests.serving.servers import Server, free_port, start
from workflows import catalogue
from workflows.course import account_ids
from workflows.in_process import InProcess
from workflows.journal import FileJournal
from workflows.normal import normal
from workflows.port import Port
from workflows.runner import POINTS
from workflows.session import Options, in_memory_port, open_port, runner
from workflows.transition import Report

ALONE = [(name, *at) for name in catalogue.NAMES for at in every_point(name)] if SOAK else []


# in process, on SQLite


def run_on_disk(workflow: str, folder: Path, fault: Fault | None = None) -> Report:
    """Begin the run on a database, or take it up again."""
    services, scenario = all_services(), happy(workflow)
    store = open_store(f"sqlite:///{folder}/world.db", services.kinds)
    try:
        if store.load("run") is None:
            memory = in_memory_port(scenario, services)
            store.create(new_world("run", seed=scenario.spec.seed, clock=memory.cloud.world.clock))  # type: ignore[attr-defined]
        port = InProcess(Cloud(services, store, "run"), account_ids(scenario))
        return runner(scenario, services, port, journal=FileJournal(folder / "journal.jsonl"), fault=fault).run()
    finally:
        store.close()


def killed_on_disk(workflow: str, folder: Path, point: str, nth: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            run_on_disk(workflow, folder, nth_time(point, nth, die))
        finally:
            os._exit(1)  # it should have been killed
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the run ended before it was killed at {point}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory of a server or a run."""
    found = tmp_path / "data"
    found.mkdir()
    return found


@pytest.mark.parametrize("workflow", catalogue.NAMES)
def test_a_run_in_process_that_is_killed_at_every_point_ends_as_if_undisturbed(workflow: str, folder: Path) -> None:
    """Method: four processes a transition, each killed one point further on; the last one runs to the end."""
    for _, point in every_point(workflow):
        killed_on_disk(workflow, folder, point, 1)
    report = run_on_disk(workflow, folder)
    assert report.ok, report
    assert normal(report) == undisturbed(workflow)


@pytest.mark.parametrize(("workflow", "nth", "point"), ALONE)
def test_a_run_in_process_whose_process_is_killed_once_ends_as_if_undisturbed(
    workflow: str, nth: int, point: str, folder: Path
) -> None:
    killed_on_disk(workflow, folder, point, nth)
    report = run_on_disk(workflow, folder)
    assert report.ok, report
    assert normal(report) == undisturbed(workflow)


# over HTTP, the server killed too


class Serving:
    """A server on a database, that can be killed and started again at the same place."""

    def __init__(self, folder: Path) -> None:
        self._options = ("--database", f"sqlite:///{folder}/world.db")
        self._number = free_port()
        self.server: Server = start(*self._options, port=self._number)

    def kill(self) -> None:
        self.server.kill()

    def kill_and_start(self) -> None:
        self.kill()
        self.server = start(*self._options, port=self._number)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One for all workflows: each run has a world of its own on it."""
    folder = tmp_path_factory.mktemp("served") / "data"
    folder.mkdir()
    serving = Serving(folder)
    yield serving
    serving.kill()


def port_of(workflow: str, served: Serving) -> Port:
    return open_port(happy(workflow), all_services(), Options(endpoint=served.server.endpoint), run_id(workflow))


def run_id(workflow: str) -> str:
    return workflow.replace("_", "-")


def over_http(workflow: str, port: Port, journal: Path, fault: Fault | None = None) -> Report:
    run = runner(happy(workflow), all_services(), port, run=run_id(workflow), journal=FileJournal(journal), fault=fault)
    return run.run()


def kills_of_the_server(workflow: str, points: int) -> list[bool]:
    """At which of the points the server is killed too: the share at all, others after one effect."""
    if SOAK or workflow == SHARE:
        return [True] * points
    middle = points // 2 // len(POINTS) * len(POINTS) + POINTS.index("after-effect")
    return [at == middle for at in range(points)]


@pytest.mark.parametrize("workflow", catalogue.NAMES)
def test_a_run_over_http_that_is_broken_off_at_every_point_ends_as_if_undisturbed(
    workflow: str, served: Serving, tmp_path: Path
) -> None:
    """Method: each runner gets one point further than the last one; the server's process is killed in between."""
    journal, port = tmp_path / "journal.jsonl", port_of(workflow, served)
    points = every_point(workflow, after=set_up(workflow))
    first = set_up(workflow) + 1  # the set-up is passed in one go
    for (_, point), server_too in zip(points, kills_of_the_server(workflow, len(points)), strict=True):
        with pytest.raises(BrokenOff):
            over_http(workflow, port, journal, nth_time(point, first, break_off))
        first = 1
        if server_too:
            served.kill_and_start()
            port = port_of(workflow, served)
    report = over_http(workflow, port_of(workflow, served), journal)
    assert report.ok, report
    assert normal(report) == undisturbed(workflow)
