"""The owner's side of a case: the policy and the grants of a key, a role's trust policy, a VPC endpoint's policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from app.outside.desk import Desk, Spot
from app.outside.event import text
from app.outside.facts import endpoint_of
from app.outside.facts_kms import encryption_context
from app.outside.reading import items, member, plain
from app.outside.targets import POLICYLESS, Target
from app.outside.ways import GHOST, as_it_is, key_ways, setter, single_ways
from app.policy.document import DocumentKind
from app.policy.question import Grant, LayerKind, Layers, Place, Rule

ACROSS: Final = frozenset({  # what a key policy can give to another account (kms.md 5.1, policy-evaluation.md 4.6 [D])
    "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateMac", "kms:VerifyMac", "kms:Sign", "kms:Verify", "kms:DeriveSharedSecret", "kms:GetPublicKey",
    "kms:CreateGrant", "kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:RetireGrant",
    "kms:RevokeGrant",
})  # fmt: skip


def owner(desk: Desk, target: Target, layers: Layers) -> Layers:
    layers = _endpoint(desk, layers)
    if target.key_id:
        return _key(desk, target, layers)
    service = desk.incident.action.partition(":")[0]
    if desk.incident.action.startswith("sts:AssumeRole") and ":role/" in target.arn:
        return _trust(desk, target, layers)
    if service == "kms" and desk.incident.action not in ("kms:CreateKey", "kms:ListKeys", "kms:ListAliases"):
        file = f"{target.account}/key-….json" if target.account else "key-….json"
        desk.doubt(file, "which key it was", LayerKind.RESOURCE, *key_ways(desk.caller))
        return replace(layers, rule=Rule.KMS_KEY)
    if service in POLICYLESS or service in ("kms", "sts") or not target.account:
        return layers
    if target.account != desk.incident.principal.account:
        desk.doubt(target.arn, "the resource's own policy", LayerKind.RESOURCE, *key_ways(desk.caller))
    return replace(layers, rule=Rule.PLAIN)


def _key(desk: Desk, target: Target, layers: Layers) -> Layers:
    is_across = target.account != desk.incident.principal.account and bool(desk.incident.principal.account)
    if is_across and desk.incident.action not in ACROSS:
        return replace(layers, rule=Rule.NONE)
    file = desk.folder.at(target.account, f"key-{target.key_id}.json", target.region)
    found = desk.policies(file, LayerKind.RESOURCE, DocumentKind.RESOURCE, target.arn)
    if not found:
        desk.doubt(file, "the key policy", LayerKind.RESOURCE, *key_ways(desk.caller))
    policy = replace(found[0], place=replace(found[0].place, policy="default")) if found else None
    if found and policy:
        desk.papers[policy.place] = desk.papers.pop(found[0].place)
    grants = _grants(desk, target)
    _doubt_grants(desk, target, grants)
    return replace(layers, resource=policy, grants=grants, rule=Rule.KMS_KEY)


def _doubt_grants(desk: Desk, target: Target, grants: tuple[Grant, ...]) -> None:
    """A constraint can not be judged without the context; and what was allowed may have been so by a grant unseen."""
    incident, file = desk.incident, desk.expected[LayerKind.GRANT]
    context = encryption_context(incident)
    if any(one.constraint for one in grants) and (context is None or None in context.values()):
        loose = tuple(replace(one, constraint="", pairs=()) for one in grants)
        desk.doubt(file, "whether the encryption context meets the grants' constraints", LayerKind.GRANT, as_it_is,
                   setter(grants=loose))  # fmt: skip
    has_happened = not incident.is_denied and not incident.is_supposed
    if desk.folder.state_of(file) != "read" and has_happened and incident.principal.arn:
        operation = incident.action.partition(":")[2]
        place = Place(LayerKind.GRANT, target.account, GHOST, target.arn)
        given = Grant(GHOST, incident.principal.arn, (operation,), place=place)
        desk.doubt(file, "the key's grants", LayerKind.GRANT, as_it_is, setter(grants=(given,)))


def _grants(desk: Desk, target: Target) -> tuple[Grant, ...]:
    file = desk.folder.at(target.account, f"key-{target.key_id}.grants.json", target.region)
    desk.expected[LayerKind.GRANT] = file
    source = desk.folder.source(file, "grant")
    if source is None:
        return ()
    listed = member(source.root, "Grants")
    base, nodes = ("/Grants", items(listed)) if listed else ("", items(source.root))
    made = list[Grant]()
    for nth, node in enumerate(nodes):
        grant = _grant(plain(node), target)
        if grant is None:
            desk.gaps.append(f"{file}: grant {nth} has no GranteePrincipal or Operations")
            continue
        desk.grants[grant.grant_id] = Spot(file, f"{base}/{nth}", node.mark.line)
        made.append(grant)
    return tuple(made)


def _grant(body: Any, target: Target) -> Grant | None:
    if not isinstance(body, dict):
        return None
    grantee = body.get("GranteePrincipal") or body.get("GranteeServicePrincipal")
    operations = body.get("Operations")
    if not isinstance(grantee, str) or not isinstance(operations, list):
        return None
    given = body.get("Constraints")
    constraints: dict[str, Any] = given if isinstance(given, dict) else {}
    kinds = ("EncryptionContextEquals", "EncryptionContextSubset")
    kind = next((one for one in kinds if isinstance(constraints.get(one), dict)), "")
    pairs = tuple((str(key), str(value)) for key, value in (constraints.get(kind) or {}).items())
    id = str(body.get("GrantId") or grantee)
    place = Place(LayerKind.GRANT, target.account, id, target.arn)
    return Grant(id, grantee, tuple(map(str, operations)), kind if pairs else "", pairs, place=place)


def _trust(desk: Desk, target: Target, layers: Layers) -> Layers:
    file = f"{target.account}/role-{target.arn.rpartition('/')[2]}.trust.json"
    found = desk.policies(file, LayerKind.RESOURCE, DocumentKind.TRUST, target.arn)
    if not found:
        desk.doubt(file, "the role's trust policy", LayerKind.RESOURCE, *key_ways(desk.caller, trust=True))
    return replace(layers, resource=found[0] if found else None, rule=Rule.TRUST)


def _endpoint(desk: Desk, layers: Layers) -> Layers:
    incident = desk.incident
    id = endpoint_of(incident)
    if id is None or incident.is_forwarded:
        if incident.said.layer is LayerKind.ENDPOINT:
            file = f"{incident.principal.account}/endpoint-….json"
            desk.doubt(file, "the VPC endpoint's policy", LayerKind.ENDPOINT,
                       *single_ways("endpoint", DocumentKind.ENDPOINT))  # fmt: skip
        return layers
    account = text(incident.record, "vpcEndpointAccountId") or incident.principal.account
    file = f"{account}/endpoint-{id}.json"
    found = desk.policies(file, LayerKind.ENDPOINT, DocumentKind.ENDPOINT, id)
    if not found:
        ways = single_ways("endpoint", DocumentKind.ENDPOINT)
        desk.doubt(file, "the VPC endpoint's policy", LayerKind.ENDPOINT, as_it_is, *ways)
    return replace(layers, endpoint=found[0] if found else None)
