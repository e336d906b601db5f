"""docs/errors/: a page for each error text, from the table of texts and the scenarios that show its causes.

`python -m app.error_pages` runs the scenarios and writes the pages, `--check` compares. A row that names a scenario is
only written if its run really ends with that cause, so a page can not promise what reseal does not do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.outside.texts import WORDINGS, Reason, Wording
from app.policy.causes import Cause

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = ROOT / "docs" / "errors"
HEAD: Final = "<!-- generated from app/outside/texts.py and the scenarios: python -m app.error_pages -->"


class NotShown(Exception):
    """A scenario does not end with the cause that the table says it shows."""


def pages() -> dict[str, str]:
    """File name -> text. Raises NotShown."""
    made = {f"{one.slug}.md": _page(one) for one in WORDINGS}
    return {"index.md": _index(), **made}


def _index() -> str:
    rows = (f"- [{one.words}]({one.slug}.md): {one.meaning}" for one in WORDINGS)
    return "\n".join(("# Error texts", "", HEAD, "", *rows, ""))


def _page(wording: Wording) -> str:
    lines = [f"# {wording.words}", "", HEAD, "", wording.meaning, "", "What may stand behind it, likeliest first:", ""]
    for nth, reason in enumerate(wording.reasons, 1):
        lines += [*_section(nth, reason), ""]
    lines += ["With the CloudTrail event and the policies at hand: `reseal explain EVENT.json --policies DIR`.", ""]
    return "\n".join(lines)


def _section(nth: int, reason: Reason) -> Iterator[str]:
    sentence = reason.cause.sentence
    yield f"## {nth}. {sentence[:1].upper()}{sentence[1:]} ({reason.cause.code})"
    yield ""
    yield f"Repair: {reason.repair}"
    if not reason.scenario:
        return
    yield ""
    yield f"See it: `reseal run {reason.scenario}`"
    yield ""
    yield "```text"
    yield _shown(reason.scenario, reason.cause)
    yield "```"


def _shown(scenario: str, cause: Cause) -> str:
    """The explanation of the run's last refusal with that cause."""
    from app.policy.explain import explain, text

    entries = _entries(scenario)
    roots = [one["root"] for one in entries if one.get("cause") == cause.name and one.get("code")]
    found = explain(entries, roots[-1]) if roots else None
    if found is None or found.cause is not cause:
        raise NotShown(f"{scenario} does not end with {cause.name}")
    return text(found)


@cache
def _entries(scenario: str) -> list[dict[str, Any]]:
    """The log of a run, as its transitions keep it."""
    from app.services import all_services
    from workflows.session import Options, run_file

    report = run_file(str(ROOT / scenario), all_services(), Options())
    found = list[dict[str, Any]]()
    for transition in report.transitions:
        found += [{"type": "decision", **one} for one in transition.decisions]
        found += [{"type": "call", **one} for one in transition.calls]
    return found


def main(arguments: list[str]) -> int:
    """0 written or equal, 1 a page differs or a scenario does not show its cause."""
    try:
        made = pages()
    except NotShown as wrong:
        sys.stderr.write(f"error pages: {wrong}\n")
        return 1
    if "--check" in arguments:
        differ = [name for name, text in made.items() if not _is_same(PAGES / name, text)]
        differ += [path.name for path in PAGES.glob("*.md") if path.name not in made]
        for name in differ:
            sys.stderr.write(f"docs/errors/{name} differs: python -m app.error_pages\n")
        return 1 if differ else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    return 0


def _is_same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
