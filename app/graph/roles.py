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
    from app.kernel.call import Caller, Pairs
    from app.kernel.cloud import Cloud
    from app.kernel.world import World

ROLES_MAX: Final = 100  # that are looked at for one thing


@dataclass(frozen=True, slots=True)
class Opened:
    """A role that somebody assumed, by way of others; `who`: the session, None where the last call was refused."""

    attempt: Try
    who: Who | None


def leading_roles(world: World, accounts: Iterable[str]) -> tuple[Role, ...]:
    """The roles of the accounts, and the roles elsewhere that lead to one of them, up to ROLES_MAX."""
    known = list(accounts)
    found = [role for account in known for role in _roles(world, account)]
    while len(found) < ROLES_MAX and (more := _trusted_accounts(world, found, known)):
        known += more
        trusted = _trusted_by(found)
        found += [one for account in more for one in _roles(world, account) if _is_in(trusted, _own_names(one))]
    return tuple(found[:ROLES_MAX])


def let_in(cloud: Cloud, roles: Iterable[Role], accounts: Iterable[str]) -> Iterator[Who]:
    """The principals of other accounts than these whom one of the roles trusts; a root assumes none."""
    trusted, others = _trusted_by(roles), _trusted_accounts(cloud.world, roles, accounts)
    return (
        who for who in principals(cloud, others) if who.caller.kind != "root" and _is_in(trusted, names(who.caller))
    )


def names(caller: Caller) -> frozenset[str]:
    """Under which a trust policy may mean the caller."""
    return frozenset({caller.account, caller.arn, caller.role_arn, caller.unique_id, caller.role_id} - {""})


def _own_names(role: Role) -> frozenset[str]:
    return frozenset({role.account, role.arn, role.unique_id})


def _trusted_by(roles: Iterable[Role]) -> frozenset[str]:
    return frozenset(name for role in roles for name in _trusted(role.trust, role.trust_ids))


def _is_in(trusted: frozenset[str], own: frozenset[str]) -> bool:
    """Whether a policy names them; whether that is enough, the call shows."""
    return EVERYONE in trusted or not trusted.isdisjoint(own)


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
        own = names(here.who.caller)
        for role in roles:
            if role.arn not in reached and _is_in(_trusted(role.trust, role.trust_ids), own):
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


def _trusted_accounts(world: World, roles: Iterable[Role], known: Iterable[str]) -> list[str]:
    """The accounts of those whom roles trust, but for known ones; of everyone, all that have a user or a role."""
    trusted = _trusted_by(roles)
    parts = (name.split(":")[4] if name.count(":") > 4 else name for name in trusted)
    named = (part for part in parts if part.isdigit())
    return sorted({*named, *(_peopled(world) if EVERYONE in trusted else ())} - {*known, ""})


def _peopled(world: World) -> Iterator[str]:
    for kind in (User, Role):
        after: tuple[str, ...] = ()
        while one := next(world.records.scan(kind, after=after), None):
            yield one.account
            after = (f"{one.account}\0",)


@lru_cache(maxsize=4096)
def _trusted(trust: str, ids: Pairs) -> frozenset[str]:
    """Whom a trust policy names, of AWS's own: accounts by id, others as written and by the id they had then."""
    try:
        said = [one.principals for one in allowances(trust, DocumentKind.TRUST)]
    except PolicySyntaxError:
        return frozenset()
    texts = {text for principals in said for kind, text in principals if kind == "AWS"}
    return frozenset({account_named(text) or text for text in texts} | {id for text, id in ids if text in texts})
