"""What Organizations tells the graph: the accounts that it has made or taken in."""

from __future__ import annotations

from collections.abc import Iterator

from app.kernel import edge
from app.kernel.world import World
from app.services.organizations.records import Node


def edges(world: World) -> Iterator[edge.Node | edge.Edge]:
    """One node an account, labelled with its name in the organization."""
    for one in world.records.scan(Node):
        if one.type == "ACCOUNT":
            yield edge.Node("account", one.id, one.id, one.name, "SUSPENDED" if one.is_closed else "ACTIVE")
