"""GetPublicKey (kms.md 2.5): what signatures are verified with, and secrets encrypted with, outside."""

from __future__ import annotations

from typing import Any

from app.crypto.asymmetric import public_key
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.checks import FAMILY, GRANT_TOKENS, KEY_STATE, allowed_on_key
from app.services.kms.ciphertexts import BY_ARN, ERRORS
from app.services.kms.errors import WRONG_KIND
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import secret_of
from app.services.kms.specs import algorithms_shown


@operation(
    "kms", "GetPublicKey",
    honours=("KeyId", "GrantTokens"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:GetPublicKey"), KEY_STATE(),
        FAMILY("asymmetric"),
    ),
    answers=(*ERRORS, WRONG_KIND),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def get_public_key(draft: Draft, call: Call) -> dict[str, Any]:
    """The public half of a pair, as SubjectPublicKeyInfo, and what it may be used for."""
    key = key_of(draft)
    return {
        "KeyId": key.arn,
        "PublicKey": public_key(secret_of(draft, key)),
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        **algorithms_shown(key),
    }
