"""What an action was asked on: the key, role, snapshot or other resource of an incident, as far as it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.outside.event import Incident, text
from app.outside.folder import Folder, Snapshot

_KEY_ARN: Final = re.compile(r"arn:[\w-]+:kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):key/(?P<id>[A-Za-z0-9-]+)")
POLICYLESS: Final = frozenset({"ec2", "ebs", "iam", "organizations", "cloudtrail"})  # no policy on the resource


@dataclass(frozen=True, slots=True)
class Target:
    """What the action is asked on. `key_id` of a KMS key; `snapshot` of a snapshot that the files know."""

    arn: str
    account: str
    key_id: str = ""
    snapshot: Snapshot | None = None

    @property
    def region(self) -> str:
        return self.arn.split(":")[3] if self.arn.count(":") >= 5 else ""


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
        return (Target("*", account),), "" if service in POLICYLESS else "the event does not name the resource"
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
