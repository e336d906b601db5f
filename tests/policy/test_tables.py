"""The closed tables: causes, and the rules that are only inferred."""

from __future__ import annotations

import re
from pathlib import Path

import app.policy
from app.policy.causes import Cause, Word
from app.policy.inferred import Inferred

ROOM = Path(app.policy.__file__).parent
FAMILIES = {"1": "identity", "2": "resource", "3": "grant"}


def test_a_code_tells_its_family() -> None:
    """D1xx identity, D2xx resource, D3xx grant, D4xx condition, D6xx the limiting layers (ecosystem.md 7.1)."""
    for cause in Cause:
        assert re.fullmatch(r"D[1-9]\d\d", cause.code)
        if (family := FAMILIES.get(cause.code[1])) and cause.layer:
            assert cause.layer.value == family
        assert (cause.code[1] == "4") is (cause.word is Word.CONDITION)


def test_codes_and_sentences_are_each_a_cause_s_own() -> None:
    for what in ("code", "sentence"):
        assert len({getattr(cause, what) for cause in Cause}) == len(Cause)


def test_an_inferred_rule_is_marked_where_it_is_followed() -> None:
    for rule in Inferred:
        assert rule.name in (ROOM / f"{rule.where}.py").read_text()
        assert rule.text.endswith(".")


def test_what_the_code_calls_inferred_is_in_the_table() -> None:
    for module in ROOM.glob("*.py"):
        for name in re.findall(r"inferred\.py, ([A-Z_]+)", module.read_text()):
            assert Inferred[name].where == module.stem
