"""Every statement of the call path, in SQLAlchemy Core over the tables, and their compilation to text.

SQLAlchemy and SQLModel take longer to import than a server may take to start (docs/decisions/0006). So statements are
compiled ahead of time, one text a dialect, into `compiled.json`, which is all that a running server reads:

    python -m app.persistence.statements        writes compiled.json anew; a test fails while the two differ
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.schema import CreateIndex, CreateTable

from app.persistence import tables

COMPILED = Path(__file__).with_name("compiled.json")

about, worlds, records, log, log_names, journal, blocks = (each.__table__ for each in tables.ALL)  # type: ignore[attr-defined]

given = bindparam
EVENT, NOTICE = literal_column("'event'"), literal_column("'notice'")
CALL, NOTHING = literal_column("'call'"), literal_column("''")
ZERO = literal_column("0")  # SQLAlchemy's SQLite writes an offset beside each limit


def statements(insert_or: Callable[[Table], Any]) -> dict[str, ClauseElement]:
    """By name. `insert_or` is the dialect's INSERT that knows ON CONFLICT."""
    upsert = insert_or(records)
    put_block, name_once = insert_or(blocks), insert_or(log_names)
    return {
        "about": select(about.c.name, about.c.value),
        "set_about": insert(about),
        # worlds
        "names": select(worlds.c.name).order_by(worlds.c.name),
        "insert_world": insert(worlds),
        "world": select(worlds).where(worlds.c.name == given("name")),
        "state": select(worlds.c.revision, worlds.c.position).where(worlds.c.world == given("of_world")),
        "set_branch": update(worlds).where(worlds.c.world == given("of_world")).values(branch=given("new_branch")),
        "advance": _advance(worlds.c.revision == given("before_revision")),
        "advance_in_place": _advance(
            and_(worlds.c.revision == given("before_revision"), worlds.c.position == given("before_position"))
        ),
        "append": _moved(update(worlds).where(worlds.c.world == given("of_world"))),
        # records
        "records": select(records.c.kind, records.c.account, records.c.region, records.c.id, records.c.body)
        .where(records.c.world == given("of_world"))
        .order_by(*records.primary_key.columns),
        "put_record": upsert.on_conflict_do_update(
            index_elements=list(records.primary_key.columns),
            set_={"revision": upsert.excluded.revision, "body": upsert.excluded.body},
        ),
        "delete_record": delete(records).where(*_same(records, "world", "kind", "account", "region", "id")),
        # the log
        "insert_entry": insert(log),
        "insert_name": name_once.on_conflict_do_nothing(),
        "copy_log": _copied(log),
        "copy_names": _copied(log_names),
        "entries": _entries(log.c.seq > given("above")).order_by(log.c.seq).limit(given("chunk")).offset(ZERO),
        "about_token": _entries(log.c.root.in_(_roots())).order_by(log.c.seq),
        "events": _of_account(EVENT),
        "notices": _of_account(NOTICE),
        "refusals": _entries(log.c.kind == CALL, log.c.code != NOTHING, _below())
        .order_by(log.c.seq.desc())
        .limit(given("chunk"))
        .offset(ZERO),
        # dropping a world
        **{
            f"drop_{table.name}": delete(table).where(table.c.world == given("of_world"))
            for table in (log_names, log, records, worlds)
        },
        **_of_journals(),
        # blocks
        "put_block": put_block.on_conflict_do_nothing(),
        "block": select(blocks.c.sealed).where(blocks.c.ref == given("of_ref")),
        "delete_block": delete(blocks).where(blocks.c.ref == given("of_ref")),
        "refs": select(blocks.c.ref),
    }


def _of_journals() -> dict[str, ClauseElement]:
    return {
        "journal_end": select(func.coalesce(func.max(journal.c.seq), ZERO)).where(journal.c.run == given("of_run")),
        "insert_line": insert(journal),
        "lines": _lines(journal.c.seq > given("above")).order_by(journal.c.seq),
        "last_line": _lines().order_by(journal.c.seq.desc()).limit(literal_column("1")).offset(ZERO),
        "drop_run": delete(journal).where(journal.c.run == given("of_run")),
        "drop_journal": delete(journal).where(journal.c.world == given("of_world_name")),
        "runs": select(journal.c.run)
        .where(journal.c.world == given("of_world_name"))
        .distinct()
        .order_by(journal.c.run),
        "a_line": select(journal.c.run).limit(literal_column("1")).offset(ZERO),
        "head": _heads(journal.c.run == given("of_run")),
        "heads": _heads().where(_first.c.world.in_(select(worlds.c.name))),
        "heads_of_world": _heads().where(_first.c.world == given("of_world_name")),
    }


