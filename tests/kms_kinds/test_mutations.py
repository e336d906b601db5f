"""Nothing that was damaged is accepted: ciphertexts, signatures, MACs and wrapped material, of every kind of key.

200 mutations of each kind in a normal run, 10,000 with RESEAL_SOAK=1. A mutation flips a bit, cuts, appends, swaps two
stretches, or takes a piece of another one. All of them are refused with AWS's error, and none changes the world.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kms.lab import Lab
from tests.kms_kinds.ring import ENCRYPTING, MACING, RSA_ENCRYPTING, SIGNING, Ring
from tests.kms_kinds.wrapped import NEVER, pkcs8, private_key, wrapped

MUTATIONS = 10_000 if os.environ.get("RESEAL_SOAK") else 200
CIPHERTEXT = ("InvalidCiphertextException", "")
SIGNATURE = ("KMSInvalidSignatureException", "")
MAC = ("KMSInvalidMacException", "")
CONTEXT = {"purpose": "test", "tenant": "7"}


def flipped(blob: bytes, chance: random.Random) -> bytes:
    position = chance.randrange(len(blob) * 8)
    return blob[: position // 8] + bytes([blob[position // 8] ^ 1 << position % 8]) + blob[position // 8 + 1 :]


def cut(blob: bytes, chance: random.Random) -> bytes:
    return blob[: chance.randrange(1, len(blob))] if len(blob) > 1 else flipped(blob, chance)


def lengthened(blob: bytes, chance: random.Random) -> bytes:
    return blob + chance.randbytes(chance.randrange(1, 9))


def swapped(blob: bytes, chance: random.Random) -> bytes:
    middle = chance.randrange(1, len(blob))
    return blob[middle:] + blob[:middle]


def spliced(blob: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(blob))
    size = chance.randrange(1, 17)
    return blob[:start] + chance.randbytes(size) + blob[start + size :]


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (flipped, flipped, cut, lengthened, swapped, spliced)


def mutations(blob: bytes, count: int = 0) -> Iterator[bytes]:
    """So many of them, none equal to what they were made of; the same ones in every run."""
    chance, made = random.Random(7), 0
    while made < (count or MUTATIONS):
        mutated = WAYS[made % len(WAYS)](blob, chance)
        if mutated != blob and len(mutated) <= 6144:
            made += 1
            yield mutated


def refuses_all(ring: Ring, operation: str, parameter: str, blob: bytes, error: tuple[str, str], **asked: Any) -> None:
    assert ring.refusal(operation, **asked, **{parameter: blob}) is None, "the original is accepted"
    for mutated in mutations(blob):
        assert ring.refusal(operation, **asked, **{parameter: mutated}) == error, mutated.hex()


def test_no_mutation_of_a_symmetric_ciphertext_opens(ring: Ring) -> None:
    blob = ring.lab.seal(ring.key(*SYMMETRIC), b"hello" * 9, EncryptionContext=CONTEXT)
    refuses_all(ring, "Decrypt", "CiphertextBlob", blob, CIPHERTEXT, EncryptionContext=CONTEXT)


SYMMETRIC = ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")


@pytest.mark.parametrize("operation", ["GenerateDataKey", "GenerateDataKeyPair"])
def test_no_mutation_of_a_sealed_data_key_opens(ring: Ring, operation: str) -> None:
    size = {"KeyPairSpec": "ECC_NIST_P256"} if operation.endswith("Pair") else {"NumberOfBytes": 64}
    made = ring.ok(operation, KeyId=ring.key(*SYMMETRIC), **size, EncryptionContext=CONTEXT)
    blob = made.get("CiphertextBlob") or made["PrivateKeyCiphertextBlob"]
    refuses_all(ring, "Decrypt", "CiphertextBlob", blob, CIPHERTEXT, EncryptionContext=CONTEXT)
    refuses_all(
        ring, "ReEncrypt", "CiphertextBlob", blob, CIPHERTEXT, SourceEncryptionContext=CONTEXT,
        DestinationKeyId=ring.key(*SYMMETRIC),
    )  # fmt: skip


@pytest.mark.parametrize(("spec", "algorithm"), RSA_ENCRYPTING)
def test_no_mutation_of_an_rsa_ciphertext_opens(ring: Ring, spec: str, algorithm: str) -> None:
    asked = {"KeyId": ring.key(spec, "ENCRYPT_DECRYPT"), "EncryptionAlgorithm": algorithm}
    blob = ring.ok("Encrypt", **asked, Plaintext=b"hello")["CiphertextBlob"]
    refuses_all(ring, "Decrypt", "CiphertextBlob", blob, CIPHERTEXT, **asked)


@pytest.mark.parametrize(("spec", "algorithm"), SIGNING)
def test_no_mutation_of_a_signature_holds(ring: Ring, spec: str, algorithm: str) -> None:
    asked = {"KeyId": ring.key(spec, "SIGN_VERIFY"), "SigningAlgorithm": algorithm, "Message": b"hello"}
    refuses_all(ring, "Verify", "Signature", ring.ok("Sign", **asked)["Signature"], SIGNATURE, **asked)


@pytest.mark.parametrize(("spec", "algorithm"), SIGNING)
def test_no_signature_holds_for_a_mutated_message(ring: Ring, spec: str, algorithm: str) -> None:
    asked = {"KeyId": ring.key(spec, "SIGN_VERIFY"), "SigningAlgorithm": algorithm}
    message = b"the quick brown fox jumps over the lazy dog"
    signature = ring.ok("Sign", **asked, Message=message)["Signature"]
    refuses_all(ring, "Verify", "Message", message, SIGNATURE, **asked, Signature=signature)


@pytest.mark.parametrize(("spec", "algorithm"), MACING)
def test_no_mutation_of_a_mac_or_its_message_holds(ring: Ring, spec: str, algorithm: str) -> None:
    asked = {"KeyId": ring.key(spec, "GENERATE_VERIFY_MAC"), "MacAlgorithm": algorithm}
    message = b"the quick brown fox jumps over the lazy dog"
    mac = ring.ok("GenerateMac", **asked, Message=message)["Mac"]
    refuses_all(ring, "VerifyMac", "Mac", mac, MAC, **asked, Message=message)
    refuses_all(ring, "VerifyMac", "Message", message, MAC, **asked, Mac=mac)


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_256"])
def test_no_mutation_of_wrapped_material_is_imported(algorithm: str) -> None:
    ring = Ring(Lab.new())
    key = ring.lab.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Origin="EXTERNAL")
    given = wrapped(ring.lab, key, pkcs8(private_key("ECC_NIST_P256")), algorithm)
    material = given.pop("EncryptedKeyMaterial")
    refuses_all(ring, "ImportKeyMaterial", "EncryptedKeyMaterial", material, CIPHERTEXT, KeyId=key, **given, **NEVER)


def test_no_mutation_of_an_import_token_is_known() -> None:
    ring = Ring(Lab.new())
    key = ring.lab.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC", Origin="EXTERNAL")
    given = wrapped(ring.lab, key, b"m" * 32)
    token, wrong = given.pop("ImportToken"), ("InvalidImportTokenException", "")
    refuses_all(ring, "ImportKeyMaterial", "ImportToken", token, wrong, KeyId=key, **given, **NEVER)


def test_a_context_that_differs_in_anything_opens_nothing(ring: Ring) -> None:
    """Order does not matter; case, names, values and number do (kms.md 3)."""
    chance, key = random.Random(7), ring.key(*SYMMETRIC)
    blob = ring.lab.seal(key, EncryptionContext=CONTEXT)
    assert ring.refusal("Decrypt", CiphertextBlob=blob, EncryptionContext=dict(reversed(CONTEXT.items()))) is None
    for _ in range(MUTATIONS):
        other = dict(CONTEXT)
        name = chance.choice(sorted(other))
        match chance.randrange(5):
            case 0:
                del other[name]
            case 1:
                other[name] = other[name] + chance.choice("abc \u00e9")
            case 2:
                other[name.upper()] = other.pop(name)
            case 3:
                other[chance.choice("xyz")] = chance.choice("abc")
            case _:
                other[name], other["tenant"] = other["tenant"], other[name] + "!"
        assert ring.refusal("Decrypt", CiphertextBlob=blob, EncryptionContext=other) == CIPHERTEXT, other


@pytest.mark.parametrize(("spec", "algorithm"), ENCRYPTING)
def test_every_size_of_plaintext_comes_back(ring: Ring, spec: str, algorithm: str) -> None:
    """Round trip: all sizes up to the limit of an RSA key, and those around powers of two of a symmetric one."""
    asked = {"KeyId": ring.key(spec, "ENCRYPT_DECRYPT"), "EncryptionAlgorithm": algorithm}
    sizes = range(1, 191, 1 if MUTATIONS > 1000 else 27) if spec != SYMMETRIC[0] else (1, 15, 16, 17, 255, 4095, 4096)
    for size in sizes:
        plaintext = random.Random(size).randbytes(size)
        sealed = ring.ask("Encrypt", **asked, Plaintext=plaintext).answer
        assert sealed is not None
        opened = ring.ask("Decrypt", **asked, CiphertextBlob=sealed["CiphertextBlob"]).answer
        assert opened is not None
        assert opened["Plaintext"] == plaintext
