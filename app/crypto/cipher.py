"""AES-256-GCM, in the two ways in which reseal uses it.

Two messages under one (key, nonce) would give both away, so each way has its own reason why that can't happen:

- A *block* has a name, its reference, and a name is written once. The key derives from the data key and the part of the
  name that tells lineages and branches apart; the nonce is the rest of it (index, generation). The whole name is
  associated data: a block that is swapped, replayed or moved does not open.
  INVARIANT: whoever seals two different plaintexts under one reference breaks this. Stores refuse the second one.
- A *message* (a KMS ciphertext, a value at rest) has a salt of 16 bytes, from which its own key and nonce derive. The
  salt depends on entropy, place and plaintext together: two forks of a seeded world, which draw the same entropy,
  still salt different messages differently.
"""

from __future__ import annotations

import hmac
import struct
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.crypto.material import ENTROPY_SIZE_BYTES_MIN, Secret, derive, joined, mac, sha256

__all__ = [
    "BLOCK_FORMAT",
    "BlockName",
    "SealBroken",
    "forget_keys",
    "mac",
    "open_at_rest",
    "open_block",
    "open_message",
    "seal_at_rest",
    "seal_block",
    "seal_message",
    "sha256",
]

BLOCK_FORMAT = 1  # the only one so far
KEY_SIZE_BYTES = 32
NONCE_SIZE_BYTES = 12
SALT_SIZE_BYTES = 16
TAG_SIZE_BYTES = 16
DERIVED_KEYS_MAX = 256  # reliability.md R22: no more unwrapped data keys than this in memory
AT_REST_MAGIC = b"rsR\x01"


class SealBroken(Exception):
    """Sealed bytes that do not open: damaged, cut, moved, or sealed under another key, name, place or context."""


class BlockName(Protocol):
    """A block's reference as far as sealing needs it. `app.blocks.ref.BlockRef` is one."""

    @property
    def format(self) -> int: ...
    @property
    def branch(self) -> bytes: ...
    @property
    def lineage(self) -> bytes: ...
    @property
    def index(self) -> int: ...
    @property
    def generation(self) -> int: ...
    def encode(self) -> bytes: ...


def seal_block(data_key: bytes, ref: BlockName, plaintext: bytes) -> bytes:
    """A block under its data key: ciphertext, then the tag (16 bytes). ValueError for a format that is not known."""
    if ref.format != BLOCK_FORMAT:
        raise ValueError(f"block format {ref.format} is not known")
    return _block_cipher(data_key, _scope(ref)).encrypt(_block_nonce(ref), plaintext, ref.encode())


def open_block(data_key: bytes, ref: BlockName, sealed: bytes) -> bytes:
    """The plaintext, exactly as it was sealed under this reference; otherwise SealBroken."""
    if ref.format != BLOCK_FORMAT:
        raise SealBroken(f"block format {ref.format} is not known")
    return _decrypt(_block_cipher(data_key, _scope(ref)), _block_nonce(ref), sealed, ref.encode())


def _scope(ref: BlockName) -> bytes:
    return struct.pack(">I16s16s", ref.format, ref.branch, ref.lineage)


def _block_nonce(ref: BlockName) -> bytes:
    return ref.index.to_bytes(6, "big") + ref.generation.to_bytes(6, "big")


@lru_cache(maxsize=DERIVED_KEYS_MAX)
def _block_cipher(data_key: bytes, scope: bytes) -> AESGCM:
    return AESGCM(derive(data_key, b"reseal block" + scope, KEY_SIZE_BYTES))


def forget_keys() -> None:
    """Drop the derived block keys that are kept for speed (at most 256). Whoever owns a clock decides when."""
    _block_cipher.cache_clear()


def seal_message(key: Secret, label: bytes, associated: bytes, plaintext: bytes, entropy: bytes) -> bytes:
    """salt (16) | ciphertext | tag (16), under a key of its own. `label` names the use; `associated` is not stored."""
    salt = _salt(key, label, associated, plaintext, entropy)
    cipher, nonce = _message_cipher(key, label, salt)
    return salt + cipher.encrypt(nonce, plaintext, associated)


def open_message(key: Secret, label: bytes, associated: bytes, sealed: bytes) -> bytes:
    """The plaintext, or SealBroken."""
    salt, body = sealed[:SALT_SIZE_BYTES], sealed[SALT_SIZE_BYTES:]
    cipher, nonce = _message_cipher(key, label, salt)
    return _decrypt(cipher, nonce, body, associated)


def _salt(key: Secret, label: bytes, associated: bytes, plaintext: bytes, entropy: bytes) -> bytes:
    """Keyed, so that the salt, which is stored in clear, tells nothing about the plaintext."""
    if len(entropy) < ENTROPY_SIZE_BYTES_MIN:
        raise ValueError(f"entropy has {len(entropy)} bytes, at least {ENTROPY_SIZE_BYTES_MIN} are needed")
    salt_key = derive(key.reveal(), label + b" salt", KEY_SIZE_BYTES)
    return hmac.digest(salt_key, joined(entropy, associated, plaintext), "sha256")[:SALT_SIZE_BYTES]


def _message_cipher(key: Secret, label: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    derived = derive(key.reveal(), label, KEY_SIZE_BYTES + NONCE_SIZE_BYTES, salt)
    return AESGCM(derived[:KEY_SIZE_BYTES]), derived[KEY_SIZE_BYTES:]


def _decrypt(cipher: AESGCM, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    if len(sealed) < TAG_SIZE_BYTES:
        raise SealBroken("sealed bytes are too short to be whole")
    try:
        return cipher.decrypt(nonce, sealed, associated)
    except InvalidTag:
        raise SealBroken("sealed bytes do not open: damaged, moved, or under another key") from None


def seal_at_rest(root_key: Secret, place: str, value: bytes, entropy: bytes) -> bytes:
    """A value as the database keeps it. `place` (table, row, field, say) is bound: elsewhere it does not open."""
    associated = AT_REST_MAGIC + place.encode()
    return AT_REST_MAGIC + seal_message(root_key, b"reseal at rest", associated, value, entropy)


def open_at_rest(root_key: Secret, place: str, sealed: bytes) -> bytes:
    """The value, or SealBroken where the bytes, the place or the root key are not those of the sealing."""
    if sealed[:4] != AT_REST_MAGIC:
        raise SealBroken("not a value sealed at rest, or one of a later version")
    return open_message(root_key, b"reseal at rest", AT_REST_MAGIC + place.encode(), sealed[4:])
