"""Explorations over REST: what a CI job relies on when it asks a server for every order of a scenario's calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.desk import Desk
from app.doors.rest.explorations import NewExploration
from app.explorations import Explorations, report
from app.host import Worlds
from app.kernel.store import Head, MemoryStore
from app.main import application
from app.services import all_services
from app.settings import Settings
from tests.rest.events import Event, events
from workflows.explore.report import as_json, as_text
from workflows.explore.session import Explored, explore
from workflows.scenario import load
from workflows.sources import Bundle

SCENARIOS = Path(__file__).parents[2] / "scenarios"
EXPLORATIONS = "/api/v1/explorations"
ENTRY = "sharing/happy-path.reseal.yaml"


@pytest.fixture(scope="module")
def rest() -> Iterator[TestClient]:
    """One for all: whoever begins something forgets it."""
    worlds = Worlds(all_services(), MemoryStore(), Settings(clock="manual", seed="7"))
    worlds.start()
    with TestClient(application(worlds)) as client:
        yield client


def order(entry: str = ENTRY, **more: Any) -> dict[str, Any]:
    """A shipped scenario; with `disable-key` and no more, its calls come to some dozens of states."""
    found = [path for path in (SCENARIOS / "sharing").rglob("*") if path.is_file()]
    files = {str(path.relative_to(SCENARIOS)): path.read_text(encoding="utf-8") for path in found}
    return {"entry": entry, "files": files, "disturbances": ["disable-key=source-key"], **more}


def began(rest: TestClient, body: dict[str, Any], **headers: str) -> str:
    answer = rest.post(EXPLORATIONS, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["exploration"]


def followed(rest: TestClient, exploration: str, after: str = "") -> list[Event]:
    return events(rest, f"{EXPLORATIONS}/{exploration}/events", after)


@cache
def undisturbed() -> Explored:
    body, services = order(), all_services()
    scenario = load(ENTRY, services.operations, source=Bundle(body["files"]))
    return explore(scenario, services, tuple(body["disturbances"]))


def test_an_exploration_over_rest_tells_what_the_command_tells(rest: TestClient) -> None:
    exploration = began(rest, order())
    heard = followed(rest, exploration)
    assert (heard[0][1], heard[-1][1]) == ("start", "end")
    told = rest.get(f"{EXPLORATIONS}/{exploration}").json()
    found = undisturbed()
    assert told["states"] == heard[-1][2]["states"] == found.found.states
    assert (told["state"], told["cut"]) == ("passed" if found.ok else "failed", "")
    assert (told["ends"], told["surprises"]) == (len(found.verdict.rows), len(found.verdict.surprises))
    report = rest.get(f"{EXPLORATIONS}/{exploration}/report")
    assert (report.text, report.headers["content-type"]) == (as_json(found).rstrip("\n") + "\n", "application/json")
    text = rest.get(f"{EXPLORATIONS}/{exploration}/report?format=text").text
    assert text == as_text(found).rstrip("\n") + "\n"
    assert followed(rest, exploration, after=str(heard[-1][0] - 1)) == heard[-1:]
    assert rest.delete(f"{EXPLORATIONS}/{exploration}").status_code == 204


def test_a_limit_ends_a_search_and_what_is_beyond_is_not_called_known(rest: TestClient) -> None:
    exploration = began(rest, order(states_max=3))
    followed(rest, exploration)
    told = rest.get(f"{EXPLORATIONS}/{exploration}").json()
    assert (told["state"], told["cut"]) == ("stopped", "3 states")
    assert told["stopped"] == "the search was ended by its limit of 3 states"
    assert rest.get(f"{EXPLORATIONS}/{exploration}/report").json()["exhaustive"] is False
    assert rest.delete(f"{EXPLORATIONS}/{exploration}").status_code == 204


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"disturbances": ["disable-kye"]}, "CanNotBe", "did you mean 'disable-key'?"),
        ({"disturbances": ["disable-key=share"]}, "CanNotBe", "step 'share' is not a kms:CreateKey"),
        ({"disturbances": "disable-key"}, "Invalid", "disturbances"),
        ({"states_max": 0}, "Invalid", "states_max"),
        ({"seconds_max": 601}, "Invalid", "seconds_max"),
        ({"world": "lab"}, "Invalid", "world"),
        ({"entry": "sharing/none.reseal.yaml"}, "Invalid", "`entry` names none of the `files`"),
    ],
)
def test_an_order_that_can_not_be_is_refused_with_the_reason(
    rest: TestClient, more: dict[str, Any], code: str, words: str
) -> None:
    answer = rest.post(EXPLORATIONS, json=order(**more))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert words in answer.json()["error"]["message"]
    assert rest.get(EXPLORATIONS).json()["explorations"] == []


def test_a_scenario_without_a_workflow_can_not_be_explored(rest: TestClient) -> None:
    text = 'reseal: 1\nname: n\naccounts: {one: "111111111111"}\nsteps: [{id: k, as: one/root, call: kms:CreateKey}]\n'
    answer = rest.post(EXPLORATIONS, json={"scenario": text})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "CanNotBe")
    assert "follows no workflow" in answer.json()["error"]["message"]


def test_explorations_wait_for_their_turn_and_are_cancelled(rest: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time; the second is cancelled while it waits, the first while it searches. Neither has a report."""
    first = began(rest, order(), **{"Idempotency-Key": "build-45"})
    assert rest.post(EXPLORATIONS, json=order(), headers={"Idempotency-Key": "build-45"}).json()["exploration"] == first
    second = began(rest, order())
    assert rest.get(f"{EXPLORATIONS}/{second}").json()["state"] == "waiting"
    assert rest.delete(f"{EXPLORATIONS}/{first}").json()["error"]["code"] == "ExplorationIsRunning"
    assert rest.get(f"{EXPLORATIONS}/{first}/report").json()["error"]["code"] == "ExplorationHasNotEnded"
    monkeypatch.setattr(Explorations, "limits", replace(Explorations.limits, waiting=2))
    full = rest.post(EXPLORATIONS, json=order())
    assert (full.status_code, full.json()["error"]["code"]) == (429, "TooManyExplorations")
    for each in (second, first):
        assert rest.post(f"{EXPLORATIONS}/{each}/cancel").status_code == 202
        assert followed(rest, each)[-1][1] == "stop"
        told = rest.get(f"{EXPLORATIONS}/{each}").json()
        assert (told["state"], told["stopped"]) == ("stopped", "it was cancelled")
        assert rest.get(f"{EXPLORATIONS}/{each}/report").json()["error"]["code"] == "ExplorationHasNoReport"
        assert rest.delete(f"{EXPLORATIONS}/{each}").status_code == 204
        assert rest.get(f"{EXPLORATIONS}/{each}").json()["error"]["code"] == "NoSuchExploration"


def test_an_exploration_is_taken_up_by_the_next_server() -> None:
    """It begins again, and comes to the same bytes. Method: two desks over one store; the first ends at once."""
    store = MemoryStore()
    first, second = (Desk(store, Explorations()) for _ in range(2))

    async def taken_up() -> Head:
        told, _ = await first.start(NewExploration(**order()).order())
        first.close()
        assert second.take_up() == [told.id]
        head = second.head(told.id)
        assert head is not None
        assert [name async for _, name, _ in second.follow(head)][-1] == "end"
        return head

    head = asyncio.run(taken_up())
    found = report(second.lines(head))
    assert found is not None
    assert found["json"] == as_json(undisturbed())
    second.close()
