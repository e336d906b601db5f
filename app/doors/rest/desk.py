"""What is the same over REST for every kind of order: to begin it, and what can be asked and done once it has an id.

    POST   /api/v1/{kind}s                 201, or 200 with what the same order under the same key began
    GET    /api/v1/{kind}s/{id}            what is known; state is waiting, running, passed, failed or stopped
    GET    /api/v1/{kind}s/{id}/events     as it goes, as Server-Sent Events
    POST   /api/v1/{kind}s/{id}/cancel
    DELETE /api/v1/{kind}s/{id}

A kind has its own body, its own answer and its own report: `runs`, `sweeps`, `explorations`, beside this file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from app.desk import Desk
from app.doors.rest.orders import ANSWERS, Followers, Id, LastEvent, refusing
from app.doors.rest.strict import Refuses
from app.kernel.store import Head
from app.kind import Json, Told
from app.orders import Order

A = TypeVar("A", bound="OrderTold")

PAGE_MAX: Final = 1000
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="of one page")]
After = Annotated[
    str, Query(pattern=r"^([a-z0-9][a-z0-9_-]{0,62})?$", description="the last id of the page before this one")
]


class OrderTold(BaseModel):
    """What every kind tells of one order; the id has the kind's name."""

    scenario: str
    state: Literal["waiting", "running", "passed", "failed", "stopped"]
    started_at: str
    stopped: str = Field(description="why it did not come to its end")


class Page(BaseModel):
    after: str = Field(description="ask for the next page with it; empty where this is the last one")


@dataclass(frozen=True, slots=True)
class Counter(Generic[A]):
    """A desk as requests see it. `answer` is the model of what is told of one order."""

    desk: Desk[Any, Any]
    answer: type[A]
    followers: Followers

    @property
    def name(self) -> str:
        return self.desk.kind.name

    @property
    def word(self) -> str:
        """In codes, such as NoSuchRun."""
        return self.name.capitalize()

    @property
    def begun_before(self) -> dict[int | str, dict[str, Any]]:
        return {200: {"model": self.answer, "description": "It was begun before"}}

    def known(self, id: str) -> Head:
        head = self.desk.head(id)
        if head is None:
            raise Refuses(404, f"NoSuch{self.word}", f"there is no such {self.name}")
        return head

    def told(self, told: Told) -> A:
        known = {**asdict(told), **told.facts, self.name: told.id}
        return self.answer(**{field: known[field] for field in self.answer.model_fields})

    def now(self, id: str) -> A:
        return self.told(self.desk.told(self.known(id)))

    async def begin(self, order: Order, key: str, response: Response) -> A:
        with refusing(f"TooMany{self.word}s"):
            told, is_new = await self.desk.start(order, key)
        response.status_code = 201 if is_new else 200
        return self.told(told)

    async def page(self, limit: int, after: str, world: str = "") -> tuple[list[A], str]:
        """The newest first, behind the order that `after` names; and what to ask for the next page with."""
        heads = await asyncio.to_thread(self.desk.heads, world)
        heads.sort(key=lambda head: (head.first["at"], head.run), reverse=True)
        if after:
            last = next((place for place, head in enumerate(heads) if head.run == after), None)
            if last is None:
                raise Refuses(404, f"NoSuch{self.word}", f"`after` names no {self.name}: begin with the first page")
            heads = heads[last + 1 :]
        shown = heads[:limit]
        return [self.told(self.desk.told(head)) for head in shown], shown[-1].run if len(heads) > limit else ""

    async def reported(self, id: str, of: Callable[[list[Json]], Any]) -> Any:
        """What `of` makes of the journal, in a thread; 409 before the end, and where it has nothing to tell."""
        head = self.known(id)
        if not self.desk.has_ended(head):
            raise Refuses(409, f"{self.word}HasNotEnded", f"the {self.name} has not ended")
        found = await asyncio.to_thread(lambda: of(self.desk.lines(head)))
        if found is None:
            raise Refuses(409, f"{self.word}HasNoReport", f"the {self.name} was stopped before it had found anything")
        return found


def counter_router(counter: Counter[Any]) -> APIRouter:
    """What needs no more than an id."""
    router, plural = APIRouter(responses=ANSWERS), f"/{counter.name}s"

    @router.get(f"{plural}/{{id}}", response_model=counter.answer)
    async def describe(id: Id) -> Any:
        return counter.now(id)

    @router.get(f"{plural}/{{id}}/events", response_class=EventSourceResponse)
    async def follow(id: Id, last_event_id: LastEvent = "") -> EventSourceResponse:
        """Numbered: `Last-Event-ID` goes on behind the last one seen. It closes with `end` or `stop`."""
        return counter.followers.answer(_events(counter.desk, counter.known(id), int(last_event_id or 0)))

    @router.post(f"{plural}/{{id}}/cancel", status_code=202, response_model=counter.answer)
    async def cancel(id: Id) -> Any:
        """Stop it as soon as it can be stopped; what it has done is kept."""
        counter.desk.cancel(counter.known(id).run)
        return counter.now(id)

    @router.delete(f"{plural}/{{id}}", status_code=204)
    async def drop(id: Id) -> None:
        """Forget it, with its world if that is its own."""
        try:
            counter.desk.drop(counter.known(id))
        except ValueError:
            code, words = f"{counter.word}IsRunning", f"the {counter.name} has not ended; cancel it first"
            raise Refuses(409, code, words) from None

    return router


async def _events(desk: Desk[Any, Any], head: Head, after: int) -> AsyncIterator[tuple[int, str, str]]:
    async for number, name, told in desk.follow(head, after):
        yield number, name, msgspec.json.encode(told).decode()
