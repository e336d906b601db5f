"""A world built by hand, its capture by the real script through the installed `aws` command, and its import."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from app.cli import app, mount
from tests.import_world.estate import MANAGEMENT, NEAR, REGION, Estate, World, built
from tests.import_world.warm_aws import shim

START_S_MAX = 120


@pytest.fixture(scope="session")
def ready(endpoint: str) -> str:
    """The server's address, once it listens."""
    _until(lambda: socket.create_connection(urlsplit(endpoint).netloc.split(":")).close() is None)
    return endpoint


@pytest.fixture(scope="session")
def here(ready: str) -> tuple[World, Estate]:
    """The world that stands for AWS."""
    world = World(ready, "real")
    world.rest("", {"name": "real"})
    return world, built(world)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for PATH that holds `aws`."""
    folder = tmp_path_factory.mktemp("bin")
    address = str(folder / "warm")
    process = subprocess.Popen([sys.executable, "-m", "tests.import_world.warm_aws", address])
    _until(lambda: Path(address).exists())
    shim(folder, address)
    yield folder
    process.kill()
    process.wait()


def _until(is_so: Callable[[], bool]) -> None:
    """Wait for something that another thread or process starts."""
    last = time.monotonic() + START_S_MAX
    while time.monotonic() < last:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError("it did not start")


def script_run(
    world: World,
    estate: Estate,
    aws: Path,
    out: Path,
    *,
    only: tuple[str, str] | None = None,
    keys: Mapping[str, dict[str, str]] | None = None,
    options: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """The printed script, run by bash with profiles of the accounts' roots, or of `keys`; or with `only` one user's."""
    config = out.parent / "aws-config"
    accounts = {"source": estate.source, "target": estate.target, "management": MANAGEMENT}
    roots = {name: _keys(account, "any") for name, account in accounts.items()}
    profiles = {"only": _keys(*only)} if only else keys or roots
    config.write_text("".join(
        f"[profile {name}]\n" + "".join(f"{option} = {value}\n" for option, value in given.items())
        for name, given in profiles.items()
    ))  # fmt: skip
    environment = {
        "PATH": f"{aws}:{os.environ['PATH']}", "HOME": str(out.parent), "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": world.url, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
    }  # fmt: skip
    script = out.parent / "capture.sh"
    script.write_text(reseal("world", "capture-script").stdout)
    every = [word for name in accounts for word in ("--profile", name)]
    whole = (*every, "--organization", "management", "--region", REGION)
    given = ("--profile", "only") if only else whole
    command = ["bash", str(script), "--out", str(out), *given, "--region", NEAR, *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


def _keys(key: str, secret: str) -> dict[str, str]:
    return {"aws_access_key_id": key, "aws_secret_access_key": secret}


def reseal(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as it ends; in this process, because there are many."""
    mount()
    done = CliRunner().invoke(app, list(arguments))
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def folder(here: tuple[World, Estate], aws: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the script wrote."""
    out = tmp_path_factory.mktemp("capture") / "accounts"
    done = script_run(*here, aws, out)
    assert done.returncode == 0, done.stderr
    return out
