"""What several folders of tests share: clouds in this process, two accounts, and a server for real clients."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.sharing.accounts import Share, TwoAccounts, empty_cloud

pytest_plugins = ("tests.policy_proofs.recount",)  # every decision of every test is checked against its trace


# An example may fall on a collection of garbage or a busy machine. No test fails for its time: house/test_tidy.py.
settings.register_profile("reseal", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reseal")


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs, and their children, ignore it
    config.addinivalue_line("markers", "row(*ids): the rows of tests/ebs/rows.py that the test executes")


@pytest.fixture(scope="session")
def accounts() -> TwoAccounts:
    """A source with an encrypted snapshot and a target with a key; settles instantly. Shares fork it."""
    return TwoAccounts.prepared()


@pytest.fixture(scope="session")
def lifelike() -> TwoAccounts:
    """The same in a world that settles in AWS's time."""
    return TwoAccounts.prepared(settle="lifelike")


@pytest.fixture
def share(accounts: TwoAccounts) -> Share:
    """A world of one's own in which everything is allowed and the snapshot is shared."""
    return accounts.share()


@pytest.fixture
def slow(lifelike: TwoAccounts) -> Share:
    """The same, where things settle in AWS's time."""
    return lifelike.share()


@pytest.fixture
def cloud() -> Any:
    """An empty world with a seed and a manual clock."""
    return empty_cloud()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of a server of this process, settings as `reseal serve` has them."""
    import uvicorn

    from app.main import application, open_worlds
    from app.settings import Settings

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # so that who comes before the server is waited for, not refused
    worlds = open_worlds(Settings())
    config = uvicorn.Config(
        application(worlds), http="httptools", log_level="error", server_header=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)


@pytest.fixture
def client(endpoint: str) -> Callable[..., Any]:
    """Makes boto3 clients: `client("ec2", "222222222222")` is that account's root; or give keys that IAM issued."""
    import boto3
    from botocore.config import Config

    def make(service: str, key: str, secret: str = "any", token: str | None = None, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}),
        )

    return make
