"""Who may be asked about: the principals of the accounts to which a thing is open, each as the caller that it would be.

A role is asked as a session of it, an account as its root user, and everyone as the root of an account that this world
knows nothing of. Roles that only a service may assume are left out: nobody reads with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.graph.ends import EVERYONE
from app.kernel.authority import PrincipalFacts, caller_of
from app.kernel.call import Caller, root_of
from app.services.iam.records import Account, Role, User
from app.services.organizations.records import Node

if TYPE_CHECKING:
    from app.kernel.cloud import Cloud
    from app.kernel.world import World
    from app.services.ebs.compute_records import Image
    from app.services.ebs.records import Snapshot, Volume

SESSION: Final = "graph"
_ROOT: Final = "root"


class NoSuchPrincipal(KeyError):
    """A name that fits no principal of the world."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Who:
    """`id`: its node in the graph, the ARN of a user or role, an account for its root, or `everyone`."""

    id: str
    account: str
    caller: Caller


def principals(cloud: Cloud, accounts: Iterable[str]) -> Iterator[Who]:
    """The root, users and roles of each account, in the order of names; of `everyone` a stranger."""
    world = cloud.world
    for account in accounts:
        yield stranger(world) if account == EVERYONE else Who(account, account, root_of(account))
        for kind in (User, Role):
            for one in world.records.scan(kind, account):
                if not (isinstance(one, Role) and one.service):
                    yield _who(cloud, _facts(cloud, one.arn))


def named(cloud: Cloud, text: str) -> Who:
    """By ARN, as `account/name`, `account/root`, an account's id, or `everyone`. NoSuchPrincipal, in words."""
    if text == EVERYONE:
        return stranger(cloud.world)
    account, _, name = text.partition("/")
    arns = [text] if text.startswith("arn:") else [f"arn:aws:iam::{account}:root"] if name in ("", _ROOT) else []
    arns = arns or _arns_of(cloud.world, account, name)
    facts = next((found for arn in arns if (found := _facts_or_none(cloud, arn))), None)
    if facts is None:
        raise NoSuchPrincipal(f"no principal is {text!r}{_near(cloud, account, name)}")
    return _who(cloud, facts)


def later(cloud: Cloud, who: Who) -> Who | None:
    """The same in another state: a role in a session that begins then, None where it is no more."""
    if not who.caller.role_arn:
        return who
    facts = _facts_or_none(cloud, who.caller.role_arn)
    return _who(cloud, facts) if facts else None


def _arns_of(world: World, account: str, name: str) -> list[str]:
    """The user, then the role, of that name (its path may be written before it)."""
    plain = name.removeprefix("user/").removeprefix("role/").rpartition("/")[2].lower()
    kinds = (Role,) if name.startswith("role/") else (User, Role)
    return [one.arn for kind in kinds if (one := world.records.get(kind, account, "", plain))]


def _near(cloud: Cloud, account: str, name: str) -> str:
    from difflib import get_close_matches

    owner = account if account.isdigit() else name.partition(":")[0]
    names = [one.name for kind in (User, Role) for one in cloud.world.records.scan(kind, owner)]
    near = get_close_matches(name.rpartition("/")[2], names, n=3, cutoff=0.4)
    return f": {', '.join(f'{owner}/{each}' for each in near)}" if near else ""


def _facts_or_none(cloud: Cloud, arn: str) -> PrincipalFacts | None:
    provider = cloud.services.provider("principal_facts")
    return provider(cloud.world, arn) if provider else None


def _facts(cloud: Cloud, arn: str) -> PrincipalFacts:
    found = _facts_or_none(cloud, arn)
    assert found is not None, f"{arn} has a record and no facts"
    return found


def _who(cloud: Cloud, facts: PrincipalFacts) -> Who:
    id = facts.account if facts.kind == "root" else facts.arn
    return Who(id, facts.account, caller_of(facts, SESSION, cloud.now_ms()))


def stranger(world: World) -> Who:
    """The root of an account that nothing here knows."""
    known = {one.id for one in world.records.scan(Account)} | {one.id for one in world.records.scan(Node)}
    account = next(id for n in range(len(known) + 1) if (id := str(999_999_999_999 - n)) not in known)
    return Who(EVERYONE, account, root_of(account))


def accounts_open_to(world: World, thing: Snapshot | Volume | Image, images: Iterable[Image] = ()) -> list[str]:
    """The owner first, then whom it is shared with: itself, or through an image that holds it; `everyone` last."""
    found = [thing.account, *getattr(thing, "shared_with", ())]
    for image in images:
        found += [image.account, *(each.holder for each in image.permissions)]
    is_public = getattr(thing, "is_public", False) and not getattr(thing, "is_withheld", False)
    open_to_all = [EVERYONE] if is_public or any(image.is_public for image in images) else []
    ids = [id for holder in found for id in ([holder] if holder.isdigit() else _members(world))]
    return list(dict.fromkeys([*ids, *open_to_all]))


def _members(world: World) -> Iterator[str]:
    """The accounts of the world's organizations: whether a unit takes one in is found out by asking."""
    return (one.id for one in world.records.scan(Node) if one.type == "ACCOUNT")
