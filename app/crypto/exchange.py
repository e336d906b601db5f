"""Secrets that two parties share: agreed on by two key pairs (ECDH), or encapsulated under one of them (ML-KEM).

ECDH gives the raw x coordinate, without a key derivation (SP 800-56A, 5.7.1.2; the cofactor of NIST's curves is 1).
Encapsulation draws from the system: it is listed as not deterministic (design.md 2).
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.crypto.asymmetric import load
from app.crypto.material import Secret


class UnfitPeer(Exception):
    """A public key that nothing can be agreed on with: damaged, or of another curve."""


class UnfitCapsule(Exception):
    """An encapsulated secret of the wrong length. Any other damage gives another secret, by design of ML-KEM."""


def agree(private: Secret, peer: bytes) -> bytes:
    """What the pair and the owner of `peer` (SubjectPublicKeyInfo DER) have in common: as many bytes as the curve."""
    own = load(private)
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    try:
        other = load_der_public_key(peer)
    except (ValueError, UnsupportedAlgorithm):
        raise UnfitPeer("no public key") from None
    if not isinstance(other, ec.EllipticCurvePublicKey) or other.curve.name != own.curve.name:
        raise UnfitPeer(f"no public key on {own.curve.name}")
    return own.exchange(ec.ECDH(), other)


def encapsulate(private: Secret) -> tuple[bytes, bytes]:
    """(a fresh secret of 32 bytes, the same encapsulated under the pair's public half)."""
    return _lattice(private).public_key().encapsulate()


def decapsulate(private: Secret, capsule: bytes) -> bytes:
    """The secret of 32 bytes; for a capsule that was damaged or made for another pair, an unrelated one (FIPS 203)."""
    try:
        return _lattice(private).decapsulate(capsule)
    except ValueError:
        raise UnfitCapsule(f"{len(capsule)} bytes are not the length of an encapsulated secret") from None


def _lattice(private: Secret) -> MLKEM768PrivateKey | MLKEM1024PrivateKey:
    key = load(private)
    assert isinstance(key, MLKEM768PrivateKey | MLKEM1024PrivateKey)
    return key
