"""Recordings over REST: keep what is done by hand in a world, so that `reseal run --record` can write a scenario of it.

PUT    /api/v1/worlds/{world}/recording     begin one, or go on with the one that there is
GET    /api/v1/worlds/{world}/recording     what was done since (`?after=N`: without the first N lines)
DELETE /api/v1/worlds/{world}/recording     stop, and forget it
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from app.doors.rest.strict import Refuses
from app.host import WORLD_NAME, Worlds
from app.kernel.cloud import Cloud
from app.recorder import Recording


class RecordingTold(BaseModel):
    world: str
    calls: int


def recordings_router(worlds: Worlds) -> APIRouter:
    router = APIRouter(tags=["recordings"])

    def cloud_of(world: str) -> Cloud:
        cloud = worlds.get(world) if WORLD_NAME.match(world) else None
        if cloud is None:
            raise Refuses(404, "NoSuchWorld", "there is no such world")
        return cloud

    def recording_of(world: str) -> Recording:
        cloud_of(world)
        if world not in worlds.recordings:
            raise Refuses(404, "NoSuchRecording", "this world is not being recorded")
        return worlds.recordings[world]

    @router.put("/worlds/{world}/recording")
    async def begin_recording(world: str) -> RecordingTold:
        """Keep every call from now on, without secrets, with the world. One that was begun goes on."""
        cloud_of(world)
        return RecordingTold(world=world, calls=worlds.take_up_recording(world).calls)

    @router.get("/worlds/{world}/recording")
    async def fetch_recording(world: str, after: Annotated[int, Query(ge=0)] = 0) -> Response:
        """Lines: `kept`, each of which stays as it is, and `passing`, which may be others the next time."""
        recording, cloud = recording_of(world), cloud_of(world)
        passing = recording.passing(cloud)  # first: it may keep lines
        told: dict[str, Any] = {"kept": recording.lines[after:], "passing": passing}
        return Response(msgspec.json.encode(told), media_type="application/json")

    @router.delete("/worlds/{world}/recording", status_code=204)
    async def end_recording(world: str) -> None:
        recording_of(world).forget()
        del worlds.recordings[world]

    return router
