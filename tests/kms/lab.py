"""A world to try KMS in: two accounts, their roots, users and roles made on demand, and EC2 as a forwarding service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.kernel.call import Call, Caller, Reply, Request, Via, root_of
from app.kernel.cloud import Cloud, new_world
from app.kernel.draft import Draft, Result
from app.kernel.errors import AwsError
from app.kernel.log import CallEntry, EventEntry
from app.kernel.operation import Service, Services
from app.kernel.store import MemoryStore
from app.services.iam import IAM
from app.services.kms import KMS
from app.services.sts import STS

SOURCE, TARGET = "111111111111", "222222222222"
REGION = "us-east-1"
DAY_MS = 86_400_000
SERVICES = Services((IAM, STS, KMS))
EC2 = Via("ec2", "ec2-frontend-api.amazonaws.com", for_aws_resource=True)
ANY_KMS = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}


def root_arn(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def allow(actions: str | list[str], principal: str, **more: Any) -> dict[str, Any]:
    """A statement of a key policy."""
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Resource": "*", **more}


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


OWNER = allow("kms:*", root_arn(SOURCE))


@dataclass
class Lab:
    cloud: Cloud

    @classmethod
    def new(cls, *more: Service) -> Lab:
        services = Services((*SERVICES.all, *more)) if more else SERVICES
        return cls(Cloud.create(services, MemoryStore(), new_world("kms", seed="7")))

    def reply(self, caller: Caller | str, operation: str, region: str = REGION, **parameters: Any) -> Reply:
        who = root_of(caller) if isinstance(caller, str) else caller
        name = operation if ":" in operation else f"kms:{operation}"
        return self.cloud.call(Request(name, parameters, who, region))

    def ok(self, caller: Caller | str, operation: str, region: str = REGION, **parameters: Any) -> Mapping[str, Any]:
        reply = self.reply(caller, operation, region, **parameters)
        assert reply.error is None, (reply.error.code, reply.error.message)
        assert reply.answer is not None
        return reply.answer

    def error(self, caller: Caller | str, operation: str, region: str = REGION, **parameters: Any) -> AwsError:
        reply = self.reply(caller, operation, region, **parameters)
        assert reply.error is not None, reply.answer
        return reply.error

    def refused(self, caller: Caller | str, operation: str, region: str = REGION, **parameters: Any) -> tuple[str, str]:
        error = self.error(caller, operation, region, **parameters)
        return error.code, error.message

    # things

    def key(self, account: str = SOURCE, *, share: Mapping[str, Any] | None = None, **parameters: Any) -> str:
        """The ARN of a new key; `share` stands in its policy beside the owner's statement."""
        if share is not None:
            parameters["Policy"] = policy(allow("kms:*", root_arn(account)), share)
        return self.ok(account, "CreateKey", **parameters)["KeyMetadata"]["Arn"]

    def seal(self, key: str, plaintext: bytes = b"hello", caller: Caller | str = SOURCE, **parameters: Any) -> bytes:
        return self.ok(caller, "Encrypt", KeyId=key, Plaintext=plaintext, **parameters)["CiphertextBlob"]

    def state(self, key: str) -> str:
        return self.ok(key.split(":")[4], "DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"]

    # people

    def user(self, account: str, name: str, *statements: Mapping[str, Any]) -> Caller:
        made = self.ok(account, "iam:CreateUser", UserName=name)["User"]
        if statements:
            document = policy(*statements)
            self.ok(account, "iam:PutUserPolicy", UserName=name, PolicyName="inline", PolicyDocument=document)
        return Caller("user", account, made["Arn"], made["UserId"])

    def session(
        self, account: str, role: str, *statements: Mapping[str, Any], policies: tuple[str, ...] | None = None
    ) -> Caller:
        """A session of a new role that the account trusts."""
        trust = policy({"Effect": "Allow", "Principal": {"AWS": root_arn(account)}, "Action": "sts:AssumeRole"})
        made = self.ok(account, "iam:CreateRole", RoleName=role, AssumeRolePolicyDocument=trust)["Role"]
        if statements:
            document = policy(*statements)
            self.ok(account, "iam:PutRolePolicy", RoleName=role, PolicyName="inline", PolicyDocument=document)
        arn = f"arn:aws:sts::{account}:assumed-role/{role}/s"
        unique_id = f"{made['RoleId']}:s"
        return Caller("session", account, arn, unique_id, "", made["Arn"], made["RoleId"], policies)

    # what is left behind

    def causes(self) -> list[str]:
        """Causes of the calls that failed, newest first."""
        return [entry.cause for entry in self.cloud.world.log.refusals()]

    def events(self, account: str, name: str = "", region: str = REGION) -> list[dict[str, Any]]:
        """CloudTrail records, newest first."""
        found = self.cloud.world.log.events(account, region)
        return [json.loads(event.body) for event in found if name in ("", event.name)]

    # EC2

    def forward(self, caller: Caller | str, operation: str, **parameters: Any) -> Forwarded:
        return Forwarded.by(self, root_of(caller) if isinstance(caller, str) else caller, operation, parameters)


@dataclass
class Forwarded:
    """A call that EC2 makes for somebody, in a draft of its own: nothing of it is committed."""

    draft: Draft
    result: Result

    @classmethod
    def by(cls, lab: Lab, caller: Caller, operation: str, parameters: Mapping[str, Any]) -> Forwarded:
        world = lab.cloud.world
        call = Call("ec2:CreateVolume", {}, caller, REGION, world.clock.now_ms, b"s" * 32, "request")
        draft = Draft(lab.cloud.services, world, call)
        return cls(draft, draft.on_behalf(f"kms:{operation}", parameters, via=EC2))

    def as_service(self, operation: str, **parameters: Any) -> Result:
        principal = f"ec2.{REGION}.amazonaws.com"
        return self.draft.as_service(
            f"kms:{operation}", parameters, principal=principal, invoked_by="ebs.amazonaws.com"
        )

    def again(self, operation: str, **parameters: Any) -> Result:
        return self.draft.on_behalf(f"kms:{operation}", parameters, via=EC2)

    @property
    def refusal(self) -> tuple[str, str]:
        assert self.result.error is not None
        return self.result.error.code, self.result.error.message

    def events(self, account: str) -> list[dict[str, Any]]:
        found = (entry for entry in self.draft.log if isinstance(entry, EventEntry) and entry.account == account)
        return [json.loads(event.body) for event in found]

    @property
    def causes(self) -> list[str]:
        return [entry.cause for entry in self.draft.log if isinstance(entry, CallEntry)]
