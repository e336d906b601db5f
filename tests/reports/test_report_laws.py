"""What holds for any text: a form gives back what it was given, and a fix makes the text that it is to make."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.reports.test_forms import applied
from workflows.reports import Case, junit, tap
from workflows.reports.cases import Outcome
from workflows.reports.findings import Finding, Level, Region, change
from workflows.reports.github import annotation
from workflows.reports.sarif import replacement
from workflows.reports.text import clean

TEXT = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(["%0A", "::error::", "a,b:c=d", "\r\n", "]]>"])
LINES = st.text(st.sampled_from('{}"a,\n '), max_size=30)


@given(TEXT, TEXT)
def test_an_annotation_is_one_line_that_a_runner_reads_as_what_was_meant(title: str, message: str) -> None:
    """Method: the runner's own way back: split at the second `::`, at commas, at the first `=`; then unescape."""
    line = annotation(Finding("D101", Level.ERROR, title, message, Region("f", 1), "s"), "")
    assert "\n" not in line
    assert "\r" not in line
    found = re.fullmatch(r"::error (?P<properties>.*?)::(?P<data>.*)", line)
    assert found is not None
    read = dict(each.split("=", 1) for each in found["properties"].split(","))
    assert unescaped(read.get("title", "")) == clean(title.replace("\r\n", "\n"))
    assert unescaped(found["data"]) == clean(message.replace("\r\n", "\n"))


def unescaped(text: str) -> str:
    for code, letter in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, letter)
    return text


@given(TEXT, TEXT)
def test_junit_gives_back_what_was_said(name: str, detail: str) -> None:
    told = junit.of_cases([Case("f", name, Outcome.FAILED, message=name, detail=detail)]).encode()
    (case,) = ElementTree.fromstring(told).iter("testcase")
    assert case.get("name") == clean(name)
    assert (case.findtext("failure") or "") == clean(detail)


@given(TEXT, TEXT)
def test_tap_gives_back_what_was_said(name: str, message: str) -> None:
    lines = tap.of_cases([Case("f", name, Outcome.FAILED, message=message)]).split("\n")
    assert lines[1:3] == ["1..1", lines[2]]
    assert lines[2].startswith("not ok 1 - ")
    block = "\n".join(lines[lines.index("  ---") + 1 : lines.index("  ...")])
    assert yaml.safe_load(block)["message"] == clean(message)


@given(LINES, LINES)
def test_a_change_makes_the_one_text_of_the_other(before: str, after: str) -> None:
    assert applied(before, [replacement(change("f", before, after))]) == after
