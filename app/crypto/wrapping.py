"""Wrapping keys for the import of key material: RSA pairs, and what was wrapped under them (kms.md 2.4).

RSAES_OAEP wraps the material itself. RSA_AES_KEY_WRAP wraps a fresh AES key with OAEP, and the material under that key
(AES-KWP, RFC 5649): the two stand one behind the other. PKCS #1 v1.5 is not offered; AWS ended it in 2023.
RSA pairs draw from the system, and are listed as not deterministic (design.md 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from app.crypto import oaep
from app.crypto.asymmetric import RSA_BITS, new_rsa_key, public_key
from app.crypto.material import Secret

KEY_BITS: Final = RSA_BITS
# wrapping algorithm -> the OAEP inside it
DIRECT: Final[Mapping[str, str]] = {name: name for name in oaep.HASHES}
UNDER_AES: Final[Mapping[str, str]] = {
    "RSA_AES_KEY_WRAP_SHA_1": "RSAES_OAEP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256": "RSAES_OAEP_SHA_256",
}


class UnwrapFailed(Exception):
    """Bytes that were not wrapped under this key with this algorithm."""


def new_wrapping_key(spec: str) -> tuple[Secret, bytes]:
    """(private key as PKCS #8 DER, public key as SubjectPublicKeyInfo DER); 2,048 bits take about 50 ms."""
    private = new_rsa_key(spec)
    return private, public_key(private)


def unwrap(private: Secret, algorithm: str, wrapped: bytes) -> Secret:
    """What was wrapped; UnwrapFailed for anything else. KeyError for an algorithm that is in neither table."""
    try:
        if algorithm in DIRECT:
            return Secret(oaep.decrypt(private, DIRECT[algorithm], wrapped))
        return _unwrap_under_aes(private, UNDER_AES[algorithm], wrapped)
    except (oaep.OaepBroken, InvalidUnwrap, ValueError):
        raise UnwrapFailed("the bytes were not wrapped under this key") from None


def _unwrap_under_aes(private: Secret, algorithm: str, wrapped: bytes) -> Secret:
    size = oaep.ciphertext_size(private)
    aes_key = oaep.decrypt(private, algorithm, wrapped[:size])
    return Secret(aes_key_unwrap_with_padding(aes_key, wrapped[size:]))
