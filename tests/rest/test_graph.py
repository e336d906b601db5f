"""Graph questions over REST: the same answers as in the command line, evaluated without trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.host import Worlds
from app.kernel.call import Request, root_of
from app.kernel.store import MemoryStore
from app.main import application
from app.services import all_services
from app.settings import Settings
from tests.sharing.accounts import root

SOURCE, TARGET, REGION = "111111111111", "222222222222", "us-east-1"
GRAPH = "/api/v1/worlds/default/graph"


class Stage:
    """A source's snapshot, shared with a target and copied by it."""

    def __init__(self) -> None:
        self.worlds = Worlds(all_services(), MemoryStore(), Settings(clock="manual", seed="7"))
        self.worlds.start()
        self.rest = TestClient(application(self.worlds))
        self.key = self.call(SOURCE, "kms:CreateKey", Policy=_shared())["KeyMetadata"]["Arn"]
        cloud = self.worlds.get("default")
        assert cloud is not None
        self.snapshot = root(cloud, SOURCE).write({0: 1}, Encrypted=True, KmsKeyArn=self.key)
        permission = {"Add": [{"UserId": TARGET}]}
        self.call(SOURCE, "ec2:ModifySnapshotAttribute", SnapshotId=self.snapshot, CreateVolumePermission=permission)
        source = {"SourceRegion": REGION, "SourceSnapshotId": self.snapshot, "Encrypted": True}
        self.copy = self.call(TARGET, "ec2:CopySnapshot", **source)["SnapshotId"]

    def call(self, account: str, operation: str, **parameters: Any) -> Any:
        cloud = self.worlds.get("default")
        assert cloud is not None
        reply = cloud.call(Request(operation, parameters, root_of(account), REGION))
        assert reply.error is None, reply.error
        return reply.answer

    def get(self, question: str, **query: Any) -> Any:
        return self.rest.get(f"{GRAPH}/{question}", params=query)


