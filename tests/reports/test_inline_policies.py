"""A policy written in a scenario itself: a refusal points at the line of the YAML that decided, wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app import cli_sweep
from tests.reports.conftest import finished
from workflows.reports import render
from workflows.reports.findings import UNMET, findings

BASE = """\
reseal: 1
name: A worker and a key
accounts: {one: "111111111111"}
principals:
  one/worker:
    user: worker
    policies:
      - Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: kms:Encrypt
            Resource: "*"
            Condition:
              StringEquals:
                aws:PrincipalAccount: ${{ accounts.one }}
given:
  - id: key
    as: one/root
    call: kms:CreateKey
    save: {ARN: KeyMetadata.Arn}
  - id: policy
    as: one/root
    call: kms:PutKeyPolicy
    with:
      KeyId: ${{ key.ARN }}
      PolicyName: default
      Policy:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {AWS: "arn:aws:iam::111111111111:root"}, Action: "kms:*", Resource: "*"}
          - Effect: Allow
            Principal: "*"
            Action: kms:ListAliases
            Resource: ${{ key.ARN }}
steps:
  - id: encrypt
    as: one/worker
    call: kms:Encrypt
    with: {KeyId: "${{ key.ARN }}", Plaintext: aGVsbG8=}
"""


def line_of(text: str, words: str) -> int:
    (found,) = (number for number, line in enumerate(text.splitlines(), 1) if words in line)
    return found


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("aws:PrincipalAccount:", "aws:PrincipalTag/team:", ("aws:PrincipalTag/team:", 17)),
        ("            Action: kms:Encrypt", "            Action: kms:Decrypt", ("Action: kms:Decrypt", 13)),
        ("Effect: Allow\n            Principal: \"*\"\n            Action: kms:ListAliases",
         "Effect: Deny\n            Principal: \"*\"\n            Action: kms:Encrypt", ("- Effect: Deny", 13)),
    ],
    ids=["condition", "silence", "a Deny in a call's parameter"],
)  # fmt: skip
def test_a_refusal_points_at_what_decided_it(tmp_path: Path, old: str, new: str, at: tuple[str, int]) -> None:
    assert old in BASE
    text = BASE.replace(old, new)
    path = tmp_path / "s.reseal.yaml"
    path.write_text(text, encoding="utf-8")
    ended = finished(path)
    policy, step = findings([ended])
    assert policy.rule.startswith("D")
    assert (policy.region.file, policy.region.line, policy.region.column) == (str(path), line_of(text, at[0]), at[1])
    assert (step.rule, step.region.file) == (UNMET, str(path))
    (first, _) = json.loads(render("sarif", [ended], str(tmp_path)))["runs"][0]["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "s.reseal.yaml"
    assert place["region"] == {"startLine": line_of(text, at[0]), "startColumn": at[1]}
    assert f"\n::error file=s.reseal.yaml,line={line_of(text, at[0])},col={at[1]}," in render(
        "github", [ended], str(tmp_path)
    )
    assert f"s.reseal.yaml:{line_of(text, at[0])}:{at[1]}" in render("html", [ended], str(tmp_path))


def test_what_is_inherited_points_into_the_file_that_says_it(tmp_path: Path) -> None:
    """Method: the base's policy refuses what the other file's step asks; then the other file's own policy does."""
    base = tmp_path / "base.reseal.yaml"
    base.write_text(BASE.replace("aws:PrincipalAccount:", "aws:PrincipalTag/team:"), encoding="utf-8")
    path = tmp_path / "derived.reseal.yaml"
    path.write_text("reseal: 1\nname: derived\nextends: base.reseal.yaml\n", encoding="utf-8")
    policy, step = findings([finished(path)])
    assert (policy.region.file, policy.region.line) == (str(base), 15)
    assert step.region.file == str(base)
    path.write_text(
        "reseal: 1\nname: derived\nextends: base.reseal.yaml\nchange:\n  principals:\n    one/worker:\n"
        "      policies:\n        - Version: '2012-10-17'\n          Statement:\n"
        "            Effect: Allow\n            Action: kms:Decrypt\n            Resource: '*'\n",
        encoding="utf-8",
    )
    policy, _ = findings([finished(path)])
    assert (policy.region.file, policy.region.line) == (str(path), 11)


def test_in_a_sweep_it_points_at_the_value_of_the_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = (
        "strategy:\n  matrix:\n    condition:\n      - {StringEquals: {'aws:PrincipalAccount': '111111111111'}}\n"
        "      - StringEquals:\n          aws:PrincipalTag/team: red\n"
    )
    inner = BASE.replace(
        "Condition:\n              StringEquals:\n                aws:PrincipalAccount: ${{ accounts.one }}\n",
        "Condition: ${{ matrix.condition }}\n",
    )
    text = inner.replace("principals:", f"{strategy}principals:")
    (tmp_path / "s.reseal.yaml").write_text(
        text + "verdicts: [{otherwise: true, then: {ends: end}}]\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    app = typer.Typer()
    cli_sweep.mount(app)
    run: Callable[..., Any] = CliRunner().invoke
    told = run(app, ["s.reseal.yaml", "--format", "github"], catch_exceptions=False)
    assert told.exit_code == 1, told.output
    assert f"\n::error file=s.reseal.yaml,line={line_of(text, 'aws:PrincipalTag/team')},col=11," in told.stdout
