"""Why a step was refused, in a few lines, from what the run kept of it.

The whole picture (statements, places in files, what would have held) is `app.policy.explain`'s to draw; here is the
line that a run prints below a failed step: who refused what to whom, and the cause's sentence in the closed table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.policy.causes import Cause
from workflows.transition import Report, Transition

Names = Mapping[str, str]  # id of a thing -> the step that made it


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
    error = transition.error or {}
    return f"{error.get('code')}: {error.get('message')}"


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


def explained(transitions: list[Transition], *, json: bool) -> str:
    """The failed steps of a run: through `app.policy.explain` where it can be had, else the lines above."""
    import msgspec

    names = {each.thing: each.step for each in transitions if each.thing}
    failed = [each for each in transitions if each.outcome != "OK"]
    if json:
        told = [
            {"reseal": 1, "step": each.step, "outcome": each.outcome, "because": because(each, names)}
            for each in failed
        ]
        return "".join(msgspec.json.encode(each).decode() + "\n" for each in told)
    if not failed:
        return "nothing was refused in this run\n"
    lines = (
        f"{each.step}: {each.call} came to {each.outcome}\n  " + "\n  ".join(because(each, names)) for each in failed
    )
    return "\n".join(lines) + "\n"
