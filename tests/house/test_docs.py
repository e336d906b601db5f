"""The pages hold together: links lead somewhere, decisions have their form, rows name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sources import ROOT, name, tracked

PAGES = sorted(path for path in tracked() if path.suffix == ".md" and path.parent.parts[-1:] != ("tests",))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")
PLACE = re.compile(r"`((?:app|workflows|tests|docs|scenarios)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Method: links without a scheme, from where the page lies."""
    links = (link for link in LINK.findall(page.read_text()) if "://" not in link and not link.startswith("mailto:"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/index.md", "docs/fidelity.md", "docs/formats.md"])
def test_every_place_that_a_page_names_is_there(page: str) -> None:
    """Method: paths in code spans."""
    places = PLACE.findall((ROOT / page).read_text())
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_decisions_are_numbered_once_and_say_how_they_are_confirmed() -> None:
    """Method: four digits and a sentence as the file's name, and the words of the form within."""
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers)
    for page in pages:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
        text = page.read_text().lower()
        assert [word for word in ("question", "chosen", "confirmed") if word not in text] == [], page.name
