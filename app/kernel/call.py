"""A call, who makes it, and what comes back.

`Request` is what a door or a runner hands to the cloud. The shell turns it into a `Call`, which holds everything that
`perform` may depend on: the moment, a seed for all randomness, the request's id. `Caller` is a value, not a reference
to a record: a session keeps the session policies it was opened with, and a booked job keeps who acts in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from app.kernel.errors import AwsError

Pairs = tuple[tuple[str, str], ...]
Parameters = Mapping[str, Any]

CallerKind = Literal["root", "user", "session", "federated", "service", "anonymous"]


class Caller(msgspec.Struct, frozen=True, omit_defaults=True):
    """A root user, IAM user, role session, federated user or AWS service."""

    kind: CallerKind
    account: str = ""  # "" for a service
    arn: str = ""  # as in messages; for a service its name, such as ec2.us-east-1.amazonaws.com
    unique_id: str = ""  # AIDA..., AROA...:session, the account id
    access_key_id: str = ""
    role_arn: str = ""  # of a session, path included
    role_id: str = ""  # AROA...
    session_policies: tuple[str, ...] | None = None  # documents; None: opened without any
    session_tags: Pairs = ()
    issued_at_ms: int = 0
    expires_at_ms: int = 0  # 0: long-term credentials
    scope: Pairs = ()  # CloudTrail's inScopeOf: the resource that the credentials were issued to


def root_of(account: str) -> Caller:
    return Caller("root", account, f"arn:aws:iam::{account}:root", account, access_key_id=account)


def service_caller(name: str) -> Caller:
    """An AWS service acting as itself: only a grant or a resource policy can allow it."""
    return Caller("service", "", name, name)


ANONYMOUS = Caller("anonymous")


class Via(msgspec.Struct, frozen=True, omit_defaults=True):
    """The service through which a call is forwarded with its caller's own credentials (a forward access session)."""

    service: str  # "ec2": kms:ViaService becomes ec2.<region>.amazonaws.com
    invoked_by: str  # what CloudTrail shows: ec2-frontend-api.amazonaws.com
    for_aws_resource: bool = False  # kms:GrantIsForAWSResource


@dataclass(frozen=True, slots=True)
class Request:
    """What a door asks of a world. `operation` is "ec2:CopySnapshot"; `parameters` use botocore's member names."""

    operation: str
    parameters: Parameters
    caller: Caller
    region: str
    source_ip: str = "127.0.0.1"
    user_agent: str = "reseal"
    idempotency_key: str = ""  # ours: a call repeated with the same key is answered from the record of the first
    endpoint: str = ""  # policy of the VPC endpoint that it came through; "": through none


@dataclass(frozen=True, slots=True)
class Call:
    operation: str
    parameters: Parameters
    caller: Caller
    region: str
    at_ms: int  # the world's time, milliseconds since 1970
    seed: bytes  # 32 bytes; all randomness of the call derives from it
    request_id: str
    via: Via | None = None
    acting_service: str = ""  # CloudTrail's invokedBy where a service calls as itself (as_service)
    source_arn: str = ""  # aws:SourceArn: the resource on whose behalf a service calls as itself
    parent: str = ""  # request id of the call that made this one
    root: str = ""  # request id of the outermost call, through jobs too; "" : this is it
    source_ip: str = ""
    user_agent: str = ""
    endpoint: str = ""  # policy of the VPC endpoint that the outermost call came through
    about: tuple[str, ...] = ()  # of a job: the resources that its outcome will stand on
    declared: frozenset[str] | None = None  # the parameters that the operation declares; None: not an operation

    @property
    def service(self) -> str:
        return self.operation.partition(":")[0]

    @property
    def name(self) -> str:
        return self.operation.partition(":")[2]

    @property
    def account(self) -> str:
        return self.caller.account

    def __getitem__(self, parameter: str) -> Any:
        """A parameter, or None where it was not sent. Reading one that the operation does not declare is a bug."""
        if self.declared is not None and parameter not in self.declared:
            raise KeyError(f"{self.operation} does not declare {parameter}")
        return self.parameters.get(parameter)

    def nested(self, **changes: Any) -> Call:
        return replace(self, parent=self.request_id, **changes)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request came to: an answer in botocore's shape, or an error; never both."""

    request_id: str
    answer: Mapping[str, Any] | None = None
    error: AwsError | None = None
    decision_id: str = ""  # of the decision that refused it, for the header x-reseal-decision
    notes: tuple[str, ...] = field(default=())  # inert parameters that were sent, and why they have no effect
