"""Who may become whom: the roles by which a principal gets at a thing, and those whom such roles let in.

Backwards, from what trust policies say, it is found out who has to be asked: the roles of the accounts to which a thing
is open, the roles in other accounts that these trust, and so on. Forwards each AssumeRole is really called, one role
after the other, without an external id, tags, MFA or a session policy; whatever conditions ask for more refuse it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from app.graph.hand import Hand
from app.graph.trying import Try, tried
from app.graph.who import SESSION, Who, principals
from app.policy.document import DocumentKind, PolicySyntaxError
from app.policy.outline import allowances
from app.policy.principals import EVERYONE, account_named
from app.services.iam.records import Role, User
from app.services.sts.records import Session

if TYPE_CHECKING:
    from app.kernel.call import Caller
    from app.kernel.cloud import Cloud
    from app.kernel.world import World

ROLES_MAX: Final = 100  # that are looked at for one thing


@dataclass(frozen=True, slots=True)
class Opened:
    """A role that somebody assumed, by way of others; `who`: the session, None where the last call was refused."""

    attempt: Try
    who: Who | None


def leading_roles(cloud: Cloud, accounts: Iterable[str]) -> tuple[Role, ...]:
    """The roles of the accounts, and the roles elsewhere that lead to one of them."""
    world, known = cloud.world, list(accounts)
    found = {role.arn: role for account in known for role in _roles(world, account)}
    while more := [account for account in _trusted_accounts(world, found.values()) if account not in known]:
        known += more
        for who in principals(cloud, more):
            if who.caller.role_arn and any(trusts(role, who.caller) for role in found.values()):
                found |= {role.arn: role for role in _roles(world, who.account) if role.arn == who.id}
    return tuple(found.values())[:ROLES_MAX]


def let_in(cloud: Cloud, roles: Iterable[Role], accounts: Iterable[str]) -> Iterator[Who]:
    """The principals of other accounts than these whom one of the roles trusts."""
    others = [account for account in _trusted_accounts(cloud.world, roles) if account not in set(accounts)]
    for who in principals(cloud, others):
        if who.caller.kind != "root" and any(trusts(role, who.caller) for role in roles):
            yield who


def trusts(role: Role, caller: Caller) -> bool:
    """Whether its trust policy names the caller, or the caller's account; whether that is enough, the call shows."""
    ids = dict(role.trust_ids)
    names = {EVERYONE, caller.arn, caller.role_arn, caller.unique_id, caller.role_id} - {""}
    return any(
        account_named(text) == caller.account or ids.get(text, text) in names or text in names
        for text in _trusted(role.trust)
    )


def assumed(cloud: Cloud, world: World, who: Who, roles: Iterable[Role], region: str) -> Iterator[Opened]:
    """Each of the roles that trusts somebody on the way, with what came of it: the shortest chain to it, nearest first.

    AWS lets no root user assume a role, so for a root nothing is tried.
    """
    if who.caller.kind == "root":
        return
    refused: dict[str, Opened] = {}
    reached, ahead = {who.id}, deque([Opened(Try("", (), ()), who)])
    while ahead:
        here = ahead.popleft()
        assert here.who is not None
        for role in roles:
            if role.arn not in reached and trusts(role, here.who.caller):
                opened = _opened(cloud, world, here, role, region)
                if opened.who is None:
                    refused.setdefault(role.arn, opened)
                    continue
                reached.add(role.arn)
                ahead.append(opened)
                yield opened
    yield from (opened for arn, opened in refused.items() if arn not in reached)


def _opened(cloud: Cloud, world: World, here: Opened, role: Role, region: str) -> Opened:
    assert here.who is not None
    hand, key_ids = Hand(cloud.aside(world), here.who, region), list[str]()

    def act(hand: Hand) -> None:
        answer = hand.do("sts:AssumeRole", RoleArn=role.arn, RoleSessionName=SESSION)
        key_ids.append(answer["Credentials"]["AccessKeyId"])

    now, before = tried(hand, f"assume {role.arn}", act), here.attempt
    attempt = replace(
        now, calls=before.calls + now.calls, entries=before.entries + now.entries, roles=(*before.roles, role.arn)
    )
    session = hand.world.records.find(Session, "id", *key_ids) if key_ids else None
    return Opened(attempt, Who(role.arn, role.account, session.caller) if session else None)


def _roles(world: World, account: str) -> Iterator[Role]:
    return (role for role in world.records.scan(Role, account) if not role.service)


def _trusted_accounts(world: World, roles: Iterable[Role]) -> list[str]:
    """The accounts of those whom roles trust; of everyone, all that have a user or a role."""
    found: dict[str, None] = {}
    for text in dict.fromkeys(text for role in roles for text in _trusted(role.trust)):
        account = account_named(text) or (text.split(":")[4] if text.count(":") > 4 else "")
        found |= dict.fromkeys(_peopled(world) if text == EVERYONE else [account] if account else [])
    return list(found)


def _peopled(world: World) -> Iterator[str]:
    for kind in (User, Role):
        after: tuple[str, ...] = ()
        while one := next(world.records.scan(kind, after=after), None):
            yield one.account
            after = (f"{one.account}\0",)


@lru_cache(maxsize=4096)
def _trusted(trust: str) -> tuple[str, ...]:
    """Whom a trust policy names, of AWS's own; nobody where it is none."""
    try:
        found = [one.principals for one in allowances(trust, DocumentKind.TRUST)]
    except PolicySyntaxError:
        return ()
    return tuple(dict.fromkeys(text for principals in found for kind, text in principals if kind == "AWS"))
