"""Rooms keep to themselves: what a module may import, do on import, and know of the world outside."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from sources import ROOT, attributes, imports, name, python_files, tracked, tree

PURE = ("app/kernel", "app/policy", "app/services", "app/blocks", "app/crypto", "app/graph")

# Where clock, randomness or files are the module's very business, each with its reason.
SHELLS = {
    "app/kernel/cloud.py": "the shell: it hands clock and randomness in",
    "app/blocks/disk.py": "the operations of a disk, behind the block store's port",
    "app/blocks/segments.py": "the block store in files",
    "app/crypto/asymmetric.py": "RSA key pairs, OAEP, PSS, ML-DSA, ML-KEM do not follow from a seed: listed",
}

OUTSIDE = re.compile(
    r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|sleep)"
    r"|random\.\w+|secrets\.\w+|os\.(urandom|getrandom|environ|getenv|open)|uuid\.uuid[14]|socket\.\w+|subprocess\.\w+"
)
OUTSIDE_MODULES = {"random", "secrets", "socket", "subprocess", "requests", "urllib.request", "http.client", "sqlite3"}
RANDOM_KEYS = re.compile(r".*\.(generate_key|generate_private_key|generate)$")


def test_only_crypto_imports_cryptography() -> None:
    """One room holds every primitive, so that one room is to be read by whoever reviews them."""
    paths = python_files("app", "workflows")
    found = {name(path) for path in paths if any(module.split(".")[0] == "cryptography" for module, _ in imports(path))}
    assert {each for each in found if not each.startswith("app/crypto/")} == set()
    assert found


def test_the_policy_language_knows_nothing_else_of_reseal() -> None:
    """Policies can be read, decided and explained by themselves."""
    for path in python_files("app/policy"):
        foreign = re.compile(r"(app|workflows)\.(?!policy\b)|workflows$")
        assert [module for module, _ in imports(path) if foreign.match(module)] == [], name(path)


def test_no_service_imports_another() -> None:
    """Services meet only at the door. Method: every import of `app.services.X` inside another folder than X."""
    for path in python_files("app/services"):
        room = path.relative_to(ROOT / "app/services").parts[0]
        if room == "__init__.py":
            continue
        met = {module.split(".")[2] for module, _ in imports(path) if module.startswith("app.services.")}
        assert met <= {room}, name(path)


@pytest.mark.parametrize("path", sorted(python_files(*PURE)), ids=name)
def test_clock_and_randomness_come_in_by_the_shell_only(path: Path) -> None:
    """A call's outcome follows from world, call and seed. Method: no name that reads the machine, in any pure room."""
    if name(path) in SHELLS:
        return
    used = [(dotted, line) for dotted, line in attributes(path) if OUTSIDE.fullmatch(dotted)]
    used += [(module, line) for module, line in imports(path) if module in OUTSIDE_MODULES]
    if name(path).startswith("app/crypto/"):
        used += [(dotted, line) for dotted, line in attributes(path) if RANDOM_KEYS.fullmatch(dotted)]
    assert used == []


@pytest.mark.parametrize("path", sorted(python_files("app", "workflows")), ids=name)
def test_nothing_registers_itself_on_import(path: Path) -> None:
    """Importing a module has no effect on another. Method: at module level no bare call, and no global is written."""
    bare = [
        ast.unparse(node) for node in tree(path).body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert bare == []
    assert [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.Global)] == []


# Imported by nobody in app or workflows, each with its reason.
UNIMPORTED = {
    "app.cli": "the console script",
    "app.coverage": "run by name: make docs",
    "workflows.scenario_index": "run by name: make docs",
    "workflows.format_page": "run by name: make docs",
    "app.persistence.statements": "run by name: make docs",
    "app.workflow_pages": "run by name: make docs",
    "app.error_pages": "run by name: make docs",
    "app.blocks.collect": "tested, but no command collects yet",
    "workflows.normal": "the form in which tests compare runs",
}


def test_no_module_is_dead() -> None:
    """What nobody imports is not part of reseal. Method: every import, inside functions too."""
    modules = {_module(path): path for path in python_files("app", "workflows") if path in tracked()}
    used = {module for path in modules.values() for module, _ in imports(path)}
    packages = {module for module, path in modules.items() if path.name == "__init__.py"}
    assert sorted(modules.keys() - used - packages - UNIMPORTED.keys()) == []


def _module(path: Path) -> str:
    return name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
