"""What a stranger does with a downloaded public key: verifies and encrypts with `cryptography`, without reseal."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key

HASHES = {
    "SHA_1": hashes.SHA1,
    "SHA_224": hashes.SHA224,
    "SHA_256": hashes.SHA256,
    "SHA_384": hashes.SHA384,
    "SHA_512": hashes.SHA512,
}


def hash_of(algorithm: str) -> hashes.HashAlgorithm:
    return HASHES["SHA_" + algorithm.rpartition("_")[2]]()


def digest(algorithm: str, message: bytes) -> bytes:
    hasher = hashes.Hash(hash_of(algorithm))
    hasher.update(message)
    return hasher.finalize()


def verify(public_key: bytes, algorithm: str, message: bytes, signature: bytes, *, is_digest: bool = False) -> None:
    """Raises InvalidSignature."""
    key: Any = load_der_public_key(public_key)
    if algorithm in ("ED25519_SHA_512", "ML_DSA_SHAKE_256"):
        key.verify(signature, message)
        return
    chosen = hash_of(algorithm)
    hashing = Prehashed(chosen) if is_digest else chosen
    if algorithm.startswith("ECDSA"):
        key.verify(signature, message, ec.ECDSA(hashing))
    elif "PSS" in algorithm:
        key.verify(signature, message, padding.PSS(padding.MGF1(chosen), chosen.digest_size), hashing)
    else:
        key.verify(signature, message, padding.PKCS1v15(), hashing)


def encrypt(public_key: bytes, algorithm: str, plaintext: bytes) -> bytes:
    key: Any = load_der_public_key(public_key)
    return key.encrypt(plaintext, padding.OAEP(padding.MGF1(hash_of(algorithm)), hash_of(algorithm), None))
