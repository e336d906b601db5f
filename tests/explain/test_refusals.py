"""What a reader is shown for refusals as they happen, whole: each text in `refusals/` was read and found clear.

A changed text is a changed promise: read the difference, then accept it with RESEAL_ACCEPT=1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from app.policy.causes import Cause
from app.policy.explain import Explanation, text, to_json

from . import stories
from .stage import Stage

KEPT = Path(__file__).parent / "refusals"
NAMES = [story.__name__ for story in stories.STORIES]


@pytest.fixture(scope="module")
def told() -> dict[str, Explanation]:
    """Each story once, in a world of its own."""
    return {story.__name__: story(Stage()) for story in stories.STORIES}


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_is_shown_as_it_was_reviewed(name: str, told: dict[str, Explanation]) -> None:
    """Goal: the one cause is clear in ten seconds. Method: the whole text, compared with the reviewed one."""
    kept, shown = KEPT / f"{name}.txt", text(told[name]) + "\n"
    if os.environ.get("RESEAL_ACCEPT"):
        kept.write_text(shown)
    assert shown == kept.read_text()


def test_every_reviewed_text_belongs_to_a_story() -> None:
    assert {path.stem for path in KEPT.glob("*.txt")} == set(NAMES)


@pytest.mark.parametrize("width", [72, 80, 100])
@pytest.mark.parametrize("name", NAMES)
def test_lines_fit_the_width_but_for_single_names(name: str, width: int, told: dict[str, Explanation]) -> None:
    """Only a name that somebody may want to copy, such as an ARN, may stand out."""
    for line in text(told[name], width).splitlines():
        assert len(line) <= width or max(len(word) for word in line.split()) > width - 45, line


@pytest.mark.parametrize("name", NAMES)
def test_the_json_holds_what_the_text_tells(name: str, told: dict[str, Explanation]) -> None:
    """The members of ecosystem.md 7.1 and 7.2, as plain JSON."""
    found = json.loads(json.dumps(to_json(told[name])))
    assert {
        *("code", "call", "caller", "resource", "decision", "cause", "because", "looked_at"),
        *("unknown", "repairs", "wire_error", "confidence"),
    } <= set(found)
    assert Cause[found["cause"]].code == found["code"]
    assert {"account", "kind", "policy", "file", "path", "line", "span"} <= set(found["because"])
    assert found["decision"] in ("ExplicitlyDenied", "ImplicitlyDenied", "NotAPolicyMatter")
    assert (found["decision"] == "NotAPolicyMatter") is (Cause[found["cause"]].layer is None)


@pytest.mark.parametrize("name", NAMES)
def test_the_place_pointed_at_is_where_the_text_says(name: str) -> None:
    """Line and column, offset and JSON pointer name one element of the file, and the caret stands under its name."""
    stage = Stage()
    explanation = next(story for story in stories.STORIES if story.__name__ == name)(stage)
    place = explanation.pointed and explanation.pointed.where
    if place is None or place.file is None:
        return
    document = next(document for document, file in stage.files.items() if file == place.file)
    assert place.start is not None
    assert place.end is not None
    name_there = place.pointer.rpartition("/")[2]
    assert document[place.start.offset : place.end.offset] == f'"{name_there}"'
    assert document.splitlines()[place.start.line - 1][place.start.column - 1 :].startswith(f'"{name_there}"')
    under = [row for row in explanation.pointed.rows if row.length] if explanation.pointed else []
    assert under[0].text[under[0].caret :][: under[0].length] == f'"{name_there}"'


def test_without_files_and_names_places_are_told_in_words() -> None:
    """An explanation from the log alone needs nobody who knows files or what accounts are called."""
    stage = Stage()
    found = stories.the_key_policy_forgets_one_action(stage)
    bare = stage.explained(found.request_id, with_files=False)
    shown = text(bare)
    assert "caller's account 444455556666 says YES" in shown
    assert "owner's account 111122223333 says NO" in shown
    assert "--> key policy of d0127f0c… in 111122223333, line 14, column 7" in shown
    assert "policies/" not in shown
