"""What the log tells of one refusal: the call that failed, the call below it that was refused, and the decision.

Entries come as they are kept or as plain JSON (a run's evidence, REST), with the decision's body as text or opened.
Calls stand in the log in the order in which they ended, so a nested call stands before the one that made it, and what
failed later stands after the answer that was given at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.policy.causes import Cause

OURS: Final = "reseal:"  # operations of the machinery: jobs and ticks
NO_REFUSALS: Final = frozenset({"DryRunOperation", "DryRunOperationException"})  # errors that say "it would work"


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A call that ended. `seen`: where AWS's text is known from, with its mark; "" where the log does not say."""

    request_id: str
    root: str
    operation: str
    account: str = ""
    region: str = ""
    caller: str = ""
    code: str = ""
    message: str = ""
    cause: str = ""
    parent: str = ""
    resources: tuple[str, ...] = ()
    via: str = ""
    seen: str = ""

    @property
    def is_failure(self) -> bool:
        return bool(self.code) and self.code not in NO_REFUSALS

    @property
    def is_outermost(self) -> bool:
        return not self.parent and not self.operation.startswith(OURS)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.resources, self.request_id)


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    request_id: str
    root: str
    action: str
    resource: str
    allowed: bool
    cause: str = ""
    resources: tuple[str, ...] = ()
    body: str | dict[str, Any] = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.resources, self.request_id, self.id)

    @property
    def trace(self) -> dict[str, Any]:
        return self.body if isinstance(self.body, dict) else json.loads(self.body or "{}")


@dataclass(frozen=True, slots=True)
class Story:
    """One refusal. `answered`: the failed call got its answer first, and failed later; `refused` is the call whose
    refusal made it fail, itself where nothing was called below."""

    failed: Called
    refused: Called
    decided: Decided | None
    answered: Called | None

    @property
    def source_id(self) -> str:
        """The snapshot or other thing that the failed call began from: the first that it named."""
        return next(iter((self.answered or self.failed).resources), "")


def read(entries: Iterable[object]) -> list[Called | Decided]:
    """Calls and decisions among the entries of a log, in their order; what else there is is not needed."""
    found: list[Called | Decided] = []
    for entry in entries:
        plain: dict[str, Any] = msgspec.to_builtins(entry)
        shape = _SHAPES.get(_kind(plain))
        if shape is not None:
            found.append(msgspec.convert(plain, shape))
    return found


_SHAPES: Final[dict[str, type[Called] | type[Decided]]] = {"call": Called, "decision": Decided}


def _kind(entry: dict[str, Any]) -> str:
    """By its tag; a run's evidence keeps its kinds apart, and may have dropped it."""
    return entry.get("type") or ("decision" if "action" in entry else "call" if "operation" in entry else "")


def story(entries: Iterable[object], about: str) -> Story | None:
    """The last refusal about a request, resource or decision; about anything where `about` is "". None: no refusal."""
    kept = read(entries)
    roots = {entry.root for entry in kept if not about or about in entry.names or about == entry.root}
    failures = [
        entry
        for entry in kept
        if isinstance(entry, Called) and entry.is_failure and entry.root in roots and not entry.parent
    ]
    outermost = [entry for entry in failures if entry.is_outermost] or failures
    named = [entry for entry in outermost if about in entry.names]
    if not outermost:
        return None
    failed = (named or outermost)[-1]
    return _told(failed, kept[: kept.index(failed) + 1])


def _told(failed: Called, before: list[Called | Decided]) -> Story:
    """`before`: the entries up to the failed call's own."""
    calls = [one for one in before if isinstance(one, Called) and one.root == failed.root]
    below = [one for one in calls if one.parent and one.code and one.cause == failed.cause]
    refused = below[-1] if below else failed
    answered = next((one for one in calls if _is_answer(one, failed)), None)
    return Story(failed, refused, _deciding(refused, before), answered)


def _is_answer(call: Called, failed: Called) -> bool:
    same = (call.request_id, call.operation) == (failed.request_id, failed.operation)
    return same and call.is_outermost and not call.code


def _deciding(refused: Called, before: list[Called | Decided]) -> Decided | None:
    refusals = [
        one for one in before if isinstance(one, Decided) and not one.allowed and one.request_id == refused.request_id
    ]
    same = next((one for one in reversed(refusals) if one.cause == refused.cause), None)
    cause = Cause.__members__.get(refused.cause)
    is_of_policies = cause is not None and cause.layer is not None  # named more finely than the engine could
    return same or (refusals[-1] if refusals and is_of_policies else None)
