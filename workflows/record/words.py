"""What a recorded scenario calls accounts, durations and Regions."""

# pyright: basic

from __future__ import annotations

from typing import Any, Final

from workflows.port import Json
from workflows.record.recording import Done, Told
from workflows.record.sheet import Sheet, Step

SHARES: Final = ("ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute")
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


def duration(ms: int) -> str:
    """As scenarios say it: 8d, 90m, 500ms."""
    size, unit = next((size, unit) for size, unit in _UNITS if ms % size == 0)
    return f"{ms // size}{unit}"


# --- accounts ---


def aliases_of(told: Told) -> dict[str, str]:
    """Account id -> alias: who shares is the source, with whom the target; who manages an organization says so."""
    calls = list(told.calls)
    every = [*(one.account for one in told.things), *(call.account for call in calls)]
    every += [one.account for one in told.actors]
    ids = [one for one in dict.fromkeys(every) if one]
    sharing = next((call.account for call in calls if call.operation in SHARES), None)
    managers = [one.account for one in told.things if one.kind == "organization"]
    managers += [
        call.account for call in calls if call.operation == "organizations:CreateOrganization" and not call.code
    ]
    aliases: dict[str, str] = {}
    for id in managers:
        aliases.setdefault(id, _free("management", aliases))
    if len(ids) == 1 and not managers:
        return {ids[0]: "account"}
    for id in ids:
        word = "source" if id == sharing else "target" if sharing else "member" if managers else "account"
        aliases.setdefault(id, _free(word, aliases))
    return aliases


def _free(word: str, taken: dict[str, str]) -> str:
    used = sum(1 for alias in taken.values() if alias.rstrip("0123456789") == word)
    return word if not used else f"{word}{used + 1}"


def accounts_named(value: Any, sheet: Sheet) -> Any:
    """References where a parameter is an account's id."""
    if isinstance(value, dict):
        return {key: accounts_named(inner, sheet) for key, inner in value.items()}
    if isinstance(value, list):
        return [accounts_named(inner, sheet) for inner in value]
    return sheet.account(value) if isinstance(value, str) and value in sheet.aliases else value


# --- words and text ---


def description(told: Told) -> str:
    count = sum(1 for _ in told.calls)
    return f"Recorded from {count} call{'s' * (count != 1)} done by hand. What was secret is made up."


def usual_region(calls: list[Done]) -> str:
    regions = [call.region for call in calls if not call.operation.startswith(("iam:", "sts:", "organizations:"))]
    return max(sorted(set(regions)), key=regions.count, default="us-east-1")


def trimmed(whole: Json) -> Json:
    """Without empty sections, and without the Region where it is the file's."""
    steps = {
        section: [_without_region(step, whole["region"]) for step in whole[section]] for section in ("given", "steps")
    }
    return {key: value for key, value in {**whole, **steps}.items() if value not in ({}, [], "")}


def _without_region(step: Step, usual: str) -> Step:
    is_global = step.get("call", "").startswith(("iam:", "sts:", "organizations:"))
    return {key: value for key, value in step.items() if key != "region" or not (value in (usual, "") or is_global)}
