"""Stores to test: in memory, SQLite, and PostgreSQL where RESEAL_POSTGRES names a database that may be emptied."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_worlds import KINDS

from app.persistence.open import open_store
from app.persistence.worlds import SqlStore

ROOT_KEY = {"RESEAL_ROOT_KEY": "7a" * 32}
POSTGRES = os.environ.get("RESEAL_POSTGRES", "")

Opener = Callable[..., SqlStore]


def opener(kind: str, folder: Path) -> Opener:
    if kind == "postgresql":
        if not POSTGRES:
            pytest.skip("RESEAL_POSTGRES is not set")
        empty_postgres()
        return lambda **more: open_store(POSTGRES, KINDS, environ=ROOT_KEY, **more)
    return lambda **more: open_store(f"sqlite:///{folder}/data/world.db", KINDS, environ={}, **more)


def empty_postgres() -> None:
    import psycopg

    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
