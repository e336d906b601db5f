"""A server as its users have it: started, stopped, killed, started again, and told wrong things."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from tests.serving.servers import Server, run_to_end, serving, start

SOURCE, TARGET = "111111111111", "222222222222"
SHOUT = b"a canary that must be found nowhere on the disk. "
BLOCK = (SHOUT * (524_288 // len(SHOUT) + 1))[:524_288]


def key_policy(*accounts: str) -> str:
    owner = {"Effect": "Allow", "Principal": {"AWS": SOURCE}, "Action": "kms:*", "Resource": "*"}
    use = {"Effect": "Allow", "Principal": {"AWS": list(accounts)}, "Action": "kms:CreateGrant", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [owner, use]})


def written_snapshot(server: Server, key: str) -> str:
    """A complete snapshot of the source account with one block of canary text."""
    import hashlib

    ebs: Any = server.client("ebs")
    id = ebs.start_snapshot(VolumeSize=1, Encrypted=True, KmsKeyArn=key)["SnapshotId"]
    digest = base64.b64encode(hashlib.sha256(BLOCK).digest()).decode()
    ebs.put_snapshot_block(
        SnapshotId=id, BlockIndex=5, BlockData=BLOCK, DataLength=len(BLOCK), Checksum=digest, ChecksumAlgorithm="SHA256"
    )
    ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=1)
    return id


def share(server: Server) -> tuple[str, str]:
    """The share up to the target's copy: (snapshot, copy)."""
    key = server.client("kms").create_key(Policy=key_policy(TARGET))["KeyMetadata"]["Arn"]  # type: ignore[attr-defined]
    snapshot = written_snapshot(server, key)
    ec2: Any = server.client("ec2")
    ec2.modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission={"Add": [{"UserId": TARGET}]})
    target: Any = server.client("ec2", TARGET)
    copy = target.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot, Encrypted=True)["SnapshotId"]
    target.get_waiter("snapshot_completed").wait(SnapshotIds=[copy])
    return snapshot, copy


def read_block(server: Server, account: str, snapshot: str) -> bytes:
    ebs: Any = server.client("ebs", account)
    listed = ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
    assert [block["BlockIndex"] for block in listed] == [5]
    found = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=5, BlockToken=listed[0]["BlockToken"])
    return found["BlockData"].read()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/world.db"


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_worlds_are_there_again_after_a_restart(database: str, how: str) -> None:
    """Worlds, keys, blocks, sessions: what was answered is there, whether the server stopped or was killed."""
    server = start("--database", database)
    _, copy = share(server)
    iam: Any = server.client("iam", TARGET)
    iam.create_user(UserName="reader")
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    if how == "stopped":
        assert server.stop() == 0
    else:
        server.kill()
    with serving("--database", database) as again:
        assert read_block(again, TARGET, copy) == BLOCK
        reader: Any = again.client("sts", made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])
        assert reader.get_caller_identity()["Arn"] == f"arn:aws:iam::{TARGET}:user/reader"


def test_no_plaintext_or_secret_is_on_the_disk_or_in_the_output(tmp_path: Path, database: str) -> None:
    """After a run in an unseeded world: blocks, data keys and secrets are found in no file, in no form."""
    server = start("--database", database)
    kms: Any = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"purpose": "canary"})
    iam: Any = server.client("iam")
    iam.create_user(UserName="u")
    secret = iam.create_access_key(UserName="u")["AccessKey"]["SecretAccessKey"].encode()
    share(server)
    server.kill()
    assert server.process.stdout is not None
    said = server.process.stdout.read().encode()
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert any(path.stat().st_size > 500_000 for path in files), "the blocks themselves should be there, sealed"
    for canary in (SHOUT, made["Plaintext"], secret):
        for form in (canary, base64.b64encode(canary).rstrip(b"=")[:-2], canary.hex().encode()):
            assert form not in said
            for path in files:
                assert form not in path.read_bytes(), path.name


def test_a_flipped_bit_in_a_stored_block_is_an_error_at_read(tmp_path: Path, database: str) -> None:
    server = start("--database", database)
    _, copy = share(server)
    server.stop()
    for segment in (tmp_path / "data" / "blocks").glob("*"):
        content = bytearray(segment.read_bytes())
        if len(content) < 500_000:
            continue
        for at in range(1000, len(content), 400_000):
            content[at] ^= 1
        segment.write_bytes(content)
    with serving("--database", database) as again, pytest.raises(botocore.exceptions.ClientError) as refused:
        read_block(again, TARGET, copy)
    assert refused.value.response["Error"]["Code"] == "InternalServerException"
    assert "block 5" in refused.value.response["Error"]["Message"]


