"""The capture script reads only, and keeps only what a reproduction needs."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import botocore.session
import pytest

from tests.import_world.conftest import reseal, script_run
from tests.import_world.estate import Estate, World
from tests.import_world.features import SECRETS

READ_ONLY = {
    "sts get-caller-identity", "iam get-account-authorization-details",
    "kms list-keys", "kms get-key-policy", "kms describe-key", "kms list-grants", "kms list-resource-tags",
    "kms list-aliases", "kms list-key-rotations", "kms get-key-rotation-status",
    "ec2 describe-snapshots", "ec2 describe-snapshot-attribute", "ec2 describe-volumes",
    "ec2 get-ebs-encryption-by-default", "ec2 get-ebs-default-kms-key-id", "ec2 describe-locked-snapshots",
    "ec2 describe-snapshot-tier-status", "ec2 describe-fast-snapshot-restores", "ec2 list-snapshots-in-recycle-bin",
    "ec2 get-snapshot-block-public-access-state", "ec2 describe-images", "ec2 describe-image-attribute",
    "ec2 describe-instances", "rbin list-rules", "rbin get-rule",
    "organizations describe-organization", "organizations list-roots", "organizations list-accounts-for-parent",
    "organizations list-organizational-units-for-parent", "organizations list-policies",
    "organizations list-targets-for-policy", "organizations describe-policy",
}  # fmt: skip
_CALL = re.compile(r"\baws ([a-z0-9-]+) ([a-z-]+)")


def script() -> str:
    text = reseal("world", "capture-script").stdout
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def test_every_call_in_it_reads() -> None:
    """Method: each `aws` of the text is followed by a service and an operation of the list, whose words are reads."""
    text = script()
    calls = {" ".join(found) for found in _CALL.findall(text)}
    assert calls == READ_ONLY
    assert len(re.findall(r"\baws\b(?!\s*')", text)) == len(_CALL.findall(text)), "an `aws` that names no operation"
    assert all(call.split()[1].startswith(("get-", "list-", "describe-")) for call in calls)


@pytest.mark.parametrize("call", sorted(READ_ONLY))
def test_each_of_them_is_an_operation_of_aws(call: str) -> None:
    service, operation = call.split()
    model = botocore.session.get_session().get_service_model(service)
    assert operation.replace("-", "") in {name.lower() for name in model.operation_names}


def test_it_calls_nothing_else_that_leaves_the_machine() -> None:
    assert not re.search(r"\b(curl|wget|nc|ssh|scp|python\d?|eval|exec|source)\b", script())
    assert subprocess.run(["bash", "-n"], input=script(), text=True, check=False).returncode == 0


def test_what_it_writes_holds_no_secret(here: tuple[World, Estate], folder: Path) -> None:
    """Descriptions, values of tags, addresses and access keys were all there to be read."""
    world, estate = here
    world.client("ec2", f"{estate.source}/user/operator").describe_volumes()  # so that somebody has an access key
    texts = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    keys = [value for each in world.keys.values() for value in each.values() if value != "any" and not value.isdigit()]
    assert keys, "there are access keys that could leak"
    known = ("payroll", "secret", 'storage"}', "example.com", "AKIA", "ASIA", "Description", "hunter2", "UserData")
    for secret in (*known, *SECRETS, *keys):
        assert not [path.name for path, text in texts.items() if secret in text], secret
    details = json.loads(texts[folder / estate.source / "authorization-details.json"])
    tags = next(one["Tags"] for one in details["UserDetailList"] if one["UserName"] == "operator")
    assert tags == [{"Key": "team"}]
    assert all(path.stat().st_mode & 0o077 == 0 for path in texts)
    assert not list(folder.rglob(".*")), "nothing half-done is left"


def test_what_is_refused_is_said_and_the_rest_is_kept(here: tuple[World, Estate], aws: Path, tmp_path: Path) -> None:
    """Method: a user who may list keys and read no policy."""
    world, estate = here
    iam = world.client("iam", estate.target)
    iam.create_user(UserName="auditor")
    may = {"Effect": "Allow", "Action": ["kms:List*", "iam:Get*"], "Resource": "*"}
    iam.put_user_policy(UserName="auditor", PolicyName="read", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [may]}))  # fmt: skip
    made = iam.create_access_key(UserName="auditor")["AccessKey"]
    keys = made["AccessKeyId"], made["SecretAccessKey"]
    done = script_run(world, estate, aws, tmp_path / "out", only=keys, options=("--tags",))
    iam.delete_access_key(UserName="auditor", AccessKeyId=keys[0])
    iam.delete_user_policy(UserName="auditor", PolicyName="read")
    iam.delete_user(UserName="auditor")
    assert done.returncode == 1
    assert "volumes.json" in done.stderr
    assert "UnauthorizedOperation" in done.stderr
    found = {path.name for path in (tmp_path / "out").rglob("*.json")}
    assert {"authorization-details.json", "aliases.json"} <= found
    assert "volumes.json" not in found
    details = json.loads((tmp_path / "out" / estate.target / "authorization-details.json").read_text())
    tags = [one["Tags"] for one in details["UserDetailList"] if one["UserName"] == "operator"]
    assert tags == [[{"Key": "team", "Value": "storage"}]], "with --tags their values are kept"


@pytest.mark.parametrize("arguments", [[], ["--out", "x"], ["--surprise"]])
def test_wrong_options_are_refused(arguments: list[str]) -> None:
    text = reseal("world", "capture-script").stdout
    done = subprocess.run(["bash", "-s", "--", *arguments], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr


def test_it_never_writes_into_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    given = ["--out", str(tmp_path), "--profile", "p", "--region", "us-east-1"]
    text = reseal("world", "capture-script").stdout
    done = subprocess.run(["bash", "-s", "--", *given], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
