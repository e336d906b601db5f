"""A run whose process, or whose server, is killed at any point of any step ends as if undisturbed.

In process: the runner's process (world in SQLite, journal beside it) is killed with SIGKILL; another one takes the run
up. Over HTTP: the runner is broken off and the server is killed with SIGKILL; both start again. What is compared is the
normal form, evidence included.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from app.kernel.cloud import Cloud, new_world
from app.persistence.open import open_store
from app.services import all_services
from tests.serving.servers import Server, free_port, start
from workflows import reports as shown
from workflows.course import account_ids
from workflows.in_process import InProcess
from workflows.journal import FileJournal
from workflows.normal import normal
from workflows.over_http import OverHttp
from workflows.runner import POINTS
from workflows.scenario import Scenario, load
from workflows.session import Options, in_memory_port, open_port, runner
from workflows.transition import Report

HAPPY = Path(__file__).parents[2] / "scenarios/sharing/happy-path.reseal.yaml"
GIVEN, STEPS = 3, 5  # set-up steps, then the five of the share


@cache
def happy() -> Scenario:
    return load(str(HAPPY), all_services().operations)


@cache
def undisturbed() -> object:
    return normal(runner(happy(), all_services(), in_memory_port(happy(), all_services())).run())


def nth_time(point: str, nth: int, then: Callable[[], None]) -> Callable[[str], None]:
    """A fault that does something when the run passes `point` for the nth time."""
    passed = []

    def fault(here: str) -> None:
        passed.append(here)
        if here == point and passed.count(point) == nth:
            then()

    return fault


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# in process, on SQLite


def run_on_disk(folder: Path, fault: Callable[[str], None] | None = None) -> Report:
    """Begin the run on a database, or take it up again."""
    services = all_services()
    store = open_store(f"sqlite:///{folder}/world.db", services.kinds)
    try:
        if store.load("run") is None:
            memory = in_memory_port(happy(), services)
            store.create(new_world("run", seed=happy().spec.seed, clock=memory.cloud.world.clock))  # type: ignore[attr-defined]
        port = InProcess(Cloud(services, store, "run"), account_ids(happy()))
        return runner(happy(), services, port, journal=FileJournal(folder / "journal.jsonl"), fault=fault).run()
    finally:
        store.close()


def killed_on_disk(folder: Path, point: str, nth: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            run_on_disk(folder, nth_time(point, nth, die))
        finally:
            os._exit(1)  # it should have been killed
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the run ended before it was killed"


@pytest.mark.parametrize("nth", range(1, GIVEN + STEPS + 1))
@pytest.mark.parametrize("point", POINTS)
def test_a_run_in_process_whose_process_is_killed_ends_as_if_undisturbed(tmp_path: Path, point: str, nth: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    killed_on_disk(folder, point, nth)
    report = run_on_disk(folder)
    assert report.ok, shown.as_text(report)
    assert normal(report) == undisturbed()


# over HTTP, the server killed too


class BrokenOff(Exception):
    """Stands for the end of the runner's process."""


def break_off() -> None:
    raise BrokenOff


def over_http(server: Server, journal: Path, fault: Callable[[str], None] | None = None) -> Report:
    services = all_services()
    port = open_port(happy(), services, Options(endpoint=server.endpoint), "crashed")
    assert isinstance(port, OverHttp)
    return runner(happy(), services, port, run="crashed", journal=FileJournal(journal), fault=fault).run()


@pytest.mark.parametrize("nth", range(GIVEN + 1, GIVEN + STEPS + 1))
@pytest.mark.parametrize("point", POINTS)
def test_a_run_whose_server_is_killed_too_ends_as_if_undisturbed(tmp_path: Path, point: str, nth: int) -> None:
    database, number = f"sqlite:///{tmp_path}/data/world.db", free_port()
    server = start("--database", database, port=number)
    try:
        with pytest.raises(BrokenOff):
            over_http(server, tmp_path / "journal.jsonl", nth_time(point, nth, break_off))
        server.kill()
        server = start("--database", database, port=number)
        report = over_http(server, tmp_path / "journal.jsonl")
    finally:
        server.kill()
    assert report.ok, shown.as_text(report)
    assert normal(report) == undisturbed()
