"""The questions that the policy benches ask: what a share asks of two accounts of one organization.

Every question meets SCPs on three levels, an RCP, identity policies, conditions, and where it is about a key the key
policy that AWS's documentation gives; a third of the callers have a permissions boundary, some a session policy. About
half are refused, each kind of layer refusing somewhere. They are written in the words of POST /api/v1/policy/evaluate,
so that another program can be asked the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.policy.document import Document, DocumentKind, parse
from app.policy.question import (
    Grant,
    LayerKind,
    Layers,
    Level,
    Place,
    Policy,
    Principal,
    PrincipalKind,
    Question,
    Rule,
)

Json = dict[str, Any]
Parse = Callable[[str, DocumentKind], Document]

SOURCE, TARGET, REGION, ORGANIZATION = "111111111111", "222222222222", "us-east-1", "o-abcd123456"
SOURCE_KEY = f"arn:aws:kms:{REGION}:{SOURCE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TARGET_KEY = f"arn:aws:kms:{REGION}:{TARGET}:key/0987dcba-09fe-87dc-65ba-ab0987654321"
EBS: Final = {"kms:ViaService": f"ec2.{REGION}.amazonaws.com", "aws:ViaAWSService": "true"}
FOR_AWS: Final = {"kms:GrantIsForAWSResource": "true"}
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]


def document(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: str | list[str], resource: str | list[str] = "*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def deny(actions: str | list[str], **more: Any) -> Json:
    return allow(actions, **more) | {"Effect": "Deny"}


# --- the policies -----------------------------------------------------------------------------------------------------

FULL: Final = document(allow("*"))
REGIONS: Final = document(
    {
        "Effect": "Deny", "NotAction": ["iam:*", "sts:*", "organizations:*", "support:*"], "Resource": "*",
        "Condition": {
            "StringNotEquals": {"aws:RequestedRegion": [REGION, "eu-central-1"]},
            "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/platform/*"},
        },
    },
)  # fmt: skip
GUARDRAILS: Final = document(
    deny(["kms:ScheduleKeyDeletion", "kms:DisableKey"], Condition={
        "ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/platform/*", "arn:aws:iam::*:role/breakglass"]}}),
    deny(["ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute"], Condition={
        "StringEquals": {"ec2:Add/group": "all"}}),
    deny("ec2:CreateVolume", Condition={"Bool": {"ec2:Encrypted": "false"}}),
    deny("*", Condition={"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}),
)  # fmt: skip
PERIMETER: Final = document(
    deny("kms:*", Principal="*", Condition={
        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}),
)  # fmt: skip
BOUNDARY: Final = document(
    allow(["ec2:*", "ebs:*", "kms:*", "sts:AssumeRole", "cloudtrail:LookupEvents"],
          Condition={"StringEquals": {"aws:RequestedRegion": REGION}}),
    deny(["kms:PutKeyPolicy", "iam:*"]),
)  # fmt: skip
SESSION: Final = document(allow(["kms:Decrypt", "kms:DescribeKey", "ec2:Describe*", "ec2:CopySnapshot"]))

IMPORTER: Final = (
    document(
        allow(["ec2:CopySnapshot", "ec2:CreateVolume", "ec2:CreateTags", "ec2:Describe*"]),
        allow(["ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock"], f"arn:aws:ec2:{REGION}::snapshot/*", Condition={
            "StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
    ),
    document(
        allow(USE, f"arn:aws:kms:*:{TARGET}:key/*"),
        allow(["kms:DescribeKey", "kms:ReEncryptFrom"], f"arn:aws:kms:*:{SOURCE}:key/*",
              Condition={"StringEquals": {"kms:ViaService": EBS["kms:ViaService"]}}),
        allow("kms:CreateGrant", [f"arn:aws:kms:*:{SOURCE}:key/*", f"arn:aws:kms:*:{TARGET}:key/*"],
              Condition={"Bool": FOR_AWS}),
        deny("kms:*", Condition={
            "NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}, "Bool": {"aws:ViaAWSService": "false"}}),
    ),
)  # fmt: skip
OPERATOR: Final = (
    document(
        allow(["ec2:CreateSnapshot", "ec2:ModifySnapshotAttribute", "ec2:Describe*"]),
        allow("ec2:DeleteSnapshot", Condition={"StringLike": {"aws:ResourceTag/team": "storage-*"}}),
    ),
    document(allow(["kms:PutKeyPolicy", "kms:Describe*", "kms:List*"], f"arn:aws:kms:*:{SOURCE}:key/*")),
)


def key_policy(owner: str, shared_with: str) -> Json:
    other = {"AWS": f"arn:aws:iam::{shared_with}:root"}
    admins = {"AWS": f"arn:aws:iam::{owner}:role/platform/key-admin"}
    return document(
        allow("kms:*", Principal={"AWS": f"arn:aws:iam::{owner}:root"}, Sid="Enable IAM policies"),
        allow(["kms:Create*", "kms:Put*", "kms:Enable*", "kms:TagResource"], Principal=admins, Sid="Administrators"),
        allow(USE, Principal=other, Sid="Use"),
        allow(["kms:CreateGrant", "kms:ListGrants"], Principal=other, Condition={"Bool": FOR_AWS}, Sid="Resources"),
        deny("kms:*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}, Sid="TLS"),
    )


# --- the callers ------------------------------------------------------------------------------------------------------

USERS: Final = {"operator": (SOURCE, OPERATOR), "importer": (TARGET, IMPORTER), "limited": (TARGET, IMPORTER)}


def user(name: str) -> Principal:
    account = USERS[name][0]
    return Principal(PrincipalKind.USER, account, f"arn:aws:iam::{account}:user/{name}", f"AIDA{name.upper():0<12}")


def role_session(name: str = "restore") -> Principal:
    arn, unique_id = f"arn:aws:sts::{TARGET}:assumed-role/{name}/nightly", f"AROA{name.upper():0<12}"
    issuer = f"arn:aws:iam::{TARGET}:role/team/{name}"
    return Principal(PrincipalKind.ROLE_SESSION, TARGET, arn, f"{unique_id}:nightly", issuer, unique_id)


CALLERS: Final = {name: user(name) for name in USERS} | {"restore": role_session()}


def context_of(caller: Principal, more: Mapping[str, str | list[str]]) -> Json:
    """The keys that reseal supplies for every call, and those of this one."""
    return {
        "aws:CurrentTime": "2026-01-01T00:00:00Z", "aws:EpochTime": "1767225600",
        "aws:PrincipalAccount": caller.account, "aws:PrincipalArn": caller.issuer_arn or caller.arn,
        "aws:PrincipalType": "AssumedRole" if caller.issuer_arn else "User", "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalOrgID": ORGANIZATION, "aws:PrincipalTag/team": "storage", "aws:userid": caller.unique_id,
        "aws:RequestedRegion": REGION, "aws:SecureTransport": "true", "aws:UserAgent": "bench",
        "aws:ViaAWSService": "false", **more,
    }  # fmt: skip


# --- the questions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """One question, short: who, what, on which resource of whom, with which keys beside the usual ones."""

    who: str
    action: str
    resource: str
    owner: str
    more: Mapping[str, str | list[str]]

    def body(self) -> Json:
        """As POST /api/v1/policy/evaluate and iam-simulate have it, in one form for both."""
        caller, (account, identity) = CALLERS[self.who], USERS.get(self.who, (TARGET, IMPORTER))
        is_key = ":key/" in self.resource
        return {
            "caller": self.who,
            "request": {
                "principal": caller.arn, "action": self.action, "resource": self.resource,
                "resourceAccount": self.owner, "context": context_of(caller, self.more),
            },
            "identityPolicies": [{"name": f"p{n}", "policy": one} for n, one in enumerate(identity)],
            "resourcePolicy": None if not is_key else
                key_policy(SOURCE, TARGET) if self.owner == SOURCE else key_policy(TARGET, SOURCE),
            "permissionsBoundaries": [BOUNDARY] if self.who == "limited" else [],
            "sessionPolicy": SESSION if self.who == "restore" else None,
            "serviceControlPolicies": [
                {"ou": "r-root", "policies": [FULL, REGIONS]},
                {"ou": "ou-storage", "policies": [FULL, GUARDRAILS]},
                {"ou": account, "policies": [FULL]},
            ],
            "resourceControlPolicies": [{"ou": "r-root", "policies": [PERIMETER]}] if is_key else [],
        }  # fmt: skip


def asks() -> Iterator[Ask]:
    snapshot, volume = f"arn:aws:ec2:{REGION}::snapshot/snap-0123", f"arn:aws:ec2:{REGION}:{TARGET}:volume/vol-0123"
    pairs = {"kms:EncryptionContext:aws:ebs:id": "vol-0123", "kms:CallerAccount": TARGET}
    for who in ("importer", "limited", "restore"):
        yield Ask(who, "ec2:CopySnapshot", snapshot, TARGET, {"ec2:Owner": SOURCE})
        yield Ask(who, "ec2:CreateVolume", volume, TARGET, {"ec2:Encrypted": "false"})
        yield Ask(who, "kms:CreateGrant", SOURCE_KEY, SOURCE, {**EBS, **FOR_AWS, **pairs})
        yield Ask(who, "kms:CreateGrant", SOURCE_KEY, SOURCE, {"aws:SourceIp": "10.1.2.3", **pairs})
        yield Ask(who, "kms:ReEncryptFrom", SOURCE_KEY, SOURCE, {**EBS, **pairs})
        yield Ask(who, "kms:Decrypt", TARGET_KEY, TARGET, {"aws:SourceIp": "10.1.2.3", **pairs})
        yield Ask(who, "kms:GenerateDataKeyWithoutPlaintext", TARGET_KEY, TARGET, {**EBS, **pairs})
    yield Ask("importer", "kms:Decrypt", TARGET_KEY, TARGET, {"aws:SourceIp": "203.0.113.9", **pairs})
    yield Ask("importer", "ebs:GetSnapshotBlock", snapshot, TARGET, {"aws:ResourceTag/team": "storage"})
    yield Ask("importer", "ebs:GetSnapshotBlock", snapshot, TARGET, {"aws:ResourceTag/team": "web"})
    yield Ask("operator", "ec2:CreateSnapshot", snapshot, SOURCE, {"ec2:Encrypted": "true"})
    yield Ask("operator", "ec2:ModifySnapshotAttribute", snapshot, SOURCE, {"ec2:Add/userId": TARGET})
    yield Ask("operator", "ec2:ModifySnapshotAttribute", snapshot, SOURCE, {"ec2:Add/group": "all"})
    yield Ask("operator", "ec2:CreateSnapshot", snapshot, SOURCE, {"aws:RequestedRegion": "sa-east-1"})
    yield Ask("operator", "ec2:DeleteSnapshot", snapshot, SOURCE, {"aws:ResourceTag/team": "storage-eu"})
    yield Ask("operator", "kms:PutKeyPolicy", SOURCE_KEY, SOURCE, {"kms:CallerAccount": SOURCE})
    yield Ask("operator", "kms:DisableKey", SOURCE_KEY, SOURCE, {"kms:CallerAccount": SOURCE})


def bodies() -> list[Json]:
    return [ask.body() for ask in asks()]


# --- the same for this engine -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Texts:
    """A body with its policies as the texts that an account holds."""

    body: Json
    texts: Mapping[LayerKind, tuple[tuple[str, str], ...]]  # (attached to, text) of each policy of a layer

    @classmethod
    def of(cls, body: Json) -> Texts:
        written = {
            LayerKind.IDENTITY: [("", one["policy"]) for one in body["identityPolicies"]],
            LayerKind.RESOURCE: [("", body["resourcePolicy"])] if body["resourcePolicy"] else [],
            LayerKind.BOUNDARY: [("", one) for one in body["permissionsBoundaries"]],
            LayerKind.SESSION: [("", body["sessionPolicy"])] if body["sessionPolicy"] else [],
            LayerKind.SCP: [(one["ou"], each) for one in body["serviceControlPolicies"] for each in one["policies"]],
            LayerKind.RCP: [(one["ou"], each) for one in body["resourceControlPolicies"] for each in one["policies"]],
        }
        texts = {kind: tuple((to, json.dumps(one)) for to, one in found) for kind, found in written.items()}
        return cls(body, texts)

    def question(self, parsed: Parse = parse, grants: tuple[Grant, ...] = ()) -> Question:
        """Parsed by `parsed`, which may remember texts or not."""
        request = self.body["request"]
        caller = CALLERS[self.body["caller"]]
        resource = self._policies(LayerKind.RESOURCE, parsed)
        layers = Layers(
            identity=self._policies(LayerKind.IDENTITY, parsed),
            boundary=next(iter(self._policies(LayerKind.BOUNDARY, parsed)), None),
            session=self._policies(LayerKind.SESSION, parsed) or None,
            scps=self._levels(LayerKind.SCP, parsed),
            rcps=self._levels(LayerKind.RCP, parsed),
            resource=next(iter(resource), None),
            grants=grants,
            rule=Rule.KMS_KEY if resource else Rule.NONE,
        )
        return Question(
            caller, request["action"], request["resource"], request["resourceAccount"], request["context"], layers
        )

    def _policies(self, kind: LayerKind, parsed: Parse) -> tuple[Policy, ...]:
        return tuple(policy(kind, text, parsed, to) for to, text in self.texts[kind])

    def _levels(self, kind: LayerKind, parsed: Parse) -> tuple[Level, ...]:
        targets = dict.fromkeys(to for to, _ in self.texts[kind])
        return tuple(
            Level(target, tuple(policy(kind, text, parsed, to) for to, text in self.texts[kind] if to == target))
            for target in targets
        )


KINDS: Final = {
    LayerKind.IDENTITY: DocumentKind.IDENTITY, LayerKind.BOUNDARY: DocumentKind.BOUNDARY,
    LayerKind.SESSION: DocumentKind.SESSION, LayerKind.RESOURCE: DocumentKind.RESOURCE,
    LayerKind.SCP: DocumentKind.SCP, LayerKind.RCP: DocumentKind.RCP,
}  # fmt: skip


def policy(kind: LayerKind, text: str, parsed: Parse = parse, attached_to: str = "") -> Policy:
    return Policy(Place(kind, SOURCE, "p", attached_to), parsed(text, KINDS[kind]))
