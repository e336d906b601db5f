"""docs/ebs-rows.md: every row of the EBS reference, the tests that execute it, and what came of them.

`python -m tests.ebs.page` runs those tests (half a minute) and writes the page; tests/ebs/test_rows.py compares the
page with the marks, without running anything. A page is only complete with every result `passed`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from tests.ebs.row import Row
from tests.ebs.rows import ROWS
from tests.ebs_features.rows import ROWS as FEATURES

TESTS: Final = Path(__file__).parents[1]
PAGE: Final = TESTS.parent / "docs/ebs-rows.md"
FOLDERS: Final = ("ebs", "sharing", "ebs_compute", "ebs_features", "ebs_proofs", "cloudtrail", "simulation")
PASSED: Final = "passed"

SECTIONS: Final[Mapping[str, str]] = {
    "0": "The shape of it",
    "1.0": "How EC2 and EBS call KMS",
    "1.1": "Operations",
    "1.2": "CreateVolume",
    "1.3": "CreateSnapshot",
    "1.4": "CopySnapshot",
    "1.5": "Attributes of snapshots",
    "1.6": "DescribeSnapshots, DeleteSnapshot, tags",
    "1.7": "AttachVolume, RunInstances",
    "1.8": "Locks, bin, tiers, fast restore, public access, defaults",
    "1.9": "Images",
    "1.10": "Error codes",
    "1.11": "UnauthorizedOperation",
    "1.12": "What KMS says",
    "2": "Life of the envelope",
    "3.1": "CloudTrail: EC2's calls",
    "3.2": "CloudTrail: what the owner gets",
    "3.3": "CloudTrail: KMS calls",
    "3.4": "LookupEvents",
    "4": "EventBridge",
    "5": "Rules of sharing",
    "5.1": "Which key a volume gets",
    "5.2": "Which key a copy gets",
    "6": "EBS direct APIs",
}

HEAD: Final = """\
# Rows of the EBS reference

<!-- generated from the marks of the tests and a run of them: python -m tests.ebs.page -->

What AWS does with volumes, snapshots and their keys, fact by fact, and the tests that execute each. Marks: V verbatim
from AWS, O observed and reported, D documented, I inferred. A fact without a test says why. Tests are named from
`tests/` on; a failed one would stand under Result.
"""


def section_of(id: str) -> str:
    """`1.2/no-zone` is of section 1.2, `0.4` of section 0."""
    return id.partition("/")[0] if "/" in id else id.partition(".")[0]


def _place(id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in section_of(id).split("."))


EVERY: Final[tuple[Row, ...]] = tuple(sorted((*ROWS, *FEATURES), key=lambda row: _place(row.id)))


# what the marks say


def executed() -> dict[str, list[str]]:
    """Row id -> the tests that name it, `folder/file.py::test`, by marks of functions and of single parameters."""
    found: dict[str, list[str]] = {}
    for place, test in _tests():
        for id in dict.fromkeys(id for mark in _marks(test) for id in mark.args):
            found.setdefault(id, []).append(place)
    return found


def _tests() -> Iterator[tuple[str, Any]]:
    for folder in FOLDERS:
        for path in sorted((TESTS / folder).glob("test_*.py")):
            module = importlib.import_module(f"tests.{folder}.{path.stem}")
            for name, each in inspect.getmembers(module, inspect.isfunction):
                if name.startswith("test_") and each.__module__ == module.__name__:
                    yield f"{folder}/{path.name}::{name}", each


def _marks(test: Any) -> Iterator[Any]:
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "row":
            yield mark
        elif mark.name == "parametrize":
            yield from (each for value in mark.args[1] for each in getattr(value, "marks", ()) if each.name == "row")


# the page


def render(tests: Mapping[str, list[str]], failed: Iterable[str] = ()) -> str:
    """The page, given the tests of each row and those that failed."""
    lost = set(failed)
    parts = [HEAD, _summary(tests)]
    for section, of_section in groupby(EVERY, key=lambda row: section_of(row.id)):
        lines = [
            f"## {section} {SECTIONS[section]}\n",
            "| Row | Mark | Fact | Tests | Result |",
            "|---|---|---|---|---|",
        ]
        parts.append("\n".join((*lines, *(_line(row, tests.get(row.id, []), lost) for row in of_section))) + "\n")
    return "\n".join(parts)


def _summary(tests: Mapping[str, list[str]]) -> str:
    done = sum(row.id in tests for row in EVERY)
    return f"{len(EVERY)} rows; {done} are executed, {len(EVERY) - done} say why not.\n"


def _line(row: Row, tests: list[str], failed: set[str]) -> str:
    bad = [each for each in tests if each in failed]
    result = f"failed: {', '.join(bad)}" if bad else PASSED if tests else row.reason
    return "| " + " | ".join((row.id, row.mark, row.sentence.replace("|", "\\|"), "<br>".join(tests), result)) + " |"


# the run


class Failures:
    """A pytest plugin: the tests that did not pass, as the page names them."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.passed:
            self.found.add(report.nodeid.partition("[")[0].removeprefix("tests/"))


def main() -> int:
    """Run the tests that name rows, and write the page; 1 if one of them failed."""
    import pytest

    sys.path.insert(0, str(TESTS))  # some folders import one another by their own names
    failures = Failures()
    status = pytest.main(["-q", "-m", "row", *(str(TESTS / folder) for folder in FOLDERS)], plugins=[failures])
    PAGE.write_text(render(executed(), failures.found))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
