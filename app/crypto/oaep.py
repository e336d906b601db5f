"""RSAES-OAEP (RFC 8017, 7.1): one hash for the label and for MGF1, the label empty (kms.md 2.5).

It draws from the system, as the padding must: it is listed as not deterministic (design.md 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from app.crypto.asymmetric import load
from app.crypto.material import Secret

HASHES: Final[Mapping[str, type[HashAlgorithm]]] = {"RSAES_OAEP_SHA_1": SHA1, "RSAES_OAEP_SHA_256": SHA256}


class OaepBroken(Exception):
    """Bytes that were not encrypted under this key with this hash."""


def plaintext_size_max(bits: int, algorithm: str) -> int:
    """How many bytes fit under a key of so many bits."""
    return bits // 8 - 2 * HASHES[algorithm]().digest_size - 2


def ciphertext_size(private: Secret) -> int:
    """Of everything encrypted under the pair, in bytes."""
    return _rsa(private).key_size // 8


def encrypt(private: Secret, algorithm: str, plaintext: bytes) -> bytes:
    """Under the public half of the pair. ValueError for more bytes than fit."""
    return _rsa(private).public_key().encrypt(plaintext, _padding(algorithm))


def decrypt(private: Secret, algorithm: str, ciphertext: bytes) -> bytes:
    """What was encrypted; OaepBroken for anything else."""
    try:
        return _rsa(private).decrypt(ciphertext, _padding(algorithm))
    except ValueError:
        raise OaepBroken("the bytes were not encrypted under this key") from None


def _rsa(private: Secret) -> rsa.RSAPrivateKey:
    key = load(private)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _padding(algorithm: str) -> padding.OAEP:
    chosen = HASHES[algorithm]
    return padding.OAEP(padding.MGF1(chosen()), chosen(), label=None)
