"""The append-only log of a world: calls, decisions, CloudTrail events and notices, in the order of their happening.

The log is no part of a world's state (two worlds are equal whatever happened on the way), but it is committed with the
records, in one transaction: a call that cannot be audited did not happen. Reading it is a port, because a world on disk
does not keep its whole log in memory. `root` is the request id of the outermost call, so that what a request set off
later, in jobs and in calls on its behalf, is found by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

import msgspec


class Sent(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"source_ip": "sourceIPAddress", "user_agent": "userAgent"},
):
    """What it takes to make a call again: who made it, by value, and its parameters as JSON."""

    parameters: dict[str, Any]
    caller: dict[str, Any]  # a `Caller`
    left_out: tuple[str, ...] = ()  # parameters that were sent and are not kept: sensitive, or large
    source_ip: str = ""
    user_agent: str = ""
    endpoint: str = ""  # policy of the VPC endpoint that it came through


class CallEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="call"):
    request_id: str
    root: str
    at_ms: int
    operation: str
    account: str
    region: str
    caller: str  # ARN, or the service's name
    code: str = ""  # the error's code; "" where it succeeded
    message: str = ""
    cause: str = ""  # name in the closed table of causes
    seen: str = ""  # where the error's words come from: reference section and mark
    parent: str = ""
    resources: tuple[str, ...] = ()  # ids and ARNs that the call names or answers
    via: str = ""  # who forwarded it: ec2-frontend-api.amazonaws.com
    sent: Sent | None = None  # of an outermost call that failed, or that may fail later by a job it booked


class DecisionEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="decision"):
    id: str
    request_id: str
    root: str
    at_ms: int
    account: str
    region: str
    caller: str
    action: str
    resource: str
    allowed: bool
    cause: str = ""
    decisive: bool = False  # the call failed by it
    resources: tuple[str, ...] = ()
    body: str = ""  # JSON: the trace (full where refused), shape of app.policy.trace.to_json


class EventEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="event"):
    event_id: str
    at_ms: int
    account: str  # recipientAccountId
    region: str
    name: str
    source: str
    read_only: bool
    request_id: str = ""
    root: str = ""
    username: str = ""
    access_key_id: str = ""
    resources: tuple[tuple[str, str], ...] = ()  # (type, name)
    management: bool = True  # data events are not returned by LookupEvents
    body: str = ""  # JSON: the CloudTrail record


class NoticeEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="notice"):
    """An event as EventBridge gets it: a service tells an account what came of something."""

    id: str
    at_ms: int
    account: str  # who is told
    region: str
    name: str  # detail-type
    root: str = ""
    resources: tuple[str, ...] = ()  # ids and ARNs by which it is found
    body: str = ""  # JSON: the event


Entry = CallEntry | DecisionEntry | EventEntry | NoticeEntry


class LogReader(Protocol):
    """What operations and explanations ask of the log."""

    def events(self, account: str, region: str, since_ms: int = 0) -> Iterator[EventEntry]:
        """Events of one account and Region, newest first."""
        ...

    def notices(self, account: str, region: str) -> Iterator[NoticeEntry]:
        """Notices to one account in one Region, newest first."""
        ...

    def about(self, token: str) -> list[Entry]:
        """Entries of a request id (and of what it set off), or that name a resource id or ARN; oldest first."""
        ...

    def refusals(self) -> Iterator[CallEntry]:
        """Calls that failed, newest first."""
        ...

    def entries(self, after: int = 0) -> Iterator[tuple[int, Entry]]:
        """All entries with their position from 1, oldest first, those above `after`."""
        ...

    def __len__(self) -> int: ...


class MemoryLog:
    """The log of a world in memory. A fork shares what was there when it was made: `parent` up to `upto` entries.

    The parent may be a log elsewhere, such as in a database: it is read only where somebody asks for what was.
    """

    def __init__(self, parent: LogReader | None = None) -> None:
        self._parent = parent
        self._upto = len(parent) if parent else 0
        self._own: list[Entry] = []

    def __len__(self) -> int:
        return self._upto + len(self._own)

    def append(self, entries: Iterable[Entry]) -> None:
        self._own.extend(entries)

    def _all(self) -> list[Entry]:
        if self._parent is None:
            return self._own
        if isinstance(self._parent, MemoryLog):
            return self._parent._all()[: self._upto] + self._own
        return [entry for _, entry in islice(self._parent.entries(), self._upto)] + self._own

    def entries(self, after: int = 0) -> Iterator[tuple[int, Entry]]:
        yield from enumerate(self._all()[after:], after + 1)

    def events(self, account: str, region: str, since_ms: int = 0) -> Iterator[EventEntry]:
        for entry in reversed(self._all()):
            if isinstance(entry, EventEntry) and entry.account == account and entry.region == region:
                if entry.at_ms < since_ms:
                    return
                yield entry

    def notices(self, account: str, region: str) -> Iterator[NoticeEntry]:
        found = (entry for entry in reversed(self._all()) if isinstance(entry, NoticeEntry))
        return (entry for entry in found if entry.account == account and entry.region == region)

    def about(self, token: str) -> list[Entry]:
        return find_about(self._all(), token)

    def refusals(self) -> Iterator[CallEntry]:
        return (entry for entry in reversed(self._all()) if isinstance(entry, CallEntry) and entry.code)


def find_about(entries: Iterable[Entry], token: str) -> list[Entry]:
    """What belongs to a request id or a resource: the entries that name it, and all that their requests set off."""
    kept = list(entries)
    roots = {token} | {entry.root for entry in kept if token in concerns(entry)}
    return [entry for entry in kept if entry.root in roots]


def concerns(entry: Entry) -> tuple[str, ...]:
    """Request ids, resource ids and ARNs by which an entry is found; a refusal also by its decision id."""
    if isinstance(entry, EventEntry):
        return (entry.request_id,)
    if isinstance(entry, NoticeEntry):
        return entry.resources
    refused = (entry.id,) if isinstance(entry, DecisionEntry) and not entry.allowed else ()
    return (*entry.resources, entry.request_id, *refused)
