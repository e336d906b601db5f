"""What IAM tells the graph: the accounts, users and roles that somebody made, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator

from app.kernel.edge import Edge, Node
from app.kernel.world import World
from app.services.iam.records import Account, Principal, Role, User


def edges(world: World) -> Iterator[Node | Edge]:
    """Nodes of accounts and principals, an `owns` edge from each account to each of its principals."""
    for account in world.records.scan(Account):
        yield Node("account", account.id, account.id, account.id)
    for kind in (User, Role):
        for principal in world.records.scan(kind):
            yield from _principal(principal)


def _principal(one: Principal) -> Iterator[Node | Edge]:
    yield Node("principal", one.arn, one.account, one.name)
    yield Edge("owns", one.account, one.arn)
