"""What a call names, and how that is described before the call: looked at aside, where its owner's root sees all.

A root is refused by a key policy that leaves him out and by policies of his organization. So in the fork that is looked
at the key's policy lets him in, and no policy of the organization is in force.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace as but
from typing import TYPE_CHECKING, Any, Final

from app.crypto.cipher import SealBroken
from app.crypto.envelope import header
from app.kernel.records import replace
from app.services.ebs.compute_records import Image, Instance
from app.services.ebs.records import Snapshot, Volume
from app.services.kms.records import Alias, Key
from app.services.organizations.records import Organization
from app.services.organizations.tree import member_of
from workflows.in_process import InProcess
from workflows.record.looking import Look

if TYPE_CHECKING:
    from app.kernel.call import Request
    from app.kernel.cloud import Still
    from app.kernel.world import World
    from workflows.record.recording import Thing

# What may name something that was there before: what EBS has, keys and their aliases, and what IAM has.
_NAMES: Final = re.compile(
    r"\b(?:snap|vol|ami|i)-[0-9a-f]{8,17}\b|arn:aws[\w-]*:kms:[\w-]+:\d{12}:(?:key|alias)/[\w/-]+|\balias/[\w/-]+"
    r"|\b(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"
    r"|arn:aws[\w-]*:iam::\d{12}:(?:user|role|group|policy)/[\w+=,.@/-]+"
)
_IAM_NAMES: Final = {"UserName": "user", "RoleName": "role", "GroupName": "group"}


def names_in(value: Any) -> Iterator[str]:
    """Names of things anywhere in a value."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from names_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from names_in(inner)
    elif isinstance(value, str):
        yield from (found[0] for found in _NAMES.finditer(value))


def names_of(request: Request) -> Iterator[str]:
    """What a call names, itself included; IAM's own names as ARNs without a path."""
    yield from names_in(request.parameters)
    if request.operation.startswith("iam:"):
        for parameter, kind in _IAM_NAMES.items():
            if name := request.parameters.get(parameter):
                yield f"arn:aws:iam::{request.caller.account}:{kind}/{name}"


def look(still: Still, name: str, account: str, region: str) -> Thing | None:
    """The thing of that name; `account` and `region` count where the name does not say them. None: there is none."""
    if ":iam:" in name:
        kind, owner = name.split(":", 5)[5].partition("/")[0], name.split(":")[4]
        found = at(still, owner, region)
        return getattr(found, kind)(_with_path(still.world, name)) if owner != "aws" else None
    if name.startswith(("snap-", "vol-", "ami-", "i-")):
        return _of_ebs(still, name, account, region)
    return _key(still, name, account, region)


def ciphertexts_of(request: Request) -> Iterator[tuple[bytes, str, Mapping[str, str]]]:
    """Ciphertexts that a call sends, with the ARN of the key that each says it is under, and the context sent."""
    blob = request.parameters.get("CiphertextBlob")
    names = ("EncryptionContext", "SourceEncryptionContext")
    context = next((request.parameters[name] for name in names if request.parameters.get(name)), {})
    try:
        yield bytes(blob or b""), header(bytes(blob or b"")).key_arn, context
    except SealBroken:
        return


def ciphertext(still: Still, blob: bytes, key_arn: str, context: Mapping[str, str]) -> Thing | None:
    """One that was made before; None where its key is none of ours."""
    _, _, _, region, account, id = key_arn.split(":", 5)
    if still.world.records.get(Key, account, region, id.removeprefix("key/")) is None:
        return None
    world = _let_in(_unguarded(still.world, account), key_arn, account)
    return _look(still, world, account, region).ciphertext(blob, dict(context), key_arn)


def at(still: Still, account: str, region: str) -> Look:
    """Where to look at what an account has in a Region."""
    return _look(still, _unguarded(still.world, account), account, region)


def _look(still: Still, world: World, account: str, region: str) -> Look:
    clock = but(world, branch=os.urandom(16))
    return Look(InProcess(still.aside(clock), {account: account}), account, region)


def _unguarded(world: World, account: str) -> World:
    """Where no policy of the account's organization is in force."""
    member = member_of(world, account)
    if member is None or member.account == account:
        return world
    organization = world.records.get(Organization, member.account, "", member.organization)
    return world.put(replace(organization, enabled=())) if organization else world


def _of_ebs(still: Still, name: str, account: str, region: str) -> Thing | None:
    records, kind = still.world.records, name.partition("-")[0]
    if kind == "snap":
        found = records.find(Snapshot, "id", region, name)
        if found is None:
            return None
        world = _let_in(_unguarded(still.world, found.account), found.key_arn, found.account)
        return _look(still, world, found.account, region).snapshot(name)
    if kind == "vol":
        volume = records.get(Volume, account, region, name)
        world = _let_in(_unguarded(still.world, account), volume.key_arn if volume else "", account)
        return _look(still, world, account, region).volume(name) if volume else None
    if kind == "ami":
        image = records.find(Image, "id", region, name)
        return at(still, image.account, region).image(name) if image else None
    return at(still, account, region).instance(name) if records.get(Instance, account, region, name) else None


def _key(still: Still, name: str, account: str, region: str) -> Thing | None:
    if name.startswith("arn:"):
        region, account, name = name.split(":", 5)[3:6]
    name = name.removeprefix("key/")
    if name.startswith("alias/"):
        alias = still.world.records.get(Alias, account, region, name)
        name = alias.key_id if alias else ""
    key = still.world.records.get(Key, account, region, name) if name else None
    if key is None:
        return None
    world = _let_in(_unguarded(still.world, account), key.arn, account)
    return _look(still, world, account, region).key(key.arn, key.policy)


def _let_in(world: World, key_arn: str, account: str) -> World:
    """Where the policy of a key lets an account's root in."""
    if not key_arn:
        return world
    _, _, _, region, owner, id = key_arn.split(":", 5)
    key = world.records.get(Key, owner, region, id.removeprefix("key/"))
    if key is None or key.manager == "AWS":
        return world
    roots = [f"arn:aws:iam::{one}:root" for one in {owner, account}]
    everything = {"Effect": "Allow", "Principal": {"AWS": roots}, "Action": "kms:*", "Resource": "*"}
    return world.put(replace(key, policy=json.dumps({"Version": "2012-10-17", "Statement": [everything]})))


def _with_path(world: World, arn: str) -> str:
    """The ARN with the path that IAM knows, where there is one of that name."""
    from app.services.iam.records import Group, Role, User

    account, (kind, _, path) = arn.split(":")[4], arn.split(":", 5)[5].partition("/")
    records: dict[str, type[User | Role | Group]] = {"user": User, "role": Role, "group": Group}
    if kind not in records:
        return arn
    found = world.records.get(records[kind], account, "", path.rpartition("/")[2].lower()) or world.records.get(
        records[kind], account, "", path.rpartition("/")[2]
    )
    return found.arn if found else arn
