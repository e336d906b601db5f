"""When two worlds are the same for all that can still happen in them.

Exploration merges states, so what is left out here must make no difference to any later call. Left out are

- request ids, the log's position, idempotency memory, and how many jobs were ever booked: nothing decides by them;
- the millisecond that each call adds to a manual clock: a moment counts as how many minutes it is from now, and by its
  place in an order. Of those that are past, the order among records of one kind, account and Region (lists are in it);
  of those to come, the order among all of one account (the jobs that are due then run in it; a job is its caller's).

Everything else counts, secrets included. Ids are counted for each account, Region and kind, so calls of different
accounts leave the same ids whichever comes first; what is drawn at random is the same if the same seeds were drawn
(`InProcess.fork`). INVARIANT: worlds that are compared come from one world: same secret, rules, clock and settling.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from app.crypto.material import Secret
from app.kernel import ids
from app.kernel.clock import milliseconds
from app.kernel.cloud import Remembered
from app.kernel.draft import Job

if TYPE_CHECKING:
    from app.kernel.records import Record
    from app.kernel.world import World

MINUTE_MS: Final = 60_000
MOMENT_MS_MIN: Final = 1_500_000_000_000  # no other number in a job's parameters is as large
_TIME: Final = "_ms"  # how every field that holds a moment ends
_REQUESTS: Final = frozenset({"request_id", "creating_request_id", "root"})

Moments = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Hashed:
    record: Record  # kept, so that its identity stays its own
    digest: bytes  # of all but its moments
    moments: Moments


class Fingerprints:
    """Takes fingerprints. Records are shared between forks, so each is hashed once: keep one of these for all forks."""

    def __init__(self) -> None:
        self._known: dict[int, _Hashed] = {}

    def of(self, world: World, also: Any = None) -> bytes:
        """32 bytes, equal for worlds that are the same; `also`: plain values that must agree too, moments alike.

        Costs a hash of the records that are new, and a walk over all.
        """
        now_ms, hashed = world.clock.now_ms, hashlib.blake2b(digest_size=32)
        every = sorted((self._hash(record) for record in world.records.all() if _counts(record)), key=_group)
        to_come = _to_come(every, now_ms)
        for group, members in groupby(every, key=_group):
            hashed.update("\0".join(group).encode())
            for one in _placed(list(members), to_come.get(group[1], {}), now_ms):
                hashed.update(one)
        hashed.update(_encoded(_plain(also, now_ms)))
        return hashed.digest()

    def _hash(self, record: Record) -> _Hashed:
        known = self._known.get(id(record))
        if known is None:
            moments: list[int] = []
            fields = msgspec.to_builtins(record, enc_hook=_opened, builtin_types=(bytes,))
            if isinstance(record, Job):
                fields = _of_job(fields, moments)
            plain = _without_moments(fields, moments)
            digest = hashlib.blake2b(_encoded(plain), digest_size=32).digest()
            known = self._known[id(record)] = _Hashed(record, digest, tuple(moments))
        return known


def _counts(record: Record) -> bool:
    is_job_count = isinstance(record, ids.Counter) and record.id == "job" and not record.account
    return not (isinstance(record, Remembered) or is_job_count)


def _group(hashed: _Hashed) -> tuple[str, str, str]:
    """Kind, account and Region; within a group, records keep the order of their ids."""
    record = hashed.record
    return record.kind, record.caller.account if isinstance(record, Job) else record.account, record.region


def _to_come(every: Iterable[_Hashed], now_ms: int) -> dict[str, dict[int, int]]:
    """Account -> the order of its moments to come."""
    moments: dict[str, set[int]] = {}
    for each in every:
        moments.setdefault(_group(each)[1], set()).update(moment for moment in each.moments if moment > now_ms)
    return {account: _order(found) for account, found in moments.items()}


def _order(moments: Iterable[int]) -> dict[int, int]:
    """Moment -> its place, the same for the same moment."""
    return {moment: place for place, moment in enumerate(sorted(set(moments)))}


def _placed(members: list[_Hashed], to_come: Mapping[int, int], now_ms: int) -> Iterator[bytes]:
    """Digests of a group, each with its moments as minutes from now and as places in their order."""
    past = _order(moment for each in members for moment in each.moments if moment <= now_ms)
    for each in members:
        yield each.digest
        if each.moments:
            places = [(_minutes(moment, now_ms), past.get(moment, to_come.get(moment))) for moment in each.moments]
            yield repr(places).encode()


def _of_job(fields: dict[str, Any], moments: list[int]) -> dict[str, Any]:
    """Without its id (its moment and its number: their order is that of the walk), and with its parameters opened."""
    parameters = json.loads(fields["parameters"])
    due = {name: value for name, value in parameters.items() if isinstance(value, int) and value >= MOMENT_MS_MIN}
    moments.extend(due.values())
    kept = {name: value for name, value in parameters.items() if name not in due}
    return {name: value for name, value in fields.items() if name != "id"} | {"parameters": [sorted(due), kept]}


def _minutes(moment_ms: int, now_ms: int) -> int | None:
    """How many minutes from now, rounded; None for the 0 that stands for no moment."""
    return round((moment_ms - now_ms) / MINUTE_MS) if moment_ms else None


def _without_moments(value: Any, moments: list[int]) -> Any:
    if isinstance(value, dict):
        fields, kept = cast("dict[str, Any]", value), dict[str, Any]()
        for name, inner in fields.items():
            if name.endswith(_TIME) and isinstance(inner, int):
                moments.append(inner)
            elif name not in _REQUESTS:
                kept[name] = _without_moments(inner, moments)
        return kept
    if isinstance(value, (list, tuple)):
        return [_without_moments(inner, moments) for inner in cast("Iterable[Any]", value)]
    return value


def _plain(value: Any, now_ms: int) -> Any:
    """An answer's values as what can be encoded, moments as minutes from now."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, now_ms) for name, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (bytes, str, int, float)) or value is None:
        return value
    if isinstance(value, datetime):
        return ["moment", _minutes(milliseconds(value), now_ms)]
    if isinstance(value, Iterable):
        return [_plain(inner, now_ms) for inner in cast("Iterable[Any]", value)]
    return str(value)


def _encoded(value: Any) -> bytes:
    return msgspec.msgpack.encode(value, order="deterministic")


def _opened(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a record holds a {type(value).__name__}, which has no fingerprint")
