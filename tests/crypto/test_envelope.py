"""KMS ciphertexts: what opens, and that nothing else does."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.crypto import envelope
from app.crypto.envelope import CiphertextError, canonical_context
from app.crypto.material import material_id, new_material

ARN = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ENTROPY = bytes(range(32))
MATERIAL = new_material(ENTROPY)
MATERIAL_ID = material_id(ARN, MATERIAL)
CONTEXT = {"aws:ebs:id": "vol-0123456789abcdef0"}
MUTATIONS = 10_000 if os.environ.get("RESEAL_SOAK") else 2_000


def sealed(
    plaintext: bytes = b"64 bytes of key " * 4, context: dict[str, str] = CONTEXT, entropy: bytes = ENTROPY
) -> bytes:
    return envelope.seal(MATERIAL, ARN, MATERIAL_ID, plaintext, context, entropy)


contexts = st.dictionaries(st.text(st.characters(exclude_categories=())), st.text(), max_size=4)


@settings(max_examples=100, deadline=None)
@given(plaintext=st.binary(max_size=4096), context=contexts, entropy=st.binary(min_size=32, max_size=32))
def test_what_was_sealed_opens_with_the_same_context(plaintext: bytes, context: dict[str, str], entropy: bytes) -> None:
    """Any bytes, any text in the context, in any order."""
    blob = sealed(plaintext, context, entropy)
    assert envelope.open(MATERIAL, blob, dict(reversed(context.items()))) == plaintext
    assert envelope.header(blob) == (ARN, MATERIAL_ID)


def test_the_largest_plaintext_fits_into_the_largest_ciphertext() -> None:
    """4,096 bytes under the longest ARN stay within 6,144; one byte more is refused."""
    longest = "arn:aws:kms:" + "x" * (envelope.ARN_SIZE_BYTES_MAX - 12)
    blob = envelope.seal(MATERIAL, longest, MATERIAL_ID, bytes(4096), CONTEXT, ENTROPY)
    assert len(blob) <= envelope.CIPHERTEXT_SIZE_BYTES_MAX
    assert envelope.open(MATERIAL, blob, CONTEXT) == bytes(4096)
    with pytest.raises(ValueError, match="4097 bytes"):
        sealed(bytes(4097))


@pytest.mark.parametrize(
    ("arn", "material"), [("", MATERIAL_ID), ("a" * 1025, MATERIAL_ID), (ARN, MATERIAL_ID[:-2]), (ARN, "not hex")]
)
def test_a_header_that_could_not_be_read_back_is_not_written(arn: str, material: str) -> None:
    """An ARN of no or of too many bytes, or a material id that is not 64 hex digits."""
    with pytest.raises(ValueError, match=r"ARN|material|hex"):
        envelope.seal(MATERIAL, arn, material, b"x", CONTEXT, ENTROPY)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"aws:ebs:id": "vol-0123456789abcdef1"},
        {"AWS:ebs:id": "vol-0123456789abcdef0"},
        CONTEXT | {"more": ""},
        {"aws:ebs:idvol-0123456789abcdef0": ""},
    ],
)
def test_another_context_does_not_open_it(other: dict[str, str]) -> None:
    """Exact equality: keys, values, case, number of pairs (kms.md 3)."""
    with pytest.raises(CiphertextError):
        envelope.open(MATERIAL, sealed(), other)


def test_other_material_does_not_open_it() -> None:
    """Not even material of a key with the same ARN."""
    with pytest.raises(CiphertextError):
        envelope.open(new_material(ENTROPY[::-1]), sealed(), CONTEXT)


def test_no_flipped_bit_is_accepted() -> None:
    """Every single bit of a ciphertext, header and tag included, one after the other."""
    blob = sealed(b"secret")
    for bit in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CiphertextError):
            envelope.open(MATERIAL, bytes(flipped), CONTEXT)


def test_no_truncation_is_accepted() -> None:
    """Every shorter length, and a byte too many."""
    blob = sealed(b"secret")
    for length in range(len(blob)):
        with pytest.raises(CiphertextError):
            envelope.open(MATERIAL, blob[:length], CONTEXT)
    with pytest.raises(CiphertextError):
        envelope.open(MATERIAL, blob + b"\0", CONTEXT)


def test_a_damaged_header_names_no_key() -> None:
    """As in AWS, a damaged blob is an invalid ciphertext, not the ciphertext of some other key."""
    blob = sealed()
    for at in range(len(blob) - len(b"64 bytes of key " * 4) - 32):
        with pytest.raises(CiphertextError):
            envelope.header(blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :])


def mutate(blob: bytes, other: bytes, draw: random.Random) -> bytes:
    """Bits flipped, bytes overwritten, cut out, doubled, or spliced with another ciphertext of the same key."""
    first, second = sorted(draw.sample(range(len(blob)), 2))
    return draw.choice(
        [
            blob[:first] + draw.randbytes(second - first) + blob[second:],
            blob[:first] + blob[second:],
            blob[:second] + blob[first:],
            blob[:first] + other[first:second] + blob[second:],
            blob[:first] + other[first:],
            draw.randbytes(len(blob)),
        ]
    )


def test_no_mutation_is_accepted() -> None:
    """2,000 mutations (10,000 in a soak), from one printed seed."""
    draw = random.Random(20261124)
    blob, other = sealed(), sealed(b"another secret!!" * 4, entropy=ENTROPY[::-1])
    for _ in range(MUTATIONS):
        mutated = mutate(blob, other, draw)
        if mutated in (blob, other):
            continue
        with pytest.raises(CiphertextError):
            envelope.open(MATERIAL, mutated, CONTEXT)


@pytest.mark.parametrize("junk", [b"", b"junk", bytes(200), b"\x01\x02\x02\x00x" + bytes(180), b"rsK\x02" + bytes(200)])
def test_junk_is_no_ciphertext(junk: bytes) -> None:
    """Empty, random, a real AWS blob's beginning, a later version of ours."""
    with pytest.raises(CiphertextError):
        envelope.header(junk)


def test_an_oversized_ciphertext_is_refused_before_it_is_read() -> None:
    """6,144 bytes are the most (kms.md 2.6)."""
    with pytest.raises(CiphertextError, match="6144"):
        envelope.header(sealed() + bytes(6144))


def test_equal_entropy_never_repeats_a_key_stream() -> None:
    """Forks of a seeded world draw equal entropy: other plaintexts or contexts then still get other salts."""
    one, two = sealed(bytes(64)), sealed(bytes(63) + b"\1")
    three = sealed(bytes(64), {"aws:ebs:id": "vol-other"})
    assert len({blob[-96:-80] for blob in (one, two, three)}) == 3
    assert len({blob[-80:-24] for blob in (one, two, three)}) == 3
    assert one == sealed(bytes(64))


@settings(max_examples=200, deadline=None)
@given(one=contexts, two=contexts)
def test_only_equal_contexts_have_equal_bytes(one: dict[str, str], two: dict[str, str]) -> None:
    """The canonical form is injective."""
    assert (canonical_context(one) == canonical_context(two)) == (one == two)
