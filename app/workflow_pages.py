"""docs/workflows: a page and a drawing of each workflow of the catalogue, made from its declaration.

`python -m app.workflow_pages` writes them; `--check` compares. A page holds what a declaration can not be without: its
theory (the module's docstring), its rows, its contracts in words; and the shipped scenarios that follow it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from os.path import relpath
from pathlib import Path
from typing import Any, Final

from app.services import all_services
from workflows import catalogue
from workflows.about import about
from workflows.drawing import mermaid, svg
from workflows.followers import followers
from workflows.machine import Workflow

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = ROOT / "docs/workflows"
SCENARIOS: Final = ROOT / "scenarios"
NOTE: Final = "<!-- generated from the declarations: make docs -->\n"


def pages() -> dict[str, str]:
    """File name -> text, of every page and drawing."""
    operations = all_services().operations
    made = {"index.md": _index(catalogue.WORKFLOWS)}
    for name in catalogue.NAMES:
        workflow = catalogue.load(name, operations)
        made[f"{name}.md"] = _page(workflow, about(workflow, operations))
        made[f"{name}.svg"] = svg(workflow)
    return made


def _index(workflows: Sequence[Workflow]) -> str:
    rows = [(f"[{each.name}]({each.name}.md)", each.title, str(len(list(each.steps)))) for each in workflows]
    return f"# Workflows\n\n{NOTE}\n{_table(('workflow', 'what it is', 'steps'), rows)}"


def _page(workflow: Workflow, told: dict[str, Any]) -> str:
    return "\n".join(
        (
            f"# {workflow.title or workflow.name}\n\n{NOTE}",
            f"`workflow: {workflow.name}`, declared in `workflows/catalogue/`. Roles: {', '.join(workflow.roles)}.\n",
            f"```text\n{told['theory']}\n```\n",
            f"![{workflow.title}]({workflow.name}.svg)\n",
            "## States\n",
            _table(("state", "as", "call", "requires", "ensures"), _states(told)),
            "## Rows\n",
            _table(("state", "outcome", "next", "what it means"), _rows(told)),
            "What no row names ends in `unforeseen`, and fails the run.\n",
            "## Scenarios that follow it\n",
            _table(("scenario", "question", "ends"), _scenarios(workflow)),
            "## As a Mermaid diagram\n",
            f"```mermaid\n{mermaid(workflow)}```\n",
        )
    )


def _states(told: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for state in told["states"]:
        if state.get("end"):
            yield f"`{state['name']}`", "", "*an end that is ok*" if state["ok"] else "*an end that is not ok*", "", ""
        else:
            yield f"`{state['name']}`", state["as"], f"`{state['call']}`", state["requires"], state["ensures"]


def _rows(told: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    return ((f"`{r['state']}`", f"`{r['outcome']}`", f"`{r['next']}`", r["means"]) for r in told["rows"])


def _scenarios(workflow: Workflow) -> Iterator[tuple[str, ...]]:
    for each in followers(SCENARIOS, workflow.name):
        yield f"[{each.title}]({relpath(each.path, PAGES)})", each.question, f"`{each.end}`" if each.end else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


# --- writing and comparing ---


def stale() -> list[str]:
    """Files that differ from what the declarations say, and those that no declaration makes any more."""
    made = pages()
    kept = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*")} if PAGES.is_dir() else {}
    return sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))


def main(arguments: Sequence[str]) -> int:
    """0 written or equal, 1 a page differs."""
    differ = stale()
    if "--check" in arguments:
        for name in differ:
            sys.stderr.write(f"docs/workflows/{name} differs: python -m app.workflow_pages\n")
        return 1 if differ else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    made = pages()
    for name in differ:
        if name in made:
            (PAGES / name).write_text(made[name], encoding="utf-8")
        else:
            (PAGES / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
