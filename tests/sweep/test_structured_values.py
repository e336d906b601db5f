"""Values of a matrix that are mappings or lists: a statement, a Condition block, a list of principals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml

from app.services import all_services
from tests.sweep import small
from tests.sweep.conftest import result_bytes
from workflows.files import Shelf
from workflows.format import json_schema
from workflows.sweep.load import Sweep, load
from workflows.yaml_marks import InvalidFile

Made = Callable[..., Sweep]

FILE = """\
reseal: 1
name: Whose statement lets the worker encrypt
accounts: {one: "111111111111"}
strategy:
  matrix:
    statement:
      - {Sid: Open, Effect: Allow, Action: "kms:Encrypt", Resource: "*"}
      - name: only another key
        Effect: Allow
        Action: kms:Encrypt
        Resource: arn:aws:kms:us-east-1:111111111111:key/none
    condition:
      - {StringEquals: {"aws:PrincipalAccount": "${{ accounts.one }}"}}
      - {Bool: {"aws:MultiFactorAuthPresent": "true"}}
    tags: [[a], [a, b], none]
  exclude:
    - {tags: [a, b], condition: {Bool: {"aws:MultiFactorAuthPresent": "true"}}}
  include:
    - {statement: Open, more: {deep: [{key-two: found}]}}
principals:
  one/worker:
    user: worker
    policies:
      - Version: "2012-10-17"
        Statement:
          - Effect: ${{ matrix.statement.Effect }}
            Action: ${{ matrix.statement.Action }}
            Resource: ${{ matrix.statement.Resource }}
            Condition: ${{ matrix.condition }}
steps:
  - id: key
    as: one/root
    call: kms:CreateKey
    with: {Description: "tags: ${{ matrix.tags }}", Policy: "file://key.json"}
  - id: encrypt
    as: one/worker
    call: kms:Encrypt
    with: {KeyId: "${{ key.KeyMetadata.Arn }}", Plaintext: aGVsbG8=}
  - id: never
    if: matrix.statement.Effect == 'Deny'
    as: one/worker
    call: kms:ListKeys
verdicts:
  - {when: {statement: only another key}, then: {fails-at: encrypt, why: no-statement}}
  - when: {condition: {Bool: {"aws:MultiFactorAuthPresent": "true"}}}
    then: {fails-at: encrypt, why: condition}
  - {when: {tags: [[a, b], none]}, then: {ends: end}}
  - {otherwise: true, then: {ends: end}}
