"""A port for a run in a thread of its own, whose every use of the cloud happens on the server's loop.

A `Cloud` is not for several threads, and the loop has others to answer. So the run itself (reading, judging, waiting)
is in a thread, and each of its calls is one turn of the loop, among those that come through the doors.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from workflows.in_process import InProcess
from workflows.port import Answer, Can, Credentials, Evidence, PortFailed

if TYPE_CHECKING:
    from app.graph.build import Graph
    from app.kernel.cloud import Still

T = TypeVar("T")

LOOK_S: Final = 0.5  # how often a run that waits for the loop looks whether it is to stop


@dataclass(slots=True)
class Leash:
    """What ends a run from outside: a word, or the time that it may take."""

    seconds_max: float
    why: str = ""
    is_closing: bool = False  # the process ends, not the run: it is to be taken up again
    _begun: float = field(default_factory=time.monotonic)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """From now on its time counts."""
        self._begun = time.monotonic()

    def stop(self, why: str) -> None:
        self.why = self.why or why
        self._stopped.set()

    def close(self) -> None:
        self.is_closing = True
        self.stop("the server ends")

    def check(self) -> None:
        """PortFailed where the run is to stop."""
        if time.monotonic() - self._begun > self.seconds_max:
            self.stop(f"it took longer than {self.seconds_max:g} s")
        if self._stopped.is_set():
            raise PortFailed(self.why)

    def wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)
        self.check()


def _done(act: Callable[[], T], waiting: Future[T]) -> None:
    """On the loop: what `act` comes to, an exception included, for the thread that waits."""
    try:
        waiting.set_result(act())
    except BaseException as error:
        waiting.set_exception(error)


class OnLoop:
    """`inner`, from another thread than the loop's."""

    def __init__(self, inner: InProcess, loop: asyncio.AbstractEventLoop, leash: Leash) -> None:
        self.inner, self._loop, self._leash = inner, loop, leash

    @property
    def can(self) -> Can:
        return self.inner.can

    def _do(self, act: Callable[[], T]) -> T:
        self._leash.check()
        waiting: Future[T] = Future()
        try:
            self._loop.call_soon_threadsafe(_done, act, waiting)
        except RuntimeError:  # the loop is closed
            self._leash.close()
        while True:
            wait((waiting,), LOOK_S)
            if waiting.done():
                return waiting.result()
            self._leash.check()

    def sign_in(self, principal: str, credentials: Credentials) -> None:
        self.inner.sign_in(principal, credentials)

    def call(self, principal: str, operation: str, parameters: Mapping[str, Any], region: str, key: str = "") -> Answer:
        return self._do(lambda: self.inner.call(principal, operation, parameters, region, key))

    def aside(self) -> OnLoop:
        return OnLoop(self._do(self.inner.aside), self._loop, self._leash)

    def now_ms(self) -> int:
        return self._do(self.inner.now_ms)

    def advance(self, by_ms: int) -> None:
        self._do(lambda: self.inner.advance(by_ms))

    def rest(self, seconds: float) -> None:
        if self.inner.cloud.world.clock.mode == "manual":
            self._do(lambda: self.inner.rest(seconds))
        else:
            self._leash.wait(seconds)

    def evidence(self, request_id: str) -> Evidence:
        return self._do(lambda: self.inner.evidence(request_id))

    def graph(self) -> Graph:
        return self._do(self.inner.graph)

    def still(self) -> Still:
        """The world now, to try things on in this thread."""
        return self._do(self.inner.still)
