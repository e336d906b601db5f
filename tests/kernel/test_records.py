"""Records and their indexes: found by key and by index, changed by value, refused where they do not fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.records import Index, Record, Records, replace


class Note(Record, frozen=True, kw_only=True):
    """Stands in `word` once for every word of its text."""

    kind = "note"
    indexes = (Index("word", lambda note: [(word, note.account, note.id) for word in note.text.split()]),)
    text: str


class Other(Record, frozen=True, kw_only=True):
    kind = "other"
    number: int


NOTES = st.builds(
    Note,
    account=st.sampled_from(("1", "2")),
    id=st.sampled_from("abcdef"),
    text=st.lists(st.sampled_from(("red", "green", "blue")), max_size=3).map(" ".join),
)
CHANGES = st.lists(st.tuples(st.booleans(), NOTES), max_size=40)


def grown(changes: list[tuple[bool, Note]]) -> tuple[Records, dict[Any, Note]]:
    records, model = Records(), dict[Any, Note]()
    for puts, note in changes:
        if puts:
            records, model[note.key] = records.put(note), note
        elif note.key in model:
            records = records.delete(model.pop(note.key))
    return records, model


@given(CHANGES, st.sampled_from(("red", "green", "blue")))
def test_an_index_holds_exactly_the_records_whose_keys_it_computes(changes: list[tuple[bool, Note]], word: str) -> None:
    records, model = grown(changes)
    assert list(records.scan(Note)) == [model[key] for key in sorted(model)]
    holding = [model[key] for key in sorted(model) if word in model[key].text.split()]
    assert list(records.scan_index(Note, "word", word)) == holding
    assert len(records) == records.count(Note) == len(model)


@given(CHANGES, NOTES)
def test_records_that_were_kept_do_not_change(changes: list[tuple[bool, Note]], note: Note) -> None:
    """Method: what a scan answers before and after the future of a fork."""
    records, _ = grown(changes)
    before = list(records.all())
    records.put(note).delete(note)
    assert list(records.all()) == before


@given(CHANGES)
def test_records_are_equal_by_what_they_hold_and_not_by_how_it_came(changes: list[tuple[bool, Note]]) -> None:
    records, model = grown(changes)
    again = Records()
    for note in reversed(list(model.values())):
        again = again.put(note)
    assert again == records


def test_kinds_do_not_mix() -> None:
    records = Records().put(Note(account="1", id="a", text="red")).put(Other(account="1", id="a", number=1))
    assert [type(each) for each in records.all()] == [Note, Other]
    assert records.get(Other, "1", "", "a") == Other(account="1", id="a", number=1)
    assert records.find(Note, "word", "red", "1", "a") == Note(account="1", id="a", text="red")
    assert records.find(Note, "word", "blue", "1", "a") is None


@pytest.mark.parametrize("changes", [{"number": "one"}, {"numbr": 1}, {"number": None}])
def test_a_change_that_does_not_fit_the_record_is_refused(changes: dict[str, Any]) -> None:
    """A misspelt field and a value of the wrong type; `msgspec.structs.replace` would let the second pass."""
    with pytest.raises((TypeError, ValueError)):
        replace(Other(account="1", id="a", number=1), **changes)
    assert replace(Other(account="1", id="a", number=1), number=2).number == 2
