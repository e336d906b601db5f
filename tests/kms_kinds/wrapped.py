"""A customer's side of an import: material wrapped with `cryptography`, as the documentation says, and sent."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_public_key

from tests.kms.lab import REGION, SOURCE, Lab
from tests.kms.wrap import wrap

NEVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
DIRECT = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
UNDER_AES = {"RSA_AES_KEY_WRAP_SHA_1": "RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256": "RSAES_OAEP_SHA_256"}
CURVES = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}


def private_key(spec: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if spec in CURVES:
        return ec.generate_private_key(CURVES[spec])
    return rsa.generate_private_key(65537, int(spec.rpartition("_")[2]))


def pkcs8(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def wrapped(
    lab: Lab,
    key: str,
    material: bytes,
    algorithm: str = "RSAES_OAEP_SHA_256",
    spec: str = "RSA_2048",
    region: str = REGION,
) -> dict[str, Any]:
    """Token and material as ImportKeyMaterial takes them."""
    asked = {"WrappingAlgorithm": algorithm, "WrappingKeySpec": spec}
    given = lab.ok(SOURCE, "GetParametersForImport", region, KeyId=key, **asked)
    assert set(given) == {"KeyId", "ImportToken", "PublicKey", "ParametersValidTo"}
    return {
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": sealed(given["PublicKey"], algorithm, material),
    }


def sealed(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    if algorithm in DIRECT:
        return wrap(public_key, algorithm, material)
    aes_key = b"k" * 32
    return wrap(public_key, UNDER_AES[algorithm], aes_key) + aes_key_wrap_with_padding(aes_key, material)


def imported(lab: Lab, key: str, material: bytes, algorithm: str = "RSAES_OAEP_SHA_256", **more: Any) -> dict[str, Any]:
    """The answer of ImportKeyMaterial."""
    parameters = {**NEVER, **wrapped(lab, key, material, algorithm), **more}
    return dict(lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **parameters))


def modulus_bits(public_key: bytes) -> int:
    key = load_der_public_key(public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    return key.key_size
