"""LookupEvents: what is found, in which order, page by page, and what is refused (ebs.md 3.4)."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from iam.lab import EVERYTHING, SOURCE, TARGET, Lab, allow

from app.kernel.clock import DAY_MS, moment


def lookup(lab: Lab, account: str = SOURCE, **asked: Any) -> list[dict[str, Any]]:
    return list(lab.call(account, "cloudtrail:LookupEvents", **asked)["Events"])


def by(key: str, value: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


@pytest.fixture
def history(lab: Lab) -> Lab:
    """Alice looks round; somebody else does so in another account."""
    alice = lab.user(SOURCE, "alice", EVERYTHING)
    lab.call(alice, "iam:GetUser", UserName="alice")
    lab.refused(alice, "iam:GetUser", UserName="bob")
    lab.user(TARGET, "mallory", EVERYTHING)
    return lab


@pytest.mark.row("3.4/order")
def test_events_are_the_accounts_own_and_come_newest_first(history: Lab) -> None:
    names = [event["EventName"] for event in lookup(history)]
    assert names == ["GetUser", "GetUser", "CreateAccessKey", "PutUserPolicy", "CreateUser"]


@pytest.mark.row("3.4/item")
def test_an_item_shows_the_record_and_its_main_members(history: Lab) -> None:
    event = lookup(history, **by("EventName", "CreateUser"))[0]
    record = json.loads(event["CloudTrailEvent"])
    assert (event["EventId"], event["EventSource"], event["ReadOnly"]) == (
        record["eventID"],
        "iam.amazonaws.com",
        "false",
    )
    assert event["Username"] == "root"
    assert {"ResourceType": "AWS::IAM::User", "ResourceName": "alice"} in event["Resources"]
    assert record["requestParameters"] == {"userName": "alice"}
    assert record["responseElements"]["user"]["createDate"] == "Jan 1, 2026, 12:00:00 AM"


def test_failed_calls_are_there_with_their_error(history: Lab) -> None:
    record = json.loads(lookup(history, **by("EventName", "GetUser"))[0]["CloudTrailEvent"])
    assert record["errorCode"] == "NoSuchEntityException"
    assert record["errorMessage"] == "The user with name bob cannot be found."
    assert record["responseElements"] is None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("EventName", "GetUser", 2),
        ("EventName", "getuser", 0),
        ("ReadOnly", "true", 2),
        ("ReadOnly", "false", 3),
        ("Username", "alice", 2),
        ("Username", "root", 3),
        ("EventSource", "iam.amazonaws.com", 5),
        ("ResourceType", "AWS::IAM::AccessKey", 1),
        ("ResourceName", f"arn:aws:iam::{SOURCE}:user/alice", 4),
    ],
)
@pytest.mark.row("3.4/attribute")
def test_one_attribute_selects(history: Lab, key: str, value: str, expected: int) -> None:
    assert len(lookup(history, **by(key, value))) == expected


def test_an_event_is_found_by_its_id_and_by_its_callers_key(history: Lab) -> None:
    first = lookup(history)[0]
    assert [event["EventId"] for event in lookup(history, **by("EventId", first["EventId"]))] == [first["EventId"]]
    assert len(lookup(history, **by("AccessKeyId", first["AccessKeyId"]))) == 2


@pytest.mark.row("3.4/pages")
def test_pages_join_to_the_whole_although_lookups_are_events_themselves(history: Lab) -> None:
    whole = [event["EventId"] for event in lookup(history)]
    seen: list[str] = []
    asked: dict[str, Any] = {"MaxResults": 2, "EndTime": moment(history.cloud.now_ms())}
    while True:
        answer = history.call(SOURCE, "cloudtrail:LookupEvents", **asked)
        seen += [event["EventId"] for event in answer["Events"]]
        if "NextToken" not in answer:
            break
        asked["NextToken"] = answer["NextToken"]
    assert [one for one in seen if one in whole] == whole
    assert len(seen) == len(set(seen))


def test_a_token_continues_its_own_question_only(history: Lab) -> None:
    token = history.call(SOURCE, "cloudtrail:LookupEvents", MaxResults=1)["NextToken"]
    other = by("EventName", "GetUser") | {"NextToken": token}
    for asked in (other, {"NextToken": "?"}):
        assert history.refused(SOURCE, "cloudtrail:LookupEvents", **asked)[0] == "InvalidNextTokenException"


def test_a_time_range_selects_and_must_run_forwards(history: Lab) -> None:
    before = moment(history.cloud.now_ms())
    history.cloud.advance(60_000)
    history.call(SOURCE, "iam:ListUsers")
    late = lookup(history, StartTime=before + datetime.timedelta(seconds=30))
    assert [event["EventName"] for event in late] == ["ListUsers"]
    assert len(lookup(history, EndTime=before)) == 5
    turned = {"StartTime": before, "EndTime": before - datetime.timedelta(hours=1)}
    assert history.refused(SOURCE, "cloudtrail:LookupEvents", **turned)[0] == "InvalidTimeRangeException"


@pytest.mark.row("3.4/days")
def test_history_reaches_back_ninety_days(history: Lab) -> None:
    history.cloud.advance(91 * DAY_MS)
    assert lookup(history) == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (
            {"LookupAttributes": 2 * [{"AttributeKey": "EventName", "AttributeValue": "x"}]},
            "InvalidLookupAttributesException",
        ),
        (by("ReadOnly", "maybe"), "InvalidLookupAttributesException"),
        (by("Colour", "blue"), "ValidationException"),
    ],
)
@pytest.mark.row("3.4/errors")
def test_a_wrong_question_is_refused(lab: Lab, asked: dict[str, Any], code: str) -> None:
    assert lab.refused(SOURCE, "cloudtrail:LookupEvents", **asked)[0] == code


def test_insights_are_asked_for_and_there_are_none(lab: Lab) -> None:
    assert lookup(lab, EventCategory="insight") == []


def test_looking_up_needs_permission(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", allow("iam:*"))
    assert lab.refused(alice, "cloudtrail:LookupEvents") == (
        "AccessDeniedException",
        f"User: {alice.arn} is not authorized to perform: cloudtrail:LookupEvents because no identity-based policy "
        "allows the cloudtrail:LookupEvents action",
    )
    assert lab.event(SOURCE, "LookupEvents")["errorCode"] == "AccessDenied"


def test_there_are_no_trails(lab: Lab) -> None:
    assert lab.call(SOURCE, "cloudtrail:DescribeTrails") == {"trailList": []}
    assert lab.refused(SOURCE, "cloudtrail:GetTrail", Name="x")[1].startswith("reseal does not simulate")
