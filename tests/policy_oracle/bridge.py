"""The same question for the engine: documents parsed, layers placed. The only file here that knows `app.policy`."""

from __future__ import annotations

import json

from app.policy import question as engine
from app.policy.document import DocumentKind, parse
from app.policy.question import LayerKind

from . import plain
from .naive import grantee_worth
from .naive_statement import ACCOUNT, WORTHS

KINDS = {
    LayerKind.IDENTITY: DocumentKind.IDENTITY,
    LayerKind.BOUNDARY: DocumentKind.BOUNDARY,
    LayerKind.SESSION: DocumentKind.SESSION,
    LayerKind.SCP: DocumentKind.SCP,
    LayerKind.RCP: DocumentKind.RCP,
    LayerKind.ENDPOINT: DocumentKind.ENDPOINT,
    LayerKind.RESOURCE: DocumentKind.RESOURCE,
}


def to_engine(asked: plain.Question) -> engine.Question:
    caller = asked["caller"]
    return engine.Question(
        principal=engine.Principal(**(caller | {"kind": engine.PrincipalKind(caller["kind"])})),  # type: ignore[arg-type]
        action=asked["action"],
        resource=asked["resource"],
        resource_account=asked["resource_account"],
        context={key: value if isinstance(value, str) else tuple(value) for key, value in asked["context"].items()},
        layers=_layers(_as_kms_hands_it_over(asked)),
        encryption_context=asked["encryption_context"],
    )


def _as_kms_hands_it_over(asked: plain.Question) -> plain.Question:
    """RetireGrant: KMS itself picks the party to the grant that the caller is, and hands over that one alone.

    Whoever is a party by his account only needs an Allow of his own: that is the rule of keys, without a key policy.
    """
    if asked["rule"] != "retire":
        return asked
    worth_of = {
        grantee_worth(grant, asked): grant
        for grant in reversed(asked["grants"])
        if "RetireGrant" in grant["operations"]
    }
    best = next((worth for worth in WORTHS if worth in worth_of), None)
    rule = "kms-key" if best == ACCOUNT and asked["caller"]["kind"] != "root" else "retire"
    parties = [worth_of[best] | {"constraint": "", "pairs": {}}] if best else []
    return asked | {"grants": parties, "rule": rule, "resource_policy": None}  # type: ignore[return-value]


def _layers(asked: plain.Question) -> engine.Layers:
    is_trust = asked["rule"] == "trust"
    resource_kind = DocumentKind.TRUST if is_trust else DocumentKind.RESOURCE
    return engine.Layers(
        identity=tuple(_policy(LayerKind.IDENTITY, one) for one in asked["identity"]),
        boundary=_perhaps(LayerKind.BOUNDARY, asked["boundary"]),
        session=None
        if asked["session"] is None
        else tuple(_policy(LayerKind.SESSION, one) for one in asked["session"]),
        scps=_levels(LayerKind.SCP, asked["scps"]),
        rcps=_levels(LayerKind.RCP, asked["rcps"]),
        endpoint=_perhaps(LayerKind.ENDPOINT, asked["endpoint"]),
        resource=_perhaps(LayerKind.RESOURCE, asked["resource_policy"], resource_kind, asked["saved_ids"]),
        grants=tuple(_grant(f"grant-{n}", one) for n, one in enumerate(asked["grants"])),
        rule=engine.Rule(asked["rule"]),
    )


def _policy(
    layer: LayerKind, written: plain.Document, kind: DocumentKind | None = None, ids: dict[str, str] | None = None
) -> engine.Policy:
    document = parse(json.dumps(written), kind or KINDS[layer])
    place = engine.Place(layer, "111111111111", "p", "x")
    return engine.Policy(place, document.with_principal_ids(ids) if ids else document)


def _perhaps(
    layer: LayerKind,
    written: plain.Document | None,
    kind: DocumentKind | None = None,
    ids: dict[str, str] | None = None,
) -> engine.Policy | None:
    return None if written is None else _policy(layer, written, kind, ids)


def _levels(layer: LayerKind, levels: list[list[plain.Document]]) -> tuple[engine.Level, ...]:
    return tuple(
        engine.Level(f"level-{n}", tuple(_policy(layer, one) for one in level)) for n, level in enumerate(levels)
    )


def _grant(grant_id: str, written: plain.Grant) -> engine.Grant:
    return engine.Grant(
        grant_id,
        written["grantee"],
        tuple(written["operations"]),
        written["constraint"],
        tuple(written["pairs"].items()),
        written["grantee_id"],
    )
