"""Runs that reports are made of: as expected, refused as expected, refused where it should not be, and hostile ones."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app import cli_check, cli_run
from app.repair.run import finish
from app.services import all_services
from workflows.reports import Finished
from workflows.scenario import load
from workflows.session import Options

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HAPPY = SCENARIOS / "sharing/happy-path.reseal.yaml"
SILENT = SCENARIOS / "broken/target-iam-silent.reseal.yaml"
ALLOWS_GRANTS = '"Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]'
POLICY = "policies/source-key-shared.json"
POLICY_LINE, POLICY_COLUMN = 15, 7  # of the statement's Action that came nearest
HOSTILE = "<script>window.owned=1</script><img src=x onerror=window.owned=1>\"'&::error::%0A"


def finished(path: Path) -> Finished:
    return finish(load(path, all_services().operations), all_services(), Options())


def without_expectations(text: str) -> str:
    """A scenario that says only what is to be done: every step must succeed, and the run end well."""
    return re.sub(r"(?m)^    expect:\n(?:      .*\n|        .*\n)+", "", text)


@pytest.fixture(scope="session")
def happy() -> Finished:
    return finished(HAPPY)


@pytest.fixture(scope="session")
def expected() -> Finished:
    """A refusal that the scenario expects."""
    return finished(SILENT)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A team's repository: the five-step share with its policies, of which one forgets kms:CreateGrant."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(SCENARIOS / "sharing/policies", root / "policies")
    (root / "share.reseal.yaml").write_text(without_expectations(HAPPY.read_text()), encoding="utf-8")
    policy = root / POLICY
    policy.write_text(policy.read_text().replace('"kms:CreateGrant", ', ""), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def broken(repository: Path) -> Finished:
    """A refusal that the scenario does not expect."""
    return finished(repository / "share.reseal.yaml")


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Whatever may be named or described says something that a browser, a terminal or GitHub would obey."""
    path = tmp_path_factory.mktemp("hostile") / "s.reseal.yaml"
    said = HOSTILE.replace('"', '\\"')
    path.write_text(
        f'reseal: 1\nname: "::stop-commands::x\\e[31m {said}"\ndescription: "{said}"\naccounts: [one, two]\n'
        f"principals:\n  one/{'user'}: {{user: user, policies: [policy.json]}}\nsteps:\n"
        f'  - id: key\n    name: "{said}"\n    as: one/root\n    call: kms:CreateKey\n'
        f'    with: {{Description: "{said}", Tags: [{{TagKey: "a", TagValue: "b"}}]}}\n'
        f"    save: {{ID: KeyMetadata.KeyId}}\n"
        f'  - id: volume\n    name: "{said}"\n    as: one/root\n    call: ec2:CreateVolume\n'
        f"    with:\n      AvailabilityZone: us-east-1a\n      Size: 1\n      TagSpecifications:\n"
        f'        - {{ResourceType: volume, Tags: [{{Key: "{said}", Value: "{said}"}}]}}\n'
        f'  - id: use\n    name: "{said}"\n    as: one/user\n    call: kms:DescribeKey\n'
        f"    with: {{KeyId: '${{{{ key.ID }}}}'}}\n",
        encoding="utf-8",
    )
    (path.parent / "policy.json").write_text(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*",\n'
        f' "Condition": {{"StringEquals": {{"aws:PrincipalTag/x": "{said}"}}}}}}]}}',
        encoding="utf-8",
    )
    return finished(path)


@pytest.fixture
def reseal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command, outside of any CI."""
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    app = typer.Typer()
    cli_run.mount(app)
    cli_check.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
