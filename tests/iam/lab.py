"""A small cloud with identities only, and people to call it: what the tests of IAM, STS, Organizations share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.validate import ParamValidator

from app.kernel import shapes
from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.cloud import Cloud, new_world
from app.kernel.operation import Services
from app.kernel.store import MemoryStore
from app.kernel.world import Rules
from app.services.cloudtrail import CLOUDTRAIL
from app.services.iam import IAM
from app.services.organizations import ORGANIZATIONS
from app.services.sts import STS

SOURCE, TARGET = "111111111111", "222222222222"
ABOUT_ROOT = ("iam:GetUser", "iam:CreateAccessKey")  # a root user has no name and no path, whatever the model says
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Mapping[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def trust(*principals: str, action: str = "sts:AssumeRole", **more: Any) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": action, **more}


class Refusal(Exception):
    def __init__(self, reply: Reply) -> None:
        assert reply.error is not None
        self.code, self.message, self.status = reply.error.code, reply.error.message, reply.error.status
        super().__init__(f"{self.code}: {self.message}")


def _check_shape(operation: str, answer: Mapping[str, Any]) -> None:
    """Every answer of every test fits botocore's output shape: no member that it does not have, none missing."""
    service, _, name = operation.partition(":")
    shape = shapes.operation_model(service, name).output_shape
    if shape is None:
        assert not answer
    else:
        report = ParamValidator().validate(dict(answer), shape)
        assert not report.has_errors(), report.generate_report()


class Lab:
    """A seeded world on a manual clock."""

    def __init__(self, name: str = "t", seed: str = "7", *, rules: Rules | None = None) -> None:
        services = Services((IAM, STS, ORGANIZATIONS, CLOUDTRAIL))
        self.cloud = Cloud.create(services, MemoryStore(), new_world(name, seed=seed, rules=rules))

    def call(self, who: Caller | str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """The answer; raises Refusal. `who` may be an account: its root user."""
        reply = self.reply(who, operation, **parameters)
        if reply.error:
            raise Refusal(reply)
        assert reply.answer is not None
        if not (who in (SOURCE, TARGET) and operation in ABOUT_ROOT and not parameters):
            _check_shape(operation, reply.answer)
        return reply.answer

    def reply(self, who: Caller | str, operation: str, **parameters: Any) -> Reply:
        caller = root_of(who) if isinstance(who, str) else who
        return self.cloud.call(Request(operation, parameters, caller, "us-east-1"))

    def refused(self, who: Caller | str, operation: str, **parameters: Any) -> tuple[str, str]:
        """(code, message) of a call that must fail."""
        error = self.reply(who, operation, **parameters).error
        assert error is not None, f"{operation} succeeded"
        return error.code, error.message

    def caller_of(self, credentials: Mapping[str, Any]) -> Caller:
        """Whom credentials stand for, as the door would find out."""
        credential = self.cloud.services.credential(self.cloud.world, credentials["AccessKeyId"])
        assert credential is not None
        assert credential.secret.reveal().decode() == credentials["SecretAccessKey"]
        return credential.caller

    def user(self, account: str, name: str, *statements: Mapping[str, Any], **more: Any) -> Caller:
        """A user with one inline policy (none, where there are no statements), by an access key of his."""
        self.call(account, "iam:CreateUser", UserName=name, **more)
        if statements:
            text = document(*statements)
            self.call(account, "iam:PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=text)
        return self.caller_of(self.call(account, "iam:CreateAccessKey", UserName=name)["AccessKey"])

    def role(self, account: str, name: str, *trusts: Mapping[str, Any], **more: Any) -> str:
        """The ARN of a new role that trusts its account, or as said."""
        text = document(*(trusts or (trust(account),)))
        made = self.call(account, "iam:CreateRole", RoleName=name, AssumeRolePolicyDocument=text, **more)
        return made["Role"]["Arn"]

    def policy(self, account: str, name: str, *statements: Mapping[str, Any]) -> str:
        made = self.call(account, "iam:CreatePolicy", PolicyName=name, PolicyDocument=document(*statements))
        return made["Policy"]["Arn"]

    def assume(self, who: Caller, role_arn: str, **more: Any) -> Caller:
        parameters = {"RoleArn": role_arn, "RoleSessionName": "visit"} | more
        return self.caller_of(self.call(who, "sts:AssumeRole", **parameters)["Credentials"])

    def event(self, account: str, name: str) -> Mapping[str, Any]:
        """The newest event of that name in the account's trail."""
        events = self.cloud.world.log.events(account, "us-east-1")
        return json.loads(next(event.body for event in events if event.name == name))
