"""Set-up steps that make what was there before, out of how AWS describes it.

A key comes with its policy, aliases, grants and state; a volume with its key; a snapshot as one of a volume of its
size and key, with whom it is shared. What they hold is not described, so volumes are empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

from workflows.record.recording import Thing
from workflows.record.references import References

Step = dict[str, Any]
Json = dict[str, Any]
Keep = Callable[[str, Json], str]  # (name, document) -> what a parameter says for it: file://policies/name.json

WINDOW_DAYS_MIN: Final = 7


def given(things: Iterable[Thing], aliases: Mapping[str, str], references: References, keep: Keep) -> Iterator[Step]:
    """Steps in an order in which each finds what it needs; `references` learns ids. `aliases`: account id -> alias."""
    every = {each.id: each for each in things}
    counts: dict[str, int] = {}

    def name(kind: str) -> str:
        counts[kind] = counts.get(kind, 0) + 1
        return f"{kind}-{counts[kind]}"

    for kind, steps in (("key", _key), ("vol", _volume), ("snap", _snapshot)):
        for each in every.values():
            if _kind(each.id) == kind:
                yield from steps(each, aliases[each.account], name, references, keep)


def _kind(id: str) -> str:
    head = id.partition("-")[0]
    return head if head in ("vol", "snap") else "key"


def _key(key: Thing, account: str, name: Callable[[str], str], references: References, keep: Keep) -> Iterator[Step]:
    told = key.described
    if told.get("KeyManager") == "AWS":  # made by AWS at its first use, and named by its alias
        return
    id = name("key")
    spec = {part: told[part] for part in ("KeySpec", "KeyUsage", "Origin") if told.get(part) not in _USUAL}
    extra = {part: told[part] for part in ("Description", "MultiRegion") if told.get(part)}
    policy = {"Policy": keep(f"{id}-policy", references.put(key.policy))} if key.policy else {}
    yield _step(id, account, "kms:CreateKey", key.region, spec | extra | policy)
    references.add(key.id, f"{id}.KeyMetadata.Arn")
    references.add(told["KeyId"], f"{id}.KeyMetadata.KeyId")
    for alias in key.aliases:
        target = {"AliasName": alias, "TargetKeyId": references.put(told["KeyId"])}
        yield _step(name("alias"), account, "kms:CreateAlias", key.region, target)
    for grant in key.grants:
        yield from _grant(grant, references.put(key.id), account, key.region, name, references)
    yield from _state(told, references.put(key.id), account, key.region, name)


_USUAL: Final = (None, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS")
_OF_A_GRANT: Final = ("GranteePrincipal", "RetiringPrincipal", "Operations", "Constraints", "Name")


def _grant(
    grant: Json, key: str, account: str, region: str, name: Callable[[str], str], references: References
) -> Iterator[Step]:
    if ".amazonaws.com" in grant.get("GranteePrincipal", ""):  # a service's own, made when it needs it
        return
    id = name("grant")
    parameters = {part: grant[part] for part in _OF_A_GRANT if grant.get(part)}
    yield _step(id, account, "kms:CreateGrant", region, {"KeyId": key, **parameters})
    references.add(grant["GrantId"], f"{id}.GrantId")


def _state(told: Json, key: str, account: str, region: str, name: Callable[[str], str]) -> Iterator[Step]:
    if told["KeyState"] == "Disabled":
        yield _step(name("disable"), account, "kms:DisableKey", region, {"KeyId": key})
    elif told["KeyState"] == "PendingDeletion":
        days = told.get("PendingDeletionWindowInDays") or WINDOW_DAYS_MIN
        parameters = {"KeyId": key, "PendingWindowInDays": days}
        yield _step(name("schedule-deletion"), account, "kms:ScheduleKeyDeletion", region, parameters)


def _volume(
    volume: Thing, account: str, name: Callable[[str], str], references: References, keep: Keep
) -> Iterator[Step]:
    id, told = name("volume"), volume.described
    parameters = {"AvailabilityZone": told["AvailabilityZone"], "Size": told["Size"], **_encryption(told, references)}
    yield _step(id, account, "ec2:CreateVolume", volume.region, parameters)
    references.add(volume.id, f"{id}.VolumeId")


def _snapshot(
    snapshot: Thing, account: str, name: Callable[[str], str], references: References, keep: Keep
) -> Iterator[Step]:
    id, told = name("snapshot"), snapshot.described
    of = f"{id}-volume"
    parameters = {
        "AvailabilityZone": f"{snapshot.region}a", "Size": told["VolumeSize"], **_encryption(told, references),
    }  # fmt: skip
    yield _step(of, account, "ec2:CreateVolume", snapshot.region, parameters)
    yield _step(id, account, "ec2:CreateSnapshot", snapshot.region, {"VolumeId": f"${{{{ {of}.VolumeId }}}}"})
    references.add(snapshot.id, f"{id}.SnapshotId")
    for one in snapshot.shared_with:
        who = {"Group": "all"} if one == "all" else {"UserId": one}
        share = {"SnapshotId": references.put(snapshot.id), "CreateVolumePermission": {"Add": [who]}}
        yield _step(name("share"), account, "ec2:ModifySnapshotAttribute", snapshot.region, share)


def _encryption(told: Json, references: References) -> Json:
    """The key only where it is one that the file makes: else it is the account's default key."""
    if not told.get("Encrypted"):
        return {}
    key = references.put(told.get("KmsKeyId", ""))
    return {"Encrypted": True} | ({"KmsKeyId": key} if key.startswith("${{") else {})


def _step(id: str, account: str, call: str, region: str, parameters: Json) -> Step:
    return {"id": id, "as": f"{account}/root", "call": call, "region": region, "with": parameters}


def document(text: str) -> Json | None:
    """A JSON object in a text; None for another text."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return cast("Json", found) if isinstance(found, dict) else None
