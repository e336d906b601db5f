"""`reseal sweep` where nobody watches: annotations, SARIF, summary, page; failures that are alike told once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from app import cli_run, cli_sweep
from tests.sweep import small

Reseal = Callable[..., Any]
BROKEN = small.FILE.replace("why: no-statement", "why: condition")
ROW = 28  # of the verdict that does not hold
PAGE_BYTES_MAX = 1_000_000  # of 2,000 cells


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the checkout of a job of GitHub Actions; answers the step's summary."""
    monkeypatch.chdir(tmp_path)
    values = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path)}
    for name, value in (values | {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}).items():
        monkeypatch.setenv(name, value)
    return tmp_path / "summary.md"


@pytest.fixture
def reseal() -> Reseal:
    app = typer.Typer()
    cli_run.mount(app)
    cli_sweep.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


def test_a_verdict_that_does_not_hold_is_told_at_its_row_and_at_the_policy(
    reseal: Reseal, summary: Path, tmp_path: Path
) -> None:
    """Once for all the cells that fail alike, with what they have in common; a cell run again says which policy."""
    small.write(tmp_path, BROKEN)
    told = reseal("sweep", ".", "--workers", 0)
    assert told.exit_code == 1
    errors = [line for line in told.stdout.splitlines() if line.startswith("::error ")]
    assert [re.findall(r"file=([^,]+),line=(\d+)", line) for line in errors] == [
        [("iam-none.json", "1")], [("s.reseal.yaml", str(ROW))],
    ]  # fmt: skip
    assert "title=4 cells not as the verdict says::" in errors[1]
    assert "Only where iam is none" in errors[1]
    assert "[D101]" in errors[0]


def test_annotations_stay_as_few_as_github_shows(reseal: Reseal, summary: Path, tmp_path: Path) -> None:
    rows = "".join(f"  - {{when: {{salt: s{n}}}, then: {{fails-at: encrypt, error: Never{n}}}}}\n" for n in range(30))
    text = small.many(120).replace("verdicts:\n", f"verdicts:\n{rows}")
    told = reseal("sweep", small.write(tmp_path, text), "--workers", 0).stdout
    assert len(re.findall(r"(?m)^::error ", told)) == 10
    assert re.search(r"(?m)^and \d+ more of level error$", told)


def test_the_summary_has_a_table_by_verdict_and_the_neighbours_that_differ(
    reseal: Reseal, summary: Path, tmp_path: Path
) -> None:
    reseal("sweep", small.write(tmp_path), "--workers", 0)
    text = summary.read_text()
    assert text.startswith("## reseal: ✅ Who may encrypt: 8 cells as expected")
    assert "| comes to its end | every other cell | 2 | 0 |" in text
    assert "| state | Enabled: comes to its end<br>Disabled: fails at encrypt by key-state | iam is full | 2 |" in text
    small.write(tmp_path, BROKEN)
    reseal("sweep", tmp_path / "s.reseal.yaml", "--workers", 0)
    assert "| iam is none | 4 | ❌ 4 |" in summary.read_text()


def test_every_report_of_a_run_can_be_had_of_a_sweep(reseal: Reseal, tmp_path: Path) -> None:
    names = {"junit": "j.xml", "tap": "t.tap", "sarif": "s.sarif", "html": "p.html"}
    options = [part for form, name in names.items() for part in (f"--{form}", tmp_path / name)]
    told = reseal("sweep", small.write(tmp_path, BROKEN), "--workers", 0, "--format", "text", *options)
    assert told.exit_code == 1
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("failures") == "4"
    assert (tmp_path / "t.tap").read_text().count("\nnot ok ") == 4
    results = json.loads((tmp_path / "s.sarif").read_text())["runs"][0]["results"]
    assert [one["ruleId"] for one in results] == ["D101", "unmet-verdict"]
    assert not any("fixes" in one for one in results), "a repair was tried in one cell: it is no fix of the file"
    assert "kms:Encrypt was denied" in (tmp_path / "p.html").read_text()


