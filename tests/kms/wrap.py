"""What a customer does on his side of an import: wraps material under the public key that KMS gave him."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

HASHES = {"RSAES_OAEP_SHA_256": SHA256, "RSAES_OAEP_SHA_1": SHA1}


def wrap(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    key = load_der_public_key(public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    chosen = HASHES[algorithm]
    return key.encrypt(material, padding.OAEP(padding.MGF1(chosen()), chosen(), label=None))
