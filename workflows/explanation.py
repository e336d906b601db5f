"""Why a step was refused, from what the run kept of it.

In one line for the step itself: who refused what, and the cause's sentence in the closed table. In full (statements,
places in files, what would have held) it is `app.policy.explain`'s to tell, from the same evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from app.policy.causes import Cause
from workflows.machine import OK
from workflows.transition import Report, Transition

if TYPE_CHECKING:
    from app.policy.explain import Explanation

Names = Mapping[str, str]  # id of a thing -> the step that made it


class Files(Protocol):
    """Text of a policy as sent -> the file it came from."""

    def get(self, text: str, /) -> str | None: ...


def things(report: Report) -> dict[str, str]:
    return {each.thing: each.step for each in report.transitions if each.thing}


def refusals(transition: Transition) -> Iterator[Mapping[str, Any]]:
    """The calls that failed in a step: the innermost first, since an outer one fails by an inner."""
    seen: set[str] = set()
    for call in transition.calls:
        cause = call.get("cause", "")
        if call.get("code") and cause and cause not in seen:
            seen.add(cause)
            yield call


def because(transition: Transition, names: Names) -> list[str]:
    """Lines such as `kms:CreateGrant on source-key by target/importer: no identity policy ... (D101)`."""
    lines = [_line(call, transition, names) for call in refusals(transition)]
    return lines or ([_plain(transition)] if transition.error else [])


def _line(call: Mapping[str, Any], transition: Transition, names: Names) -> str:
    decision = _decisive(transition, call)
    action = decision["action"] if decision else call["operation"]
    resource = decision["resource"] if decision else next(iter(call.get("resources", ())), "")
    on = f" on {named(resource, names)}" if resource and resource != "*" else ""
    return f"{action}{on}: {sentence(call.get('cause', ''))}"


def _decisive(transition: Transition, call: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The decision by which a call failed."""
    return next(
        (
            each
            for each in transition.decisions
            if not each["allowed"]
            and each.get("cause", "") == call.get("cause", "")
            and each["action"].partition(":")[0] == call["operation"].partition(":")[0]
        ),
        None,
    )


def _plain(transition: Transition) -> str:
    """A refusal that left no entry in the log: of a call that never came in, the door tells the cause."""
    error = transition.error or {}
    return sentence(error["cause"]) if error.get("cause") else f"{error.get('code')}: {error.get('message')}"


def sentence(cause: str) -> str:
    """A cause's sentence and code."""
    if cause not in Cause.__members__:
        return cause or "no reason is known"
    row = Cause[cause]
    return f"{row.sentence} ({row.code})"


def named(resource: str, names: Names) -> str:
    """What the scenario calls a resource, else a short form of its ARN."""
    for id, step in names.items():
        if resource == id or resource.endswith(f"/{id}"):
            return step
    return resource.rpartition(":")[2] if resource.startswith("arn:") else resource


def explanations(transitions: Iterable[Transition], files: Files) -> Iterator[tuple[str, Explanation]]:
    """(step, why) of every step that was refused, in full. `files`: text of a policy as sent -> the file it came from.

    Nothing for a step without evidence, or one that failed by nothing that reseal refuses.
    """
    from app.policy.explain import explain

    known = list(transitions)
    accounts = {each.account: each.principal.partition("/")[0] for each in known if each.account}
    for each in known:
        if each.outcome == OK or not each.calls:
            continue
        found = explain([*each.decisions, *each.calls], each.request_id, files.get, accounts=accounts)
        if found is not None:
            yield each.step, found


def as_text(transitions: Iterable[Transition], files: Names) -> str:
    """Every refused step, explained, for a terminal."""
    from app.policy.explain import text

    blocks = [text(found) for _, found in explanations(transitions, files)]
    return "\n\n".join(blocks) + "\n" if blocks else "nothing was refused in this run\n"


def as_json(transitions: Iterable[Transition], files: Names) -> list[dict[str, object]]:
    """The same as plain values, each with its step."""
    from app.policy.explain import to_json

    return [{"step": step} | to_json(found) for step, found in explanations(transitions, files)]