def _lines(*where: Any) -> Any:
    return select(journal.c.seq, journal.c.body).where(journal.c.run == given("of_run"), *where)


_first, _last = journal.alias("first"), journal.alias("last")


def _heads(*where: Any) -> Any:
    """First and last line of each run; how many there are is known from the index, since `seq` has no gaps."""
    ends = select(journal.c.run, func.max(journal.c.seq).label("seq")).where(*where).group_by(journal.c.run)
    end = ends.subquery("ends")
    both = end.join(_first, and_(_first.c.run == end.c.run, _first.c.seq == literal_column("1"))).join(
        _last, and_(_last.c.run == end.c.run, _last.c.seq == end.c.seq)
    )
    found = select(end.c.run, _first.c.world, _first.c.body, end.c.seq, _last.c.body.label("last_body"))
    return found.select_from(both).order_by(end.c.run)


def _advance(unchanged: Any) -> ClauseElement:
    """Compare and set: no row comes back where another process was faster."""
    return _moved(
        update(worlds).where(worlds.c.world == given("of_world"), unchanged),
        revision=given("revision"),
        clock=given("clock"),
    )


def _moved(change: Any, **values: Any) -> ClauseElement:
    moved = change.values(
        position=worlds.c.position + given("steps"), length=worlds.c.length + given("grown"), **values
    )
    return moved.returning(worlds.c.revision, worlds.c.position, worlds.c.length)


def _same(table: Table, *names: str) -> list[Any]:
    return [table.c[name] == given(f"of_{name}") for name in names]


def _copied(table: Table) -> ClauseElement:
    """The rows of one world's log, those up to a length, as the rows of another."""
    rest = [each for each in table.c if each.name != "world"]
    rows = select(given("new_world", type_=BigInteger).label("world"), *rest)
    rows = rows.where(table.c.world == given("of_world"), table.c.seq <= given("length"))
    return insert(table).from_select(["world", *(each.name for each in rest)], rows)


def _entries(*where: Any) -> Any:
    return select(log.c.seq, log.c.body).where(log.c.world == given("of_world"), log.c.seq <= given("length"), *where)


def _of_account(kind: Any) -> Any:
    """Entries of a kind, of one account and Region, newest first."""
    place = (log.c.account == given("of_account"), log.c.region == given("of_region"))
    found = _entries(log.c.kind == kind, *place, _below())
    return found.order_by(log.c.seq.desc()).limit(given("chunk")).offset(ZERO)


def _below() -> Any:
    return log.c.seq < given("below")


def _roots() -> Any:
    """The outermost calls that concern a token: the one that it is the request id of, and those that name it."""
    named = select(log_names.c.root).where(
        log_names.c.world == given("of_world"), log_names.c.token == given("token"), log_names.c.seq <= given("length")
    )
    return named.union(select(given("request_id", type_=Text)))


def compiled(dialect: Any, insert_or: Callable[[Table], Any]) -> dict[str, str]:
    texts = {name: str(each.compile(dialect=dialect)) for name, each in statements(insert_or).items()}
    return {name: " ".join(text.split()) for name, text in texts.items()}


def schema(dialect: Any) -> list[str]:
    """CREATE TABLE and CREATE INDEX, in an order in which they can be run."""
    found = [(each.__table__, each.__table__.indexes) for each in tables.ALL]  # type: ignore[attr-defined]
    made = [
        ddl
        for table, indexes in found
        for ddl in (CreateTable(table), *map(CreateIndex, sorted(indexes, key=lambda index: index.name)))
    ]
    return [" ".join(str(each.compile(dialect=dialect)).split()) for each in made]


def everything() -> Mapping[str, Any]:
    """What compiled.json holds."""
    forms = {
        "sqlite": (sqlite.dialect(paramstyle="named"), sqlite.insert),
        "postgresql": (PGDialect_psycopg(paramstyle="pyformat"), postgresql.insert),
    }
    made = {
        name: {"schema": schema(dialect), "statements": compiled(dialect, insert_or)}
        for name, (dialect, insert_or) in forms.items()
    }
    return {"version": tables.SCHEMA_VERSION, **made}


if __name__ == "__main__":
    COMPILED.write_text(json.dumps(everything(), indent=1) + "\n", "utf-8")
