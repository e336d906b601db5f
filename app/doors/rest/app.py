"""What AWS has no word for: worlds and their clocks, calls with their decisions, explanations, the graph.

    /api/v1/worlds[/{world}[/fork|clock|log|notices|evidence|explanation|graph/...|recording]]   OpenAPI at /api/docs
    /api/v1/worlds/{world}/import|credentials
    /api/v1/runs...   /api/v1/sweeps...   /api/v1/explorations...   /api/v1/policy/evaluate
    /_reseal/health|ready|info   /_localstack/health

Every change of a world's records goes through `Cloud.call`, at the wire door; here worlds are only made, forked,
dropped and moved in time. A `Cloud` is not for several threads, so every route that touches one is a coroutine, which
runs on the server's loop as the wire door's calls do; what takes long (a search for repairs) gets a still of the world.
"""

from __future__ import annotations

import hmac
import re
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from app.desk import Desk
from app.desks import Desks
from app.doors.rest import strict
from app.doors.rest.explorations import explorations_router
from app.doors.rest.graph import graph_router
from app.doors.rest.imports import imports_router
from app.doors.rest.notices import notices_router
from app.doors.rest.orders import Followers
from app.doors.rest.policy import policy_router
from app.doors.rest.prices import prices_router
from app.doors.rest.recordings import recordings_router
from app.doors.rest.runs import runs_router
from app.doors.rest.sweeps import sweeps_router
from app.host import WORLD_NAME, WorldExists, Worlds, world_summary
from app.kernel.clock import Clock, iso
from app.kernel.cloud import Cloud
from app.kernel.log import CallEntry, DecisionEntry, Entry, EventEntry

ADVANCE_MS_MAX = 400 * 366 * 86_400_000
LOG_ROWS_MAX = 1000
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?\Z")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class NewWorld(Body):
    name: str = Field(pattern=WORLD_NAME.pattern.replace(r"\Z", "$"))
    seed: str | None = Field(default=None, max_length=200, description="ids, keys and answers follow from it")
    clock: Literal["real", "manual"] | None = None
    settle: Literal["instant", "lifelike"] | None = None


class NewFork(Body):
    name: str = Field(pattern=WORLD_NAME.pattern.replace(r"\Z", "$"))


class Advance(Body):
    """How far to move a world's clock: milliseconds, or text such as `8d`, `36h`, `1h30m`."""

    advance_ms: int | None = Field(default=None, ge=0, le=ADVANCE_MS_MAX)
    advance: str | None = Field(default=None, max_length=40)


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": strict.Refusal, "description": "The request can not be read, or names something that fits nothing"},
    401: {"model": strict.Refusal, "description": "A bearer token is needed"},
    404: {"model": strict.Refusal, "description": "There is no such thing"},
    413: {"model": strict.Refusal, "description": "The body is too large"},
    422: {"model": strict.Refusal, "description": "A parameter does not have its form"},
    503: {"model": strict.Refusal, "description": "The store can not be used now; the same may succeed later"},
}


def rest_app(worlds: Worlds, desks: Desks, version: str) -> FastAPI:
    app = FastAPI(
        responses=REFUSALS,
        title="reseal", version=version, docs_url="/api/docs", openapi_url="/api/openapi.json", redoc_url=None,
        description="What AWS has no word for. AWS's own APIs answer on the same port, to requests signed for them.",
    )  # fmt: skip
    strict.install(app)
    app.include_router(_health(worlds, version))
    followers = Followers()
    routers = (
        _worlds(worlds, desks.runs), runs_router(desks.runs, followers), sweeps_router(desks.sweeps, followers),
        explorations_router(desks.explorations, followers),
        recordings_router(worlds), policy_router(), prices_router(worlds), notices_router(worlds),
        graph_router(worlds), imports_router(worlds),
    )  # fmt: skip
    for router in routers:
        app.include_router(router, prefix="/api/v1", dependencies=[Depends(_bearer(worlds))])
    return app


def _bearer(worlds: Worlds) -> Any:
    """Open on loopback in open mode; else the server's bearer token."""

    def check(request: Request) -> None:
        token = worlds.settings.token
        if worlds.settings.auth == "open" and not token:
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            raise HTTPException(401, "a bearer token is needed: Authorization: Bearer ...")

    return check


def _health(worlds: Worlds, version: str) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/_reseal/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/_reseal/ready")
    async def ready() -> dict[str, Any]:
        return {"status": "ready", "worlds": len(worlds.names())}

    @router.get("/_reseal/info")
    async def info() -> dict[str, Any]:
        services = {service.name: len(service.operations) for service in worlds.services.all}
        return {"name": "reseal", "version": version, "auth": worlds.settings.auth, "operations": services}

    @router.get("/_localstack/health")
    async def localstack() -> dict[str, Any]:
        names = sorted({operation.partition(":")[0] for operation in worlds.services.operations})
        return {"services": dict.fromkeys(names, "available"), "edition": "reseal", "version": version}

    return router


