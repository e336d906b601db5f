"""Condition keys of an incident: which values the event and the files tell, and which keys are surely absent.

Every key is one of three: known, absent, or not told. A key of another service than the action's is absent; whatever no
row below names is not told. Sources: policy-evaluation.md 2.3, 4.9; kms.md 5.2; ebs.md 1.0.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.outside.event import Incident, dig, text
from app.outside.facts_kms import kms
from app.outside.folder import Folder
from app.outside.organization import Tree
from app.outside.pairs import UNTOLD, Pair, texted
from app.outside.targets import Target
from app.policy.question import ContextValue, PrincipalKind, flag


@dataclass(frozen=True, slots=True)
class Facts:
    values: Mapping[str, ContextValue]
    known: frozenset[str]  # of values, in lower case
    absent: frozenset[str]  # in lower case; one that ends in "/" or ":" is the beginning of many
    untold: frozenset[str]  # in lower case: surely there, with a value that nothing tells
    service: str

    def is_told(self, key: str) -> bool:
        key = key.lower()
        if key in self.untold:
            return False
        if key.partition(":")[0] not in ("aws", self.service) or key in self.known or key in self.absent:
            return True
        return any(key[: end + 1] in self.absent for end, char in enumerate(key) if char in "/:")


def facts(incident: Incident, target: Target, folder: Folder, tree: Tree | None) -> Facts:
    pairs = [*_global(incident, target), *_organization(incident, target, tree)]
    match incident.action.partition(":")[0]:
        case "kms":
            pairs += kms(incident, target, folder)
        case "ec2":
            pairs += _ec2(incident, target)
        case "sts":
            pairs += _sts(incident)
        case _:
            pass
    values = {key: value for key, value in pairs if value not in (None, UNTOLD)}
    absent = frozenset(key.lower() for key, value in pairs if value is None)
    untold = frozenset(key.lower() for key, value in pairs if value == UNTOLD)
    known = frozenset(key.lower() for key in values)
    return Facts(values, known, absent, untold, incident.action.partition(":")[0].lower())


# Every service.

_TYPES: Final = {
    PrincipalKind.ROOT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
    PrincipalKind.ANONYMOUS: "Anonymous",
}
_CHAINED: Final = frozenset({  # services that set aws:CalledVia (ebs.md 1.0 [D])
    "aoss", "athena", "backup", "cloud9", "cloudformation", "databrew", "dataexchange", "dynamodb", "imagebuilder",
    "kms", "mgn", "nimble", "omics", "ram", "robomaker", "servicecatalog-appregistry", "sqlworkbench",
    "ssm-guiconnect",
})  # fmt: skip


def _global(incident: Incident, target: Target) -> Iterator[Pair]:
    record, principal = incident.record, incident.principal
    is_service = principal.kind is PrincipalKind.SERVICE
    if at := text(record, "eventTime"):
        yield "aws:CurrentTime", at
    yield "aws:PrincipalAccount", principal.account or None
    if principal.arn or is_service:
        yield "aws:PrincipalArn", None if is_service else principal.issuer_arn or principal.arn
    yield "aws:PrincipalType", _TYPES.get(principal.kind)
    yield "aws:PrincipalIsAWSService", flag(is_service)
    yield "aws:PrincipalServiceName", principal.arn if is_service else None
    yield "aws:PrincipalServiceNamesList", (principal.arn,) if is_service else None
    if principal.unique_id:
        yield "aws:userid", principal.unique_id
    yield "aws:username", principal.arn.rpartition("/")[2] if principal.kind is PrincipalKind.USER else None
    yield "aws:RequestedRegion", incident.region or None
    if target.account:
        yield "aws:ResourceAccount", target.account
    yield "aws:SecureTransport", "true"
    yield "aws:ViaAWSService", flag(incident.is_forwarded)
    if agent := text(record, "userAgent"):
        yield "aws:UserAgent", agent
    if is_service or principal.kind is PrincipalKind.ROOT:
        yield "aws:PrincipalTag/", None
    if not is_service:
        yield from ((f"aws:Source{name}", None) for name in ("Account", "Arn", "OrgID", "OrgPaths"))
    if incident.via is not None and incident.via not in _CHAINED:
        yield from ((f"aws:CalledVia{name}", None) for name in ("", "First", "Last"))
    yield from _network(incident)
    yield from _session(incident)
    yield from _tags(incident)


def _network(incident: Incident) -> Iterator[Pair]:
    """Through a service neither address nor endpoint are the client's [D: ebs.md 1.0, I]."""
    endpoint, address = endpoint_of(incident), _address(text(incident.record, "sourceIPAddress"))
    if incident.is_forwarded or incident.principal.kind is PrincipalKind.SERVICE:
        endpoint = address = None
    yield "aws:SourceIp", None if endpoint else address
    yield "aws:VpcSourceIp", address if endpoint else None
    yield "aws:SourceVpce", endpoint
    if endpoint is None:
        yield from ((key, None) for key in ("aws:SourceVpc", "aws:SourceVpcArn"))
        yield from ((f"aws:Vpce{name}", None) for name in ("Account", "OrgID", "OrgPaths"))
    elif account := text(incident.record, "vpcEndpointAccountId"):
        yield "aws:VpceAccount", account


