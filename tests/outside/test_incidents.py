"""Incidents explained from outside: the cause, the document at fault and the place in it, and what nothing tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.outside.answer import Answer, explained
from app.outside.folder import Folder
from app.outside.reading import read
from app.policy.causes import Cause

from .incidents import INCIDENTS, Incident

EACH = pytest.mark.parametrize("incident", INCIDENTS, ids=[one.name for one in INCIDENTS])


def laid_out(folder: Path, files: dict[str, Any]) -> Folder:
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body if isinstance(body, str) else json.dumps(body, indent=2))
    return Folder(folder)


def answered(tmp_path: Path, event: Any, files: dict[str, Any]) -> Answer:
    (tmp_path / "event.json").write_text(json.dumps(event))
    return explained(read(tmp_path / "event.json", "event.json"), laid_out(tmp_path / "policies", files))


def at(root: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        root = root[int(step)] if isinstance(root, list) else root[step]
    return root


@EACH
def test_an_incident_is_explained(incident: Incident, tmp_path: Path) -> None:
    """Decision, cause and place are found; and what the files do not tell is named."""
    body = answered(tmp_path, incident.event, incident.files).body
    because = body["because"]
    assert (body["decision"], body["cause"], because["kind"]) == (incident.decision, incident.cause, incident.kind)
    if body["decision"] != "Unknown":
        assert because["file"] == incident.file, body["unknown"]
    if incident.path is not None:
        assert because["path"] == incident.path
    for wanted in incident.unknown:
        assert any(wanted in told for told in body["unknown"]), body["unknown"]


@EACH
def test_an_answer_keeps_the_contract(incident: Incident, tmp_path: Path) -> None:
    """Every member of ecosystem.md 7.2; the place is one of the file; code and cause are of one row."""
    found = answered(tmp_path, incident.event, incident.files)
    body = json.loads(json.dumps(found.body))
    assert {
        *("code", "call", "caller", "resource", "decision", "cause", "because", "looked_at"),
        *("unknown", "repairs", "wire_error", "confidence"),
    } <= set(body)
    because = body["because"]
    assert set(because) >= {"account", "kind", "file", "path", "line"}
    if body["cause"]:
        assert Cause[body["cause"]].code == body["code"]
    if because["file"]:
        text = (tmp_path / "policies" / because["file"]).read_text()
        at(json.loads(text), because["path"])
        assert 1 <= (because["line"] or 1) <= text.count("\n") + 1
    assert found.text.strip()


@EACH
def test_an_offered_repair_made_in_the_files_is_one(incident: Incident, tmp_path: Path) -> None:
    """Method: make every edit in a copy of the files, tell the event without its reason: the files then allow it.

    Not where files are missing: there the reason itself rules out what the missing file might say.
    """
    if incident.unknown:
        return
    offered = answered(tmp_path, incident.event, incident.files).body["repairs"]
    for nth, repair in enumerate(one for one in offered if one["edits"]):
        assert repair["verified"]
        files = json.loads(json.dumps(incident.files))
        for edit in repair["edits"]:
            make(files, edit)
        (again := tmp_path / str(nth)).mkdir()
        assert answered(again, without_reason(incident.event), files).body["decision"] == "Allowed", repair


def without_reason(event: Any) -> Any:
    """Each record with the error text cut before it says why."""
    if isinstance(event, dict) and "CloudTrailEvent" in event:
        return {"CloudTrailEvent": json.dumps(without_reason(json.loads(event["CloudTrailEvent"])))}
    if isinstance(event, dict):
        cut = {name: without_reason(value) if isinstance(value, list) else value for name, value in event.items()}
        words = cut.get("errorMessage", "").partition(" because ")[0].partition(" with an explicit")[0]
        return cut | ({"errorMessage": words} if "errorMessage" in cut else {})
    return [without_reason(one) if isinstance(one, dict) else one for one in event]


def make(files: dict[str, Any], edit: dict[str, Any]) -> None:
    """One edit as the contract means it: `set`, `add` to a list or beside a single value, `remove`."""
    *above, last = [step.replace("~1", "/").replace("~0", "~") for step in edit["path"].split("/")]
    if not above:
        files[edit["file"]] = edit["set"]
        return
    holder = files[edit["file"]]
    for step in above[1:]:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    name: Any = int(last) if isinstance(holder, list) else last
    if "set" in edit:
        holder[name] = edit["set"]
    elif "add" in edit:
        old = holder[name]
        holder[name] = [*(old if isinstance(old, list) else [old]), edit["add"]]
    elif edit["remove"] is True:
        del holder[name]
    else:
        holder[name] = [one for one in holder[name] if one != edit["remove"]]


def test_at_least_forty_incidents_of_every_kind_are_told() -> None:
    assert len(INCIDENTS) >= 40
    assert {one.kind for one in INCIDENTS} >= {
        *("key-policy", "identity", "boundary", "session", "scp", "rcp"),
        *("grant", "endpoint", "key-state", "sharing", "unknown"),
    }
