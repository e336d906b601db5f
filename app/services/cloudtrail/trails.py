"""Trails: reseal keeps the event history of every account and delivers it nowhere, so there are none."""

from __future__ import annotations

from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation

_NONE = "there are no trails to choose from"


@operation(
    "cloudtrail",
    "DescribeTrails",
    inert={"trailNameList": _NONE, "includeShadowTrails": _NONE},
    checks=(AUTHORIZE(("cloudtrail:DescribeTrails", anything)),),
    reads=True,
)
def describe_trails(draft: Draft, call: Call) -> Answer:
    return {"trailList": []}


@operation(
    "cloudtrail",
    "ListTrails",
    inert={"NextToken": _NONE},
    checks=(AUTHORIZE(("cloudtrail:ListTrails", anything)),),
    reads=True,
)
def list_trails(draft: Draft, call: Call) -> Answer:
    return {"Trails": []}
