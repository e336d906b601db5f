"""Every row of the reference is executed by a test, or says why not; and the page says so."""

from __future__ import annotations

import pytest

from tests.ebs.page import EVERY, PAGE, SECTIONS, executed, render, section_of


@pytest.fixture(scope="module")
def tests() -> dict[str, list[str]]:
    return executed()


def test_every_row_is_executed_or_says_why_not(tests: dict[str, list[str]]) -> None:
    missing = {row.id for row in EVERY if not row.reason} - tests.keys()
    assert sorted(missing) == []


def test_what_was_seen_at_aws_is_executed_but_for_what_a_consistent_world_has_not(tests: dict[str, list[str]]) -> None:
    """Of V and O rows these alone have no test. Method: the whole list, so that it can not grow unseen."""
    excused = {row.id for row in EVERY if row.mark in "VO" and row.id not in tests}
    assert excused == {"1.6/digits", "1.7/old-wording", "5/eventually", "6/readiness"}


def test_tests_name_only_rows_that_exist(tests: dict[str, list[str]]) -> None:
    assert sorted(tests.keys() - {row.id for row in EVERY}) == []


def test_no_row_is_listed_twice_and_each_has_a_mark_and_a_section() -> None:
    ids = [row.id for row in EVERY]
    assert len(ids) == len(set(ids))
    assert {row.mark for row in EVERY} == {"V", "O", "D", "I"}
    assert {section_of(id) for id in ids} == SECTIONS.keys()


def test_a_row_that_is_executed_needs_no_excuse(tests: dict[str, list[str]]) -> None:
    assert [row.id for row in EVERY if row.reason and row.id in tests] == []


def test_the_page_is_up_to_date_and_every_result_is_passed(tests: dict[str, list[str]]) -> None:
    """`python -m tests.ebs.page` writes it. Method: what it would be if every test that the marks name passed."""
    assert PAGE.read_text() == render(tests)
