"""Secrets, and everything that derives from one.

One construction makes every key here: HKDF-SHA256 (RFC 5869) of a secret under an `info` text that no other use shares.
So keys for different uses are independent, although they come from one secret, and equal inputs give equal keys: that
is what makes a seeded world repeatable. Python can not wipe memory; a `Secret` only keeps its bytes from being shown.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ENTROPY_SIZE_BYTES_MIN = 32
MATERIAL_SIZE_BYTES = 32
DATA_KEY_SIZE_BYTES_MAX = 1024  # GenerateDataKey's NumberOfBytes, kms.md 2.6 [D]


class Secret:
    """Bytes that are never shown: not by repr, str, format, a traceback's locals, or pickle.

    Equality takes constant time. The hash is that of a digest, so that a record that holds a secret stays hashable.
    Storing or sending one has to be explicit: `reveal()` it inside what seals it, and make it anew with `Secret(...)`.
    """

    __slots__ = ("_value",)
    _value: bytes

    def __init__(self, value: bytes) -> None:
        if not isinstance(value, bytes):
            raise TypeError(f"a Secret holds bytes, not {type(value).__name__}")
        object.__setattr__(self, "_value", value)

    def reveal(self) -> bytes:
        """The bytes themselves, for the code that encrypts with them or seals them."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return hmac.compare_digest(self._value, other._value) if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(hashlib.sha256(b"reseal secret hash" + self._value).digest())

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled: seal it, or put revealed_for_pickle in the pickler's dispatch_table")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret does not give its state away: use reveal()")


def revealed_for_pickle(secret: Secret) -> tuple[type[Secret], tuple[bytes]]:
    """The explicit way into a pickle, for one pickler's `dispatch_table`: worlds sent to a worker process."""
    return Secret, (secret.reveal(),)


def derive(key: bytes, info: bytes, length: int, salt: bytes = b"") -> bytes:
    """`length` bytes of HKDF-SHA256 (at most 8,160). An empty salt is RFC 5869's default: 32 zero bytes."""
    return HKDF(SHA256(), length, salt or None, info).derive(key)


def joined(*parts: bytes) -> bytes:
    """Parts as one byte string that can be cut in one way only: each is preceded by its length (8 bytes)."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def random_bytes(entropy: bytes, n: int, label: bytes) -> bytes:
    """`n` bytes (at most 8,160) that look random to all who do not know `entropy`.

    Equal arguments give equal bytes; any other label or length gives unrelated ones. ValueError for entropy that is
    shorter than 32 bytes.
    """
    if len(entropy) < ENTROPY_SIZE_BYTES_MIN:
        raise ValueError(f"entropy has {len(entropy)} bytes, at least {ENTROPY_SIZE_BYTES_MIN} are needed")
    return derive(entropy, joined(b"reseal random", label, n.to_bytes(8, "big")), n)


def new_material(entropy: bytes) -> Secret:
    """Material of a new symmetric KMS key: 32 bytes (kms.md 2.4 [D])."""
    return Secret(random_bytes(entropy, MATERIAL_SIZE_BYTES, b"kms key material"))


def material_id(key_arn_or_id: str, material: Secret) -> str:
    """KMS's KeyMaterialId: 64 hex digits that depend on the key id and the material only (kms.md 2.3 [D]).

    An ARN counts as the id it ends in, so a multi-Region key and its replicas agree. The function itself is inferred.
    """
    key_id = key_arn_or_id.rpartition("/")[2]
    return mac(material, b"kms key material id", key_id.encode()).hex()


def data_key(entropy: bytes, number_of_bytes: int) -> bytes:
    """A fresh data key of 1 to 1,024 bytes (kms.md 2.6 [D]); EBS asks for 64. ValueError outside of that range."""
    if not 1 <= number_of_bytes <= DATA_KEY_SIZE_BYTES_MAX:
        raise ValueError(f"a data key has 1 to {DATA_KEY_SIZE_BYTES_MAX} bytes, not {number_of_bytes}")
    return random_bytes(entropy, number_of_bytes, b"kms data key")


def mac(root_key: Secret, *parts: bytes) -> bytes:
    """32 bytes of HMAC-SHA256 over the parts and their borders: evidence that none of them was changed."""
    key = derive(root_key.reveal(), b"reseal mac", 32)
    return hmac.digest(key, joined(*parts), "sha256")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
