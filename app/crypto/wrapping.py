"""Wrapping keys for the import of key material: RSA pairs, and what was wrapped under them.

The one part of this room that draws from the system: RSA pairs and OAEP can not be derived from entropy, and are listed
as not deterministic (design.md 2). PKCS #1 v1.5 is not offered; AWS ended it in 2023 (kms.md 2.4 [D]).
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from app.crypto.material import Secret

KEY_BITS: Final = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
_HASHES: Final = {"RSAES_OAEP_SHA_256": SHA256, "RSAES_OAEP_SHA_1": SHA1}
ALGORITHMS: Final = tuple(_HASHES)


class UnwrapFailed(Exception):
    """Bytes that were not wrapped under this key with this algorithm."""


def new_wrapping_key(spec: str) -> tuple[Secret, bytes]:
    """(private key as PKCS #8 DER, public key as SubjectPublicKeyInfo DER); 2,048 bits take about 50 ms."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS[spec])
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Secret(private), public


def unwrap(private: Secret, algorithm: str, wrapped: bytes) -> Secret:
    """What was wrapped; UnwrapFailed for anything else. KeyError for an algorithm that is not in `ALGORITHMS`."""
    key = load_der_private_key(private.reveal(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    algorithm_hash = _HASHES[algorithm]
    oaep = padding.OAEP(padding.MGF1(algorithm_hash()), algorithm_hash(), label=None)
    try:
        return Secret(key.decrypt(wrapped, oaep))
    except ValueError:
        raise UnwrapFailed("the bytes were not wrapped under this key") from None
