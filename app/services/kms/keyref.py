"""What a KeyId stands for: a key id, a key ARN, an alias name or an alias ARN (kms.md 4).

Own keys answer honestly: unknown is NotFoundException. Of another account nothing is revealed: a key that is not there,
one that is not shared and one of another Region's look-alikes give the same AccessDeniedException. An alias name always
means the caller's own account. Which forms an operation takes, and whether it works across accounts, it declares in the
check `KEY(...)`, which leaves the key for later checks and the handler (`key_of`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from app.kernel.authority import Resource
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.errors import Refusal
from app.policy.causes import Cause
from app.services.kms import managed
from app.services.kms.errors import (
    ALIAS_NOT_FOUND,
    HIDDEN,
    INVALID_ARN,
    INVALID_KEY_ID,
    KEY_NOT_FOUND,
    NO_ALIASES,
    WRONG_REGION,
)
from app.services.kms.records import Alias, Key, alias_arn, key_arn

KEY_TYPE: Final = "AWS::KMS::Key"
ALIAS_TYPE: Final = "AWS::KMS::Alias"

_KEY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_ARN = re.compile(r"arn:aws:kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<name>(?:key|alias)/.+)")


class KEY:
    """A check: finds the key that a parameter names, and leaves it for the handler.

    `aliases`: alias names and alias ARNs are taken too. `across`: keys of other accounts as well, if policies allow.
    `optional`: the parameter may be left out. `action`: what a refusal names, if not the operation.
    """

    def __init__(
        self, parameter: str = "KeyId", *, aliases: bool = False, across: bool = False, optional: bool = False,
        action: str = "",
    ) -> None:  # fmt: skip
        self.parameter, self.aliases, self.across, self.optional, self.action = (
            parameter,
            aliases,
            across,
            optional,
            action,
        )

    def __call__(self, draft: Draft, call: Call) -> None:
        given: str | None = call[self.parameter]
        if given is None:  # the model has refused it where it is needed
            assert self.optional
            return
        action = self.action or f"kms:{call.name}"
        key = find_key(draft, call, given, aliases=self.aliases, action=action)
        if key.account != call.account and not self.across:
            hide(call, action, Cause.NEVER_ACROSS_ACCOUNTS)
        note_key(draft, call, self.parameter, key)


def note_key(draft: Draft, call: Call, name: str, key: Key) -> None:
    """Leave the key for the handler, and for CloudTrail: in another account's key's owner's too, if all goes well."""
    draft.frame.memo[name] = key
    draft.frame.touch(key.account, KEY_TYPE, key.arn)
    draft.frame.about.append(key.arn)
    if call.account != key.account:
        draft.frame.copies[key.account] = False


def key_of(draft: Draft, name: str = "KeyId") -> Key:
    """The key that a check found."""
    return draft.frame.memo[name]


def key_resource(draft: Draft, call: Call) -> Resource:
    return resource_of(key_of(draft))


def resource_of(key: Key) -> Resource:
    return Resource(key.arn, key.account, key)


def find_key(draft: Draft, call: Call, given: str, *, aliases: bool, action: str) -> Key:
    """The key that `given` stands for; refuses in KMS's words."""
    if given.startswith("arn:"):
        return _by_arn(draft, call, given, aliases=aliases, action=action)
    if given.startswith("alias/") and aliases:
        return _by_alias(draft, call, call.account, given, action)
    if not _KEY_ID.fullmatch(given):
        INVALID_KEY_ID.refuse(given=given)
    return _by_id(draft, call, call.account, given, action)


def _by_arn(draft: Draft, call: Call, given: str, *, aliases: bool, action: str) -> Key:
    found = _ARN.fullmatch(given)
    if not found:
        INVALID_ARN.refuse(given=given)
    if found["region"] != call.region:
        WRONG_REGION.refuse(region=found["region"])
    if found["name"].startswith("alias/"):
        if not aliases:
            NO_ALIASES.refuse()
        return _by_alias(draft, call, found["account"], found["name"], action)
    return _by_id(draft, call, found["account"], found["name"].removeprefix("key/"), action)


def _by_id(draft: Draft, call: Call, account: str, key_id: str, action: str) -> Key:
    key = draft.get(Key, account, call.region, key_id)
    if key is None:
        if account != call.account:
            hide(call, action, Cause.KEY_NOT_FOUND)
        if not _KEY_ID.fullmatch(key_id):
            INVALID_KEY_ID.refuse(given=key_id)
        KEY_NOT_FOUND.refuse(arn=key_arn(call.region, account, key_id))
    return key


def _by_alias(draft: Draft, call: Call, account: str, name: str, action: str) -> Key:
    alias = draft.get(Alias, account, call.region, name)
    if alias is not None:
        return _by_id(draft, call, account, alias.key_id, action)
    if account != call.account:
        hide(call, action, Cause.ALIAS_NOT_FOUND)
    key = managed.needed(draft, call, name)
    if key is None:
        ALIAS_NOT_FOUND.refuse(arn=alias_arn(call.region, account, name))
    return key


def hide(call: Call, action: str, cause: Cause, where: str = "on this resource") -> NoReturn:
    """Refuse without saying whether there is such a key (kms.md 7)."""
    HIDDEN.refuse(Refusal(cause), caller=call.caller.arn, action=action, where=where)


@dataclass(frozen=True, slots=True)
class KeyArn:
    """A key's ARN taken apart, as ciphertexts name their key."""

    region: str
    account: str
    key_id: str


def parse_key_arn(arn: str) -> KeyArn | None:
    found = _ARN.fullmatch(arn)
    if not found or not found["name"].startswith("key/"):
        return None
    return KeyArn(found["region"], found["account"], found["name"].removeprefix("key/"))
