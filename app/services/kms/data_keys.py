"""Data keys and random bytes (kms.md 3): made here, used elsewhere; KMS keeps none of them."""

from __future__ import annotations

from typing import Any, Final

from app.crypto.material import data_key, random_bytes
from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.checks import DRY_RUN, FIT, GRANT_TOKENS, KEY_STATE, allowed_on_key
from app.services.kms.ciphertexts import BY_ARN, ERRORS, context_sent
from app.services.kms.errors import BYTES_OR_SPEC, BYTES_REQUIRED, NO_KEY_STORE, WRONG_ALGORITHM, WRONG_USAGE
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import seal

SPEC_BYTES: Final = {"AES_128": 16, "AES_256": 32}


def SIZE(draft: Draft, call: Call) -> None:
    """A check: exactly one of KeySpec and NumberOfBytes."""
    if (call["KeySpec"] is None) == (call["NumberOfBytes"] is None):
        BYTES_OR_SPEC.refuse()


def _new_data_key(draft: Draft, call: Call) -> tuple[bytes, dict[str, Any]]:
    """A data key in clear, and the answer that holds it sealed."""
    key = key_of(draft)
    size = call["NumberOfBytes"] or SPEC_BYTES[call["KeySpec"]]
    plaintext = data_key(draft.entropy.draw("data key"), size)
    draft.frame.additional["keyMaterialId"] = key.material_id
    blob = seal(draft, key, plaintext, context_sent(call))
    return plaintext, {"CiphertextBlob": blob, "KeyId": key.arn, "KeyMaterialId": key.material_id}


_DATA_KEY: Final = ("KeyId", "EncryptionContext", "NumberOfBytes", "KeySpec", "GrantTokens", "DryRun")


@operation(
    "kms", "GenerateDataKey",
    honours=_DATA_KEY,
    checks=(
        SIZE, GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:GenerateDataKey"), KEY_STATE(), FIT(),
        DRY_RUN,
    ),
    answers=(*ERRORS, BYTES_OR_SPEC, WRONG_USAGE, WRONG_ALGORITHM),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def generate_data_key(draft: Draft, call: Call) -> dict[str, Any]:
    """A fresh data key of 1 to 1,024 bytes, in clear and sealed under the key."""
    plaintext, answer = _new_data_key(draft, call)
    return {**answer, "Plaintext": plaintext}


@operation(
    "kms", "GenerateDataKeyWithoutPlaintext",
    honours=_DATA_KEY,
    checks=(
        SIZE, GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:GenerateDataKeyWithoutPlaintext"),
        KEY_STATE(), FIT(), DRY_RUN,
    ),
    answers=(*ERRORS, BYTES_OR_SPEC, WRONG_USAGE, WRONG_ALGORITHM),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def generate_data_key_without_plaintext(draft: Draft, call: Call) -> dict[str, Any]:
    """A fresh data key, sealed under the key only: whoever wants to use it has to Decrypt it."""
    return _new_data_key(draft, call)[1]


def LENGTH(draft: Draft, call: Call) -> None:
    """A check: how many bytes has to be said, and only KMS's own randomness is to be had."""
    if call["NumberOfBytes"] is None:
        BYTES_REQUIRED.refuse()
    if call["CustomKeyStoreId"]:
        NO_KEY_STORE.refuse()


@operation(
    "kms", "GenerateRandom",
    honours=("NumberOfBytes", "CustomKeyStoreId"),
    checks=(LENGTH, AUTHORIZE(("kms:GenerateRandom", anything))),
    answers=(BYTES_REQUIRED, NO_KEY_STORE),
    across_accounts="no key is involved",
    reads=True,
)  # fmt: skip
def generate_random(draft: Draft, call: Call) -> dict[str, Any]:
    """1 to 1,024 random bytes."""
    return {"Plaintext": random_bytes(draft.entropy.draw("random"), call["NumberOfBytes"], b"kms random")}
