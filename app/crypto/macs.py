"""HMAC (RFC 2104) as KMS has it: one hash for each key spec, key and tag as long as the hash (kms.md 2.4, 2.5)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

from app.crypto.material import Secret, random_bytes

KEY_BYTES: Final[Mapping[str, int]] = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
_HASHES: Final = {
    "HMAC_SHA_224": "sha224",
    "HMAC_SHA_256": "sha256",
    "HMAC_SHA_384": "sha384",
    "HMAC_SHA_512": "sha512",
}


def new_key(spec: str, entropy: bytes) -> Secret:
    """A key of the spec's length. KeyError for a spec that is not in `KEY_BYTES`."""
    return Secret(random_bytes(entropy, KEY_BYTES[spec], b"kms hmac key"))


def tag(key: Secret, algorithm: str, message: bytes) -> bytes:
    """The HMAC of a message, whole."""
    return hmac.digest(key.reveal(), message, _HASHES[algorithm])


def is_tag(key: Secret, algorithm: str, message: bytes, given: bytes) -> bool:
    """Is this the message's HMAC? Takes the same time wherever they differ."""
    return hmac.compare_digest(tag(key, algorithm, message), given)