# what must not start, and says why on one screen


def _refused(code: int, *arguments: str) -> str:
    ended = run_to_end(*arguments)
    assert ended.returncode == code, ended
    assert "Traceback" not in ended.stderr + ended.stdout
    assert 0 < len((ended.stderr + ended.stdout).splitlines()) < 25
    return ended.stderr + ended.stdout


def test_a_port_in_use_is_said() -> None:
    with serving() as server:
        port = server.endpoint.rpartition(":")[2]
        assert f"127.0.0.1:{port}" in _refused(3, "serve", "--port", port)


def test_a_data_directory_in_use_is_said(database: str) -> None:
    with serving("--database", database):
        assert "in use by another reseal process" in _refused(3, "serve", "--port", "0", "--database", database)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "--database", "mysql://x"), "reseal knows memory:"),
        (("serve", "--host", "0.0.0.0"), "--i-know-it-is-open"),
        (("serve", "--default-account", "12"), "12 digits"),
        (("serve", "--port", "seventy"), "--port"),
        (("serve", "--auth", "maybe"), "--auth"),
        (("env", "42"), "12 digits"),
    ],
)
def test_wrong_options_are_refused_in_words(arguments: tuple[str, ...], says: str) -> None:
    code = 3 if "mysql://x" in arguments else 2
    assert says in _refused(code, *arguments)


def test_env_without_a_server_says_so() -> None:
    assert "reseal serve" in _refused(3, "env", "--endpoint", "http://127.0.0.1:9")


def test_env_hands_out_a_user_that_policies_bind() -> None:
    with serving() as server:
        ended = run_to_end("env", TARGET, "--endpoint", server.endpoint, "--format", "json")
        found = json.loads(ended.stdout)
        keys = {"aws_secret_access_key": found["AWS_SECRET_ACCESS_KEY"]}
        sts: Any = server.client("sts", found["AWS_ACCESS_KEY_ID"], **keys)
        assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{TARGET}:user/operator"
        iam: Any = server.client("iam", found["AWS_ACCESS_KEY_ID"], **keys)
        with pytest.raises(botocore.exceptions.ClientError, match="is not authorized to perform: iam:ListUsers"):
            iam.list_users()


# whose key it is


def test_a_key_that_was_never_issued_is_refused_and_never_mapped_to_an_account() -> None:
    with serving() as server:
        for unknown in ("AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"):
            sts: Any = server.client("sts", unknown)
            with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
                sts.get_caller_identity()


def test_open_mode_knows_12_digits_and_test_and_strict_mode_neither() -> None:
    with serving() as server:
        assert server.client("sts", SOURCE).get_caller_identity()["Account"] == SOURCE  # type: ignore[attr-defined]
        assert server.client("sts", "test").get_caller_identity()["Account"] == "000000000000"  # type: ignore[attr-defined]
    with serving("--auth", "strict", "--token", "letmein-letmein") as strict:
        for key in (SOURCE, "test"):
            with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
                strict.client("sts", key).get_caller_identity()  # type: ignore[attr-defined]


def test_a_wrong_secret_is_refused() -> None:
    with serving() as server:
        iam: Any = server.client("iam")
        iam.create_user(UserName="u")
        made = iam.create_access_key(UserName="u")["AccessKey"]
        sts: Any = server.client("sts", made["AccessKeyId"], aws_secret_access_key="wrong")
        with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
            sts.get_caller_identity()


def test_the_path_names_the_world_and_keys_find_theirs() -> None:
    """/w/<world> decides; without it the world that issued the key; a key of one world is none of another."""
    import urllib.request

    with serving() as server:
        for name in ("alice", "bob"):
            body = json.dumps({"name": name}).encode()
            json_of = {"content-type": "application/json"}
            request = urllib.request.Request(f"{server.endpoint}/api/v1/worlds", body, json_of)
            urllib.request.urlopen(request).close()
        alice = Server(server.process, f"{server.endpoint}/w/alice")
        bob = Server(server.process, f"{server.endpoint}/w/bob")
        iam: Any = alice.client("iam")
        iam.create_user(UserName="u")
        made = iam.create_access_key(UserName="u")["AccessKey"]
        keys = {"aws_secret_access_key": made["SecretAccessKey"]}
        for endpoint in (alice, server):
            sts: Any = endpoint.client("sts", made["AccessKeyId"], **keys)
            assert sts.get_caller_identity()["Arn"].endswith(":user/u")
        other: Any = bob.client("sts", made["AccessKeyId"], **keys)
        with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
            other.get_caller_identity()
