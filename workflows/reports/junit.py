"""JUnit XML, as CI servers read it: a suite a file, a case a run or a cell of a sweep.

Elements, their order and their attributes are those of Jenkins' junit-10.xsd, and three that it lacks and readers take
all the same: `file` and `line` of a case (GitLab, reporters on GitHub), and `properties` in it, as pytest writes them.
Jenkins' `junit` step takes the file; its xUnit plugin, which holds every file against the schema, does not. Control
characters that XML can not hold are replaced, since a scenario may name anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final
from xml.etree import ElementTree

from workflows.reports.cases import Case, Outcome, case
from workflows.reports.ended import Ended
from workflows.reports.places import relative
from workflows.reports.text import clean

_ELEMENTS: Final = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.SKIPPED: "skipped"}


def render(ended: Sequence[Ended], root: str = "") -> str:
    return of_cases([case(one) for one in ended], root)


def of_cases(cases: Sequence[Case], root: str = "") -> str:
    """Cases of the same file must follow each other; they make one suite."""
    suites = ElementTree.Element("testsuites", {"name": "reseal", **_counts(cases)})
    del suites.attrib["skipped"]  # the schema has it for a suite alone
    for file, members in groupby(cases, key=lambda one: one.file):
        _suite(suites, relative(file, root), list(members))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _suite(suites: ElementTree.Element, file: str, cases: Sequence[Case]) -> None:
    suite = ElementTree.SubElement(suites, "testsuite", {"name": clean(file), **_counts(cases)})
    for one in cases:
        _case(suite, file, one)


def _counts(cases: Iterable[Case]) -> dict[str, str]:
    every = list(cases)
    return {
        "tests": str(len(every)),
        "failures": str(sum(one.outcome is Outcome.FAILED for one in every)),
        "errors": str(sum(one.outcome is Outcome.ERROR for one in every)),
        "skipped": str(sum(one.outcome is Outcome.SKIPPED for one in every)),
        "time": _seconds(sum(one.seconds for one in every)),
    }


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _case(suite: ElementTree.Element, file: str, one: Case) -> None:
    named = {
        "name": clean(one.name), "classname": clean(file), "time": _seconds(one.seconds), "file": clean(file),
        "line": str(one.line),
    }  # fmt: skip
    element = ElementTree.SubElement(suite, "testcase", named)
    if one.properties:
        properties = ElementTree.SubElement(element, "properties")
        for name, value in one.properties.items():
            ElementTree.SubElement(properties, "property", {"name": clean(name), "value": clean(value)})
    if one.outcome is not Outcome.PASSED:
        failed = {"message": clean(one.message)} | ({} if one.outcome is Outcome.SKIPPED else {"type": one.kind})
        ElementTree.SubElement(element, _ELEMENTS[one.outcome], failed).text = clean(one.detail)
