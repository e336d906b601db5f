"""From incident and folder to a case: the question AWS was asked, and everything about it that is not told.

A `Doubt` is a thing that the files do not tell, with every way in which it may be; the first is the one that is taken
where nothing speaks against it. What the layout takes as none (a session without a session file, a role without a
boundary file, no organization) becomes a doubt only where AWS's text names that layer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.outside.event import INFRASTRUCTURE, Incident, text
from app.outside.facts import Facts, Target, encryption_context, endpoint_of, facts
from app.outside.folder import ORGANIZATION, Folder
from app.outside.organization import Tree, organization
from app.outside.papers import Paper
from app.outside.reading import items, member, plain
from app.policy.document import Document, DocumentKind, PolicySyntaxError, parse
from app.policy.question import (
    Grant,
    LayerKind,
    Layers,
    Level,
    Place,
    Policy,
    PrincipalKind,
    Question,
    Rule,
)

GHOST: Final = "not given"  # the name of a policy that stands for one that the files do not hold
_KEY_ARN: Final = re.compile(r"arn:[\w-]+:kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):key/(?P<id>[A-Za-z0-9-]+)")
ACROSS: Final = frozenset({  # what a key policy can give to another account (kms.md 5.1, policy-evaluation.md 4.6 [D])
    "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateMac", "kms:VerifyMac", "kms:Sign", "kms:Verify", "kms:DeriveSharedSecret", "kms:GetPublicKey",
    "kms:CreateGrant", "kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:RetireGrant",
    "kms:RevokeGrant",
})  # fmt: skip
_POLICYLESS: Final = frozenset({"ec2", "ebs", "iam", "organizations", "cloudtrail"})  # no policy on the resource

Change = Callable[[Layers], Layers]


@dataclass(frozen=True, slots=True)
class Doubt:
    """`ways`: each makes the layers as they may be."""

    file: str
    what: str
    layer: LayerKind
    ways: tuple[Change, ...]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a grant stands in its file."""

    file: str
    pointer: str
    line: int


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


