"""What KMS answers as a CiphertextBlob: opaque to its users, readable to whoever holds the key material.

    magic "rsK" 1 | ARN length (2) | key ARN | material id (32) | check (4) | salt (16) | ciphertext | tag (16)

The header says which key and which of its materials to use, as AWS's does (kms.md 3 [V]), so Decrypt needs no KeyId and
a key that was rotated still opens what it sealed before. Header and encryption context are associated data. `check` is
no protection (anybody can compute it); it makes a damaged header a damaged ciphertext, as in AWS, and not the name of
another key. AWS's own bytes are not public: framing, canonical context and key derivation are ours, that is inferred.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from app.crypto.cipher import SALT_SIZE_BYTES, TAG_SIZE_BYTES, SealBroken, open_message, seal_message, sha256
from app.crypto.material import Secret

MAGIC = b"rsK\x01"
LABEL = b"reseal kms ciphertext"
PLAINTEXT_SIZE_BYTES_MAX = 4096  # kms.md 2.6 [D]
CIPHERTEXT_SIZE_BYTES_MAX = 6144  # kms.md 2.6 [D]
ARN_SIZE_BYTES_MAX = 1024  # so that the largest plaintext fits into the largest ciphertext; real ARNs have about 75
MATERIAL_ID_SIZE_BYTES = 32
CHECK_SIZE_BYTES = 4


class CiphertextError(SealBroken):
    """KMS's InvalidCiphertextException: no ciphertext of ours, damaged, or sealed under another key or context."""


class Header(NamedTuple):
    """What a ciphertext says about itself. Trust it only after `open`: it is bound, but not secret."""

    key_arn: str
    material_id: str  # 64 hex digits


def seal(
    material: Secret, key_arn: str, material_id: str, plaintext: bytes, context: Mapping[str, str], entropy: bytes
) -> bytes:
    """A ciphertext of at most 6,144 bytes that only this material, with an equal context, opens.

    The same arguments give the same bytes. ValueError for a plaintext over 4,096 bytes, an ARN over 1,024 bytes, or a
    material id that is not 64 hex digits: KMS refuses these before it seals.
    """
    if len(plaintext) > PLAINTEXT_SIZE_BYTES_MAX:
        raise ValueError(f"plaintext has {len(plaintext)} bytes, at most {PLAINTEXT_SIZE_BYTES_MAX} are allowed")
    head = _encode_header(Header(key_arn, material_id))
    return head + seal_message(material, LABEL, head + canonical_context(context), plaintext, entropy)


def header(blob: bytes) -> Header:
    """Which key and material `blob` was sealed under, not yet proven. CiphertextError where it is no ciphertext."""
    return _decode_header(blob)[0]


def open(material: Secret, blob: bytes, context: Mapping[str, str]) -> bytes:
    """The plaintext; CiphertextError when anything at all differs from what was sealed, the context included."""
    _, size = _decode_header(blob)
    try:
        return open_message(material, LABEL, blob[:size] + canonical_context(context), blob[size:])
    except SealBroken as broken:
        raise CiphertextError(str(broken)) from None


def canonical_context(context: Mapping[str, str]) -> bytes:
    """An encryption context as associated data: pairs sorted by the UTF-8 of their keys, each text after its length.

    Order does not matter, case does, and no two contexts give the same bytes (kms.md 3 [I]). Lone surrogates, which
    JSON can carry, are kept as they are.
    """
    pairs = sorted((_utf8(key), _utf8(value)) for key, value in context.items())
    texts = (struct.pack(">I", len(text)) + text for pair in pairs for text in pair)
    return struct.pack(">I", len(pairs)) + b"".join(texts)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _encode_header(head: Header) -> bytes:
    arn, material = head.key_arn.encode(), bytes.fromhex(head.material_id)
    if not 1 <= len(arn) <= ARN_SIZE_BYTES_MAX:
        raise ValueError(f"key ARN has {len(arn)} bytes, 1 to {ARN_SIZE_BYTES_MAX} are allowed")
    if len(material) != MATERIAL_ID_SIZE_BYTES:
        raise ValueError(f"material id has {len(material)} bytes, {MATERIAL_ID_SIZE_BYTES} are needed")
    body = MAGIC + struct.pack(">H", len(arn)) + arn + material
    return body + sha256(body)[:CHECK_SIZE_BYTES]


def _decode_header(blob: bytes) -> tuple[Header, int]:
    """The header and its size in bytes."""
    if len(blob) > CIPHERTEXT_SIZE_BYTES_MAX:
        raise CiphertextError(f"a ciphertext has at most {CIPHERTEXT_SIZE_BYTES_MAX} bytes")
    if len(blob) < 6 or blob[:4] != MAGIC:
        raise CiphertextError("no ciphertext of reseal's, or one of a later version")
    arn_end = 6 + struct.unpack_from(">H", blob, 4)[0]
    body_end = arn_end + MATERIAL_ID_SIZE_BYTES
    size = body_end + CHECK_SIZE_BYTES
    if (
        len(blob) < size + SALT_SIZE_BYTES + TAG_SIZE_BYTES
        or sha256(blob[:body_end])[:CHECK_SIZE_BYTES] != blob[body_end:size]
    ):
        raise CiphertextError("the ciphertext is cut or its header is damaged")
    try:
        return Header(blob[6:arn_end].decode(), blob[arn_end:body_end].hex()), size
    except UnicodeDecodeError:
        raise CiphertextError("the ciphertext names no key") from None
