"""A door over a fake host, asked in process or by real clients over HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config

from app.doors.wire.door import WireDoor
from tests.doors.wire.fakes import SECRETS, FakeHost, not_for_aws


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def served(server: tuple[str, FakeHost]) -> tuple[str, FakeHost]:
    """The server's address, and its host as if it had just started."""
    server[1].answers.clear()
    server[1].requests.clear()
    return server


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, FakeHost]]:
    """A running server's address, and its host."""
    host = FakeHost()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        WireDoor(host, not_for_aws), http="httptools", log_level="error", server_header=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", host
    server.should_exit = True
    thread.join(timeout=5)


@pytest.fixture
def client(served: tuple[str, FakeHost]) -> Any:
    """Makes boto3 clients of Alice's; `path` goes before every request's own."""

    def make(
        service: str, key: str = "AKIAALICE", secret: str | None = None, token: str | None = None, path: str = ""
    ) -> Any:
        return boto3.client(
            service,
            endpoint_url=served[0] + path,
            region_name="eu-west-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret or SECRETS.get(key, "any"),
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}),
        )

    return make
