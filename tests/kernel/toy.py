"""A service that exists for the kernel's tests: it keeps things, fails on request, nests, and books jobs.

Its operations bear names of KMS's, because every request has to fit one of botocore's models.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from app.kernel.audit import TrailStyle
from app.kernel.authority import Asked
from app.kernel.call import Call, Reply, Request, Via, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.draft import Draft
from app.kernel.errors import AwsError
from app.kernel.operation import Service, Services, job, jobs_in, operation, operations_in
from app.kernel.records import Index, Record
from app.kernel.store import MemoryStore, Store

ACCOUNT, OTHER, REGION = "111111111111", "222222222222", "us-east-1"
REFUSED = AwsError("InvalidAliasNameException", "it was asked to fail", seen="test")
DENIED = AwsError("AccessDeniedException", "denied", seen="test")


class Thing(Record, frozen=True, kw_only=True):
    kind = "thing"
    indexes = (Index("value", lambda thing: [(thing.value,)]),)
    value: str


def _put(draft: Draft, call: Call, id: str, value: str) -> None:
    draft.put(Thing(account=call.account, id=id, value=value))


@operation("kms", "CreateAlias", honours={"AliasName", "TargetKeyId"})
def put(draft: Draft, call: Call) -> Mapping[str, Any]:
    """Keep a thing."""
    _put(draft, call, call["AliasName"], call["TargetKeyId"])
    draft.new_id("thing", call.account)
    return {}


@operation("kms", "DeleteAlias", honours={"AliasName"}, answers=(REFUSED,))
def put_and_fail(draft: Draft, call: Call) -> Mapping[str, Any]:
    """Keep a thing, count an id, and then refuse: none of it may stay."""
    _put(draft, call, call["AliasName"], "by a call that failed")
    draft.new_id("thing", call.account)
    return REFUSED.refuse()


@operation("kms", "UpdateAlias", honours={"AliasName", "TargetKeyId"})
def put_around_a_failure(draft: Draft, call: Call) -> Mapping[str, Any]:
    """Keep a thing, make a nested call that fails, and keep another."""
    _put(draft, call, f"{call['AliasName']}/before", "kept")
    inner = draft.on_behalf("kms:DeleteAlias", {"AliasName": f"{call['AliasName']}/inner"}, via=Via("ec2", "test"))
    assert inner.error == REFUSED
    _put(draft, call, f"{call['AliasName']}/after", "kept")
    return {}


@operation("kms", "EnableKey", honours={"KeyId"})
def book(draft: Draft, call: Call) -> Mapping[str, Any]:
    """Book jobs, one for each number in KeyId: `3,1` books a job in three seconds and then one in one second."""
    for n, seconds in enumerate(call["KeyId"].split(",")):
        draft.later("note", after_ms=int(seconds) * 1000, text=f"{seconds}s #{n}")
    return {}


@operation("kms", "DisableKey", honours={"KeyId"})
def break_later(draft: Draft, call: Call) -> Mapping[str, Any]:
    """Book a job that has a bug, and one that has none."""
    draft.later("broken")
    draft.later("note", text="after the bug")
    return {}


@job("note")
def note(draft: Draft, call: Call) -> None:
    """Keep what was booked, and when it was done."""
    _put(draft, call, f"{len(list(draft.scan(Thing))):03d}", f"{call['text']} at {call.at_ms}")


@job("broken")
def broken(draft: Draft, call: Call) -> None:
    _put(draft, call, "broken", "by a job with a bug")
    raise ZeroDivisionError


def _denied(draft: Draft, asked: Asked) -> AwsError:
    return DENIED


TRAIL = TrailStyle(
    "kms.amazonaws.com",
    parameters=lambda frame, error: dict(frame.call.parameters),
    response=lambda frame, answer: None,
    code=lambda error: error.code,
    names_resources=lambda error: False,
)
_here = sys.modules[__name__]
TOY = Service("toy", operations_in(_here), (Thing,), {"kms": TRAIL}, _denied, jobs_in(_here))


def toy_cloud(store: Store | None = None, **clock: Any) -> Cloud:
    return Cloud.create(Services((TOY,)), store or MemoryStore(), new_world("toy", seed="7", clock=Clock(**clock)))


def ask(cloud: Cloud, operation: str, account: str = ACCOUNT, key: str = "", **parameters: Any) -> Reply:
    return cloud.call(Request(f"kms:{operation}", parameters, root_of(account), REGION, idempotency_key=key))


def things(cloud: Cloud) -> dict[str, str]:
    return {thing.id: thing.value for thing in cloud.world.records.scan(Thing)}
