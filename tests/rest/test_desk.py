"""What is the same for every kind of order over REST: refusals, finding it again, lists, followers."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from app.desk import Desk
from app.doors.rest.orders import FOLLOWERS_MAX
from app.explorations import Explorations
from app.host import Worlds
from app.kernel.store import MemoryJournal, MemoryStore, Unavailable
from app.kind import Kind
from app.main import application
from app.runs import RunOrder, Runs
from app.services import all_services
from app.settings import Settings
from app.sweeps import Sweeps
from tests.rest import test_explorations, test_runs, test_sweeps
from tests.rest.events import events, sent
from tests.serving.servers import serving

ORDERS: dict[str, dict[str, Any]] = {
    "run": {"scenario": test_runs.QUICK},
    "sweep": test_sweeps.order(),
    "exploration": test_explorations.order(states_max=2),
}
KINDS: dict[str, type[Kind[Any, Any]]] = {"run": Runs, "sweep": Sweeps, "exploration": Explorations}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def worlds() -> Worlds:
    return served()


def served() -> Worlds:
    found = Worlds(all_services(), MemoryStore(), Settings(clock="manual", seed="7"))
    found.start()
    return found


@pytest.fixture(scope="module")
def idle() -> Iterator[TestClient]:
    """A server at which nothing is ever begun."""
    with TestClient(application(served())) as client:
        yield client


@pytest.fixture
def rest(worlds: Worlds) -> Iterator[TestClient]:
    with TestClient(application(worlds)) as client:
        yield client


def at(kind: str, *path: str) -> str:
    return "/".join((f"/api/v1/{kind}s", *path))


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def listed(rest: TestClient, kind: str, **asked: Any) -> list[str]:
    return [each[kind] for each in rest.get(at(kind), params=asked).json()[f"{kind}s"]]


# what can not be


@each_kind
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"scenario: no", 400, "Invalid"),
        (b'{"scenario": NaN}', 400, "Invalid"),
        (b"[" * 5000, 400, "Invalid"),
        (b"", 422, "Invalid"),
        (b"[]", 422, "Invalid"),
        (b'{"scenario": 7}', 422, "Invalid"),
        (b'{"scenario": "\\u0000"}', 422, "InvalidScenario"),
        (b'{"scenario": ""}', 422, "InvalidScenario"),
        (b'{"scenario": "x", "secret": "hunter2"}', 422, "Invalid"),
        (json.dumps({"scenario": "x" * 2**20}).encode(), 413, "TooLarge"),
    ],
    ids=lambda value: value[:12].decode() if isinstance(value, bytes) else None,
)
def test_a_body_that_is_no_order_is_refused_and_nothing_is_begun(
    idle: TestClient, kind: str, body: bytes, status: int, code: str
) -> None:
    answer = idle.post(at(kind), content=body, headers={"content-type": "application/json"})
    assert refused(answer) == (status, code)
    assert "hunter2" not in answer.text
    assert listed(idle, kind) == []
    assert [each["name"] for each in idle.get("/api/v1/worlds").json()["worlds"]] == ["default"]


@each_kind
def test_what_is_not_known_is_said_on_every_route(idle: TestClient, kind: str) -> None:
    unknown = (404, f"NoSuch{kind.capitalize()}")
    for path in ("", "events", "report"):
        assert refused(idle.get(at(kind, "never", path).rstrip("/"))) == unknown
    assert refused(idle.post(at(kind, "never", "cancel"))) == unknown
    assert refused(idle.delete(at(kind, "never"))) == unknown
    assert refused(idle.get(at(kind), params={"after": "never"})) == unknown
    assert refused(idle.get(at(kind, "NEVER"))) == (422, "Invalid")


def test_a_world_that_is_not_there_or_was_dropped_takes_no_run(rest: TestClient) -> None:
    rest.post("/api/v1/worlds", json={"name": "lab"})
    run = rest.post(at("run"), json=ORDERS["run"] | {"world": "lab"}).json()["run"]
    events(rest, at("run", run, "events"))
    rest.delete("/api/v1/worlds/lab")
    for name in ("lab", "nowhere"):
        assert refused(rest.post(at("run"), json=ORDERS["run"] | {"world": name})) == (404, "NoSuchWorld")
    assert listed(rest, "run") == listed(rest, "run", world="lab") == []
    assert refused(rest.get(at("run", run))) == (404, "NoSuchRun")


@each_kind
def test_a_full_queue_is_said(idle: TestClient, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KINDS[kind], "limits", replace(KINDS[kind].limits, waiting=0))
    answer = idle.post(at(kind), json=ORDERS[kind])
    assert refused(answer) == (429, f"TooMany{kind.capitalize()}s")
    assert answer.json()["error"]["message"] == f"this server has at most 0 {kind}s at once"
    assert listed(idle, kind) == []


@each_kind
def test_a_store_that_can_not_keep_an_order_leaves_nothing_of_it(
    rest: TestClient, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Method: the journal's first line is refused, as by a full disk; afterwards the same order goes well."""

    def full(self: MemoryJournal, run_id: str, *entries: object) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(MemoryJournal, "begin", full)
    answer = rest.post(at(kind), json=ORDERS[kind], headers={"Idempotency-Key": "build-46"})
    assert refused(answer) == (503, "StoreUnavailable")
    monkeypatch.undo()
    assert listed(rest, kind) == []
    assert [each["name"] for each in rest.get("/api/v1/worlds").json()["worlds"]] == ["default"]
    assert rest.post(at(kind), json=ORDERS[kind], headers={"Idempotency-Key": "build-46"}).status_code == 201


