"""JUnit, SARIF and TAP, of runs and sweeps, as readers take them that know their specifications and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services import all_services
from tests.reports import readers
from tests.reports.conftest import HOSTILE
from tests.sweep import small
from workflows.reports import Ended, Finished, NotRun, Reason, render
from workflows.reports.cases import Case, Outcome
from workflows.reports.junit import of_cases as junit_of_cases
from workflows.reports.tap import of_cases as tap_of_cases
from workflows.sweep.ended import Swept
from workflows.sweep.forms import FORMS
from workflows.sweep.load import load
from workflows.sweep.result import summary
from workflows.sweep.run import Options, run
from workflows.yaml_marks import Mark, Mistake

NOT_RUN = (
    NotRun("bad file.yaml", Reason.INVALID, "not valid", (Mistake(Mark("bad file.yaml", 4, 2), HOSTILE),)),
    NotRun("far.yaml", Reason.UNREACHABLE, f"# nothing answers \\ {HOSTILE}"),
    NotRun("sweep.yaml", Reason.LEFT_OUT, f"a sweep # {HOSTILE}"),
)
Form = Callable[[str], str]


@pytest.fixture(scope="module")
def runs(happy: Finished, expected: Finished, broken: Finished, hostile: Finished) -> Sequence[Ended]:
    return [happy, expected, broken, hostile, *NOT_RUN]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """Cells that fail, one value of which would break out of a line."""
    said = HOSTILE.replace("'", "''")
    text = small.FILE.replace("why: no-statement", "why: condition").replace("[a, b]", f"['{said}', \"# x \\\\\"]")
    path = small.write(tmp_path_factory.mktemp("sweep"), text)
    found = load(path, all_services().operations)
    results = list(run(found, all_services, Options(workers=0)))
    return Swept(found, results, summary(found, results, "cancelled"))


def test_sarif_holds_against_its_schema(runs: Sequence[Ended], sweep: Swept, repository: Path) -> None:
    """Not only the subset here: the log was held against sarif-schema-2.1.0.json itself, by hand, without an error."""
    assert readers.sarif(json.loads(render("sarif", runs, str(repository))))
    assert [one["ruleId"] for one in readers.sarif(json.loads(FORMS["sarif"]([sweep, *NOT_RUN], "")))] == [
        "unmet-verdict", "stopped", "not-run", "not-run",
    ]  # fmt: skip


def test_junit_has_what_jenkins_schema_has_and_three_things_more(runs: Sequence[Ended], sweep: Swept) -> None:
    assert len(readers.junit(render("junit", runs))) == len(runs)
    assert len(readers.junit(FORMS["junit"]([sweep, *NOT_RUN], ""))) == 8 + 1 + len(NOT_RUN)


def test_tap_follows_its_grammar(runs: Sequence[Ended], sweep: Swept) -> None:
    points = readers.tap(render("tap", runs))
    assert [point.ok for point in points] == [True, True, False, False, False, False, True]
    assert [point.skip is None for point in points] == [True] * 6 + [False]
    assert all(point.told["at"]["file"] for point in points)
    assert "error[D201]" in points[2].told["detail"]
    assert len(readers.tap(FORMS["tap"]([sweep], ""))) == 9


TEXT = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["# SKIP", "\\#", "  x\n y", "...", "---"])


@given(TEXT, TEXT, st.sampled_from([each for each in Outcome if each is not Outcome.PASSED]))
def test_no_text_breaks_a_reader(name: str, detail: str, outcome: Outcome) -> None:
    case = Case("f", name, outcome, message=detail, detail=detail)
    (point,) = readers.tap(tap_of_cases([case]))
    assert point.ok is (outcome is Outcome.SKIPPED)
    assert len(readers.junit(junit_of_cases([case]))) == 1
