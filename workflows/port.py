"""The port through which a run reaches a cloud: in process, over HTTP, or any AWS endpoint.

A run needs four things of a cloud: calls by named principals, a place to look from without leaving traces, time, and
(where it can be had) evidence: what the call set off, which policies decided, and the graph of keys. A port says what
it can do in `can`; a run never asks what sort of port it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from app.graph.build import Graph

Json = dict[str, Any]


class PortFailed(Exception):
    """The cloud could not be asked: no answer, no connection, no credentials. Never an AWS error."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An AWS error, as its caller saw it."""

    code: str
    message: str
    status: int = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to: an answer in botocore's shape, or an error; never both."""

    request_id: str
    value: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: Failure | None = None
    decision_id: str = ""  # of the decision that refused it
    cause: str = ""  # in the table of causes, of a refusal at the door: no evidence is kept of what never came in


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret: str
    token: str = ""
    endpoint: str = ""  # policy of the VPC endpoint that its calls go through; "": through none

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r})"


UNSIGNED: Final = Credentials("", "")  # of somebody who shows none


@dataclass(frozen=True, slots=True)
class Can:
    """What a port is able to do beyond calling."""

    evidence: bool = False  # tells what a call set off, and draws the graph
    repeat: bool = False  # a call repeated with its idempotency key has its effect once
    step_aside: bool = False  # `aside` leaves no trace
    be_root: bool = False  # every account's root is a principal without further ado
    played: frozenset[str] = frozenset()  # principals that are there already, and are not made
    fork: bool = False  # `fork` and `fingerprint`: every way in which things can go on can be gone


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one request set off, at once and later: entries of the world's log as JSON, oldest first."""

    calls: tuple[Json, ...] = ()
    decisions: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()


class Port(Protocol):
    @property
    def can(self) -> Can: ...

    def sign_in(self, principal: str, credentials: Credentials) -> None:
        """From now on, calls as `principal` are signed with these."""
        ...

    def call(self, principal: str, operation: str, parameters: Mapping[str, Any], region: str, key: str = "") -> Answer:
        """One call; `key` is its idempotency key. PortFailed where there is no answer at all."""
        ...

    def aside(self) -> Port:
        """Where to look from: a fork if the port has such a thing (then nothing done there is seen), else itself."""
        ...

    def advance(self, by_ms: int) -> None:
        """Move the world's clock on; PortFailed where it is not ours to move."""
        ...

    def now_ms(self) -> int:
        """The world's clock; PortFailed where it is not ours to move."""
        ...

    def rest(self, seconds: float) -> None:
        """Let time pass: on the world's clock if it is manual, else on the machine's."""
        ...

    def evidence(self, request_id: str) -> Evidence:
        """What the request set off; empty where the port has none."""
        ...

    def graph(self) -> Graph | None:
        """The key graph now; None where the port has none."""
        ...


class Forking(Port, Protocol):
    """A port that says `can.fork`."""

    def fork(self, label: str) -> Forking:
        """A copy to go on in; this one stays as it is. What is drawn at random there follows from the label alone, so
        that the same step leaves the same keys and ciphertexts whatever was done before it."""
        ...

    def fingerprint(self, also: Any = None) -> bytes:
        """Equal for states, all forked from one, in which the same can happen; `also`: what must agree besides."""
        ...
