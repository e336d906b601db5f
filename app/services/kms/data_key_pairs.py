"""Data key pairs (kms.md 2.5): made here, used elsewhere; the private half sealed under a symmetric key."""

from __future__ import annotations

from typing import Any, Final

from app.crypto.asymmetric import SPECS, new_private_key, public_key
from app.crypto.material import Secret
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.checks import DRY_RUN, FIT, GRANT_TOKENS, KEY_STATE, allowed_on_key
from app.services.kms.ciphertexts import BY_ARN, ERRORS, context_sent
from app.services.kms.errors import WRONG_ALGORITHM, WRONG_USAGE, not_simulated
from app.services.kms.keyref import KEY, key_of
from app.services.kms.materials import seal


def PAIR_SPEC(draft: Draft, call: Call) -> None:
    """A check: a pair that reseal can make."""
    if call["KeyPairSpec"] not in SPECS:
        not_simulated(f"KeyPairSpec {call['KeyPairSpec']}").refuse()


def _new_pair(draft: Draft, call: Call) -> tuple[Secret, dict[str, Any]]:
    """The private key, and the answer that holds it sealed."""
    key, spec = key_of(draft), call["KeyPairSpec"]
    private = new_private_key(spec, draft.entropy.draw("data key pair"))
    draft.frame.additional["keyMaterialId"] = key.material_id
    return private, {
        "PrivateKeyCiphertextBlob": seal(draft, key, private.reveal(), context_sent(call)),
        "PublicKey": public_key(private),
        "KeyId": key.arn,
        "KeyPairSpec": spec,
        "KeyMaterialId": key.material_id,
    }


_PARAMETERS: Final = ("EncryptionContext", "KeyId", "KeyPairSpec", "GrantTokens", "DryRun")
_ERRORS: Final = (*ERRORS, WRONG_USAGE, WRONG_ALGORITHM)


@operation(
    "kms", "GenerateDataKeyPair",
    honours=_PARAMETERS,
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:GenerateDataKeyPair"), KEY_STATE(), FIT(),
        PAIR_SPEC, DRY_RUN,
    ),
    answers=_ERRORS,
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def generate_data_key_pair(draft: Draft, call: Call) -> dict[str, Any]:
    """A fresh pair: public key, private key in PKCS #8, and the same sealed. RSA is drawn from the system."""
    private, answer = _new_pair(draft, call)
    return {**answer, "PrivateKeyPlaintext": private.reveal()}


@operation(
    "kms", "GenerateDataKeyPairWithoutPlaintext",
    honours=_PARAMETERS,
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:GenerateDataKeyPairWithoutPlaintext"),
        KEY_STATE(), FIT(), PAIR_SPEC, DRY_RUN,
    ),
    answers=_ERRORS,
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def generate_data_key_pair_without_plaintext(draft: Draft, call: Call) -> dict[str, Any]:
    """A fresh pair whose private key is sealed only: whoever wants to use it has to Decrypt it."""
    return _new_pair(draft, call)[1]
