"""The result of a sweep: verdicts that hold cells to account, and neighbours that differ in one thing."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services import all_services
from tests.sweep import small
from workflows.sweep.load import Sweep, load
from workflows.sweep.result import Difference, Result, Summary, differences, summary, to_json
from workflows.sweep.run import Options, run
from workflows.sweep.text import as_text
from workflows.sweep.verdict import Happened


def results_of(sweep: Sweep) -> list[Result]:
    return list(run(sweep, all_services, Options(workers=0)))


# --- verdicts ---


def test_a_cell_comes_to_the_first_step_that_fails_and_why_or_to_the_end(sweep: Callable[..., Sweep]) -> None:
    found = {(each.cell["state"], each.cell["iam"]): each.happened for each in results_of(sweep())}
    assert found == {
        ("Enabled", "full"): Happened(ends="end"),
        ("Enabled", "none"): Happened(fails_at="encrypt", outcome="AccessDeniedException", causes=("IDENTITY_SILENT",)),
        ("Disabled", "full"): Happened(fails_at="encrypt", outcome="DisabledException", causes=("KEY_DISABLED",)),
        ("Disabled", "none"): Happened(
            fails_at="encrypt", outcome="AccessDeniedException", causes=("IDENTITY_SILENT",)
        ),
    }
    assert str(found["Disabled", "full"]) == "fails at encrypt by key-state"


def test_a_cell_that_comes_to_something_else_says_both(sweep: Callable[..., Sweep]) -> None:
    """At the line of the row that decided. Method: each part of a verdict, wrong by itself."""
    for old, new, says in (
        ("ends: end", "fails-at: encrypt", "comes to its end, and the verdict is: fails at encrypt"),
        ("cause: D501", "why: scp", "fails at encrypt by key-state, and the verdict is: fails at encrypt by scp with"),
        ("cause: D501", "cause: KEY_PENDING_DELETION", "the verdict is: fails at encrypt by KEY_PENDING_DELETION with"),
        ("error: DisabledException", "error: NotFoundException", "by KEY_DISABLED with NotFoundException"),
        ("error: DisabledException", "later: KEY_NOT_ACCESSIBLE", "with later KEY_NOT_ACCESSIBLE"),
        ("fails-at: encrypt, error: Dis", "fails-at: key, error: Dis", "the verdict is: fails at key by KEY_DISABLED"),
        (
            "{fails-at: encrypt, error: DisabledException, cause: D501}",
            "{ends: end}",
            "the verdict is: comes to its end",
        ),
    ):
        failed = [each for each in results_of(sweep(small.FILE.replace(old, new))) if not each.ok]
        assert len(failed) == 2, new
        assert says in failed[0].text
        assert failed[0].at.endswith(f"s.reseal.yaml:{30 if old == 'ends: end' else 29}:5")


def test_the_first_row_that_fits_decides(sweep: Callable[..., Sweep]) -> None:
    found = {(each.cell["state"], each.cell["iam"]): each.row for each in results_of(sweep())}
    assert found == {("Enabled", "full"): 3, ("Enabled", "none"): 1, ("Disabled", "full"): 2, ("Disabled", "none"): 1}


def test_without_verdicts_a_sweep_only_reports(sweep: Callable[..., Sweep]) -> None:
    assert {each.ok for each in results_of(sweep(small.FILE.partition("verdicts:")[0]))} == {True}


def test_what_a_step_is_expected_to_be_counts_where_it_did_not_fail(sweep: Callable[..., Sweep]) -> None:
    """A verdict speaks of steps that fail; an expectation of one that came to OK is held against the cell."""
    expecting = "Plaintext: aGVsbG8=}\n    expect: {response: {EncryptionAlgorithm: NONE}}\n"
    results = results_of(sweep(small.FILE.replace("Plaintext: aGVsbG8=}\n", expecting)))
    failed = [each for each in results if not each.ok]
    assert {(each.cell["state"], each.cell["iam"]) for each in failed} == {("Enabled", "full")}
    assert "response.EncryptionAlgorithm is 'SYMMETRIC_DEFAULT', not 'NONE'" in failed[0].text


def test_results_are_plain_values(sweep: Callable[..., Sweep]) -> None:
    """They can be pickled, and written as JSON lines from which JUnit or annotations can be made."""
    results = results_of(sweep())
    whole = summary(sweep(), results)
    assert pickle.loads(pickle.dumps((results, whole))) == (results, whole)
    line = json.loads(msgspec.json.encode(to_json(results[4])))
    assert line == {
        "reseal": 1, "result": "cell", "number": 5, "cell": {"state": "Disabled", "iam": "full", "salt": "a"},
        "title": "state=Disabled, iam=full, salt=a", "ok": True, "row": 2, "at": "", "text": "",
        "verdict": "fails at encrypt by key-state",
        "happened": {
            "fails_at": "encrypt", "outcome": "DisabledException", "causes": ["KEY_DISABLED"], "why": ["key-state"],
        },
    }  # fmt: skip
    assert json.loads(msgspec.json.encode(to_json(whole)))["ok"] is True


# --- neighbours ---


def result(number: int, cell: dict[str, str], happened: Happened) -> Result:
    return Result(number, cell, "", happened, True)


def table(axes: dict[str, Sequence[str]], fails: Callable[[dict[str, str]], bool]) -> list[Result]:
    cells = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return [
        result(number, cell, Happened(fails_at="copy", outcome="x") if fails(cell) else Happened(ends="restored"))
        for number, cell in enumerate(cells, 1)
    ]


def test_neighbours_that_differ_in_one_thing_and_in_what_happens_are_shown_together(
    sweep: Callable[..., Sweep],
) -> None:
    axes = {"via": ("none", "ec2", "rds"), "iam": ("full", "none")}
    found = differences(axes, table(axes, lambda cell: cell["via"] == "rds" or cell["iam"] == "none"))
    assert found == [
        Difference(
            "iam", ((("full",), "ends restored"), (("none",), "fails at copy with x")), lines=2,
            where={"via": ("none", "ec2")}, everywhere=True, example=(1, 2), passes=True,
        ),
        Difference(
            "via", ((("none", "ec2"), "ends restored"), (("rds",), "fails at copy with x")), lines=1,
            where={"iam": ("full",)}, everywhere=True, example=(1, 5), passes=True,
        ),
    ]  # fmt: skip


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_every_pair_of_neighbours_that_differ_is_in_one_finding(fails: list[bool]) -> None:
    """Nothing is lost by grouping. Method: count, by axis, the pairs of neighbours with another outcome."""
    axes = {"a": ("1", "2"), "b": ("1", "2", "3"), "c": ("1", "2")}
    verdict = iter(fails)
    results = table(axes, lambda cell: next(verdict))
    expected = sum(
        one.happened != other.happened and sum(one.cell[axis] != other.cell[axis] for axis in axes) == 1
        for index, one in enumerate(results)
        for other in results[index + 1 :]
    )
    grouped = sum(
        each.lines * len(one) * len(other)
        for each in differences(axes, results)
        for index, (one, _) in enumerate(each.pattern)
        for other, _ in each.pattern[index + 1 :]
    )
    assert grouped == expected


def test_thousands_of_cells_stay_readable(sweep: Callable[..., Sweep]) -> None:
    """Method: the text of a sweep whose cells are all wrong has a bounded number of lines, none longer than 80."""
    wrong = sweep(small.many(400).replace("ends: end", "fails-at: key").replace("D501", "D502"))
    results = results_of(wrong)
    text = as_text(wrong, results, summary(wrong, results))
    assert len(text.splitlines()) < 120
    assert "  and 180 more (--full shows them)" in text
    inner = [line for line in text.splitlines() if len(line) > 80]
    assert [line for line in inner if " " in line.strip()] == []


def test_the_text_of_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a person reads it."""
    small.write(tmp_path, small.FILE.replace("ends: end", "fails-at: encrypt").replace("salt: [a, b]", "salt: [a]"))
    monkeypatch.chdir(tmp_path)
    found = load("s.reseal.yaml", all_services().operations)
    results = results_of(found)
    assert as_text(found, results, summary(found, results)) == TEXT


TEXT = """\
Who may encrypt

  state  Enabled, Disabled
  iam    full, none
  salt   a
  4 cells

       2  fails at encrypt by no-statement
       1  comes to its end
       1  fails at encrypt by key-state

what makes the difference
  only iam differs, in 1 place
      full: comes to its end
      none: fails at encrypt by no-statement
      where state is Enabled
  only state differs, in 1 place
      Enabled: comes to its end
      Disabled: fails at encrypt by key-state
      where iam is full
  only iam differs, in 1 place
      full: fails at encrypt by key-state
      none: fails at encrypt by no-statement
      where state is Disabled

NOT as expected
  WRONG   s.reseal.yaml:30:5: cell 1 (state=Enabled, iam=full, salt=a) comes to
          its end, and the verdict is: fails at encrypt

result    1 of 4 cells NOT as expected
"""


def test_an_unfinished_sweep_says_how_far_it_came(sweep: Callable[..., Sweep]) -> None:
    found = sweep()
    whole: Summary = summary(found, results_of(found)[:3], "cancelled")
    assert not whole.ok
    assert "ended     after 3 of 8 cells: cancelled" in as_text(found, [], whole)
