"""Runs over REST: start one from a scenario or a bundle of files, follow it, fetch what is told of it.

    POST   /api/v1/runs                      {"scenario": text} or {"entry": name, "files": {name: text}}
    GET    /api/v1/runs[/{run}]              what is known; state is waiting, running, passed, failed or stopped
    GET    /api/v1/runs/{run}/events         its journal as Server-Sent Events; `Last-Event-ID` goes on from there
    GET    /api/v1/runs/{run}/report|graph
    POST   /api/v1/runs/{run}/cancel|resume
    DELETE /api/v1/runs/{run}

With an `Idempotency-Key` the same order again is answered with the run that it began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from os.path import normpath
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sse_starlette import EventSourceResponse

from app.doors.rest.strict import Refusal, Refuses, forms
from app.runs import KeyReused, NoSuchWorld, Order, Runs, Summary, TooMany
from workflows.yaml_marks import InvalidFile, Mistake

SCENARIO = "scenario.reseal.yaml"  # the name of one that came without a name
FILES_MAX = 200
FOLLOWERS_MAX = 32  # of one server
PING_S = 15

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./ @+=,-]{0,199}$")]
RunId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=255, pattern=r"^[\x21-\x7e]*$")]


class NewRun(BaseModel):
    """One scenario by its text, or a bundle: every file that it names, by name, and which of them to run."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    scenario: str | None = Field(None, description="text of a scenario that names no other file")
    entry: Name | None = Field(None, description="which of the files is the scenario, such as share.reseal.yaml")
    files: dict[Name, str] = Field(default_factory=dict, max_length=FILES_MAX)
    world: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="run in this world; else in a fresh one",
    )
    repairs: bool = Field(True, description="try what would make a refused step succeed")

    @model_validator(mode="after")
    def _one_form(self) -> NewRun:
        if (self.scenario is None) == (self.entry is None):
            raise ValueError("give either `scenario`, or `entry` and `files`")
        if self.scenario is not None and self.files:
            raise ValueError("`files` go with `entry`")
        strange = [name for name in self.files if normpath(name) != name or name.startswith("..")]
        if strange:
            raise ValueError("a file's name is a relative path without . and ..")
        if self.entry is not None and self.entry not in self.files:
            raise ValueError("`entry` names none of the `files`")
        return self

    def order(self) -> Order:
        files = {SCENARIO: self.scenario} if self.scenario is not None else dict(self.files)
        return Order(entry=self.entry or SCENARIO, files=files, world=self.world or "", repairs=self.repairs)


class Place(BaseModel):
    file: str
    line: int
    column: int
    message: str


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


ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"model": Refusal, "description": "There is no such run, world, step or node"},
    409: {"model": Refusal, "description": "Not now, or not so: the text says why"},
    429: {"model": Refusal, "description": "A limit of this server is reached"},
}


def runs_router(runs: Runs) -> APIRouter:
    router = APIRouter(tags=["runs"], responses=ANSWERS)
    followers: set[object] = set()

    def known(run: str) -> str:
        if not runs.knows(run):
            raise Refuses(404, "NoSuchRun", "there is no such run")
        return run

    @router.post("/runs", status_code=201, responses={200: {"model": RunTold, "description": "It was begun before"}})
    async def start_run(body: NewRun, response: Response, idempotency_key: Key = "") -> RunTold:
        """Begin a run. A scenario that is not valid is refused with every mistake, at file, line and column."""
        try:
            summary, is_new = runs.start(body.order(), idempotency_key)
        except InvalidFile as invalid:
            raise Refuses(422, "InvalidScenario", str(invalid), mistakes=list(map(_place, invalid.mistakes))) from None
        except TooMany as limit:
            raise Refuses(429, "TooManyRuns", str(limit)) from None
        except KeyReused:
            raise Refuses(409, "IdempotencyKeyReused", "the key was used with another order") from None
        except NoSuchWorld:
            raise Refuses(404, "NoSuchWorld", "there is no such world") from None
        response.status_code = 201 if is_new else 200
        return _told(summary)

    @router.get("/runs")
    async def list_runs(world: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> RunsTold:
        """The newest first."""
        found = [runs.summary(run) for run in runs.ids()]
        wanted = sorted((each for each in found if world in ("", each.world)), key=lambda each: each.started_at)
        return RunsTold(runs=[_told(each) for each in wanted[::-1][:limit]])

    @router.get("/runs/{run}")
    async def describe_run(run: RunId) -> RunTold:
        return _told(runs.summary(known(run)))

    @router.get("/runs/{run}/events", response_class=EventSourceResponse)
    async def follow_run(
        run: RunId, last_event_id: Annotated[str, Header(alias="Last-Event-ID", pattern=r"^\d{0,9}$")] = ""
    ) -> EventSourceResponse:
        """Its journal as it is written: `intent`, `record` (a step and what came of it), `end` or `stop`."""
        if len(followers) >= FOLLOWERS_MAX:
            raise Refuses(429, "TooManyFollowers", f"this server has at most {FOLLOWERS_MAX} followers at once")
        return EventSourceResponse(_events(runs, known(run), int(last_event_id or 0), followers), ping=PING_S)

    @router.get("/runs/{run}/report", responses=forms("text/plain"))
    async def fetch_report(run: RunId, format: Literal["json", "text"] = "json") -> Response:
        """The whole of it, once it has ended or stopped."""
        from workflows import reports
        from workflows.reports import repairs_of

        found = runs.report(known(run))
        if found is None:
            raise Refuses(409, "RunHasNotEnded", "the run has not ended")
        if format == "text":
            return Response(reports.as_text(found, repairs=repairs_of(found)), media_type="text/plain; charset=utf-8")
        return Response(reports.as_json(found, repairs_of(found)), media_type="application/json")

    @router.post("/runs/{run}/cancel", status_code=202)
    async def cancel_run(run: RunId) -> RunTold:
        """Stop it after the call that it is at."""
        runs.cancel(known(run))
        return _told(runs.summary(run))

    @router.post("/runs/{run}/resume", status_code=202)
    async def resume_run(run: RunId) -> RunTold:
        """Go on with a run that stopped; what it has done is not done again."""
        return _told(runs.resume(known(run)))

    @router.delete("/runs/{run}", status_code=204)
    async def drop_run(run: RunId) -> None:
        """Forget it, with its world if that is its own."""
        try:
            runs.drop(known(run))
        except ValueError:
            raise Refuses(409, "RunIsRunning", "the run has not ended; cancel it first") from None

    return router


async def _events(runs: Runs, run: str, after: int, followers: set[object]) -> AsyncIterator[dict[str, str]]:
    token = object()
    followers.add(token)
    try:
        async for number, entry in runs.follow(run, after):
            yield {"id": str(number), "event": entry["kind"], "data": msgspec.json.encode(_shown(entry)).decode()}
    finally:
        followers.discard(token)


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    """A line for a follower: without the files that were sent, and without graphs, which have a route of their own."""
    kept = {name: value for name, value in entry.items() if name not in ("kind", "order", "asked", "files", "graph")}
    for part in ("transition", "report"):
        if part in kept:
            kept[part] = {name: value for name, value in kept[part].items() if name not in ("graph", "files")}
    return kept


def _told(summary: Summary) -> RunTold:
    return RunTold(**asdict(summary))


def _place(mistake: Mistake) -> dict[str, object]:
    mark = mistake.mark
    return Place(file=mark.file, line=mark.line, column=mark.column, message=mistake.text).model_dump()