"""
KEY = json.dumps(
    {
        "Version": "2012-10-17",
        "Id": "tags ${{ matrix.tags }}",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*",
             "Resource": "*"},
            {"Effect": "Allow", "Principal": "*", "Action": "kms:ListAliases", "Resource": "*",
             "Condition": "${{ matrix.condition }}"},
        ],
    }
)  # fmt: skip


@pytest.fixture
def made(sweep: Made) -> Made:
    return lambda text=FILE, **others: sweep(text, {"key.json": KEY}, **others)


def test_a_sweep_of_mappings_comes_to_what_its_verdicts_say_for_any_number_of_workers(made: Made) -> None:
    found = made()
    told = result_bytes(found, workers=0)
    assert json.loads(told.splitlines()[-1])["ok"], told
    assert result_bytes(found, workers=2) == told
    assert len(found.cells) == 2 * 2 * 3 - 2


def test_a_part_of_a_value_is_referred_to_by_its_path_and_the_whole_stays_a_mapping(made: Made) -> None:
    found = made()
    scenario = found.scenario(Shelf(texts=found.texts), 0)
    policy = scenario.spec.principals["one/worker"].policies[0]
    assert isinstance(policy, dict)
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "${{ accounts.one }}"}}
    key = scenario.spec.steps[0].with_
    assert key["Description"] == 'tags: ["a"]'
    assert json.loads(key["Policy"])["Statement"][1]["Condition"] == statement["Condition"]
    assert json.loads(key["Policy"])["Id"] == 'tags ["a"]'


def test_people_read_a_name_or_the_first_words_and_programs_the_value(made: Made) -> None:
    found = made()
    assert list(found.axes["statement"]) == ["Open", "only another key"]
    assert found.axes["condition"][1] == "{Bool: {aws:MultiFactorAuthPresent: true}…"[:39] + "…"
    assert list(found.axes["tags"]) == ["[a]", "[a, b]", "none"]
    assert found.title(0).startswith("statement=Open, condition={StringEquals:")
    first = json.loads(result_bytes(found, workers=0).splitlines()[0])
    assert first["cell"]["statement"] == {"Sid": "Open", "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}
    assert first["cell"]["more"] == {"deep": [{"key-two": "found"}]}
    assert first["cell"]["tags"] == ["a"]


def test_values_whose_words_are_the_same_are_told_by_their_place(made: Made) -> None:
    found = made(FILE.replace("name: only another key", "Sid: Open").replace("only another key}", '"statement[1]"}'))
    assert list(found.axes["statement"]) == ["Open", "statement[1]"]


def test_values_are_equal_in_whatever_order_their_keys_stand(made: Made) -> None:
    text = FILE.replace("    tags: [[a]", "    twice: [{a: x, b: [y]}, {b: [y], a: x}]\n    tags: [[a]")
    with pytest.raises(InvalidFile, match=r"yaml:15:29: twice has the value '\{a: x, b: \[y\]\}' twice"):
        made(text)


@pytest.mark.parametrize(("sample", "cells"), [("pairwise", range(6, 11)), ("{random: 4}", range(4, 5))])
def test_samples_take_them_as_they_take_texts(made: Made, sample: str, cells: range) -> None:
    found = made(FILE.replace("  exclude:", f"  sample: {sample}\n  exclude:"))
    assert len(found.cells) in cells
    assert json.loads(result_bytes(found, workers=0).splitlines()[-1])["ok"]


SLIPS = (
    ("matrix.statement.Effect }}", "matrix.statement.Efect }}", "26:21", "`matrix.statement.Efect` finds nothing"),
    ("matrix.statement.Effect }}", "matrix.statment.Effect }}", "26:21", "the matrix has no 'statment'; did you mean"),
    ('{tags: [a, b], condition', '{tags: [a, c], condition', "17:14", "has no value '[a, c]'; did you mean '[a, b]'"),
    ("when: {tags: [[a, b], none]}", "when: {tags: [[a, c], none]}", "47:20", "tags has no value '[a, c]'"),
    ("    with: {KeyId:", "    with: {KeyID:", "38:12", "no parameter 'KeyID'"),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "says"), SLIPS, ids=lambda each: str(each)[:20])
def test_a_mistake_is_found_at_its_line_and_column(made: Made, old: str, new: str, at: str, says: str) -> None:
    assert FILE.count(old) == 1
    with pytest.raises(InvalidFile) as caught:
        made(FILE.replace(old, new))
    found = [(f"{each.mark.line}:{each.mark.column}", each.text) for each in caught.value.mistakes]
    assert any(place == at and says in text for place, text in found), found


def test_what_comes_from_the_matrix_has_its_place_there(made: Made) -> None:
    """A call whose parameters are a value of the matrix. Method: a wrong one is told where it is written."""
    text = FILE.replace("    tags: [[a]", "    asked:\n      - {KeyId: x}\n      - {KeyID: x}\n    tags: [[a]")
    text = text.replace("    call: kms:ListKeys\n", "    call: kms:DescribeKey\n    with: ${{ matrix.asked }}\n")
    text = text.replace("    if: matrix.statement.Effect == 'Deny'\n", "")
    with pytest.raises(InvalidFile, match=r"s\.reseal\.yaml:17:10: kms:DescribeKey has no parameter 'KeyID'"):
        made(text)


def test_the_editors_schema_takes_them() -> None:
    plain = yaml.load(FILE, yaml.BaseLoader)  # noqa: S506 - texts only
    jsonschema.validate(plain | {"reseal": 1}, json_schema())


def test_the_example_of_the_documentation_is_a_sweep_that_passes(tmp_path: Path) -> None:
    """Method: the page's block, as a change of the five-step share."""
    page = (small.ROOT / "docs/reports-and-sweeps.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(strategy:.*?)```", page, re.DOTALL)
    share = small.ROOT / "scenarios/sharing"
    (tmp_path / "full.json").write_text((share / "policies/importer.json").read_text(encoding="utf-8"))
    (tmp_path / "none.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        f"reseal: 1\nname: x\nextends: {share}/happy-path.reseal.yaml\n"
        f"change: {{principals: {{target/importer: {{policies: ['${{{{ matrix.target-iam }}}}.json']}}}}}}\n{block}"
    )
    found = load(path, all_services().operations)
    assert len(found.cells) == 3
    assert json.loads(result_bytes(found, workers=0).splitlines()[-1])["ok"]
