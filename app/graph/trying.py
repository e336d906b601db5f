"""One attempt: what somebody did in a fork, what its log says of it, and where it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.graph.hand import Ended, Hand, Missing
from app.policy.explain_log import Story, story

if TYPE_CHECKING:
    from app.kernel.log import Entry


@dataclass(frozen=True, slots=True)
class Try:
    """One way, tried: the calls that were made, what the log of the fork says of them, and where it ended."""

    way: str
    calls: tuple[str, ...]
    entries: tuple[Entry, ...]
    refused: Story | None = None
    missing: str = ""  # why there was nothing to call
    roles: tuple[str, ...] = ()  # that were assumed first, one after the other

    @property
    def holds(self) -> bool:
        return self.refused is None and not self.missing


def tried(hand: Hand, name: str, act: Callable[[Hand], None]) -> Try:
    refused, missing = None, ""
    try:
        act(hand)
    except Ended as ended:
        refused = story(hand.world.log.about(ended.request_id), ended.request_id)
        assert refused is not None, f"{hand.requests[-1:]} ended without a refusal in the log"
    except Missing as nothing:
        missing = str(nothing)
    roots = {request_id for _, request_id in hand.requests}
    entries = tuple(entry for _, entry in hand.world.log.entries() if entry.root in roots)
    return Try(name, tuple(operation for operation, _ in hand.requests), entries, refused, missing)
