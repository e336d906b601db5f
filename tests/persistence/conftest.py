"""Stores as fixtures: any of the three, or one of the two that keep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_openers import Opener, opener
from stored_worlds import KINDS

from app.kernel.store import Store
from app.persistence.open import open_store
from app.persistence.worlds import SqlStore


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same database each time it is called."""
    return opener(request.param, tmp_path)


@pytest.fixture
def sql(opened: Opener) -> Iterator[SqlStore]:
    store = opened()
    yield store
    store.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = open_store("memory:", KINDS) if request.param == "memory" else opener(request.param, tmp_path)()
    yield store
    store.close()
