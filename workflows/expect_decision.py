"""`expect.decision` and `expect.cause`: whether policies decided as a scenario says, and why a step was refused."""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from app.policy.causes import Cause
from workflows.names import Names

if TYPE_CHECKING:
    from workflows.format_expect import DecisionSpec
    from workflows.port import Answer, Evidence

Difference = tuple[tuple[str | int, ...], str]

RESULTS = {
    "allow": ("Allowed",),
    "implicit-deny": ("ImplicitlyDenied",),
    "explicit-deny": ("ExplicitlyDenied",),
    "deny": ("ImplicitlyDenied", "ExplicitlyDenied"),
}


def cause_differences(wanted: str, answer: Answer, evidence: Evidence) -> Iterator[Difference]:
    """The cause of the innermost refusal, as explanations find it; of a call that never came in, what the door says."""
    from app.policy.explain_log import story

    told = story((*evidence.decisions, *evidence.calls), answer.request_id)
    found = told.refused.cause if told else answer.cause
    if wanted not in (found, _code(found)):
        yield ("expect", "cause"), f"is {found or 'none'}, not {wanted}"


def differences(wanted: DecisionSpec, evidence: Evidence, names: Names) -> Iterator[Difference]:
    """One decision must satisfy all that is stated; else the one that comes nearest is shown."""
    asked = [entry for entry in evidence.decisions if entry["action"] == wanted.call]
    if wanted.caller:
        asked = [entry for entry in asked if names.is_caller(wanted.caller, entry["caller"])]
    if not asked:
        by = f" by {wanted.caller}" if wanted.caller else ""
        made = ", ".join(dict.fromkeys(entry["action"] for entry in evidence.decisions)) or "none"
        yield ("expect", "decision"), f"no decision on {wanted.call}{by}; there were {made}"
        return
    yield from min((list(_decided(wanted, entry, names)) for entry in reversed(asked)), key=len)


def _decided(wanted: DecisionSpec, entry: Mapping[str, Any], names: Names) -> Iterator[Difference]:
    body = entry.get("body") or {}
    path = ("expect", "decision")
    effect = body.get("decision") or ("Allowed" if entry["allowed"] else "ImplicitlyDenied")
    if wanted.result and effect not in RESULTS[wanted.result]:
        yield (*path, "result"), f"{entry['action']} on {entry['resource']} was {effect}"
    cause = entry.get("cause", "")
    if wanted.cause and wanted.cause not in (cause, body.get("code")):
        yield (*path, "cause"), f"the cause is {cause or 'none'}, not {wanted.cause}"
    if wanted.why and _word(cause) != wanted.why:
        yield (*path, "why"), f"the reason is {_word(cause) or 'none'}, not {wanted.why}"
    if wanted.blocked_by is not None:
        yield from _blocked_by(wanted.blocked_by, entry, names)
    for index, place in enumerate(wanted.allowed_by):
        if not _allowed_by(place, body, names):
            yield (*path, "allowed-by", index), "this statement allows nothing here"


def _word(cause: str) -> str:
    """What a scenario writes for a cause; "" for none."""
    return str(Cause[cause].word) if cause in Cause.__members__ else ""


def _code(cause: str) -> str:
    return Cause[cause].code if cause in Cause.__members__ else ""


def _blocked_by(wanted: Mapping[str, Any], entry: Mapping[str, Any], names: Names) -> Iterator[Difference]:
    body, path = entry.get("body") or {}, ("expect", "decision", "blocked-by")
    owner = body.get("layer") in ("resource", "grant", "rcp")
    account = body.get("resourceAccount") if owner else body.get("principal", {}).get("account")
    for key, value in wanted.items():
        text = str(value)
        if key == "account":
            if names.accounts.get(text, text) != account:
                yield (*path, key), f"account {account} refused"
        elif key == "why":
            if _word(entry.get("cause", "")) != text:
                yield (*path, key), f"the reason is {_word(entry.get('cause', '')) or 'none'}, not {text}"
        elif key == "policy":
            if names.node(text) != entry["resource"] and text not in _policies(body, str(body.get("layer"))):
                yield (*path, key), f"it was the {body.get('layer')} policy of {entry['resource']}"
        else:
            yield (*path, key), f"blocked-by has account, policy and why, not {key!r}"


def _policies(body: Mapping[str, Any], layer: str) -> set[str]:
    """The names of the policies looked at in a layer, with and without .json."""
    statements = [each for trace in body.get("layers", ()) if trace["kind"] == layer for each in trace["statements"]]
    names = {str(each["place"]["policy"]) for each in statements}
    return names | {f"{name}.json" for name in names}


def _allowed_by(wanted: Mapping[str, Any], body: Mapping[str, Any], names: Names) -> bool:
    """Is there a statement that allows the action, in that account, policy and with that Sid?"""
    for layer in body.get("layers", ()):
        for statement in layer["statements"]:
            place = statement["place"]
            facts = {
                "account": place["account"],
                "policy": place["policy"],
                "statement": place["sid"],
            }
            asked = {key: names.accounts.get(str(value), str(value)) for key, value in wanted.items()}
            if "policy" in asked:
                asked["policy"] = asked["policy"].removesuffix(".json")
            applies = statement["effect"] == "Allow" and statement["applies"]
            if applies and all(facts.get(key) == value for key, value in asked.items()):
                return True
    return False
