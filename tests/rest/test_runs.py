"""Runs over REST: what a CI job, a lab or a script relies on when it hands a scenario to a server."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from app import orders
from app import runs as limits
from app.host import Worlds
from app.kernel.store import MemoryStore
from app.main import application
from app.services import all_services
from app.settings import Settings
from tests.rest.events import Event, events, sent
from tests.serving.servers import start
from workflows import reports
from workflows.normal import normal
from workflows.scenario import load
from workflows.session import in_memory_port, runner
from workflows.transition import Report

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HAPPY, BROKEN = "sharing/happy-path.reseal.yaml", "broken/target-iam-silent.reseal.yaml"
RUNS = "/api/v1/runs"
SOAK = bool(os.environ.get("RESEAL_SOAK"))

SLOW = """\
reseal: 1
name: Takes its time
clock: real
accounts: {one: "111111111111"}
steps:
  - id: first
    as: one/root
    call: ec2:CreateVolume
    with: {AvailabilityZone: us-east-1a, Size: 1}
    wait: {State: available}
  - id: second
    as: one/root
    call: ec2:CreateSnapshot
    with: {VolumeId: "${{ first.VolumeId }}"}
    wait: {State: completed}
"""
QUICK = """\
reseal: 1
name: One key
accounts: {one: "111111111111"}
steps:
  - {id: key, as: one/root, call: kms:CreateKey}
