"""Starting on a data directory: what is made, what is refused, and in which words."""

from __future__ import annotations

import base64
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from stored_worlds import KINDS, change, fresh, note, safe

from app.kernel.store import MemoryStore, Store
from app.persistence.errors import DatabaseUnknown, DataDirectoryInUse, PersistenceError, RootKeyError, Unavailable
from app.persistence.open import open_store


def opened(folder: Path, environ: dict[str, str] | None = None) -> Store:
    return open_store(f"sqlite:///{folder}/world.db", KINDS, environ=environ or {})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with one world, closed."""
    store = opened(tmp_path / "data")
    change(store, store.create(fresh()), safe("a", b"k" * 32))
    store.close()
    return tmp_path / "data"


def keeps(store: Store) -> list[str]:
    names = store.names()
    assert all(store.load(name) for name in names)
    store.close()
    return names


def test_a_data_directory_is_made_and_opens_again(data: Path) -> None:
    assert {path.name for path in data.iterdir()} == {"world.db", "root.key", "blocks", "in-use.lock"}
    assert keeps(opened(data)) == ["lab"]


@pytest.mark.parametrize("form", ["sqlite:///{}/world.db", "{}/world.db", "{}"])
def test_a_file_a_path_or_a_folder_names_a_database(data: Path, form: str) -> None:
    assert keeps(open_store(form.format(data), dict.fromkeys(["x"], KINDS[0]) | {"y": KINDS[1]}, environ={})) == ["lab"]


def test_memory_keeps_nothing() -> None:
    assert isinstance(open_store("memory:", KINDS), MemoryStore)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://host/db", "reseal knows memory:, sqlite:///FILE and postgresql"),
        ("sqlite://world.db", "three slashes"),
        ("sqlite:world.db", "three slashes"),
    ],
)
def test_another_url_is_refused(url: str, words: str) -> None:
    with pytest.raises(DatabaseUnknown, match=words):
        open_store(url, KINDS, environ={})


def test_a_second_server_on_a_data_directory_is_refused_and_the_first_goes_on(data: Path) -> None:
    first = opened(data)
    with pytest.raises(DataDirectoryInUse, match="in use by another reseal process"):
        opened(data)
    world = first.load("lab")
    assert world is not None
    change(first, world, note("b"))
    first.close()
    assert keeps(opened(data)) == ["lab"]


def test_a_failed_opening_leaves_no_lock_behind(data: Path) -> None:
    with pytest.raises(RootKeyError):
        opened(data, {"RESEAL_ROOT_KEY": "00" * 32})
    assert keeps(opened(data)) == ["lab"]


def test_a_root_key_that_others_may_read_is_refused(data: Path) -> None:
    (data / "root.key").chmod(0o640)
    with pytest.raises(RootKeyError, match="chmod 600"):
        opened(data)
    (data / "root.key").chmod(0o600)
    assert keeps(opened(data)) == ["lab"]


def test_a_lost_root_key_is_told_and_no_new_one_is_made(data: Path) -> None:
    kept = (data / "root.key").read_text()
    (data / "root.key").unlink()
    with pytest.raises(RootKeyError, match="missing, and without it"):
        opened(data)
    assert not (data / "root.key").exists()
    assert keeps(opened(data, {"RESEAL_ROOT_KEY": kept})) == ["lab"]


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31, "not a key"])
def test_a_root_key_that_is_none_is_told(data: Path, text: str) -> None:
    (data / "root.key").write_text(text)
    with pytest.raises(RootKeyError, match="does not hold 32 bytes"):
        opened(data)


def test_a_wrong_root_key_is_told_at_once(data: Path) -> None:
    (data / "root.key").write_text("11" * 32)
    with pytest.raises(RootKeyError, match="not the root key"):
        opened(data)


@pytest.mark.parametrize("spell", [bytes.hex, lambda key: base64.b64encode(key).decode()], ids=["hex", "base64"])
def test_a_root_key_of_the_environment_leaves_no_file(tmp_path: Path, spell) -> None:
    environ = {"RESEAL_ROOT_KEY": spell(bytes(range(32)))}
    for _ in range(2):
        store = opened(tmp_path, environ)
        if not store.names():
            change(store, store.create(fresh()), safe("a", b"k" * 32))
        assert keeps(store) == ["lab"]
    assert not (tmp_path / "root.key").exists()


def test_a_database_of_another_schema_is_refused(data: Path) -> None:
    with closing(sqlite3.connect(data / "world.db")) as database, database:
        database.execute("UPDATE about SET value = '99' WHERE name = 'schema'")
    with pytest.raises(DatabaseUnknown, match="schema is 99"):
        opened(data)


def test_records_that_no_service_declares_are_refused_by_their_kind(data: Path) -> None:
    store = open_store(str(data), (), environ={})
    with pytest.raises(DatabaseUnknown, match="'safe'"):
        store.load("lab")
    store.close()


@pytest.mark.parametrize("spoil", ["a file for a folder", "not a database"])
def test_what_is_no_data_directory_is_told(data: Path, spoil: str) -> None:
    if spoil == "not a database":
        (data / "world.db").write_bytes(b"\0" * 8192)
    with pytest.raises(Unavailable):
        open_store(f"sqlite:///{data}/world.db{'/x/world.db' if spoil != 'not a database' else ''}", KINDS, environ={})


def test_every_failure_is_one_kind_of_error() -> None:
    for error in (DatabaseUnknown, DataDirectoryInUse, RootKeyError, Unavailable):
        assert issubclass(error, PersistenceError)


def test_a_server_that_opens_a_store_imports_no_sqlalchemy(data: Path) -> None:
    """It alone would take longer than a server may take to start."""
    program = (
        "import sys; from app.persistence.open import open_store;"
        f"open_store({str(data)!r}, (), environ={{}}).close();"
        "print(sorted({'sqlalchemy', 'sqlmodel', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
