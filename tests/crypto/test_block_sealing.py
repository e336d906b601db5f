"""Sealed blocks and values at rest."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from app.blocks.ref import BlockRef
from app.crypto import cipher
from app.crypto.cipher import SealBroken, open_at_rest, open_block, seal_at_rest, seal_block
from app.crypto.material import Secret, data_key

ENTROPY = bytes(range(32))
KEY = data_key(ENTROPY, 64)
ROOT = Secret(ENTROPY)
REF = BlockRef(1, bytes(range(16)), bytes(range(16, 32)), index=7, generation=3)
PLAINTEXT = b"block of a volume. " * 50


def test_aes_gcm_is_nists() -> None:
    """Test case 16 of the GCM specification (McGrew and Viega; in NIST's CAVP set): 256-bit key, associated data."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = AESGCM(key).encrypt(
        bytes.fromhex("cafebabefacedbaddecaf888"), plaintext, bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    )
    assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"
    assert sealed[:16].hex() == "522dc1f099567d07f47f37a32a84427d"


@settings(max_examples=50, deadline=None)
@given(plaintext=st.binary(max_size=2000))
def test_a_sealed_block_opens_to_what_it_was(plaintext: bytes) -> None:
    """Any length; 16 bytes longer when sealed."""
    sealed = seal_block(KEY, REF, plaintext)
    assert len(sealed) == len(plaintext) + 16
    assert open_block(KEY, REF, sealed) == plaintext


@pytest.mark.parametrize(
    "other",
    [
        replace(REF, format=2),
        replace(REF, branch=bytes(16)),
        replace(REF, lineage=bytes(16)),
        replace(REF, index=8),
        replace(REF, generation=4),
    ],
    ids=["format", "branch", "lineage", "index", "generation"],
)
def test_each_field_of_the_reference_is_bound(other: BlockRef) -> None:
    """Swapped (index), replayed (generation), from a fork (branch) or another volume (lineage): refused (R24)."""
    with pytest.raises(SealBroken):
        open_block(KEY, other, seal_block(KEY, REF, PLAINTEXT))


def test_a_block_of_an_unknown_format_is_not_sealed() -> None:
    """Formats are added, never reinterpreted."""
    with pytest.raises(ValueError, match="format 2"):
        seal_block(KEY, replace(REF, format=2), PLAINTEXT)


def test_two_valid_blocks_can_not_be_swapped() -> None:
    """Both are whole and under one key; each opens only at its own place."""
    there = replace(REF, index=8)
    one, two = seal_block(KEY, REF, b"one"), seal_block(KEY, there, b"two")
    for ref, sealed in ((REF, two), (there, one)):
        with pytest.raises(SealBroken):
            open_block(KEY, ref, sealed)


def test_an_older_block_of_the_same_place_is_refused() -> None:
    """A replay: the map names the newer generation."""
    with pytest.raises(SealBroken):
        open_block(KEY, replace(REF, generation=4), seal_block(KEY, REF, PLAINTEXT))


def test_a_truncated_or_damaged_block_is_refused() -> None:
    """Every length, and one bit of every byte."""
    sealed = seal_block(KEY, REF, PLAINTEXT)
    for at in range(len(sealed)):
        for broken in (sealed[:at], sealed[:at] + bytes([sealed[at] ^ 0x10]) + sealed[at + 1 :]):
            with pytest.raises(SealBroken):
                open_block(KEY, REF, broken)


def test_another_data_key_does_not_open_a_block() -> None:
    """All 64 bytes of it count."""
    with pytest.raises(SealBroken):
        open_block(KEY[:-1] + bytes([KEY[-1] ^ 1]), REF, seal_block(KEY, REF, PLAINTEXT))


def test_no_key_and_nonce_repeat_over_forks_and_generations() -> None:
    """Equal plaintext under different names has nothing in common."""
    refs = [
        BlockRef(1, bytes([branch]) * 16, REF.lineage, index, generation)
        for branch in range(4)
        for index in (0, 1, 2**20)
        for generation in (0, 1, 2**40)
    ]
    assert len({seal_block(KEY, ref, bytes(32))[:16] for ref in refs}) == len(refs)


def test_derived_keys_are_kept_in_a_bounded_number_and_can_be_forgotten() -> None:
    """At most 256 (R22); forgetting changes no result."""
    for branch in range(300):
        seal_block(KEY, replace(REF, branch=branch.to_bytes(16, "big")), b"x")
    kept = cipher._block_cipher.cache_info()
    assert kept.currsize == kept.maxsize == 256
    sealed = seal_block(KEY, REF, PLAINTEXT)
    cipher.forget_keys()
    assert cipher._block_cipher.cache_info().currsize == 0
    assert open_block(KEY, REF, sealed) == PLAINTEXT


def test_a_value_at_rest_opens_only_at_its_place_and_under_its_root_key() -> None:
    """Moved to another row or field, or under another root key, it is refused."""
    sealed = seal_at_rest(ROOT, "records/kms-key/1/material", b"value", ENTROPY)
    assert open_at_rest(ROOT, "records/kms-key/1/material", sealed) == b"value"
    for root, place in ((ROOT, "records/kms-key/2/material"), (Secret(bytes(32)), "records/kms-key/1/material")):
        with pytest.raises(SealBroken):
            open_at_rest(root, place, sealed)


def test_a_damaged_value_at_rest_is_refused() -> None:
    """Every bit and every length."""
    sealed = seal_at_rest(ROOT, "place", b"value", ENTROPY)
    flips = (
        sealed[:i] + bytes([sealed[i] ^ 1 << bit]) + sealed[i + 1 :] for i in range(len(sealed)) for bit in range(8)
    )
    for broken in (*flips, *(sealed[:length] for length in range(len(sealed)))):
        with pytest.raises(SealBroken):
            open_at_rest(ROOT, "place", broken)


def test_equal_entropy_at_rest_never_repeats_a_key_stream() -> None:
    """Two values of one place and entropy differ in salt, so in everything."""
    one, two = (seal_at_rest(ROOT, "place", value, ENTROPY) for value in (b"value 1", b"value 2"))
    assert one[4:20] != two[4:20]
    with pytest.raises(ValueError, match="at least 32"):
        seal_at_rest(ROOT, "place", b"value", ENTROPY[:31])
