"""The checks of one evaluation, in AWS's order: RCPs and SCPs from the root down, endpoint, RESOURCE, PRINCIPAL,
PERMISSIONS_BOUNDARY, SESSION.

RESOURCE stands by itself only where the owner must allow separately: across accounts, for keys and for roles. Else the
resource's policy is one more way for the PRINCIPAL check to be satisfied. A silent check that nothing needed, since
another path had allowed, is NO_IMPACT. INVARIANT: this reads the trace and decides nothing (policy-evaluation.md 5.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from app.services.toolbox.policies import TYPES, Evaluated, holder, is_visible, uri_of
from app.services.toolbox.refusals import Body

_CHECKS: Final = {
    "rcp": "RESOURCE_CONTROL_POLICY",
    "scp": "SERVICE_CONTROL_POLICY",
    "endpoint": "VPC_ENDPOINT",
    "resource": "RESOURCE",
    "grant": "RESOURCE",
    "identity": "PRINCIPAL",
    "boundary": "PERMISSIONS_BOUNDARY",
    "session": "SESSION",
}
_ORDER: Final = tuple(dict.fromkeys(_CHECKS.values()))
_OWNERS: Final = ("kms-key", "trust", "retire")  # rules by which the owner must allow in one account too
_SPARED: Final = {"through": ("PRINCIPAL",), "direct": ("PRINCIPAL", "PERMISSIONS_BOUNDARY", "SESSION")}
_EFFECTS: Final = {
    "Allowed": "ALLOW",
    "ExplicitlyDenied": "EXPLICIT_DENY",
    "ImplicitlyDenied": "IMPLICIT_DENY",
}

Layer = Mapping[str, Any]
Policies = Mapping[str, Evaluated]


def evaluation(body: Body, policies: Policies, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluation: what was asked, what came of it, why."""
    shape: dict[str, Any] = {
        "action": body["action"],
        "resource": body["resource"],
        "context": {key: value for key, value in body["context"].items() if key not in shared},
        "evaluatedEffect": _EFFECTS[body["decision"]],
    }
    found = list(checks(body, policies))
    if not found:
        return shape
    matched = {one["uri"]: one for check in found for one in check.get("matchedPolicies", ())}
    return shape | {"matchedPolicies": list(matched.values()), "checks": found}


def checks(body: Body, policies: Policies) -> Iterator[dict[str, Any]]:
    spared = _SPARED.get(_worth(body), ())
    for (type, target), layers in _grouped(body).items():
        check: dict[str, Any] = {"checkType": type, "evaluatedEffect": _effect(type, layers, spared)}
        matched = list(_matched(body, layers, policies))
        kinds = [layer["kind"] for layer in layers if layer["kind"] != "grant" or layer["grants"]]
        yield (
            check
            | ({"targetArn": target} if target else {})
            | {
                "relevantPolicyTypes": list(dict.fromkeys(TYPES[kind] for kind in kinds)),
                "matchedPolicies": matched,
            }
        )


def _grouped(body: Body) -> dict[tuple[str, str], list[Layer]]:
    """The layers that bind, by check and by node of the organization."""
    groups: dict[tuple[str, str], list[Layer]] = {}
    for layer in body["layers"]:
        type = _CHECKS[layer["kind"]]
        if type == "RESOURCE" and not _is_owners_own(body):
            type = "PRINCIPAL"
        if not layer["isExempt"]:
            groups.setdefault((type, _target(body, layer)), []).append(layer)
    if _is_owners_own(body):
        groups.setdefault(("RESOURCE", ""), [])
    return dict(sorted(groups.items(), key=lambda one: _ORDER.index(one[0][0])))


def _is_owners_own(body: Body) -> bool:
    return body["rule"] in _OWNERS or body["resourceAccount"] != body["principal"]["account"]


def _target(body: Body, layer: Layer) -> str:
    if layer["kind"] not in ("rcp", "scp"):
        return ""
    places = (kept["place"] for kept in body["documents"])
    management = next((one["account"] for one in places if one["layer"] == layer["kind"]), "")
    return holder(body, layer["kind"], layer["targetArn"], management)


def _applying(layers: Iterable[Layer], effect: str) -> list[Mapping[str, Any]]:
    return [one for layer in layers for one in layer["statements"] if one["applies"] and one["effect"] == effect]


def _allowing_grants(layers: Iterable[Layer]) -> list[Mapping[str, Any]]:
    return [grant for layer in layers for grant in layer["grants"] if grant["allows"]]


def _effect(type: str, layers: list[Layer], spared: Iterable[str]) -> str:
    if _applying(layers, "Deny"):
        return "EXPLICIT_DENY"
    if _applying(layers, "Allow") or _allowing_grants(layers):
        return "ALLOW"
    return "NO_IMPACT" if type in ("RESOURCE_CONTROL_POLICY", *spared) else "IMPLICIT_DENY"


def _worth(body: Body) -> str:
    """How closely the owner's side allows the caller: within an account that spares him his own policies' Allow."""
    is_across = body["resourceAccount"] != body["principal"]["account"]
    layers = [layer for layer in body["layers"] if layer["kind"] in ("resource", "grant")]
    elements = (element for one in _applying(layers, "Allow") for element in one["elements"])
    by_policy = [one["match"] for one in elements if one["element"] in ("Principal", "NotPrincipal")]
    matches = [grant["match"] for grant in _allowing_grants(layers)] + ([] if is_across else by_policy)
    return next((match for match in ("direct", "through") if match in matches), "")


def _matched(body: Body, layers: Iterable[Layer], policies: Policies) -> Iterator[dict[str, Any]]:
    """MatchedPolicy: the statements that apply, by policy; only of policies that are shown."""
    found: dict[str, list[dict[str, str]]] = {}
    for layer in layers:
        for one in layer["statements"]:
            place = one["place"]
            if one["applies"] and is_visible(body, place["account"], place["layer"]):
                sid = place["sid"] or f"Statement{place['statement'] + 1}"
                found.setdefault(uri_of(place), []).append({"sid": sid, "evaluatedEffect": one["effect"].upper()})
        for grant in _allowing_grants([layer]):
            if grant["place"] is not None:
                found.setdefault(uri_of(grant["place"]), []).append(
                    {"sid": grant["grantId"], "evaluatedEffect": "ALLOW"}
                )
    yield from ({"uri": uri, "matchedStatements": rows} for uri, rows in found.items() if uri in policies)
