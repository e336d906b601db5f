"""Digital signatures, an algorithm a row (kms.md 2.5).

Messages come in three forms: RAW is hashed here, DIGEST was hashed by the caller, EXTERNAL_MU is ML-DSA's own
representative of a message (FIPS 204, 6.2). ECDSA takes its nonce from key and message (RFC 6979) and Ed25519 always
does, so they repeat; PSS and ML-DSA draw from the system, and are listed as not deterministic (design.md 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from app.crypto.asymmetric import load
from app.crypto.material import Secret

RAW: Final = "RAW"
DIGEST: Final = "DIGEST"
EXTERNAL_MU: Final = "EXTERNAL_MU"
MU_BYTES: Final = 64


class Scheme(Protocol):
    """How one algorithm signs; the keys are those that `asymmetric` makes for the specs it belongs to."""

    @property
    def forms(self) -> Mapping[str, int | None]:
        """The forms of message that it takes, each with the length in bytes that it must have, if it must."""
        ...

    def sign(self, key: Any, message: bytes, form: str) -> bytes: ...
    def verify(self, key: Any, message: bytes, form: str, signature: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Rsa:
    hash: HashAlgorithm
    padding: Callable[[HashAlgorithm], padding.AsymmetricPadding]

    @property
    def forms(self) -> Mapping[str, int | None]:
        return {RAW: None, DIGEST: self.hash.digest_size}

    def sign(self, key: Any, message: bytes, form: str) -> bytes:
        return key.sign(message, self.padding(self.hash), _hashing(self.hash, form))

    def verify(self, key: Any, message: bytes, form: str, signature: bytes) -> None:
        key.verify(signature, message, self.padding(self.hash), _hashing(self.hash, form))


@dataclass(frozen=True, slots=True)
class Ecdsa:
    """Signatures are DER: a sequence of r and s."""

    hash: HashAlgorithm

    @property
    def forms(self) -> Mapping[str, int | None]:
        return {RAW: None, DIGEST: self.hash.digest_size}

    def sign(self, key: Any, message: bytes, form: str) -> bytes:
        return key.sign(message, ec.ECDSA(_hashing(self.hash, form), deterministic_signing=True))

    def verify(self, key: Any, message: bytes, form: str, signature: bytes) -> None:
        key.verify(signature, message, ec.ECDSA(_hashing(self.hash, form)))


@dataclass(frozen=True, slots=True)
class Edwards:
    """Ed25519 of RFC 8032. Its prehashed form is not to be had from the library."""

    forms: Mapping[str, int | None]

    def sign(self, key: Any, message: bytes, form: str) -> bytes:
        return key.sign(message)

    def verify(self, key: Any, message: bytes, form: str, signature: bytes) -> None:
        key.verify(signature, message)


@dataclass(frozen=True, slots=True)
class Lattice:
    """ML-DSA of FIPS 204, with an empty context."""

    forms: Mapping[str, int | None]

    def sign(self, key: Any, message: bytes, form: str) -> bytes:
        return key.sign_mu(message) if form == EXTERNAL_MU else key.sign(message)

    def verify(self, key: Any, message: bytes, form: str, signature: bytes) -> None:
        (key.verify_mu if form == EXTERNAL_MU else key.verify)(signature, message)


def _hashing(algorithm: HashAlgorithm, form: str) -> HashAlgorithm | Prehashed:
    return Prehashed(algorithm) if form == DIGEST else algorithm


def _pss(algorithm: HashAlgorithm) -> padding.AsymmetricPadding:
    """Salt as long as the hash, MGF1 with the same hash."""
    return padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)


def _pkcs1(algorithm: HashAlgorithm) -> padding.AsymmetricPadding:
    return padding.PKCS1v15()


_HASHES: Final = {"SHA_256": SHA256(), "SHA_384": SHA384(), "SHA_512": SHA512()}
SCHEMES: Final[Mapping[str, Scheme]] = {
    **{f"RSASSA_PSS_{name}": Rsa(algorithm, _pss) for name, algorithm in _HASHES.items()},
    **{f"RSASSA_PKCS1_V1_5_{name}": Rsa(algorithm, _pkcs1) for name, algorithm in _HASHES.items()},
    **{f"ECDSA_{name}": Ecdsa(algorithm) for name, algorithm in _HASHES.items()},
    "ED25519_SHA_512": Edwards({RAW: None}),
    "ML_DSA_SHAKE_256": Lattice({RAW: None, EXTERNAL_MU: MU_BYTES}),
}


def sign(private: Secret, algorithm: str, message: bytes, form: str = RAW) -> bytes:
    """A signature, by a key of the algorithm's; the message is of one of its forms, and as long as that has to be."""
    return SCHEMES[algorithm].sign(load(private), message, form)


def is_signature(private: Secret, algorithm: str, message: bytes, form: str, signature: bytes) -> bool:
    """Was this signature made with the pair, for this message? Whatever is wrong with it, the answer is no."""
    try:
        SCHEMES[algorithm].verify(load(private).public_key(), message, form, signature)
    except InvalidSignature:
        return False
    return True
