"""Every row of rows.py is executed by a test of this folder, or says why not."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.ebs_features.rows import ROWS


def executed() -> set[str]:
    found: set[str] = set()
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for test in vars(importlib.import_module(f"tests.ebs_features.{path.stem}")).values():
            marks = getattr(test, "pytestmark", ()) if callable(test) else ()
            found |= {id for mark in marks if mark.name == "row" for id in mark.args}
    return found


def test_every_row_is_executed_or_says_why_not_and_none_does_both() -> None:
    reasons = {row.id for row in ROWS if row.reason}
    assert executed() == {row.id for row in ROWS} - reasons


def test_no_row_is_listed_twice() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
