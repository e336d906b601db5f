"""Which scenarios in a folder follow a workflow, and where they say it ends. Files are read, not checked.

Sweeps are left out: what each of their cells follows is not said in one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.files import Files, Shelf
from workflows.scenario_extends import extended
from workflows.session import scenarios_in
from workflows.sweep.load import is_sweep
from workflows.yaml_marks import Node


@dataclass(frozen=True, slots=True)
class Follower:
    path: Path
    workflow: str
    title: str  # the scenario's name
    question: str  # the comment in its first line
    end: str  # the state that it expects finally; "" where it says none
    extends: bool


def followers(folder: str | Path, workflow: str = "") -> list[Follower]:
    """Those that follow `workflow` (or any), those that stand on their own first; InvalidFile for one not readable."""
    found = [each for path in scenarios_in([str(folder)]) if (each := _follower(Path(path)))]
    kept = [each for each in found if workflow in ("", each.workflow)]
    return sorted(kept, key=lambda each: (each.extends, each.path.as_posix()))


def _follower(path: Path) -> Follower | None:
    if is_sweep(str(path)):
        return None
    tree = extended(Files(Shelf()), str(path))
    workflow = _text(tree, "workflow")
    if not workflow:
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    end = _text(tree, "finally", "expect", "state")
    return Follower(path, workflow, _text(tree, "name"), question(lines), end, any(_extends(lines)))


def question(lines: Sequence[str]) -> str:
    """The question that a scenario answers: the comment in its first line; "" where there is none."""
    return lines[0].removeprefix("# ").strip() if lines and lines[0].startswith("# ") else ""


def _extends(lines: list[str]) -> Iterator[bool]:
    return (line.startswith("extends:") for line in lines)


def _text(tree: Node, *keys: str) -> str:
    """The text at a path of keys; "" where there is none."""
    found: Any = tree
    for key in keys:
        found = found.get(key) if isinstance(found, Node) else None
    return found.value if isinstance(found, Node) and isinstance(found.value, str) else ""
