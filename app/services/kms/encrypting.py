"""Encryption under a key of either kind: symmetric, with a context, or RSA, which has none (kms.md 2.5, 3).

What KMS seals under a symmetric key says which key it is under; what was encrypted under an RSA key, here or outside
with the downloaded public key, says nothing: there the caller has to name key and algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.crypto import oaep
from app.crypto.asymmetric import RSA_BITS
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.services.kms.checks import algorithm_sent, require_fit
from app.services.kms.errors import CONTEXT_UNFIT, INVALID_CIPHERTEXT, PLAINTEXT_TOO_LONG
from app.services.kms.keyref import key_of
from app.services.kms.materials import open_sealed, seal, secret_of
from app.services.kms.records import Key
from app.services.kms.specs import ENCRYPT, is_symmetric


class ENCRYPTS:
    """A check: the key encrypts, with this algorithm, and a context comes only where one can be bound."""

    def __init__(self, key: str = "KeyId", algorithm: str = "EncryptionAlgorithm", context: str = "EncryptionContext"):
        self.key, self.algorithm, self.context = key, algorithm, context

    def __call__(self, draft: Draft, call: Call) -> None:
        key = key_of(draft, self.key)
        require_fit(call, key, ENCRYPT, algorithm_sent(call, self.algorithm))
        if call[self.context] and not is_symmetric(key):
            CONTEXT_UNFIT.refuse(spec=key.spec)


def require_room(key: Key, algorithm: str, plaintext: bytes) -> None:
    """ValidationException for more bytes than fit under an RSA key."""
    if is_symmetric(key):
        return
    most = oaep.plaintext_size_max(RSA_BITS[key.spec], algorithm)
    if len(plaintext) > most:
        PLAINTEXT_TOO_LONG.refuse(algorithm=algorithm, spec=key.spec, most=most)


def encrypted(draft: Draft, key: Key, algorithm: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    if is_symmetric(key):
        return seal(draft, key, plaintext, context)
    return oaep.encrypt(secret_of(draft, key), algorithm, plaintext)


def decrypted(draft: Draft, key: Key, algorithm: str, blob: bytes, context: Mapping[str, str]) -> bytes:
    """The plaintext, or InvalidCiphertextException."""
    if is_symmetric(key):
        return open_sealed(draft, key, blob, context)
    try:
        return oaep.decrypt(secret_of(draft, key), algorithm, blob)
    except oaep.OaepBroken:
        INVALID_CIPHERTEXT.refuse()
