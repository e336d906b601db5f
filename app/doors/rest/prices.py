"""GET /api/v1/worlds/{world}/prices: what the keys and calls of a world would cost at AWS in a month, by account."""

from __future__ import annotations

from typing import Literal

import msgspec
from fastapi import APIRouter, HTTPException, Response

from app.host import WORLD_NAME, Worlds


def prices_router(worlds: Worlds) -> APIRouter:
    router = APIRouter(tags=["worlds"])

    @router.get("/worlds/{world}/prices")
    async def prices(world: str, month: str = "", format: Literal["json", "text"] = "json") -> Response:
        """KMS's part of the bill, from the records and the log; `month` is named like 2026-01, else the clock's."""
        from app.services.kms.prices import bill, month_of, to_json, to_text

        cloud = worlds.get(world) if WORLD_NAME.match(world) else None
        if cloud is None:
            raise HTTPException(404, "there is no such world")
        try:
            found = bill(cloud.world, month_of(cloud.now_ms(), month))
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        if format == "text":
            return Response(to_text(found), media_type="text/plain; charset=utf-8")
        return Response(msgspec.json.encode(to_json(found)), media_type="application/json")

    return router
