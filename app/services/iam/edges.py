"""What IAM tells the graph: the accounts, users and roles that somebody made, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator

from app.kernel.edge import Edge, Node
from app.kernel.world import World
from app.services.iam.records import Account, Role, User


def edges(world: World) -> Iterator[Node | Edge]:
    """Nodes of accounts and principals."""
    for account in world.records.scan(Account):
        yield Node("account", account.id, account.id)
    for kind in (User, Role):
        for principal in world.records.scan(kind):
            yield Node("principal", principal.arn, principal.account, principal.name)
