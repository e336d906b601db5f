"""From incident and folder to a case: the question AWS was asked, and everything about it that is not told.

A `Doubt` is a thing that the files do not tell, with every way in which it may be; the first is the one that is taken
where nothing speaks against it. What the layout takes as none (a session without a session file, a role without a
boundary file, no organization) becomes a doubt only where AWS's text names that layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.outside.desk import Desk, Doubt, Spot
from app.outside.event import INFRASTRUCTURE, Incident
from app.outside.facts import Facts, facts
from app.outside.facts_kms import encryption_context
from app.outside.folder import ORGANIZATION, Folder
from app.outside.organization import Tree, organization
from app.outside.owner import owner
from app.outside.papers import Paper
from app.outside.targets import Target
from app.outside.ways import as_it_is, identity_ways, session_ways, single_ways, tree_ways
from app.policy.document import DocumentKind
from app.policy.question import LayerKind, Layers, Level, Place, Policy, PrincipalKind, Question


@dataclass(frozen=True, slots=True)
class Case:
    incident: Incident
    target: Target
    question: Question
    facts: Facts
    doubts: tuple[Doubt, ...]
    papers: Mapping[Place, Paper]
    grants: Mapping[str, Spot]  # grant id -> where it stands
    expected: Mapping[LayerKind, str]  # the file that should hold a layer, there or not
    gaps: tuple[str, ...]  # of files that are there


def case_of(incident: Incident, target: Target, folder: Folder) -> Case:
    desk = Desk(incident, folder)
    tree = organization(folder)
    if tree:
        desk.gaps += tree.gaps
    layers = owner(desk, target, _caller(desk, Layers()))
    layers = _organizations(desk, target, tree, layers)
    known = facts(incident, target, folder, tree)
    question = Question(
        principal=incident.principal,
        action=incident.action,
        resource=target.arn or "*",
        resource_account=target.account,
        context=known.values,
        layers=layers,
        encryption_context=_pairs(incident),
    )
    desk.gaps += [one.problem for one in folder.looked if one.problem]
    return Case(
        incident, target, question, known, tuple(desk.doubts), desk.papers, desk.grants, desk.expected,
        tuple(dict.fromkeys(desk.gaps)),
    )  # fmt: skip


def _pairs(incident: Incident) -> Mapping[str, str] | None:
    found = encryption_context(incident)
    return None if found is None else {key: str(value) for key, value in found.items() if value is not None}


# The caller's side.


def _caller(desk: Desk, layers: Layers) -> Layers:
    incident, principal = desk.incident, desk.incident.principal
    if principal.kind not in (PrincipalKind.USER, PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER):
        return layers
    stem = _stem(incident)
    if not stem or f"/{INFRASTRUCTURE}/" in principal.arn:
        if not stem:
            desk.gaps.append("the event does not tell which user or role calls")
        return layers
    holder = principal.issuer_arn or principal.arn
    file = f"{principal.account}/{stem}.json"
    identity = desk.policies(file, LayerKind.IDENTITY, DocumentKind.IDENTITY, holder)
    if identity is None:
        desk.doubt(file, "the caller's identity policies", LayerKind.IDENTITY, *identity_ways())
    layers = replace(layers, identity=identity or ())
    layers = _boundary(desk, f"{principal.account}/{stem}.boundary.json", holder, layers)
    return _session(desk, stem, layers)


def _stem(incident: Incident) -> str:
    """The name of the caller's files, without the ending."""
    principal = incident.principal
    if principal.kind is PrincipalKind.ROLE_SESSION:
        return f"role-{incident.role_name}" if incident.role_name else ""
    arn = principal.issuer_arn or principal.arn
    return f"user-{arn.rpartition('/')[2]}" if ":user/" in arn else ""


def _boundary(desk: Desk, file: str, holder: str, layers: Layers) -> Layers:
    found = desk.policies(file, LayerKind.BOUNDARY, DocumentKind.BOUNDARY, holder)
    if _is_open(desk, file, found, LayerKind.BOUNDARY):
        desk.doubt(
            file, "the permissions boundary", LayerKind.BOUNDARY, *single_ways("boundary", DocumentKind.BOUNDARY)
        )
    return replace(layers, boundary=next(iter(found or ()), None))


def _session(desk: Desk, stem: str, layers: Layers) -> Layers:
    principal = desk.incident.principal
    if principal.kind is PrincipalKind.USER:
        return layers
    file = f"{principal.account}/session-{stem.partition('-')[2]}.json"
    found = desk.policies(file, LayerKind.SESSION, DocumentKind.SESSION, principal.arn)
    if _is_open(desk, file, found, LayerKind.SESSION):
        desk.doubt(file, "the session policy", LayerKind.SESSION, *session_ways())
    return replace(layers, session=found)


def _is_open(desk: Desk, file: str, found: tuple[Policy, ...] | None, layer: LayerKind) -> bool:
    """Not known although it matters: the file can not be read, or AWS's text names the layer."""
    if found is not None:
        return False
    return desk.folder.state_of(file) == "unreadable" or desk.incident.said.layer is layer


# The organizations of both.


def _organizations(desk: Desk, target: Target, tree: Tree | None, layers: Layers) -> Layers:
    incident, told = desk.incident, desk.incident.said.layer
    scps = _levels(desk, tree, incident.principal.account, LayerKind.SCP) if tree else ()
    meta = desk.folder.key_meta(target.account, target.key_id, target.region) if target.key_id else {}
    is_exempt = meta.get("KeyManager") == "AWS"
    rcps = _levels(desk, tree, target.account, LayerKind.RCP) if tree and not is_exempt else ()
    for kind, levels in ((LayerKind.SCP, scps), (LayerKind.RCP, rcps)):
        desk.expected[kind] = ORGANIZATION
        is_unreadable = desk.folder.state_of(ORGANIZATION) == "unreadable"
        if not levels and (told is kind or is_unreadable):
            what = "service control policies" if kind is LayerKind.SCP else "resource control policies"
            ways = tree_ways(kind) if told is kind else (as_it_is, *tree_ways(kind))
            desk.doubt(ORGANIZATION, what, kind, *ways)
    return replace(layers, scps=scps, rcps=rcps)


def _levels(desk: Desk, tree: Tree, account: str, kind: LayerKind) -> tuple[Level, ...]:
    document = DocumentKind.SCP if kind is LayerKind.SCP else DocumentKind.RCP
    levels = list[Level]()
    for target, attached in tree.levels(account, kind) if account else ():
        found = (desk.policy(one.paper, Place(kind, tree.management, one.arn, target), document) for one in attached)
        levels.append(Level(target, tuple(one for one in found if one)))
    return tuple(levels)
