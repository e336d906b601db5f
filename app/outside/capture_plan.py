"""From a capture to what is asked of the services: one list of internal operations, and what had to be assumed.

    Capture -> Plan(parts, assumed, left_out);   parts: (operation, parameters, Region) each, in an order that holds

What the files do not tell is never guessed in silence: it is taken as AWS has it where nothing was done, and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from app.outside.capture import KEY_ARN, Capture, Mistakes, Told
from app.outside.folder import ORGANIZATION
from app.outside.organization import TYPES, Tree, organization
from app.outside.reading import Unreadable

Part = tuple[str, dict[str, Any], str]
_TAG_ASKED: Final = re.compile(r"(?:ResourceTag|PrincipalTag)/", re.IGNORECASE)
_EMPTY_TRUST: Final = '{"Version":"2012-10-17","Statement":[]}'
_NOUNS: Final = {"user": "User", "role": "Role"}
_STATE: Final = "Enabled"


@dataclass(slots=True)
class Plan:
    parts: list[Part] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    mistakes: list[Unreadable] = field(default_factory=list)
    principals: list[tuple[str, str, str]] = field(default_factory=list)  # (account, User or Role, name)


def planned(capture: Capture) -> Plan:
    """Raises Mistakes, for what single files do not show."""
    plan = Plan()
    plan.left_out += [f"{name}: no file of the layout" for name in capture.passed_over]
    _principals(capture, plan)
    _organization(capture, plan)
    _keys(capture, plan)
    _storage(capture, plan)
    _redacted_tags(capture, plan)
    if plan.mistakes:
        raise Mistakes(plan.mistakes)
    return plan


# --- principals -------------------------------------------------------------------------------------------------------


def _principals(capture: Capture, plan: Plan) -> None:
    accounts = {account: _details(capture, plan, account) for account in capture.folder.accounts()}
    plan.parts.append(("PlacePrincipals", {"accounts": accounts}, ""))
    plan.principals += [
        (account, noun, one[f"{noun}Name"])
        for account, details in accounts.items()
        for noun in ("User", "Role")
        for one in details[f"{noun}DetailList"]
    ]


def _details(capture: Capture, plan: Plan, account: str) -> dict[str, Any]:
    """As GetAccountAuthorizationDetails tells it; users and roles that have files of their own are added."""
    files = [one for one in capture.of("details") if one.account == account]
    body: dict[str, Any] = {"UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [], "Policies": []}
    for told in files:
        for name in body:
            body[name] += map(_with_tags, (told.body or {}).get(name) or ())
    known = {(noun, one[f"{noun}Name"]) for noun in ("User", "Role") for one in body[f"{noun}DetailList"]}
    for told in capture.of("holder"):
        noun = _NOUNS[told.noun]
        if told.account == account and (noun, told.id) not in known:
            body[f"{noun}DetailList"].append(_holder(capture, plan, told, body["Policies"]))
    if not files and not any(one.account == account for one in capture.of("holder")):
        plan.assumed.append(f"{account}: no file tells of its users and roles: it has none")
    return body


def _holder(capture: Capture, plan: Plan, told: Told, policies: list[Any]) -> dict[str, Any]:
    """A user or role out of files: its policies become inline ones, its boundary a managed policy of its own."""
    noun = _NOUNS[told.noun]
    name = told.id
    listed = [{"PolicyName": policy or f"policy-{n}", "PolicyDocument": text}
              for n, (policy, text) in enumerate(told.documents, 1)]  # fmt: skip
    made: dict[str, Any] = {f"{noun}Name": name, f"{noun}PolicyList": listed}
    plan.assumed.append(f"{told.file}: its unique id, path and tags are not told: a new id, the path /, and none")
    if boundary := _beside(capture, "boundary", told):
        arn = f"arn:aws:iam::{told.account}:policy/boundary-of-{told.noun}-{name}"
        version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": boundary.documents[0][1]}
        policy = {"PolicyName": arn.rpartition("/")[2], "Arn": arn, "DefaultVersionId": "v1"}
        policies.append(policy | {"PolicyVersionList": [version]})
        made["PermissionsBoundary"] = {"PermissionsBoundaryArn": arn}
    if noun == "Role":
        trust = _beside(capture, "trust", told)
        made["AssumeRolePolicyDocument"] = trust.documents[0][1] if trust else _EMPTY_TRUST
        if trust is None:
            plan.assumed.append(f"{told.file}: its trust policy is not told: nobody may assume it")
    return made


def _beside(capture: Capture, kind: str, told: Told) -> Told | None:
    every = (one for one in capture.of(kind) if (one.account, one.id) == (told.account, told.id) and one.documents)
    return next((one for one in every if kind == "trust" or one.noun == told.noun), None)


def _with_tags(entry: dict[str, Any]) -> dict[str, Any]:
    """Without the tags of which only the key is told."""
    return entry | {"Tags": [tag for tag in entry["Tags"] if "Value" in tag]} if "Tags" in entry else entry


# --- organization -----------------------------------------------------------------------------------------------------


def _organization(capture: Capture, plan: Plan) -> None:
    if ORGANIZATION not in capture.folder.names:
        plan.assumed.append(f"no {ORGANIZATION}: the accounts are in no organization")
        return
    tree = organization(capture.folder)
    if tree is None or not tree.id or not tree.management or sum(not above for above in tree.parents.values()) != 1:
        missing = "tells no organization: Organization with Id and MasterAccountId, and one of Roots"
        plan.mistakes.append(Unreadable(ORGANIZATION, missing, 1, 1))
        return
    plan.assumed += [f"{gap} is not told" for gap in tree.gaps]
    root = next(id for id, above in tree.parents.items() if not above)
    loose = [id for id in tree.parents if tree.path(id)[:1] != (root,)]
    plan.mistakes += [Unreadable(ORGANIZATION, f"{id} does not hang under the root", 1, 1) for id in loose]
    plan.parts.append(("PlaceOrganization", {"organization": _tree(tree, root)}, ""))


def _tree(tree: Tree, root: str) -> dict[str, Any]:
    types = {"r": "ROOT", "ou": "ORGANIZATIONAL_UNIT"}
    nodes = [
        {"id": id, "type": types.get(id.partition("-")[0], "ACCOUNT"), "parent": above, "name": id, "is_closed": False}
        for id, above in tree.parents.items()
    ]
    policies = [
        {
            "id": one.id,
            "type": one.type,
            "name": one.id,
            "content": one.paper.text.strip(),
            "targets": sorted(one.targets),
        }
        for one in tree.policies
    ]
    enabled = [type for type in TYPES.values() if type not in tree.disabled]
    about = {"id": tree.id, "management": tree.management, "root": root, "enabled": enabled}
    return about | {"nodes": nodes, "policies": policies}


# --- keys -------------------------------------------------------------------------------------------------------------


def _keys(capture: Capture, plan: Plan) -> None:
    regions = dict(_regions(capture))
    keys = [made for told in capture.of("key") if (made := _key(capture, plan, told, regions))]
    plan.parts.append(("PlaceKeys", {"keys": keys}, ""))
    known = {(one.account, one.id) for one in capture.of("key")}
    alone = [one for one in capture.of("meta") if (one.account, one.id) not in known]
    plan.left_out += [f"{one.file}: no file tells the key's policy" for one in alone]
    aliases = [
        {**entry, "Account": told.account, "Region": region}
        for told in capture.of("aliases")
        for entry in told.body or ()
        if entry.get("TargetKeyId") and (region := _region_of_alias(told, entry, regions))
    ]
    plan.parts.append(("PlaceAliases", {"aliases": aliases}, ""))


def _regions(capture: Capture) -> Iterator[tuple[tuple[str, str], str]]:
    """(account, key id) -> Region, of every key ARN that any file writes."""
    for name in capture.folder.names:
        source = capture.folder.source(name, "capture")
        for found in KEY_ARN.finditer(source.text if source else ""):
            yield (found["account"], found["id"]), found["region"]


def _region_of_alias(told: Told, entry: dict[str, Any], regions: dict[tuple[str, str], str]) -> str:
    arn = entry.get("AliasArn") or ""
    return told.region or (arn.split(":")[3] if arn.count(":") >= 5 else "") or regions.get(
        (told.account, entry["TargetKeyId"]), "")  # fmt: skip


def _same(capture: Capture, kind: str, told: Told) -> Told | None:
    """The file of that kind about the same key, in the same folder."""
    at = (told.account, told.region, told.id)
    return next((one for one in capture.of(kind) if (one.account, one.region, one.id) == at), None)


def _key(capture: Capture, plan: Plan, told: Told, regions: dict[tuple[str, str], str]) -> dict[str, Any] | None:
    meta, grants, tags = (_same(capture, kind, told) for kind in ("meta", "grants", "key tags"))
    metadata = dict(meta.body or {}) if meta else {}
    arn = metadata.get("Arn") or ""
    region = told.region or (arn.split(":")[3] if arn.count(":") >= 5 else "")
    region = region or regions.get((told.account, told.id), "")
    if not region:
        name = f"key-{told.id}.meta.json"
        plan.mistakes.append(Unreadable(told.file, f"no file tells the Region of this key; {name} does", 1, 1))
        return None
    if not metadata.get("KeyState"):
        plan.assumed.append(f"{told.file}: the key's state is not told: it is {_STATE}, and of the usual kind")
    if grants is None:
        plan.assumed.append(f"{told.file}: its grants are not told: it has none")
    if arn not in ("", f"arn:aws:kms:{region}:{told.account}:key/{told.id}"):
        plan.mistakes.append(
            Unreadable(meta.file if meta else told.file, f"tells of {arn}, which belongs elsewhere", 1, 1)
        )
    arn = f"arn:aws:kms:{region}:{told.account}:key/{told.id}"
    identity = {"KeyId": told.id, "Arn": arn, "AWSAccountId": told.account, "Region": region}
    return {
        "metadata": {"KeyState": _STATE} | metadata | identity,
        "policy": told.documents[0][1],
        "grants": [one for one in (grants.body if grants else ()) if _is_whole(plan, grants, one)],
        "tags": [tag for tag in (tags.body if tags else ()) if "TagValue" in tag],
    }


def _is_whole(plan: Plan, told: Told | None, grant: dict[str, Any]) -> bool:
    if grant.get("GranteePrincipal") or grant.get("GranteeServicePrincipal"):
        return True
    if told:
        plan.left_out.append(f"{told.file}: grant {grant['GrantId']}: its grantee is not told")
    return False


# --- volumes and snapshots --------------------------------------------------------------------------------------------


def _storage(capture: Capture, plan: Plan) -> None:
    listed = [one for kind in ("snapshots", "volumes", "defaults") for one in capture.of(kind)]
    for account, region in sorted({(one.account, one.region or _only_region(plan, one)) for one in listed}):
        mine = [one for one in listed if one.account == account and (one.region or region) == region]
        entries = {kind: [entry for one in mine if one.kind == kind for entry in _bodies(one)]
                   for kind in ("snapshots", "volumes")}  # fmt: skip
        snapshots = [_snapshot(capture, plan, account, entry) for entry in _own(plan, account, entries["snapshots"])]
        defaults = next((one.body for one in mine if one.kind == "defaults"), None)
        if defaults is None:
            plan.assumed.append(f"{account} in {region}: no ebs-defaults.json: volumes are not encrypted by default")
        volumes = [_with_tags(one) for one in entries["volumes"]]
        attached = [one["VolumeId"] for one in volumes if one["State"] == "in-use"]
        plan.assumed += [f"{id}: it was attached; instances are not imported, so it is available" for id in attached]
        told = {"account": account, "snapshots": snapshots, "volumes": volumes, "defaults": defaults}
        plan.parts.append(("PlaceStorage", told, region))


def _bodies(told: Told) -> list[Any]:
    return told.body if isinstance(told.body, list) else []


def _only_region(plan: Plan, told: Told) -> str:
    """Of a list that stands beside the account's other files: the Region of what it lists."""
    found = {region for entry in _bodies(told) if (region := _region_of(entry))}
    if len(found) == 1:
        return found.pop()
    if told.body:
        where = f"{told.account}/<region>/{told.file.rpartition('/')[2]}"
        plan.mistakes.append(Unreadable(told.file, f"nothing in it tells one Region; move it to {where}", 1, 1))
    return ""


