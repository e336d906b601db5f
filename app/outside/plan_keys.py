"""Keys with their policies, grants and rotations, and aliases, out of a capture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from app.outside.capture import Capture, Told
from app.outside.capture_fit import KEY_ARN
from app.outside.plan import Plan
from app.outside.reading import Unreadable

_STATE: Final = "Enabled"
_SILENT: Final = '{"Version":"2012-10-17","Statement":[]}'
_BESIDE: Final = ("meta", "grants", "key tags", "rotation", "rotations")


def plan_keys(capture: Capture, plan: Plan) -> None:
    regions = dict(_regions(capture))
    keys = [made for told in _policies(capture, plan) if (made := _key(capture, plan, told, regions))]
    plan.parts.append(("PlaceKeys", {"keys": keys}, ""))
    aliases = [
        {**entry, "Account": told.account, "Region": region}
        for told in capture.of("aliases")
        for entry in told.body or ()
        if entry.get("TargetKeyId") and (region := _region_of_alias(told, entry, regions))
    ]
    plan.parts.append(("PlaceAliases", {"aliases": aliases}, ""))


def _policies(capture: Capture, plan: Plan) -> Iterator[Told]:
    """A file a key: its policy's. A key whose policy the script could not read stands with one that says nothing."""
    yield from capture.of("key")
    known = {(one.account, one.id) for one in capture.of("key")}
    unread = {one.file for one in capture.unread}
    for one in capture.of("meta"):
        if (one.account, one.id) in known:
            continue
        file = one.file.replace(".meta.json", ".json")
        if file in unread:
            yield replace(one, file=file, kind="key", body=None, documents=(("default", _SILENT),))
        else:
            plan.left_out.append(f"{one.file}: no file tells the key's policy")


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
    meta, grants, tags, rotation, rotations = (_same(capture, kind, told) for kind in _BESIDE)
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
        "rotation": rotation.body if rotation else {},
        "materials": rotations.body if rotations else [],
    }


def _is_whole(plan: Plan, told: Told | None, grant: dict[str, Any]) -> bool:
    if grant.get("GranteePrincipal") or grant.get("GranteeServicePrincipal"):
        return True
    if told:
        plan.left_out.append(f"{told.file}: grant {grant['GrantId']}: its grantee is not told")
    return False
