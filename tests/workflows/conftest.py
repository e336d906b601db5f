"""What the tests of workflows share: the services, the happy path, and a server in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from scenario_runs import HAPPY

from app.host import Worlds
from app.kernel.operation import Services
from app.services import all_services
from workflows.scenario import Scenario, load


@pytest.fixture(scope="session")
def services() -> Services:
    return all_services()


@pytest.fixture(scope="session")
def happy(services: Services) -> Scenario:
    return load(HAPPY, services.operations)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a scenario file and whatever stands beside it; answers the scenario's path."""

    def written(text: str, **beside: str) -> Path:
        for name, content in beside.items():
            (tmp_path / name.replace("__", ".")).write_text(content, encoding="utf-8")
        path = tmp_path / "s.reseal.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def serve() -> Iterator[Callable[[], str]]:
    """Starts a server with a fresh, seeded world on a manual clock; answers its URL."""
    with ExitStack() as running:
        yield lambda: running.enter_context(served())[0]


@pytest.fixture(scope="session")
def shared_server() -> Iterator[tuple[str, Worlds]]:
    """One server for all tests of a worker, and its worlds: for tests that make a world each."""
    with served() as running:
        yield running


@contextmanager
def served() -> Iterator[tuple[str, Worlds]]:
    import uvicorn

    from app.main import application, open_worlds
    from app.settings import Settings

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    worlds = open_worlds(Settings(database="memory:", clock="manual", settle="instant", seed="7"))
    server = uvicorn.Server(uvicorn.Config(application(worlds), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", worlds
    server.should_exit = True
    thread.join(5)
