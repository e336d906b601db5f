"""Key pairs of KMS: made, kept as PKCS #8, shown as SubjectPublicKeyInfo (kms.md 2.5).

Everything that has a seed is derived from entropy, so equal arguments give equal pairs: scalars of curves with 64 bits
more than their order (FIPS 186-5, A.2.1), Ed25519, ML-DSA and ML-KEM from seeds. RSA pairs can not be: they draw from
the system, and are listed as not deterministic (design.md 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey, MLDSA87PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from app.crypto.material import Secret, random_bytes

RSA_BITS: Final[Mapping[str, int]] = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
CURVES: Final[Mapping[str, type[ec.EllipticCurve]]] = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
# spec -> size of its seed in bytes, and the pair of a seed
_SEEDED: Final[Mapping[str, tuple[int, Callable[[bytes], PrivateKeyTypes]]]] = {
    "ECC_NIST_EDWARDS25519": (32, Ed25519PrivateKey.from_private_bytes),
    "ML_DSA_44": (32, MLDSA44PrivateKey.from_seed_bytes),
    "ML_DSA_65": (32, MLDSA65PrivateKey.from_seed_bytes),
    "ML_DSA_87": (32, MLDSA87PrivateKey.from_seed_bytes),
    "ML_KEM_768": (64, MLKEM768PrivateKey.from_seed_bytes),
    "ML_KEM_1024": (64, MLKEM1024PrivateKey.from_seed_bytes),
}
SPECS: Final = (*RSA_BITS, *CURVES, *_SEEDED)
_EXPONENT: Final = 65537
_BIAS_BYTES: Final = 8


class UnfitKey(Exception):
    """Bytes that are no private key of the wanted spec."""


def new_private_key(spec: str, entropy: bytes) -> Secret:
    """PKCS #8 DER of a new pair. KeyError for a spec that is not in `SPECS`. RSA takes 0.05 to 1 s, all else 1 ms."""
    if spec in RSA_BITS:
        return new_rsa_key(spec)
    label = b"kms key pair " + spec.encode()
    if spec in CURVES:
        return _kept(_on_curve(CURVES[spec](), entropy, label))
    size, pair_of = _SEEDED[spec]
    return _kept(pair_of(random_bytes(entropy, size, label)))


def new_rsa_key(spec: str) -> Secret:
    """PKCS #8 DER of a new RSA pair, drawn from the system."""
    return _kept(rsa.generate_private_key(_EXPONENT, RSA_BITS[spec]))


def _on_curve(curve: ec.EllipticCurve, entropy: bytes, label: bytes) -> ec.EllipticCurvePrivateKey:
    """A scalar between 1 and the order less 1, of more random bits than it has, so that none is likelier."""
    size = (curve.group_order.bit_length() + 7) // 8 + _BIAS_BYTES
    drawn = int.from_bytes(random_bytes(entropy, size, label), "big")
    return ec.derive_private_key(drawn % (curve.group_order - 1) + 1, curve)


def _kept(key: PrivateKeyTypes) -> Secret:
    return Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def public_key(private: Secret) -> bytes:
    """The public half, SubjectPublicKeyInfo DER."""
    return load(private).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load(private: Secret) -> PrivateKeyTypes:
    """A pair that this room made or read before; so RSA's primes, whose proof takes half a second, are believed."""
    return load_der_private_key(private.reveal(), None, unsafe_skip_rsa_key_validation=True)


def read_private_key(spec: str, der: bytes) -> Secret:
    """A private RSA or curve key that comes from outside, checked and encoded anew; UnfitKey for anything else.

    Encoded anew, equal keys are equal bytes: PKCS #8 leaves it open whether the public half stands in it too.
    """
    try:
        key = load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnfitKey("no private key in PKCS #8 DER") from None
    if not _is_of(spec, key):
        raise UnfitKey(f"no private key of {spec}")
    return _kept(key)


def _is_of(spec: str, key: PrivateKeyTypes) -> bool:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.key_size == RSA_BITS.get(spec)
    return isinstance(key, ec.EllipticCurvePrivateKey) and spec in CURVES and key.curve.name == CURVES[spec].name
