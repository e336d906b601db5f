"""The tables are the only source of the SQL that runs."""

from __future__ import annotations

import json

from app.persistence.statements import COMPILED, everything


def test_the_compiled_statements_are_those_of_the_tables() -> None:
    """If this fails: python -m app.persistence.statements"""
    assert json.loads(COMPILED.read_text("utf-8")) == everything()


def test_no_statement_holds_a_value_of_a_caller() -> None:
    """All of them are compiled before any call is made: what varies is bound."""
    both = json.loads(COMPILED.read_text("utf-8"))
    assert both["sqlite"]["statements"].keys() == both["postgresql"]["statements"].keys()
    assert all("'" not in text.replace("'event'", "").replace("'call'", "").replace("'notice'", "").replace("''", "")
               for text in both["sqlite"]["statements"].values())  # fmt: skip
