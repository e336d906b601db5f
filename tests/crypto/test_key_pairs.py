"""Key pairs and MAC keys: made from entropy, kept as PKCS #8, read from outside only if they fit."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from app.crypto import macs
from app.crypto.asymmetric import CURVES, RSA_BITS, SPECS, UnfitKey, new_private_key, public_key, read_private_key
from app.crypto.oaep import OaepBroken, decrypt, encrypt, plaintext_size_max

ENTROPY, OTHER = bytes(range(32)), bytes(range(1, 33))
DERIVED = [spec for spec in SPECS if spec not in RSA_BITS]
GOLDEN = {  # ends of the public keys that `ENTROPY` gives
    "ECC_NIST_P256": "a24df0fd0663564f",
    "ECC_NIST_P384": "0cd45662432e996c",
    "ECC_NIST_P521": "a4474f4f592cbfb5",
    "ECC_SECG_P256K1": "b06348a54fd75f06",
    "ECC_NIST_EDWARDS25519": "835c85d8c976e496",
    "ML_DSA_44": "df62b03f5288e757",
    "ML_DSA_65": "9730894cd8ff5088",
    "ML_DSA_87": "39b1eb3c396a14ff",
    "ML_KEM_768": "91961a45ca7fa4e0",
    "ML_KEM_1024": "705958fe4c51e392",
}


def private_key(spec: str, entropy: bytes = ENTROPY) -> Any:
    return load_der_private_key(new_private_key(spec, entropy).reveal(), None)


@pytest.mark.parametrize("spec", DERIVED)
def test_equal_entropy_gives_equal_pairs_and_other_entropy_others(spec: str) -> None:
    assert new_private_key(spec, ENTROPY) == new_private_key(spec, ENTROPY)
    assert new_private_key(spec, ENTROPY) != new_private_key(spec, OTHER)
    with pytest.raises(ValueError, match="entropy"):
        new_private_key(spec, b"short")


def test_specs_do_not_share_their_secrets() -> None:
    scalars = {private_key(spec).private_numbers().private_value for spec in CURVES}
    assert len(scalars) == len(CURVES)


@pytest.mark.parametrize("spec", CURVES)
def test_a_scalar_is_within_its_curves_order(spec: str) -> None:
    curve = CURVES[spec]()
    for n in range(50):
        value = private_key(spec, n.to_bytes(32, "big")).private_numbers().private_value
        assert 1 <= value < curve.group_order


def test_the_first_pairs_of_a_fixed_entropy_stay_what_they_are() -> None:
    """Seeded worlds repeat over versions of reseal."""
    ends = {spec: public_key(new_private_key(spec, ENTROPY))[-8:].hex() for spec in DERIVED}
    assert ends == GOLDEN


@pytest.mark.parametrize("spec", [*CURVES, "RSA_2048"])
def test_a_pair_is_read_as_it_was_kept_however_it_was_encoded(spec: str) -> None:
    kept = new_private_key(spec, ENTROPY)
    assert read_private_key(spec, kept.reveal()) == kept
    if spec in CURVES:
        numbers = private_key(spec).private_numbers().private_value
        bare = ec.derive_private_key(numbers, CURVES[spec]())
        assert read_private_key(spec, der(bare)) == kept


def der(key: Any) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def test_what_is_no_key_of_the_spec_is_unfit() -> None:
    p256 = new_private_key("ECC_NIST_P256", ENTROPY).reveal()
    locked = private_key("ECC_NIST_P256").private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    unfit = (b"", b"x", p256[:-1], public_key(new_private_key("ECC_NIST_P256", ENTROPY)), locked)
    for given in unfit:
        with pytest.raises(UnfitKey):
            read_private_key("ECC_NIST_P256", given)
    for spec in ("ECC_NIST_P384", "ECC_SECG_P256K1", "RSA_2048", "HMAC_256"):
        with pytest.raises(UnfitKey):
            read_private_key(spec, p256)


def test_a_mac_key_has_the_length_of_its_spec() -> None:
    for spec, size in macs.KEY_BYTES.items():
        assert len(macs.new_key(spec, ENTROPY).reveal()) == size
    assert macs.new_key("HMAC_256", ENTROPY) == macs.new_key("HMAC_256", ENTROPY)


@pytest.mark.parametrize(("algorithm", "most"), [("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)])
def test_oaep_takes_as_many_bytes_as_it_says(algorithm: str, most: int) -> None:
    pair = new_private_key("RSA_2048", ENTROPY)
    assert plaintext_size_max(2048, algorithm) == most
    assert decrypt(pair, algorithm, encrypt(pair, algorithm, b"p" * most)) == b"p" * most
    with pytest.raises(ValueError, match="Encryption"):
        encrypt(pair, algorithm, b"p" * (most + 1))
    with pytest.raises(OaepBroken):
        decrypt(pair, algorithm, b"junk")