def _worlds(worlds: Worlds, runs: Desk[Any, Any]) -> APIRouter:
    taken = {"model": strict.Refusal, "description": "The name is taken, or the world in use"}
    router = APIRouter(tags=["worlds"], responses={409: taken})

    def cloud_of(world: str) -> Cloud:
        cloud = worlds.get(world) if WORLD_NAME.match(world) else None
        if cloud is None:
            raise HTTPException(404, "there is no such world")
        return cloud

    @router.get("/worlds")
    async def list_worlds() -> dict[str, Any]:
        return {"worlds": [world_summary(name, cloud_of(name).world) for name in worlds.names()]}

    @router.post("/worlds", status_code=201)
    async def create_world(body: NewWorld) -> dict[str, Any]:
        settings = worlds.settings
        clock = Clock(mode=body.clock or settings.clock, settle=body.settle or settings.settle)
        try:
            return world_summary(body.name, worlds.create(body.name, seed=body.seed, clock=clock).world)
        except WorldExists:
            raise HTTPException(409, "a world of that name exists") from None

    @router.get("/worlds/{world}")
    async def describe_world(world: str) -> dict[str, Any]:
        return world_summary(world, cloud_of(world).world)

    @router.delete("/worlds/{world}", status_code=204)
    async def drop_world(world: str) -> None:
        cloud_of(world)
        if runs.active_in(world):
            raise strict.Refuses(409, "WorldInUse", "a run is in this world; cancel it first")
        worlds.drop(world)

    @router.post("/worlds/{world}/fork", status_code=201)
    async def fork_world(world: str, body: NewFork) -> dict[str, Any]:
        cloud_of(world)
        try:
            forked = worlds.fork(world, body.name)
        except WorldExists:
            raise HTTPException(409, "a world of that name exists") from None
        assert forked is not None
        return world_summary(body.name, forked.world)

    @router.get("/worlds/{world}/clock")
    async def read_clock(world: str) -> dict[str, Any]:
        return _time(cloud_of(world))

    @router.post("/worlds/{world}/clock")
    async def advance_clock(world: str, body: Advance) -> dict[str, Any]:
        cloud, by_ms = cloud_of(world), _milliseconds(body)
        cloud.advance(by_ms)
        worlds.moved(world, by_ms)
        return _time(cloud)

    @router.get("/worlds/{world}/log")
    async def read_log(world: str, after: int = 0, limit: int = 200) -> dict[str, Any]:
        """Calls of a world in order; `after` is the position of the last one seen."""
        rows: list[dict[str, Any]] = []
        seen = max(after, 0)
        for position, entry in cloud_of(world).world.log.entries(seen):
            seen = position
            if isinstance(entry, CallEntry):
                rows.append({"position": position} | msgspec.to_builtins(entry))
            if len(rows) >= min(limit, LOG_ROWS_MAX):
                break
        return {"calls": rows, "after": seen}

    @router.get("/worlds/{world}/evidence")
    async def evidence(world: str, request_id: str = "", about: str = "") -> dict[str, Any]:
        """What a request set off, or what belongs to a resource: calls, decisions and CloudTrail events."""
        return as_evidence(cloud_of(world).world.log.about(request_id or about))

    @router.get("/worlds/{world}/explanation", responses=strict.forms("text/plain"))
    async def explanation(
        world: str, about: str = "", format: Literal["json", "text"] = "json", repairs: bool = True
    ) -> Response:
        """Why a request was refused, or what a resource failed by; without `about`, the last refusal.

        Each repair was tried in a fork of the world; `repairs=false` tries none.
        """
        from app.repair.search import explained

        still = cloud_of(world).still()
        told = await run_in_threadpool(explained, still, about, tries=repairs)
        if told is None:
            raise HTTPException(404, "nothing was refused there")
        if format == "text":
            return Response(told.text, media_type="text/plain; charset=utf-8")
        return Response(msgspec.json.encode(told.json), media_type="application/json")

    return router


def as_evidence(entries: list[Entry]) -> dict[str, Any]:
    kinds = {"calls": CallEntry, "decisions": DecisionEntry, "events": EventEntry}
    return {
        name: [msgspec.to_builtins(entry) for entry in entries if isinstance(entry, kind)]
        for name, kind in kinds.items()
    }


def _time(cloud: Cloud) -> dict[str, Any]:
    clock = cloud.world.clock
    return {"now": iso(cloud.now_ms()), "now_ms": cloud.now_ms(), "mode": clock.mode, "settle": clock.settle}


def _milliseconds(body: Advance) -> int:
    if body.advance_ms is not None:
        return body.advance_ms
    found = _DURATION.match(body.advance or "")
    if not body.advance or not found:
        raise HTTPException(422, "give advance_ms, or advance such as 8d, 36h or 1h30m")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    by_ms = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
    if by_ms > ADVANCE_MS_MAX:
        raise HTTPException(422, "a clock is moved by at most 400 years at once")
    return by_ms
