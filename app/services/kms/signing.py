"""Sign and Verify (kms.md 1.2, 2.5): a signature holds outside too, for whoever has the public key.

A wrong signature is an error, never `SignatureValid: false`.
"""

from __future__ import annotations

from typing import Any, Final

from app.crypto import signatures
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.checks import DRY_RUN, FIT, GRANT_TOKENS, KEY_STATE, allowed_on_key
from app.services.kms.ciphertexts import BY_ARN, ERRORS
from app.services.kms.errors import (
    DIGEST_LENGTH,
    INVALID_SIGNATURE,
    MESSAGE_TYPE,
    WRONG_ALGORITHM,
    WRONG_USAGE,
    not_simulated,
)
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import secret_of
from app.services.kms.specs import SIGN

_ERRORS: Final = (*ERRORS, WRONG_USAGE, WRONG_ALGORITHM, MESSAGE_TYPE, DIGEST_LENGTH)
_FITS: Final = FIT(SIGN, "SigningAlgorithm")


def _form(call: Call) -> str:
    return call["MessageType"] or signatures.RAW


def FORM(draft: Draft, call: Call) -> None:
    """A check: the algorithm takes messages of this form, and a digest has the length of its hash."""
    algorithm, form = call["SigningAlgorithm"], _form(call)
    scheme = signatures.SCHEMES.get(algorithm)
    if scheme is None:
        not_simulated(f"SigningAlgorithm {algorithm}").refuse()
    if form not in scheme.forms:
        MESSAGE_TYPE.refuse(form=form, algorithm=algorithm)
    if scheme.forms[form] not in (None, len(call["Message"])):
        DIGEST_LENGTH.refuse(algorithm=algorithm)


def SIGNATURE(draft: Draft, call: Call) -> None:
    """A check: it is this key's signature of this message."""
    private, signature = secret_of(draft, key_of(draft)), bytes(call["Signature"])
    if not signatures.is_signature(
        private, call["SigningAlgorithm"], bytes(call["Message"]), _form(call), signature
    ):  # fmt: skip
        INVALID_SIGNATURE.refuse()


@operation(
    "kms", "Sign",
    honours=("KeyId", "Message", "MessageType", "GrantTokens", "SigningAlgorithm", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:Sign"), KEY_STATE(), _FITS, FORM, DRY_RUN,
    ),
    answers=_ERRORS,
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def sign(draft: Draft, call: Call) -> dict[str, Any]:
    """Signs a message of 1 to 4,096 bytes, or its digest."""
    key, algorithm = key_of(draft), call["SigningAlgorithm"]
    signature = signatures.sign(secret_of(draft, key), algorithm, bytes(call["Message"]), _form(call))
    return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": algorithm}


@operation(
    "kms", "Verify",
    honours=("KeyId", "Message", "MessageType", "Signature", "SigningAlgorithm", "GrantTokens", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:Verify"), KEY_STATE(), _FITS, FORM,
        SIGNATURE, DRY_RUN,
    ),
    answers=(*_ERRORS, INVALID_SIGNATURE),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def verify(draft: Draft, call: Call) -> dict[str, Any]:
    """Says that a signature holds."""
    return {"KeyId": key_of(draft).arn, "SignatureValid": True, "SigningAlgorithm": call["SigningAlgorithm"]}
