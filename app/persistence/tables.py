"""The tables, and the only place that describes them: SQL and schema are made from these classes (`statements`).

A world is a row; its records and its log are rows under its number (`world`), which is drawn when the world is made and
never used twice. Bodies are JSON texts. What stands beside a body is there to be searched, and never differs from it.
Nothing secret is in clear: see `codec`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, Text, column, literal_column
from sqlmodel import Field, SQLModel

SCHEMA_VERSION = 1  # of the tables and of the bodies in them; docs/formats.md fixes what is sealed inside


_TEXT = Text().with_variant(Text(collation="C"), "postgresql")  # ordered by code points everywhere, as in Python


def _number(*, key: bool = False) -> Any:
    return Field(sa_type=BigInteger, primary_key=key, sa_column_kwargs={"autoincrement": False} if key else {})


def _text(*, key: bool = False) -> Any:
    return Field(sa_type=_TEXT, primary_key=key)


def _bytes(*, key: bool = False) -> Any:
    return Field(sa_type=LargeBinary, primary_key=key)


class Table(SQLModel):
    """Base of all tables.

    Small rows are kept in the order of their key; wide ones apart from it (measured: half the size, equally fast).
    """

    metadata: ClassVar[MetaData] = MetaData()  # type: ignore[misc]


_NARROW = {"sqlite_with_rowid": False}


class AboutRow(Table, table=True):
    """What is true of the whole database: the version of its schema, and a sealed probe that tells its root key."""

    __tablename__ = "about"  # type: ignore[assignment]
    __table_args__ = _NARROW
    name: str = _text(key=True)
    value: str = _text()


class WorldRow(Table, table=True):
    __tablename__ = "worlds"  # type: ignore[assignment]
    __table_args__ = _NARROW
    world: int = _number(key=True)
    name: str = Field(sa_type=_TEXT, unique=True)  # type: ignore[call-overload]
    secret: str = _text()  # sealed
    branch: bytes = _bytes()  # drawn anew at each load
    clock: str = _text()  # JSON of app.kernel.clock.Clock
    rules: str = _text()  # JSON of app.kernel.world.Rules
    seeded: bool
    revision: int = _number()
    position: int = _number()
    length: int = _number()  # entries in its log


class RecordRow(Table, table=True):
    __tablename__ = "records"  # type: ignore[assignment]
    world: int = _number(key=True)
    kind: str = _text(key=True)
    account: str = _text(key=True)
    region: str = _text(key=True)
    id: str = _text(key=True)
    revision: int = _number()  # of the world, when the record was last written
    body: str = _text()  # JSON, its secrets sealed


_IS_EVENT = literal_column("kind") == literal_column("'event'")
_IS_NOTICE = literal_column("kind") == literal_column("'notice'")
_IS_REFUSAL = (literal_column("kind") == literal_column("'call'")) & (column("code") != literal_column("''"))


class LogRow(Table, table=True):
    """One entry of a world's log; `seq` counts from 1 without gaps."""

    __tablename__ = "log"  # type: ignore[assignment]
    __table_args__ = (
        Index("log_by_root", "world", "root", "seq"),
        Index("log_events", "world", "account", "region", "seq", sqlite_where=_IS_EVENT, postgresql_where=_IS_EVENT),
        Index("log_notices", "world", "account", "region", "seq", sqlite_where=_IS_NOTICE, postgresql_where=_IS_NOTICE),
        Index("log_refusals", "world", "seq", sqlite_where=_IS_REFUSAL, postgresql_where=_IS_REFUSAL),
    )
    world: int = _number(key=True)
    seq: int = _number(key=True)
    kind: str = _text()  # call, decision, event, notice
    at_ms: int = _number()
    account: str = _text()
    region: str = _text()
    name: str = _text()  # operation, action, event name
    code: str = _text()  # of a call that failed
    root: str = _text()  # request id of the outermost call
    body: str = _text()


class LogNameRow(Table, table=True):
    """Which outermost calls concern a resource or a request: the first entry of each that names it."""

    __tablename__ = "log_names"  # type: ignore[assignment]
    __table_args__ = _NARROW
    world: int = _number(key=True)
    token: str = _text(key=True)
    root: str = _text(key=True)
    seq: int = _number()


class JournalRow(Table, table=True):
    """One line of a workflow run's journal; `seq` counts from 1."""

    __tablename__ = "journal"  # type: ignore[assignment]
    run: str = _text(key=True)
    seq: int = _number(key=True)
    world: str = _text()
    body: str = _text()


class BlockRow(Table, table=True):
    """Sealed blocks, where several servers share one database and so no folder of segments (PostgreSQL)."""

    __tablename__ = "blocks"  # type: ignore[assignment]
    ref: bytes = _bytes(key=True)
    sealed: bytes = _bytes()


ALL: tuple[type[Table], ...] = (AboutRow, WorldRow, RecordRow, LogRow, LogNameRow, JournalRow, BlockRow)