def _shared() -> str:
    roots = [f"arn:aws:iam::{account}:root" for account in (SOURCE, TARGET)]
    allowed = {"Sid": "Both", "Effect": "Allow", "Principal": {"AWS": roots}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


@pytest.fixture
def stage() -> Iterator[Stage]:
    found = Stage()
    with found.rest:
        yield found


def test_who_can_read_is_answered_with_ways_and_edges_and_leaves_no_trace(stage: Stage) -> None:
    before = stage.rest.get("/api/v1/worlds/default").json()
    answer = stage.get("readers", of=stage.snapshot).json()
    assert [(one["who"], one["reads"]) for one in answer["readers"]] == [(SOURCE, True), (TARGET, True)]
    assert {edge["kind"] for edge in answer["edges"]} >= {"shared-with", "delegates", "wraps"}
    assert stage.rest.get("/api/v1/worlds/default").json() == before
    assert stage.rest.get("/api/v1/worlds").json()["worlds"][0]["name"] == "default"


def test_one_principal_is_asked_alone(stage: Stage) -> None:
    answer = stage.get("readers", **{"of": stage.snapshot, "as": f"{TARGET}/root"}).json()
    assert [one["who"] for one in answer["readers"]] == [TARGET]


def test_structure_answers_what_rests_on_what(stage: Stage) -> None:
    assert stage.get("independent", of=stage.copy, account=SOURCE).json()["holds"] is True
    assert stage.get("independent", of=stage.snapshot, account=SOURCE).json()["holds"] is False
    assert stage.get("path", **{"from": stage.snapshot, "to": stage.key}).json()["holds"] is True
    assert stage.key in [node["id"] for node in stage.get("depends", of=stage.snapshot).json()["nodes"]]


def test_impact_says_who_loses_what_and_until_when_it_can_be_undone(stage: Stage) -> None:
    answer = stage.get("impact", edit="schedule", of=stage.key, days=7).json()
    assert {(turn["who"], turn["thing"]) for turn in answer["turns"] if turn["lost"]} >= {
        (SOURCE, stage.snapshot), (TARGET, stage.snapshot),
    }  # fmt: skip
    assert stage.copy not in {turn["thing"] for turn in answer["turns"]}
    assert answer["notes"][0].startswith("it can be cancelled until 2026-01-08T")


def test_an_edit_is_a_call_or_a_policy(stage: Stage) -> None:
    call = {"operation": "kms:DisableKey", "as": f"{SOURCE}/root", "parameters": {"KeyId": stage.key}}
    by_call = stage.rest.post(f"{GRAPH}/edit", json={"call": call}).json()
    assert [pair["after"]["state"] for pair in by_call["change"]["changed"]["nodes"]] == ["Disabled"]
    alone = json.loads(_shared())
    alone["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{SOURCE}:root"}
    policy = {"on": stage.key, "document": alone}
    by_policy = stage.rest.post(f"{GRAPH}/edit", json={"policy": policy, "of": [stage.snapshot]}).json()
    assert [turn["who"] for turn in by_policy["turns"]] == [TARGET]
    assert [edge["target"] for edge in by_policy["change"]["lost"]["edges"]] == [TARGET]


def test_two_worlds_and_a_saved_graph_are_compared(stage: Stage) -> None:
    saved = stage.rest.get(GRAPH, params={"format": "json"}).json()
    stage.rest.post("/api/v1/worlds/default/fork", json={"name": "twin"})
    assert stage.get("diff", other="twin").json()["holds"] is False
    stage.call(SOURCE, "kms:DisableKey", KeyId=stage.key)
    for answer in (stage.get("diff", other="twin"), stage.rest.post(f"{GRAPH}/diff", json={"graph": saved})):
        (changed,) = answer.json()["change"]["changed"]["nodes"]
        assert (changed["before"]["state"], changed["after"]["state"]) == ("Enabled", "Disabled")


@pytest.mark.parametrize("format", ["text", "graph", "dot", "mermaid", "graphml", "svg"])
def test_an_answer_comes_in_every_form(stage: Stage, format: str) -> None:
    answer = stage.get("depends", of=stage.snapshot, format=format)
    assert answer.status_code == 200
    assert answer.text


@pytest.mark.parametrize(
    ("question", "query", "status", "words"),
    [
        ("readers", {"of": "snap-none"}, 404, "no node is 'snap-none'"),
        ("readers", {"of": "$key"}, 404, "ask for a snapshot, volume or image"),
        ("readers", {"of": "$snapshot", "as": f"{SOURCE}/nobody"}, 404, "no principal is"),
        ("readers", {}, 422, "of"),
        ("readers", {"of": "$snapshot", "limit": 0}, 422, "limit"),
        ("readers", {"of": "$snapshot", "format": "pdf"}, 422, "format"),
        ("impact", {"edit": "melt", "of": "$key"}, 422, "edit"),
        ("impact", {"edit": "disable", "of": "$snapshot"}, 422, "takes a key"),
        ("impact", {"edit": "unshare", "of": "$snapshot"}, 422, "say which account"),
        ("impact", {"edit": "schedule", "of": "$key", "days": 3}, 422, "days"),
        ("independent", {"of": "$copy", "account": "$key"}, 404, "not an account"),
        ("diff", {"other": "nowhere"}, 404, "no such world"),
    ],
)
def test_what_can_not_be_answered_is_refused_in_words(
    stage: Stage, question: str, query: dict[str, Any], status: int, words: str
) -> None:
    filled = {k: getattr(stage, v[1:]) if isinstance(v, str) and v[0] == "$" else v for k, v in query.items()}
    answer = stage.get(question, **filled)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "one call, or one policy"),
        ({"call": {"operation": "kms:Melt", "as": SOURCE}}, 422, "no operation 'kms:Melt'"),
        ({"call": {"operation": "nothing", "as": SOURCE}}, 422, "no operation 'nothing'"),
        (
            {"call": {"operation": "kms:DisableKey", "as": SOURCE, "parameters": {"Key": 1}}},
            422,
            "did you mean 'KeyId'",
        ),
        ({"call": {"operation": "kms:DisableKey", "as": SOURCE, "parameters": {"KeyId": "x"}}}, 409, "NotFound"),
        ({"call": {"operation": "kms:DisableKey", "as": "nobody"}}, 404, "no principal is"),
        ({"policy": {"on": "nowhere", "document": {}}}, 404, "no node is"),
        ({"policy": {"on": SOURCE, "document": {}}}, 422, "is put on a key, user or role"),
        ({"surplus": 1}, 422, "surplus"),
    ],
)
def test_an_edit_that_is_none_is_refused_in_words(stage: Stage, body: Any, status: int, words: str) -> None:
    answer = stage.rest.post(f"{GRAPH}/edit", json=body)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_a_saved_graph_that_is_none_is_refused(stage: Stage) -> None:
    for graph in ({}, {"reseal-graph": 1}, {"reseal-graph": 1, "nodes": [1], "edges": []}):
        assert stage.rest.post(f"{GRAPH}/diff", json={"graph": graph}).status_code == 422, graph


def test_every_parameter_says_what_it_is(stage: Stage) -> None:
    described = stage.rest.get("/api/openapi.json").json()["paths"]
    ours = {path: found for path, found in described.items() if "/graph" in path}
    assert len(ours) == 9  # that of a run included
    silent = [
        (path, parameter["name"])
        for path, methods in ours.items()
        for method in methods.values()
        for parameter in method.get("parameters", ())
        if parameter["in"] == "query" and not parameter.get("description")
    ]
    assert silent == []
