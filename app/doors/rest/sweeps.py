"""Sweeps over REST: start one from a file with `strategy:`, follow its cells, fetch what came of them.

    POST   /api/v1/sweeps                    an order (`app/doors/rest/orders.py`), with `workers`
    GET    /api/v1/sweeps[/{sweep}]          what is known; state is waiting, running, passed, failed or stopped
    GET    /api/v1/sweeps/{sweep}/events     a `cell` as soon as it and all before it are done, then `end`
    GET    /api/v1/sweeps/{sweep}/report     once it has ended
    POST   /api/v1/sweeps/{sweep}/cancel
    DELETE /api/v1/sweeps/{sweep}

A sweep belongs to no world, and is kept in the server's memory only: after a restart it is not known any more. The same
order comes to the same bytes, so nothing is lost but its time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from app.doors.rest.orders import ANSWERS, Event, Followers, Id, Key, LastEvent, NewOrder, refusing
from app.doors.rest.strict import Refuses, forms
from app.sweeps import CELLS_FEW, WORKERS_MAX, SweepOrder, Sweeps, Told
from workflows.reports import MEDIA_TYPES
from workflows.sweep.ended import Swept
from workflows.sweep.forms import FORMS, line
from workflows.sweep.result import Summary


class NewSweep(NewOrder):
    """A sweep by its text, or a bundle: every file that it names, by name, and which of them is the sweep."""

    workers: int | None = Field(
        None,
        ge=1,
        le=WORKERS_MAX,
        description=f"processes; without it one a core, and none of their own for up to {CELLS_FEW} cells",
    )

    def order(self) -> SweepOrder:
        return SweepOrder(**self.bundle(), workers=self.workers or 0)


class SweepTold(BaseModel):
    sweep: str
    scenario: str
    state: Literal["waiting", "running", "passed", "failed", "stopped"]
    started_at: str
    cells: int
    finished: int = Field(description="cells that have a result")
    failed: int = Field(description="cells that are not as expected")
    stopped: str = Field(description="why it did not come to its end")


class SweepsTold(BaseModel):
    sweeps: list[SweepTold]


ReportForm = Literal["json", "text", "junit", "sarif", "html", "tap", "github", "summary"]


@dataclass(frozen=True, slots=True)
class _Desk:
    """The sweeps of a server, as requests name them."""

    sweeps: Sweeps
    followers: Followers

    def known(self, sweep: str) -> str:
        if sweep not in self.sweeps:
            raise Refuses(404, "NoSuchSweep", "there is no such sweep; they are forgotten when a server ends")
        return sweep

    def told(self, sweep: str) -> SweepTold:
        return _told(self.sweeps.told(self.known(sweep)))


def sweeps_router(sweeps: Sweeps, followers: Followers) -> APIRouter:
    router = APIRouter(tags=["sweeps"], responses=ANSWERS)
    desk = _Desk(sweeps, followers)
    for part in (_acting(desk), _telling(desk)):
        router.include_router(part)
    return router


def _acting(desk: _Desk) -> APIRouter:
    router = APIRouter()
    begun_before = {"model": SweepTold, "description": "It was begun before"}

    @router.post("/sweeps", status_code=201, responses={200: begun_before})
    async def start_sweep(body: NewSweep, response: Response, idempotency_key: Key = "") -> SweepTold:
        """Begin a sweep, once every cell was checked: each mistake is told at file, line and column."""
        with refusing("TooManySweeps"):
            told, is_new = await desk.sweeps.start(body.order(), idempotency_key)
        response.status_code = 201 if is_new else 200
        return _told(told)

    @router.post("/sweeps/{sweep}/cancel", status_code=202)
    async def cancel_sweep(sweep: Id) -> SweepTold:
        """End it with the cells that are done."""
        desk.sweeps.cancel(desk.known(sweep))
        return desk.told(sweep)

    @router.delete("/sweeps/{sweep}", status_code=204)
    async def drop_sweep(sweep: Id) -> None:
        try:
            desk.sweeps.drop(desk.known(sweep))
        except ValueError:
            raise Refuses(409, "SweepIsRunning", "the sweep has not ended; cancel it first") from None

    return router


def _telling(desk: _Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/sweeps")
    async def list_sweeps(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> SweepsTold:
        """The newest first."""
        return SweepsTold(sweeps=[desk.told(sweep) for sweep in desk.sweeps.names()[:limit]])

    @router.get("/sweeps/{sweep}")
    async def describe_sweep(sweep: Id) -> SweepTold:
        return desk.told(sweep)

    @router.get("/sweeps/{sweep}/events", response_class=EventSourceResponse)
    async def follow_sweep(sweep: Id, last_event_id: LastEvent = "") -> EventSourceResponse:
        """A `cell` each, in the order of the matrix, and `end` with the summary; numbered as the cells are."""
        return desk.followers.answer(_events(desk.sweeps, desk.known(sweep), int(last_event_id or 0)))

    @router.get("/sweeps/{sweep}/report", responses=forms(*dict.fromkeys(MEDIA_TYPES[form] for form in FORMS)))
    async def fetch_sweep_report(sweep: Id, format: ReportForm = "json") -> Response:
        """json: a line a cell and the summary, as `reseal sweep --json`; the others as of a run."""
        ended = desk.sweeps.ended(desk.known(sweep))
        if ended is None:
            raise Refuses(409, "SweepHasNotEnded", "the sweep has not ended")
        return Response(await run_in_threadpool(FORMS[format], [Swept(*ended)], ""), media_type=MEDIA_TYPES[format])

    return router


async def _events(sweeps: Sweeps, sweep: str, after: int) -> AsyncIterator[Event]:
    async for number, told in sweeps.follow(sweep, after):
        yield number, "end" if isinstance(told, Summary) else "cell", line(told)


def _told(told: Told) -> SweepTold:
    return SweepTold(**asdict(told))
