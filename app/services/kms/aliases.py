"""Aliases: names for keys, of one account and Region. An alias is a resource of its own (kms.md 4).

To make, move or delete one takes an identity policy for the alias, and permission on the key (both keys, to move it).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.kernel.authority import AUTHORIZE, Resource, anything
from app.kernel.call import Call
from app.kernel.clock import moment
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.kernel.tree import Key as Position
from app.services.kms.checks import KEY_STATE
from app.services.kms.errors import (
    ALIAS_COLON,
    ALIAS_EXISTS,
    ALIAS_KIND,
    ALIAS_NOT_FOUND,
    ALIAS_PREFIX,
    ALIAS_RESERVED,
    ALIAS_TO_ALIAS,
    TOO_MANY_ALIASES,
)
from app.services.kms.keyref import ALIAS_TYPE, KEY, key_of, key_resource, note_key, resource_of
from app.services.kms.managed import MANAGED
from app.services.kms.paging import page
from app.services.kms.records import Alias, Key, alias_arn
from app.services.kms.specs import family_of
from app.services.kms.states import PENDING

ALIASES_MAX: Final = 50  # of a key


def NAME(draft: Draft, call: Call) -> None:
    """A check: what may be an alias of a customer's."""
    name = call["AliasName"]
    if not name.startswith("alias/") or name == "alias/":
        ALIAS_PREFIX.refuse()
    if name.startswith("alias/aws/"):
        ALIAS_RESERVED.refuse()
    if ":" in name:
        ALIAS_COLON.refuse(name=name)


def NO_ALIAS(draft: Draft, call: Call) -> None:
    """A check: an alias does not point to an alias."""
    target = call["TargetKeyId"]
    if target.startswith("alias/") or ":alias/" in target:
        ALIAS_TO_ALIAS.refuse()


def ALIAS(draft: Draft, call: Call) -> None:
    """A check: finds the alias, and the key that it points to."""
    alias = draft.get(Alias, call.account, call.region, call["AliasName"])
    if alias is None:
        ALIAS_NOT_FOUND.refuse(arn=alias_arn(call.region, call.account, call["AliasName"]))
    draft.frame.memo["alias"] = alias
    key = draft.get(Key, alias.account, alias.region, alias.key_id)
    assert key is not None
    note_alias(draft, call)
    note_key(draft, call, "KeyId", key)


def note_alias(draft: Draft, call: Call) -> None:
    """For CloudTrail, which lists the alias before the key."""
    arn = alias_arn(call.region, call.account, call["AliasName"])
    draft.frame.touch(call.account, ALIAS_TYPE, arn)
    draft.frame.about.append(arn)


def _alias(draft: Draft, call: Call) -> Resource:
    return Resource(alias_arn(call.region, call.account, call["AliasName"]), call.account)


def _target(draft: Draft, call: Call) -> Resource:
    return resource_of(key_of(draft, "TargetKeyId"))


@operation(
    "kms", "CreateAlias",
    honours=("AliasName", "TargetKeyId"),
    checks=(
        NAME, NO_ALIAS, note_alias, KEY("TargetKeyId"),
        AUTHORIZE(("kms:CreateAlias", _alias), ("kms:CreateAlias", _target)),
        KEY_STATE("TargetKeyId"),
    ),
    answers=(
        ALIAS_PREFIX, ALIAS_RESERVED, ALIAS_COLON, ALIAS_TO_ALIAS, ALIAS_EXISTS, TOO_MANY_ALIASES, PENDING,
    ),
)  # fmt: skip
def create_alias(draft: Draft, call: Call) -> None:
    """Gives a key of the caller's account a further name."""
    key, name = key_of(draft, "TargetKeyId"), call["AliasName"]
    if draft.get(Alias, call.account, call.region, name):
        ALIAS_EXISTS.refuse(arn=alias_arn(call.region, call.account, name))
    _refuse_too_many(draft, key)
    draft.put(
        Alias(
            account=call.account, region=call.region, id=name, key_id=key.id,
            created_ms=call.at_ms, updated_ms=call.at_ms,
        )
    )  # fmt: skip


def _refuse_too_many(draft: Draft, key: Key) -> None:
    if sum(1 for _ in draft.scan_index(Alias, "key", key.account, key.region, key.id)) >= ALIASES_MAX:
        TOO_MANY_ALIASES.refuse(arn=key.arn)


