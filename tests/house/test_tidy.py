"""The style guide runs: sizes, places, and what must not stand in a file."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest
from sources import ROOT, attributes, functions, length, name, python_files, tracked

ROOMS = ("kernel", "policy", "services", "blocks", "crypto", "graph", "persistence", "doors")

MEDIAN_LINES_MAX = 12  # style guide 11: aim, kept as a ratchet
LONG_FUNCTION_LINES = 60
LONG_FUNCTIONS_MAX = 1
FILE_LINES_MAX = 650  # the aim is 80 to 300
LONG_FILES_MAX = 20

TOP_LEVEL = {
    "pyproject.toml", "README.md", "app", "workflows", "tests", "scenarios", "Makefile", "docs", "LICENSE",
    "CHANGELOG.md", "CONTRIBUTING.md", "requirements.lock", "requirements-bench.lock",
}  # fmt: skip

# Written in two halves, so that this file does not hold what it looks for.
PLACES = ("wo" + "rk", "ro" + "ot", "ho" + r"me/\w+", "Us" + r"ers/\w+")
MACHINE_PATHS = re.compile(rf"(?<![\w.$}}])/({'|'.join(PLACES)})/")
ADDRESSES = re.compile("(?:index-url|extra-index|find-links|registry\\s*=)", re.IGNORECASE)


def product() -> list[Path]:
    return list(python_files("app", "workflows"))


@pytest.mark.parametrize("room", [*(f"app/{each}" for each in ROOMS), "workflows"])
def test_functions_of_a_room_are_small(room: str) -> None:
    """Method: the median length of its functions' bodies."""
    lengths = [length(function) for path in python_files(room) for function in functions(path)]
    assert statistics.median(lengths) < MEDIAN_LINES_MAX


def test_few_functions_are_long() -> None:
    """The number of long functions only falls."""
    every = ((path, function) for path in product() for function in functions(path))
    long = [f"{name(path)}:{function.name}" for path, function in every if length(function) > LONG_FUNCTION_LINES]
    assert len(long) <= LONG_FUNCTIONS_MAX, long


def test_files_can_be_read_in_one_sitting() -> None:
    """No file beyond the limit, and the number of those over 300 lines only falls."""
    sizes = {name(path): len(path.read_text().splitlines()) for path in product()}
    assert {path: size for path, size in sizes.items() if size > FILE_LINES_MAX} == {}
    long = {path: size for path, size in sizes.items() if size > 300}
    assert len(long) <= LONG_FILES_MAX, long


def test_no_test_measures_time() -> None:
    """Machines differ and a collection of garbage may fall anywhere: work is counted (tests/work.py), and seconds are
    `make bench`'s. A wait for a server may look at a monotonic clock."""
    measured = re.compile(r"time\.(process_time|perf_counter|thread_time)|timeit")
    tests = (path for path in python_files("tests") if not name(path).startswith("tests/bench/"))
    found = {name(path) for path in tests for dotted, _ in attributes(path) if measured.match(dotted)}
    assert found == set()


def test_every_module_opens_with_what_one_must_believe_to_change_it() -> None:
    """Method: a docstring at the head of each file with code in it."""
    silent = [name(path) for path in product() if path.read_text().strip() and not path.read_text().startswith('"""')]
    assert silent == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    """A clone works wherever it lies. Method: home folders and workplaces in any tracked text."""
    found = [f"{name(path)}: {match.group()}" for path in _texts() if (match := MACHINE_PATHS.search(path.read_text()))]
    assert found == []


def test_no_file_names_a_package_index() -> None:
    """Packages come from wherever the machine gets its own. Method: options that carry an index's address."""
    allowed = {"Makefile", "tests/house/test_tidy.py"}
    assert [name(path) for path in _texts() if name(path) not in allowed and ADDRESSES.search(path.read_text())] == []


def test_the_top_level_is_the_users() -> None:
    """Method: the first part of every tracked path; dot files are free."""
    found = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {each for each in found if not each.startswith(".")} - TOP_LEVEL == set()


def test_every_text_ends_with_a_line_end() -> None:
    texts = ((path, path.read_text()) for path in _texts())
    assert [name(path) for path, text in texts if text and not text.endswith("\n")] == []


def _texts() -> list[Path]:
    """Tracked files that are text."""
    suffixes = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".lock", "", ".sh"}
    return [path for path in tracked() if path.suffix in suffixes and b"\0" not in path.read_bytes()[:1024]]