"""


@pytest.fixture
def rest() -> Iterator[TestClient]:
    worlds = Worlds(all_services(), MemoryStore(), Settings(clock="manual", seed="7"))
    worlds.start()
    with TestClient(application(worlds)) as client:
        yield client


def bundle(entry: str, **more: Any) -> dict[str, Any]:
    """A shipped scenario with every file of the folders that it may name."""
    found = [path for folder in ("sharing", "broken") for path in (SCENARIOS / folder).rglob("*") if path.is_file()]
    files = {str(path.relative_to(SCENARIOS)): path.read_text(encoding="utf-8") for path in found}
    return {"entry": entry, "files": files, **more}


def began(rest: TestClient, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = rest.post(RUNS, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def followed(rest: TestClient, run: str, after: str = "") -> list[Event]:
    return events(rest, f"{RUNS}/{run}/events", after)


def ended(rest: TestClient, run: str) -> dict[str, Any]:
    followed(rest, run)
    return rest.get(f"{RUNS}/{run}").json()


@cache
def undisturbed(entry: str) -> object:
    services = all_services()
    scenario = load(SCENARIOS / entry, services.operations)
    return without_files(normal(runner(scenario, services, in_memory_port(scenario, services)).run()))


def without_files(told: object) -> object:
    return json.loads(json.dumps(told, default=str))


def reported(rest: TestClient, run: str) -> object:
    body = rest.get(f"{RUNS}/{run}/report").json()
    body.pop("explanations")
    return without_files(normal(msgspec.convert(body, Report, strict=False)))


# what a run is


@pytest.mark.parametrize(("entry", "state"), [(HAPPY, "restored"), (BROKEN, "refused")])
def test_a_run_over_rest_is_the_run_that_the_command_makes(rest: TestClient, entry: str, state: str) -> None:
    run = began(rest, bundle(entry))["run"]
    assert ended(rest, run)["state"] == "passed"
    assert reported(rest, run) == undisturbed(entry)
    assert f"ended     {state} (snapshot_sharing)" in rest.get(f"{RUNS}/{run}/report?format=text").text


def test_a_refusal_is_told_with_its_repair(rest: TestClient) -> None:
    run = began(rest, bundle(BROKEN))["run"]
    followed(rest, run)
    text = " ".join(rest.get(f"{RUNS}/{run}/report?format=text").text.split())
    assert "in 444455556666, broken/policies/importer-silent.json: a statement that allows" in text


FIRST_WORDS = {
    "json": b'{"reseal":1,"kind":"run","ok":true,', "text": b"The target's own policies say nothing", "junit": b"<?xml",
    "sarif": b'{\n "$schema"', "html": b"<!doctype html>", "tap": b"TAP version 14\n1..1\nok 1", "github": b"::",
    "summary": b"#",
}  # fmt: skip


@pytest.mark.parametrize("form", reports.FORMATS)
def test_a_report_comes_in_every_form(rest: TestClient, form: str) -> None:
    run = began(rest, bundle(BROKEN))["run"]
    followed(rest, run)
    answer = rest.get(f"{RUNS}/{run}/report", params={"format": form})
    media = "application/json" if form == "json" else reports.MEDIA_TYPES[form]
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    assert answer.content.lower().startswith(FIRST_WORDS[form].lower()), answer.text[:80]
    assert rest.get(f"{RUNS}/{run}/report", params={"format": form}).content == answer.content


def test_reports_know_what_only_the_bundle_tells(rest: TestClient) -> None:
    """The machine, the fix of a policy file at its line, and how long the run took."""
    run = began(rest, bundle(BROKEN))["run"]
    followed(rest, run)
    sarif = rest.get(f"{RUNS}/{run}/report?format=sarif").json()["runs"][0]["results"][0]
    (change,) = sarif["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "broken/policies/importer-silent.json"
    assert "<svg" in rest.get(f"{RUNS}/{run}/report?format=html").text
    case = rest.get(f"{RUNS}/{run}/report?format=junit").text
    assert 'classname="broken/target-iam-silent.reseal.yaml"' in case
    assert float(case.partition('time="')[2].partition('"')[0]) > 0


def test_the_graph_is_told_as_it_was_after_each_step(rest: TestClient) -> None:
    told = began(rest, bundle(HAPPY))
    followed(rest, told["run"])

    def graph(**asked: str) -> Any:
        return rest.get(f"{RUNS}/{told['run']}/graph", params=asked)

    kinds = [node["kind"] for node in graph(at="volume").json()["nodes"]]
    assert (kinds.count("key"), kinds.count("snapshot"), kinds.count("volume")) == (2, 1, 1), "data came by a snapshot"
    assert graph().json() == graph(at="restore").json() == rest.get(f"/api/v1/worlds/{told['world']}/graph").json()
    key = next(node["id"] for node in graph(at="target-key").json()["nodes"] if node["kind"] == "key")
    part = graph(at="volume", select=key).json()["nodes"]
    assert [node["id"] for node in part if node["kind"] != "account"] == [key]
    assert "<svg" in graph(format="svg").text
    missing = graph(at="restored").json()["error"]
    assert (missing["code"], "it has taken source-key, " in missing["message"]) == ("NoSuchStep", True)
    assert graph(select="snap-none").status_code == 404


def test_its_world_can_be_looked_into(rest: TestClient) -> None:
    told = began(rest, bundle(HAPPY))
    followed(rest, told["run"])
    graph = rest.get(f"/api/v1/worlds/{told['world']}/graph").json()
    assert {node["kind"] for node in graph["nodes"]} >= {"key", "snapshot", "volume"}


def test_events_are_its_steps_as_they_are_taken_and_go_on_from_where_a_follower_was(rest: TestClient) -> None:
    run = began(rest, bundle(HAPPY))["run"]
    events = followed(rest, run)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert [event for _, event, _ in events][:3] == ["start", "begin", "intent"]
    assert events[-1][1] == "end"
    steps = [data["transition"]["step"] for _, event, data in events if event == "record"]
    assert steps == ["source-key", "target-key", "volume", "snapshot", "grant", "share", "copy", "restore"]
    assert followed(rest, run, after="5") == events[5:]


def test_a_run_can_take_place_in_a_world_that_is_there(rest: TestClient) -> None:
    rest.post("/api/v1/worlds", json={"name": "lab", "clock": "manual"})
    run = began(rest, {"scenario": QUICK, "world": "lab"})["run"]
    assert ended(rest, run)["state"] == "passed"
    kinds = [node["kind"] for node in rest.get("/api/v1/worlds/lab/graph").json()["nodes"]]
    assert kinds.count("key") == 1
    assert rest.post(RUNS, json={"scenario": QUICK, "world": "nowhere"}).status_code == 404


# starting


def test_an_invalid_scenario_is_refused_with_every_mistake_at_its_place(rest: TestClient) -> None:
    answer = rest.post(RUNS, json={"scenario": QUICK.replace("CreateKey", "CreatKey").replace("one/root", "two/root")})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "InvalidScenario"
    assert [(each["file"], each["line"]) for each in error["mistakes"]] == [("scenario.reseal.yaml", 5)] * 2
    assert "did you mean 'CreateKey'?" in error["message"]
    assert rest.get(RUNS).json() == {"runs": [], "after": ""}


def test_a_bundle_reaches_nothing_of_the_servers_disk(rest: TestClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"Version": "2012-10-17", "Statement": []}', encoding="utf-8")
    for name in (str(secret), "/etc/passwd", "../../../etc/passwd", "policies/../../x.json"):
        text = QUICK.replace("call: kms:CreateKey}", f"call: kms:CreateKey, with: {{Policy: 'file://{name}'}}}}")
        answer = rest.post(RUNS, json={"scenario": text})
        assert answer.status_code == 422
        assert "the bundle has no file" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"scenario": QUICK, "entry": "a.yaml"}, {"entry": "a.yaml", "files": {}},
        {"scenario": QUICK, "files": {"a": ""}},
        {"entry": "../a", "files": {"../a": QUICK}}, {"entry": "/a", "files": {"/a": QUICK}},
        {"entry": "a/./b", "files": {"a/./b": QUICK}}, {"scenario": QUICK, "wrold": "x"},
    ],
)  # fmt: skip
def test_an_order_that_is_none_is_refused(rest: TestClient, body: dict[str, Any]) -> None:
    assert rest.post(RUNS, json=body).status_code == 422


def test_the_same_order_with_the_same_key_is_the_same_run(rest: TestClient) -> None:
    first = began(rest, {"scenario": QUICK}, **{"Idempotency-Key": "build-42"})
    followed(rest, first["run"])
    again = rest.post(RUNS, json={"scenario": QUICK}, headers={"Idempotency-Key": "build-42"})
    assert (again.status_code, again.json()["run"]) == (200, first["run"])
    other = rest.post(RUNS, json={"scenario": SLOW}, headers={"Idempotency-Key": "build-42"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "IdempotencyKeyReused")
    assert began(rest, {"scenario": QUICK})["run"] != first["run"]


# while it runs, and after


def test_a_run_is_cancelled_after_the_call_that_it_is_at_and_can_be_resumed(rest: TestClient) -> None:
    run = began(rest, {"scenario": SLOW})["run"]
    assert rest.delete(f"{RUNS}/{run}").json()["error"]["code"] == "RunIsRunning"
    assert rest.delete(f"/api/v1/worlds/{run}").json()["error"]["code"] == "WorldInUse"
    assert rest.get(f"{RUNS}/{run}/report").json()["error"]["code"] == "RunHasNotEnded"
    assert rest.post(f"{RUNS}/{run}/cancel").status_code == 202
    told = ended(rest, run)
    assert (told["state"], told["stopped"]) == ("stopped", "it was cancelled")
    rest.post(f"/api/v1/worlds/{run}/clock", json={"advance": "1h"})
    assert rest.post(f"{RUNS}/{run}/resume").status_code == 202
    rest.post(f"/api/v1/worlds/{run}/clock", json={"advance": "1h"})
    told = ended(rest, run)
    assert (told["state"], told["steps"]) == ("passed", 2)
    assert rest.delete(f"{RUNS}/{run}").status_code == 204
    assert rest.get(f"{RUNS}/{run}").status_code == 404
    assert rest.get(f"/api/v1/worlds/{run}").status_code == 404


def test_a_run_whose_world_was_dropped_is_gone_with_it(rest: TestClient) -> None:
    run = began(rest, {"scenario": QUICK}, **{"Idempotency-Key": "build-43"})["run"]
    followed(rest, run)
    assert rest.delete(f"/api/v1/worlds/{run}").status_code == 204
    assert rest.get(f"{RUNS}/{run}").status_code == 404
    assert began(rest, {"scenario": QUICK}, **{"Idempotency-Key": "build-43"})["run"] == run


def test_there_are_limits_and_they_are_said(rest: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(body: dict[str, Any]) -> str:
        answer = rest.post(RUNS, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "TooManyRuns")
        return answer.json()["error"]["message"]

    many = QUICK + "".join(f"  - {{id: s{n}, advance: 1s}}\n" for n in range(orders.STEPS_MAX))
    assert refused({"scenario": many}) == "this server has at most 500 steps in a scenario"
    assert "256 blocks of data" in refused(bundle_with_blocks(300))
    rest.post("/api/v1/worlds", json={"name": "lab", "clock": "real", "settle": "lifelike"})
    waiting = SLOW.replace("clock: real\n", "")
    begun = [began(rest, {"scenario": waiting, "world": "lab"})["run"] for _ in range(limits.WORLD_RUNNING_MAX)]
    assert "2 runs at once in one world" in refused({"scenario": waiting, "world": "lab"})
    for run in begun:
        rest.post(f"{RUNS}/{run}/cancel")
        followed(rest, run)
    monkeypatch.setattr(limits, "WORLD_RUNS_MAX", 2)
    assert "2 runs in one world, old ones included" in refused({"scenario": QUICK, "world": "lab"})


def bundle_with_blocks(blocks: int) -> dict[str, Any]:
    whole = bundle(HAPPY)
    whole["files"][HAPPY] = whole["files"][HAPPY].replace("blocks: 8", f"blocks: {blocks}")
    return whole


def test_runs_take_place_side_by_side_and_none_holds_up_aws_calls(rest: TestClient) -> None:
    begun = [began(rest, bundle(HAPPY))["run"] for _ in range(3)] + [began(rest, {"scenario": SLOW})["run"]]
    assert rest.get("/_reseal/health").status_code == 200
    rest.post(f"{RUNS}/{begun[-1]}/cancel")
    assert [ended(rest, run)["state"] for run in begun] == ["passed"] * 3 + ["stopped"]
    worlds = {told["world"] for told in rest.get(RUNS).json()["runs"]}
    assert worlds == set(begun)


# a server that is killed


MOMENTS = [(0.0, False), (0.2, True)] + ([(0.0, True), (0.1, False), (0.2, False), (0.4, False)] if SOAK else [])


@pytest.mark.parametrize(("after_s", "stops_in_order"), MOMENTS)
def test_a_server_that_is_stopped_and_started_again_takes_the_run_up(
    tmp_path: Path, after_s: float, stops_in_order: bool
) -> None:
    """On SQLite; wherever it was, the run ends as if undisturbed. By SIGKILL, and in order by SIGTERM."""
    database = f"sqlite:///{tmp_path}/world.db"
    server = start("--database", database)
    run = json.loads(sent(server.endpoint, RUNS, bundle(HAPPY)))["run"]
    time.sleep(after_s)
    if stops_in_order:
        assert server.stop() == 0
    else:
        server.kill()
    server = start("--database", database)
    try:
        deadline = time.monotonic() + 120
        while (told := json.loads(sent(server.endpoint, f"{RUNS}/{run}")))["state"] in ("waiting", "running"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert told["state"] == "passed"
        body = json.loads(sent(server.endpoint, f"{RUNS}/{run}/report"))
        body.pop("explanations")
        assert without_files(normal(msgspec.convert(body, Report, strict=False))) == undisturbed(HAPPY)
    finally:
        assert server.stop() == 0
