"""A clone sets itself up: the lock, the targets, the script of CI."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from sources import ROOT

LOCKS = ("requirements.lock", "requirements-bench.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


def pins(lock: str) -> set[str]:
    return {_normal(found) for found in PIN.findall((ROOT / lock).read_text())}


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _asked(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return _normal(found.group())


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    """Method: every pin is followed by a hash, and nothing in the file looks like an address."""
    text = (ROOT / lock).read_text()
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert block.startswith("#") or "--hash=sha256:" in block, block
    assert re.search(r"://|--(index|extra|find)", text) is None


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    """Method: names of pyproject.toml, the development group and PostgreSQL's driver included."""
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    asked = [*project["dependencies"], *groups["dev"], *project["optional-dependencies"]["postgres"]]
    assert {_asked(each) for each in asked} - pins("requirements.lock") == set()
    assert {_asked(each) for each in groups["bench"]} - pins("requirements-bench.lock") == set()


def test_whoever_runs_the_casebook_finds_its_libraries() -> None:
    assert {"boto3", "pyyaml", "jmespath"} <= pins("requirements.lock")


def test_make_alone_lists_every_target_in_a_line() -> None:
    """Method: the targets that are declared phony, against what `make` prints."""
    shown = run("make").stdout.splitlines()
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert {line.split()[0] for line in shown} == set(phony.group(1).split())
    assert all(len(line.split()) > 2 and len(line) <= 100 for line in shown)


@pytest.mark.parametrize("target", ["check", "test", "demo", "bench", "serve", "scenario", "fast", "soak", "docs"])
def test_every_target_sets_up_what_it_needs(target: str) -> None:
    """Method: with no stamp there, a dry run begins by making .venv."""
    shown = run("make", "--dry-run", "--always-make", target).stdout
    assert "-m venv .venv" in shown.split("\n", 1)[0]


def test_ci_runs_what_a_person_runs() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_postgresql_its_tests_are_skipped_with_a_word_and_fail_in_ci(
    tmp_path: Path, ci: str, code: int
) -> None:
    """Method: the script in an environment whose PATH holds what it needs, but no initdb and no apt-get."""
    for tool in ("bash", "id", "ls", "sort", "tail", "readlink", "dirname", "env"):
        found = run("which", tool).stdout.strip()
        (tmp_path / tool).symlink_to(found)
    script = (ROOT / "tests/with_postgres").read_text().replace("/usr/lib/postgresql", str(tmp_path / "none"))
    (tmp_path / "with_postgres").write_text(script)
    done = run("bash", str(tmp_path / "with_postgres"), "echo", "ran", PATH=str(tmp_path), CI=ci)
    assert (done.returncode, done.stdout) == (code, "")
    assert "skipped: echo ran" in done.stderr
