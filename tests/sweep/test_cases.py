"""Cells as cases: what a CI server shows of a sweep, in JUnit and TAP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from app.services import all_services
from tests.sweep import hostile, small
from workflows.reports.cases import Outcome
from workflows.sweep.cases import cases
from workflows.sweep.ended import Swept
from workflows.sweep.forms import FORMS
from workflows.sweep.load import Sweep
from workflows.sweep.result import summary
from workflows.sweep.run import Options, run

Made = Callable[..., Sweep]


def ended(sweep: Sweep, services: Any = all_services, why: str = "") -> Swept:
    results = list(run(sweep, services, Options(workers=0)))
    return Swept(sweep, results, summary(sweep, results, why))


def line_of(text: str, words: str) -> int:
    """The line of the first row with these words."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


def test_every_cell_is_a_case_at_the_row_that_decides_about_it(sweep: Made) -> None:
    whole = ended(sweep())
    found = cases([whole])
    assert [case.name for case in found] == [result.title for result in whole.results]
    assert {case.outcome for case in found} == {Outcome.PASSED}
    rows = {case.name: case.line for case in found}
    assert rows["state=Enabled, iam=none, salt=a"] == line_of(small.FILE, "iam: none")
    assert rows["state=Enabled, iam=full, salt=a"] == line_of(small.FILE, "otherwise: true")


def test_what_is_wrong_is_said_with_what_happened_and_the_verdict(sweep: Made) -> None:
    text = small.FILE.replace("cause: D501", "cause: D502")
    whole = ended(sweep(text))
    case = next(case for case in cases([whole]) if case.outcome is Outcome.FAILED)
    line = line_of(text, "cause: D502")
    assert (case.name, case.line, case.kind) == ("state=Disabled, iam=full, salt=a", line, "verdict")
    assert case.message.startswith(f"{whole.file}:{line}:5: fails at encrypt by key-state, and the verdict is: ")
    assert "outcome: DisabledException, causes: KEY_DISABLED" in case.detail
    assert case.properties == {"cell": "5", "verdict": "fails at encrypt by key-state"}


def test_a_row_of_another_file_is_named_in_the_message(sweep: Made, tmp_path: Any) -> None:
    """A case has one file, that of the sweep; a line of another one would lead astray."""
    from workflows.sweep.load import load

    base = sweep(small.FILE.replace("cause: D501", "cause: D502"))
    path = tmp_path / "derived.reseal.yaml"
    path.write_text(f"reseal: 1\nname: Derived\nextends: {base.path}\n", encoding="utf-8")
    found = cases([ended(load(path, all_services().operations))])
    case = next(case for case in found if case.outcome is Outcome.FAILED)
    assert (case.file, case.line) == (str(path), 1)
    assert case.message.startswith(f"{base.path}:{line_of(small.FILE, 'cause: D501')}:5: ")


def test_without_verdicts_what_is_not_as_the_steps_expect_fails(sweep: Made) -> None:
    text = small.FILE.partition("verdicts:")[0] + "    expect: {response: {EncryptionAlgorithm: NONE}}\n"
    found = [case for case in cases([ended(sweep(text))]) if case.outcome is not Outcome.PASSED]
    assert {case.kind for case in found} == {"expectation"}
    assert {case.line for case in found} == {line_of(text, "EncryptionAlgorithm")}


def test_a_bug_is_an_error_and_not_a_failure(sweep: Made) -> None:
    whole = ended(sweep(small.FILE.replace("salt: [a, b]", f"salt: [{hostile.BUG}, b]")), hostile.services)
    suites = ElementTree.fromstring(FORMS["junit"]([whole], ""))
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("8", "0", "4")
    assert "a handler that breaks" in str(next(suites.iter("error")).get("message"))


def test_a_sweep_that_was_ended_early_does_not_pass(sweep: Made) -> None:
    whole = ended(sweep(), why="cancelled")
    assert cases([whole])[-1].outcome is Outcome.ERROR
    assert FORMS["tap"]([whole], "").count("\nnot ok 9 - Who may encrypt\n") == 1
