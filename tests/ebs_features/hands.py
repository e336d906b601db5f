"""What the tests of this folder need of a world: an account with snapshots, and what EventBridge was told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.sharing.accounts import SOURCE, TARGET, Hand, empty_cloud, root

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


def pair(**clock: str) -> tuple[Hand, Hand]:
    """A source and a target in one empty world."""
    cloud = empty_cloud(**clock)
    return root(cloud, SOURCE), root(cloud, TARGET)


def plain(hand: Hand, **parameters: Any) -> str:
    """A complete snapshot that is not encrypted."""
    id = hand.write({0: 0}, **parameters)
    hand.cloud.advance(MINUTE_MS)
    return id


def notices(hand: Hand, event: str = "") -> list[dict[str, Any]]:
    """Events that the hand's account was told of in its Region, oldest first."""
    found = [json.loads(each.body) for each in hand.cloud.world.log.notices(hand.caller.account, hand.region)]
    return [each for each in reversed(found) if event in ("", each["detail"].get("event"))]


def details(hand: Hand, event: str) -> list[dict[str, Any]]:
    return [each["detail"] for each in notices(hand, event)]


def is_listed(hand: Hand, snapshot: str, **asked: Any) -> bool:
    found: Mapping[str, Any] = hand.do("ec2:DescribeSnapshots", **asked)
    return snapshot in {each["SnapshotId"] for each in found["Snapshots"]}
