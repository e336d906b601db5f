"""What is done by hand at a server becomes a scenario that goes the same way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.services import all_services
from tests.serving.servers import Server, start
from workflows.session import Options, run_file
from workflows.transition import Report

SOURCE, TARGET = "111122223333", "444455556666"
USE = ["kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant", "kms:ReEncryptFrom", "kms:ReEncryptTo"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = start("--clock", "manual", "--seed", "7")
    yield running
    running.kill()


class Recorder:
    """`reseal run --record`, begun before and ended after what is done by hand."""

    def __init__(self, server: Server, path: Path) -> None:
        self.path = path
        command = [sys.executable, "-c", "from app.cli import main; main()", "run", "--record", str(path)]
        self._process = subprocess.Popen(
            [*command, "--endpoint", server.endpoint], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        assert "recording the world 'default'" in self._process.stderr.readline()

    def end(self) -> tuple[int, str]:
        self._process.send_signal(signal.SIGINT)
        _, told = self._process.communicate(timeout=60)
        return self._process.returncode, told


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def key_policy(account: str, other: str = "") -> str:
    own = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{account}:root"})
    theirs = [allow(USE, Principal={"AWS": f"arn:aws:iam::{other}:root"})] if other else []
    return document(own, *theirs)


def user(server: Server, account: str, name: str, policy: str) -> dict[str, str]:
    """Keys of a new user."""
    iam: Any = server.client("iam", account)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


def played(path: Path) -> Report:
    return run_file(str(path), all_services(), Options())


def outcomes(report: Report) -> list[tuple[str, str]]:
    return [(each.call, each.outcome) for each in report.transitions if each.section == "steps"]


def test_a_share_that_failed_by_hand_fails_the_same_way_when_it_is_played(server: Server, tmp_path: Path) -> None:
    """Keys and a volume were there before; the copy is refused later, then the share is repaired, and it works."""
    source_kms: Any = server.client("kms", SOURCE)
    target_kms: Any = server.client("kms", TARGET)
    source_ec2: Any = server.client("ec2", SOURCE)
    key = source_kms.create_key(Policy=key_policy(SOURCE), Description="volumes")["KeyMetadata"]["Arn"]
    own = target_kms.create_key(Policy=key_policy(TARGET))["KeyMetadata"]["Arn"]
    volume = source_ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=key)["VolumeId"]

    recorder = Recorder(server, tmp_path / "by-hand.reseal.yaml")
    keys = user(server, TARGET, "importer", document(allow(["ec2:*", "kms:*"])))
    target_ec2: Any = server.client("ec2", TARGET, **keys)
    snapshot = source_ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    source_ec2.describe_snapshots(SnapshotIds=[snapshot])
    share = {"Add": [{"UserId": TARGET}]}
    source_ec2.modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission=share)
    copy = {"SourceRegion": "us-east-1", "SourceSnapshotId": snapshot, "Encrypted": True, "KmsKeyId": own}
    failed = target_ec2.copy_snapshot(**copy)["SnapshotId"]
    assert target_ec2.describe_snapshots(SnapshotIds=[failed])["Snapshots"][0]["State"] == "error"
    source_kms.put_key_policy(KeyId=key, PolicyName="default", Policy=key_policy(SOURCE, TARGET))
    target_ec2.copy_snapshot(**copy)
    code, told = recorder.end()

    text = recorder.path.read_text(encoding="utf-8")
    assert code == 0, told + text
    assert told.strip().endswith("it goes as it went by hand")
    report = played(recorder.path)
    assert outcomes(report) == [
        ("ec2:CreateSnapshot", "OK"),
        ("ec2:ModifySnapshotAttribute", "OK"),
        ("ec2:CopySnapshot", "later KEY_NOT_ACCESSIBLE"),
        ("kms:PutKeyPolicy", "OK"),
        ("ec2:CopySnapshot", "OK"),
    ]
    assert [each.call for each in report.transitions if each.section == "given"] == [
        "kms:CreateKey", "kms:CreateKey", "ec2:CreateVolume",
    ]  # fmt: skip
    assert "target/importer: {user: importer, policies: [policies/target-importer-work.json]}" in text
    for id in (snapshot, volume, key, own):
        assert id not in text
    assert keys["aws_secret_access_key"] not in text


def test_errors_grants_ciphertexts_and_secrets(server: Server, tmp_path: Path) -> None:
    """What one call answered goes into the next by reference; a plaintext is not kept, and need not be."""
    kms: Any = server.client("kms", "777788889999")
    recorder = Recorder(server, tmp_path / "kms.reseal.yaml")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    blob = kms.encrypt(KeyId="alias/app", Plaintext=b"a secret of mine", EncryptionContext={"a": "b"})["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
    with pytest.raises(ClientError, match="InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "c"})
    grant = kms.create_grant(
        KeyId=key, GranteePrincipal=f"arn:aws:iam::{TARGET}:root", Operations=["Decrypt"]
    )["GrantId"]  # fmt: skip
    kms.revoke_grant(KeyId=key, GrantId=grant)
    with pytest.raises(ClientError, match="NotFoundException"):
        kms.revoke_grant(KeyId=key, GrantId=grant)
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="DisabledException"):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    code, told = recorder.end()
    text = recorder.path.read_text(encoding="utf-8")
    assert code == 0, told + text
    assert "a secret of mine" not in text
    assert [outcome for _, outcome in outcomes(played(recorder.path))] == [
        "OK", "OK", "OK", "OK", "InvalidCiphertextException", "OK", "OK", "NotFoundException", "OK",
        "DisabledException",
    ]  # fmt: skip


def test_nothing_done_is_nothing_written(server: Server, tmp_path: Path) -> None:
    recorder = Recorder(server, tmp_path / "empty.reseal.yaml")
    code, told = recorder.end()
    assert (code, recorder.path.exists()) == (5, False)
    assert "nothing was done that a scenario could tell" in told


def test_a_file_that_is_there_is_not_written_over(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "there.reseal.yaml"
    path.write_text("mine", encoding="utf-8")
    recorder = Recorder(server, path)
    server.client("kms", "777788889999").create_key()  # type: ignore[attr-defined]
    assert recorder.end()[0] == 2
    assert path.read_text(encoding="utf-8") == "mine"
