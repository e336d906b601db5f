"""The REST door: what AWS has no word for."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.host import Worlds
from app.kernel.call import Request, root_of
from app.kernel.clock import Clock
from app.kernel.store import MemoryStore
from app.main import VERSION, application
from app.services import all_services
from app.settings import Settings

TOKEN = "letmein-" * 3
SOURCE, TARGET, REGION = "111111111111", "222222222222", "us-east-1"


def served(settings: Settings) -> Worlds:
    worlds = Worlds(all_services(), MemoryStore(), settings)
    worlds.start()
    return worlds


@pytest.fixture
def worlds() -> Worlds:
    return served(Settings(clock="manual", seed="7"))


@pytest.fixture
def rest(worlds: Worlds) -> Iterator[TestClient]:
    with TestClient(application(worlds)) as client:
        yield client


def refused_copy(worlds: Worlds) -> tuple[str, str]:
    """A copy that fails later because the source key's policy says nothing of the target: (copy's id, request id)."""
    cloud = worlds.get("default")
    assert cloud is not None

    def call(account: str, operation: str, **parameters: object) -> dict:
        reply = cloud.call(Request(operation, parameters, root_of(account), REGION))
        assert reply.error is None, reply.error
        return {**(reply.answer or {}), "RequestId": reply.request_id}

    key = call(SOURCE, "kms:CreateKey")["KeyMetadata"]["Arn"]
    volume = call(SOURCE, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=key)
    snapshot = call(SOURCE, "ec2:CreateSnapshot", VolumeId=volume["VolumeId"])["SnapshotId"]
    permission = {"Add": [{"UserId": TARGET}]}
    call(SOURCE, "ec2:ModifySnapshotAttribute", SnapshotId=snapshot, CreateVolumePermission=permission)
    copy = call(TARGET, "ec2:CopySnapshot", SourceRegion=REGION, SourceSnapshotId=snapshot, Encrypted=True)
    return copy["SnapshotId"], copy["RequestId"]


@pytest.mark.parametrize("path", ["/_reseal/health", "/_reseal/ready", "/_reseal/info", "/_localstack/health"])
def test_a_server_says_that_it_is_well(rest: TestClient, path: str) -> None:
    assert rest.get(path).status_code == 200


def test_localstack_users_find_the_services_that_there_are(rest: TestClient) -> None:
    answer = rest.get("/_localstack/health").json()
    assert {"ec2", "ebs", "kms", "iam", "sts"} <= answer["services"].keys()
    assert answer["version"] == VERSION


def test_a_world_is_made_described_forked_and_dropped(rest: TestClient) -> None:
    assert rest.post("/api/v1/worlds", json={"name": "alice", "seed": "1", "clock": "manual"}).status_code == 201
    assert rest.post("/api/v1/worlds", json={"name": "alice"}).status_code == 409
    assert rest.post("/api/v1/worlds/alice/fork", json={"name": "bob"}).status_code == 201
    assert [world["name"] for world in rest.get("/api/v1/worlds").json()["worlds"]] == ["alice", "bob", "default"]
    assert rest.delete("/api/v1/worlds/alice").status_code == 204
    assert rest.get("/api/v1/worlds/alice").status_code == 404
    assert rest.get("/api/v1/worlds/bob").json()["seeded"] is True


def test_a_fork_goes_its_own_way(rest: TestClient, worlds: Worlds) -> None:
    refused_copy(worlds)
    rest.post("/api/v1/worlds/default/fork", json={"name": "twin"})
    before, twin = worlds.get("default"), worlds.get("twin")
    assert before is not None
    assert twin is not None
    assert before.world == twin.world
    twin.call(Request("kms:CreateKey", {}, root_of(SOURCE), REGION))
    assert before.world != twin.world


def test_a_world_s_clock_is_moved_and_what_falls_due_is_done(rest: TestClient, worlds: Worlds) -> None:
    cloud = worlds.get("default")
    assert cloud is not None
    made = cloud.call(Request("kms:CreateKey", {}, root_of(SOURCE), REGION)).answer
    assert made is not None
    key = made["KeyMetadata"]["KeyId"]
    cloud.call(Request("kms:ScheduleKeyDeletion", {"KeyId": key, "PendingWindowInDays": 7}, root_of(SOURCE), REGION))
    assert rest.post("/api/v1/worlds/default/clock", json={"advance": "8d"}).json()["now"].startswith("2026-01-09")
    gone = cloud.call(Request("kms:DescribeKey", {"KeyId": key}, root_of(SOURCE), REGION))
    assert gone.error is not None
    assert gone.error.code == "NotFoundException"


@pytest.mark.parametrize("body", [{}, {"advance": "soon"}, {"advance_ms": -1}, {"advance": "999999999d"}, {"by": "8d"}])
def test_a_clock_is_not_moved_by_nonsense(rest: TestClient, body: dict) -> None:
    assert rest.post("/api/v1/worlds/default/clock", json=body).status_code == 422


def test_what_a_request_set_off_is_found_by_its_id_and_by_the_resource(rest: TestClient, worlds: Worlds) -> None:
    copy, request_id = refused_copy(worlds)
    by_request = rest.get("/api/v1/worlds/default/evidence", params={"request_id": request_id}).json()
    by_resource = rest.get("/api/v1/worlds/default/evidence", params={"about": copy}).json()
    assert by_request == by_resource
    assert "kms:CreateGrant" in [call["operation"] for call in by_request["calls"]]
    assert [decision["cause"] for decision in by_request["decisions"] if not decision["allowed"]] == [
        "KEY_POLICY_SILENT"
    ]
    assert {event["name"] for event in by_request["events"]} >= {"CopySnapshot", "CreateGrant"}


def test_the_last_refusal_is_explained_in_words_and_as_json(rest: TestClient, worlds: Worlds) -> None:
    copy, _ = refused_copy(worlds)
    text = rest.get("/api/v1/worlds/default/explanation", params={"format": "text"}).text
    assert "kms:CreateGrant was denied" in text
    found = rest.get("/api/v1/worlds/default/explanation", params={"about": copy}).json()
    assert found["code"] == "D201"


def test_nothing_refused_is_nothing_to_explain(rest: TestClient) -> None:
    assert rest.get("/api/v1/worlds/default/explanation").status_code == 404


@pytest.mark.parametrize("format", ["json", "dot", "mermaid", "graphml", "svg", "tree"])
def test_the_graph_comes_in_every_form(rest: TestClient, worlds: Worlds, format: str) -> None:
    copy, _ = refused_copy(worlds)
    answer = rest.get("/api/v1/worlds/default/graph", params={"format": format})
    assert answer.status_code == 200
    assert copy[:12] in answer.text


def test_the_graph_is_narrowed_to_a_neighbourhood(rest: TestClient, worlds: Worlds) -> None:
    copy, _ = refused_copy(worlds)
    answer = rest.get("/api/v1/worlds/default/graph", params={"select": f"{copy}+1"}).json()
    assert copy in [node["id"] for node in answer["nodes"]]
    assert rest.get("/api/v1/worlds/default/graph", params={"select": "snap-none"}).status_code == 404


def test_the_log_is_read_on_from_a_position(rest: TestClient, worlds: Worlds) -> None:
    refused_copy(worlds)
    first = rest.get("/api/v1/worlds/default/log", params={"limit": 3}).json()
    rest_of_it = rest.get("/api/v1/worlds/default/log", params={"after": first["after"]}).json()
    positions = [call["position"] for call in first["calls"] + rest_of_it["calls"]]
    assert positions == sorted(set(positions))
    assert len(first["calls"]) == 3


@pytest.mark.parametrize(
    "body", [b'{"name": NaN}', b'{"name": "\\ud800"}', b"{", b"[" * 5000, b'{"name": "x", "secret": "hunter2"}']
)
def test_bad_bodies_are_refused_and_never_echoed(rest: TestClient, body: bytes) -> None:
    answer = rest.post("/api/v1/worlds", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert "hunter2" not in answer.text


def test_a_body_is_limited(rest: TestClient) -> None:
    answer = rest.post("/api/v1/worlds", content=json.dumps({"name": "x" * 2**20}).encode())
    assert answer.status_code == 413


def test_strict_mode_takes_nobody_without_a_token() -> None:
    with TestClient(application(served(Settings(auth="strict", token=TOKEN)))) as client:
        assert client.get("/api/v1/worlds").status_code == 401
        assert client.get("/api/v1/worlds", headers={"authorization": "Bearer nope"}).status_code == 401
        assert client.get("/api/v1/worlds", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/_reseal/health").status_code == 200


def test_the_api_describes_itself(rest: TestClient) -> None:
    described = rest.get("/api/openapi.json").json()
    assert "/api/v1/worlds/{world}/graph" in described["paths"]
    assert rest.get("/api/docs").status_code == 200


def test_a_world_with_a_real_clock_follows_the_machine() -> None:
    worlds = served(Settings(clock="real"))
    cloud = worlds.get("default")
    assert cloud is not None
    assert cloud.world.clock == Clock("real", "instant", cloud.world.clock.now_ms, cloud.world.clock.machine_ms)
    assert abs(cloud.now_ms() - cloud.world.clock.machine_ms) < 60_000


def test_a_route_that_touches_a_world_runs_on_the_loop_with_aws_calls() -> None:
    """FastAPI runs plain functions in threads, where a `Cloud` would lose what another thread changes."""
    from app.doors import rest

    routes = [
        (file.name, function)
        for file in Path(rest.__file__).parent.glob("*.py")
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(ast.unparse(each).startswith("router.") for each in function.decorator_list)
    ]
    worldless = {"health", "info", "localstack"}
    threaded = {(file, each.name) for file, each in routes if isinstance(each, ast.FunctionDef)}
    assert len(routes) > 10
    assert {(file, name) for file, name in threaded if name not in worldless} == set()
