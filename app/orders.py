"""What can be ordered of a server: orders, ids that follow from them, and limits.

An order is the whole bundle of files, so that nothing of a server's disk is read. Its fingerprint tells a repeated
order from another one under the same idempotency key, and its id follows from the key, so that any process of the store
finds it again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from workflows.scenario import Scenario

STEPS_MAX: Final = 500
BLOCKS_MAX: Final = 256  # of all `data:` of a scenario: 128 MiB

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


class CanNotBe(Exception):
    """The scenario is valid, and what is ordered can not be done with it; the text says why."""


def id_of(kind: str, order: Order, key: str = "") -> str:
    """A name that a world can have: of the file, and drawn, or hashed from the kind and the idempotency key."""
    from workflows.session import stem_of

    tail = hashlib.sha256(json.dumps([kind, key]).encode()).hexdigest()[:16] if key else secrets.token_hex(8)
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
