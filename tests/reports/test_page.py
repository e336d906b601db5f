"""The HTML report: one file, complete without a script, and nothing in it obeys what a scenario says.

In a browser (RESEAL_CHROMIUM, see tests/with_chromium) it is opened in both themes and at two widths.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.reports.conftest import HOSTILE, POLICY
from workflows.reports import Finished, NotRun, Reason, render

CHROMIUM = os.environ.get("RESEAL_CHROMIUM", "")
in_a_browser = pytest.mark.skipif(not CHROMIUM, reason="RESEAL_CHROMIUM names no browser; see tests/with_chromium")
UNREACHABLE = NotRun("far.reseal.yaml", Reason.UNREACHABLE, f"nothing answers {HOSTILE}")


class Page(HTMLParser):
    """Elements in their order, and the text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text, self.inside = "", ""
        self.raw: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in ("style", "script"):
            self.raw[self.inside] = self.raw.get(self.inside, "") + data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(broken: Finished) -> Page:
    return Page(render("html", [broken]))


def test_the_page_tells_result_machine_timeline_and_graph(page: Page) -> None:
    text = " ".join(page.text.split())
    for words in (
        "✗ not as expected", "snapshot_sharing", "Machine", "✓ grant_use", "● refused", "Timeline",
        "4. Copy it under the target's own key", "200, then error: Given key ID is not accessible",
        "SharedSnapshotCopyInitiated", "Key graph after each step", "After step 4 of 4",
    ):  # fmt: skip
        assert words in text, words


def test_the_top_tells_what_happened_at_which_call_why_and_what_mends_it(
    broken: Finished, expected: Finished, happy: Finished
) -> None:
    """Before any picture, with a link to the step; a refusal that is expected is called so."""
    page = render("html", [broken])
    assert page.index("What happened") < page.index("Timeline")
    text = " ".join(Page(page).text.split())
    assert "In step 4 of 4, 4. Copy it under the target's own key: target/importer ec2:CopySnapshot → 200, then" in text
    assert "Why kms:CreateGrant on source-key: the key policy allows the action neither to the caller" in text
    assert f"What mends it in 111122223333, {broken.file.removesuffix('share.reseal.yaml')}{POLICY}: add kms:" in text
    assert 'href="#run-1-steps-copy"' in page
    assert "(as the scenario expects)" in Page(render("html", [expected])).text
    assert "Every step did what the scenario expects" in Page(render("html", [happy])).text


def test_a_refusal_is_explained_in_full_with_the_policys_lines_and_its_repair(page: Page) -> None:
    text = " ".join(page.text.split())
    for words in (
        "D201 kms:CreateGrant was denied", "Both sides must say yes", "✓ YES", "✗ NO",
        "policies/source-key-shared.json:12:7", "kms:CreateGrant is not among these",
        "looked at: 3 key policy statements",
        "Smallest repair (1 edit;", "aws kms put-key-policy", 'resource "aws_kms_key_policy"', "What the caller saw",
    ):  # fmt: skip
        assert words in text, words


