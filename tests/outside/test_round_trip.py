"""What reseal refuses inside is explained alike from outside: from its own events, and policies as AWS prints them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.kernel.call import Caller
from app.outside.answer import Answer, explained
from app.outside.folder import Folder
from app.outside.reading import source_of
from app.policy.explain import Explanation, to_json
from tests.explain import stories
from tests.explain.stage import EC2_OWN, OWN, REGION, SOURCE, TARGET, Stage, account, allow, deny

from .export import Exporter, events

CASES = stories.STORIES


def from_outside(stage: Stage, inside: Explanation, folder: Path) -> Answer:
    """The world written down, and the caller's records of the request explained with it."""
    exporter = Exporter(stage.cloud, folder, REGION)
    for id in (SOURCE, TARGET):
        exporter.account(id)
    for text, name in stage.files.items():
        if name == "policies/session.json":
            exporter.write(f"{SOURCE}/session-worker.json", json.loads(text))
    caller = inside.caller.split(":")[4]
    records = {"Records": events(stage.cloud, caller, inside.request_id)}
    return explained(source_of(json.dumps(records), "events.json"), Folder(folder))


def sid_of(folder: Path, because: dict[str, Any]) -> str:
    """The Sid of the statement that the answer points at; "" where it points at none."""
    if not because["file"]:
        return ""
    value = json.loads((folder / because["file"]).read_text())
    for pointer in (because["path"], because.get("document_path") or ""):
        value = json.loads(value) if isinstance(value, str) else value
        for step in pointer.split("/")[1:]:
            value = value[int(step)] if isinstance(value, list) else value[step]
    return value.get("Sid", "") if isinstance(value, dict) else ""


def same(stage: Stage, inside: Explanation, tmp_path: Path) -> None:
    outside, told = from_outside(stage, inside, tmp_path).body, json.loads(json.dumps(to_json(inside)))
    assert (outside["cause"], outside["decision"]) == (told["cause"], told["decision"])
    assert outside["because"]["kind"] == told["because"]["kind"]
    if told["because"]["account"]:  # a snapshot's id does not hold its owner
        assert outside["because"]["account"] == told["because"]["account"]
    if told["because"]["sid"]:
        assert sid_of(tmp_path, outside["because"]) == told["because"]["sid"]


@pytest.mark.parametrize("story", CASES, ids=[one.__name__ for one in CASES])
def test_a_refusal_has_the_same_cause_and_statement_from_outside(story: stories.Story, tmp_path: Path) -> None:
    stage = Stage()
    same(stage, story(stage), tmp_path)


USES = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*")


@pytest.mark.parametrize("side", ["key policy", "identity policy"])
@pytest.mark.parametrize("effect", ["left out", "denied"])
@pytest.mark.parametrize("action", ["kms:CreateGrant", "kms:DescribeKey", "kms:ReEncrypt*"])
def test_one_permission_changed_is_told_alike(side: str, effect: str, action: str, tmp_path: Path) -> None:
    """Property over sides, effects and actions: whatever then fails, inside and outside name the same."""
    stage = Stage()
    kept = [one for one in USES if one != action or effect == "denied"]
    given = allow(kept, Sid="AllowTarget", Principal=account(TARGET))
    barred = [deny(action, Sid="No", Principal=account(TARGET))] if effect == "denied" else []
    is_key = side == "key policy"
    whole = allow(list(USES), Sid="AllowTarget", Principal=account(TARGET))
    key = stage.key(SOURCE, OWN, *((given, *barred) if is_key else (whole,)))
    own = (
        [allow(list(USES), Sid="UseKeys")]
        if is_key
        else [allow(kept, Sid="UseKeys"), *[deny(action, Sid="No") for _ in barred]]
    )
    who: Caller = stage.user(TARGET, "importer", EC2_OWN, *own)
    reply = stage.call(who, "kms:DescribeKey", KeyId=key)
    if reply.error is None:
        snapshot = stage.snapshot(key)
        reply = stage.call(who, "ec2:CopySnapshot", SourceSnapshotId=snapshot, SourceRegion=REGION)
        stage.cloud.advance(60_000)
        if not any(entry.request_id == reply.request_id for entry in stage.cloud.world.log.refusals()):
            return  # this permission is not needed
    same(stage, stage.explained(reply.request_id), tmp_path)