def test_a_sweep_that_is_not_valid_is_reported_like_one_that_failed(
    reseal: Reseal, summary: Path, tmp_path: Path
) -> None:
    """And the others of the folder are run all the same; what is no sweep there is left to `reseal run`."""
    small.write(tmp_path)
    (tmp_path / "bad.reseal.yaml").write_text(small.FILE.replace("iam: none}", "iam: nine}"), encoding="utf-8")
    (tmp_path / "plain.reseal.yaml").write_text(
        "reseal: 1\nname: x\naccounts: [one]\nsteps:\n  - {id: key, as: one/root, call: kms:CreateKey}\n",
        encoding="utf-8",
    )
    told = reseal("sweep", ".", "--workers", 0, "--junit", "j.xml")
    assert told.exit_code == 2
    assert "::error file=bad.reseal.yaml,line=28,col=18,title=The file is not valid::iam has no value" in told.stdout
    root = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert (root.get("tests"), root.get("errors")) == ("9", "1")
    assert "2 files: 1 as expected, 1 NOT as expected" in told.stderr


def test_a_page_shows_every_cell_and_stays_small(reseal: Reseal, tmp_path: Path) -> None:
    """Also what a scenario says is text there. Method: 2,000 cells; cells of the table are counted."""
    text = small.many(2000).replace("s7,", '"<script>x</script>",')
    told = reseal("sweep", small.write(tmp_path, text), "--workers", 2, "--html", tmp_path / "p.html")
    assert told.exit_code == 0
    page = (tmp_path / "p.html").read_text()
    assert len(re.findall(r"<td class=[grx]>", page)) == 2000
    assert len(page) < PAGE_BYTES_MAX
    assert page.count("<script>") == 1
    assert "default-src &#39;none&#39;" in page


def test_cells_without_a_place_in_the_table_are_listed(reseal: Reseal, tmp_path: Path) -> None:
    text = small.FILE.replace("principals:", "  include: [{iam: none, state: Other, salt: c}]\nprincipals:", 1)
    reseal("sweep", small.write(tmp_path, text), "--workers", 0, "--html", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text()
    assert "Cells that include made" in page
    assert "iam=none, state=Other, salt=c" in page


# sweeps beside runs


def test_reseal_run_says_in_every_report_that_a_sweep_was_not_run(
    reseal: Reseal, summary: Path, tmp_path: Path
) -> None:
    """So that whoever writes `reseal run scenarios/` does not believe that sweeps were run."""
    small.write(tmp_path)
    (tmp_path / "a.reseal.yaml").write_text(
        "reseal: 1\nname: x\naccounts: [one]\nsteps:\n  - {id: key, as: one/root, call: kms:CreateKey}\n",
        encoding="utf-8",
    )
    names = {"junit": "j.xml", "tap": "t.tap", "sarif": "s.sarif", "html": "p.html"}
    told = reseal("run", ".", *(part for form, name in names.items() for part in (f"--{form}", name)))
    assert told.exit_code == 0
    says = "a sweep: `reseal sweep s.reseal.yaml` runs it"
    assert f"::notice file=s.reseal.yaml,line=1,title=Not run::{says}" in told.stdout
    assert told.stderr.endswith("left out: 1 sweep, which `reseal sweep .` runs\n")
    assert summary.read_text().startswith("## reseal: 1 as expected, 1 left out")
    root = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert (root.get("tests"), root[1].get("skipped"), root.get("failures")) == ("2", "1", "0")
    assert f"ok 2 - s.reseal.yaml # SKIP {says}" in (tmp_path / "t.tap").read_text()
    (run,) = json.loads((tmp_path / "s.sarif").read_text())["runs"]
    assert run["results"] == []
    assert says in str(run["invocations"])
    assert "1 left out" in (tmp_path / "p.html").read_text()
