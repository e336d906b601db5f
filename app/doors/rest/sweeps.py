"""Sweeps over REST (`app.doors.rest.desk`): a scenario with `strategy:`, in all its variations.

POST   /api/v1/sweeps                    an order (`app/doors/rest/orders.py`), with `workers`
GET    /api/v1/sweeps                    a page of them, the newest first
GET    /api/v1/sweeps/{sweep}/events     a `cell` as soon as it and all before it are done, then `end`
GET    /api/v1/sweeps/{sweep}/report     once it has ended, or was stopped: of the cells that are done
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from app.desk import Desk
from app.doors.rest.desk import After, Counter, Limit, OrderTold, Page, counter_router
from app.doors.rest.orders import ANSWERS, Followers, Id, Key, NewOrder, ReportForm
from app.doors.rest.strict import forms
from app.sweeps import CELLS_A_WORKER, WORKERS_MAX, SweepOrder, Sweeps
from workflows.reports import MEDIA_TYPES
from workflows.sweep.forms import FORMS
from workflows.sweep.load import Sweep


class NewSweep(NewOrder):
    """A sweep by its text, or a bundle: every file that it names, by name, and which of them is the sweep."""

    workers: int | None = Field(
        None,
        ge=1,
        le=WORKERS_MAX,
        description=f"processes; without it one a core, but none for less than {CELLS_A_WORKER} cells more",
    )

    def order(self) -> SweepOrder:
        return SweepOrder(**self.bundle(), workers=self.workers or 0)


class SweepTold(OrderTold):
    sweep: str
    cells: int
    finished: int = Field(description="cells that have a result, as all before them do")
    failed: int = Field(description="cells that are not as expected")


class SweepsTold(Page):
    sweeps: list[SweepTold]


def sweeps_router(desk: Desk[SweepOrder, Sweep], followers: Followers) -> APIRouter:
    router = APIRouter(tags=["sweeps"], responses=ANSWERS)
    counter, kind = Counter(desk, SweepTold, followers), desk.kind
    assert isinstance(kind, Sweeps)

    @router.post("/sweeps", status_code=201, responses=counter.begun_before)
    async def start_sweep(body: NewSweep, response: Response, idempotency_key: Key = "") -> SweepTold:
        """Begin a sweep, once every cell was checked: each mistake is told at file, line and column."""
        return await counter.begin(body.order(), idempotency_key, response)

    @router.get("/sweeps")
    async def list_sweeps(limit: Limit = 100, after: After = "") -> SweepsTold:
        """The newest first."""
        sweeps, more = await counter.page(limit, after)
        return SweepsTold(sweeps=sweeps, after=more)

    @router.get("/sweeps/{id}/report", responses=forms(*dict.fromkeys(MEDIA_TYPES[form] for form in FORMS)))
    async def fetch_sweep_report(id: Id, format: ReportForm = "json") -> Response:
        """json: a line a cell and the summary, as `reseal sweep --json`; the others as of a run."""
        ended = await counter.reported(id, kind.ended)
        return Response(await run_in_threadpool(FORMS[format], [ended], ""), media_type=MEDIA_TYPES[format])

    router.include_router(counter_router(counter))
    return router
