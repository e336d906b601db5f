"""A database as the call path sees it: named statements, transactions, one kind of error.

Two drivers, used as they are: sqlite3 and psycopg. What differs between them stands here and nowhere else.
Safe to use from several threads: a transaction holds the one connection until it ends.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

from app.persistence.errors import DatabaseUnknown, Duplicate, PersistenceError, Unavailable

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]


def _compiled() -> Mapping[str, Any]:
    return json.loads(resources.files("app.persistence").joinpath("compiled.json").read_text("utf-8"))


class Database:
    """Base of both. Errors of every method: Unavailable, or Duplicate for a key that is there."""

    dialect: ClassVar[str]
    read_only: ClassVar[str]  # what begins a transaction that sees one state of everything
    read_write: ClassVar[str]  # what begins one that may write
    is_shared: ClassVar[bool]  # may another process write too?

    def __init__(self) -> None:
        compiled = _compiled()
        self._schema: list[str] = compiled[self.dialect]["schema"]
        self._statements: dict[str, str] = compiled[self.dialect]["statements"]
        self.version: int = compiled["version"]
        self._mutex = threading.RLock()
        self._connection: Any = None
        self._is_closed = False

    def rows(self, name: str, /, **parameters: Any) -> list[Row]:
        with self._mutex, self._errors():
            return self._connected().execute(self._statements[name], parameters).fetchall()

    def run(self, name: str, /, **parameters: Any) -> int:
        """The number of rows that it changed."""
        with self._mutex, self._errors():
            return self._connected().execute(self._statements[name], parameters).rowcount

    def run_many(self, name: str, rows: Iterable[Parameters]) -> None:
        batch = list(rows)
        if batch:
            with self._mutex, self._errors():
                self._connected().cursor().executemany(self._statements[name], batch)

    @contextmanager
    def transaction(self, begin: str = "") -> Iterator[None]:
        """All of it, durably, or nothing: any exception takes back what was done inside."""
        with self._mutex, self._errors():
            self._connected().execute(begin or self.read_write)
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def create(self, about: Parameters) -> None:
        """The schema, and what is true of the database as a whole; nothing where another server was faster."""
        with self.transaction():
            self._claim_schema()
            if self._has_schema():
                return
            for statement in self._schema:
                self._connection.execute(statement)
            self.run_many("set_about", ({"name": name, "value": value} for name, value in about.items()))

    def about(self) -> dict[str, str] | None:
        """None where the database is empty yet."""
        return dict(self.rows("about")) if self._has_schema() else None

    def close(self) -> None:
        with self._mutex:
            self._is_closed = True
            if self._connection is not None:
                self._connection.close()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise Unavailable("the store is closed")

    def _claim_schema(self) -> None:
        """Inside a transaction: wait for others who make the schema."""

    def _connected(self) -> Any:
        raise NotImplementedError

    def _has_schema(self) -> bool:
        raise NotImplementedError

    def _errors(self) -> Any:
        raise NotImplementedError

    def _roll_back(self) -> None:
        raise NotImplementedError


class SqliteDatabase(Database):
    """One file, in WAL mode; a commit is synced before it returns (reliability.md 1: FULL)."""

    dialect, is_shared = "sqlite", False
    read_only, read_write = "BEGIN", "BEGIN IMMEDIATE"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        with self._errors():
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise Unavailable(f"the database {self._path} does not open: {error.strerror}") from error
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _connected(self) -> sqlite3.Connection:
        self._refuse_if_closed()
        return self._connection

    def _has_schema(self) -> bool:
        with self._errors():
            return bool(self._connected().execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone())

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # some errors have ended it already
            self._connection.execute("ROLLBACK")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise Duplicate(str(error)) from error
        except sqlite3.DatabaseError as error:
            raise _refused(error, getattr(error, "sqlite_errorname", "")) from error


class PostgresDatabase(Database):
    """A PostgreSQL server by URL, connected anew when the connection was lost.

    Writing is READ COMMITTED: the compare-and-set on the world's row takes its lock, and compares again after waiting
    for it, so that a busy world loses no work to serialization failures (reliability.md 1). Reading is REPEATABLE READ.
    """

    dialect, is_shared = "postgresql", True
    read_only, read_write = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "BEGIN ISOLATION LEVEL READ COMMITTED"

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            import psycopg
        except ImportError as error:
            raise DatabaseUnknown("PostgreSQL needs the extra `postgres` of reseal (psycopg)") from error
        self._driver, self._url = psycopg, url
        with self._errors():
            self._connected()

    def _claim_schema(self) -> None:
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtext('reseal schema'))")

    def _connected(self) -> Any:
        self._refuse_if_closed()
        if self._connection is None or self._connection.closed:
            self._connection = self._driver.connect(self._url, autocommit=True, connect_timeout=10)
        return self._connection

    def _has_schema(self) -> bool:
        with self._mutex, self._errors():
            return self._connected().execute("SELECT to_regclass('about')").fetchone() != (None,)

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except self._driver.Error:  # lost; the server rolls back by itself, and the next call connects anew
            self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._driver.errors.UniqueViolation as error:
            raise Duplicate(error.diag.message_primary or "") from error
        except self._driver.Error as error:
            raise _refused(error, error.sqlstate or "") from error


def _refused(error: Exception, code: str) -> PersistenceError:
    """In the driver's words, but only their first line: what follows may quote values."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return Unavailable(f"the database refused: {first}{f' ({code})' if code else ''}")
