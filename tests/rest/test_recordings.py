"""What is done by hand at a server becomes a scenario that goes the same way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.services import all_services
from tests.rest.by_hand import allow, document, key_policy
from tests.serving.servers import Server, serving, start
from workflows.session import Options, run_file
from workflows.transition import Report

SOURCE, TARGET, OTHER = "111122223333", "444455556666", "777788889999"
PLAINTEXT = "a secret of mine"


class Recorder:
    """`reseal run --record`, begun before and ended after what is done by hand."""

    def __init__(self, server: Server, path: Path) -> None:
        self.path = path
        command = [sys.executable, "-c", "from app.cli import main; main()", "run", "--record", str(path)]
        self.process = subprocess.Popen(
            [*command, "--endpoint", server.endpoint], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def began(self) -> str:
        """What it says until it records."""
        assert self.process.stderr is not None
        said = ""
        for line in self.process.stderr:
            said += line
            if line.startswith("recording the world"):
                break
        return said

    def said_next(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; answers the exit code and what it says then."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, told

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")


Recorders = Callable[..., Recorder]


@pytest.fixture
def recorders() -> Iterator[Recorders]:
    """Commands that are stopped whatever becomes of the test."""
    begun: list[Recorder] = []

    def begin(server: Server, path: Path, says: str = "recording the world 'default'") -> Recorder:
        begun.append(Recorder(server, path))
        assert says in begun[-1].began()
        return begun[-1]

    yield begin
    for each in begun:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--clock", "manual", "--seed", "7") as running:
        yield running


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


def test_a_share_that_failed_by_hand_fails_the_same_way_when_it_is_played(
    server: Server, recorders: Recorders, tmp_path: Path
) -> None:
    """Keys and a volume were there before; the copy is refused later, then the share is repaired, and it works."""
    source_kms: Any = server.client("kms", SOURCE)
    target_kms: Any = server.client("kms", TARGET)
    source_ec2: Any = server.client("ec2", SOURCE)
    key = source_kms.create_key(Policy=key_policy(SOURCE), Description="volumes")["KeyMetadata"]["Arn"]
    own = target_kms.create_key(Policy=key_policy(TARGET))["KeyMetadata"]["Arn"]
    volume = source_ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=key)["VolumeId"]

    recorder = recorders(server, tmp_path / "by-hand.reseal.yaml")
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
    code, told = recorder.interrupt()

    assert code == 0, told + recorder.text
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
    assert "target/importer: {user: importer, policies: [policies/target-importer/work.json]}" in recorder.text
    assert "cause: KEY_POLICY_SILENT" in recorder.text
    for id in (snapshot, volume, key, own):
        assert id not in recorder.text
    assert keys["aws_secret_access_key"] not in recorder.text


def test_errors_grants_ciphertexts_and_secrets(server: Server, recorders: Recorders, tmp_path: Path) -> None:
    """What one call answered goes into the next by reference; a plaintext is not kept, and need not be."""
    kms: Any = server.client("kms", OTHER)
    recorder = recorders(server, tmp_path / "kms.reseal.yaml")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    blob = kms.encrypt(KeyId="alias/app", Plaintext=PLAINTEXT.encode(), EncryptionContext={"a": "b"})["CiphertextBlob"]
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
    code, told = recorder.interrupt()
    assert code == 0, told + recorder.text
    assert PLAINTEXT not in recorder.text
    assert [outcome for _, outcome in outcomes(played(recorder.path))] == [
        "OK", "OK", "OK", "OK", "InvalidCiphertextException", "OK", "OK", "NotFoundException", "OK",
        "DisabledException",
    ]  # fmt: skip


def test_nothing_done_is_nothing_written(server: Server, recorders: Recorders, tmp_path: Path) -> None:
    recorder = recorders(server, tmp_path / "empty.reseal.yaml")
    code, told = recorder.interrupt()
    assert (code, recorder.path.exists()) == (5, False)
    assert "nothing was done that a scenario could tell" in told


def test_a_file_that_is_there_is_not_written_over(server: Server, recorders: Recorders, tmp_path: Path) -> None:
    """It is said before anything is recorded."""
    path = tmp_path / "there.reseal.yaml"
    path.write_text("mine", encoding="utf-8")
    code, _ = recorders(server, path, says="there.reseal.yaml is there already").ended()
    assert code == 2
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_file_that_came_meanwhile_costs_nothing(server: Server, recorders: Recorders, tmp_path: Path) -> None:
    """The server goes on recording, and the next command has all of it."""
    recorder = recorders(server, tmp_path / "first.reseal.yaml")
    server.client("kms", OTHER).create_key()  # type: ignore[attr-defined]
    recorder.path.write_text("mine", encoding="utf-8")
    code, told = recorder.interrupt()
    assert (code, recorder.text) == (2, "mine")
    assert "the server still records" in told
    says = "going on with a recording that was broken off after 1 call\n"
    second = recorders(server, tmp_path / "second.reseal.yaml", says)
    assert second.interrupt()[0] == 0
    assert "kms:CreateKey" in second.text


def test_a_server_that_vanishes_leaves_what_was_done_until_then(recorders: Recorders, tmp_path: Path) -> None:
    """Method: the second command fetches what the first was kept from writing; then the server is killed."""
    with serving("--clock", "manual") as server:
        first = recorders(server, tmp_path / "first.reseal.yaml")
        server.client("kms", OTHER).create_key()  # type: ignore[attr-defined]
        first.path.write_text("mine", encoding="utf-8")
        assert first.interrupt()[0] == 2
        second = recorders(server, tmp_path / "second.reseal.yaml")
        server.kill()
        assert "does not answer" in second.said_next()
        code, told = second.interrupt()
    assert code == 3
    assert "second.reseal.yaml holds what was done until then" in told
    assert outcomes(played(second.path)) == [("kms:CreateKey", "OK")]


def test_a_recording_outlives_its_server(recorders: Recorders, tmp_path: Path) -> None:
    """Killed and started again on its data directory, the server goes on with it, and so does the command."""
    data = f"sqlite:///{tmp_path}/worlds.db"
    first = start("--clock", "manual", "--database", data)
    port = int(first.endpoint.rpartition(":")[2])
    try:
        recorder = recorders(first, tmp_path / "long.reseal.yaml")
        key = first.client("kms", OTHER).create_key()["KeyMetadata"]["KeyId"]  # type: ignore[attr-defined]
    finally:
        first.kill()
    second = start("--clock", "manual", "--database", data, port=port)
    try:
        second.client("kms", OTHER).disable_key(KeyId=key)  # type: ignore[attr-defined]
        code, told = recorder.interrupt()
    finally:
        second.kill()
    assert code == 0, told
    assert outcomes(played(recorder.path)) == [("kms:CreateKey", "OK"), ("kms:DisableKey", "OK")]