@dataclass(slots=True)
class _Desk:
    """What is laid out while a case is made."""

    incident: Incident
    folder: Folder
    papers: dict[Place, Paper] = field(default_factory=dict)
    grants: dict[str, Spot] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    expected: dict[LayerKind, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def policy(self, paper: Paper, place: Place, kind: DocumentKind) -> Policy | None:
        """The policy of a paper; None, and a gap, where it is no policy."""
        paper = paper.told_apart(len(self.papers) + 1)
        try:
            document = parse(paper.text, kind, lenient=True)
        except PolicySyntaxError as error:
            problem = f"{paper.label}:{paper.line_of(error.line)}: {error.message}"
            self.folder.spoil(paper.file, problem)
            return None
        self.papers[place] = paper
        return Policy(place, document)

    def policies(self, file: str, layer: LayerKind, kind: DocumentKind, holder: str) -> tuple[Policy, ...] | None:
        """All of a file; None where they are not known. A file of which one is broken is not known."""
        self.expected[layer] = file
        papers = self.folder.papers(file, layer.value)
        if papers is None:
            return None
        account = file.partition("/")[0]
        found = [
            self.policy(paper, Place(layer, account, paper.name or f"{layer.value} {nth}", holder), kind)
            for nth, paper in enumerate(papers)
        ]
        return tuple(one for one in found if one) if all(found) else None

    def doubt(self, file: str, what: str, layer: LayerKind, *ways: Change) -> None:
        problem = next((one.problem for one in self.folder.looked if one.file == file and one.problem), "")
        self.doubts.append(Doubt(file, f"{what} ({problem})" if problem else what, layer, ways))


def case_of(incident: Incident, target: Target, folder: Folder) -> Case:
    desk = _Desk(incident, folder)
    tree = organization(folder)
    if tree:
        desk.gaps += tree.gaps
    layers = _owner(desk, target, _caller(desk, Layers()))
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


def _caller(desk: _Desk, layers: Layers) -> Layers:
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
        desk.doubt(file, "the caller's identity policies", LayerKind.IDENTITY, *_identity_ways())
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


def _boundary(desk: _Desk, file: str, holder: str, layers: Layers) -> Layers:
    found = desk.policies(file, LayerKind.BOUNDARY, DocumentKind.BOUNDARY, holder)
    if _is_open(desk, file, found, LayerKind.BOUNDARY):
        desk.doubt(
            file, "the permissions boundary", LayerKind.BOUNDARY, *_single_ways("boundary", DocumentKind.BOUNDARY)
        )
    return replace(layers, boundary=next(iter(found or ()), None))


def _session(desk: _Desk, stem: str, layers: Layers) -> Layers:
    principal = desk.incident.principal
    if principal.kind is PrincipalKind.USER:
        return layers
    file = f"{principal.account}/session-{stem.partition('-')[2]}.json"
    found = desk.policies(file, LayerKind.SESSION, DocumentKind.SESSION, principal.arn)
    if _is_open(desk, file, found, LayerKind.SESSION):
        desk.doubt(file, "the session policy", LayerKind.SESSION, *_session_ways())
    return replace(layers, session=found)


def _is_open(desk: _Desk, file: str, found: tuple[Policy, ...] | None, layer: LayerKind) -> bool:
    """Not known although it matters: the file can not be read, or AWS's text names the layer."""
    if found is not None:
        return False
    return desk.folder.state_of(file) == "unreadable" or desk.incident.said.layer is layer


# The owner's side.


def _owner(desk: _Desk, target: Target, layers: Layers) -> Layers:
    layers = _endpoint(desk, layers)
    if target.key_id:
        return _key(desk, target, layers)
    service = desk.incident.action.partition(":")[0]
    if desk.incident.action.startswith("sts:AssumeRole") and ":role/" in target.arn:
        return _trust(desk, target, layers)
    if service == "kms" and desk.incident.action not in ("kms:CreateKey", "kms:ListKeys", "kms:ListAliases"):
        file = f"{target.account}/key-….json" if target.account else "key-….json"
        desk.doubt(file, "which key it was", LayerKind.RESOURCE, *_key_ways(desk))
        return replace(layers, rule=Rule.KMS_KEY)
    if service in _POLICYLESS or service in ("kms", "sts") or not target.account:
        return layers
    if target.account != desk.incident.principal.account:
        desk.doubt(target.arn, "the resource's own policy", LayerKind.RESOURCE, *_key_ways(desk))
    return replace(layers, rule=Rule.PLAIN)


def _key(desk: _Desk, target: Target, layers: Layers) -> Layers:
    is_across = target.account != desk.incident.principal.account and bool(desk.incident.principal.account)
    if is_across and desk.incident.action not in ACROSS:
        return replace(layers, rule=Rule.NONE)
    file = desk.folder.at(target.account, f"key-{target.key_id}.json", target.region)
    found = desk.policies(file, LayerKind.RESOURCE, DocumentKind.RESOURCE, target.arn)
    if not found:
        desk.doubt(file, "the key policy", LayerKind.RESOURCE, *_key_ways(desk))
    policy = replace(found[0], place=replace(found[0].place, policy="default")) if found else None
    if found and policy:
        desk.papers[policy.place] = desk.papers.pop(found[0].place)
    grants = _grants(desk, target)
    _doubt_grants(desk, target, grants)
    return replace(layers, resource=policy, grants=grants, rule=Rule.KMS_KEY)


def _doubt_grants(desk: _Desk, target: Target, grants: tuple[Grant, ...]) -> None:
    """A constraint can not be judged without the context; and what was allowed may have been so by a grant unseen."""
    incident, file = desk.incident, desk.expected[LayerKind.GRANT]
    context = encryption_context(incident)
    if any(one.constraint for one in grants) and (context is None or None in context.values()):
        loose = tuple(replace(one, constraint="", pairs=()) for one in grants)
        desk.doubt(file, "whether the encryption context meets the grants' constraints", LayerKind.GRANT, _as_it_is,
                   _setter(grants=loose))  # fmt: skip
    has_happened = not incident.is_denied and not incident.is_supposed
    if desk.folder.state_of(file) != "read" and has_happened and incident.principal.arn:
        operation = incident.action.partition(":")[2]
        place = Place(LayerKind.GRANT, target.account, GHOST, target.arn)
        given = Grant(GHOST, incident.principal.arn, (operation,), place=place)
        desk.doubt(file, "the key's grants", LayerKind.GRANT, _as_it_is, _setter(grants=(given,)))


def _grants(desk: _Desk, target: Target) -> tuple[Grant, ...]:
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


def _trust(desk: _Desk, target: Target, layers: Layers) -> Layers:
    file = f"{target.account}/role-{target.arn.rpartition('/')[2]}.trust.json"
    found = desk.policies(file, LayerKind.RESOURCE, DocumentKind.TRUST, target.arn)
    if not found:
        desk.doubt(file, "the role's trust policy", LayerKind.RESOURCE, *_key_ways(desk, trust=True))
    return replace(layers, resource=found[0] if found else None, rule=Rule.TRUST)


def _endpoint(desk: _Desk, layers: Layers) -> Layers:
    incident = desk.incident
    id = endpoint_of(incident)
    if id is None or incident.is_forwarded:
        if incident.said.layer is LayerKind.ENDPOINT:
            file = f"{incident.principal.account}/endpoint-….json"
            desk.doubt(file, "the VPC endpoint's policy", LayerKind.ENDPOINT,
                       *_single_ways("endpoint", DocumentKind.ENDPOINT))  # fmt: skip
        return layers
    account = text(incident.record, "vpcEndpointAccountId") or incident.principal.account
    file = f"{account}/endpoint-{id}.json"
    found = desk.policies(file, LayerKind.ENDPOINT, DocumentKind.ENDPOINT, id)
    if not found:
        ways = _single_ways("endpoint", DocumentKind.ENDPOINT)
        desk.doubt(file, "the VPC endpoint's policy", LayerKind.ENDPOINT, _as_it_is, *ways)
    return replace(layers, endpoint=found[0] if found else None)


# The organizations of both.


def _organizations(desk: _Desk, target: Target, tree: Tree | None, layers: Layers) -> Layers:
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
            ways = _tree_ways(kind) if told is kind else (_as_it_is, *_tree_ways(kind))
            desk.doubt(ORGANIZATION, what, kind, *ways)
    return replace(layers, scps=scps, rcps=rcps)


def _levels(desk: _Desk, tree: Tree, account: str, kind: LayerKind) -> tuple[Level, ...]:
    document = DocumentKind.SCP if kind is LayerKind.SCP else DocumentKind.RCP
    levels = list[Level]()
    for target, attached in tree.levels(account, kind) if account else ():
        found = (desk.policy(one.paper, Place(kind, tree.management, one.arn, target), document) for one in attached)
        levels.append(Level(target, tuple(one for one in found if one)))
    return tuple(levels)


# The ways in which something that is not told may be.


def _as_it_is(layers: Layers) -> Layers:
    return layers


def _made(layer: LayerKind, kind: DocumentKind, *statements: Mapping[str, Any]) -> Policy:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    document: Document = parse(text, kind, lenient=True)
    return Policy(Place(layer, "", GHOST, ""), document)


_ALLOW: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_DENY: Final = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def _identity_ways() -> tuple[Change, ...]:
    kinds = ((), (_ALLOW,), (_DENY,))
    made = [_made(LayerKind.IDENTITY, DocumentKind.IDENTITY, *one) for one in kinds]
    return tuple(_setter(identity=(one,)) for one in made)


def _single_ways(field_name: str, kind: DocumentKind) -> tuple[Change, ...]:
    """Of a layer of one policy that is there: it is silent, or it denies."""
    layer = LayerKind(field_name)
    everyone = {"Principal": "*"} if kind is DocumentKind.ENDPOINT else {}
    made = [_made(layer, kind, *one) for one in ((), ({**_DENY, **everyone},))]
    return tuple(_setter(**{field_name: one}) for one in made)


def _session_ways() -> tuple[Change, ...]:
    made = [_made(LayerKind.SESSION, DocumentKind.SESSION, *one) for one in ((), (_DENY,))]
    return tuple(_setter(session=(one,)) for one in made)


def _key_ways(desk: _Desk, *, trust: bool = False) -> tuple[Change, ...]:
    """Of the policy on a resource: silent, denies, allows the caller's account, allows the caller himself."""
    caller = desk.incident.principal.account
    kind = DocumentKind.TRUST if trust else DocumentKind.RESOURCE
    everyone = {"Principal": "*"}
    named = {"Principal": {"AWS": caller}} if caller else everyone
    statements = ((), ({**_DENY, **everyone},), ({**_ALLOW, **named},), ({**_ALLOW, **everyone},))
    if trust:
        statements = tuple(
            tuple({name: value for name, value in one.items() if name != "Resource"} for one in way)
            for way in statements
        )
    return tuple(_setter(resource=_made(LayerKind.RESOURCE, kind, *way)) for way in statements)


def _tree_ways(kind: LayerKind) -> tuple[Change, ...]:
    document = DocumentKind.SCP if kind is LayerKind.SCP else DocumentKind.RCP
    if kind is LayerKind.RCP:
        return (_setter(rcps=(Level("", (_made(kind, document, {**_DENY, "Principal": "*"}),)),)),)
    return tuple(_setter(scps=(Level("", (_made(kind, document, *one),)),)) for one in ((), (_DENY,)))


def _setter(**changes: Any) -> Change:
    return lambda layers: replace(layers, **changes)


# What the action is asked on.


def key_target(arn: str) -> Target | None:
    found = _KEY_ARN.fullmatch(arn)
    return Target(arn, found["account"], found["id"]) if found else None


def targets_of(incident: Incident, folder: Folder) -> tuple[tuple[Target, ...], str]:
    """What it may have been asked on, and what of that is not told. Several: the event leaves open which."""
    service = incident.action.partition(":")[0]
    named = incident.said.resource
    if service == "kms":
        return _keys(incident, folder)
    if service == "sts" and (role := text(incident.parameters or {}, "roleArn")):
        return (Target(named or role, (named or role).split(":")[4] if role.count(":") >= 5 else ""),), ""
    account = incident.principal.account
    if service in ("ec2", "ebs"):
        return (_snapshot_target(incident, named, account, folder),), ""
    owner = named.split(":")[4] if named.count(":") >= 5 else ""
    if not named:
        return (Target("*", account),), "" if service in _POLICYLESS else "the event does not name the resource"
    return (Target(named, owner or account),), ""


def _snapshot_target(incident: Incident, named: str, account: str, folder: Folder) -> Target:
    """EC2 judges sharing itself, so of policies only the caller's side is asked (policy-evaluation.md 4.5)."""
    sent = incident.parameters or {}
    id = named.rpartition("snapshot/")[2] if "snapshot/" in named else text(sent, "snapshotId")
    arn = named or (f"arn:aws:ec2:{incident.region}::snapshot/{id}" if id else "*")
    snapshot = folder.snapshot(id) if id.startswith("snap-") else None
    return Target(arn, account, snapshot=snapshot)


def _keys(incident: Incident, folder: Folder) -> tuple[tuple[Target, ...], str]:
    named = _named_keys(incident)
    found = [one for one in (_resolved(arn, incident, folder) for arn in named) if one]
    if found:
        nth = 1 if incident.action == "kms:ReEncryptTo" and len(found) > 1 and not incident.said.resource else 0
        return (found[nth],), ""
    if any(named):
        return (Target(named[0], incident.principal.account),), f"which key {named[0]} was: aliases.json"
    if incident.action in ("kms:CreateKey", "kms:ListKeys", "kms:ListAliases", "kms:GenerateRandom"):
        return (Target("*", incident.principal.account),), ""
    if traced := tuple(_by_snapshot(incident, folder)):
        return traced, ""
    guessed = tuple(_by_files(incident, folder))
    if len(guessed) == 1:
        taken = f"{guessed[0].arn} is taken, the one key of the files that fits"
        return guessed, f"the event does not name the key: {taken}"
    if not guessed:
        return (Target("", ""),), "the event does not name the key"
    return guessed, "the event does not name the key"


def _named_keys(incident: Incident) -> list[str]:
    if incident.said.resource.startswith("arn:"):
        return [incident.said.resource]
    listed = incident.record.get("resources")
    arns = [text(one, "ARN") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    keys = [arn for arn in arns if ":key/" in arn]
    sent = incident.parameters or {}
    own = {"kms:ReEncryptFrom": "sourceKeyId", "kms:ReEncryptTo": "destinationKeyId"}.get(incident.action, "keyId")
    return keys or [one for one in (text(sent, own),) if one]


def _resolved(named: str, incident: Incident, folder: Folder) -> Target | None:
    """A key by ARN, id or alias; aliases are looked up in their account's file."""
    if found := key_target(named):
        return found
    account, region, name = incident.principal.account, incident.region, named
    if named.startswith("arn:") and named.count(":") >= 5:
        _, _, _, region, account, name = named.split(":", 5)
    if name.startswith("alias/"):
        known = folder.aliases(account) or []
        name = next((str(one.get("TargetKeyId")) for one in known if one.get("AliasName") == name), "")
    return key_target(f"arn:aws:kms:{region}:{account}:key/{name}") if name and account else None


def _by_snapshot(incident: Incident, folder: Folder) -> Iterator[Target]:
    """The key of the snapshot that the request's other records name: the source of a copy, or of a volume."""
    if incident.action in ("kms:ReEncryptTo", "kms:GenerateDataKeyWithoutPlaintext"):
        return
    is_across = incident.said.is_hidden
    for one in incident.siblings:
        sent = one.get("requestParameters")
        sent = sent if isinstance(sent, dict) else {}
        snapshot = folder.snapshot(text(sent, "sourceSnapshotId") or text(sent, "snapshotId"))
        target = key_target(snapshot.key_arn) if snapshot else None
        if target and (not is_across or target.account != incident.principal.account):
            yield target
            return


def _by_files(incident: Incident, folder: Folder) -> Iterator[Target]:
    """Keys that the files hold, of the side that the text leaves: another account's where it hides the key."""
    own = incident.principal.account
    is_across = incident.said.is_hidden or bool(re.search(r"on this resource", incident.message))
    for account in folder.accounts():
        if own and is_across == (account == own):
            continue
        for id in folder.key_ids(account):
            meta = folder.key_meta(account, id, incident.region)
            if is_across and meta.get("KeyManager") == "AWS":
                continue  # nobody of another account asks for it
            arn = str(meta.get("Arn") or f"arn:aws:kms:{incident.region}:{account}:key/{id}")
            target = key_target(arn)
            if target and f":{incident.region}:" in arn:
                yield target
