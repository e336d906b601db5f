"""Explorations over REST (`app.doors.rest.desk`): every order of a scenario's calls, with disturbances.

POST   /api/v1/explorations                        an order (`app/doors/rest/orders.py`), with `disturbances` and limits
GET    /api/v1/explorations                        a page of them, the newest first
GET    /api/v1/explorations/{exploration}/events   `start`, a `progress` a second, `end` or `stop`
GET    /api/v1/explorations/{exploration}/report   once it has ended
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from app.desk import Desk
from app.doors.rest.desk import After, Counter, Limit, OrderTold, Page, counter_router
from app.doors.rest.orders import ANSWERS, Followers, Id, Key, NewOrder
from app.doors.rest.strict import forms
from app.explorations import SECONDS_MAX, ExplorationOrder, report
from workflows.explore.search import STATES_MAX

REPORT_MEDIA = {"json": "application/json", "text": "text/plain; charset=utf-8"}

Disturbance = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class NewExploration(NewOrder):
    """A scenario that follows a workflow, by its text, or a bundle: every file that it names, by name."""

    disturbances: list[Disturbance] | None = Field(
        None,
        max_length=50,
        description="what may happen at any point: a ready one (`disable-key`), one of a step (`disable-key=STEP`), or "
        "the id of a step under `explore:`; without it what the scenario declares, and with [] nothing",
    )
    states_max: int = Field(STATES_MAX, ge=1, le=STATES_MAX, description="end the search at so many states")
    seconds_max: int = Field(SECONDS_MAX, ge=1, le=SECONDS_MAX, description="end the search after so long")

    def order(self) -> ExplorationOrder:
        return ExplorationOrder(
            **self.bundle(), disturbances=self.disturbances, states=self.states_max, seconds=self.seconds_max
        )


class ExplorationTold(OrderTold):
    exploration: str
    states: int = Field(description="that were found so far")
    ends: int = Field(description="that can happen")
    surprises: int = Field(description="ends that nobody declared")
    cut: str = Field(description="the limit that ended the search; empty where it was exhaustive")


class ExplorationsTold(Page):
    explorations: list[ExplorationTold]


ReportForm = Literal["json", "text"]


def explorations_router(desk: Desk[ExplorationOrder, Any], followers: Followers) -> APIRouter:
    router = APIRouter(tags=["explorations"], responses=ANSWERS)
    counter = Counter(desk, ExplorationTold, followers)

    @router.post("/explorations", status_code=201, responses=counter.begun_before)
    async def start_exploration(body: NewExploration, response: Response, idempotency_key: Key = "") -> ExplorationTold:
        """Begin to search; a scenario that is not valid, or can not be explored, is refused with the reason."""
        return await counter.begin(body.order(), idempotency_key, response)

    @router.get("/explorations")
    async def list_explorations(limit: Limit = 100, after: After = "") -> ExplorationsTold:
        """The newest first."""
        explorations, more = await counter.page(limit, after)
        return ExplorationsTold(explorations=explorations, after=more)

    @router.get("/explorations/{id}/report", responses=forms(*REPORT_MEDIA.values()))
    async def fetch_exploration_report(id: Id, format: ReportForm = "json") -> Response:
        """What `reseal explore` prints, with `--json` or as text."""
        found = await counter.reported(id, report)
        return Response(found[format].rstrip("\n") + "\n", media_type=REPORT_MEDIA[format])

    router.include_router(counter_router(counter))
    return router
