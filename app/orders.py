"""What the runs and the sweeps of a server have in common: orders, ids that follow from them, limits, and followers.

An order is the whole bundle of files, so that nothing of a server's disk is read. Its fingerprint tells a repeated
order from another one under the same idempotency key, and its id follows from the key, so that any process of the store
finds it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from workflows.scenario import Scenario

T = TypeVar("T")

STEPS_MAX: Final = 500
BLOCKS_MAX: Final = 256  # of all `data:` of a scenario: 128 MiB
LOOK_S: Final = 1.0  # how often a follower looks for what another process wrote

Limit = tuple[int, int, str]  # how many there would be, how many there may be, of what


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be carried out: the entry of a bundle of files, all of them by name."""

    entry: str
    files: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """Equal for equal orders, in whatever order their files are named."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class TooMany(Exception):
    """A limit is reached; the text says which."""


class KeyReused(Exception):
    """The idempotency key has been used with another order."""


def id_of(order: Order, key: str = "") -> str:
    """A name that a world can have: of the file, and drawn, or hashed from the idempotency key."""
    from workflows.session import stem_of

    tail = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16] if key else secrets.token_hex(8)
    return f"{stem_of(order.entry)}-{tail}"


def sizes(scenario: Scenario) -> Iterable[Limit]:
    """How large one scenario may be."""
    steps = (*scenario.spec.given, *scenario.spec.steps)
    yield len(steps), STEPS_MAX, "steps in a scenario"
    yield sum(step.data.blocks or 1 for step in steps if step.data), BLOCKS_MAX, "blocks of data in a scenario"


def within(limits: Iterable[Limit]) -> None:
    """TooMany for the first limit that is exceeded."""
    for number, limit, what in limits:
        if number > limit:
            raise TooMany(f"this server has at most {limit:,} {what}")


# --- followers ---


class Bell:
    """Rung on the loop when there is something new to tell."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def ring(self) -> None:
        self.next.set()
        self.next = asyncio.Event()


async def follow(
    lines: Callable[[int], Sequence[T]], ended: Callable[[], bool], bell: Callable[[], Bell | None], after: int = 0
) -> AsyncIterator[tuple[int, T]]:
    """Lines as they are written, each with its number, from 1, to the end. `lines(n)`: those behind the first n."""
    while True:
        heard, was_last = bell(), ended()  # before the lines are read, so that none is missed
        news = heard.next if heard else asyncio.Event()
        for line in lines(after):
            after += 1
            yield after, line
        if was_last:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), LOOK_S)


def soon(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    """From a thread: do it on the loop; nothing where that has been closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(act)