def test_it_asks_for_nothing_and_may_ask_for_nothing(page: Page) -> None:
    policy = next(each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        digest = base64.b64encode(hashlib.sha256(page.raw[tag].encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    links = [each.get(name, "") for _, each in page.elements for name in ("src", "href", "action", "poster", "data")]
    assert [link for link in links if link and not link.startswith(("#", "data:,"))] == []
    assert not any(name.startswith("on") or name == "style" for _, each in page.elements for name in each)


def test_the_page_can_be_read_by_structure(page: Page, broken: Finished, happy: Finished) -> None:
    for found in (page, Page(render("html", [broken, happy, UNREACHABLE]))):
        tags = [tag for tag, _ in found.elements]
        assert tags.count("h1") == 1
        assert {"header", "main", "footer"} <= set(tags)
        levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
        assert all(after <= before + 1 for before, after in pairwise(levels))
        ids = [each["id"] for _, each in found.elements if "id" in each]
        assert len(ids) == len(set(ids))
        named = [id for _, each in found.elements for id in each.get("aria-labelledby", "").split()]
        assert set(named) <= set(ids)
        assert all(each.get("scope") for each in found.all("th"))
        assert all("aria-label" in each for tag, each in found.elements if each.get("role") == "region")


def test_several_runs_have_an_index_at_the_top(broken: Finished, happy: Finished) -> None:
    found = Page(render("html", [broken, happy, UNREACHABLE]))
    assert "3 runs, 2 not as expected" in found.text
    targets = [each["href"] for each in found.all("a") if re.fullmatch(r"#run-\d+", each["href"])]
    assert targets == ["#run-1", "#run-2", "#run-3"]
    assert {target[1:] for target in targets} <= {each.get("id") for each in found.all("article")}


def test_what_a_scenario_says_is_shown_as_text(hostile: Finished) -> None:
    found = Page(render("html", [hostile, UNREACHABLE]))
    assert len(found.all("script")) == 1
    assert found.all("img") == []
    assert found.text.count("<script>window.owned=1</script>") > 5
    assert "\x1b" not in found.text


def test_a_run_without_evidence_is_told_without_it(broken: Finished) -> None:
    """As AWS itself leaves it: no calls below, no decisions, no graph."""
    blind = [
        msgspec.structs.replace(each, calls=(), decisions=(), events=(), change=(), graph=None, unchecked=("graph",))
        for each in broken.report.transitions
    ]
    report = msgspec.structs.replace(broken.report, transitions=tuple(blind))
    text = " ".join(Page(render("html", [Finished(report)])).text.split())
    assert "200, then error: Given key ID is not accessible" in text
    assert "not checked here: expect.graph" in text
    assert "Key graph" not in text


# In a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, broken: Finished, expected: Finished, happy: Finished, hostile: Finished
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    pages = {"one": [broken], "several": [happy, expected, broken, UNREACHABLE], "hostile": [hostile]}
    for name, ended in pages.items():
        (folder / f"{name}.html").write_text(render("html", ended), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


class Opened:
    """A page in a browser, with what it asked for and complained of."""

    def __init__(self, browser: Any, file: Path, theme: str, width: int, script: bool = True) -> None:
        self.asked: list[str] = []
        self.said: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=script
        )
        self.page = context.new_page()
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("console", lambda one: self.said.append(one.text))
        self.page.on("pageerror", lambda one: self.said.append(str(one)))
        self.page.goto(file.as_uri())


@in_a_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("name", ["one", "several", "hostile"])
def test_it_opens_quietly_in_both_themes_and_at_two_widths(
    browser: Any, files: dict[str, Path], name: str, theme: str, width: int
) -> None:
    opened = Opened(browser, files[name], theme, width)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    open_all(opened.page)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.asked == [files[name].as_uri()]
    assert opened.said == []
    assert opened.page.evaluate("window.owned") is None


def open_all(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")


CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = color => { canvas.clearRect(0,0,1,1); canvas.fillStyle = color; canvas.fillRect(0,0,1,1);
    return [...canvas.getImageData(0,0,1,1).data]; };
  const light = ([r,g,b]) => { const f = v => { v /= 255; return v <= .03928 ? v/12.92 : ((v+.055)/1.055)**2.4 };
    return .2126*f(r) + .7152*f(g) + .0722*f(b); };
  const ground = node => { for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor); if (color[3] === 255) return color; }
    return [255,255,255,255]; };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !node.checkVisibility() || node.closest('svg,script,style')) continue;
    const a = light(rgb(getComputedStyle(node).color)), b = light(ground(node));
    const ratio = (Math.max(a,b) + .05) / (Math.min(a,b) + .05);
    if (ratio < 4.5) bad.push(`${node.className || node.tagName} ${ratio.toFixed(2)} ${walk.currentNode.textContent}`);
  }
  return bad;
}"""


@in_a_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_themes(browser: Any, files: dict[str, Path], theme: str) -> None:
    """WCAG 2.2 1.4.3: 4.5 to 1. Method: computed colours of every piece of text, all folded parts opened."""
    page = Opened(browser, files["several"], theme, 1200).page
    open_all(page)
    assert page.evaluate(CONTRASTS) == []


@in_a_browser
def test_the_switch_wins_over_the_system(browser: Any, files: dict[str, Path]) -> None:
    page = Opened(browser, files["one"], "light", 1200).page
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("radio", name="dark").check(force=True)
    assert page.evaluate(ground) != light
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("radio", name="light").is_checked()
    assert page.evaluate(ground) == light


@in_a_browser
def test_the_graph_is_walked_through_with_the_keyboard(browser: Any, files: dict[str, Path]) -> None:
    page = Opened(browser, files["one"], "light", 1200).page
    shown = "[...document.querySelectorAll('figure')].filter(each => each.checkVisibility()).map(e => e.dataset.step)"
    assert page.evaluate(shown) == ["4"]
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(shown) == ["3"]
    page.keyboard.press("Home")
    assert page.evaluate(shown) == ["1"]
    page.get_by_role("button", name="Next step").press("Enter")
    assert page.evaluate(shown) == ["2"]


@in_a_browser
def test_all_of_it_can_be_read_without_a_script(browser: Any, files: dict[str, Path]) -> None:
    page = Opened(browser, files["one"], "light", 1200, script=False).page
    assert page.locator("figure:visible").count() == 4
    assert page.locator(".slider:visible, #themes:visible").count() == 0


@in_a_browser
def test_every_part_that_scrolls_can_be_reached_by_keyboard(browser: Any, files: dict[str, Path]) -> None:
    page = Opened(browser, files["several"], "light", 400).page
    open_all(page)
    unreachable = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1"
        " && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.tabIndex < 0).map(e => e.className)"
    )
    assert unreachable == []
