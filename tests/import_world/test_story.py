"""An engineer with a broken share: capture both accounts, import, ask why, repair the accounts, and it works there.

Method: every step is a command as a person types it, `aws` and `reseal`; one world stands for AWS, another is imported.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

from tests.import_world.conftest import reseal
from tests.import_world.estate import REGION, World, allow, document

SOURCE, TARGET = "111122223333", "444455556666"


def broken(world: World) -> dict[str, str]:
    """The key lets the target account read, and make no grants, which EC2 needs for a copy."""
    kms, ec2, iam = world.client("kms", SOURCE), world.client("ec2", SOURCE), world.client("iam", TARGET)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, Encrypted=True, KmsKeyId=key)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    share = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": [TARGET]}
    ec2.modify_snapshot_attribute(SnapshotId=snapshot, **share)
    own = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{SOURCE}:root"})
    other = allow("kms:DescribeKey", "kms:Decrypt", "kms:ReEncryptFrom", Principal={"AWS": TARGET})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(own, other))
    there = world.client("kms", TARGET)
    there.create_alias(AliasName="alias/own", TargetKeyId=there.create_key()["KeyMetadata"]["KeyId"])
    trust = allow("sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})
    del trust["Resource"]
    iam.create_role(RoleName="importer", AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName="importer", PolicyName="own", PolicyDocument=document(allow("ec2:*", "kms:*")))
    return {"snapshot": snapshot}


def test_the_repair_that_the_import_finds_works_in_the_accounts(ready: str, aws: Path, tmp_path: Path) -> None:
    real, copy = World(ready, "story"), f"{ready}/w/story-copy"
    real.rest("", {"name": real.name})
    snapshot = broken(real)["snapshot"]
    (tmp_path / "config").write_text("".join(
        f"[profile {name}]\naws_access_key_id = {account}\naws_secret_access_key = any\n"
        for name, account in (("source", SOURCE), ("target", TARGET))
    ))  # fmt: skip
    plain = {
        "PATH": f"{aws}:{os.environ['PATH']}", "HOME": str(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    at_home = plain | {"AWS_ENDPOINT_URL": real.url, "AWS_DEFAULT_REGION": REGION}

    def typed(command: str, environment: dict[str, str]) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def as_importer(endpoint: str) -> dict[str, str]:
        found = reseal("env", TARGET, "--role", "importer", "--endpoint", endpoint, "--format", "json")
        assert "without asking its trust policy" in found.stderr
        return plain | {name: value for name, value in json.loads(found.stdout).items() if isinstance(value, str)}

    def state_of_a_copy(endpoint: str) -> str:
        environment = as_importer(endpoint)
        asked = f"aws ec2 copy-snapshot --source-region {REGION} --source-snapshot-id {snapshot} --encrypted"
        id = typed(f"{asked} --kms-key-id alias/own --query SnapshotId --output text", environment).strip()
        query = "Snapshots[0].[State,StateMessage]"
        return typed(
            f"aws ec2 describe-snapshots --snapshot-ids {id} --query '{query}' --output text", environment
        ).strip()

    failed = "error\tGiven key ID is not accessible"
    assert state_of_a_copy(real.url) == failed
    (tmp_path / "capture.sh").write_text(reseal("world", "capture-script").stdout)
    typed(f"bash capture.sh --out accounts --profile source --profile target --region {REGION}", at_home)
    done = reseal("world", "import", str(tmp_path / "accounts"), "--endpoint", copy)
    assert done.returncode == 0, done.stderr
    assert state_of_a_copy(copy) == failed
    told: dict[str, Any] = json.loads(reseal("explain", "--last", "--endpoint", copy, "--json").stdout)
    assert told["cause"] == "KEY_POLICY_SILENT"
    repair = told["repairs"][0]
    assert repair["verified"]
    (tmp_path / "resource.json").write_text(repair["documents"][0]["after"])
    command, _, account = repair["commands"][0].partition("  # in account ")
    assert shlex.split(command)[:3] == ["aws", "kms", "put-key-policy"]
    assert account == SOURCE
    typed(f"{command} --profile source", at_home)
    assert state_of_a_copy(real.url).startswith("completed")
