"""All randomness of a call, from its seed.

`perform` may not draw from the system: the shell draws one seed for each attempt and journals it. What a call needs
beyond that (key material, nonces, request ids of nested calls) is derived from the seed and a running number, so the
same call with the same seed on the same world answers the same bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid


class Entropy:
    __slots__ = ("_drawn", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def draw(self, label: str) -> bytes:
        """32 fresh bytes; never the same twice from one seed."""
        self._drawn += 1
        return hmac.digest(self._seed, f"{label}/{self._drawn}".encode(), hashlib.sha256)

    def uuid(self, label: str) -> str:
        return str(uuid.UUID(bytes=self.draw(label)[:16], version=4))
