"""A draft: the staged change of one call, and all that the calls below it stage.

Handlers read and write the world only through a draft. A nested call (`on_behalf`, `as_service`) works in the same
draft, one frame deeper: if it is refused its changes are taken back and its log entries stay, so a refusal several
services down is authorized, logged and explained like any other call. Nothing leaves a draft before `perform` ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replace_call
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from app.kernel import ids
from app.kernel.call import Call, Caller, Via, service_caller
from app.kernel.entropy import Entropy
from app.kernel.errors import AwsError, Refusal
from app.kernel.log import Entry
from app.kernel.records import Key, Record, replace

if TYPE_CHECKING:
    from app.blocks.ref import BlockRef
    from app.kernel.operation import Operation, Services
    from app.kernel.world import World

R = TypeVar("R", bound=Record)


class Job(Record, frozen=True, kw_only=True):
    """What the clock owes. Kept in the order (due, sequence), which is its id."""

    kind = "job"
    name: str
    due_ms: int
    parameters: str  # JSON
    caller: Caller
    job_region: str
    request_id: str  # of the call that booked it: AWS's events name that one
    root: str
    about: tuple[str, ...] = ()


@dataclass(slots=True)
class Frame:
    """What one call, nested or not, leaves for its audit event beside parameters and answer."""

    call: Call
    operation: Operation | None = None
    resources: list[tuple[str, str, str]] = field(default_factory=list)  # (owner's account, type, ARN)
    additional: dict[str, Any] = field(default_factory=dict)  # additionalEventData
    copies: dict[str, bool] = field(default_factory=dict)  # account that gets a copy -> also when the call fails
    about: list[str] = field(default_factory=list)  # ids of resources the call is about, beside those it names
    decision_id: str = ""
    memo: dict[str, Any] = field(default_factory=dict)  # what a check found, for the handler
    response: Mapping[str, Any] | None = None  # responseElements where they are not the answer

    def touch(self, account: str, type: str, arn: str) -> None:
        if (account, type, arn) not in self.resources:
            self.resources.append((account, type, arn))


@dataclass(frozen=True, slots=True)
class Result:
    """What a nested call came to."""

    answer: Mapping[str, Any] | None = None
    error: AwsError | None = None
    refusal: Refusal | None = None

    def __getitem__(self, member: str) -> Any:
        return (self.answer or {})[member]


class Draft:
    def __init__(self, services: Services, world: World, call: Call) -> None:
        self.services = services
        self.world = world
        self.log: list[Entry] = []
        self.blocks: dict[BlockRef, bytes] = {}
        self.touched: dict[tuple[type[Record], Key], None] = {}
        self.entropy = Entropy(call.seed)
        self.frame = Frame(call)

    # records

    def get(self, kind: type[R], account: str, region: str, id: str) -> R | None:
        return self.world.records.get(kind, account, region, id)

    def find(self, kind: type[R], index: str, *key: str) -> R | None:
        return self.world.records.find(kind, index, *key)

    def scan(self, kind: type[R], *prefix: str, after: Key = ()) -> Iterator[R]:
        return self.world.records.scan(kind, *prefix, after=after)

    def scan_index(self, kind: type[R], index: str, *prefix: str, after: Key = ()) -> Iterator[R]:
        return self.world.records.scan_index(kind, index, *prefix, after=after)

    def put(self, record: R) -> R:
        self.touched[type(record), record.key] = None
        self.world = self.world.with_records(self.world.records.put(record))
        return record

    def change(self, record: R, **changes: Any) -> R:
        """Put the record back with some fields changed."""
        return self.put(replace(record, **changes))

    def delete(self, record: Record) -> None:
        self.touched[type(record), record.key] = None
        self.world = self.world.with_records(self.world.records.delete(record))

    # ids

    def new_hash(self, kind: str, account: str, region: str = "") -> bytes:
        """32 bytes for the next thing of this kind; the count is of (account, Region, kind)."""
        counter = self.get(ids.Counter, account, region, kind)
        n = counter.value + 1 if counter else 1
        self.put(ids.Counter(account=account, region=region, id=kind, value=n))
        return self.world.digest("id", account, region, kind, n)

    def new_id(self, prefix: str, account: str, region: str = "") -> str:
        """`snap-0...`: an id of EC2's long form."""
        return ids.hex_id(prefix, self.new_hash(prefix, account, region))

    # blocks

    def read_block(self, ref: BlockRef) -> bytes:
        """Sealed bytes of a block, staged or stored."""
        return self.blocks.get(ref) or self.world.blocks(ref)

    # other services, and later

    def on_behalf(
        self, operation: str, parameters: Mapping[str, Any], *, via: Via, region: str = "", request_id: str = ""
    ) -> Result:
        """A forward access session: the caller of the current call stays the caller, seen to come through a service."""
        call = self.frame.call
        return self._nest(
            call.nested(
                operation=operation,
                parameters=parameters,
                via=via,
                acting_service="",
                source_arn="",
                region=region or call.region,
                request_id=request_id or call.request_id,
                about=(*call.about, *self.frame.about),
                declared=None,
            )
        )

    def as_service(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        principal: str,
        invoked_by: str,
        region: str = "",
        source_arn: str = "",
    ) -> Result:
        """A call by a service as itself: a grant or the key policy must allow `principal`, for what `source_arn` is."""
        call = self.frame.call
        return self._nest(
            call.nested(
                operation=operation,
                parameters=parameters,
                caller=service_caller(principal),
                via=None,
                acting_service=invoked_by,
                source_arn=source_arn,
                region=region or call.region,
                request_id=self.entropy.uuid("request"),
                about=(*call.about, *self.frame.about),
                declared=None,
            )
        )

    def as_caller(self, operation: str, parameters: Mapping[str, Any], caller: Caller, *, invoked_by: str) -> Result:
        """A call by another principal that a service acts as, such as EC2's infrastructure role of an instance."""
        call = self.frame.call
        return self._nest(
            call.nested(
                operation=operation,
                parameters=parameters,
                caller=caller,
                via=None,
                acting_service=invoked_by,
                source_arn="",
                request_id=call.request_id,
                about=(*call.about, *self.frame.about),
                declared=None,
            )
        )

    def internally(self, name: str, parameters: Mapping[str, Any], region: str = "") -> Mapping[str, Any]:
        """An internal operation of any service, as part of the one under way: its refusal is that one's."""
        outer = self.frame
        self.frame = Frame(replace_call(outer.call, operation=f"reseal:{name}", parameters=parameters, region=region))
        answer = self.services.internal[name](self, self.frame.call)
        self.frame = outer
        return answer or {}

    def _nest(self, call: Call) -> Result:
        from app.kernel.perform import enact  # the two are one recursion

        return enact(self, call)

    def later(
        self, name: str, *, after_ms: int = 0, due_ms: int | None = None, about: Iterable[str] = (), **parameters: Any
    ) -> None:
        """Book a job: due at once when the world settles instantly, else `after_ms` of the world's time from now.

        With `due_ms` it is due at that moment whatever the settling: a date of the calendar (the end of a key's
        deletion window, the next rotation), not a delay of AWS's.
        """
        call = self.frame.call
        due = call.at_ms + self.world.clock.delay_ms(after_ms) if due_ms is None else due_ms
        counter = self.get(ids.Counter, "", "", "job")
        n = counter.value + 1 if counter else 1
        self.put(ids.Counter(account="", id="job", value=n))
        self.put(
            Job(
                account="",
                id=f"{due:015d}-{n:012d}",
                name=name,
                due_ms=due,
                parameters=msgspec.json.encode(parameters).decode(),
                caller=call.caller,
                job_region=call.region,
                request_id=call.request_id,
                root=call.root or call.request_id,
                about=tuple(about),
            )
        )
