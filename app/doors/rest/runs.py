"""Runs over REST: start one from a scenario or a bundle of files, follow it, fetch what is told of it.

POST   /api/v1/runs                      an order (`app/doors/rest/orders.py`), with `world` and `repairs`
GET    /api/v1/runs[/{run}]              what is known; state is waiting, running, passed, failed or stopped
GET    /api/v1/runs/{run}/events         its journal as Server-Sent Events
GET    /api/v1/runs/{run}/report         once it has ended or stopped, in every form of `workflows.reports`
GET    /api/v1/runs/{run}/graph          the key graph after a step, as it was then
POST   /api/v1/runs/{run}/cancel|resume
DELETE /api/v1/runs/{run}
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from app.doors.rest.graph import GRAPH_MEDIA, Select, Whole, drawn
from app.doors.rest.orders import ANSWERS, Event, Followers, Id, Key, LastEvent, NewOrder, refusing
from app.doors.rest.strict import Refuses, forms
from app.graph.build import Graph
from app.runs import NoSuchWorld, RunOrder, Runs, Summary
from workflows.reports import MEDIA_TYPES, Finished, render

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


class RunTold(BaseModel):
    run: str
    world: str
    scenario: str
    state: Literal["waiting", "running", "passed", "failed", "stopped"]
    started_at: str
    steps: int = Field(description="that were taken, set-up included")
    stopped: str = Field(description="why it could not go on; it can be resumed")


class RunsTold(BaseModel):
    runs: list[RunTold]


ReportForm = Literal["json", "text", "junit", "sarif", "html", "tap", "github", "summary"]
At = Annotated[str, Query(max_length=200, description="id of a step that was taken; without it the last one")]


@dataclass(frozen=True, slots=True)
class _Desk:
    """The runs of a server, as requests name them."""

    runs: Runs
    followers: Followers

    def known(self, run: str) -> str:
        if not self.runs.knows(run):
            raise Refuses(404, "NoSuchRun", "there is no such run")
        return run

    def told(self, run: str) -> RunTold:
        return _told(self.runs.summary(self.known(run)))

    async def finished(self, run: str) -> Finished:
        found = await self.runs.finished(self.known(run))
        if found is None:
            raise Refuses(409, "RunHasNotEnded", "the run has not ended")
        return found

    def graph(self, run: str, step: str) -> Graph:
        """The graph after a step; after the last one where none is named."""
        graphs = self.runs.graphs(self.known(run))
        if not graphs:
            raise Refuses(409, "RunHasNotBegun", "the run waits for its turn: nothing is known of its graph")
        if step and step not in graphs:
            taken = ", ".join(filter(None, graphs)) or "none"
            raise Refuses(404, "NoSuchStep", f"the run has not taken a step {step!r}; it has taken {taken}")
        return Graph.from_node_link(graphs[step or list(graphs)[-1]])


def runs_router(runs: Runs, followers: Followers) -> APIRouter:
    router = APIRouter(tags=["runs"], responses=ANSWERS)
    desk = _Desk(runs, followers)
    for part in (_acting(desk), _telling(desk)):
        router.include_router(part)
    return router


def _acting(desk: _Desk) -> APIRouter:
    router = APIRouter()

    @router.post("/runs", status_code=201, responses={200: {"model": RunTold, "description": "It was begun before"}})
    async def start_run(body: NewRun, response: Response, idempotency_key: Key = "") -> RunTold:
        """Begin a run. A scenario that is not valid is refused with every mistake, at file, line and column."""
        try:
            with refusing("TooManyRuns"):
                summary, is_new = desk.runs.start(body.order(), idempotency_key)
        except NoSuchWorld:
            raise Refuses(404, "NoSuchWorld", "there is no such world") from None
        response.status_code = 201 if is_new else 200
        return _told(summary)

    @router.post("/runs/{run}/cancel", status_code=202)
    async def cancel_run(run: Id) -> RunTold:
        """Stop it after the call that it is at."""
        desk.runs.cancel(desk.known(run))
        return desk.told(run)

    @router.post("/runs/{run}/resume", status_code=202)
    async def resume_run(run: Id) -> RunTold:
        """Go on with a run that stopped; what it has done is not done again."""
        return _told(desk.runs.resume(desk.known(run)))

    @router.delete("/runs/{run}", status_code=204)
    async def drop_run(run: Id) -> None:
        """Forget it, with its world if that is its own."""
        try:
            desk.runs.drop(desk.known(run))
        except ValueError:
            raise Refuses(409, "RunIsRunning", "the run has not ended; cancel it first") from None

    return router


def _telling(desk: _Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/runs")
    async def list_runs(world: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> RunsTold:
        """The newest first."""
        found = [desk.runs.summary(run) for run in desk.runs.ids()]
        wanted = sorted((each for each in found if world in ("", each.world)), key=lambda each: each.started_at)
        return RunsTold(runs=[_told(each) for each in wanted[::-1][:limit]])

    @router.get("/runs/{run}")
    async def describe_run(run: Id) -> RunTold:
        return desk.told(run)

    @router.get("/runs/{run}/events", response_class=EventSourceResponse)
    async def follow_run(run: Id, last_event_id: LastEvent = "") -> EventSourceResponse:
        """Its journal as it is written: `intent`, `record` (a step and what came of it), `end` or `stop`."""
        return desk.followers.answer(_events(desk.runs, desk.known(run), int(last_event_id or 0)))

    @router.get("/runs/{run}/report", responses=forms(*dict.fromkeys(REPORT_MEDIA.values())))
    async def fetch_report(run: Id, format: ReportForm = "json") -> Response:
        """The whole of it, once it has ended or stopped; paths are those of the bundle's files."""
        finished = await desk.finished(run)
        return Response(await run_in_threadpool(render, format, [finished]), media_type=REPORT_MEDIA[format])

    @router.get("/runs/{run}/graph", responses=forms("text/plain", *GRAPH_MEDIA.values()))
    async def fetch_graph(run: Id, at: At = "", format: Whole = "json", select: Select = "") -> Response:
        """The key graph after a step of the run, whatever has become of its world since."""
        return await run_in_threadpool(drawn, desk.graph(run, at), format, select)

    return router


async def _events(runs: Runs, run: str, after: int) -> AsyncIterator[Event]:
    async for number, entry in runs.follow(run, after):
        yield number, entry["kind"], msgspec.json.encode(_shown(entry)).decode()


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    """A line for a follower: without the files that were sent, and without graphs, which have a route of their own."""
    kept = {name: value for name, value in entry.items() if name not in ("kind", "order", "asked", "files", "graph")}
    for part in ("transition", "report"):
        if part in kept:
            kept[part] = {name: value for name, value in kept[part].items() if name not in ("graph", "files")}
    return kept


def _told(summary: Summary) -> RunTold:
    return RunTold(**asdict(summary))
