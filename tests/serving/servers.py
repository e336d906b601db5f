"""Servers as processes of their own: `reseal serve` on a free port, killed or stopped as a test wants."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

REGION = "us-east-1"
START_S_MAX = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    process: subprocess.Popen[str]
    endpoint: str

    def client(self, service: str, account: str = "111111111111", **more: str) -> object:
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "test", **more}
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=60, read_timeout=120)
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, config=once, **keys)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=120)


def start(*options: str, port: int | None = None, cwd: Path | None = None) -> Server:
    """On the port that the system gives, unless one is asked for."""
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", str(port or 0), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=cwd
    )
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        if line.startswith("reseal serves at "):
            address = line.split()[-1]
        if line == "Ready.\n":
            return Server(process, address)
    raise AssertionError(f"the server did not start: exit {process.wait()}")


@contextmanager
def serving(*options: str) -> Iterator[Server]:
    server = start(*options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


def run_to_end(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`reseal ...` until it ends; for what must not start."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
