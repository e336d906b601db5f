"""Secrets shared with another party: DeriveSharedSecret (ECDH), Encapsulate and Decapsulate (ML-KEM) (kms.md 2.5)."""

from __future__ import annotations

from typing import Any, Final

from app.crypto import exchange
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.checks import DRY_RUN, FIT, GRANT_TOKENS, KEY_STATE, allowed_on_key
from app.services.kms.ciphertexts import BY_ARN, ERRORS
from app.services.kms.errors import INVALID_CIPHERTEXT, INVALID_PUBLIC_KEY, WRONG_ALGORITHM, WRONG_USAGE
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import secret_of
from app.services.kms.specs import AGREE, ENCAPSULATE

_ERRORS: Final = (*ERRORS, WRONG_USAGE, WRONG_ALGORITHM)
_ENCAPSULATES: Final = FIT(ENCAPSULATE, "EncapsulationAlgorithm")


def PEER(draft: Draft, call: Call) -> None:
    """A check: agrees with the other's public key, and leaves the secret for the handler."""
    try:
        draft.frame.memo["secret"] = exchange.agree(secret_of(draft, key_of(draft)), bytes(call["PublicKey"]))
    except exchange.UnfitPeer:
        INVALID_PUBLIC_KEY.refuse()


@operation(
    "kms", "DeriveSharedSecret",
    honours=("KeyId", "KeyAgreementAlgorithm", "PublicKey", "GrantTokens", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:DeriveSharedSecret"), KEY_STATE(),
        FIT(AGREE, "KeyAgreementAlgorithm"), PEER, DRY_RUN,
    ),
    answers=(*_ERRORS, INVALID_PUBLIC_KEY),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def derive_shared_secret(draft: Draft, call: Call) -> dict[str, Any]:
    """The raw x coordinate that both parties come to; it needs a key derivation before it is used."""
    key = key_of(draft)
    return {
        "KeyId": key.arn,
        "SharedSecret": draft.frame.memo["secret"],
        "KeyAgreementAlgorithm": call["KeyAgreementAlgorithm"],
        "KeyOrigin": key.origin,
    }


@operation(
    "kms", "Encapsulate",
    honours=("KeyId", "EncapsulationAlgorithm", "GrantTokens", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:Encapsulate"), KEY_STATE(), _ENCAPSULATES,
        DRY_RUN,
    ),
    answers=_ERRORS,
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def encapsulate(draft: Draft, call: Call) -> dict[str, Any]:
    """A fresh secret of 32 bytes, in clear and encapsulated for whoever may Decapsulate it."""
    key = key_of(draft)
    secret, capsule = exchange.encapsulate(secret_of(draft, key))
    return {
        "KeyId": key.arn,
        "SharedSecret": secret,
        "SharedSecretCiphertextBlob": capsule,
        "EncapsulationAlgorithm": call["EncapsulationAlgorithm"],
    }


def CAPSULE(draft: Draft, call: Call) -> None:
    """A check: opens the capsule. Only a wrong length shows; all other damage gives another secret (botocore [D])."""
    capsule = bytes(call["SharedSecretCiphertextBlob"])
    try:
        draft.frame.memo["secret"] = exchange.decapsulate(secret_of(draft, key_of(draft)), capsule)
    except exchange.UnfitCapsule:
        INVALID_CIPHERTEXT.refuse()


@operation(
    "kms", "Decapsulate",
    honours=("KeyId", "SharedSecretCiphertextBlob", "EncapsulationAlgorithm", "GrantTokens", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:Decapsulate"), KEY_STATE(), _ENCAPSULATES,
        CAPSULE, DRY_RUN,
    ),
    answers=(*_ERRORS, INVALID_CIPHERTEXT),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def decapsulate(draft: Draft, call: Call) -> dict[str, Any]:
    """The secret that was encapsulated for this key."""
    return {
        "KeyId": key_of(draft).arn,
        "SharedSecret": draft.frame.memo["secret"],
        "EncapsulationAlgorithm": call["EncapsulationAlgorithm"],
    }
