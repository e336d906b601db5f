"""The page of a sweep in a browser (RESEAL_CHROMIUM): quiet, in both themes and widths, read by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.services import all_services
from tests.reports.conftest import HOSTILE
from tests.reports.test_page import CHROMIUM, CONTRASTS, Opened, in_a_browser, open_all
from tests.sweep import small
from workflows.sweep.ended import Swept
from workflows.sweep.forms import FORMS
from workflows.sweep.load import load
from workflows.sweep.result import summary
from workflows.sweep.run import Options, run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A failing sweep of 48 cells, one value of which is hostile and one very long."""
    folder = tmp_path_factory.mktemp("page")
    said, long = HOSTILE.replace("'", "''"), "very-long-word" * 20
    text = (
        small.many(40).replace("salt: [", f"salt: ['{said}', {long}, ").replace("why: no-statement", "why: condition")
    )
    found = load(small.write(folder, text), all_services().operations)
    results = list(run(found, all_services, Options(workers=0)))
    page = FORMS["html"]([Swept(found, results, summary(found, results))], "")
    (folder / "sweep.html").write_text(page, encoding="utf-8")
    return folder / "sweep.html"


@in_a_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_it_opens_quietly_and_its_text_stands_out(browser: Any, file: Path, theme: str, width: int) -> None:
    opened = Opened(browser, file, theme, width)
    open_all(opened.page)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert (opened.asked, opened.said) == ([file.as_uri()], [])
    assert opened.page.evaluate("window.owned") is None
    assert opened.page.evaluate(CONTRASTS) == []


@in_a_browser
def test_a_cell_tells_its_values_by_mouse_and_by_keyboard(browser: Any, file: Path) -> None:
    page = Opened(browser, file, "light", 1200).page
    output = page.locator(".filters output")
    page.locator("td.x").first.click()
    assert "state=Enabled, iam=none" in output.inner_text()
    assert output.inner_text().endswith("fails at encrypt by no-statement – this cell is not as expected")
    page.locator(".legend button").first.press("Enter")
    assert output.inner_text().startswith("12 cells shown.")
    page.locator("select[data-axis=salt]").select_option("s0")
    assert output.inner_text() == "state=Enabled, iam=full, salt=s0: comes to its end"


@in_a_browser
def test_every_cell_can_be_read_without_a_script(browser: Any, file: Path) -> None:
    page = Opened(browser, file, "light", 1200, script=False).page
    assert page.locator("table.cells tbody td.g:visible").count() == 12
    assert page.locator(".filters:visible").count() == 0