def _region_of(entry: dict[str, Any]) -> str:
    if entry.get("AvailabilityZone"):
        return re.sub(r"[a-z]$", "", entry["AvailabilityZone"])
    found = KEY_ARN.fullmatch(entry.get("KmsKeyId") or "")
    return found["region"] if found else ""


def _own(plan: Plan, account: str, snapshots: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Another account's snapshot is told by its own folder; the view of somebody else does not tell enough."""
    for one in snapshots:
        if (one.get("OwnerId") or account) == account:
            yield one
        else:
            plan.left_out.append(f"{one['SnapshotId']} as {account} sees it: it is {one['OwnerId']}'s")


def _snapshot(capture: Capture, plan: Plan, account: str, entry: dict[str, Any]) -> dict[str, Any]:
    id = entry["SnapshotId"]
    beside = next((one for one in capture.of("permissions") if (one.account, one.id) == (account, id)), None)
    if beside is not None:
        entry = entry | {"CreateVolumePermissions": beside.body}
    elif "CreateVolumePermissions" not in entry:
        plan.assumed.append(f"{id}: with whom it is shared is not told: with nobody")
    key = KEY_ARN.fullmatch(entry.get("KmsKeyId") or "")
    if key and not any((one.account, one.id) == (key["account"], key["id"]) for one in capture.of("key")):
        plan.assumed.append(f"{id}: its key {key.group()} is not told: calls find no such key")
    return _with_tags(entry)


def _redacted_tags(capture: Capture, plan: Plan) -> None:
    """Policies that ask for tags, where the tags' values were left out."""
    texts = {name: source.text for name in capture.folder.names if (source := capture.folder.source(name, "capture"))}
    if any(map(_has_bare_tag, (told.body for told in capture.files))):
        asking = [name for name, text in texts.items() if _TAG_ASKED.search(text)]
        plan.assumed += [f"{name}: asks for tags, whose values were left out: there are none" for name in asking]


def _has_bare_tag(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_bare_tag, value))
    if not isinstance(value, dict):
        return False
    return any("Value" not in tag for tag in value.get("Tags") or ()) or any(map(_has_bare_tag, value.values()))
