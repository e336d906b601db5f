"""Opening a store by what `--database` says.

memory:                                   worlds of this process, gone with it
sqlite:///lab/world.db, lab/world.db      one file; its folder is the data directory (root key and blocks beside it)
postgresql://user@host/name               a server that several processes may share; blocks in the database
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from app.blocks.segments import SegmentBlocks
from app.blocks.store import BlockStore, StoreUnavailable
from app.crypto.material import Secret
from app.kernel.cloud import KERNEL_KINDS
from app.kernel.records import Record
from app.kernel.store import MemoryStore
from app.persistence.blocks import SqlBlocks
from app.persistence.codec import Codec
from app.persistence.database import Database, PostgresDatabase, SqliteDatabase
from app.persistence.errors import DatabaseUnknown, Unavailable
from app.persistence.folder import DataDirectory
from app.persistence.rootkey import check_probe, find_root_key, probe
from app.persistence.worlds import Fault, SqlStore, no_fault

DATABASE_FILE = "world.db"


def open_store(
    url: str,
    kinds: Mapping[str, type[Record]] | Iterable[type[Record]],
    *,
    data_directory: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    fault: Fault = no_fault,
) -> MemoryStore | SqlStore:
    """A store of the kernel's records and of these kinds (`Services.kinds`); PersistenceError in words where it fails.

    `data_directory` is where PostgreSQL's root key is kept, if not in the environment; SQLite's follows from its URL.
    """
    declared = (*(kinds.values() if isinstance(kinds, Mapping) else kinds), *KERNEL_KINDS)
    scheme, found, rest = url.partition(":")
    if url == "memory:":
        return MemoryStore()
    if scheme in ("postgresql", "postgres"):
        return _open(declared, lambda: PostgresDatabase(url), SqlBlocks, data_directory, environ, fault)
    if scheme == "sqlite" and found and not rest.startswith("///"):
        raise DatabaseUnknown(f"{url!r}: after sqlite: come three slashes and a path, as in sqlite:///lab/world.db")
    if "://" in url and scheme != "sqlite":
        raise DatabaseUnknown(f"{url!r}: reseal knows memory:, sqlite:///FILE and postgresql://...")
    return _open_file(Path(rest[3:] if scheme == "sqlite" and found else url), declared, environ, fault)


def _open_file(path: Path, kinds: Iterable[type[Record]], environ: Mapping[str, str], fault: Fault) -> SqlStore:
    path = path / DATABASE_FILE if path.is_dir() else path
    with ExitStack() as undo:
        folder = DataDirectory(path.parent)
        undo.callback(folder.release)
        store = _open(
            kinds,
            lambda: SqliteDatabase(path),
            lambda _: _segments(folder.blocks),
            folder.path,
            environ,
            fault,
            folder.release,
        )
        undo.pop_all()
        return store


def _open(
    kinds: Iterable[type[Record]],
    connect: Callable[[], Database],
    blocks: Callable[[Database], BlockStore],
    folder: Path | None,
    environ: Mapping[str, str],
    fault: Fault,
    on_close: Callable[[], None] = lambda: None,
) -> SqlStore:
    with ExitStack() as undo:
        database = connect()
        undo.callback(database.close)
        root_key = _root_key(database, folder, environ)
        store = SqlStore(database, Codec(kinds, root_key), blocks(database), fault=fault, on_close=on_close)
        undo.pop_all()
        return store


def _root_key(database: Database, folder: Path | None, environ: Mapping[str, str]) -> Secret:
    """The key that the database is sealed under; a new database is made with it."""
    about = database.about()
    root_key = find_root_key(folder, may_create=about is None, environ=environ)
    if about is None:
        database.create({"schema": str(database.version), "root_key": probe(root_key)})
        about = database.about() or {}
    if about.get("schema") != str(database.version):
        raise DatabaseUnknown(
            f"the database's schema is {about.get('schema')}, this reseal writes {database.version}: use the other"
        )
    check_probe(root_key, about.get("root_key", ""))
    return root_key


def _segments(folder: Path) -> SegmentBlocks:
    try:
        return SegmentBlocks(folder)
    except StoreUnavailable as error:
        raise Unavailable(str(error)) from error
