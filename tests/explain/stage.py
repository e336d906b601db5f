"""A stage for refusals: a source account that owns an encrypted snapshot, a target account that wants it.

Everything happens through real calls. Policies are kept with the name of the file that they would stand in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.policy.explain import Explanation, explain
from app.services import all_services

SOURCE, TARGET = "111122223333", "444455556666"
REGION = "eu-west-1"
ACCOUNTS = {SOURCE: "source", TARGET: "target"}
SERVICES = all_services()

Json = dict[str, Any]


def allow(action: str | list[str], resource: str = "*", **more: Any) -> Json:
    sid = {"Sid": more.pop("Sid")} if "Sid" in more else {}
    return {**sid, "Effect": "Allow", **more, "Action": action, "Resource": resource}


def deny(action: str | list[str], **more: Any) -> Json:
    return allow(action, **more) | {"Effect": "Deny"}


def account(id: str) -> Json:
    return {"AWS": f"arn:aws:iam::{id}:root"}


OWN = allow("kms:*", Sid="OwnAccount", Principal=account(SOURCE))
EC2_OWN = allow("ec2:*", Sid="Ec2")


class Stage:
    def __init__(self) -> None:
        clock = Clock(mode="manual")
        self.cloud = Cloud.create(SERVICES, MemoryStore(), new_world("explained", seed="1", clock=clock))
        self.files: dict[str, str] = {}

    def file(self, name: str, *statements: Json) -> str:
        """A policy's text, as somebody would write it."""
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
        self.files[text] = f"policies/{name}.json"
        return text

    def call(self, who: Caller, operation: str, **parameters: Any) -> Reply:
        return self.cloud.call(Request(operation, parameters, who, REGION))

    def done(self, who: Caller, operation: str, **parameters: Any) -> Mapping[str, Any]:
        reply = self.call(who, operation, **parameters)
        assert reply.error is None, (operation, reply.error)
        assert reply.answer is not None
        return reply.answer

    # what there is

    def key(self, owner: str, *statements: Json, name: str = "source-key") -> str:
        """A key's ARN; without statements it has KMS's default policy."""
        policy = {"Policy": self.file(name, *statements), "BypassPolicyLockoutSafetyCheck": True} if statements else {}
        return self.done(root_of(owner), "kms:CreateKey", **policy)["KeyMetadata"]["Arn"]

    def snapshot(self, key: str = "", *, share: bool = True) -> str:
        """A completed snapshot of the source, under this key, shared with the target."""
        root, encrypted = root_of(SOURCE), {"Encrypted": True, **({"KmsKeyId": key} if key else {})}
        volume = self.done(root, "ec2:CreateVolume", AvailabilityZone=f"{REGION}a", Size=1, **encrypted)["VolumeId"]
        made = self.done(root, "ec2:CreateSnapshot", VolumeId=volume)["SnapshotId"]
        if share:
            adding = {"Add": [{"UserId": TARGET}]}
            self.done(root, "ec2:ModifySnapshotAttribute", SnapshotId=made, CreateVolumePermission=adding)
        return made

    def user(self, owner: str, name: str, *statements: Json, boundary: tuple[Json, ...] = ()) -> Caller:
        root, more = root_of(owner), {}
        if boundary:
            made = self.done(
                root, "iam:CreatePolicy", PolicyName="limit", PolicyDocument=self.file("boundary", *boundary)
            )
            more["PermissionsBoundary"] = made["Policy"]["Arn"]
        user = self.done(root, "iam:CreateUser", UserName=name, **more)["User"]
        if statements:
            text = self.file(name, *statements)
            self.done(root, "iam:PutUserPolicy", UserName=name, PolicyName=name, PolicyDocument=text)
        return Caller("user", owner, user["Arn"], user["UserId"])

    # what is told

    def explained(self, about: str, *, with_files: bool = True) -> Explanation:
        self.cloud.advance(60_000)
        entries = [entry for _, entry in self.cloud.world.log.entries()]
        found = explain(
            entries, about, self.files.get if with_files else None, accounts=ACCOUNTS if with_files else None
        )
        assert found is not None
        return found
