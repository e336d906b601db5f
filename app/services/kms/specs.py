"""What a key can be: key specs, what each is used for, and with which algorithms (kms.md 2.5 [D]). A row each.

A key's spec and usage never change, and decide all else: which algorithms its metadata lists, which operations it takes
and which a grant on it may give. The one spec that encrypts under an encryption context, rotates and has material ids
is SYMMETRIC_DEFAULT. Where reseal has not what AWS has, a row says so, and KMS refuses in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from app.crypto import asymmetric, macs
from app.crypto.material import MATERIAL_SIZE_BYTES, Secret, new_material
from app.services.kms.records import Key

SYMMETRIC: Final = "SYMMETRIC_DEFAULT"  # a spec, and its one algorithm
ENCRYPT: Final = "ENCRYPT_DECRYPT"
SIGN: Final = "SIGN_VERIFY"
MAC: Final = "GENERATE_VERIFY_MAC"
AGREE: Final = "KEY_AGREEMENT"
ENCAPSULATE: Final = "ENCAPSULATE_DECAPSULATE"

Family = Literal["symmetric", "hmac", "asymmetric"]


@dataclass(frozen=True, slots=True)
class KeySpec:
    """A row: usage -> its algorithms, in AWS's order."""

    name: str
    family: Family
    algorithms: Mapping[str, tuple[str, ...]]
    make: Callable[[bytes], Secret] | None  # material from 32 bytes of entropy; None: reseal can not
    is_importable: bool = True  # whether AWS imports the others was not found: inferred, it does not (kms.md 2.4)
    material_bytes: int = 0  # of imported material; 0: a private key in PKCS #8


def _hmac(bits: int) -> KeySpec:
    name = f"HMAC_{bits}"
    return KeySpec(
        name, "hmac", {MAC: (f"HMAC_SHA_{bits}",)}, partial(macs.new_key, name), material_bytes=macs.KEY_BYTES[name]
    )


def _pair(name: str, algorithms: Mapping[str, tuple[str, ...]], *, is_importable: bool = True) -> KeySpec:
    make = partial(asymmetric.new_private_key, name) if name in asymmetric.SPECS else None
    return KeySpec(name, "asymmetric", algorithms, make, is_importable)


_RSA: Final = {
    ENCRYPT: ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"),
    SIGN: tuple(f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)),
}

_ROWS: Final = (
    KeySpec(SYMMETRIC, "symmetric", {ENCRYPT: (SYMMETRIC,)}, new_material, material_bytes=MATERIAL_SIZE_BYTES),
    *(_hmac(bits) for bits in (224, 256, 384, 512)),
    *(_pair(f"RSA_{bits}", _RSA) for bits in (2048, 3072, 4096)),
    _pair("ECC_NIST_P256", {SIGN: ("ECDSA_SHA_256",), AGREE: ("ECDH",)}),
    _pair("ECC_NIST_P384", {SIGN: ("ECDSA_SHA_384",), AGREE: ("ECDH",)}),
    _pair("ECC_NIST_P521", {SIGN: ("ECDSA_SHA_512",), AGREE: ("ECDH",)}),
    _pair("ECC_SECG_P256K1", {SIGN: ("ECDSA_SHA_256",)}),
    _pair("ECC_NIST_EDWARDS25519", {SIGN: ("ED25519_SHA_512", "ED25519_PH_SHA_512")}, is_importable=False),
    *(_pair(f"ML_DSA_{level}", {SIGN: ("ML_DSA_SHAKE_256",)}, is_importable=False) for level in (44, 65, 87)),
    *(_pair(f"ML_KEM_{level}", {ENCAPSULATE: ("ML_KEM",)}, is_importable=False) for level in (512, 768, 1024)),
    _pair("SM2", {ENCRYPT: ("SM2PKE",), SIGN: ("SM2DSA",), AGREE: ("ECDH",)}, is_importable=False),  # China's Regions
)
SPECS: Final[Mapping[str, KeySpec]] = {row.name: row for row in _ROWS}


@dataclass(frozen=True, slots=True)
class Use:
    """A row: what a usage is for."""

    algorithms_member: str  # of KeyMetadata and of GetPublicKey's answer
    grantable: tuple[str, ...]  # operations of a grant, beside those that every key has


USES: Final[Mapping[str, Use]] = {
    ENCRYPT: Use("EncryptionAlgorithms", ("Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo")),
    SIGN: Use("SigningAlgorithms", ("Sign", "Verify")),
    MAC: Use("MacAlgorithms", ("GenerateMac", "VerifyMac")),
    AGREE: Use("KeyAgreementAlgorithms", ("DeriveSharedSecret",)),
    ENCAPSULATE: Use("EncapsulationAlgorithms", ("Encapsulate", "Decapsulate")),
}
_EVERY_KEY: Final = ("CreateGrant", "RetireGrant", "DescribeKey")
_OF_FAMILY: Final[Mapping[Family, tuple[str, ...]]] = {
    "symmetric": (
        "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
    ),
    "hmac": (),
    "asymmetric": ("GetPublicKey",),
}  # fmt: skip


def is_symmetric(key: Key) -> bool:
    """Does the key encrypt as most do: with a context, under material that may rotate?"""
    return key.spec == SYMMETRIC


def material_id_of(key: Key) -> str:
    """KeyMaterialId of the current material; only symmetric encryption keys show one (kms.md 2.2 [V])."""
    return key.material_id if is_symmetric(key) else ""


def family_of(key: Key) -> Family:
    return SPECS[key.spec].family


def algorithms_of(key: Key) -> tuple[str, ...]:
    return SPECS[key.spec].algorithms[key.usage]


def algorithms_shown(key: Key) -> dict[str, Any]:
    """The one list of algorithms that KeyMetadata and GetPublicKey have."""
    return {USES[key.usage].algorithms_member: list(algorithms_of(key))}


def grantable(key: Key) -> frozenset[str]:
    """The operations that a grant on the key may give (kms.md 6: they must suit spec and usage)."""
    return frozenset((*_EVERY_KEY, *_OF_FAMILY[family_of(key)], *USES[key.usage].grantable))
