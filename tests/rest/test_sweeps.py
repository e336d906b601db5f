"""Sweeps over REST: what a CI job or a lab relies on when it hands a scenario in all its variations to a server."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from app import desk, orders, sweeps
from app.host import Worlds
from app.kernel.store import MemoryStore
from app.main import application
from app.services import all_services
from app.settings import Settings
from app.sweeps import Sweeps
from tests.rest.events import Event, events, sent
from tests.serving.servers import serving
from tests.sweep import small
from tests.sweep.conftest import result_bytes
from workflows.sources import Bundle
from workflows.sweep.load import load

SWEEPS = "/api/v1/sweeps"
ENTRY = "s.reseal.yaml"


@pytest.fixture
def rest() -> Iterator[TestClient]:
    worlds = Worlds(all_services(), MemoryStore(), Settings(clock="manual", seed="7"))
    worlds.start()
    with TestClient(application(worlds)) as client:
        yield client


def order(text: str = small.FILE, **more: Any) -> dict[str, Any]:
    """The small sweep: who may encrypt with a key, in 8 cells."""
    return {"entry": ENTRY, "files": {ENTRY: text, **small.policies()}, **more}


def began(rest: TestClient, body: dict[str, Any], **headers: str) -> str:
    answer = rest.post(SWEEPS, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["sweep"]


def followed(rest: TestClient, sweep: str, after: str = "") -> list[Event]:
    return events(rest, f"{SWEEPS}/{sweep}/events", after)


def ended(rest: TestClient, sweep: str) -> dict[str, Any]:
    followed(rest, sweep)
    return rest.get(f"{SWEEPS}/{sweep}").json()


# what a sweep is


@pytest.mark.parametrize("workers", [None, 2])
def test_a_sweep_over_rest_comes_to_the_bytes_of_the_command(rest: TestClient, workers: int | None) -> None:
    """In one worker process, as cells are few, and in two."""
    body = order(workers=workers) if workers else order()
    sweep = began(rest, body)
    told = ended(rest, sweep)
    assert (told["state"], told["cells"], told["finished"], told["failed"]) == ("passed", 8, 8, 0)
    report = rest.get(f"{SWEEPS}/{sweep}/report")
    assert report.content == undisturbed(body)
    assert report.headers["content-type"] == "application/x-ndjson"


def test_a_shipped_sweep_passes_with_the_files_that_it_names(rest: TestClient) -> None:
    """135 cells, in processes, as the server chooses."""
    root = small.ROOT / "scenarios"
    found = [path for folder in ("sharing", "sweeps") for path in (root / folder).rglob("*") if path.is_file()]
    files = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in found}
    sweep = began(rest, {"entry": "sweeps/keys-and-conditions.reseal.yaml", "files": files})
    assert ended(rest, sweep)["state"] == "passed"
    text = rest.get(f"{SWEEPS}/{sweep}/report?format=text").text
    assert "135 cells of 162, 27 excluded" in text
    assert "result    every cell as expected" in text


def test_events_are_the_cells_in_order_and_then_the_summary(rest: TestClient) -> None:
    sweep = began(rest, order(small.many(40), workers=2))
    told = followed(rest, sweep)
    assert [number for number, _, _ in told] == list(range(1, 42))
    assert [event for _, event, _ in told] == ["cell"] * 40 + ["end"]
    assert [data["number"] for _, _, data in told[:-1]] == list(range(1, 41))
    assert (told[-1][2]["ok"], told[-1][2]["finished"]) == (True, 40)
    lines = [json.loads(line) for line in rest.get(f"{SWEEPS}/{sweep}/report").text.splitlines()]
    assert lines == [data for _, _, data in told]
    assert followed(rest, sweep, after="38") == told[38:]
    assert followed(rest, sweep, after="41") == []


def test_a_verdict_that_is_wrong_fails_its_cells_at_its_line(rest: TestClient) -> None:
    sweep = began(rest, order(small.FILE.replace("cause: D501", "cause: D502")))
    told = ended(rest, sweep)
    assert (told["state"], told["failed"]) == ("failed", 2)
    report = rest.get(f"{SWEEPS}/{sweep}/report?format=junit")
    assert report.headers["content-type"] == "application/xml"
    suites = ElementTree.fromstring(report.text)
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("8", "2", "0")
    failed = next(case for case in suites.iter("testcase") if case.find("failure") is not None)
    line = small.FILE.splitlines().index(next(row for row in small.FILE.splitlines() if "cause: D501" in row)) + 1
    assert (failed.get("name"), failed.get("line")) == ("state=Disabled, iam=full, salt=a", str(line))
    tap = rest.get(f"{SWEEPS}/{sweep}/report?format=tap").text
    assert tap.startswith("TAP version 14\n1..8\nok 1 - state=Enabled, iam=full, salt=a\n")
    assert tap.count("\nnot ok ") == 2


# starting


def test_every_mistake_is_told_at_its_place(rest: TestClient) -> None:
    text = small.FILE.replace("kms:DisableKey", "kms:DisabelKey").replace("as: one/worker", "as: one/walker")
    answer = rest.post(SWEEPS, json=order(text))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "InvalidScenario")
    places = [(each["file"], each["line"], each["message"]) for each in answer.json()["error"]["mistakes"]]
    assert [(file, line) for file, line, _ in places] == [(ENTRY, 21), (ENTRY, 24)]
    assert "did you mean 'DisableKey'?" in places[0][2]
    assert rest.get(SWEEPS).json() == {"sweeps": [], "after": ""}


def test_a_scenario_is_no_sweep_and_a_sweep_no_run(rest: TestClient) -> None:
    plain = small.FILE.partition("strategy:")[0] + "steps: [{id: key, as: one/root, call: kms:CreateKey}]\n"
    answer = rest.post(SWEEPS, json={"scenario": plain})
    assert (answer.status_code, "one scenario, not a sweep" in answer.json()["error"]["message"]) == (422, True)
    answer = rest.post("/api/v1/runs", json=order())
    assert (answer.status_code, "this is a sweep" in answer.json()["error"]["message"]) == (422, True)


@pytest.mark.parametrize("more", [{"workers": 0}, {"workers": 9}, {"workers": "2"}, {"world": "lab"}])
def test_an_order_that_is_none_is_refused(rest: TestClient, more: dict[str, Any]) -> None:
    assert rest.post(SWEEPS, json=order(**more)).status_code == 422


def test_a_bundle_reaches_nothing_of_the_servers_disk(rest: TestClient, tmp_path: Path) -> None:
    small.write(tmp_path)
    text = small.FILE.replace("iam-${{ matrix.iam }}.json", f"{tmp_path}/iam-${{{{ matrix.iam }}}}.json")
    answer = rest.post(SWEEPS, json=order(text))
    assert answer.status_code == 422
    assert "the bundle has no file" in answer.json()["error"]["message"]


def test_the_same_order_with_the_same_key_is_the_same_sweep(rest: TestClient) -> None:
    key = {"Idempotency-Key": "build-42"}
    first = began(rest, order(), **key)
    turned = order() | {"files": dict(reversed(order()["files"].items()))}
    again = rest.post(SWEEPS, json=turned, headers=key)
    assert (again.status_code, again.json()["sweep"]) == (200, first)
    other = rest.post(SWEEPS, json=order(workers=1), headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "IdempotencyKeyReused")
    assert began(rest, order()) != first
    assert len(rest.get(SWEEPS).json()["sweeps"]) == 2


# while it runs, and after


def test_a_sweep_is_cancelled_with_the_cells_that_are_done(rest: TestClient) -> None:
    """Two run and the third waits for its turn; it is cancelled before it has any."""
    begun = [began(rest, order(small.many(400), workers=1)) for _ in range(Sweeps.limits.running + 1)]
    sweep = begun[-1]
    assert rest.get(f"{SWEEPS}/{sweep}").json()["state"] == "waiting"
    assert rest.delete(f"{SWEEPS}/{sweep}").json()["error"]["code"] == "SweepIsRunning"
    assert rest.get(f"{SWEEPS}/{sweep}/report").json()["error"]["code"] == "SweepHasNotEnded"
    for each in begun:
        assert rest.post(f"{SWEEPS}/{each}/cancel").status_code == 202
    for each in begun:
        told = ended(rest, each)
        assert (told["state"], told["stopped"]) == ("stopped", "it was cancelled")
        assert told["finished"] < 400
    suites = ElementTree.fromstring(rest.get(f"{SWEEPS}/{sweep}/report?format=junit").text)
    assert suites.get("errors") == "1", "nobody takes what is there for all of it"
    assert rest.delete(f"{SWEEPS}/{sweep}").status_code == 204
    assert rest.get(f"{SWEEPS}/{sweep}").json()["error"]["code"] == "NoSuchSweep"


def test_there_are_limits_and_they_are_said(rest: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(body: dict[str, Any]) -> str:
        answer = rest.post(SWEEPS, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "TooManySweeps")
        return answer.json()["error"]["message"]

    assert "at most 10,000 cells in a sweep, not 10,004; exclude more" in refused(order(small.many(10_002)))
    steps = "".join(f"  - {{id: s{n}, advance: 1s}}\n" for n in range(orders.STEPS_MAX))
    assert refused(order(small.FILE.replace("verdicts:\n", f"{steps}verdicts:\n"))) == (
        "this server has at most 500 steps in a scenario"
    )
    monkeypatch.setattr(desk, "READING_S_MAX", 0)
    assert "takes at most 0 s to check" in refused(order())
    monkeypatch.undo()
    began(rest, order())
    monkeypatch.setattr(sweeps, "CELLS_KEPT_MAX", 15)
    assert "15 cells of sweeps, old ones included" in refused(order())
    for fewer, words in (({"kept": 1}, "1 sweeps, old ones included"), ({"waiting": 0}, "0 sweeps at once")):
        monkeypatch.setattr(Sweeps, "limits", replace(Sweeps.limits, **fewer))
        assert words in refused(order())
        monkeypatch.undo()


def test_a_sweep_that_takes_too_long_is_ended(rest: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sweeps, "limits", replace(Sweeps.limits, seconds=0.01))
    told = ended(rest, began(rest, order(small.many(400), workers=1)))
    assert (told["state"], told["stopped"]) == ("stopped", "it took longer than 0.01 s")


# a server that ends


def test_a_sweep_is_taken_up_by_the_next_server_and_no_cell_is_run_twice(tmp_path: Path) -> None:
    """On SQLite. Method: SIGKILL once some batches are done; each cell has one line at last.

    Its workers end with the server, the same order under the same key is the same sweep, and the bytes are as ever.
    """
    options, key = ("--database", f"sqlite:///{tmp_path}/world.db"), {"Idempotency-Key": "build-44"}
    body = order(small.many(200), workers=1)
    with serving(*options) as server:
        sweep = json.loads(sent(server.endpoint, SWEEPS, body, **key))["sweep"]
        workers = _started(server.process.pid)
        _wait_until(lambda: len(cells(tmp_path, sweep)) > 0)
        server.kill()
        _wait_until(lambda: not any(map(_lives, workers)))
    assert len(cells(tmp_path, sweep)) < 200
    with serving(*options) as server:
        assert json.loads(sent(server.endpoint, SWEEPS, body, **key))["sweep"] == sweep
        heard = sent(server.endpoint, f"{SWEEPS}/{sweep}/events").decode()
        told = json.loads(sent(server.endpoint, f"{SWEEPS}/{sweep}"))
        report = sent(server.endpoint, f"{SWEEPS}/{sweep}/report")
    assert (told["state"], told["finished"], heard.count("event: cell")) == ("passed", 200, 200)
    assert sorted(cells(tmp_path, sweep)) == list(range(200)), "each once"
    assert report == undisturbed(body)


def undisturbed(body: dict[str, Any]) -> bytes:
    found = load(ENTRY, all_services().operations, source=Bundle(body["files"]))
    return result_bytes(found, workers=0) + b"\n"


def cells(folder: Path, sweep: str) -> list[int]:
    """The number of each cell that has a line, as another process reads it."""
    with closing(sqlite3.connect(f"file:{folder}/world.db?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT body FROM journal WHERE run = ?", (sweep,)).fetchall()
    lines = [json.loads(body) for (body,) in rows]
    return [number for line in lines if line["kind"] == "cells" for number, _ in line["cells"]]


def _started(server: int) -> list[int]:
    """The processes that a server began, as soon as there are all: a worker, and what Python tracks it with."""
    _wait_until(lambda: len(_children(server)) >= 2)
    return _children(server)


def _children(server: int) -> list[int]:
    tasks = Path(f"/proc/{server}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def _wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
