"""A second judge: it recounts a decision from the JSON of its trace alone, without policies, slowly and by the book.

It shares no code with the engine, and is written from section 4 of the reference as a list of ways to be allowed.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
# Section 4.6: what works on a key of another account, in words that begin so
ACROSS = (
    *("kms:encrypt", "kms:decrypt", "kms:reencrypt", "kms:generatedatakey", "kms:generatemac", "kms:verify"),
    *("kms:sign", "kms:derivesharedsecret", "kms:encapsulate", "kms:decapsulate", "kms:getpublickey"),
    *("kms:describekey", "kms:getkeyrotationstatus", "kms:creategrant", "kms:listgrants", "kms:retiregrant"),
    "kms:revokegrant",
)
CLOSE = ("none", "account", "through", "direct")


def applies(statement: Json) -> bool:
    outcomes = {element["outcome"] for element in statement["elements"]}
    return outcomes <= ({"matched"} if statement["effect"] == "Allow" else {"matched", "not evaluable"})


def closeness(statement: Json) -> int:
    return max(
        (CLOSE.index(one["match"]) for one in statement["elements"] if one["element"].endswith("Principal")), default=3
    )


def binding(trace: Json, kind: str) -> list[Json]:
    return [layer for layer in trace["layers"] if layer["kind"] == kind and not layer["isExempt"]]


def allows(layer: Json) -> bool:
    return any(one["effect"] == "Allow" and applies(one) for one in layer["statements"])


def every(trace: Json, *kinds: str) -> bool:
    return all(allows(layer) for kind in kinds for layer in binding(trace, kind))


def judge(trace: Json) -> str:
    layers = [layer for layer in trace["layers"] if not layer["isExempt"]]
    if any(one["effect"] == "Deny" and applies(one) for layer in layers for one in layer["statements"]):
        return "ExplicitlyDenied"
    return "Allowed" if _some_way(trace) else "ImplicitlyDenied"


def _some_way(trace: Json) -> bool:
    grants = [grant for layer in trace["layers"] for grant in layer["grants"]]
    if trace["rule"] == "retire":
        return bool(grants)
    if not every(trace, "scp", "endpoint"):
        return False
    account = trace["principal"]["account"]
    same = bool(account) and account == trace["resourceAccount"]
    limits = every(trace, "boundary", "session")
    own = limits and every(trace, "identity")
    if trace["rule"] == "none":
        return same and own
    if trace["rule"] == "kms-key" and account and not same and not trace["action"].lower().startswith(ACROSS):
        return False
    statements = [one for layer in trace["layers"] if layer["kind"] == "resource" for one in layer["statements"]]
    owner = max((closeness(one) for one in statements if one["effect"] == "Allow" and applies(one)), default=0)
    granted = max((CLOSE.index(grant["match"]) for grant in grants if grant["allows"]), default=0)
    ways = [granted == 3, granted == 2 and limits, granted == 1 and own]
    if not account:
        ways += [owner == 3]
    elif same:
        ways += [owner == 3, owner == 2 and limits, owner >= 1 and own, trace["rule"] == "plain" and own]
    else:
        ways += [owner >= 1 and own]
    return any(ways)
