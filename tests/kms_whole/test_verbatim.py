"""AWS's own words: every text that was seen from real AWS is given here by a call (issue 6, point 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.kernel.shapes import operation_model
from tests.kms.lab import REGION, SOURCE
from tests.kms_whole.stage import Stage

ROOT = Path(__file__).parents[2]
ROWS = yaml.safe_load(Path(__file__).with_name("verbatim.yaml").read_text(encoding="utf-8"))
CALLS = [row for row in ROWS if "call" in row]


def filled(stage: Stage, value: Any) -> Any:
    """$names and long values put in."""
    if isinstance(value, str) and value.startswith("$"):
        return stage[value[1:]]
    if isinstance(value, Mapping) and set(value) == {"repeat", "times"}:
        return value["repeat"] * value["times"]
    if isinstance(value, Mapping):
        return {name: filled(stage, item) for name, item in value.items()}
    return [filled(stage, item) for item in value] if isinstance(value, list) else value


def parameters(stage: Stage, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is a blob in the model is bytes."""
    members = operation_model("kms", row["call"]).input_shape.members
    given = {name: filled(stage, value) for name, value in row["given"].items()}
    return {
        name: value.encode() if members[name].type_name == "blob" and isinstance(value, str) else value
        for name, value in given.items()
    }


def worded(stage: Stage, text: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: stage.text(found[1]), text)


def without_order(text: str) -> str:
    """The values of an enumeration, whose order AWS does not keep, in the order of the alphabet."""
    return re.sub(r"\[([A-Z0-9_, ]+)\]", lambda found: str(sorted(found[1].split(", "))), text)


@pytest.mark.parametrize("row", CALLS, ids=lambda row: f"{row['mark']} {row['call']}")
def test_the_call_is_answered_in_aws_s_words(row: Mapping[str, Any]) -> None:
    stage = Stage()
    given, expected = parameters(stage, row), worded(stage, row["text"])
    who = stage[row["as"]] if "as" in row else SOURCE
    if "{alias}" in row["text"]:
        stage["alias"]
    code, message = stage.lab.refused(who, row["call"], row.get("region", REGION), **given)
    assert (code, without_order(message)) == (row["code"], without_order(expected))


@pytest.mark.parametrize("row", [row for row in ROWS if "elsewhere" in row], ids=lambda row: row["mark"])
def test_what_is_no_errors_text_stands_in_another_test(row: Mapping[str, Any]) -> None:
    assert row["says"] in (ROOT / row["elsewhere"]).read_text(encoding="utf-8")


def test_every_row_has_its_mark_and_no_two_are_the_same() -> None:
    assert all("[V" in row["mark"] for row in ROWS)
    told = [str(row) for row in ROWS]
    assert len(set(told)) == len(told)
