"""What the tests of exploration share: small scenarios, and what an exploration comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenario_runs import SCENARIOS

from workflows.explore.session import Explored

EXPLORE = SCENARIOS / "explore"
FIVE_STEPS = EXPLORE / "five-step-share.reseal.yaml"

# Two principals with six calls each, and nothing that one could refuse the other.
CALLS = (
    "kms:CreateKey", "ec2:EnableEbsEncryptionByDefault", "kms:ListKeys", "kms:CreateKey",
    "ec2:GetEbsEncryptionByDefault", "ec2:DisableEbsEncryptionByDefault",
)  # fmt: skip
INDEPENDENT = """\
reseal: 1
name: Two who do not meet
workflow: snapshot_sharing
seed: 7
accounts: {source: "111122223333", target: "444455556666"}
steps:
""" + "".join(
    f"  - {{id: {account}-{number}, as: {account}/root, call: {call}, aside: true}}\n"
    for account in ("source", "target")
    for number, call in enumerate(CALLS, 1)
)

SIX_EACH_STATES = {
    "Enabled": "",
    "Disabled": "  - {id: off, as: source/root, call: kms:DisableKey, with: {KeyId: '${{ source-key.KEY }}'}}\n",
    "PendingDeletion": "  - {id: off, as: source/root, call: kms:ScheduleKeyDeletion,"
    " with: {KeyId: '${{ source-key.KEY }}', PendingWindowInDays: 7}}\n",
}


def six_each(key_state: str) -> str:
    """The five-step share with seven calls more: six of each side, under a key in that state."""
    return f"""\
reseal: 1
name: Six calls each
workflow: snapshot_sharing
seed: 7
region: eu-west-1
accounts: {{source: "111122223333", target: "444455556666"}}
given:
  - {{id: source-key, as: source/root, call: kms:CreateKey, save: {{KEY: KeyMetadata.Arn}}}}
  - {{id: target-key, as: target/root, call: kms:CreateKey, save: {{KEY: KeyMetadata.Arn}}}}
  - id: volume
    as: source/root
    call: ec2:CreateVolume
    with: {{AvailabilityZone: eu-west-1a, Size: 1, Encrypted: true, KmsKeyId: "${{{{ source-key.KEY }}}}"}}
    data: {{fill: pattern, blocks: 1}}
{SIX_EACH_STATES[key_state]}\
steps:
  - {{id: look, as: source/root, call: kms:DescribeKey, aside: true, with: {{KeyId: "${{{{ source-key.KEY }}}}"}}}}
  - {{id: snapshot, as: source/root, call: ec2:CreateSnapshot, with: {{VolumeId: "${{{{ volume.VolumeId }}}}"}}}}
  - id: tag
    as: source/root
    call: ec2:CreateTags
    aside: true
    with: {{Resources: ["${{{{ snapshot.SnapshotId }}}}"], Tags: [{{Key: for, Value: target}}]}}
  - id: grant
    as: source/root
    call: kms:PutKeyPolicy
    with: {{KeyId: "${{{{ source-key.KEY }}}}", Policy: "file://policy.json"}}
  - id: share
    as: source/root
    call: ec2:ModifySnapshotAttribute
    with:
      SnapshotId: ${{{{ snapshot.SnapshotId }}}}
      Attribute: createVolumePermission
      OperationType: add
      UserIds: ["${{{{ accounts.target }}}}"]
  - {{id: list, as: source/root, call: kms:ListGrants, aside: true, with: {{KeyId: "${{{{ source-key.KEY }}}}"}}}}
  - {{id: own-keys, as: target/root, call: kms:ListKeys, aside: true}}
  - {{id: own-key, as: target/root, call: kms:DescribeKey, aside: true, with: {{KeyId: "${{{{ target-key.KEY }}}}"}}}}
  - id: copy
    as: target/root
    call: ec2:CopySnapshot
    with:
      SourceRegion: eu-west-1
      SourceSnapshotId: ${{{{ snapshot.SnapshotId }}}}
      Encrypted: true
      KmsKeyId: ${{{{ target-key.KEY }}}}
  - id: tag-copy
    as: target/root
    call: ec2:CreateTags
    aside: true
    with: {{Resources: ["${{{{ copy.SnapshotId }}}}"], Tags: [{{Key: from, Value: source}}]}}
  - id: restore
    as: target/root
    call: ec2:CreateVolume
    with: {{SnapshotId: "${{{{ copy.SnapshotId }}}}", AvailabilityZone: eu-west-1a}}
  - id: tag-volume
    as: target/root
    call: ec2:CreateTags
    aside: true
    with: {{Resources: ["${{{{ restore.VolumeId }}}}"], Tags: [{{Key: from, Value: copy}}]}}
"""


SHARED_POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::${{ accounts.source }}:root"},
   "Action": "kms:*", "Resource": "*"},
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::${{ accounts.target }}:root"},
   "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}]}"""


def ends(explored: Explored) -> list[Any]:
    """Which ends there are, with who can read what, whatever led to each first."""
    return sorted((row.end.key(), row.declared) for row in explored.verdict.rows)


def told(explored: Explored) -> dict[str, int]:
    """Each surprise, and how many calls the shortest path to it has."""
    return {one.what: len(one.shortest.path()) for one in explored.verdict.surprises}


def steps(path: Any) -> list[str]:
    return [node.step.id for node in path]


def written(folder: Path, text: str) -> Path:
    (folder / "policy.json").write_text(SHARED_POLICY, encoding="utf-8")
    path = folder / "s.reseal.yaml"
    path.write_text(text, encoding="utf-8")
    return path
