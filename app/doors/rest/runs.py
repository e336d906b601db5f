"""Runs over REST (`app.doors.rest.desk`): one scenario, in a world of its own or in one that is there.

POST   /api/v1/runs                      an order (`app/doors/rest/orders.py`), with `world` and `repairs`
GET    /api/v1/runs                      a page of them, the newest first
GET    /api/v1/runs/{run}/events         its journal: `start`, `begin`, `intent`, `record`, `end` or `stop`
GET    /api/v1/runs/{run}/report         once it has ended or stopped, in every form of `workflows.reports`
GET    /api/v1/runs/{run}/graph          the key graph after a step, as it was then
POST   /api/v1/runs/{run}/resume
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from app.desk import Desk
from app.doors.rest.desk import After, Counter, Limit, OrderTold, Page, counter_router
from app.doors.rest.graph import GRAPH_MEDIA, Select, Whole, drawn
from app.doors.rest.orders import ANSWERS, Followers, Id, Key, NewOrder, ReportForm
from app.doors.rest.strict import Refuses, forms
from app.graph.build import Graph
from app.kind import Json
from app.runs import NoSuchWorld, RunOrder, Runs, graphs
from workflows.reports import MEDIA_TYPES, render

REPORT_MEDIA = {**MEDIA_TYPES, "json": "application/json"}  # of one run: one object, in one line


class NewRun(NewOrder):
    """One scenario by its text, or a bundle: every file that it names, by name, and which of them to run."""

    world: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="run in this world; else in a fresh one",
    )
    repairs: bool = Field(True, description="try what would make a refused step succeed")

    def order(self) -> RunOrder:
        return RunOrder(**self.bundle(), world=self.world or "", repairs=self.repairs)


class RunTold(OrderTold):
    run: str
    world: str
    steps: int = Field(description="that were taken, set-up included")
    stopped: str = Field(description="why it could not go on; it can be resumed")


class RunsTold(Page):
    runs: list[RunTold]


At = Annotated[str, Query(max_length=200, description="id of a step that was taken; without it the last one")]


def runs_router(desk: Desk[RunOrder, Any], followers: Followers) -> APIRouter:
    router = APIRouter(tags=["runs"], responses=ANSWERS)
    counter = Counter(desk, RunTold, followers)
    for part in (_acting(counter), _telling(counter), counter_router(counter)):
        router.include_router(part)
    return router


def _acting(counter: Counter[RunTold]) -> APIRouter:
    router = APIRouter()

    @router.post("/runs", status_code=201, responses=counter.begun_before)
    async def start_run(body: NewRun, response: Response, idempotency_key: Key = "") -> RunTold:
        """Begin a run. A scenario that is not valid is refused with every mistake, at file, line and column."""
        try:
            return await counter.begin(body.order(), idempotency_key, response)
        except NoSuchWorld:
            raise Refuses(404, "NoSuchWorld", "there is no such world") from None

    @router.post("/runs/{id}/resume", status_code=202)
    async def resume_run(id: Id) -> RunTold:
        """Go on with a run that stopped; what it has done is not done again."""
        counter.desk.resume(counter.known(id))
        return counter.now(id)

    return router


def _telling(counter: Counter[RunTold]) -> APIRouter:
    router, kind = APIRouter(), counter.desk.kind
    assert isinstance(kind, Runs)

    @router.get("/runs")
    async def list_runs(world: World = "", limit: Limit = 100, after: After = "") -> RunsTold:
        """The newest first."""
        runs, more = await counter.page(limit, after, world)
        return RunsTold(runs=runs, after=more)

    @router.get("/runs/{id}/report", responses=forms(*dict.fromkeys(REPORT_MEDIA.values())))
    async def fetch_report(id: Id, format: ReportForm = "json") -> Response:
        """The whole of it, once it has ended or stopped; paths are those of the bundle's files."""
        finished = await counter.reported(id, kind.finished)
        return Response(await run_in_threadpool(render, format, [finished]), media_type=REPORT_MEDIA[format])

    @router.get("/runs/{id}/graph", responses=forms("text/plain", *GRAPH_MEDIA.values()))
    async def fetch_graph(id: Id, at: At = "", format: Whole = "json", select: Select = "") -> Response:
        """The key graph after a step of the run, whatever has become of its world since."""
        head = counter.known(id)
        found = await asyncio.to_thread(lambda: graphs(counter.desk.lines(head)))
        return await run_in_threadpool(drawn, _graph(found, at), format, select)

    return router


World = Annotated[str, Query(pattern=r"^([a-z0-9][a-z0-9_-]{0,62})?$", description="only those in this world")]


def _graph(found: dict[str, Json], step: str) -> Graph:
    """The graph after a step; after the last one where none is named."""
    if not found:
        raise Refuses(409, "RunHasNotBegun", "the run waits for its turn: nothing is known of its graph")
    if step and step not in found:
        taken = ", ".join(filter(None, found)) or "none"
        raise Refuses(404, "NoSuchStep", f"the run has not taken a step {step!r}; it has taken {taken}")
    return Graph.from_node_link(found[step or list(found)[-1]])
