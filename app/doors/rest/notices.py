"""The notices of a world: events as EventBridge gets them, which AWS delivers once and never shows again."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
from fastapi import APIRouter, HTTPException, Query

from app.host import WORLD_NAME, Worlds

NOTICES_MAX = 1000


def notices_router(worlds: Worlds) -> APIRouter:
    router = APIRouter(tags=["worlds"])

    @router.get("/worlds/{world}/notices")
    async def notices(
        world: str,
        account: str = Query(pattern=r"^\d{12}$"),
        region: str = "us-east-1",
        about: str = Query(default="", description="only those that name this id or ARN"),
        limit: int = Query(default=200, ge=1, le=NOTICES_MAX),
    ) -> dict[str, Any]:
        """Events of one account and Region, newest first, each in EventBridge's own shape."""
        cloud = worlds.get(world) if WORLD_NAME.match(world) else None
        if cloud is None:
            raise HTTPException(404, "there is no such world")
        every = cloud.world.log.notices(account, region)
        wanted = (entry for entry in every if about in ("", *entry.resources))
        return {"notices": [msgspec.json.decode(entry.body) for entry in islice(wanted, limit)]}

    return router
