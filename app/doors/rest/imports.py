"""Accounts as they were captured, placed in a world; and credentials of a role, whoever it trusts.

    POST /api/v1/worlds/{world}/import        {"files": {name: text}}: the folder of `reseal world import`
    POST /api/v1/worlds/{world}/credentials   {"account", "role"}: keys of a session that asked no trust policy

An import is one commit: everything is placed, or nothing. The same again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.doors.rest.strict import Refusal, Refuses
from app.host import WORLD_NAME, Worlds
from app.kernel.call import Request
from app.kernel.clock import iso, milliseconds
from app.kernel.cloud import Cloud
from app.kernel.internal import RESEAL
from app.outside.capture import Mistakes, captured
from app.outside.capture_plan import Plan, planned
from app.outside.folder import FILES_MAX, Folder
from app.outside.reading import Unreadable

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./+=,@-]{0,299}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Captured(_Body):
    files: dict[Name, str] = Field(max_length=FILES_MAX, description="text by name, such as 111111111111/aliases.json")
    create: bool = Field(False, description="make the world where there is none; it is gone again if this is refused")


class Imported(BaseModel):
    world: str
    made: dict[str, int] = Field(description="how many of each kind")
    same: dict[str, int] = Field(description="that were there already, and equal")
    assumed: list[str] = Field(description="what the files do not tell, and how it was taken")
    left_out: list[str]
    unknown: list[str] = Field(description="what the capture was not allowed to read; explanations say so too")


class RoleNamed(_Body):
    account: str = Field(pattern=r"^\d{12}$")
    role: str = Field(pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$")
    session: str = Field("reseal", pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$")


class Credentials(BaseModel):
    access_key_id: str
    secret_access_key: str
    session_token: str
    arn: str
    expires: str = Field(description="by the world's clock")
    trust_policy: Literal["not asked"] = Field(
        description="the session was opened by reseal: sts:AssumeRole is the call that asks whom it trusts"
    )


ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"model": Refusal, "description": "There is no such world or role"},
    409: {"model": Refusal, "description": "The world holds something else under an id that the files tell of"},
}


def imports_router(worlds: Worlds) -> APIRouter:
    router = APIRouter(tags=["imports"], responses=ANSWERS)

    def cloud_of(world: str) -> Cloud:
        cloud = worlds.get(world) if WORLD_NAME.match(world) else None
        if cloud is None:
            raise Refuses(404, "NoSuchWorld", "there is no such world")
        return cloud

    @router.post("/worlds/{world}/import")
    async def import_accounts(world: str, body: Captured) -> Imported:
        """Place what the files tell, with the same ARNs and ids. Every mistake is told at file, line and column."""
        try:
            plan = await run_in_threadpool(lambda: planned(captured(Folder(body.files))))
        except Mistakes as wrong:
            places = list(map(place_of, wrong.mistakes))
            raise Refuses(422, "InvalidCapture", str(wrong)[:2000], mistakes=places) from None
        is_new = body.create and bool(WORLD_NAME.match(world)) and worlds.get(world) is None
        cloud = worlds.create(world) if is_new else cloud_of(world)
        reply = cloud.call(Request("reseal:Together", {"parts": plan.parts}, RESEAL, ""))
        if reply.error:
            if is_new:
                worlds.drop(world)
            raise Refuses(reply.error.status, reply.error.code, reply.error.message)
        return _told(world, plan, (reply.answer or {})["answers"])

    @router.post("/worlds/{world}/credentials")
    async def sign_in(world: str, body: RoleNamed) -> Credentials:
        """A session of a role, opened without its trust policy: to see what the role may do."""
        reply = cloud_of(world).call(Request("reseal:SignIn", body.model_dump(), RESEAL, ""))
        if reply.error:
            raise Refuses(reply.error.status, reply.error.code, reply.error.message)
        answer: Any = reply.answer
        keys = answer["Credentials"]
        return Credentials(
            access_key_id=keys["AccessKeyId"],
            secret_access_key=keys["SecretAccessKey"],
            session_token=keys["SessionToken"],
            arn=answer["AssumedRoleUser"]["Arn"],
            expires=iso(milliseconds(keys["Expiration"])),
            trust_policy="not asked",
        )

    return router


def place_of(mistake: Unreadable) -> dict[str, Any]:
    return {"file": mistake.file, "line": mistake.line, "column": mistake.column, "message": mistake.message}


def _told(world: str, plan: Plan, answers: list[dict[str, Any]]) -> Imported:
    placed = [one for answer in answers for one in answer.get("placed", ())]
    return Imported(
        world=world,
        made=_counts(noun for noun, _, is_new in placed if is_new),
        same=_counts(noun for noun, _, is_new in placed if not is_new),
        assumed=[*plan.assumed, *(text for answer in answers for text in answer.get("assumed", ()))],
        unknown=plan.unknown,
        left_out=[*plan.left_out, *(text for answer in answers for text in answer.get("left_out", ()))],
    )


def _counts(nouns: Any) -> dict[str, int]:
    return dict(sorted(Counter(nouns).items()))
