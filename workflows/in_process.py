"""The port onto a `Cloud` in this process: everything can be had, and looking leaves no trace."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.kernel import credentials, shapes
from app.kernel.call import ANONYMOUS, Caller, Request, root_of
from app.kernel.cloud import Cloud, new_world
from app.kernel.errors import AwsError
from app.kernel.fingerprint import Fingerprints
from app.kernel.log import CallEntry, DecisionEntry, EventEntry
from app.kernel.store import MemoryStore
from workflows.port import UNSIGNED, Answer, Can, Credentials, Evidence, Failure, Json, PortFailed

if TYPE_CHECKING:
    from app.graph.build import Graph
    from app.kernel.call import Reply
    from app.kernel.clock import Clock
    from app.kernel.cloud import Still
    from app.kernel.operation import Services

ALL: Final = Can(evidence=True, repeat=True, step_aside=True, be_root=True, fork=True)


def in_memory(services: Services, accounts: Mapping[str, str], seed: str | None, clock: Clock) -> InProcess:
    """A port onto a fresh world in memory."""
    cloud = Cloud.create(services, MemoryStore(), new_world("run", seed=seed, clock=clock))
    return InProcess(cloud, accounts)


class InProcess:
    """`accounts`: alias -> account id, for the roots."""

    can = ALL

    def __init__(
        self, cloud: Cloud, accounts: Mapping[str, str], signed_in: Mapping[str, Credentials] | None = None,
        fingerprints: Fingerprints | None = None,
    ) -> None:  # fmt: skip
        self.cloud = cloud
        self._accounts = accounts
        self._signed_in = dict(signed_in or {})
        self._fingerprints = fingerprints or Fingerprints()

    def sign_in(self, principal: str, credentials: Credentials) -> None:
        self._signed_in[principal] = credentials

    def call(self, principal: str, operation: str, parameters: Mapping[str, Any], region: str, key: str = "") -> Answer:
        caller = self._caller(principal, operation)
        if isinstance(caller, AwsError):
            return _turned_away(operation, caller)
        shown = self._signed_in.get(principal, UNSIGNED)
        request = Request(operation, parameters, caller, region, idempotency_key=key, endpoint=shown.endpoint)
        return as_answer(operation, self.cloud.call(request))

    def _caller(self, principal: str, operation: str) -> Caller | AwsError:
        """Who calls, or why the wire door would not let them in."""
        account, _, name = principal.partition("/")
        if name == "root":
            return root_of(self._accounts[account])
        shown = self._signed_in.get(principal)
        if shown is None:
            raise PortFailed(f"{principal} is not signed in")
        if shown == UNSIGNED:
            return ANONYMOUS if credentials.takes_unsigned(*operation.split(":")) else credentials.MISSING_TOKEN
        found = self.cloud.services.credential(self.cloud.world, shown.access_key_id)
        refused = credentials.refusal(found, shown.token, self.cloud.now_ms())
        if refused or found is None:
            return refused or credentials.UNKNOWN_KEY
        return found.caller if found.secret.reveal().decode() == shown.secret else credentials.MISMATCH

    def aside(self) -> InProcess:
        """A fork in a store of its own; its branch is drawn anew, so that no block key meets a nonce twice."""
        world = replace(self.cloud.world, branch=os.urandom(16))
        return InProcess(Cloud.create(self.cloud.services, MemoryStore(), world), self._accounts, self._signed_in)

    def fork(self, label: str) -> InProcess:
        """It keeps the branch: two forks may seal different bytes under one name and nonce. So their blocks stay in
        memory, each fork's in a store of its own, and nothing joins or keeps them."""
        world, drawn = self.cloud.world, count()
        cloud = Cloud.create(
            self.cloud.services, MemoryStore(), world, seeds=lambda now: now.digest("fork", label, next(drawn))
        )
        return InProcess(cloud, self._accounts, self._signed_in, self._fingerprints)

    def fingerprint(self, also: Any = None) -> bytes:
        return self._fingerprints.of(self.cloud.world, also)

    def rest(self, seconds: float) -> None:
        if self.cloud.world.clock.mode == "manual":
            self.cloud.advance(max(1, int(seconds * 1000)))
        else:
            time.sleep(seconds)

    def advance(self, by_ms: int) -> None:
        self.cloud.advance(by_ms)

    def now_ms(self) -> int:
        return self.cloud.now_ms()

    def evidence(self, request_id: str) -> Evidence:
        entries = self.cloud.world.log.about(request_id)
        return Evidence(
            calls=tuple(_plain(entry) for entry in entries if isinstance(entry, CallEntry)),
            decisions=tuple(_plain(entry) for entry in entries if isinstance(entry, DecisionEntry)),
            events=tuple(_plain(entry) for entry in entries if isinstance(entry, EventEntry)),
        )

    def still(self) -> Still:
        """The world now, to try things on."""
        return self.cloud.still()

    def graph(self) -> Graph:
        from app.graph.build import build

        return build(self.cloud.services, self.cloud.world)


def _plain(entry: CallEntry | DecisionEntry | EventEntry) -> Json:
    """An entry of the log as JSON, its body opened."""
    plain = msgspec.to_builtins(entry)
    if plain.get("body"):
        plain["body"] = json.loads(plain["body"])
    return plain


def _turned_away(operation: str, refused: AwsError) -> Answer:
    """The answer of the wire door, in the words of the service's protocol."""
    said = credentials.in_protocol(shapes.protocol_family(operation.partition(":")[0]), refused)
    failure = Failure(said.code, said.message, said.status)
    return Answer("", error=failure, cause=refused.cause.name if refused.cause else "")


def as_answer(operation: str, reply: Reply) -> Answer:
    error = reply.error and Failure(reply.error.code, reply.error.message, reply.error.status)
    value: Mapping[str, Any] = reply.answer or {}
    if operation.startswith("iam:"):
        model: Any = shapes.operation_model(*operation.split(":"))
        value = _opened(model.output_shape, value) if model.output_shape else value
    return Answer(reply.request_id, value, error or None, reply.decision_id)


def _opened(shape: Any, value: Any) -> Any:
    """An answer of IAM as botocore reads it: policy documents are trees, not text."""
    if shape.type_name == "structure":
        members: Mapping[str, Any] = value
        return {name: _opened(shape.members[name], inner) for name, inner in members.items()}
    if shape.type_name == "list":
        items: Sequence[Any] = value
        return [_opened(shape.member, inner) for inner in items]
    return json.loads(value) if shape.name == "policyDocumentType" and value else value
