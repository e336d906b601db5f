"""`reseal schema`: what an editor is told of a scenario file. Files are read here as an editor reads them, by YAML."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from scenario_runs import HAPPY, SCENARIOS, run_in_memory
from typer.testing import CliRunner

from app import cli_schema
from app.kernel.operation import Services
from workflows.scenario import Scenario

PATHS = sorted(SCENARIOS.rglob("*.reseal.yaml"))
SIZE_MAX = 1_500_000


def printed(of: str) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    cli_schema.mount(app)
    return CliRunner().invoke(app, ["schema", of], catch_exceptions=False).stdout


@cache
def validator(of: str = "scenario") -> Any:
    schema = json.loads(printed(of))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name.removesuffix(".reseal.yaml"))
def test_every_shipped_scenario_is_valid_under_the_schema(path: Path) -> None:
    assert [f"{error.json_path}: {error.message[:200]}" for error in validator().iter_errors(read(path))] == []


def step(scenario: Any, id: str) -> Any:
    return next(each for each in [*scenario["given"], *scenario["steps"]] if each["id"] == id)


def rename(mapping: Any, old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


TYPOS: dict[str, Callable[[Any], object]] = {
    "the version is another": lambda s: s.update(reseal=2),
    "no version": lambda s: s.pop("reseal"),
    "a section misspelt": lambda s: rename(s, "steps", "step"),
    "an unknown clock": lambda s: s.update(clock="instantly"),
    "an unknown workflow": lambda s: s.update(workflow="snapshot_sharin"),
    "no accounts": lambda s: s.pop("accounts"),
    "an account id with 11 digits": lambda s: s["accounts"].update(source="11112222333"),
    "a principal without its account": lambda s: rename(s["principals"], "source/operator", "operator"),
    "a key of a principal misspelt": lambda s: s["principals"]["source/operator"].update(polices=[]),
    "a step without an id": lambda s: step(s, "share").pop("id"),
    "a step that does nothing": lambda s: step(s, "share").pop("call"),
    "a call as nobody": lambda s: step(s, "share").pop("as"),
    "a key of a step misspelt": lambda s: rename(step(s, "share"), "with", "wiht"),
    "an unknown operation": lambda s: step(s, "copy").update(call="ec2:CopySnapshots"),
    "an unknown service": lambda s: step(s, "copy").update(call="ec3:CopySnapshot"),
    "a parameter misspelt": lambda s: rename(step(s, "copy")["with"], "KmsKeyId", "KmsKeyID"),
    "a parameter of another operation": lambda s: step(s, "restore")["with"].update(SourceRegion="eu-west-1"),
    "a number that is none": lambda s: step(s, "volume")["with"].update(Size="big"),
    "a flag that is none": lambda s: step(s, "copy")["with"].update(Encrypted="yess"),
    "one where many are expected": lambda s: step(s, "share")["with"].update(UserIds="444455556666"),
    "an unknown part of expect": lambda s: step(s, "copy")["expect"].update(event=[]),
    "an unknown cause": lambda s: step(s, "copy")["expect"].update(decision={"call": "kms:X", "cause": "SILENT"}),
    "an unknown why": lambda s: step(s, "copy")["expect"].update(decision={"call": "kms:X", "why": "no-statment"}),
    "a part of blocked-by misspelt": lambda s: step(s, "copy")["expect"].update(
        decision={"call": "kms:X", "blocked-by": {"acount": "source"}}
    ),
    "a duration without a unit": lambda s: s["steps"].append({"id": "later", "advance": "8"}),
    "both a call and a duration": lambda s: step(s, "share").update(advance="8d"),
    "find-again by a call that changes something": lambda s: step(s, "copy")["find-again"].update(
        call="ec2:CopySnapshot"
    ),
    "too much data": lambda s: step(s, "volume")["data"].update(blocks=5000),
    "a change without extends": lambda s: s.update(change={}),
}


@pytest.mark.parametrize("typo", TYPOS)
def test_a_typical_typo_is_not_valid(typo: str) -> None:
    """Method: one slip in the happy path, which is valid without it."""
    scenario = copy.deepcopy(read(HAPPY))
    TYPOS[typo](scenario)
    assert not validator().is_valid(scenario)


EXTENDING_TYPOS: dict[str, Any] = {
    "a changed step's key misspelt": {"change": {"copy": {"wiht": {}}}},
    "a change of a call's parameters misspelt": {
        "steps": [{"id": "c", "call": "ec2:CopySnapshot", "with": {"Kms": 1}}]
    },
    "stop-after that is no text": {"stop-after": ["copy"]},
    "an inserted step without id": {"insert-after": {"copy": {"call": "kms:DisableKey", "as": "source/root"}}},
}


@pytest.mark.parametrize("typo", EXTENDING_TYPOS)
def test_a_typo_in_what_extends_another_is_not_valid(typo: str) -> None:
    assert not validator().is_valid({"reseal": 1, "extends": "a.reseal.yaml"} | EXTENDING_TYPOS[typo])


def test_what_a_yaml_library_makes_of_a_file_is_valid() -> None:
    """Numbers where the format has texts, references where AWS has numbers, documents in the place of text."""
    scenario = copy.deepcopy(read(HAPPY))
    scenario["accounts"] = {"source": 111122223333, "target": None}
    step(scenario, "volume")["with"]["Size"] = "${{ matrix.size }}"
    step(scenario, "grant")["with"]["Policy"] = {"Version": "2012-10-17", "Statement": []}
    assert validator().is_valid(scenario)


def test_the_schema_knows_every_simulated_operation_and_is_of_a_size_for_editors(services: Services) -> None:
    schema = json.loads(printed("scenario"))
    assert [each for each in schema["$defs"]["StepSpec"]["properties"]["call"]["enum"] if each] == sorted(
        services.operations
    )
    assert len(printed("scenario").encode()) < SIZE_MAX


def test_a_report_is_valid_under_its_schema(happy: Scenario, services: Services) -> None:
    """Method: the happy path's, as `reseal run --json` prints it."""
    from workflows.reports import as_json

    report = json.loads(as_json(run_in_memory(happy, services)))
    validator("report").validate(report)
    assert not validator("report").is_valid(report | {"ok": "yes"})
