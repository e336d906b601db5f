"""docs/scenario-format.md: its files run as they stand, its mistakes are told as it says, and no key is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli
from workflows import format_page

TEXT = format_page.PAGE.read_text(encoding="utf-8")
SLIPS = {"as: target/importer": "as: target/imporer", "ec2:CopySnapshot": "ec2:CopySnapshots"}


def files() -> dict[str, str]:
    """The complete files of the page, as it names them: the first, and the one that extends it."""
    first, second = re.findall(r"```yaml\n(# .*?\nreseal: 1\n.*?)```", TEXT, re.DOTALL)
    (name,) = re.findall(r"^extends: (\S+)$", second, re.MULTILINE)
    return {name: first, "second.reseal.yaml": second}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reseal(*words: str) -> Result:
    cli.mount()
    return CliRunner().invoke(cli.app, list(words))


def change(path: Path, slips: dict[str, str]) -> None:
    """Each slip made once: the example is long enough that a word may stand in it twice."""
    text = path.read_text(encoding="utf-8")
    for right, wrong in slips.items():
        assert right in text
        text = text.replace(right, wrong, 1)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", files())
def test_a_file_of_the_page_is_accepted_and_runs_as_expected(folder: Path, name: str) -> None:
    assert reseal("check", name).exit_code == 0
    run = reseal("run", name)
    assert run.exit_code == 0, run.output


def test_the_first_file_shows_what_the_page_says_of_it(folder: Path) -> None:
    assert "because   kms:CreateGrant on source-key" in reseal("run", "shared.reseal.yaml").output
    assert "`because kms:CreateGrant on source-key`" in TEXT


def test_mistakes_are_told_in_the_words_of_the_page(folder: Path) -> None:
    """Method: the slips that its first block of text shows, made in the first file."""
    told, _ = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    path = folder / "shared.reseal.yaml"
    change(path, SLIPS)
    path.write_text(path.read_text().replace("snapshot.SnapshotId", "snapsho.SnapshotId"))
    found = reseal("check", path.name)
    assert found.exit_code == 2
    assert [line for line in told.splitlines() if line not in found.output] == []


def test_an_unmet_expectation_is_told_in_the_words_of_the_page(folder: Path) -> None:
    _, told = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    change(folder / "shared.reseal.yaml", {"State: error": "State: completed"})
    found = reseal("run", "shared.reseal.yaml")
    assert found.exit_code == 1
    assert told.strip() in found.output


@pytest.mark.parametrize("model", format_page.models())
def test_every_model_has_its_table(model: str) -> None:
    assert TEXT.count(f"<!-- table: {model} -->") == 1


def test_every_key_says_what_it_means() -> None:
    """Method: the descriptions, which editors show as well."""
    fields = [
        (name, key, each) for name, model in format_page.models().items() for key, each in model.model_fields.items()
    ]
    assert [(name, key) for name, key, each in fields if not each.description] == []


def test_the_page_is_what_the_models_say() -> None:
    """`python -m workflows.format_page` writes it."""
    assert format_page.page(TEXT) == TEXT
    assert format_page.main(["--check"]) == 0


def test_a_stale_page_is_found_and_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method: a row changed, another gone, and a list of words cut short."""
    page = tmp_path / "page.md"
    stale = re.sub(
        r"^\| `advance` .*\n", "", TEXT.replace("| `seed` | text |", "| `seed` | number |"), flags=re.MULTILINE
    )
    page.write_text(stale.replace("`owns`, ", ""), encoding="utf-8")
    monkeypatch.setattr(format_page, "PAGE", page)
    assert format_page.main(["--check"]) == 1
    assert format_page.main([]) == 0
    assert page.read_text(encoding="utf-8") == TEXT


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    headings = {found.lower().replace(" ", "-") for found in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) - headings == set()
