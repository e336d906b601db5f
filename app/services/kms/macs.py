"""GenerateMac and VerifyMac (kms.md 1.2, 2.5). A wrong MAC is an error, never `MacValid: false`."""

from __future__ import annotations

from typing import Any, Final

from app.crypto import macs
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.checks import DRY_RUN, FIT, GRANT_TOKENS, KEY_STATE, allowed_on_key
from app.services.kms.ciphertexts import BY_ARN, ERRORS
from app.services.kms.errors import INVALID_MAC, WRONG_ALGORITHM, WRONG_USAGE
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import secret_of
from app.services.kms.specs import MAC

_ERRORS: Final = (*ERRORS, WRONG_USAGE, WRONG_ALGORITHM)
_FITS: Final = FIT(MAC, "MacAlgorithm")


@operation(
    "kms", "GenerateMac",
    honours=("Message", "KeyId", "MacAlgorithm", "GrantTokens", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:GenerateMac"), KEY_STATE(), _FITS, DRY_RUN,
    ),
    answers=_ERRORS,
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def generate_mac(draft: Draft, call: Call) -> dict[str, Any]:
    """The HMAC of a message of 1 to 4,096 bytes."""
    key, algorithm = key_of(draft), call["MacAlgorithm"]
    return {
        "Mac": macs.tag(secret_of(draft, key), algorithm, bytes(call["Message"])),
        "MacAlgorithm": algorithm,
        "KeyId": key.arn,
    }


def TAG(draft: Draft, call: Call) -> None:
    """A check: it is this key's MAC of this message."""
    secret = secret_of(draft, key_of(draft))
    if not macs.is_tag(secret, call["MacAlgorithm"], bytes(call["Message"]), bytes(call["Mac"])):
        INVALID_MAC.refuse()


@operation(
    "kms", "VerifyMac",
    honours=("Message", "KeyId", "MacAlgorithm", "Mac", "GrantTokens", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:VerifyMac"), KEY_STATE(), _FITS, TAG,
        DRY_RUN,
    ),
    answers=(*_ERRORS, INVALID_MAC),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def verify_mac(draft: Draft, call: Call) -> dict[str, Any]:
    """Says that a MAC holds."""
    return {"KeyId": key_of(draft).arn, "MacValid": True, "MacAlgorithm": call["MacAlgorithm"]}
