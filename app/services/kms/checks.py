"""The checks that KMS's operations share, in the order recommended by kms.md 3 [I]:

model -> key or ciphertext -> AUTHORIZE -> KEY_STATE -> usage -> ciphertext opened -> DRY_RUN.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final

from app.kernel.authority import AUTHORIZE
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.shapes import lower_camel
from app.services.kms.errors import (
    CONSTRAINT,
    DRY_RUN_OK,
    INVALID_GRANT_TOKEN,
    WRONG_ALGORITHM,
    WRONG_KIND,
    WRONG_ORIGIN,
    WRONG_USAGE,
)
from app.services.kms.keyref import key_of, key_resource
from app.services.kms.records import Grant, Key, Origin
from app.services.kms.specs import ENCRYPT, SYMMETRIC, Family, algorithms_of, family_of
from app.services.kms.states import ANSWERS

_TOKEN_MAGIC: Final = b"rsG\x01"
_NONCE_BYTES, _TAG_BYTES = 16, 32


def allowed_on_key(action: str) -> AUTHORIZE:
    """The action must be allowed on the key that `KEY()` found."""
    return AUTHORIZE((action, key_resource))


class KEY_STATE:
    """A check: the states of the keys must permit the operation (`states.TABLE`)."""

    def __init__(self, *names: str) -> None:
        self.names = names or ("KeyId",)

    def __call__(self, draft: Draft, call: Call) -> None:
        for name in self.names:
            key = key_of(draft, name)
            error = ANSWERS[call.name][key.state]
            if error is not None:
                error.refuse(arn=key.arn)


class ORIGIN:
    """A check: the key's material must come from there."""

    def __init__(self, *origins: Origin) -> None:
        self.origins = origins

    def __call__(self, draft: Draft, call: Call) -> None:
        key = key_of(draft)
        if key.origin not in self.origins:
            WRONG_ORIGIN.refuse(arn=key.arn, origin=key.origin)


class FAMILY:
    """A check: the key must be of such a family; AWS says so without a text."""

    def __init__(self, *families: Family) -> None:
        self.families = families

    def __call__(self, draft: Draft, call: Call) -> None:
        if family_of(key_of(draft)) not in self.families:
            WRONG_KIND.refuse()


class FIT:
    """A check: the key must be for this usage, then the algorithm of its spec.

    `parameter` holds the algorithm; where it is left out, or there is none, it is that of symmetric encryption keys.
    """

    def __init__(self, usage: str = ENCRYPT, parameter: str = "", key: str = "KeyId") -> None:
        self.usage, self.parameter, self.key = usage, parameter, key

    def __call__(self, draft: Draft, call: Call) -> None:
        require_fit(call, key_of(draft, self.key), self.usage, algorithm_sent(call, self.parameter))


def algorithm_sent(call: Call, parameter: str) -> str:
    return (call[parameter] if parameter else None) or SYMMETRIC


def require_fit(call: Call, key: Key, usage: str, algorithm: str) -> None:
    if key.usage != usage:
        WRONG_USAGE.refuse(arn=key.arn, usage=key.usage, operation=call.name)
    if algorithm not in algorithms_of(key):
        WRONG_ALGORITHM.refuse(algorithm=algorithm, spec=key.spec)


def DRY_RUN(draft: Draft, call: Call) -> None:
    """A check, always the last: all is well, but nothing is to happen."""
    if call["DryRun"]:
        DRY_RUN_OK.refuse()


def between(call: Call, parameter: str, low: int, high: int) -> None:
    """A number that the operation limits more than the model does; ValidationException in the model's words."""
    value = call[parameter]
    if value is not None and not low <= value <= high:
        bound = f"greater than or equal to {low}" if value < low else f"less than or equal to {high}"
        CONSTRAINT.refuse(value=f"'{value}' ", member=lower_camel(parameter), rule=f"Member must have value {bound}")


# Grant tokens: no secrets, and they authorize nothing; a token names its grant and proves that KMS made it.


def new_token(draft: Draft, grant: Grant) -> str:
    """A token for a grant: another one each time, all of them good."""
    named = f"{grant.account}/{grant.region}/{grant.key_id}/{grant.id}"
    nonce = draft.entropy.draw("grant token")[:_NONCE_BYTES]
    tag = draft.world.digest("grant-token", nonce.hex(), named)
    return base64.b64encode(_TOKEN_MAGIC + nonce + tag + named.encode()).decode()


def read_token(draft: Draft, token: str) -> tuple[str, str, str, str]:
    """(account, Region, key id, grant id); InvalidGrantTokenException for anything that KMS did not make."""
    try:
        raw = base64.b64decode(token, validate=True)
        named = raw[len(_TOKEN_MAGIC) + _NONCE_BYTES + _TAG_BYTES :].decode()
    except ValueError:
        INVALID_GRANT_TOKEN.refuse()
    nonce = raw[len(_TOKEN_MAGIC) :][:_NONCE_BYTES]
    tag = draft.world.digest("grant-token", nonce.hex(), named)
    parts = named.split("/")
    if not raw.startswith(_TOKEN_MAGIC + nonce + tag) or len(parts) != 4:
        INVALID_GRANT_TOKEN.refuse()
    return parts[0], parts[1], parts[2], parts[3]


def GRANT_TOKENS(draft: Draft, call: Call) -> None:
    """A check: the tokens must be KMS's. Grants are visible at once, so good ones change nothing (kms.md 6 [I])."""
    for token in _tokens(call):
        read_token(draft, token)


def _tokens(call: Call) -> Iterable[str]:
    return call["GrantTokens"] or ()
