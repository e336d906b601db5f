"""The port onto a `Cloud` in this process: everything can be had, and looking leaves no trace."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.kernel.call import Caller, Request, root_of
from app.kernel.cloud import Cloud, new_world
from app.kernel.fingerprint import Fingerprints
from app.kernel.log import CallEntry, DecisionEntry, EventEntry
from app.kernel.store import MemoryStore
from workflows.port import Answer, Can, Credentials, Evidence, Failure, Json, PortFailed

if TYPE_CHECKING:
    from app.graph.build import Graph
    from app.kernel.call import Reply
    from app.kernel.clock import Clock
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
        caller = self._caller(principal)
        return _answer(self.cloud.call(Request(operation, parameters, caller, region, idempotency_key=key)))

    def _caller(self, principal: str) -> Caller:
        account, _, name = principal.partition("/")
        if name == "root":
            return root_of(self._accounts[account])
        credentials = self._signed_in.get(principal)
        if credentials is None:
            raise PortFailed(f"{principal} is not signed in")
        found = self.cloud.services.credential(self.cloud.world, credentials.access_key_id)
        if found is None:
            raise PortFailed(f"the credentials of {principal} are gone")
        return found.caller

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

    def graph(self) -> Graph:
        from app.graph.build import build

        return build(self.cloud.services, self.cloud.world)


def _plain(entry: CallEntry | DecisionEntry | EventEntry) -> Json:
    """An entry of the log as JSON, its body opened."""
    plain = msgspec.to_builtins(entry)
    if plain.get("body"):
        plain["body"] = json.loads(plain["body"])
    return plain


def _answer(reply: Reply) -> Answer:
    error = reply.error and Failure(reply.error.code, reply.error.message, reply.error.status)
    return Answer(reply.request_id, reply.answer or {}, error or None, reply.decision_id)
