"""What reseal simulates, as pages made from the declarations: `python -m app.coverage` writes them, `--check` compares.

An operation declares what it honours, what has no effect and why, its checks in order, its errors at once and later.
What it does not declare is refused in words, so the declaration can not claim more than the code does. docs/coverage.md
is made of nothing else; of docs/fidelity.md the last section is, the rest is written by hand.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from app import doors, kernel, services
from app.kernel import shapes
from app.kernel.authority import AUTHORIZE
from app.kernel.errors import AwsError
from app.kernel.operation import Check, Operation, Services
from app.policy.inferred import Inferred

DOCS: Final = Path(__file__).parent.parent / "docs"
MARK: Final = "<!-- generated from here on: make docs -->\n"

HEAD: Final = """\
# Coverage

<!-- generated from the declarations of the operations: make docs -->

Per operation: the parameters that count, those taken **without effect** and why, and those **refused** with a text that
begins "reseal does not simulate"; the checks in AWS's order; the errors, with where their text comes from: a section
and mark of the reference ([V] verbatim, [O] observed, [D] documented, [I] inferred), or `known` from public
transcripts. Errors that any operation may answer (signatures, a request that does not fit the model, throttling) are
not repeated. An operation that is not listed is refused with AWS's code for an unknown one.
"""


# --- coverage.md ------------------------------------------------------------------------------------------------------


def coverage(cloud: Services) -> str:
    """The page of all operations, by service and name."""
    parts = [HEAD, _summary(cloud)]
    for prefix, operations in _by_prefix(cloud).items():
        parts.append(f"## {prefix}\n")
        parts.extend(_section(operation) for operation in operations)
    return "\n".join(parts)


def _by_prefix(cloud: Services) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for operation in sorted(cloud.operations.values(), key=lambda each: each.id):
        found.setdefault(operation.service, []).append(operation)
    return found


def _summary(cloud: Services) -> str:
    rows = (_summary_row(prefix, operations) for prefix, operations in _by_prefix(cloud).items())
    columns = ("service", "operations", "of AWS's", "parameters honoured", "without effect", "refused")
    return _table(columns, rows)


def _summary_row(prefix: str, operations: Sequence[Operation]) -> tuple[str, ...]:
    numbers = (
        len(operations),
        len(_of_aws(prefix)),
        sum(len(each.honours) for each in operations),
        sum(len(each.inert) for each in operations),
        sum(len(refused(each)) for each in operations),
    )
    return (f"[{prefix}](#{prefix})", *map(str, numbers))


def _of_aws(prefix: str) -> Sequence[str]:
    names: Any = shapes.service_model(prefix).operation_names
    return names


def _section(operation: Operation) -> str:
    lines = (f"### {operation.id}", "", *_about(operation), *_facts(operation), "", *_errors(operation))
    return "\n".join(lines).rstrip("\n") + "\n"


def _about(operation: Operation) -> Iterator[str]:
    documented = (operation.handler.__doc__ or "").strip().split("\n\n")[0]
    if documented:
        yield " ".join(documented.split())
        yield ""


def _facts(operation: Operation) -> Iterator[str]:
    yield f"- across accounts: {operation.across_accounts}"
    if operation.honours:
        yield f"- honoured: {_names(operation.honours)}"
    for name, why in sorted(operation.inert.items()):
        yield f"- without effect: `{name}`: {why}"
    if missing := refused(operation):
        yield f"- refused: {_names(missing)}"
    if operation.checks:
        yield f"- checks: {', '.join(_check_name(check) for check in operation.checks)}"


def _errors(operation: Operation) -> Iterator[str]:
    rows = [("at once", error) for error in operation.answers] + [("later", error) for error in operation.settles]
    if rows:
        yield _table(("when", "error", "status", "text", "source"), (_error_row(*row) for row in rows)).rstrip("\n")


def _error_row(when: str, error: AwsError) -> tuple[str, ...]:
    return (when, f"`{error.code}`", str(error.status), error.message, error.seen)


def refused(operation: Operation) -> frozenset[str]:
    """Members of AWS's input shape that the operation does not declare: sent with a value, they are refused."""
    shape: Any = shapes.operation_model(operation.service, operation.name).input_shape
    return frozenset(shape.members if shape else ()) - operation.declared


def _check_name(check: Check) -> str:
    """What a check asks, by its name; made by a function or class, by the name of its maker."""
    if isinstance(check, AUTHORIZE):
        actions = dict.fromkeys(action for action, _, _ in check.questions)
        return f"authorize {' and '.join(f'`{action}`' for action in actions)}"
    name = getattr(check, "__qualname__", type(check).__name__)
    return name.partition(".")[0].strip("_").lower().replace("_", " ")


# --- fidelity.md ------------------------------------------------------------------------------------------------------


def inferences(cloud: Services) -> str:
    """The section of all that is inferred: of the policy language, of each room that keeps a list, and error texts."""
    parts = ["## What is inferred\n", "### The policy language (`app/policy/inferred.py`)\n"]
    parts.append(_list(f"{rule.text} (`{rule.where}`)" for rule in Inferred))
    for module, texts in sorted(_inferred_lists()):
        parts += [f"### `{module}`\n", _list(texts)]
    parts += ["### Errors whose text, or more, is inferred\n", _inferred_errors(cloud)]
    return "\n".join(parts)


def _inferred_lists() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every module's `INFERRED`, where it is a list of sentences."""
    for package in (kernel, services, doors):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            texts = getattr(importlib.import_module(found.name), "INFERRED", None)
            if isinstance(texts, tuple):
                yield found.name.replace(".", "/") + ".py", tuple(map(str, texts))


def _inferred_errors(cloud: Services) -> str:
    rows: dict[tuple[str, ...], None] = {}
    for operation in sorted(cloud.operations.values(), key=lambda each: each.id):
        for error in (*operation.answers, *operation.settles):
            if is_inferred(error):
                rows[(operation.service, f"`{error.code}`", error.message, error.seen)] = None
    return _table(("service", "error", "text", "source"), rows)


def is_inferred(error: AwsError) -> bool:
    return "[I]" in error.seen or "inferred" in error.seen


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _list(texts: Iterable[str]) -> str:
    return "".join(f"- {text}\n" for text in texts)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


# --- the pages --------------------------------------------------------------------------------------------------------


def pages(cloud: Services) -> dict[Path, str]:
    """Every generated page, whole, by its place."""
    fidelity = DOCS / "fidelity.md"
    by_hand = fidelity.read_text().partition(MARK)[0]
    return {DOCS / "coverage.md": coverage(cloud), fidelity: f"{by_hand}{MARK}\n{inferences(cloud)}"}


def stale(cloud: Services) -> list[Path]:
    """The pages that differ from what the declarations say."""
    return [path for path, text in pages(cloud).items() if not path.exists() or path.read_text() != text]


def main(arguments: Sequence[str]) -> int:
    """Write the pages; with `--check` only compare them: 1 and their names on stderr where one differs."""
    cloud = services.all_services()
    if "--check" not in arguments:
        for path, text in pages(cloud).items():
            path.write_text(text)
        return 0
    found = stale(cloud)
    for path in found:
        print(f"docs/{path.name} is not what the declarations say: make docs", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
