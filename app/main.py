"""The composition root: a store, the services, the worlds, and the doors in front of them.

`reseal serve` calls `serve`; `uvicorn app.main:app` serves what the environment says. FastAPI is imported when the
first REST request arrives: AWS's doors must be open half a second after the start.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.doors.wire.door import ASGIApp, Receive, Scope, Send, WireDoor
from app.host import Worlds
from app.kernel.store import MemoryStore, Store
from app.services import all_services
from app.settings import Settings

if TYPE_CHECKING:
    from app.desks import Desks

VERSION = "0.1.0"


def open_worlds(settings: Settings) -> Worlds:
    """The worlds that the settings name; raises app.persistence.errors.PersistenceError in words."""
    services = all_services()
    store: Store
    if settings.database == "memory:":
        store = MemoryStore()
    else:
        from app.persistence.open import open_store

        store = open_store(settings.database, services.kinds)
    worlds = Worlds(services, store, settings)
    worlds.start()
    return worlds


class LateRest:
    """The REST door, imported at its first request; health is answered without it."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._app: ASGIApp | None = None
        self._desks: Desks | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        await self._opened()(scope, receive, send)

    def _opened(self) -> ASGIApp:
        if self._app is None:
            from app.desks import Desks
            from app.doors.rest.app import rest_app

            self._desks = Desks(self._worlds)
            self._app = rest_app(self._worlds, self._desks, VERSION)
            self._desks.take_up()
        return self._app

    def take_up(self) -> None:
        """Go on with what an earlier server left unfinished; nothing is imported where nothing was ever ordered."""
        if self._worlds.store.has_journals():
            self._opened()

    def close(self) -> None:
        """Let go of what is carried out, and end its workers; it is taken up when the server is started again."""
        if self._desks:
            self._desks.close()


async def _lifespan(receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def application(worlds: Worlds, rest: LateRest | None = None) -> ASGIApp:
    return WireDoor(worlds, rest or LateRest(worlds))


def serve(settings: Settings, ready: Callable[[str, str], None]) -> None:
    """Serve until stopped. `ready` is told the address, with the port that the system gave where 0 was asked for.

    OSError where the port is taken, PersistenceError where the store can not be opened.
    """
    import uvicorn

    listener = _listen(settings.host, settings.port)
    try:
        worlds = open_worlds(settings)
    except BaseException:
        listener.close()
        raise
    rest = LateRest(worlds)
    config = uvicorn.Config(
        application(worlds, rest),
        log_level="warning",
        lifespan="off",
        server_header=False,
        date_header=True,
        http="httptools",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
        access_log=False,
        proxy_headers=False,
    )
    server = _Announcing(config, lambda: (ready("Ready.", _address(listener)), rest.take_up()))
    try:
        server.run(sockets=[listener])
    finally:
        rest.close()
        worlds.store.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # with it asyncio sets TCP_NODELAY: 40 ms
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _Announcing(config: Any, ready: Callable[[], object]) -> Any:
    """A uvicorn server that says when it serves, and that signals stop in order (uvicorn's own dies of them)."""
    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            ready()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for each, handler in before.items():
                    signal.signal(each, handler)

    return Announcing(config)


def _from_environment() -> Settings:
    """For `uvicorn app.main:app`: RESEAL_DATABASE, RESEAL_AUTH, RESEAL_CLOCK, RESEAL_SETTLE, RESEAL_SEED."""
    names = ("database", "auth", "clock", "settle", "seed", "token")
    found = {name: os.environ[f"RESEAL_{name.upper()}"] for name in names if f"RESEAL_{name.upper()}" in os.environ}
    return Settings(**found)  # type: ignore[arg-type]


def __getattr__(name: str) -> ASGIApp:
    """`app` is made when it is asked for, not on import."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = application(open_worlds(_from_environment()))
    return globals()["app"]
