"""Servers to measure, each a process of its own on a free loopback port, and boto3 as their client."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from story import REGION, Answer, Ask

ROOT = Path(__file__).parents[2]
BIN, OTHERS = ROOT / ".venv/bin", ROOT / ".venv-bench/bin"
START_SECONDS_MAX = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(name: str, port: int, *more: str) -> tuple[list[str], dict[str, str]]:
    """How a server is started: its command and what its environment needs."""
    place = str(port)
    return {
        "reseal": ([f"{BIN}/reseal", "serve", "--port", place, *more], {}),
        "moto": ([f"{OTHERS}/moto_server", "-H", "127.0.0.1", "-p", place], {}),
        "ministack": ([f"{OTHERS}/ministack"], {"GATEWAY_PORT": place, "BIND_HOST": "127.0.0.1"}),
        "floor": ([sys.executable, str(Path(__file__).with_name("floor.py")), place], {}),
    }[name]


@contextmanager
def serving(name: str, folder: Path, *more: str) -> Iterator[str]:
    """A server until the block ends, as its endpoint. RuntimeError, with its last words, where it does not start."""
    port = free_port()
    arguments, environment = command(name, port, *more)
    path = {"PATH": f"{OTHERS}:/usr/bin:/bin", "HOME": str(folder)}
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(arguments, stdout=out, stderr=out, cwd=folder, env={**path, **environment})
    try:
        _wait_until_it_answers(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args} did not start: {log.read_text()[-500:]}")


def over_boto3(endpoint: str, keys: Mapping[str, tuple[str, str]]) -> Ask:
    """Calls by boto3; `keys` are (id, secret) by principal."""
    clients: dict[tuple[str, str], Any] = {}

    def client(who: str, service: str) -> Any:
        if (who, service) not in clients:
            key_id, secret = keys[who]
            session = boto3.session.Session(key_id, secret, region_name=REGION)
            once = Config(retries={"max_attempts": 0})
            clients[who, service] = session.client(service, endpoint_url=endpoint, config=once)
        return clients[who, service]

    def ask(who: str, operation: str, parameters: Mapping[str, Any]) -> Answer:
        service, _, name = operation.partition(":")
        return client(who, service)._make_api_call(name, dict(parameters))

    return ask
