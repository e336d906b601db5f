"""Known answers, from RFCs and NIST, for what `app.crypto` composes out of the library's primitives.

Each vector goes through the functions that KMS calls, not around them: so an exchanged argument, a wrong hash or a
forgotten length shows here.
"""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from app.crypto import exchange, macs, signatures, wrapping
from app.crypto.asymmetric import public_key
from app.crypto.cipher import seal_message
from app.crypto.material import Secret, derive


def kept(key: Any) -> Secret:
    return Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def spki(key: Any) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- HMAC -------------------------------------------------------------------------------------------------------------

RFC_4231 = (  # cases 1 to 3: key, data, and the tags of SHA-224, 256, 384, 512
    (
        b"\x0b" * 20,
        b"Hi There",
        "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4"
        "be9d914eeb61f1702e696c203a126854",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
        "caeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807"
        "b946a337bee8942674278859e13292fb",
    ),
)


@pytest.mark.parametrize("case", RFC_4231, ids=["1", "2", "3"])
def test_a_mac_is_the_hmac_of_rfc_4231(case: tuple[bytes, bytes, str, str, str, str]) -> None:
    key, data, *tags = case
    for bits, tag in zip((224, 256, 384, 512), tags, strict=True):
        assert macs.tag(Secret(key), f"HMAC_SHA_{bits}", data).hex() == tag
        assert macs.is_tag(Secret(key), f"HMAC_SHA_{bits}", data, bytes.fromhex(tag))


# --- key wrapping -----------------------------------------------------------------------------------------------------

RFC_5649_KEK = bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
RFC_5649 = (  # section 6: key data, wrapped
    (
        "c37b7e6492584340bed12207808941155068f738",
        "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
    ),
    ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
)


@pytest.mark.parametrize("algorithm", wrapping.UNDER_AES)
@pytest.mark.parametrize(("data", "wrapped"), RFC_5649)
def test_material_under_an_aes_key_is_wrapped_as_in_rfc_5649(algorithm: str, data: str, wrapped: str) -> None:
    """RSA_AES_KEY_WRAP: the AES key under OAEP, then AES-KWP under it, one behind the other."""
    private, public = wrapping.new_wrapping_key("RSA_2048")
    chosen = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()  # noqa: S303 - AWS offers it
    key: Any = load_der_public_key(public)
    head = key.encrypt(RFC_5649_KEK, padding.OAEP(padding.MGF1(chosen), chosen, None))
    assert wrapping.unwrap(private, algorithm, head + bytes.fromhex(wrapped)).reveal().hex() == data
    with pytest.raises(wrapping.UnwrapFailed):
        wrapping.unwrap(private, algorithm, head + bytes.fromhex(wrapped)[:-8])


# --- key agreement ----------------------------------------------------------------------------------------------------

RFC_5903 = (  # section 8: curve, i, (grx, gry), girx
    (
        ec.SECP256R1(),
        "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
        "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63",
        "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
        "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE",
    ),
    (
        ec.SECP384R1(),
        "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194",
        "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571",
        "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C",
        "11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F59746",
    ),
    (
        ec.SECP521R1(),
        "0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A095AA85A30FE1C2952C6771D937BA9777F5957B2639BAB072"
        "462F68C27A57382D4A52",
        "00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A219B97C356436ADC6E95BB0352F6BE64A6C2912D4EF2D0433C"
        "ED2B6171640012D9460F",
        "015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87220B6536C5C408A1D2AEBB8E86D678AE49CB57091F473229"
        "6579AB44FCD17F0FC56A",
        "01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04D1427E73CA4BAA240A34786859810C06B3C715A3A8CC3151"
        "F2BEE417996D19F3DDEA",
    ),
)


@pytest.mark.parametrize(("curve", "i", "x", "y", "shared"), RFC_5903, ids=["P-256", "P-384", "P-521"])
def test_a_shared_secret_is_the_raw_x_of_rfc_5903(curve: ec.EllipticCurve, i: str, x: str, y: str, shared: str) -> None:
    private = kept(ec.derive_private_key(int(i, 16), curve))
    peer = ec.EllipticCurvePublicNumbers(int(x, 16), int(y, 16), curve).public_key()
    assert exchange.agree(private, spki(peer)).hex() == shared.lower()


# --- signatures -------------------------------------------------------------------------------------------------------

RFC_8032 = (  # 7.1, tests 1 to 3: secret key, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
)


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032, ids=["1", "2", "3"])
def test_ed25519_is_that_of_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    private = kept(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))
    assert public_key(private)[-32:].hex() == public
    made = signatures.sign(private, "ED25519_SHA_512", bytes.fromhex(message))
    assert made.hex() == signature
    assert signatures.is_signature(private, "ED25519_SHA_512", bytes.fromhex(message), signatures.RAW, made)


RFC_6979 = (  # A.2.5, P-256: algorithm's hash, message, r, s
    (
        "sample",
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    (
        "test",
        "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
        "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
    ),
)


@pytest.mark.parametrize(("message", "r", "s"), RFC_6979)
def test_ecdsa_takes_its_nonce_as_in_rfc_6979(message: str, r: str, s: str) -> None:
    scalar = int("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", 16)
    private = kept(ec.derive_private_key(scalar, ec.SECP256R1()))
    expected = encode_dss_signature(int(r, 16), int(s, 16))
    assert signatures.sign(private, "ECDSA_SHA_256", message.encode()) == expected


# --- AES-GCM ----------------------------------------------------------------------------------------------------------

GCM = (  # the GCM specification's cases 13 and 14: AES-256, key and nonce of zeros; plaintext, ciphertext and tag
    ("", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 16, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
)


@pytest.mark.parametrize(("plaintext", "sealed"), GCM, ids=["13", "14"])
def test_the_cipher_is_aes_256_gcm_with_the_tag_behind(plaintext: str, sealed: str) -> None:
    assert AESGCM(bytes(32)).encrypt(bytes(12), bytes.fromhex(plaintext), None).hex() == sealed


def test_a_message_is_aes_256_gcm_under_the_hkdf_of_its_salt() -> None:
    """The composition, done once more by hand: key and nonce are 44 bytes of HKDF-SHA256 (docs/formats.md, 2)."""
    key, label, associated, plaintext = Secret(b"k" * 32), b"label", b"associated", b"hello"
    sealed = seal_message(key, label, associated, plaintext, b"e" * 32)
    derived = derive(key.reveal(), label, 44, sealed[:16])
    assert AESGCM(derived[:32]).decrypt(derived[32:], sealed[16:], associated) == plaintext