def endpoint_of(incident: Incident) -> str | None:
    """The VPC endpoint that the client's call came through."""
    found = text(incident.record, "vpcEndpointId")
    return found if found.startswith("vpce-") else None


def _address(found: str) -> str | None:
    try:
        return str(ipaddress.ip_address(found))
    except ValueError:
        return None


def _session(incident: Incident) -> Iterator[Pair]:
    who = incident.record.get("userIdentity")
    session = dig(who, "sessionContext")
    yield "aws:SourceIdentity", texted(dig(session, "sourceIdentity"))
    yield "aws:FederatedProvider", texted(dig(session, "webIdFederationData", "federatedProvider"))
    yield "aws:AssumedRoot", texted(dig(session, "assumedRoot"))
    if dig(session, "ec2RoleDelivery") is None:
        yield from ((f"aws:Ec2InstanceSource{name}", None) for name in ("Vpc", "PrivateIPv4"))
    if text(who if isinstance(who, Mapping) else {}, "type") == "AWSAccount":
        return  # another account's copy: it leaves the session out
    issued, mfa = dig(session, "attributes", "creationDate"), dig(session, "attributes", "mfaAuthenticated")
    yield "aws:TokenIssueTime", texted(issued)
    yield "aws:MultiFactorAuthPresent", texted(mfa)
    if texted(mfa) != "true":
        yield "aws:MultiFactorAuthAge", None


_TAGGED: Final = ("tags", "tagSpecificationSet", "tagSet")
_TAKES_TAGS: Final = frozenset({
    "CreateKey", "ReplicateKey", "TagResource", "CreateVolume", "CreateSnapshot", "CreateSnapshots", "CopySnapshot",
    "CreateTags", "DeleteTags", "UntagResource", "RunInstances", "StartSnapshot", "AssumeRole", "CreateRole",
    "CreateUser", "TagRole", "TagUser", "CreateImage", "CopyImage", "RegisterImage",
})  # fmt: skip


def _tags(incident: Incident) -> Iterator[Pair]:
    """Tags that the request passes; absent where it shows its parameters and no tags, or can not take any."""
    sent = incident.parameters
    if incident.name not in _TAKES_TAGS or (sent is not None and not any(name in sent for name in _TAGGED)):
        yield from (("aws:RequestTag/", None), ("aws:TagKeys", None))
        return
    tags = list(_tag_pairs(sent or {}))
    if tags:
        yield "aws:RequestTag/", None  # but for those that follow
        yield from ((f"aws:RequestTag/{key}", value) for key, value in tags)
        yield "aws:TagKeys", tuple(key for key, _ in tags)


def _tag_pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Tags in any of CloudTrail's forms: {key, value}, {tagKey, tagValue}, under items or not."""
    if isinstance(value, Mapping):
        key = value.get("key", value.get("tagKey"))
        if isinstance(key, str):
            yield key, str(value.get("value", value.get("tagValue", "")))
            return
        for inner in value.values():
            yield from _tag_pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tag_pairs(inner)


def _organization(incident: Incident, target: Target, tree: Tree | None) -> Iterator[Pair]:
    """Without organization.json nothing is told, unless nobody could be a member."""
    for who, account in (("Principal", incident.principal.account), ("Resource", target.account)):
        if not account:
            yield from ((f"aws:{who}OrgID", None), (f"aws:{who}OrgPaths", None))
        elif tree is not None:
            is_member = bool(tree.path(account))
            yield f"aws:{who}OrgID", tree.id if is_member and tree.id else None
            yield f"aws:{who}OrgPaths", (tree.org_path(account),) if is_member and tree.id else None


# EC2 and STS.


def _ec2(incident: Incident, target: Target) -> Iterator[Pair]:
    yield "ec2:Region", incident.region
    if target.snapshot is None:
        return
    body = target.snapshot.body
    rows = (("ec2:Owner", "OwnerId"), ("ec2:VolumeSize", "VolumeSize"), ("ec2:SnapshotTime", "StartTime"),
            ("ec2:Encrypted", "Encrypted"), ("ec2:SnapshotID", "SnapshotId"))  # fmt: skip
    for key, name in rows:
        if name in body:
            yield key, texted(body[name])
    if isinstance(volume := body.get("VolumeId"), str):
        yield "ec2:ParentVolume", f"arn:aws:ec2:{incident.region}:{target.snapshot.owner}:volume/{volume}"
    if target.snapshot.account == incident.principal.account and isinstance(tags := body.get("Tags"), list):
        yield from (("aws:ResourceTag/", None), ("ec2:ResourceTag/", None)) if not tags else ()
        for tag in (one for one in tags if isinstance(one, dict)):
            yield f"aws:ResourceTag/{tag.get('Key')}", str(tag.get("Value", ""))
            yield f"ec2:ResourceTag/{tag.get('Key')}", str(tag.get("Value", ""))


def _sts(incident: Incident) -> Iterator[Pair]:
    sent = incident.parameters
    if sent is not None:
        yield "sts:ExternalId", texted(sent.get("externalId"))
        yield "sts:RoleSessionName", texted(sent.get("roleSessionName"))
        yield "sts:TransitiveTagKeys", tuple(map(str, sent.get("transitiveTagKeys") or ())) or None
