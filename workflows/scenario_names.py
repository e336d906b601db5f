"""Names in expectations: a claim about something that is not there would hold, or fail, for the wrong reason.

Checked are the ends of edges and paths (steps, principals, ids as AWS writes them), callers, accounts, and the words of
the closed table of causes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from app.policy.causes import Cause, Word
from workflows.expressions import PATTERN
from workflows.verify import suggest
from workflows.yaml_marks import Mistake, Node

_ID: Final = re.compile(r"arn:\S+|\d{12}|(snap|vol|ami)-[0-9a-f]+|[\w.-]+\.amazonaws\.com|everyone")
_BLOCKED_BY: Final = ("account", "policy", "why")
_ALLOWED_BY: Final = ("account", "policy", "statement")


@dataclass(frozen=True, slots=True)
class Known:
    """What may be named at some point of a scenario."""

    steps: Collection[str]
    principals: Collection[str]
    accounts: Collection[str]


def mistakes(expect: Node | None, known: Known) -> Iterator[Mistake]:
    """What an `expect:` names and is not there."""
    if expect is None:
        return
    yield from _cause(expect.get("cause"))
    yield from _graph(expect.get("graph"), known)
    yield from _decision(expect.get("decision"), known)
    for key in ("events", "no-events"):
        for event in expect.get(key) or ():
            yield from _account(event.get("account"), known)


def _graph(graph: Node | None, known: Known) -> Iterator[Mistake]:
    for key, node in graph.items() if graph else ():
        for each in [node] if key in ("path", "no-path") else list(node):
            for end in ("from", "to"):
                yield from _end(each.get(end), known)


def _end(node: Node | None, known: Known) -> Iterator[Mistake]:
    name = str(node.value) if node else ""
    if node is None or PATTERN.search(name) or _ID.fullmatch(name):
        return
    if "/" in name:
        yield from _one_of(node, known.principals, "there is no principal")
    elif name.partition(".")[0] not in known.steps:
        head = name.partition(".")[0]
        yield node.mistake(f"no step up to here is called {head!r}" + suggest(head, known.steps))


def _decision(decision: Node | None, known: Known) -> Iterator[Mistake]:
    if decision is None:
        return
    yield from _one_of(decision.get("caller"), known.principals, "there is no principal")
    yield from _one_of(decision.get("why"), [word.value for word in Word], "no cause has the word")
    yield from _cause(decision.get("cause"))
    blocked = decision.get("blocked-by")
    if blocked is not None:
        yield from _place(blocked, _BLOCKED_BY, known)
        yield from _one_of(blocked.get("why"), [word.value for word in Word], "no cause has the word")
    for allowed in decision.get("allowed-by") or ():
        yield from _place(allowed, _ALLOWED_BY, known)


def _cause(node: Node | None) -> Iterator[Mistake]:
    yield from _one_of(node, [*Cause.__members__, *(each.code for each in Cause)], "there is no cause")


def _place(node: Node, keys: tuple[str, ...], known: Known) -> Iterator[Mistake]:
    for key in node.keys:
        if key not in keys:
            yield node.mistake(f"unknown key {key!r}" + (suggest(key, keys) or f"; known are {', '.join(keys)}"), key)
    yield from _account(node.get("account"), known)


def _account(node: Node | None, known: Known) -> Iterator[Mistake]:
    if node is not None and not re.fullmatch(r"\d{12}", str(node.value)):
        yield from _one_of(node, known.accounts, "there is no account")


def _one_of(node: Node | None, names: Collection[str], what: str) -> Iterator[Mistake]:
    if node is not None and node.value not in names and not PATTERN.search(str(node.value)):
        yield node.mistake(f"{what} {node.value!r}" + suggest(str(node.value), names))