def SAME_KIND(draft: Draft, call: Call) -> None:
    """A check: an alias stays with keys of one type (symmetric, HMAC or asymmetric) and usage (kms.md 4 [D])."""
    old, new = key_of(draft), key_of(draft, "TargetKeyId")
    if (family_of(old), old.usage) != (family_of(new), new.usage):
        ALIAS_KIND.refuse(old=old.arn, new=new.arn)


@operation(
    "kms", "UpdateAlias",
    honours=("AliasName", "TargetKeyId"),
    checks=(
        NAME, NO_ALIAS, ALIAS, KEY("TargetKeyId"),
        AUTHORIZE(("kms:UpdateAlias", _alias), ("kms:UpdateAlias", key_resource), ("kms:UpdateAlias", _target)),
        KEY_STATE("TargetKeyId"), SAME_KIND,
    ),
    answers=(ALIAS_PREFIX, ALIAS_RESERVED, ALIAS_NOT_FOUND, ALIAS_KIND, TOO_MANY_ALIASES, PENDING),
)  # fmt: skip
def update_alias(draft: Draft, call: Call) -> None:
    """Points an alias to another key; the one it leaves may be pending deletion."""
    alias, key = draft.frame.memo["alias"], key_of(draft, "TargetKeyId")
    if alias.key_id != key.id:
        _refuse_too_many(draft, key)
    draft.change(alias, key_id=key.id, updated_ms=call.at_ms)


@operation(
    "kms", "DeleteAlias",
    honours=("AliasName",),
    checks=(NAME, ALIAS, AUTHORIZE(("kms:DeleteAlias", _alias), ("kms:DeleteAlias", key_resource)), KEY_STATE()),
    answers=(ALIAS_PREFIX, ALIAS_RESERVED, ALIAS_NOT_FOUND),
)  # fmt: skip
def delete_alias(draft: Draft, call: Call) -> None:
    """Takes a name away; the key stays."""
    draft.delete(draft.frame.memo["alias"])


# --- listing ----------------------------------------------------------------------------------------------------------


@operation(
    "kms", "ListAliases",
    honours=("KeyId", "Limit", "Marker"),
    checks=(KEY(optional=True), AUTHORIZE(("kms:ListAliases", anything))),
    reads=True,
)  # fmt: skip
def list_aliases(draft: Draft, call: Call) -> dict[str, Any]:
    """The aliases of the caller's account and Region, or of one key.

    Among them those that AWS reserves for keys it has not made yet: they point nowhere (kms.md 4 [D]).
    """
    key = key_of(draft) if call["KeyId"] else None
    return page(
        draft, call, "Aliases", (call.account, call.region, key.id if key else ""),
        lambda after: _of_key(draft, key, after) if key else _of_account(draft, call, after),
        position=lambda alias: (alias.id,),
        shown=_shown, default=50, most=100,
    )  # fmt: skip


def _of_key(draft: Draft, key: Key, after: Position) -> Iterator[Alias]:
    at = (key.account, key.region, key.id)
    return draft.scan_index(Alias, "key", *at, after=(*at, *after) if after else ())


def _of_account(draft: Draft, call: Call, after: Position) -> Iterator[Alias]:
    """In the order of names, the reserved ones in their places."""
    at = (call.account, call.region)
    reserved = sorted(row.alias for row in MANAGED if not draft.get(Alias, *at, row.alias) and (row.alias,) > after)
    for alias in draft.scan(Alias, *at, after=(*at, *after) if after else ()):
        while reserved and reserved[0] < alias.id:
            yield _unmade(call, reserved.pop(0))
        yield alias
    yield from (_unmade(call, name) for name in reserved)


def _unmade(call: Call, name: str) -> Alias:
    return Alias(account=call.account, region=call.region, id=name, key_id="", created_ms=0, updated_ms=0)


def _shown(alias: Alias) -> dict[str, Any]:
    entry: dict[str, Any] = {"AliasName": alias.id, "AliasArn": alias.arn}
    if not alias.key_id:
        return entry
    dates = {"CreationDate": moment(alias.created_ms), "LastUpdatedDate": moment(alias.updated_ms)}
    return entry | {"TargetKeyId": alias.key_id} | dates