# finding it again


def test_the_same_order_twice_at_once_is_begun_once(worlds: Worlds) -> None:
    order, desk = RunOrder(entry="q.yaml", files={"q.yaml": test_runs.QUICK}), Desk(worlds.store, Runs(worlds))

    async def both() -> list[Any]:
        return await asyncio.gather(*(desk.start(order, "build-47") for _ in range(2)))

    (first, one_is_new), (second, other_is_new) = asyncio.run(both())
    assert (first.id, {one_is_new, other_is_new}) == (second.id, {True, False})
    assert [head.run for head in desk.heads()] == [first.id]
    desk.close()


def test_an_id_belongs_to_one_kind(rest: TestClient) -> None:
    """The same file under the same key: a sweep is no run, and neither takes the other for itself."""
    key = {"Idempotency-Key": "build-48"}
    begun = {kind: rest.post(at(kind), json=ORDERS[kind], headers=key).json()[kind] for kind in ("run", "sweep")}
    assert refused(rest.get(at("run", begun["sweep"]))) == (404, "NoSuchRun")
    assert refused(rest.get(at("sweep", begun["run"]))) == (404, "NoSuchSweep")
    assert (listed(rest, "run"), listed(rest, "sweep")) == ([begun["run"]], [begun["sweep"]])


def test_lists_come_in_pages_the_newest_first(rest: TestClient) -> None:
    begun: list[str] = []
    for _ in range(5):
        begun.append(rest.post(at("run"), json=ORDERS["run"]).json()["run"])
        events(rest, at("run", begun[-1], "events"))
    whole = rest.get(at("run")).json()
    assert (sorted(each["run"] for each in whole["runs"]), whole["after"]) == (sorted(begun), "")
    assert [each["started_at"] for each in whole["runs"]] == sorted(e["started_at"] for e in whole["runs"])[::-1]
    found: list[str] = []
    after = ""
    while len(found) < 5:
        page = rest.get(at("run"), params={"limit": 2, "after": after}).json()
        found, after = [*found, *(each["run"] for each in page["runs"])], page["after"]
    assert (found, after) == ([each["run"] for each in whole["runs"]], "")
    assert rest.get(at("run"), params={"limit": 0}).status_code == 422


# following


def test_a_follower_that_leaves_makes_room_for_another() -> None:
    """Method: as many followers as there may be, by sockets that are closed in the middle of the stream."""
    with serving() as server:
        run = json.loads(sent(server.endpoint, at("run"), {"scenario": test_runs.SLOW}))["run"]
        with ExitStack() as stack:
            for _ in range(FOLLOWERS_MAX):
                follower = stack.enter_context(closing(followed(server.endpoint, run)))
                assert b"200 OK" in follower.recv(65536)
            with pytest.raises(HTTPError) as refused:
                sent(server.endpoint, at("run", run, "events"))
            assert refused.value.code == 429
            assert json.loads(refused.value.read())["error"]["code"] == "TooManyFollowers"
        deadline = time.monotonic() + 120
        with ExitStack() as stack:
            while b"200 OK" not in (answer := stack.enter_context(closing(followed(server.endpoint, run))).recv(65536)):
                assert b"429" in answer
                assert time.monotonic() < deadline
                time.sleep(0.05)
        sent(server.endpoint, at("run", run, "cancel"), {})
        assert server.stop() == 0


def followed(endpoint: str, run: str) -> socket.socket:
    found = urlsplit(endpoint)
    connection = socket.create_connection((found.hostname, found.port), timeout=20)
    connection.sendall(f"GET {at('run', run, 'events')} HTTP/1.1\r\nHost: {found.netloc}\r\n\r\n".encode())
    return connection
