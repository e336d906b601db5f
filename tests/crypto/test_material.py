"""Secrets, and what derives from them."""

from __future__ import annotations

import copy
import copyreg
import io
import pickle
import string

import pytest

from app.crypto.material import (
    Secret,
    data_key,
    derive,
    mac,
    material_id,
    new_material,
    random_bytes,
    revealed_for_pickle,
)

ENTROPY = bytes(range(32))
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
CANARY = b"canary bytes that nobody sees 01"

RFC_5869 = (  # appendix A, cases 1 to 3: key, salt, info, length, output
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x00, 0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8"
        "367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
)


@pytest.mark.parametrize(("key", "salt", "info", "length", "output"), RFC_5869)
def test_derivation_is_the_hkdf_of_rfc_5869(key: str, salt: str, info: str, length: int, output: str) -> None:
    """The RFC's own test vectors."""
    assert derive(bytes.fromhex(key), bytes.fromhex(info), length, bytes.fromhex(salt)).hex() == output


@pytest.mark.parametrize("show", [repr, str, format, "{:>40}".format, lambda s: f"{s!r} {s}", lambda s: repr([s])])
def test_a_secret_is_never_shown(show) -> None:
    """No way of making text of it holds the value, nor its hex."""
    shown = show(Secret(CANARY))
    assert "canary" not in shown
    assert CANARY.hex() not in shown
    assert "secret" in shown


def test_a_secret_is_not_shown_by_an_error_about_it() -> None:
    """Formatting with a wrong specification, or building one of text, fails without the value."""
    for broken in (lambda: format(Secret(CANARY), "d"), lambda: Secret(CANARY.decode())):  # type: ignore[arg-type]
        with pytest.raises((ValueError, TypeError)) as failure:
            broken()
        assert "canary" not in str(failure.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_goes_into_a_pickle_only_where_that_is_asked_for(protocol: int) -> None:
    """By itself it refuses; with an explicit entry in the pickler's table it travels."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(CANARY), protocol)
    out = io.BytesIO()
    pickler = pickle.Pickler(out, protocol)
    pickler.dispatch_table = copyreg.dispatch_table | {Secret: revealed_for_pickle}
    pickler.dump({"key": Secret(CANARY)})
    assert pickle.loads(out.getvalue()) == {"key": Secret(CANARY)}


def test_a_secret_is_a_value() -> None:
    """Equal by content, hashable, immutable; a copy is itself."""
    secret = Secret(CANARY)
    assert secret == Secret(CANARY)
    assert secret != Secret(CANARY[::-1])
    assert secret != CANARY
    assert len({secret, Secret(CANARY)}) == 1
    assert copy.deepcopy(secret) is copy.copy(secret) is secret
    with pytest.raises(AttributeError):
        secret._value = b""
    with pytest.raises(AttributeError):
        del secret._value


def test_all_randomness_follows_from_entropy_label_and_length() -> None:
    """Equal arguments repeat; no change of any argument leaves the output related."""
    first = random_bytes(ENTROPY, 64, b"label")
    assert first == random_bytes(ENTROPY, 64, b"label")
    others = [
        random_bytes(ENTROPY, 64, b"other"),
        random_bytes(ENTROPY[::-1], 64, b"label"),
        random_bytes(ENTROPY, 32, b"label"),
        data_key(ENTROPY, 64),
        new_material(ENTROPY).reveal(),
    ]
    assert len({sample[:32] for sample in [first, *others]}) == 6


def test_short_entropy_is_refused() -> None:
    """31 bytes are too few for a 256-bit key."""
    with pytest.raises(ValueError, match="at least 32"):
        new_material(ENTROPY[:31])


@pytest.mark.parametrize("size", [1, 16, 32, 64, 1024])
def test_a_data_key_has_the_length_that_was_asked_for(size: int) -> None:
    """GenerateDataKey's NumberOfBytes is 1 to 1,024 (kms.md 2.6)."""
    assert len(data_key(ENTROPY, size)) == size


@pytest.mark.parametrize("size", [0, -1, 1025])
def test_a_data_key_outside_of_kms_limits_is_refused(size: int) -> None:
    """The model refuses these before; nothing is cut or padded in silence."""
    with pytest.raises(ValueError, match="1 to 1024"):
        data_key(ENTROPY, size)


def test_a_material_id_depends_on_the_key_and_the_material_only() -> None:
    """64 hex digits, the same for a multi-Region key's replicas, and not a hash of the material alone."""
    material = new_material(ENTROPY)
    first = material_id(f"arn:aws:kms:us-east-1:111111111111:key/{KEY_ID}", material)
    assert (
        first
        == material_id(f"arn:aws:kms:eu-west-1:111111111111:key/{KEY_ID}", material)
        == material_id(KEY_ID, material)
    )
    assert len(first) == 64
    assert set(first) <= set(string.hexdigits.lower())
    assert first != material_id("another-key", material)
    assert first != material_id(KEY_ID, new_material(ENTROPY[::-1]))


def test_a_mac_tells_the_borders_of_its_parts() -> None:
    """Moving a byte from one part to the next is a change, and so is another key."""
    key = new_material(ENTROPY)
    assert mac(key, b"ab", b"c") != mac(key, b"a", b"bc") != mac(key, b"abc")
    assert mac(key, b"ab") != mac(new_material(ENTROPY[::-1]), b"ab")
    assert mac(key, b"ab") == mac(key, b"ab")
