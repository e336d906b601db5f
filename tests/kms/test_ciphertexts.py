"""Encrypt, Decrypt, ReEncrypt, data keys, random bytes (kms.md 3)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kms.lab import ANY_KMS, SOURCE, TARGET, Lab, allow, root_arn

RUNS = 2_000 if os.environ.get("RESEAL_SOAK") else 200
INVALID = ("InvalidCiphertextException", "")
DRY = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def test_what_was_encrypted_comes_back_with_the_same_context_only(lab: Lab) -> None:
    key, context = lab.key(), {"purpose": "test", "a": "b"}
    sealed = lab.ok(SOURCE, "Encrypt", KeyId=key, Plaintext=b"hello", EncryptionContext=context)
    assert set(sealed) == {"CiphertextBlob", "KeyId", "EncryptionAlgorithm"}
    blob = sealed["CiphertextBlob"]
    opened = lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))
    assert set(opened) == {"KeyId", "Plaintext", "EncryptionAlgorithm", "KeyMaterialId"}
    assert (opened["Plaintext"], opened["KeyId"]) == (b"hello", key)
    for wrong in (
        {},
        {"purpose": "test"},
        {**context, "c": "d"},
        {"purpose": "Test", "a": "b"},
        {"Purpose": "test", "a": "b"},
    ):
        assert lab.refused(SOURCE, "Decrypt", CiphertextBlob=blob, EncryptionContext=wrong) == INVALID
    assert lab.causes()[0] == "CIPHERTEXT_INVALID"


def test_two_encryptions_of_the_same_differ(lab: Lab) -> None:
    key = lab.key()
    assert lab.seal(key) != lab.seal(key)


@settings(max_examples=RUNS, deadline=None)
@given(
    plaintext=st.binary(min_size=1, max_size=4096),
    context=st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4),
    data=st.data(),
)
def test_every_plaintext_comes_back_and_no_mutation_does(
    plaintext: bytes, context: dict[str, str], data: st.DataObject
) -> None:
    """Law: Decrypt(Encrypt(p, c), c) = p, and one flipped bit, a cut or an appended byte is refused."""
    lab, key = _shared()
    blob = lab.seal(key, plaintext, EncryptionContext=context)
    assert len(blob) <= 6144
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == plaintext
    position = data.draw(st.integers(0, len(blob) * 8 - 1))
    flipped = bytearray(blob)
    flipped[position // 8] ^= 1 << position % 8
    cut = blob[: data.draw(st.integers(1, len(blob) - 1))]
    longer = blob + b"x" if len(blob) < 6144 else cut
    for damaged in (bytes(flipped), cut, longer):
        assert lab.refused(SOURCE, "Decrypt", CiphertextBlob=damaged, EncryptionContext=context) == INVALID


def _shared(made: list[tuple[Lab, str]] = []) -> tuple[Lab, str]:  # noqa: B006 - one lab for all examples
    if not made:
        lab = Lab.new()
        made.append((lab, lab.key()))
    return made[0]


def test_the_plaintext_has_1_to_4096_bytes_and_the_model_says_so(lab: Lab) -> None:
    key = lab.key()
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=lab.seal(key, b"x" * 4096))["Plaintext"] == b"x" * 4096
    assert lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x" * 4097) == (
        "ValidationException",
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
        "Member must have length less than or equal to 4096",
    )
    assert lab.refused(SOURCE, "Decrypt", CiphertextBlob=b"x" * 6145)[0] == "ValidationException"


@pytest.mark.parametrize("junk", [b"x", b"junk" * 50, b"rsK\x01\x00\x05short"])
def test_junk_is_no_ciphertext_whoever_asks(lab: Lab, junk: bytes) -> None:
    nobody = lab.user(SOURCE, "nobody")
    assert lab.refused(nobody, "Decrypt", CiphertextBlob=junk) == INVALID
    assert lab.refused(SOURCE, "ReEncrypt", CiphertextBlob=junk, DestinationKeyId=lab.key()) == INVALID


def test_a_key_id_narrows_decryption_to_that_key(lab: Lab) -> None:
    key, other = lab.key(), lab.key()
    blob = lab.seal(key)
    lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob, KeyId=key)
    assert lab.refused(SOURCE, "Decrypt", CiphertextBlob=blob, KeyId=other) == (
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def test_a_bare_id_of_another_accounts_key_is_taken_where_the_ciphertext_names_it(lab: Lab) -> None:
    key = lab.key(share=allow("kms:Decrypt", root_arn(TARGET)))
    key_id, user = key.rpartition("/")[2], lab.user(TARGET, "u", ANY_KMS)
    assert lab.ok(user, "Decrypt", CiphertextBlob=lab.seal(key), KeyId=key_id)["KeyId"] == key
    assert lab.refused(user, "Decrypt", CiphertextBlob=lab.seal(lab.key()), KeyId=key_id)[0] == "NotFoundException"


def test_a_ciphertext_is_of_its_region(lab: Lab) -> None:
    blob = lab.seal(lab.key())
    code, message = lab.refused(SOURCE, "Decrypt", region="us-west-2", CiphertextBlob=blob)
    assert code == "AccessDeniedException"
    assert (
        "on the resource associated with this ciphertext because the resource does not exist in this Region" in message
    )


def test_re_encryption_changes_key_and_context_and_shows_nothing(lab: Lab) -> None:
    source, destination = lab.key(), lab.key()
    blob = lab.seal(source, EncryptionContext={"a": "1"})
    answer = lab.ok(
        SOURCE, "ReEncrypt", CiphertextBlob=blob, SourceEncryptionContext={"a": "1"}, DestinationKeyId=destination,
        DestinationEncryptionContext={"b": "2"},
    )  # fmt: skip
    assert set(answer) == {
        "CiphertextBlob", "SourceKeyId", "KeyId", "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm",
        "SourceKeyMaterialId", "DestinationKeyMaterialId",
    }  # fmt: skip
    assert (answer["SourceKeyId"], answer["KeyId"]) == (source, destination)
    opened = lab.ok(SOURCE, "Decrypt", CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"hello", destination)


def test_re_encryption_needs_both_keys_usable_and_the_source_context(lab: Lab) -> None:
    source, destination = lab.key(), lab.key()
    asked = {"CiphertextBlob": lab.seal(source), "DestinationKeyId": destination}
    assert lab.refused(SOURCE, "ReEncrypt", **asked, SourceEncryptionContext={"a": "1"}) == INVALID
    lab.ok(SOURCE, "DisableKey", KeyId=destination)
    assert lab.refused(SOURCE, "ReEncrypt", **asked) == ("DisabledException", f"{destination} is disabled.")


@pytest.mark.parametrize(
    ("size", "length"), [({"KeySpec": "AES_128"}, 16), ({"KeySpec": "AES_256"}, 32), ({"NumberOfBytes": 64}, 64)]
)
def test_a_data_key_comes_in_clear_and_sealed_or_sealed_only(lab: Lab, size: dict[str, Any], length: int) -> None:
    key, context = lab.key(), {"aws:ebs:id": "vol-1"}
    made = lab.ok(SOURCE, "GenerateDataKey", KeyId=key, EncryptionContext=context, **size)
    assert set(made) == {"CiphertextBlob", "Plaintext", "KeyId", "KeyMaterialId"}
    opened = lab.ok(SOURCE, "Decrypt", CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)
    assert (opened["Plaintext"], len(made["Plaintext"])) == (made["Plaintext"], length)
    sealed = lab.ok(SOURCE, "GenerateDataKeyWithoutPlaintext", KeyId=key, EncryptionContext=context, **size)
    assert set(sealed) == {"CiphertextBlob", "KeyId", "KeyMaterialId"}
    other = lab.ok(SOURCE, "Decrypt", CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)["Plaintext"]
    assert len(other) == length
    assert other != made["Plaintext"]


@pytest.mark.parametrize("size", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_the_size_of_a_data_key_is_said_once(lab: Lab, size: dict[str, Any]) -> None:
    assert lab.refused(SOURCE, "GenerateDataKey", KeyId=lab.key(), **size) == (
        "ValidationException",
        "Please specify either number of bytes or key spec.",
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "NumberOfBytes is required."),
        (
            {"NumberOfBytes": 0},
            "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            {"NumberOfBytes": 1025},
            "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
            "Member must have value less than or equal to 1024",
        ),
    ],
)
def test_random_bytes_are_counted(lab: Lab, asked: dict[str, int], message: str) -> None:
    assert lab.refused(SOURCE, "GenerateRandom", **asked) == ("ValidationException", message)
    assert len(lab.ok(SOURCE, "GenerateRandom", NumberOfBytes=1024)["Plaintext"]) == 1024


@pytest.mark.parametrize(
    ("operation", "parameter"), [("Encrypt", "EncryptionAlgorithm"), ("ReEncrypt", "DestinationEncryptionAlgorithm")]
)
def test_a_symmetric_key_has_one_algorithm(lab: Lab, operation: str, parameter: str) -> None:
    key = lab.key()
    more = (
        {"KeyId": key, "Plaintext": b"x"}
        if operation == "Encrypt"
        else {"CiphertextBlob": lab.seal(key), "DestinationKeyId": key}
    )
    assert lab.refused(SOURCE, operation, **more, **{parameter: "RSAES_OAEP_SHA_256"}) == (
        "InvalidKeyUsageException",
        "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.",
    )


def test_a_dry_run_says_whether_it_would_have_succeeded(lab: Lab) -> None:
    key, nobody = lab.key(), lab.user(SOURCE, "nobody")
    blob = lab.seal(key, EncryptionContext={"a": "1"})
    assert lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x", DryRun=True) == DRY
    assert lab.refused(nobody, "Encrypt", KeyId=key, Plaintext=b"x", DryRun=True)[0] == "AccessDeniedException"
    assert lab.refused(SOURCE, "Decrypt", CiphertextBlob=blob, DryRun=True) == INVALID
    assert lab.refused(SOURCE, "Decrypt", CiphertextBlob=blob, EncryptionContext={"a": "1"}, DryRun=True) == DRY
    ignoring = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    assert lab.refused(SOURCE, "Decrypt", KeyId=key, **ignoring) == DRY
    assert lab.refused(nobody, "Decrypt", KeyId=key, **ignoring)[0] == "AccessDeniedException"
    assert lab.refused(SOURCE, "Decrypt", **ignoring)[0] == "ValidationException"
    assert lab.refused(SOURCE, "Decrypt")[0] == "ValidationException"


def test_recipients_are_refused_in_words(lab: Lab) -> None:
    code, message = lab.refused(SOURCE, "GenerateRandom", NumberOfBytes=8, Recipient={})
    assert (code, message) == ("UnsupportedOperationException", "reseal does not simulate Recipient of GenerateRandom")


def test_no_plaintext_and_no_material_is_left_in_records_or_log(lab: Lab) -> None:
    """Goal: what a call reveals it reveals in its answer only; a material is a Secret, which shows nothing."""
    key, marker = lab.key(), b"very-secret-plaintext"
    blob = lab.seal(key, marker)
    lab.ok(SOURCE, "Decrypt", CiphertextBlob=blob)
    made = lab.ok(SOURCE, "GenerateDataKey", KeyId=key, KeySpec="AES_256")["Plaintext"]
    world = lab.cloud.world
    text = repr(list(world.records.all())) + repr(list(world.log.entries()))
    for secret in (marker, made):
        assert secret.decode("latin-1") not in text
        assert secret.hex() not in text
        assert repr(secret)[2:-1] not in text
    assert "<secret>" in text


def test_a_seeded_world_repeats_itself_to_the_byte() -> None:
    first, second = Lab.new(), Lab.new()
    assert first.seal(first.key()) == second.seal(second.key())
