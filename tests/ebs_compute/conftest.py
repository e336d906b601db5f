"""An account with an encrypted image, ready to be launched."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.ebs_compute.machines import register
from tests.sharing.accounts import SOURCE, Hand, empty_cloud, root


@dataclass(frozen=True)
class Yard:
    """An account's root user, a key, a snapshot under it with two blocks, and an image of that."""

    hand: Hand
    key: str
    snapshot: str
    image: str


def yard_of(**clock: str) -> Yard:
    hand = root(empty_cloud(**clock), SOURCE)
    key = hand.key()
    snapshot = hand.write({0: 0, 7: 1}, Encrypted=True, KmsKeyArn=key)
    hand.cloud.advance(60_000)
    return Yard(hand, key, snapshot, register(hand, snapshot))


@pytest.fixture
def yard() -> Yard:
    return yard_of()


@pytest.fixture
def slow_yard() -> Yard:
    """The same in a world that settles in AWS's time."""
    return yard_of(settle="lifelike")
