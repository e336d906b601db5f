"""Every binding row of the reference is executed by a test, or says why not."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.ebs.rows import ROWS

FOLDERS = ("ebs", "sharing", "ebs_compute", "ebs_proofs", "cloudtrail", "simulation")


def executed() -> set[str]:
    """Rows named by marks of test functions, and by marks of single parameters."""
    return {id for module in _modules() for test in _tests(module) for mark in _marks(test) for id in mark.args}


def _modules() -> Iterator[Any]:
    for folder in FOLDERS:
        for path in sorted((Path(__file__).parents[1] / folder).glob("test_*.py")):
            yield importlib.import_module(f"tests.{folder}.{path.stem}")


def _tests(module: Any) -> Iterator[Any]:
    return (each for name, each in inspect.getmembers(module, inspect.isfunction) if name.startswith("test_"))


def _marks(test: Any) -> Iterator[Any]:
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "row":
            yield mark
        elif mark.name == "parametrize":
            yield from (each for value in mark.args[1] for each in getattr(value, "marks", ()) if each.name == "row")


def test_every_binding_row_is_executed_or_says_why_not() -> None:
    missing = {row.id: row.sentence for row in ROWS if not row.reason}.keys() - executed()
    assert sorted(missing) == []


def test_tests_name_only_rows_that_exist() -> None:
    assert sorted(executed() - {row.id for row in ROWS}) == []


def test_no_row_is_listed_twice_and_each_has_a_mark() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))
    assert {row.mark for row in ROWS} == {"V", "O", "D"}


def test_a_row_that_is_executed_needs_no_excuse() -> None:
    assert [row.id for row in ROWS if row.reason and row.id in executed()] == []
