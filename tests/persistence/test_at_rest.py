"""What lies on the disk: no secret in clear, and nothing that can be changed or moved without notice."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from stored_worlds import KINDS, Share, block, change, fresh, safe

from app.blocks.store import BlockDamaged
from app.crypto.material import Secret
from app.kernel.world import World
from app.persistence.codec import PREFIX
from app.persistence.errors import RecordDamaged
from app.persistence.open import open_store
from app.persistence.worlds import SqlStore

CANARIES = [bytes([65 + n]) * 3 + os.urandom(29) for n in range(5)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[SqlStore]:
    store = open_store(f"sqlite:///{folder}/world.db", KINDS, environ={})
    assert isinstance(store, SqlStore)
    yield store
    store.close()


@pytest.fixture
def world(store: SqlStore) -> World:
    """One with secrets in fields, options, nested structs, and in a run's journal."""
    first, second, third, fourth, fifth = map(Secret, CANARIES)
    world = store.create(fresh())
    record = safe("a", first.reveal(), spare=second, shares=(Share("one", third), Share("two", fourth)))
    world = change(store, world, record, safe("b", b"b" * 32), blocks={block(world, 0): b"sealed bytes " * 40})
    store.journal("lab").append("run-1", {"step": "copy", "answer": {"Plaintext": fifth, "list": [fifth]}})
    return world


def spellings(secret: bytes) -> Iterator[bytes]:
    """Raw, reversed, hex, base64 at each of the three alignments, and as UTF-16 of hex."""
    yield from (secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode())
    yield secret.hex().encode("utf-16-le")
    for skipped in range(3):
        whole = secret[skipped : skipped + (len(secret) - skipped) // 3 * 3]
        yield from (base64.b64encode(whole), base64.urlsafe_b64encode(whole))


def test_no_secret_is_in_clear_in_any_file(folder: Path, world: World) -> None:
    """Searched while the database is open, so its write-ahead log is searched as well."""
    root_key = bytes.fromhex((folder / "root.key").read_text())
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert any(path.name.endswith("-wal") and data for path, data in files.items())
    assert sum(data.count(b"sealed:") for data in files.values()) >= 8
    for secret in (*CANARIES, world.secret.reveal(), root_key):
        for spelling in spellings(secret):
            found = [path.name for path, data in files.items() if spelling in data]
            assert found == (["root.key"] if spelling == root_key.hex().encode() else [])


def test_files_are_for_their_owner_only(folder: Path, world: World) -> None:
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_secrets_differ_on_disk_each_time_they_are_written(folder: Path, world: World, store: SqlStore) -> None:
    """Else equal keys would be seen to be equal."""
    change(store, world, safe("c", b"same" * 8), safe("d", b"same" * 8))
    with closing(sqlite3.connect(folder / "world.db")) as database:
        bodies = database.execute("SELECT body FROM records WHERE id IN ('c', 'd')").fetchall()
    sealed = {json.loads(body)["material"] for (body,) in bodies}
    assert len(sealed) == 2
    assert all(each.startswith(PREFIX) for each in sealed)


def swap_fields(body: str) -> str:
    values = json.loads(body)
    return json.dumps(values | {"material": values["spare"], "spare": values["material"]})


def swap_shares(body: str) -> str:
    values = json.loads(body)
    one, two = (share["part"] for share in values["shares"])
    return json.dumps(values | {"shares": [{"of": "one", "part": two}, {"of": "two", "part": one}]})


def flip(body: str) -> str:
    values = json.loads(body)
    sealed = bytearray(base64.b64decode(values["material"][len(PREFIX) :]))
    sealed[-20] ^= 1
    return json.dumps(values | {"material": PREFIX + base64.b64encode(sealed).decode()})


def in_clear(body: str) -> str:
    return json.dumps(json.loads(body) | {"material": base64.b64encode(b"x" * 32).decode()})


CHANGES = {
    "secrets of two fields": swap_fields,
    "secrets of two items": swap_shares,
    "a bit": flip,
    "a secret in clear": in_clear,
    "a body cut short": lambda body: body[:-5],
    "another key in the body": lambda body: body.replace('"id":"a"', '"id":"z"'),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_record_is_an_error_at_loading(folder: Path, world: World, store: SqlStore, how: str) -> None:
    """Never wrong data. The error names the record and quotes nothing of it."""
    with closing(sqlite3.connect(folder / "world.db")) as database, database:
        ((body,),) = database.execute("SELECT body FROM records WHERE kind = 'safe' AND id = 'a'").fetchall()
        database.execute("UPDATE records SET body = ? WHERE kind = 'safe' AND id = 'a'", (CHANGES[how](body),))
    with pytest.raises(RecordDamaged, match="the stored safe a is damaged"):
        store.load("lab")


def test_a_record_of_another_row_or_world_is_an_error_at_loading(folder: Path, world: World, store: SqlStore) -> None:
    store.create(fresh("other"))
    with closing(sqlite3.connect(folder / "world.db")) as database, database:
        database.execute(
            "INSERT INTO records SELECT worlds.world, kind, account, region, id, records.revision, body "
            "FROM records, worlds WHERE worlds.name = 'other' AND id = 'a'"
        )
    with pytest.raises(RecordDamaged):
        store.load("other")
    assert store.load("lab") is not None


def test_a_world_secret_of_another_world_is_an_error_at_loading(folder: Path, world: World, store: SqlStore) -> None:
    store.create(fresh("other"))
    with closing(sqlite3.connect(folder / "world.db")) as database, database:
        database.execute("UPDATE worlds SET secret = (SELECT secret FROM worlds WHERE name = 'lab')")
    with pytest.raises(RecordDamaged, match="secret of the world other"):
        store.load("other")


def test_a_flipped_bit_in_a_stored_block_is_an_error_at_read(folder: Path, world: World) -> None:
    """And so after a restart; the error names segment and offset."""
    (segment,) = (folder / "blocks").glob("*.seg")
    data = bytearray(segment.read_bytes())
    data[-100] ^= 0x10
    segment.write_bytes(data)
    with pytest.raises(BlockDamaged, match=r"segment .* at offset"):
        world.blocks(block(world, 0))


def test_a_journal_gives_back_what_was_put_in(world: World, store: SqlStore) -> None:
    journal = store.journal("lab")
    line = {"step": "copy", "answer": {"Plaintext": Secret(CANARIES[4]), "list": [Secret(CANARIES[4])]}}
    journal.append("run-1", {"step": "restore", "n": [1, None, {"ok": True}]})
    journal.append("run-0", {})
    assert journal.entries("run-1") == [line, {"step": "restore", "n": [1, None, {"ok": True}]}]
    assert journal.entries("never") == []
    assert journal.runs() == ["run-0", "run-1"]
    assert store.journal("other").runs() == []
    with pytest.raises(ValueError, match="reserved"):
        journal.append("run-1", {"deep": [{"$sealed": "forged"}]})
    with pytest.raises(TypeError, match="object"):
        journal.append("run-1", {"what": object()})
    assert len(journal.entries("run-1")) == 2


def test_a_moved_line_of_a_journal_is_an_error_at_reading(folder: Path, world: World, store: SqlStore) -> None:
    journal = store.journal("lab")
    with closing(sqlite3.connect(folder / "world.db")) as database, database:
        database.execute("UPDATE journal SET run = 'run-2'")
    with pytest.raises(RecordDamaged):
        journal.entries("run-2")
