"""Principals whom a step signs in, and blocks with made-up content: what may be written, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_runs import run

from app.kernel.operation import Services
from workflows.scenario import load
from workflows.yaml_marks import InvalidFile

TEXT = """\
reseal: 1
name: A guest
accounts: {one: "111111111111"}
principals:
  one/dana: {user: dana, policies: [{Version: "2012-10-17", Statement: {Effect: Allow, Action: "*", Resource: "*"}}]}
  one/guest: {signed-in-by: token}
steps:
  - id: token
    as: one/dana
    call: sts:GetFederationToken
    with: {Name: guest, Policy: {Version: "2012-10-17", Statement: {Effect: Allow, Action: "ebs:*", Resource: "*"}}}
  - {id: snapshot, as: one/guest, call: ebs:StartSnapshot, with: {VolumeSize: 1}}
  - id: block
    as: one/guest
    call: ebs:PutSnapshotBlock
    with: {SnapshotId: "${{ snapshot.SnapshotId }}", BlockIndex: 0}
    data: {fill: pattern}
  - id: complete
    as: one/guest
    call: ebs:CompleteSnapshot
    with: {SnapshotId: "${{ snapshot.SnapshotId }}", ChangedBlocksCount: 1}
    expect: {later: {State: completed}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "guest.reseal.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_step_signs_somebody_in_and_he_writes_a_block(services: Services, tmp_path: Path) -> None:
    report = run(written(tmp_path, TEXT), services)
    assert report.ok, report
    assert "SecretAccessKey" in str(report.transitions[0].answer)
    assert "HIDDEN" in str(report.transitions[0].answer["Credentials"])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("signed-in-by: token", "signed-in-by: tokne", "there is no step 'tokne'; did you mean 'token'?"),
        ("signed-in-by: token", "signed-in-by: snapshot", "the answer of ebs:StartSnapshot holds no credentials"),
        ("signed-in-by: token", "signed-in-by: token, user: guest", "so it has nothing beside it"),
        ("as: one/dana", "as: one/guest", "one/guest is signed in by token, which comes later"),
        ("{fill: pattern}", "{fill: pattern, blocks: 2}", "`blocks:` belongs to the data of a volume"),
        ("BlockIndex: 0}", "BlockIdx: 0}", "did you mean 'BlockIndex'?"),
        ('SnapshotId: "${{ snapshot.SnapshotId }}", ', "", "ebs:PutSnapshotBlock needs the parameter SnapshotId"),
        ("Name: guest", 'Name: "${{ principals.one/guest.arn }}"', "principals.one/guest"),
    ],
)
def test_a_mistake_is_said(services: Services, tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(InvalidFile) as invalid:
        load(str(written(tmp_path, TEXT.replace(old, new, 1))), services.operations)
    assert told in str(invalid.value)
