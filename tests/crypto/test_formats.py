"""docs/formats.md is true: its golden bytes are what the code writes, and its words suffice to read them.

The page is parsed, so page and test can not differ. The second half opens the golden bytes with readers written from
the page alone, on HMAC and AES-GCM, without any of the code that wrote them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.blocks.entry import Kind, encode_head, entry_for, segment_head
from app.blocks.map import Page
from app.blocks.ref import BlockRef
from app.crypto import envelope
from app.crypto.cipher import open_at_rest, open_block, seal_at_rest, seal_block
from app.crypto.material import Secret, data_key, mac, material_id, new_material

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
NUMBERS = {"format", "index", "generation", "number", "kind"}
TEXTS = {"key-arn", "material-id", "place", "context-key", "context-value", "page-id"}
Golden = dict[str, bytes]


def goldens() -> dict[str, Golden]:
    """Every fenced `golden` block of the page: name -> fields. A field's value goes on in lines that are indented."""
    blocks = re.findall(r"^```golden (\S+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return {name: dict(field(line) for line in re.split(r"\n(?=\S)", body.rstrip())) for name, body in blocks}


def field(line: str) -> tuple[str, bytes]:
    name, _, value = line.partition(":")
    joined = "".join(value.split())
    return name, joined.encode() if name in NUMBERS | TEXTS else bytes.fromhex(joined)


GOLDENS = goldens()


def reference(golden: Golden) -> BlockRef:
    number = {name: int(golden[name]) for name in ("format", "index", "generation")}
    return BlockRef(number["format"], golden["branch"], golden["lineage"], number["index"], number["generation"])


def context(golden: Golden) -> dict[str, str]:
    return {golden["context-key"].decode(): golden["context-value"].decode()}


def sealed_by_kms(golden: Golden, plaintext: bytes) -> bytes:
    material, arn = Secret(golden["material"]), golden["key-arn"].decode()
    return envelope.seal(material, arn, material_id(arn, material), plaintext, context(golden), golden["entropy"])


def entry(golden: Golden) -> bytes:
    kind = Kind(int(golden["kind"]))
    return encode_head(entry_for(kind, reference(golden), golden["payload"], 0)) + golden["payload"]


WRITERS: dict[str, Callable[[Golden], bytes]] = {
    "key-material": lambda g: new_material(g["entropy"]).reveal(),
    "material-id": lambda g: bytes.fromhex(material_id(g["key-arn"].decode(), Secret(g["material"]))),
    "data-key": lambda g: data_key(g["entropy"], int.from_bytes(g["size"], "big")),
    "encryption-context": lambda g: envelope.canonical_context(context(g)),
    "kms-ciphertext": lambda g: sealed_by_kms(g, g["plaintext"]),
    "data-key-wrap": lambda g: sealed_by_kms(g, data_key(g["data-key-entropy"], 64)),
    "block-reference": lambda g: reference(g).encode(),
    "block": lambda g: seal_block(g["data-key"], reference(g), g["plaintext"]),
    "page": lambda g: Page().changed({ref.index: ref for ref in (reference(g),)}).packed,
    "segment-head": lambda g: segment_head(int(g["number"])),
    "segment-entry": entry,
    "segment-tombstone": entry,
    "at-rest": lambda g: seal_at_rest(Secret(g["root-key"]), g["place"].decode(), g["value"], g["entropy"]),
    "mac": lambda g: mac(Secret(g["root-key"]), g["part-1"], g["part-2"]),
}


def test_the_page_has_golden_bytes_for_every_format_and_no_other() -> None:
    """A format that is added to one of them is added to both."""
    assert GOLDENS.keys() == WRITERS.keys()


@pytest.mark.parametrize("name", WRITERS)
def test_the_code_writes_the_golden_bytes(name: str) -> None:
    """Users' data directories hold these bytes: a change here is a new version of the format, never an edit."""
    assert WRITERS[name](GOLDENS[name]).hex() == GOLDENS[name]["bytes"].hex()


def test_the_code_reads_the_golden_bytes() -> None:
    """What an earlier reseal wrote still opens."""
    kms, block, rest = GOLDENS["kms-ciphertext"], GOLDENS["block"], GOLDENS["at-rest"]
    assert envelope.open(Secret(kms["material"]), kms["bytes"], context(kms)) == kms["plaintext"]
    assert open_block(block["data-key"], reference(block), block["bytes"]) == block["plaintext"]
    assert open_at_rest(Secret(rest["root-key"]), rest["place"].decode(), rest["bytes"]) == rest["value"]


# Readers from the page alone


def hkdf(key: bytes, info: bytes, length: int, salt: bytes = b"") -> bytes:
    """RFC 5869 over hmac."""
    pseudorandom, out, last = hmac.digest(salt or bytes(32), key, "sha256"), b"", b""
    for counter in range(1, -(-length // 32) + 1):
        last = hmac.digest(pseudorandom, last + info + bytes([counter]), "sha256")
        out += last
    return out[:length]


def message(key: bytes, label: bytes, sealed: bytes, associated: bytes) -> bytes:
    derived = hkdf(key, label, 44, sealed[:16])
    return AESGCM(derived[:32]).decrypt(derived[32:], sealed[16:], associated)


def joined(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def authenticated(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(hkdf(key, b"reseal mac", 32), joined(*parts), "sha256")


def test_keys_ids_and_macs_derive_as_the_page_says() -> None:
    """Section 1, all five rows."""
    key, data, name, evidence = (GOLDENS[name] for name in ("key-material", "data-key", "material-id", "mac"))
    random_info = {n: joined(b"reseal random", label, struct.pack(">Q", n)) for n, label in RANDOM_LABELS.items()}
    assert hkdf(key["entropy"], random_info[32], 32) == key["bytes"]
    assert hkdf(data["entropy"], random_info[64], 64) == data["bytes"]
    key_id = name["key-arn"].rpartition(b"/")[2]
    assert authenticated(name["material"], b"kms key material id", key_id) == name["bytes"]
    assert authenticated(evidence["root-key"], evidence["part-1"], evidence["part-2"]) == evidence["bytes"]


RANDOM_LABELS = {32: b"kms key material", 64: b"kms data key"}


def test_a_kms_ciphertext_opens_by_the_page_alone() -> None:
    """Header, check, canonical context, derivation."""
    for golden in (GOLDENS["kms-ciphertext"], GOLDENS["data-key-wrap"]):
        blob = golden["bytes"]
        arn_end = 6 + struct.unpack(">H", blob[4:6])[0]
        head = blob[: arn_end + 36]
        assert blob[6:arn_end] == golden["key-arn"]
        assert head[-4:] == hashlib.sha256(head[:-4]).digest()[:4]
        texts = (golden["context-key"], golden["context-value"])
        canonical = struct.pack(">I", 1) + b"".join(struct.pack(">I", len(text)) + text for text in texts)
        opened = message(golden["material"], b"reseal kms ciphertext", blob[len(head) :], head + canonical)
        assert opened == golden.get("plaintext", GOLDENS["data-key"]["bytes"])


def test_a_block_opens_by_the_page_alone() -> None:
    """Key from format, branch and lineage; nonce from index and generation; the reference as associated data."""
    golden = GOLDENS["block"]
    name = GOLDENS["block-reference"]["bytes"]
    key = hkdf(golden["data-key"], b"reseal block" + name[:36], 32)
    assert AESGCM(key).decrypt(name[36:], golden["bytes"], name) == golden["plaintext"]


def test_a_value_at_rest_opens_by_the_page_alone() -> None:
    """Magic and place are the associated data."""
    golden = GOLDENS["at-rest"]
    magic, sealed = golden["bytes"][:4], golden["bytes"][4:]
    assert message(golden["root-key"], b"reseal at rest", sealed, magic + golden["place"]) == golden["value"]


def test_a_page_and_a_segment_entry_read_by_the_page_alone() -> None:
    """A page is named by its hash; an entry's two CRCs cover head and sealed bytes."""
    page, segment = GOLDENS["page"], GOLDENS["segment-entry"]
    assert hashlib.sha256(page["bytes"]).hexdigest() == page["page-id"].decode()
    assert page["bytes"] == b"rsP\x01" + GOLDENS["block-reference"]["bytes"]
    head, payload = segment["bytes"][:68], segment["bytes"][68:]
    magic, kind, name, length, crc, head_crc = struct.unpack(">4sB3x48sIII", head)
    assert (magic, kind, name, length) == (b"rsE\x01", 1, GOLDENS["block-reference"]["bytes"], len(payload))
    assert (crc, head_crc) == (zlib.crc32(payload), zlib.crc32(head[:-4]))
