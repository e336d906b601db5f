"""LookupEvents: the event history of one account in one Region, read from the world's log.

Management events of 90 days, newest first (ebs.md 3.4). A token names the last event of the page before and the request
that it belongs to, so that a token can not continue another question.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.clock import DAY_MS, milliseconds, whole_second
from app.kernel.draft import Draft
from app.kernel.log import EventEntry
from app.kernel.operation import Answer, operation
from app.services.cloudtrail import errors

HISTORY_DAYS: Final = 90
PAGE: Final = 50

# What each attribute compares. Values are whole and case-sensitive.
ATTRIBUTES: Final[Mapping[str, Callable[[EventEntry, str], bool]]] = {
    "EventId": lambda event, value: event.event_id == value,
    "EventName": lambda event, value: event.name == value,
    "ReadOnly": lambda event, value: str(event.read_only).lower() == value.lower(),
    "Username": lambda event, value: event.username == value,
    "ResourceType": lambda event, value: any(type == value for type, _ in event.resources),
    "ResourceName": lambda event, value: any(name == value for _, name in event.resources),
    "EventSource": lambda event, value: event.source == value,
    "AccessKeyId": lambda event, value: event.access_key_id == value,
}


def attributes_are_valid(draft: Draft, call: Call) -> None:
    """One attribute at most; ReadOnly is true or false."""
    attributes = call["LookupAttributes"] or ()
    if len(attributes) > 1:
        errors.BAD_ATTRIBUTES.refuse()
    for one in attributes:
        if one["AttributeKey"] == "ReadOnly" and one["AttributeValue"].lower() not in ("true", "false"):
            errors.BAD_VALUE.refuse(key="ReadOnly", value=one["AttributeValue"])


def range_is_valid(draft: Draft, call: Call) -> None:
    if call["StartTime"] and call["EndTime"] and call["StartTime"] > call["EndTime"]:
        errors.BAD_RANGE.refuse()


def maximum_is_valid(draft: Draft, call: Call) -> None:
    if call["MaxResults"] is not None and not 1 <= call["MaxResults"] <= PAGE:
        errors.BAD_MAXIMUM.refuse()


@operation(
    "cloudtrail",
    "LookupEvents",
    honours={"LookupAttributes", "StartTime", "EndTime", "MaxResults", "NextToken", "EventCategory"},
    checks=(AUTHORIZE(("cloudtrail:LookupEvents", anything)), attributes_are_valid, range_is_valid, maximum_is_valid),
    answers=(
        errors.BAD_ATTRIBUTES,
        errors.BAD_VALUE,
        errors.BAD_RANGE,
        errors.BAD_MAXIMUM,
        errors.BAD_TOKEN,
    ),
    reads=True,
)
def lookup_events(draft: Draft, call: Call) -> Answer:
    """A page of events, newest first. Data events are not kept here, and there are no Insights events."""
    after = _read_token(call)
    if call["EventCategory"] == "insight":
        return {"Events": []}
    limit = call["MaxResults"] or PAGE
    got = list(islice(_after(_wanted(draft, call), after), limit + 1))
    answer: dict[str, Any] = {"Events": [_shown(event) for event in got[:limit]]}
    return answer | ({"NextToken": _token(call, got[limit - 1].event_id)} if len(got) > limit else {})


def _wanted(draft: Draft, call: Call) -> Iterator[EventEntry]:
    since = max(call.at_ms - HISTORY_DAYS * DAY_MS, _ms(call["StartTime"], 0))
    until = _ms(call["EndTime"], call.at_ms) + 999  # a second as a whole, as dates are written
    attribute = next(iter(call["LookupAttributes"] or ()), None)
    for event in draft.world.log.events(call.account, call.region, since):
        fits = attribute is None or ATTRIBUTES[attribute["AttributeKey"]](event, attribute["AttributeValue"])
        if event.management and event.at_ms <= until and fits:
            yield event


def _ms(at: datetime | None, otherwise: int) -> int:
    return milliseconds(at) if at else otherwise


def _shown(event: EventEntry) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "EventId": event.event_id,
        "EventName": event.name,
        "ReadOnly": str(event.read_only).lower(),
        "EventTime": whole_second(event.at_ms),
        "EventSource": event.source,
        "Resources": [{"ResourceType": type, "ResourceName": name} for type, name in event.resources],
        "CloudTrailEvent": event.body,
    }
    shown |= {"AccessKeyId": event.access_key_id} if event.access_key_id else {}
    return shown | ({"Username": event.username} if event.username else {})


# tokens


def _question(call: Call) -> str:
    """What a token belongs to: all of the request but the page."""
    asked = {name: value for name, value in call.parameters.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _token(call: Call, event_id: str) -> str:
    return base64.urlsafe_b64encode(f"{_question(call)}/{event_id}".encode()).decode()


def _read_token(call: Call) -> str:
    """Id of the last event of the page before; "" for the first page."""
    if not call["NextToken"]:
        return ""
    try:
        text = base64.b64decode(call["NextToken"], altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return errors.BAD_TOKEN.refuse()
    question, _, event_id = text.partition("/")
    return event_id if question == _question(call) and event_id else errors.BAD_TOKEN.refuse()


def _after(events: Iterator[EventEntry], last: str) -> Iterator[EventEntry]:
    """What comes after the event named; events that came in meanwhile are newer, and so are skipped."""
    if last:
        for event in events:
            if event.event_id == last:
                break
    return events
